#include "cedar/schema/write.h"

#include <stdlib.h>

/* Pointers to the elements of an array, by the name that starts each element. All structures that
 * are sorted here begin with their name. */
static int compare_by_name(const void *left, const void *right)
{
    const struct slice *a = *(const struct slice *const *)left;
    const struct slice *b = *(const struct slice *const *)right;
    return slice_compare(*a, *b);
}

static enum status sort(const void *items, size_t count, size_t size, struct arena *arena,
                        const void ***out)
{
    const void **pointers = arena_alloc_zero(arena, count, sizeof(*pointers));
    if (pointers == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        pointers[i] = (const char *)items + i * size;
    }
    if (count > 0) {
        qsort(pointers, count, sizeof(*pointers), compare_by_name);
    }
    *out = pointers;
    return STATUS_OK;
}

enum status schema_sort(const struct schema_namespace *namespace, struct arena *arena,
                        struct schema_sorted *out)
{
    const void **commons = NULL;
    const void **entities = NULL;
    const void **actions = NULL;
    TRY(sort(namespace->commons, namespace->common_count, sizeof(struct schema_common), arena,
             &commons));
    TRY(sort(namespace->entities, namespace->entity_count, sizeof(struct schema_entity), arena,
             &entities));
    TRY(sort(namespace->actions, namespace->action_count, sizeof(struct schema_action), arena,
             &actions));
    *out = (struct schema_sorted){(const struct schema_common **)commons,
                                  (const struct schema_entity **)entities,
                                  (const struct schema_action **)actions};
    return STATUS_OK;
}

enum status schema_sort_namespaces(const struct schema_source *source, struct arena *arena,
                                   const struct schema_namespace ***out)
{
    return sort(source->namespaces, source->namespace_count, sizeof(struct schema_namespace), arena,
                (const void ***)out);
}

enum status schema_sort_attributes(const struct schema_type_syntax *record, struct arena *arena,
                                   const struct schema_attribute ***out)
{
    return sort(record->attributes, record->attribute_count, sizeof(struct schema_attribute), arena,
                (const void ***)out);
}

enum status schema_sort_annotations(const struct schema_annotations *annotations,
                                    struct arena *arena, const struct schema_annotation ***out)
{
    return sort(annotations->items, annotations->count, sizeof(struct schema_annotation), arena,
                (const void ***)out);
}
