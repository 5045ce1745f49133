/* The symbolic request and store (reference, section 16.2). */
#include "cedar/symbolic/environment.h"

#include "cedar/schema/request.h"

struct converted_type {
    const struct type *from;
    const struct term_type *to;
};

/* -- types --------------------------------------------------------------------------------- */

/* An action type has the actions that the schema declares. */
static bool list_actions(struct symbolic *s, struct slice name, struct growing *out)
{
    for (size_t i = 0; i < s->schema->action_count; i++) {
        const struct cedar_uid *uid = &s->schema->actions[i].uid;
        if (slice_eq(uid->type, name)) {
            struct slice *id = growing_add(out, s->arena, sizeof(*id));
            if (id == NULL) {
                return false;
            }
            *id = uid->id;
        }
    }
    return true;
}

const struct term_type *symbolic_entity_type(struct symbolic *s, uint32_t number)
{
    const struct schema_entity_type *entity = &s->schema->entities[number];
    struct growing actions = {0};
    if (s->entity_types[number] != NULL) {
        return s->entity_types[number];
    }
    if (entity->is_action && !list_actions(s, entity->name, &actions)) {
        return NULL;
    }
    const struct slice *ids = entity->is_action ? actions.items : entity->ids;
    size_t id_count = entity->is_action ? actions.count : entity->id_count;
    s->entity_types[number] = term_type_entity(&s->terms, number, entity->name, ids, id_count);
    return s->entity_types[number];
}

static const struct term_type *convert_record(struct symbolic *s, const struct type *type)
{
    struct term_field *fields = arena_alloc_zero(s->arena, type->attribute_count, sizeof(*fields));
    if (fields == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < type->attribute_count; i++) {
        const struct type_attribute *attribute = &type->attributes[i];
        const struct term_type *given = symbolic_type(s, attribute->type);
        fields[i] = (struct term_field){
            attribute->name, attribute->is_required ? given : term_type_option(&s->terms, given)};
    }
    return term_type_record(&s->terms, fields, type->attribute_count);
}

/* A schema's types are shared, so what they become is remembered: written out, they could be many
 * more. */
static const struct term_type *convert_composed(struct symbolic *s, const struct type *type)
{
    const struct converted_type *known = s->converted.items;
    for (size_t i = 0; i < s->converted.count; i++) {
        if (known[i].from == type) {
            return known[i].to;
        }
    }
    const struct term_type *result =
        type->kind == TYPE_RECORD ? convert_record(s, type)
                                  : term_type_set(&s->terms, symbolic_type(s, type->element));
    struct converted_type *added = growing_add(&s->converted, s->arena, sizeof(*added));
    if (result == NULL || added == NULL) {
        return NULL;
    }
    *added = (struct converted_type){type, result};
    return result;
}

/* Recursion ends: types have at most CEDAR_DEPTH_MAX levels. */
const struct term_type *symbolic_type(struct symbolic *s, const struct type *type)
{
    switch (type->kind) {
    case TYPE_TRUE:
    case TYPE_FALSE:
    case TYPE_BOOL:
        return term_type_plain(&s->terms, TERM_TYPE_BOOL);
    case TYPE_LONG:
        return term_type_plain(&s->terms, TERM_TYPE_LONG);
    case TYPE_STRING:
        return term_type_plain(&s->terms, TERM_TYPE_STRING);
    case TYPE_DECIMAL:
        return term_type_plain(&s->terms, TERM_TYPE_DECIMAL);
    case TYPE_IP:
        return term_type_plain(&s->terms, TERM_TYPE_IP);
    case TYPE_DATETIME:
        return term_type_plain(&s->terms, TERM_TYPE_DATETIME);
    case TYPE_DURATION:
        return term_type_plain(&s->terms, TERM_TYPE_DURATION);
    case TYPE_ENTITY:
        return symbolic_entity_type(s, type->entities[0]);
    case TYPE_SET:
    case TYPE_RECORD:
        return convert_composed(s, type);
    case TYPE_NEVER:
    case TYPE_ANY_ENTITY:
        break;
    }
    return NULL; /* strict types have none of these */
}

/* -- the store ----------------------------------------------------------------------------- */

bool symbolic_may_be_in(const struct symbolic *s, uint32_t entity, uint32_t ancestor)
{
    const struct schema_entity_type *lower = &s->schema->entities[entity];
    return lower->is_action ? s->schema->entities[ancestor].is_action
                            : schema_set_has(&lower->ancestors, ancestor);
}

static const struct term_type *type_of_function(struct symbolic *s, enum term_function_kind kind,
                                                uint32_t entity, uint32_t ancestor)
{
    const struct schema_entity_type *declared = &s->schema->entities[entity];
    switch (kind) {
    case TERM_ATTRIBUTES:
        return symbolic_type(s, declared->shape);
    case TERM_ANCESTORS:
        return term_type_set(&s->terms, symbolic_entity_type(s, ancestor));
    case TERM_TAG_NAMES:
        return term_type_set(&s->terms, term_type_plain(&s->terms, TERM_TYPE_STRING));
    case TERM_TAG_VALUES:
        return symbolic_type(s, declared->tags);
    }
    return NULL;
}

