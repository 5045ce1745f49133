/* The JSON form of a schema (reference, 10.3). */
#include "cedar/schema/json_reader.h"
#include "cedar/syntax/lexer.h"

static enum status read_name(struct json_reader *r, json_ref ref, struct schema_name *out)
{
    out->at = json_reader_range(r, ref);
    TRY(json_reader_string(r, ref, &out->text));
    return json_reader_is_name(out->text) ? STATUS_OK : json_reader_fail(r, ref, "this is no name");
}

static enum status read_names(struct json_reader *r, json_ref ref, struct schema_names *out)
{
    void *memory = NULL;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    size_t count = 0;
    TRY(json_reader_expect(r, ref, JSON_ARRAY));
    TRY(json_reader_items(r, ref, sizeof(struct schema_name), &memory));
    struct schema_name *names = memory;
    json_iter_init(&iter, &r->tape, ref);
    while (json_iter_next(&iter, &key, &value)) {
        TRY(read_name(r, value, &names[count++]));
    }
    *out = (struct schema_names){names, count};
    return STATUS_OK;
}

static enum status read_annotations(struct json_reader *r, json_ref ref,
                                    struct schema_annotations *out)
{
    void *memory = NULL;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    size_t count = 0;
    *out = (struct schema_annotations){0};
    if (ref == JSON_NONE) {
        return STATUS_OK;
    }
    TRY(json_reader_expect(r, ref, JSON_OBJECT));
    TRY(json_reader_items(r, ref, sizeof(struct schema_annotation), &memory));
    struct schema_annotation *annotations = memory;
    json_iter_init(&iter, &r->tape, ref);
    while (json_iter_next(&iter, &key, &value)) {
        struct schema_annotation *annotation = &annotations[count++];
        annotation->at = json_reader_range(r, key);
        annotation->has_value = json_type(&r->tape, value) != JSON_NULL;
        TRY(json_reader_string(r, key, &annotation->key));
        struct lexer lexer = {.source = annotation->key};
        struct token token = lexer_next(&lexer);
        if (token.kind != TOKEN_IDENT || token.text.len != annotation->key.len) {
            return json_reader_fail(r, key, "the name of an annotation must be an identifier");
        }
        if (annotation->has_value) {
            TRY(json_reader_string(r, value, &annotation->value));
        }
    }
    *out = (struct schema_annotations){annotations, count};
    return STATUS_OK;
}

/* -- types --------------------------------------------------------------------------------- */

/* The members that a type of any kind may have, and those of an attribute around it. */
struct type_members {
    json_ref type, element, attributes, additional, name, required, annotations;
};

static enum status read_type(struct json_reader *r, json_ref ref, struct schema_type_syntax *out);
static enum status read_type_members(struct json_reader *r, const struct type_members *members,
                                     struct schema_type_syntax *out);

static enum status read_attribute(struct json_reader *r, json_ref key, json_ref value,
                                  struct schema_attribute *out)
{
    struct type_members members = {.type = JSON_NONE};
    const struct json_reader_member table[] = {
        {SLICE("type"), true, &members.type},
        {SLICE("element"), false, &members.element},
        {SLICE("attributes"), false, &members.attributes},
        {SLICE("additionalAttributes"), false, &members.additional},
        {SLICE("name"), false, &members.name},
        {SLICE("required"), false, &members.required},
        {SLICE("annotations"), false, &members.annotations}};
    out->at = json_reader_range(r, key);
    out->is_required = true;
    TRY(json_reader_string(r, key, &out->name));
    TRY(json_reader_members(r, value, table, COUNT_OF(table), false));
    if (members.required != JSON_NONE) {
        enum json_type type = json_type(&r->tape, members.required);
        out->is_required = type == JSON_TRUE;
        if (type != JSON_TRUE && type != JSON_FALSE) {
            return json_reader_fail(r, members.required, "expected true or false here");
        }
    }
    TRY(read_annotations(r, members.annotations, &out->annotations));
    return read_type_members(r, &members, &out->type);
}

