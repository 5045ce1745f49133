#include "cedar/schema/schema.h"

#include "cedar/schema/resolve.h"
#include "cedar/schema/write.h"

#define SCHEMA_BYTES_MAX ((size_t)1 << 30)

uint32_t schema_entity_find(const struct cedar_schema *schema, struct slice name)
{
    struct cedar_uid key = {name, SLICE_EMPTY};
    return uid_table_find(&schema->entity_numbers, &key);
}

uint32_t schema_action_find(const struct cedar_schema *schema, const struct cedar_uid *uid)
{
    return uid_table_find(&schema->action_numbers, uid);
}

bool schema_set_has(const struct schema_set *set, uint32_t number)
{
    size_t low = 0;
    size_t high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->items[middle] < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < set->count && set->items[low] == number;
}

bool schema_entity_has_id(const struct schema_entity_type *type, struct slice id)
{
    size_t low = 0;
    size_t high = type->id_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slice_compare(type->ids[middle], id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return type->ids == NULL || (low < type->id_count && slice_eq(type->ids[low], id));
}

enum status schema_read(const struct cedar_source *source, enum cedar_form form,
                        struct arena *arena, struct schema_source *out,
                        struct cedar_diagnostics *diagnostics)
{
    struct cedar_source copy;
    TRY(arena_copy(arena, source->name, &copy.name));
    TRY(arena_copy(arena, source->text, &copy.text));
    return form == CEDAR_FORM_JSON ? schema_read_json(&copy, arena, out, diagnostics)
                                   : schema_read_text(&copy, arena, out, diagnostics);
}

/* What is declared twice is told even when something else is wrong with a source. */
static enum status collect_errors(struct cedar_schema *schema, const struct schema_source *read,
                                  size_t count, struct cedar_diagnostics *diagnostics)
{
    struct schema_names_table table;
    enum status status =
        schema_names_collect(read, count, &schema->arena, &table, diagnostics, NULL);
    TRY(status == STATUS_LIMIT ? status : STATUS_OK);
    (void)!schema_names_check_shadows(&table, diagnostics);
    return STATUS_INVALID;
}

/* All sources are read, so that all errors are told, before any name is resolved. */
static enum status build(struct cedar_schema *schema, const struct cedar_schema_source *sources,
                         size_t count, struct cedar_diagnostics *diagnostics,
                         struct cedar_diagnostics *warnings)
{
    struct schema_source *read = arena_alloc_zero(&schema->arena, count, sizeof(*read));
    bool is_good = true;
    if (read == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        enum status status =
            schema_read(&sources[i].source, sources[i].form, &schema->arena, &read[i], diagnostics);
        TRY(status == STATUS_LIMIT ? status : STATUS_OK);
        is_good = is_good && status == STATUS_OK;
    }
    return is_good ? schema_resolve(read, count, schema, diagnostics, warnings)
                   : collect_errors(schema, read, count, diagnostics);
}

enum status cedar_schema_parse(const struct cedar_schema_source *sources, size_t count,
                               struct cedar_schema **out, struct cedar_diagnostics *diagnostics,
                               struct cedar_diagnostics *warnings)
{
    struct cedar_schema *schema = base_alloc(sizeof(*schema));
    diagnostics->count = 0;
    diagnostics->is_cut = false;
    if (warnings != NULL) {
        warnings->count = 0;
        warnings->is_cut = false;
    }
    if (schema == NULL) {
        return STATUS_LIMIT;
    }
    *schema = (struct cedar_schema){0};
    arena_init(&schema->arena, SCHEMA_BYTES_MAX, NULL);
    enum status status = build(schema, sources, count, diagnostics, warnings);
    if (status != STATUS_OK) {
        cedar_schema_free(schema);
        return status;
    }
    *out = schema;
    return STATUS_OK;
}

void cedar_schema_free(struct cedar_schema *schema)
{
    if (schema != NULL) {
        arena_release(&schema->arena);
        base_free(schema);
    }
}

static enum status translate(const struct cedar_schema_source *source,
                             enum cedar_schema_style style, struct cedar_schema *schema,
                             struct buf *out, struct cedar_diagnostics *diagnostics)
{
    struct schema_source read;
    struct schema_names_table table;
    bool is_resolved = style == CEDAR_SCHEMA_JSON_RESOLVED;
    TRY(schema_read(&source->source, source->form, &schema->arena, &read, diagnostics));
    TRY(is_resolved ? schema_resolve(&read, 1, schema, diagnostics, NULL) : STATUS_OK);
    TRY(schema_names_collect(&read, 1, &schema->arena, &table, diagnostics, NULL));
    return style == CEDAR_SCHEMA_TEXT
               ? schema_write_text(&read, &schema->arena, out, diagnostics)
               : schema_write_json(&read, is_resolved ? &table : NULL, &schema->arena, out);
}

enum status cedar_schema_translate(const struct cedar_schema_source *source,
                                   enum cedar_schema_style style, struct buf *out,
                                   struct cedar_diagnostics *diagnostics)
{
    struct cedar_schema schema = {0};
    diagnostics->count = 0;
    diagnostics->is_cut = false;
    arena_init(&schema.arena, SCHEMA_BYTES_MAX, NULL);
    enum status status = translate(source, style, &schema, out, diagnostics);
    arena_release(&schema.arena);
    return status;
}