/* The ancestors of one action that are of the function's type. */
static const struct term *groups_of(struct symbolic *s, const struct schema_action_entity *action,
                                    const struct term_type *set)
{
    struct growing groups = {0};
    for (size_t i = 0; i < action->ancestors.count; i++) {
        const struct cedar_uid *uid = &s->schema->actions[action->ancestors.items[i]].uid;
        if (slice_eq(uid->type, set->element->name)) {
            const struct term **group = growing_add(&groups, s->arena, sizeof(const struct term *));
            if (group == NULL) {
                return NULL;
            }
            *group = term_entity(&s->terms, set->element, uid->id);
        }
    }
    return term_set(&s->terms, set, groups.items, groups.count);
}

/* The schema declares all actions and groups. False without memory. */
static bool define_for_actions(struct symbolic *s, struct term_function *function)
{
    struct term_entry *entries =
        arena_alloc_zero(s->arena, function->entity->id_count, sizeof(*entries));
    function->otherwise = term_default(&s->terms, function->result);
    if (entries == NULL || function->otherwise == NULL) {
        return false;
    }
    for (size_t i = 0; i < s->schema->action_count && function->kind == TERM_ANCESTORS; i++) {
        const struct schema_action_entity *action = &s->schema->actions[i];
        if (!slice_eq(action->uid.type, function->entity->name)) {
            continue;
        }
        struct term_entry entry = {.entity =
                                       term_entity(&s->terms, function->entity, action->uid.id),
                                   .result = groups_of(s, action, function->result)};
        if (entry.entity == NULL || entry.result == NULL) {
            return false;
        }
        entries[function->entry_count++] = entry;
    }
    function->entries = entries;
    return true;
}

static struct term_function *find_function(const struct symbolic *s,
                                           const struct term_function *wanted)
{
    struct term_function *const *functions = s->functions.items;
    for (size_t i = 0; i < s->functions.count; i++) {
        if (functions[i]->kind == wanted->kind && functions[i]->entity == wanted->entity &&
            functions[i]->result == wanted->result) {
            return functions[i];
        }
    }
    return NULL;
}

struct term_function *symbolic_function(struct symbolic *s, enum term_function_kind kind,
                                        uint32_t entity, uint32_t ancestor)
{
    struct term_function wanted = {.kind = kind,
                                   .entity = symbolic_entity_type(s, entity),
                                   .result = type_of_function(s, kind, entity, ancestor)};
    if (wanted.entity == NULL || wanted.result == NULL) {
        return NULL;
    }
    struct term_function *function = find_function(s, &wanted);
    if (function != NULL) {
        return function;
    }
    function = arena_alloc(s->arena, sizeof(*function));
    if (function == NULL) {
        return NULL;
    }
    *function = wanted;
    if (s->schema->entities[entity].is_action && !define_for_actions(s, function)) {
        return NULL;
    }
    struct term_function **added =
        growing_add(&s->functions, s->arena, sizeof(struct term_function *));
    if (added == NULL) {
        return NULL;
    }
    *added = function;
    return function;
}

const struct term *symbolic_ancestors(struct symbolic *s, const struct term *entity,
                                      uint32_t ancestor)
{
    const struct term_function *function =
        symbolic_function(s, TERM_ANCESTORS, entity->type->entity, ancestor);
    return function == NULL ? NULL : term_apply(&s->terms, function, entity, NULL);
}

uint64_t symbolic_footprint_key(const void *item)
{
    const struct symbolic_value *value = item;
    return (uint64_t)value->value->number << 32 | value->fails->number;
}

/* -- the request --------------------------------------------------------------------------- */

enum status symbolic_open(struct symbolic *out, const struct symbolic_environment *environment,
                          struct arena *arena, struct diag *diag)
{
    const struct cedar_schema *schema = environment->schema;
    struct cedar_uid principal = {environment->principal_type, SLICE_EMPTY};
    struct cedar_uid resource = {environment->resource_type, SLICE_EMPTY};
    *out = (struct symbolic){.schema = schema, .arena = arena};
    terms_init(&out->terms, TERMS_MAX, arena);
    TRY(request_environment(schema, &principal, &environment->action, &resource, &out->types,
                            diag));
    out->entity_types =
        arena_alloc_zero(arena, schema->entity_count, sizeof(const struct term_type *));
    out->reports = arena_alloc_zero(arena, 1, sizeof(*out->reports));
    if (out->entity_types == NULL || out->reports == NULL) {
        return STATUS_LIMIT;
    }
    const struct schema_action_entity *action = &schema->actions[out->types.action];
    uint32_t action_type = schema_entity_find(schema, action->uid.type);
    out->principal = term_variable(&out->terms, symbolic_entity_type(out, out->types.principal),
                                   SLICE("principal"));
    out->resource = term_variable(&out->terms, symbolic_entity_type(out, out->types.resource),
                                  SLICE("resource"));
    out->context =
        term_variable(&out->terms, symbolic_type(out, action->context), SLICE("context"));
    out->action = term_entity(&out->terms, symbolic_entity_type(out, action_type), action->uid.id);
    bool is_complete = out->principal != NULL && out->resource != NULL && out->context != NULL &&
                       out->action != NULL;
    return is_complete ? STATUS_OK : STATUS_LIMIT;
}
