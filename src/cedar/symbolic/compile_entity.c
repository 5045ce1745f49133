/* Hierarchy, attributes and tags. */
#include "cedar/symbolic/compile.h"

/* -- hierarchy ----------------------------------------------------------------------------- */

/* An entity is in itself, and in its ancestors. */
static const struct term *is_in_entity(struct compiling *c, const struct term *entity,
                                       const struct term *target)
{
    const struct term_type *type = target->type;
    const struct term *is_it =
        entity->type == type ? term_equal(c->terms, entity, target) : term_truth(c->terms, false);
    return symbolic_may_be_in(c->s, entity->type->entity, type->entity)
               ? term_or(
                     c->terms, is_it,
                     term_member(c->terms, target, symbolic_ancestors(c->s, entity, type->entity)))
               : is_it;
}

static const struct term *is_in_set(struct compiling *c, const struct term *entity,
                                    const struct term *targets)
{
    const struct term_type *type = targets->type->element;
    const struct term *is_one =
        entity->type == type ? term_member(c->terms, entity, targets) : term_truth(c->terms, false);
    return symbolic_may_be_in(c->s, entity->type->entity, type->entity)
               ? term_or(
                     c->terms, is_one,
                     term_meets(c->terms, targets, symbolic_ancestors(c->s, entity, type->entity)))
               : is_one;
}

enum status compile_in(struct compiling *c, const struct node *node, struct symbolic_value *out)
{
    struct symbolic_value left;
    struct symbolic_value right;
    c->searches++;
    TRY(compile(c, node->items[0], &left));
    c->searches--;
    TRY(compile(c, node->items[1], &right));
    const struct term *fails = term_or(c->terms, left.fails, right.fails);
    bool is_set = right.value->type->kind == TERM_TYPE_SET;
    return compiled(out,
                    is_set ? is_in_set(c, left.value, right.value)
                           : is_in_entity(c, left.value, right.value),
                    fails);
}

enum status compile_is(struct compiling *c, const struct node *node, struct symbolic_value *out)
{
    TRY(compile(c, node->items[0], out));
    bool is_it = slice_eq(out->value->type->name, node->text);
    return compiled(out, term_truth(c->terms, is_it), out->fails);
}

/* -- attributes ---------------------------------------------------------------------------- */

/* The attributes of an entity; a record has its own. */
static const struct term *attributes_of(struct compiling *c, const struct term *object)
{
    if (object->type->kind != TERM_TYPE_ENTITY) {
        return object;
    }
    const struct term_function *function =
        symbolic_function(c->s, TERM_ATTRIBUTES, object->type->entity, 0);
    return function == NULL ? NULL : term_apply(c->terms, function, object, NULL);
}

static bool is_optional(const struct term *field)
{
    return field->type->kind == TERM_TYPE_OPTION;
}

enum status compile_has(struct compiling *c, const struct node *node, struct symbolic_value *out)
{
    size_t index = 0;
    TRY(compile(c, node->items[0], out));
    const struct term *record = attributes_of(c, out->value);
    if (record == NULL) {
        return STATUS_LIMIT;
    }
    if (!term_type_field(record->type, node->text, &index)) {
        return compiled(out, term_truth(c->terms, false), out->fails);
    }
    const struct term *field = term_get(c->terms, record, index);
    if (field == NULL) {
        return STATUS_LIMIT;
    }
    return compiled(out,
                    is_optional(field) ? term_is_some(c->terms, field) : term_truth(c->terms, true),
                    out->fails);
}

enum status compile_attribute(struct compiling *c, const struct node *node,
                              struct symbolic_value *out)
{
    size_t index = 0;
    TRY(compile(c, node->items[0], out));
    const struct term *record = attributes_of(c, out->value);
    if (record == NULL) {
        return STATUS_LIMIT;
    }
    if (!term_type_field(record->type, node->text, &index)) {
        return STATUS_INTERNAL; /* the type checker found it */
    }
    const struct term *field = term_get(c->terms, record, index);
    if (field == NULL || !is_optional(field)) {
        return compiled(out, field, out->fails);
    }
    const struct term *is_missing = term_not(c->terms, term_is_some(c->terms, field));
    return compiled(out, term_value(c->terms, field), term_or(c->terms, out->fails, is_missing));
}

/* -- tags ---------------------------------------------------------------------------------- */

enum status compile_tag(struct compiling *c, const struct node *node, struct symbolic_value *out)
{
    struct symbolic_value entity;
    struct symbolic_value tag;
    const struct term *fails = NULL;
    TRY(compile_pair(c, node, &entity, &tag, &fails));
    uint32_t type = entity.value->type->entity;
    if (c->s->schema->entities[type].tags == NULL) {
        return compiled(out, term_truth(c->terms, false), fails); /* of hasTag */
    }
    const struct term_function *names = symbolic_function(c->s, TERM_TAG_NAMES, type, 0);
    const struct term_function *values = symbolic_function(c->s, TERM_TAG_VALUES, type, 0);
    if (names == NULL || values == NULL) {
        return STATUS_LIMIT;
    }
    const struct term *has_tag =
        term_member(c->terms, tag.value, term_apply(c->terms, names, entity.value, NULL));
    if (node->function == FUNCTION_HAS_TAG) {
        return compiled(out, has_tag, fails);
    }
    return compiled(out, term_apply(c->terms, values, entity.value, tag.value),
                    term_or(c->terms, fails, term_not(c->terms, has_tag)));
}
