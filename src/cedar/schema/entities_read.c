/* Entities from JSON (reference, 12.3), with the actions of a schema when there is one. */
#include "cedar/schema/conformance.h"
#include "cedar/schema/value_read.h"
#include "cedar/syntax/report.h"
#include "cedar/value/value.h"

/* One entity as it was read. */
struct read_entity {
    struct cedar_uid uid;
    struct cedar_entity_data data;
    struct cedar_uid *parents;
    size_t parent_count;
    bool has_parents; /* they are given */
};

struct entities_reading {
    struct json_reader reader;
    const struct cedar_schema *schema; /* NULL: nothing is known */
    struct cedar_entity_store *store;
    bool is_partial;          /* what is not given is not known */
    bool has_unknowns;        /* values may be unknown by name */
    struct uid_table numbers; /* of the entities read so far */
    struct read_entity *items;
    size_t count;
};

static enum status report_mismatch(struct json_reader *r, json_ref ref, const struct cedar_uid *uid,
                                   const struct mismatch *mismatch)
{
    return report_at(r->diagnostics, r->source, json_reader_range(r, ref), "%s%s%.*s::\"%.*s\" %s",
                     mismatch->path, mismatch->path[0] == '\0' ? "" : " of ", SLICE_ARG(uid->type),
                     SLICE_ARG(uid->id), mismatch->what);
}

/* -- one entity ---------------------------------------------------------------------------- */

static enum status read_parents(struct json_reader *r, json_ref ref, struct read_entity *entity)
{
    void *memory = NULL;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    TRY(json_reader_expect(r, ref, JSON_ARRAY));
    TRY(json_reader_items(r, ref, sizeof(struct cedar_uid), &memory));
    entity->parents = memory;
    entity->has_parents = true;
    json_iter_init(&iter, &r->tape, ref);
    while (json_iter_next(&iter, &key, &value)) {
        TRY(value_read_uid(r, value, &entity->parents[entity->parent_count++]));
    }
    return STATUS_OK;
}

static const struct schema_entity_type *type_of(const struct entities_reading *e,
                                                const struct cedar_uid *uid)
{
    uint32_t number = e->schema == NULL ? SCHEMA_NONE : schema_entity_find(e->schema, uid->type);
    return number == SCHEMA_NONE ? NULL : &e->schema->entities[number];
}

static enum status read_parts(struct entities_reading *e, json_ref ref, struct read_entity *entity)
{
    struct json_reader *r = &e->reader;
    json_ref uid = JSON_NONE;
    json_ref attributes = JSON_NONE;
    json_ref parents = JSON_NONE;
    json_ref tags = JSON_NONE;
    bool is_whole = !e->is_partial;
    const struct json_reader_member table[] = {{SLICE("uid"), true, &uid},
                                               {SLICE("attrs"), is_whole, &attributes},
                                               {SLICE("parents"), is_whole, &parents},
                                               {SLICE("tags"), false, &tags}};
    TRY(json_reader_members(r, ref, table, COUNT_OF(table), true));
    TRY(value_read_uid(r, uid, &entity->uid));
    const struct schema_entity_type *type = type_of(e, &entity->uid);
    if (e->is_partial) {
        entity->data.attributes.kind = CEDAR_UNKNOWN;
        entity->data.tags.kind = CEDAR_UNKNOWN;
    }
    if (attributes != JSON_NONE) {
        TRY(json_reader_expect(r, attributes, JSON_OBJECT));
        TRY(value_read_record(r, attributes, type == NULL ? NULL : type->shape,
                              &entity->data.attributes));
    }
    if (parents != JSON_NONE) {
        TRY(read_parents(r, parents, entity));
    }
    if (tags == JSON_NONE) {
        return STATUS_OK;
    }
    TRY(json_reader_expect(r, tags, JSON_OBJECT));
    return value_read_tags(r, tags, type == NULL ? NULL : type->tags, &entity->data.tags);
}

static bool is_action(const struct cedar_uid *uid)
{
    return slice_eq(uid->type, SLICE("Action")) || slice_ends_with(uid->type, SLICE("::Action"));
}