static enum status read_record(struct json_reader *r, const struct type_members *members,
                               struct schema_type_syntax *out)
{
    void *memory = NULL;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    if (members->attributes == JSON_NONE) {
        return json_reader_fail(r, members->type, "a record needs the member 'attributes'");
    }
    if (members->additional != JSON_NONE &&
        json_type(&r->tape, members->additional) != JSON_FALSE) {
        return json_reader_fail(r, members->additional,
                                "records with further attributes are not supported");
    }
    TRY(json_reader_expect(r, members->attributes, JSON_OBJECT));
    TRY(json_reader_items(r, members->attributes, sizeof(struct schema_attribute), &memory));
    struct schema_attribute *attributes = memory;
    out->kind = SCHEMA_RECORD;
    out->attributes = attributes;
    json_iter_init(&iter, &r->tape, members->attributes);
    while (json_iter_next(&iter, &key, &value)) {
        TRY(read_attribute(r, key, value, &attributes[out->attribute_count++]));
    }
    return STATUS_OK;
}

static enum status read_set(struct json_reader *r, const struct type_members *members,
                            struct schema_type_syntax *out)
{
    struct schema_type_syntax *element = arena_alloc_zero(r->arena, 1, sizeof(*element));
    if (element == NULL) {
        return STATUS_LIMIT;
    }
    if (members->element == JSON_NONE) {
        return json_reader_fail(r, members->type, "a set needs the member 'element'");
    }
    out->kind = SCHEMA_SET;
    out->element = element;
    return read_type(r, members->element, element);
}

static enum status read_named(struct json_reader *r, const struct type_members *members,
                              enum schema_syntax kind, struct schema_type_syntax *out)
{
    out->kind = kind;
    if (members->name == JSON_NONE) {
        return json_reader_fail(r, members->type, "this type needs the member 'name'");
    }
    return read_name(r, members->name, &out->name);
}

/* A member that the kind of type has no use for is a mistake. */
static enum status refuse_members(struct json_reader *r, const struct type_members *members,
                                  enum schema_syntax kind)
{
    bool is_named = kind == SCHEMA_NAME || kind == SCHEMA_ENTITY || kind == SCHEMA_EXTENSION;
    const struct {
        json_ref ref;
        bool belongs;
    } rows[] = {{members->element, kind == SCHEMA_SET},
                {members->attributes, kind == SCHEMA_RECORD},
                {members->additional, kind == SCHEMA_RECORD},
                {members->name, is_named}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].ref != JSON_NONE && !rows[i].belongs) {
            return json_reader_fail(r, rows[i].ref,
                                    "this member does not belong to a type of this kind");
        }
    }
    return STATUS_OK;
}

static enum schema_syntax kind_of(struct slice text)
{
    static const struct {
        struct slice text;
        enum schema_syntax kind;
    } KINDS[] = {
        {SLICE_INIT("String"), SCHEMA_STRING},       {SLICE_INIT("Long"), SCHEMA_LONG},
        {SLICE_INIT("Boolean"), SCHEMA_BOOL},        {SLICE_INIT("Set"), SCHEMA_SET},
        {SLICE_INIT("Record"), SCHEMA_RECORD},       {SLICE_INIT("Entity"), SCHEMA_ENTITY},
        {SLICE_INIT("EntityOrCommon"), SCHEMA_NAME}, {SLICE_INIT("Extension"), SCHEMA_EXTENSION}};
    for (size_t i = 0; i < COUNT_OF(KINDS); i++) {
        if (slice_eq(KINDS[i].text, text)) {
            return KINDS[i].kind;
        }
    }
    return SCHEMA_COMMON;
}

static enum status read_type_members(struct json_reader *r, const struct type_members *members,
                                     struct schema_type_syntax *out)
{
    struct slice text = SLICE_EMPTY;
    TRY(json_reader_string(r, members->type, &text));
    out->kind = kind_of(text);
    TRY(refuse_members(r, members, out->kind));
    switch (out->kind) {
    case SCHEMA_LONG:
    case SCHEMA_STRING:
    case SCHEMA_BOOL:
        return STATUS_OK;
    case SCHEMA_SET:
        return read_set(r, members, out);
    case SCHEMA_RECORD:
        return read_record(r, members, out);
    case SCHEMA_NAME:
    case SCHEMA_ENTITY:
    case SCHEMA_EXTENSION:
        return read_named(r, members, out->kind, out);
    case SCHEMA_COMMON:
        break;
    }
    return read_name(r, members->type, &out->name);
}

