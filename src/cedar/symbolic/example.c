#include "cedar/symbolic/example.h"

#include "cedar/symbolic/environment.h"

struct building {
    struct symbolic *s;
    struct model *model;
    struct arena *arena;
    struct growing entities; /* of struct term *: literals, in the order in which they were met */
    struct uid_table numbers;
    struct growing footprint; /* of struct term *: literals */
    struct diag *diag;
};

/* -- literals ------------------------------------------------------------------------------- */

static struct cedar_uid uid_of(const struct term *entity)
{
    return (struct cedar_uid){entity->type->name, entity->as.text};
}

static bool is_action(const struct building *b, const struct term *entity)
{
    return b->s->schema->entities[entity->type->entity].is_action;
}

static enum status add_term(struct building *b, struct growing *list, const struct term *term)
{
    const struct term **added = growing_add(list, b->arena, sizeof(const struct term *));
    if (added == NULL) {
        return STATUS_LIMIT;
    }
    *added = term;
    return STATUS_OK;
}

/* The schema has all actions. */
static enum status meet_entity(struct building *b, const struct term *entity)
{
    struct cedar_uid uid = uid_of(entity);
    if (is_action(b, entity) || uid_table_find(&b->numbers, &uid) != UID_TABLE_NONE) {
        return STATUS_OK;
    }
    if (b->entities.count == EXAMPLE_ENTITIES_MAX) {
        return diag_fail(b->diag, STATUS_LIMIT, "cedar.solver_answer",
                         "the solver's model has more than %d entities", EXAMPLE_ENTITIES_MAX);
    }
    TRY(uid_table_add(&b->numbers, &uid, (uint32_t)b->entities.count));
    return add_term(b, &b->entities, entity);
}

/* All entities in a literal. Recursion ends: values are as high as their types. */
static enum status meet(struct building *b, const struct term *literal)
{
    if (literal->kind == TERM_ENTITY) {
        return meet_entity(b, literal);
    }
    for (size_t i = 0; i < literal->item_count; i++) {
        TRY(meet(b, literal->items[i]));
    }
    return STATUS_OK;
}

static enum status value_of(struct building *b, const struct term *literal,
                            struct cedar_value *out);

/* Fields that are none are not there. */
static enum status list_of(struct building *b, const struct term *literal, struct cedar_list **out)
{
    struct cedar_list *list = arena_alloc_zero(b->arena, 1, sizeof(*list));
    struct cedar_field *items = arena_alloc_zero(b->arena, literal->item_count, sizeof(*items));
    if (list == NULL || items == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < literal->item_count; i++) {
        const struct term *item = literal->items[i];
        if (item->kind == TERM_NONE) {
            continue;
        }
        if (literal->kind == TERM_RECORD) {
            items[list->count].name = literal->type->fields[i].name;
        }
        TRY(value_of(b, item->kind == TERM_SOME ? item->items[0] : item,
                     &items[list->count++].value));
    }
    list->items = items;
    *out = list;
    return STATUS_OK;
}

static struct cedar_value number_value(const struct term *literal)
{
    struct cedar_value value = cedar_long(term_number_of(literal));
    switch (literal->type->kind) {
    case TERM_TYPE_DECIMAL:
        value.kind = CEDAR_DECIMAL;
        break;
    case TERM_TYPE_DATETIME:
        value.kind = CEDAR_DATETIME;
        break;
    case TERM_TYPE_DURATION:
        value.kind = CEDAR_DURATION;
        break;
    case TERM_TYPE_BOOL:
    case TERM_TYPE_LONG:
    case TERM_TYPE_BITS:
    case TERM_TYPE_STRING:
    case TERM_TYPE_IP:
    case TERM_TYPE_ENTITY:
    case TERM_TYPE_OPTION:
    case TERM_TYPE_SET:
    case TERM_TYPE_RECORD:
        break;
    }
    return value;
}