/* Without a schema one rule is left: what holds an action is an action. */
static enum status check(struct entities_reading *e, json_ref ref, const struct read_entity *entity)
{
    struct conformance c = {
        .schema = e->schema, .arena = e->reader.arena, .allows_unknown = e->has_unknowns};
    if (e->schema != NULL) {
        return conformance_check_entity(&c, &entity->uid, &entity->data, entity->parents,
                                        entity->parent_count)
                   ? STATUS_OK
                   : report_mismatch(&e->reader, ref, &entity->uid, &c.mismatch);
    }
    for (size_t i = 0; is_action(&entity->uid) && i < entity->parent_count; i++) {
        if (!is_action(&entity->parents[i])) {
            return json_reader_fail(&e->reader, ref, "an action can be in actions only");
        }
    }
    return STATUS_OK;
}

/* -- all of them --------------------------------------------------------------------------- */

static bool same_value(struct entities_reading *e, const struct cedar_value *a,
                       const struct cedar_value *b)
{
    struct value_work work = {e->reader.arena, CEDAR_STEPS_MAX};
    bool is_empty_a = a->kind != CEDAR_RECORD || value_count(a) == 0;
    bool is_empty_b = b->kind != CEDAR_RECORD || value_count(b) == 0;
    return is_empty_a || is_empty_b ? is_empty_a == is_empty_b
                                    : value_equal(a, b, &work, 0) == VALUE_TRUE;
}

static bool has_parents_of(const struct read_entity *a, const struct read_entity *b)
{
    for (size_t i = 0; i < b->parent_count; i++) {
        bool is_found = false;
        for (size_t k = 0; !is_found && k < a->parent_count; k++) {
            is_found = uid_eq(&a->parents[k], &b->parents[i]);
        }
        if (!is_found) {
            return false;
        }
    }
    return true;
}

/* The same entity may be given twice when nothing differs. */
static enum status add(struct entities_reading *e, json_ref ref, const struct read_entity *entity)
{
    uint32_t number = uid_table_find(&e->numbers, &entity->uid);
    if (number == UID_TABLE_NONE) {
        number = (uint32_t)e->count++;
        e->items[number] = *entity;
        return uid_table_add(&e->numbers, &entity->uid, number);
    }
    const struct read_entity *other = &e->items[number];
    bool is_same = same_value(e, &entity->data.attributes, &other->data.attributes) &&
                   same_value(e, &entity->data.tags, &other->data.tags) &&
                   has_parents_of(entity, other) && has_parents_of(other, entity);
    return is_same ? STATUS_OK
                   : json_reader_fail(&e->reader, ref,
                                      "this entity is given before, with other contents");
}

static enum status read_each(struct entities_reading *e)
{
    struct json_reader *r = &e->reader;
    void *memory = NULL;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    TRY(json_reader_expect(r, 0, JSON_ARRAY));
    TRY(json_reader_items(r, 0, sizeof(struct read_entity), &memory));
    e->items = memory;
    json_iter_init(&iter, &r->tape, 0);
    while (json_iter_next(&iter, &key, &value)) {
        struct read_entity entity = {0};
        enum status status = read_parts(e, value, &entity);
        if (status == STATUS_OK) {
            status = check(e, value, &entity);
        }
        if (status == STATUS_OK) {
            status = add(e, value, &entity);
        }
        TRY(status == STATUS_LIMIT ? status : STATUS_OK);
    }
    return STATUS_OK;
}

static enum status store_entities(struct entities_reading *e)
{
    for (size_t i = 0; i < e->count; i++) {
        const struct read_entity *entity = &e->items[i];
        const struct schema_entity_type *type = type_of(e, &entity->uid);
        if (type != NULL && type->is_action) {
            continue; /* the schema's own are added below */
        }
        TRY(cedar_entity_store_add(e->store, &entity->uid, &entity->data, entity->parents,
                                   entity->parent_count));
    }
    return e->schema == NULL ? STATUS_OK
                             : cedar_schema_add_actions(e->schema, e->reader.arena, e->store);
}

static enum status read_source(struct entities_reading *e, const struct cedar_source *source,
                               struct arena *arena, struct cedar_diagnostics *diagnostics)
{
    diagnostics->count = 0;
    diagnostics->is_cut = false;
    TRY(json_reader_init(&e->reader, source, arena, diagnostics));
    e->reader.allows_unknown = e->has_unknowns;
    enum status status = read_each(e);
    TRY(status == STATUS_LIMIT || diagnostics->count == 0 ? status : STATUS_INVALID);
    return store_entities(e);
}

