#include "cedar/schema/write.h"

#include "cedar/schema/type.h"

struct json_writing {
    struct buf *out;
    struct arena *arena;
    const struct schema_names_table *table; /* NULL: names as they are */
    struct slice namespace;
};

static enum status write_type(struct json_writing *w, const struct schema_type_syntax *type);

/* -- pieces -------------------------------------------------------------------------------- */

static void write_key(struct json_writing *w, struct slice key, bool *is_first)
{
    buf_append(w->out, *is_first ? SLICE_EMPTY : SLICE(","));
    *is_first = false;
    buf_append_json_string(w->out, key);
    buf_append_byte(w->out, ':');
}

static enum status write_annotations(struct json_writing *w,
                                     const struct schema_annotations *annotations, bool *is_first)
{
    const struct schema_annotation **sorted = NULL;
    bool is_first_inside = true;
    if (annotations->count == 0) {
        return STATUS_OK;
    }
    TRY(schema_sort_annotations(annotations, w->arena, &sorted));
    write_key(w, SLICE("annotations"), is_first);
    buf_append_byte(w->out, '{');
    for (size_t i = 0; i < annotations->count; i++) {
        write_key(w, sorted[i]->key, &is_first_inside);
        buf_append_json_string(w->out, sorted[i]->value);
    }
    buf_append_byte(w->out, '}');
    return STATUS_OK;
}

/* An entity type's name, in full when asked. */
static enum status write_entity_name(struct json_writing *w, struct slice name)
{
    struct schema_reference reference = {.full = name};
    if (w->table != NULL) {
        TRY(schema_name_resolve(w->table, w->namespace, SCHEMA_ENTITY, name, &reference));
    }
    buf_append_json_string(w->out, reference.full);
    return STATUS_OK;
}

static enum status write_entity_names(struct json_writing *w, const struct schema_names *names)
{
    buf_append_byte(w->out, '[');
    for (size_t i = 0; i < names->count; i++) {
        buf_append(w->out, i > 0 ? SLICE(",") : SLICE_EMPTY);
        TRY(write_entity_name(w, names->items[i].text));
    }
    buf_append_byte(w->out, ']');
    return STATUS_OK;
}

/* -- types --------------------------------------------------------------------------------- */

static void write_kind(struct json_writing *w, struct slice kind)
{
    buf_append(w->out, SLICE("\"type\":"));
    buf_append_json_string(w->out, kind);
}

static void write_kind_and_name(struct json_writing *w, struct slice kind, struct slice name)
{
    write_kind(w, kind);
    buf_append(w->out, SLICE(",\"name\":"));
    buf_append_json_string(w->out, name);
}

/* A name is either an entity type, which JSON says, or the type itself. */
static enum status write_resolved(struct json_writing *w, const struct schema_type_syntax *type)
{
    struct schema_reference reference;
    TRY(schema_name_resolve(w->table, w->namespace, type->kind, type->name.text, &reference));
    if (reference.meaning == SCHEMA_MEANS_ENTITY) {
        write_kind_and_name(w, SLICE("Entity"), reference.full);
    } else {
        write_kind(w, reference.full);
    }
    return STATUS_OK;
}

static enum status write_name(struct json_writing *w, const struct schema_type_syntax *type)
{
    if (w->table != NULL && type->kind != SCHEMA_EXTENSION) {
        return write_resolved(w, type);
    }
    if (type->kind == SCHEMA_COMMON) {
        write_kind(w, type->name.text);
    } else {
        struct slice kind = type->kind == SCHEMA_ENTITY      ? SLICE("Entity")
                            : type->kind == SCHEMA_EXTENSION ? SLICE("Extension")
                                                             : SLICE("EntityOrCommon");
        write_kind_and_name(w, kind, type->name.text);
    }
    return STATUS_OK;
}

static enum status write_record(struct json_writing *w, const struct schema_type_syntax *type);

