#include "support/known_world.h"

#include "cedar/eval/reference.h"
#include "cedar/symbolic/compile.h"
#include "cedar/value/entity_store.h"
#include "cedar/value/value.h"

/* -- values as terms ----------------------------------------------------------------------- */

static const struct term *term_of(struct symbolic *s, const struct cedar_value *value,
                                  const struct term_type *type);

static const struct term *term_of_set(struct symbolic *s, const struct cedar_value *value,
                                      const struct term_type *type)
{
    struct cedar_value item;
    struct slice name;
    uint64_t cursor = 0;
    size_t count = 0;
    const struct term **items =
        arena_alloc_zero(s->arena, value_count(value), sizeof(const struct term *));
    while (items != NULL && value_next(value, &cursor, s->arena, &name, &item)) {
        items[count++] = term_of(s, &item, type->element);
    }
    return items == NULL ? NULL : term_set(&s->terms, type, items, count);
}

static const struct term *term_of_field(struct symbolic *s, const struct cedar_value *record,
                                        const struct term_field *field)
{
    struct cedar_value item;
    bool is_option = field->type->kind == TERM_TYPE_OPTION;
    if (record->kind != CEDAR_RECORD || !value_get(record, field->name, s->arena, &item)) {
        return is_option ? term_none(&s->terms, field->type) : NULL;
    }
    return is_option ? term_some(&s->terms, term_of(s, &item, field->type->element))
                     : term_of(s, &item, field->type);
}

static const struct term *term_of_record(struct symbolic *s, const struct cedar_value *value,
                                         const struct term_type *type)
{
    const struct term **items =
        arena_alloc_zero(s->arena, type->field_count, sizeof(const struct term *));
    for (size_t i = 0; items != NULL && i < type->field_count; i++) {
        items[i] = term_of_field(s, value, &type->fields[i]);
    }
    return items == NULL ? NULL : term_record(&s->terms, type, items);
}

static const struct term *term_of(struct symbolic *s, const struct cedar_value *value,
                                  const struct term_type *type)
{
    switch (type->kind) {
    case TERM_TYPE_BOOL:
        return term_truth(&s->terms, value->as.boolean);
    case TERM_TYPE_LONG:
    case TERM_TYPE_DECIMAL:
    case TERM_TYPE_DATETIME:
    case TERM_TYPE_DURATION:
        return term_number(&s->terms, type, value->as.number);
    case TERM_TYPE_STRING:
        return term_text(&s->terms, value->as.text);
    case TERM_TYPE_IP:
        return term_address(&s->terms, &value->as.ip);
    case TERM_TYPE_ENTITY:
        return term_entity(&s->terms, type, value->as.uid.id);
    case TERM_TYPE_SET:
        return term_of_set(s, value, type);
    case TERM_TYPE_RECORD:
        return term_of_record(s, value, type);
    case TERM_TYPE_BITS:
    case TERM_TYPE_OPTION:
        break;
    }
    return NULL;
}

/* -- terms as values ----------------------------------------------------------------------- */

static struct cedar_value value_of(struct arena *arena, const struct term *literal);

static struct cedar_value value_of_list(struct arena *arena, const struct term *literal)
{
    struct cedar_field *fields = arena_alloc_zero(arena, literal->item_count, sizeof(*fields));
    struct cedar_list *list = arena_alloc_zero(arena, 1, sizeof(*list));
    if (fields == NULL || list == NULL) {
        return (struct cedar_value){0};
    }
    list->items = fields;
    for (size_t i = 0; i < literal->item_count; i++) {
        const struct term *item = literal->items[i];
        struct cedar_field *field = &fields[list->count];
        if (literal->kind == TERM_RECORD) {
            field->name = literal->type->fields[i].name;
        }
        if (item->kind != TERM_NONE) {
            field->value = value_of(arena, item->kind == TERM_SOME ? item->items[0] : item);
            list->count++;
        }
    }
    return literal->kind == TERM_RECORD ? cedar_record(list) : cedar_set(list);
}