static enum status read_type(struct json_reader *r, json_ref ref, struct schema_type_syntax *out)
{
    struct type_members members = {.type = JSON_NONE};
    const struct json_reader_member table[] = {
        {SLICE("type"), true, &members.type},
        {SLICE("element"), false, &members.element},
        {SLICE("attributes"), false, &members.attributes},
        {SLICE("additionalAttributes"), false, &members.additional},
        {SLICE("name"), false, &members.name}};
    TRY(json_reader_members(r, ref, table, COUNT_OF(table), false));
    return read_type_members(r, &members, out);
}

static enum status new_type(struct json_reader *r, json_ref ref,
                            const struct schema_type_syntax **out)
{
    struct schema_type_syntax *type = arena_alloc_zero(r->arena, 1, sizeof(*type));
    if (ref == JSON_NONE) {
        *out = NULL;
        return STATUS_OK;
    }
    *out = type;
    return type == NULL ? STATUS_LIMIT : read_type(r, ref, type);
}

/* -- declarations -------------------------------------------------------------------------- */

static enum status read_ids(struct json_reader *r, json_ref ref, struct schema_entity *entity)
{
    void *memory = NULL;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    TRY(json_reader_expect(r, ref, JSON_ARRAY));
    TRY(json_reader_items(r, ref, sizeof(struct slice), &memory));
    struct slice *ids = memory;
    json_iter_init(&iter, &r->tape, ref);
    while (json_iter_next(&iter, &key, &value)) {
        TRY(json_reader_string(r, value, &ids[entity->id_count++]));
    }
    entity->ids = ids;
    return entity->id_count > 0 ? STATUS_OK
                                : json_reader_fail(r, ref, "an enumerated type needs an id");
}

static enum status read_entity(struct json_reader *r, json_ref value, struct schema_entity *entity)
{
    json_ref parents = JSON_NONE;
    json_ref shape = JSON_NONE;
    json_ref tags = JSON_NONE;
    json_ref ids = JSON_NONE;
    json_ref annotations = JSON_NONE;
    const struct json_reader_member table[] = {{SLICE("memberOfTypes"), false, &parents},
                                               {SLICE("shape"), false, &shape},
                                               {SLICE("tags"), false, &tags},
                                               {SLICE("enum"), false, &ids},
                                               {SLICE("annotations"), false, &annotations}};
    TRY(json_reader_members(r, value, table, COUNT_OF(table), false));
    TRY(read_annotations(r, annotations, &entity->annotations));
    if (ids != JSON_NONE) {
        if (parents != JSON_NONE || shape != JSON_NONE || tags != JSON_NONE) {
            return json_reader_fail(r, ids, "an enumerated type has nothing but its ids");
        }
        return read_ids(r, ids, entity);
    }
    if (parents != JSON_NONE) {
        TRY(read_names(r, parents, &entity->parents));
    }
    TRY(new_type(r, shape, &entity->shape));
    return new_type(r, tags, &entity->tags);
}

static enum status read_parent(struct json_reader *r, json_ref value,
                               struct schema_action_name *out)
{
    json_ref id = JSON_NONE;
    json_ref type = JSON_NONE;
    struct schema_name name = {0};
    const struct json_reader_member table[] = {{SLICE("id"), true, &id},
                                               {SLICE("type"), false, &type}};
    TRY(json_reader_members(r, value, table, COUNT_OF(table), false));
    out->at = json_reader_range(r, value);
    TRY(json_reader_string(r, id, &out->id));
    if (type != JSON_NONE && json_type(&r->tape, type) != JSON_NULL) {
        TRY(read_name(r, type, &name));
    }
    out->type = name.text;
    return STATUS_OK;
}

static enum status read_parents(struct json_reader *r, json_ref ref, struct schema_action *action)
{
    void *memory = NULL;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    if (ref == JSON_NONE || json_type(&r->tape, ref) == JSON_NULL) {
        return STATUS_OK;
    }
    TRY(json_reader_expect(r, ref, JSON_ARRAY));
    TRY(json_reader_items(r, ref, sizeof(struct schema_action_name), &memory));
    struct schema_action_name *parents = memory;
    action->parents = parents;
    json_iter_init(&iter, &r->tape, ref);
    while (json_iter_next(&iter, &key, &value)) {
        TRY(read_parent(r, value, &parents[action->parent_count++]));
    }
    return STATUS_OK;
}