enum status cedar_entities_read(const struct cedar_source *source,
                                const struct cedar_schema *schema, struct arena *arena,
                                struct cedar_entity_store *store,
                                struct cedar_diagnostics *diagnostics)
{
    struct entities_reading e = {.schema = schema, .store = store, .numbers.arena = arena};
    return read_source(&e, source, arena, diagnostics);
}

enum status cedar_untyped_entities_read(const struct cedar_source *source,
                                        const struct cedar_schema *schema, struct arena *arena,
                                        struct cedar_entity_store *store,
                                        struct cedar_diagnostics *diagnostics)
{
    struct entities_reading e = {
        .schema = schema, .store = store, .has_unknowns = true, .numbers.arena = arena};
    return read_source(&e, source, arena, diagnostics);
}

/* -- known in part ------------------------------------------------------------------------- */

/* All ancestors are known when all of them say what they are in. */
static bool has_all_ancestors(const struct entities_reading *e, const struct read_entity *entity,
                              const struct cedar_entity_data *closed)
{
    bool has_all = entity->has_parents;
    for (size_t i = 0; has_all && i < closed->ancestor_count; i++) {
        uint32_t number = uid_table_find(&e->numbers, &closed->ancestors[i]);
        has_all = number != UID_TABLE_NONE && e->items[number].has_parents;
    }
    return has_all;
}

static enum status list_partial(const struct entities_reading *e, struct arena *arena,
                                const struct cedar_partial_entity **out)
{
    struct cedar_entities closed = cedar_entity_store_view(e->store);
    struct cedar_partial_entity *items = arena_alloc_zero(arena, e->count, sizeof(*items));
    if (items == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < e->count; i++) {
        const struct read_entity *entity = &e->items[i];
        struct cedar_partial_entity *item = &items[i];
        item->uid = entity->uid;
        (void)closed.find(closed.context, &entity->uid, &item->data);
        item->has_ancestors = has_all_ancestors(e, entity, &item->data);
    }
    *out = items;
    return STATUS_OK;
}

enum status cedar_partial_entities_read(const struct cedar_source *source,
                                        const struct cedar_schema *schema, struct arena *arena,
                                        const struct cedar_partial_entity **out, size_t *count,
                                        struct cedar_diagnostics *diagnostics)
{
    struct entities_reading e = {.schema = schema, .is_partial = true, .numbers.arena = arena};
    TRY(cedar_entity_store_new(arena, &e.store));
    TRY(read_source(&e, source, arena, diagnostics));
    enum status status = cedar_entity_store_close(e.store);
    if (status == STATUS_INVALID) {
        return json_reader_fail(&e.reader, 0, "an entity is its own ancestor");
    }
    TRY(status);
    TRY(list_partial(&e, arena, out));
    *count = e.count;
    return STATUS_OK;
}

static enum status read_context(struct json_reader *r, const struct cedar_schema *schema,
                                const struct cedar_uid *action, struct cedar_value *out)
{
    const struct type *expected = NULL;
    if (schema != NULL && action != NULL) {
        uint32_t number = schema_action_find(schema, action);
        if (number == SCHEMA_NONE) {
            return json_reader_fail(r, 0, "the schema does not declare the request's action");
        }
        expected = schema->actions[number].context;
    }
    TRY(json_reader_expect(r, 0, JSON_OBJECT));
    TRY(value_read_record(r, 0, expected, out));
    struct conformance c = {.schema = schema, .arena = r->arena};
    if (expected == NULL || conformance_check(&c, out, expected)) {
        return STATUS_OK;
    }
    return report_at(r->diagnostics, r->source, json_reader_range(r, 0), "%s %s", c.mismatch.path,
                     c.mismatch.what);
}

enum status cedar_context_read(const struct cedar_source *source, const struct cedar_schema *schema,
                               const struct cedar_uid *action, struct arena *arena,
                               struct cedar_value *out, struct cedar_diagnostics *diagnostics)
{
    struct json_reader r;
    diagnostics->count = 0;
    diagnostics->is_cut = false;
    TRY(json_reader_init(&r, source, arena, diagnostics));
    return read_context(&r, schema, action, out);
}

enum status cedar_untyped_context_read(const struct cedar_source *source, struct arena *arena,
                                       struct cedar_value *out,
                                       struct cedar_diagnostics *diagnostics)
{
    struct json_reader r;
    diagnostics->count = 0;
    diagnostics->is_cut = false;
    TRY(json_reader_init(&r, source, arena, diagnostics));
    r.allows_unknown = true;
    return read_context(&r, NULL, NULL, out);
}