static enum cedar_kind kind_of_number(enum term_type_kind kind)
{
    return kind == TERM_TYPE_DECIMAL    ? CEDAR_DECIMAL
           : kind == TERM_TYPE_DATETIME ? CEDAR_DATETIME
           : kind == TERM_TYPE_DURATION ? CEDAR_DURATION
                                        : CEDAR_LONG;
}

static struct cedar_value value_of(struct arena *arena, const struct term *literal)
{
    switch ((int)literal->kind) {
    case TERM_TRUTH:
        return cedar_bool(literal->as.truth);
    case TERM_NUMBER:
        return (struct cedar_value){.kind = kind_of_number(literal->type->kind),
                                    .as.number = term_number_of(literal)};
    case TERM_TEXT:
        return cedar_string(literal->as.text);
    case TERM_ENTITY:
        return cedar_entity(literal->type->name, literal->as.text);
    case TERM_ADDRESS:
        return (struct cedar_value){.kind = CEDAR_IP, .as.ip = literal->as.ip};
    default:
        return value_of_list(arena, literal);
    }
}

/* -- the store ----------------------------------------------------------------------------- */

static bool find_total(const void *context, const struct cedar_uid *uid,
                       struct cedar_entity_data *out)
{
    struct known_world *w = (struct known_world *)(uintptr_t)context;
    if (w->original->find(w->original->context, uid, out)) {
        return true;
    }
    uint32_t number = schema_entity_find(w->s.schema, uid->type);
    if (number == SCHEMA_NONE || w->s.schema->entities[number].is_action) {
        return false;
    }
    const struct term_type *shape = symbolic_type(&w->s, w->s.schema->entities[number].shape);
    const struct term *attributes = term_default(&w->s.terms, shape);
    *out = (struct cedar_entity_data){0};
    if (attributes != NULL) {
        out->attributes = value_of(w->s.arena, attributes);
    }
    return attributes != NULL;
}

static const struct term *groups_of(struct symbolic *s, const struct cedar_entity_data *data,
                                    const struct term_type *set)
{
    size_t count = 0;
    const struct term **items =
        arena_alloc_zero(s->arena, data->ancestor_count, sizeof(const struct term *));
    for (size_t i = 0; items != NULL && i < data->ancestor_count; i++) {
        if (slice_eq(data->ancestors[i].type, set->element->name)) {
            items[count++] = term_entity(&s->terms, set->element, data->ancestors[i].id);
        }
    }
    return items == NULL ? NULL : term_set(&s->terms, set, items, count);
}

static const struct term *tag_names(struct symbolic *s, const struct cedar_value *tags,
                                    const struct term_type *set)
{
    struct cedar_value item;
    struct slice name;
    uint64_t cursor = 0;
    size_t count = 0;
    size_t room = tags->kind == CEDAR_RECORD ? value_count(tags) : 0;
    const struct term **items = arena_alloc_zero(s->arena, room, sizeof(const struct term *));
    while (items != NULL && room > 0 && value_next(tags, &cursor, s->arena, &name, &item)) {
        items[count++] = term_text(&s->terms, name);
    }
    return items == NULL ? NULL : term_set(&s->terms, set, items, count);
}

static bool add_entry(struct symbolic *s, struct growing *entries, struct term_entry entry)
{
    struct term_entry *added = growing_add(entries, s->arena, sizeof(*added));
    if (added == NULL || entry.entity == NULL || entry.result == NULL) {
        return false;
    }
    *added = entry;
    return true;
}

static bool add_tags(struct symbolic *s, const struct term_function *function,
                     const struct stored_entity *entity, struct growing *entries)
{
    struct cedar_value item;
    struct slice name;
    uint64_t cursor = 0;
    const struct cedar_value *tags = &entity->data.tags;
    const struct term *it = term_entity(&s->terms, function->entity, entity->uid.id);
    while (tags->kind == CEDAR_RECORD && value_next(tags, &cursor, s->arena, &name, &item)) {
        const struct term *tag = term_text(&s->terms, name);
        const struct term *result = term_of(s, &item, function->result);
        if (tag == NULL || !add_entry(s, entries, (struct term_entry){it, tag, result})) {
            return false;
        }
    }
    return true;
}