static enum status read_applies(struct json_reader *r, json_ref ref, struct schema_action *action)
{
    json_ref principals = JSON_NONE;
    json_ref resources = JSON_NONE;
    json_ref context = JSON_NONE;
    const struct json_reader_member table[] = {{SLICE("principalTypes"), true, &principals},
                                               {SLICE("resourceTypes"), true, &resources},
                                               {SLICE("context"), false, &context}};
    if (ref == JSON_NONE || json_type(&r->tape, ref) == JSON_NULL) {
        return STATUS_OK;
    }
    TRY(json_reader_members(r, ref, table, COUNT_OF(table), false));
    TRY(read_names(r, principals, &action->principals));
    TRY(read_names(r, resources, &action->resources));
    return new_type(r, context, &action->context);
}

static enum status read_action(struct json_reader *r, json_ref value, struct schema_action *action)
{
    json_ref applies = JSON_NONE;
    json_ref parents = JSON_NONE;
    json_ref attributes = JSON_NONE;
    json_ref annotations = JSON_NONE;
    const struct json_reader_member table[] = {{SLICE("appliesTo"), false, &applies},
                                               {SLICE("memberOf"), false, &parents},
                                               {SLICE("attributes"), false, &attributes},
                                               {SLICE("annotations"), false, &annotations}};
    TRY(json_reader_members(r, value, table, COUNT_OF(table), false));
    if (attributes != JSON_NONE && json_type(&r->tape, attributes) != JSON_NULL) {
        TRY(json_reader_expect(r, attributes, JSON_OBJECT));
        if (json_count(&r->tape, attributes) > 0) {
            return json_reader_fail(r, attributes, "attributes of actions are not supported");
        }
    }
    TRY(read_annotations(r, annotations, &action->annotations));
    TRY(read_parents(r, parents, action));
    return read_applies(r, applies, action);
}

static enum status read_common(struct json_reader *r, json_ref value, struct schema_common *common)
{
    struct type_members members = {.type = JSON_NONE, .required = JSON_NONE};
    const struct json_reader_member table[] = {
        {SLICE("type"), true, &members.type},
        {SLICE("element"), false, &members.element},
        {SLICE("attributes"), false, &members.attributes},
        {SLICE("additionalAttributes"), false, &members.additional},
        {SLICE("name"), false, &members.name},
        {SLICE("annotations"), false, &members.annotations}};
    TRY(json_reader_members(r, value, table, COUNT_OF(table), false));
    TRY(read_annotations(r, members.annotations, &common->annotations));
    return read_type_members(r, &members, &common->type);
}

/* A declared name: one identifier. */
static enum status read_declared(struct json_reader *r, json_ref key, struct slice *out)
{
    TRY(json_reader_string(r, key, out));
    bool is_plain = json_reader_is_name(*out) && slice_find_byte(*out, ':') == out->len;
    return is_plain ? STATUS_OK : json_reader_fail(r, key, "a declared name must be an identifier");
}

/* Where the declaration is: its name, and all of it. */
static void place(const struct json_reader *r, json_ref key, json_ref value,
                  struct surface_range *at, struct surface_range *whole)
{
    *at = json_reader_range(r, key);
    *whole = (struct surface_range){at->from, json_reader_range(r, value).to};
}

/* Each of these three reads one member of its kind; errors are kept, so that all are told. */
static enum status read_one_common(struct json_reader *r, json_ref key, json_ref value,
                                   struct schema_namespace *namespace)
{
    struct schema_common *common = &namespace->commons[namespace->common_count];
    place(r, key, value, &common->at, &common->whole);
    TRY(read_declared(r, key, &common->name));
    namespace->common_count++;
    return read_common(r, value, common);
}

static enum status read_one_entity(struct json_reader *r, json_ref key, json_ref value,
                                   struct schema_namespace *namespace)
{
    struct schema_entity *entity = &namespace->entities[namespace->entity_count];
    place(r, key, value, &entity->at, &entity->whole);
    TRY(read_declared(r, key, &entity->name));
    namespace->entity_count++;
    return read_entity(r, value, entity);
}