static enum status value_of(struct building *b, const struct term *literal, struct cedar_value *out)
{
    struct cedar_list *list = NULL;
    switch ((int)literal->kind) {
    case TERM_TRUTH:
        *out = cedar_bool(literal->as.truth);
        return STATUS_OK;
    case TERM_NUMBER:
        *out = number_value(literal);
        return STATUS_OK;
    case TERM_TEXT:
        *out = cedar_string(literal->as.text);
        return STATUS_OK;
    case TERM_ENTITY:
        *out = cedar_entity(literal->type->name, literal->as.text);
        return STATUS_OK;
    case TERM_ADDRESS:
        *out = (struct cedar_value){.kind = CEDAR_IP, .as.ip = literal->as.ip};
        return STATUS_OK;
    case TERM_SET:
        TRY(list_of(b, literal, &list));
        *out = cedar_set(list);
        return STATUS_OK;
    case TERM_RECORD:
        TRY(list_of(b, literal, &list));
        *out = cedar_record(list);
        return STATUS_OK;
    default: /* no other kind is a value of Cedar */
        return STATUS_INTERNAL;
    }
}

/* Of a set that all but some elements are in those count that are literals, so make them of all
 * that the assertions look at. */
static enum status make_literals(struct building *b, const struct symbolic_query *query)
{
    for (size_t i = 0; i < query->count; i++) {
        const struct term *truth = NULL;
        TRY(model_evaluate(b->model, query->assertions[i], &truth, b->diag));
    }
    model_forget(b->model);
    return STATUS_OK;
}

/* -- entities ------------------------------------------------------------------------------- */

static bool is_in(const struct growing *list, const struct term *term)
{
    const struct term *const *items = list->items;
    for (size_t i = 0; i < list->count; i++) {
        if (items[i] == term) {
            return true;
        }
    }
    return false;
}

/* Policies may look at entities that they name; the terms of the query have all of these. */
static enum status meet_named(struct building *b)
{
    for (size_t i = 0; i < b->model->value_count; i++) {
        const struct term *term = b->model->terms->items[i];
        if (term->kind == TERM_ENTITY) {
            TRY(meet_entity(b, term));
        }
    }
    return STATUS_OK;
}

/* What the question is about: entities whose ancestors are asked for. */
static enum status read_footprint(struct building *b, const struct symbolic_query *query)
{
    for (size_t i = 0; i < query->footprint_count; i++) {
        const struct term *fails = NULL;
        const struct term *entity = NULL;
        TRY(model_evaluate(b->model, query->footprint[i].fails, &fails, b->diag));
        if (fails->as.truth) {
            continue;
        }
        TRY(model_evaluate(b->model, query->footprint[i].value, &entity, b->diag));
        if (!is_in(&b->footprint, entity)) {
            TRY(add_term(b, &b->footprint, entity));
        }
    }
    return STATUS_OK;
}

/* What the store says about an entity. */
static enum status apply(struct building *b, enum term_function_kind kind,
                         const struct term *entity, uint32_t ancestor, const struct term *tag,
                         const struct term **out)
{
    const struct term_function *function =
        symbolic_function(b->s, kind, entity->type->entity, ancestor);
    if (function == NULL) {
        return STATUS_LIMIT;
    }
    TRY(model_apply(b->model, function, entity, tag, out, b->diag));
    return meet(b, *out);
}

static enum status read_tags(struct building *b, const struct term *entity, struct cedar_value *out)
{
    const struct term *names = NULL;
    struct cedar_list *list = arena_alloc_zero(b->arena, 1, sizeof(*list));
    TRY(apply(b, TERM_TAG_NAMES, entity, 0, NULL, &names));
    struct cedar_field *items = arena_alloc_zero(b->arena, names->item_count, sizeof(*items));
    if (list == NULL || items == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < names->item_count; i++) {
        const struct term *value = NULL;
        TRY(apply(b, TERM_TAG_VALUES, entity, 0, names->items[i], &value));
        items[i].name = names->items[i]->as.text;
        TRY(value_of(b, value, &items[i].value));
    }
    *list = (struct cedar_list){items, names->item_count};
    *out = cedar_record(list);
    return STATUS_OK;
}