static bool add_entity(struct symbolic *s, const struct term_function *function,
                       const struct stored_entity *entity, struct growing *entries)
{
    struct term_entry entry = {.entity = term_entity(&s->terms, function->entity, entity->uid.id)};
    switch (function->kind) {
    case TERM_ATTRIBUTES:
        entry.result = term_of(s, &entity->data.attributes, function->result);
        break;
    case TERM_ANCESTORS:
        entry.result = groups_of(s, &entity->data, function->result);
        break;
    case TERM_TAG_NAMES:
        entry.result = tag_names(s, &entity->data.tags, function->result);
        break;
    case TERM_TAG_VALUES:
        return add_tags(s, function, entity, entries);
    }
    return add_entry(s, entries, entry);
}

static bool define(struct known_world *w, enum term_function_kind kind, uint32_t entity,
                   uint32_t ancestor)
{
    const struct cedar_entity_store *store = w->original->context;
    struct growing entries = {0};
    struct term_function *function = symbolic_function(&w->s, kind, entity, ancestor);
    if (function == NULL) {
        return false;
    }
    for (size_t i = 0; i < store->count; i++) {
        const struct stored_entity *item = &store->items[i];
        if (item->is_added && slice_eq(item->uid.type, function->entity->name) &&
            !add_entity(&w->s, function, item, &entries)) {
            return false;
        }
    }
    function->entries = entries.items;
    function->entry_count = entries.count;
    function->otherwise = term_default(&w->s.terms, function->result);
    return function->otherwise != NULL;
}

static bool define_type(struct known_world *w, uint32_t number)
{
    const struct schema_entity_type *type = &w->s.schema->entities[number];
    bool is_good = true;
    if (type->is_action) {
        return true;
    }
    is_good = define(w, TERM_ATTRIBUTES, number, 0);
    for (size_t i = 0; i < type->ancestors.count; i++) {
        is_good = is_good && define(w, TERM_ANCESTORS, number, type->ancestors.items[i]);
    }
    return is_good && (type->tags == NULL || (define(w, TERM_TAG_NAMES, number, 0) &&
                                              define(w, TERM_TAG_VALUES, number, 0)));
}

enum status known_world_open(struct known_world *w, const struct cedar_schema *schema,
                             const struct cedar_request *request, struct arena *arena)
{
    struct symbolic_environment environment = {schema, request->principal.type,
                                               request->resource.type, request->action};
    *w = (struct known_world){.original = request->entities};
    w->entities = (struct cedar_entities){.context = w, .find = find_total};
    w->request = *request;
    w->request.entities = &w->entities;
    return symbolic_open(&w->s, &environment, arena, NULL);
}

/* -- what terms become --------------------------------------------------------------------- */

static const struct term *variable_value(const struct symbolic *s, const struct term *variable)
{
    return slice_eq(variable->as.text, SLICE("principal"))  ? s->principal
           : slice_eq(variable->as.text, SLICE("resource")) ? s->resource
                                                            : s->context;
}

static const struct term *composed_value(struct terms *t, const struct term *term,
                                         const struct term *const *items)
{
    switch ((int)term->kind) {
    case TERM_SOME:
        return term_some(t, items[0]);
    case TERM_SET:
        return term_set(t, term->type, items, term->item_count);
    case TERM_RECORD:
        return term_record(t, term->type, items);
    case TERM_MEMBER:
        return term_member(t, items[0], items[1]);
    case TERM_SUBSET:
        return term_subset(t, items[0], items[1]);
    case TERM_MEETS:
        return term_meets(t, items[0], items[1]);
    case TERM_IS_SOME:
        return term_is_some(t, items[0]);
    case TERM_VALUE:
        return term_value(t, items[0]);
    case TERM_FIELD:
        return term_get(t, items[0], term->field);
    case TERM_LIKE:
        return term_like(t, items[0], term->as.parts.items, term->as.parts.count);
    default:
        return term; /* a literal */
    }
}

