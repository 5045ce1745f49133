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

/* The last part of a name apart from the namespace before it, "::" included. */
static struct slice split_last(struct slice name, struct slice *before)
{
    size_t at = name.len;
    while (at > 0 && name.ptr[at - 1] != ':') {
        at--;
    }
    *before = slice_sub(name, 0, at);
    return slice_sub(name, at, name.len);
}

/* In the order of their parts, so that ':' counts as less than any letter. */
static int compare_parts(struct slice a, struct slice b)
{
    size_t at = 0;
    while (at < a.len && at < b.len && a.ptr[at] == b.ptr[at]) {
        at++;
    }
    bool a_ends = at < a.len && a.ptr[at] == ':';
    bool b_ends = at < b.len && b.ptr[at] == ':';
    return a_ends == b_ends ? slice_compare(a, b) : (int)b_ends - (int)a_ends;
}

/* By their last part, then by the ones before it, as the official engine has it. */
static int compare_namespaces(const void *left, const void *right)
{
    struct slice before[2];
    const struct slice *a = *(const struct slice *const *)left;
    const struct slice *b = *(const struct slice *const *)right;
    int order = slice_compare(split_last(*a, &before[0]), split_last(*b, &before[1]));
    return order != 0 ? order : compare_parts(before[0], before[1]);
}

static enum status sort(const void *items, size_t count, size_t size, struct arena *arena,
                        int (*compare)(const void *, const void *), const void ***out)
{
    const void **pointers = arena_alloc_zero(arena, count, sizeof(*pointers));
    if (pointers == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        pointers[i] = (const char *)items + i * size;
    }
    if (count > 0) {
        qsort(pointers, count, sizeof(*pointers), compare);
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
             compare_by_name, &commons));
    TRY(sort(namespace->entities, namespace->entity_count, sizeof(struct schema_entity), arena,
             compare_by_name, &entities));
    TRY(sort(namespace->actions, namespace->action_count, sizeof(struct schema_action), arena,
             compare_by_name, &actions));
    *out = (struct schema_sorted){(const struct schema_common **)commons,
                                  (const struct schema_entity **)entities,
                                  (const struct schema_action **)actions};
    return STATUS_OK;
}

enum status schema_sort_namespaces(const struct schema_source *source, struct arena *arena,
                                   const struct schema_namespace ***out)
{
    return sort(source->namespaces, source->namespace_count, sizeof(struct schema_namespace), arena,
                compare_namespaces, (const void ***)out);
}

enum status schema_sort_attributes(const struct schema_type_syntax *record, struct arena *arena,
                                   const struct schema_attribute ***out)
{
    return sort(record->attributes, record->attribute_count, sizeof(struct schema_attribute), arena,
                compare_by_name, (const void ***)out);
}

enum status schema_sort_annotations(const struct schema_annotations *annotations,
                                    struct arena *arena, const struct schema_annotation ***out)
{
    return sort(annotations->items, annotations->count, sizeof(struct schema_annotation), arena,
                compare_by_name, (const void ***)out);
}