/* The members of a type, without braces: an attribute adds its own. */
static enum status write_type_members(struct json_writing *w, const struct schema_type_syntax *type)
{
    switch (type->kind) {
    case SCHEMA_LONG:
        write_kind(w, SLICE("Long"));
        return STATUS_OK;
    case SCHEMA_STRING:
        write_kind(w, SLICE("String"));
        return STATUS_OK;
    case SCHEMA_BOOL:
        write_kind(w, SLICE("Boolean"));
        return STATUS_OK;
    case SCHEMA_SET:
        write_kind(w, SLICE("Set"));
        buf_append(w->out, SLICE(",\"element\":"));
        return write_type(w, type->element);
    case SCHEMA_RECORD:
        return write_record(w, type);
    case SCHEMA_NAME:
    case SCHEMA_COMMON:
    case SCHEMA_ENTITY:
    case SCHEMA_EXTENSION:
        break;
    }
    return write_name(w, type);
}

static enum status write_record(struct json_writing *w, const struct schema_type_syntax *type)
{
    const struct schema_attribute **sorted = NULL;
    bool is_first = true;
    TRY(schema_sort_attributes(type, w->arena, &sorted));
    write_kind(w, SLICE("Record"));
    buf_append(w->out, SLICE(",\"attributes\":{"));
    for (size_t i = 0; i < type->attribute_count; i++) {
        bool is_first_inside = false;
        write_key(w, sorted[i]->name, &is_first);
        buf_append_byte(w->out, '{');
        TRY(write_type_members(w, &sorted[i]->type));
        buf_append(w->out, sorted[i]->is_required ? SLICE_EMPTY : SLICE(",\"required\":false"));
        TRY(write_annotations(w, &sorted[i]->annotations, &is_first_inside));
        buf_append_byte(w->out, '}');
    }
    buf_append_byte(w->out, '}');
    return STATUS_OK;
}

static enum status write_type(struct json_writing *w, const struct schema_type_syntax *type)
{
    buf_append_byte(w->out, '{');
    TRY(write_type_members(w, type));
    buf_append_byte(w->out, '}');
    return STATUS_OK;
}

/* An empty record is what a missing type means, so it is left out. */
static bool is_empty_record(const struct schema_type_syntax *type)
{
    return type == NULL || (type->kind == SCHEMA_RECORD && type->attribute_count == 0);
}

/* -- declarations -------------------------------------------------------------------------- */

static enum status write_common(struct json_writing *w, const struct schema_common *common)
{
    bool is_first = false;
    buf_append_byte(w->out, '{');
    TRY(write_type_members(w, &common->type));
    TRY(write_annotations(w, &common->annotations, &is_first));
    buf_append_byte(w->out, '}');
    return STATUS_OK;
}

static void write_ids(struct json_writing *w, const struct schema_entity *entity)
{
    buf_append_byte(w->out, '[');
    for (size_t i = 0; i < entity->id_count; i++) {
        buf_append(w->out, i > 0 ? SLICE(",") : SLICE_EMPTY);
        buf_append_json_string(w->out, entity->ids[i]);
    }
    buf_append_byte(w->out, ']');
}

static enum status write_entity(struct json_writing *w, const struct schema_entity *entity)
{
    bool is_first = true;
    buf_append_byte(w->out, '{');
    if (entity->ids != NULL) {
        write_key(w, SLICE("enum"), &is_first);
        write_ids(w, entity);
    }
    if (entity->parents.count > 0) {
        write_key(w, SLICE("memberOfTypes"), &is_first);
        TRY(write_entity_names(w, &entity->parents));
    }
    if (!is_empty_record(entity->shape)) {
        write_key(w, SLICE("shape"), &is_first);
        TRY(write_type(w, entity->shape));
    }
    if (entity->tags != NULL) {
        write_key(w, SLICE("tags"), &is_first);
        TRY(write_type(w, entity->tags));
    }
    TRY(write_annotations(w, &entity->annotations, &is_first));
    buf_append_byte(w->out, '}');
    return STATUS_OK;
}