static enum status read_ancestors(struct building *b, const struct term *entity,
                                  struct cedar_entity_data *out)
{
    const struct schema_set *types = &b->s->schema->entities[entity->type->entity].ancestors;
    struct growing ancestors = {0};
    for (size_t i = 0; i < types->count && is_in(&b->footprint, entity); i++) {
        const struct term *set = NULL;
        TRY(apply(b, TERM_ANCESTORS, entity, types->items[i], NULL, &set));
        for (size_t k = 0; k < set->item_count; k++) {
            struct cedar_uid *uid = growing_add(&ancestors, b->arena, sizeof(*uid));
            if (uid == NULL) {
                return STATUS_LIMIT;
            }
            *uid = uid_of(set->items[k]);
        }
    }
    out->ancestors = ancestors.items;
    out->ancestor_count = ancestors.count;
    return STATUS_OK;
}

static enum status read_entity(struct building *b, const struct term *entity,
                               struct cedar_example_entity *out)
{
    const struct term *attributes = NULL;
    *out = (struct cedar_example_entity){.uid = uid_of(entity)};
    TRY(apply(b, TERM_ATTRIBUTES, entity, 0, NULL, &attributes));
    TRY(value_of(b, attributes, &out->data.attributes));
    if (b->s->schema->entities[entity->type->entity].tags != NULL) {
        TRY(read_tags(b, entity, &out->data.tags));
    }
    return read_ancestors(b, entity, &out->data);
}

/* Entities lead to others, which are added behind them. */
static enum status read_entities(struct building *b, struct growing *out)
{
    for (size_t i = 0; i < b->entities.count; i++) {
        const struct term *const *entities = b->entities.items;
        struct cedar_example_entity *item = growing_add(out, b->arena, sizeof(*item));
        if (item == NULL) {
            return STATUS_LIMIT;
        }
        TRY(read_entity(b, entities[i], item));
    }
    return STATUS_OK;
}

/* -- the example ---------------------------------------------------------------------------- */

static enum status fill_store(struct building *b, struct cedar_example *out)
{
    struct cedar_entity_store *store = NULL;
    TRY(cedar_entity_store_new(b->arena, &store));
    TRY(cedar_schema_add_actions(b->s->schema, b->arena, store));
    for (size_t i = 0; i < out->count; i++) {
        const struct cedar_example_entity *item = &out->items[i];
        TRY(cedar_entity_store_add(store, &item->uid, &item->data, item->data.ancestors,
                                   item->data.ancestor_count));
    }
    if (cedar_entity_store_close(store) == STATUS_INVALID) {
        return diag_fail(b->diag, STATUS_INVALID, "cedar.solver_answer",
                         "the solver's model has an entity that is its own ancestor");
    }
    out->entities = cedar_entity_store_view(store);
    return STATUS_OK;
}

static enum status read_request(struct building *b, struct cedar_request *out)
{
    const struct symbolic *s = b->s;
    const struct term *principal = NULL;
    const struct term *resource = NULL;
    const struct term *context = NULL;
    TRY(model_evaluate(b->model, s->principal, &principal, b->diag));
    TRY(model_evaluate(b->model, s->resource, &resource, b->diag));
    TRY(model_evaluate(b->model, s->context, &context, b->diag));
    TRY(meet(b, principal));
    TRY(meet(b, resource));
    TRY(meet(b, context));
    *out = (struct cedar_request){
        .principal = uid_of(principal), .action = uid_of(s->action), .resource = uid_of(resource)};
    return value_of(b, context, &out->context);
}

enum status example_build(struct symbolic *s, const struct symbolic_query *query,
                          struct model *model, struct cedar_example *out, struct diag *diag)
{
    struct building b = {
        .s = s, .model = model, .arena = s->arena, .numbers = {.arena = s->arena}, .diag = diag};
    struct growing items = {0};
    *out = (struct cedar_example){0};
    TRY(make_literals(&b, query));
    TRY(read_request(&b, &out->request));
    TRY(meet_named(&b));
    TRY(read_footprint(&b, query));
    TRY(read_entities(&b, &items));
    out->items = items.items;
    out->count = items.count;
    return fill_store(&b, out);
}