static const struct term *operator_value(struct terms *t, const struct term *term,
                                         const struct term *const *items)
{
    switch ((int)term->kind) {
    case TERM_APPLY:
        return term_apply(t, term->as.function, items[0], term->item_count > 1 ? items[1] : NULL);
    case TERM_NOT:
        return term_not(t, items[0]);
    case TERM_AND:
        return term_and(t, items[0], items[1]);
    case TERM_OR:
        return term_or(t, items[0], items[1]);
    case TERM_EQUAL:
        return term_equal(t, items[0], items[1]);
    case TERM_IF:
        return term_if(t, items[0], items[1], items[2]);
    case TERM_NEGATE:
        return term_negate(t, items[0]);
    case TERM_CONVERT:
        return term_convert(t, term->type, items[0]);
    case TERM_EXTEND:
        return term_extend(t, term->type, items[0]);
    default:
        break;
    }
    if (term->kind >= TERM_ADD && term->kind <= TERM_NOT_ABOVE) {
        return term_calculate(t, term->kind, items[0], items[1]);
    }
    return term->kind >= TERM_IS_V4 ? term_address_part(t, term->kind, items[0])
                                    : composed_value(t, term, items);
}

static const struct term *value_now(struct known_world *w, const struct term *term)
{
    const struct term **items =
        arena_alloc_zero(w->s.arena, term->item_count, sizeof(const struct term *));
    for (size_t i = 0; items != NULL && i < term->item_count; i++) {
        items[i] = w->values[term->items[i]->number];
    }
    if (term->kind == TERM_VARIABLE) {
        return variable_value(&w->s, term);
    }
    return items == NULL ? NULL : operator_value(&w->s.terms, term, items);
}

enum status known_world_fill(struct known_world *w)
{
    struct symbolic *s = &w->s;
    size_t count = s->terms.count;
    w->values = arena_alloc_zero(s->arena, count, sizeof(const struct term *));
    if (w->values == NULL) {
        return STATUS_LIMIT;
    }
    for (uint32_t i = 0; i < s->schema->entity_count; i++) {
        if (!define_type(w, i)) {
            return STATUS_LIMIT;
        }
    }
    s->principal = term_entity(&s->terms, s->principal->type, w->request.principal.id);
    s->resource = term_entity(&s->terms, s->resource->type, w->request.resource.id);
    s->context = term_of(s, &w->request.context, s->context->type);
    if (s->principal == NULL || s->resource == NULL || s->context == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        w->values[i] = value_now(w, s->terms.items[i]);
    }
    return STATUS_OK;
}

const struct term *known_world_value(const struct known_world *w, const struct term *term)
{
    return w->values[term->number];
}

/* -- the evaluator ------------------------------------------------------------------------- */

/* The whole policy as one expression, scope and all. */
enum status known_world_evaluate(struct known_world *w, const struct policy *policy, bool *matches,
                                 bool *fails)
{
    static struct cedar_diagnostics diagnostics;
    struct cedar_source source = {policy->source, policy->source_text};
    struct reporter reporter;
    struct lowered_policy whole;
    struct cedar_value value;
    struct cedar_policy_error error = {0};
    diagnostics.count = 0;
    reporter_init(&reporter, &source, &diagnostics);
    TRY(lower_policy_whole(policy->surface, w->s.arena, &reporter, &whole));
    enum status status =
        reference_evaluate(whole.expression, &w->request, w->s.arena, &value, &error);
    *fails = status == STATUS_INVALID;
    *matches = status == STATUS_OK && value.kind == CEDAR_BOOL && value.as.boolean;
    if (*fails && error.kind == CEDAR_ERROR_STEPS) {
        return STATUS_INTERNAL;
    }
    return *fails ? STATUS_OK : status;
}