static enum status write_parent(struct json_writing *w, const struct schema_action_name *name)
{
    struct cedar_uid uid = {name->type, name->id};
    uint32_t number = 0;
    if (w->table != NULL) {
        TRY(schema_action_resolve(w->table, w->namespace, name, &uid, &number));
    }
    buf_append(w->out, SLICE("{\"id\":"));
    buf_append_json_string(w->out, uid.id);
    if (uid.type.len > 0) {
        buf_append(w->out, SLICE(",\"type\":"));
        buf_append_json_string(w->out, uid.type);
    }
    buf_append_byte(w->out, '}');
    return STATUS_OK;
}

static enum status write_applies(struct json_writing *w, const struct schema_action *action)
{
    buf_append(w->out, SLICE("{\"principalTypes\":"));
    TRY(write_entity_names(w, &action->principals));
    buf_append(w->out, SLICE(",\"resourceTypes\":"));
    TRY(write_entity_names(w, &action->resources));
    if (!is_empty_record(action->context)) {
        buf_append(w->out, SLICE(",\"context\":"));
        TRY(write_type(w, action->context));
    }
    buf_append_byte(w->out, '}');
    return STATUS_OK;
}

static enum status write_action(struct json_writing *w, const struct schema_action *action)
{
    bool is_first = true;
    buf_append_byte(w->out, '{');
    write_key(w, SLICE("appliesTo"), &is_first);
    TRY(write_applies(w, action));
    if (action->parent_count > 0) {
        write_key(w, SLICE("memberOf"), &is_first);
        buf_append_byte(w->out, '[');
        for (size_t i = 0; i < action->parent_count; i++) {
            buf_append(w->out, i > 0 ? SLICE(",") : SLICE_EMPTY);
            TRY(write_parent(w, &action->parents[i]));
        }
        buf_append_byte(w->out, ']');
    }
    TRY(write_annotations(w, &action->annotations, &is_first));
    buf_append_byte(w->out, '}');
    return STATUS_OK;
}

static enum status write_lists(struct json_writing *w, const struct schema_namespace *namespace)
{
    struct schema_sorted sorted;
    bool is_first = true;
    TRY(schema_sort(namespace, w->arena, &sorted));
    if (namespace->common_count > 0) {
        buf_append(w->out, SLICE("\"commonTypes\":{"));
        for (size_t i = 0; i < namespace->common_count; i++) {
            write_key(w, sorted.commons[i]->name, &is_first);
            TRY(write_common(w, sorted.commons[i]));
        }
        buf_append(w->out, SLICE("},"));
    }
    buf_append(w->out, SLICE("\"entityTypes\":{"));
    is_first = true;
    for (size_t i = 0; i < namespace->entity_count; i++) {
        write_key(w, sorted.entities[i]->name, &is_first);
        TRY(write_entity(w, sorted.entities[i]));
    }
    buf_append(w->out, SLICE("},\"actions\":{"));
    is_first = true;
    for (size_t i = 0; i < namespace->action_count; i++) {
        write_key(w, sorted.actions[i]->id, &is_first);
        TRY(write_action(w, sorted.actions[i]));
    }
    buf_append_byte(w->out, '}');
    return STATUS_OK;
}

enum status schema_write_json(const struct schema_source *source,
                              const struct schema_names_table *table, struct arena *arena,
                              struct buf *out)
{
    struct json_writing writing = {out, arena, table, SLICE_EMPTY};
    const struct schema_namespace **sorted = NULL;
    bool is_first = true;
    TRY(schema_sort_namespaces(source, arena, &sorted));
    buf_append_byte(out, '{');
    for (size_t i = 0; i < source->namespace_count; i++) {
        bool is_first_inside = false;
        writing.namespace = sorted[i]->name;
        write_key(&writing, sorted[i]->name, &is_first);
        buf_append_byte(out, '{');
        TRY(write_lists(&writing, sorted[i]));
        TRY(write_annotations(&writing, &sorted[i]->annotations, &is_first_inside));
        buf_append_byte(out, '}');
    }
    buf_append_byte(out, '}');
    return buf_status(out);
}