static enum status read_one_action(struct json_reader *r, json_ref key, json_ref value,
                                   struct schema_namespace *namespace)
{
    struct schema_action *action = &namespace->actions[namespace->action_count];
    place(r, key, value, &action->at, &action->whole);
    TRY(json_reader_string(r, key, &action->id));
    namespace->action_count++;
    return read_action(r, value, action);
}

static enum status read_each(struct json_reader *r, json_ref ref,
                             enum status (*read)(struct json_reader *r, json_ref key,
                                                 json_ref value,
                                                 struct schema_namespace *namespace),
                             struct schema_namespace *namespace)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    json_iter_init(&iter, &r->tape, ref);
    while (json_iter_next(&iter, &key, &value)) {
        if (read(r, key, value, namespace) == STATUS_LIMIT) {
            return STATUS_LIMIT;
        }
    }
    return STATUS_OK;
}

static enum status read_namespace(struct json_reader *r, json_ref key, json_ref value,
                                  struct schema_namespace *namespace)
{
    json_ref commons = JSON_NONE;
    json_ref entities = JSON_NONE;
    json_ref actions = JSON_NONE;
    json_ref annotations = JSON_NONE;
    void *memory[3] = {NULL};
    const struct json_reader_member table[] = {{SLICE("commonTypes"), false, &commons},
                                               {SLICE("entityTypes"), true, &entities},
                                               {SLICE("actions"), true, &actions},
                                               {SLICE("annotations"), false, &annotations}};
    namespace->at = json_reader_range(r, key);
    TRY(json_reader_string(r, key, &namespace->name));
    if (namespace->name.len > 0 && !json_reader_is_name(namespace->name)) {
        return json_reader_fail(r, key, "the name of a namespace must be a path of identifiers");
    }
    TRY(json_reader_members(r, value, table, COUNT_OF(table), false));
    TRY(read_annotations(r, annotations, &namespace->annotations));
    TRY(json_reader_expect(r, entities, JSON_OBJECT));
    TRY(json_reader_expect(r, actions, JSON_OBJECT));
    TRY(json_reader_items(r, entities, sizeof(struct schema_entity), &memory[0]));
    TRY(json_reader_items(r, actions, sizeof(struct schema_action), &memory[1]));
    namespace->entities = memory[0];
    namespace->actions = memory[1];
    if (commons != JSON_NONE) {
        TRY(json_reader_expect(r, commons, JSON_OBJECT));
        TRY(json_reader_items(r, commons, sizeof(struct schema_common), &memory[2]));
        namespace->commons = memory[2];
        TRY(read_each(r, commons, read_one_common, namespace));
    }
    TRY(read_each(r, entities, read_one_entity, namespace));
    return read_each(r, actions, read_one_action, namespace);
}

static enum status read_all(struct json_reader *r, struct schema_source *out)
{
    struct json_iter iter;
    void *memory = NULL;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    TRY(json_reader_expect(r, 0, JSON_OBJECT));
    TRY(json_reader_items(r, 0, sizeof(struct schema_namespace), &memory));
    out->namespaces = memory;
    json_iter_init(&iter, &r->tape, 0);
    while (json_iter_next(&iter, &key, &value)) {
        struct schema_namespace *namespace = &out->namespaces[out->namespace_count++];
        if (read_namespace(r, key, value, namespace) == STATUS_LIMIT) {
            return STATUS_LIMIT;
        }
    }
    return STATUS_OK;
}

enum status schema_read_json(const struct cedar_source *source, struct arena *arena,
                             struct schema_source *out, struct cedar_diagnostics *diagnostics)
{
    struct json_reader reader;
    size_t reported = diagnostics->count;
    *out = (struct schema_source){.name = source->name, .text = source->text};
    TRY(json_reader_init(&reader, source, arena, diagnostics));
    enum status status = read_all(&reader, out);
    TRY(status == STATUS_LIMIT ? STATUS_LIMIT : STATUS_OK);
    return diagnostics->count > reported ? STATUS_INVALID : STATUS_OK;
}
