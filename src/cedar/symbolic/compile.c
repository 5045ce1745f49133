/* Expressions as terms (reference, section 16.2). */
#include "cedar/symbolic/compile.h"

#include <assert.h>

#define TEXT_POINT_MAX 0x2FFFF /* the last character of a text in SMT-LIB */

enum status compiled(struct symbolic_value *out, const struct term *value, const struct term *fails)
{
    *out = (struct symbolic_value){value, fails};
    return value == NULL || fails == NULL ? STATUS_LIMIT : STATUS_OK;
}

static const struct term *never(struct compiling *c)
{
    return term_truth(c->terms, false);
}

static enum type_kind type_kind_of(const struct compiling *c, const struct node *node)
{
    return c->policy->types[node->number]->kind;
}

enum status compile_pair(struct compiling *c, const struct node *node, struct symbolic_value *left,
                         struct symbolic_value *right, const struct term **fails)
{
    TRY(compile(c, node->items[0], left));
    TRY(compile(c, node->items[1], right));
    *fails = term_or(c->terms, left->fails, right->fails);
    return *fails == NULL ? STATUS_LIMIT : STATUS_OK;
}

/* -- leaves -------------------------------------------------------------------------------- */

/* Text is UTF-8: planes from 3 on begin with 0xF0 0xB0 or with more. */
enum status compile_check_text(struct compiling *c, struct slice text)
{
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.ptr[i] > 0xF0 || (text.ptr[i] == 0xF0 && text.ptr[i + 1] >= 0xB0)) {
            return diag_fail(c->diag, STATUS_INVALID, "cedar.symbolic",
                             "policy '%.*s' has a character above U+%X, which solvers do not know",
                             SLICE_ARG(report_clip(c->policy->policy->id)), TEXT_POINT_MAX);
        }
    }
    return STATUS_OK;
}

static enum status compile_entity(struct compiling *c, const struct cedar_uid *uid,
                                  struct symbolic_value *out)
{
    uint32_t number = schema_entity_find(c->s->schema, uid->type);
    const struct schema_entity_type *type = &c->s->schema->entities[number];
    TRY(compile_check_text(c, uid->id));
    if (!schema_entity_has_id(type, uid->id)) {
        return diag_fail(c->diag, STATUS_INVALID, "cedar.policy",
                         "policy '%.*s': the enumerated entity type '%.*s' has no id '%.*s'",
                         SLICE_ARG(report_clip(c->policy->policy->id)),
                         SLICE_ARG(report_clip(type->name)), SLICE_ARG(report_clip(uid->id)));
    }
    return compiled(out, term_entity(c->terms, symbolic_entity_type(c->s, number), uid->id),
                    never(c));
}

static enum status compile_literal(struct compiling *c, const struct cedar_value *value,
                                   struct symbolic_value *out)
{
    switch ((int)value->kind) {
    case CEDAR_BOOL:
        return compiled(out, term_truth(c->terms, value->as.boolean), never(c));
    case CEDAR_LONG:
        return compiled(
            out, term_number(c->terms, term_type_plain(c->terms, TERM_TYPE_LONG), value->as.number),
            never(c));
    case CEDAR_STRING:
        TRY(compile_check_text(c, value->as.text));
        return compiled(out, term_text(c->terms, value->as.text), never(c));
    case CEDAR_ENTITY:
        return compile_entity(c, &value->as.uid, out);
    default:
        return STATUS_INTERNAL; /* nothing else is a literal, and slots are refused before */
    }
}

static enum status compile_variable(struct compiling *c, const struct node *node,
                                    struct symbolic_value *out)
{
    switch ((int)node->kind) {
    case NODE_PRINCIPAL:
        return compiled(out, c->s->principal, never(c));
    case NODE_ACTION:
        return compiled(out, c->s->action, never(c));
    case NODE_RESOURCE:
        return compiled(out, c->s->resource, never(c));
    default:
        return compiled(out, c->s->context, never(c));
    }
}

/* -- truth --------------------------------------------------------------------------------- */

/* a && b fails when a fails, or when a is true and b fails; a || b when a is false and b fails. */
static enum status join(struct compiling *c, enum node_kind kind, struct symbolic_value *left,
                        const struct symbolic_value *right)
{
    const struct term *goes_on = kind == NODE_AND ? left->value : term_not(c->terms, left->value);
    const struct term *fails =
        term_or(c->terms, left->fails, term_and(c->terms, goes_on, right->fails));
    return compiled(left,
                    kind == NODE_AND ? term_and(c->terms, left->value, right->value)
                                     : term_or(c->terms, left->value, right->value),
                    fails);
}

/* What stands behind an operand that decides was not typed. */
static enum status compile_chain(struct compiling *c, const struct node *node,
                                 struct symbolic_value *out)
{
    bool stop = node->kind == NODE_OR;
    TRY(compile(c, node->items[0], out));
    for (size_t i = 1; i < node->item_count; i++) {
        bool is_decided = out->value->kind == TERM_TRUTH && out->value->as.truth == stop;
        struct symbolic_value right;
        if (is_decided) {
            return STATUS_OK;
        }
        TRY(compile(c, node->items[i], &right));
        TRY(join(c, node->kind, out, &right));
    }
    return STATUS_OK;
}

static enum status compile_if(struct compiling *c, const struct node *node,
                              struct symbolic_value *out)
{
    struct symbolic_value guard;
    struct symbolic_value then;
    struct symbolic_value other;
    TRY(compile(c, node->items[0], &guard));
    if (guard.value->kind == TERM_TRUTH) {
        TRY(compile(c, node->items[guard.value->as.truth ? 1 : 2], &then));
        return compiled(out, then.value, term_or(c->terms, guard.fails, then.fails));
    }
    TRY(compile(c, node->items[1], &then));
    TRY(compile(c, node->items[2], &other));
    const struct term *fails = term_if(c->terms, guard.value, then.fails, other.fails);
    return compiled(out, term_if(c->terms, guard.value, then.value, other.value),
                    term_or(c->terms, guard.fails, fails));
}

static enum status compile_not(struct compiling *c, const struct node *node,
                               struct symbolic_value *out)
{
    TRY(compile(c, node->items[0], out));
    return compiled(out, term_not(c->terms, out->value), out->fails);
}

/* Values of different types are compared only where the type checker knows the answer. */
static enum status compile_equal(struct compiling *c, const struct node *node,
                                 struct symbolic_value *out)
{
    struct symbolic_value left;
    struct symbolic_value right;
    const struct term *fails = NULL;
    TRY(compile_pair(c, node, &left, &right, &fails));
    bool is_comparable = left.value->type == right.value->type;
    return compiled(out,
                    is_comparable ? term_equal(c->terms, left.value, right.value)
                                  : term_truth(c->terms, false),
                    fails);
}

/* -- numbers and texts --------------------------------------------------------------------- */

static enum status compile_order(struct compiling *c, const struct node *node,
                                 struct symbolic_value *out)
{
    struct symbolic_value left;
    struct symbolic_value right;
    const struct term *fails = NULL;
    enum term_kind kind = node->kind == NODE_LESS ? TERM_LESS : TERM_LESS_EQUAL;
    TRY(compile_pair(c, node, &left, &right, &fails));
    return compiled(out, term_calculate(c->terms, kind, left.value, right.value), fails);
}

static enum status compile_arithmetic(struct compiling *c, const struct node *node,
                                      struct symbolic_value *out)
{
    struct symbolic_value left;
    struct symbolic_value right;
    const struct term *fails = NULL;
    enum term_kind kind = node->kind == NODE_ADD        ? TERM_ADD
                          : node->kind == NODE_SUBTRACT ? TERM_SUBTRACT
                                                        : TERM_MULTIPLY;
    enum term_kind test = node->kind == NODE_ADD        ? TERM_ADD_OVERFLOWS
                          : node->kind == NODE_SUBTRACT ? TERM_SUBTRACT_OVERFLOWS
                                                        : TERM_MULTIPLY_OVERFLOWS;
    TRY(compile_pair(c, node, &left, &right, &fails));
    const struct term *overflows = term_calculate(c->terms, test, left.value, right.value);
    return compiled(out, term_calculate(c->terms, kind, left.value, right.value),
                    term_or(c->terms, fails, overflows));
}

static enum status compile_negate(struct compiling *c, const struct node *node,
                                  struct symbolic_value *out)
{
    TRY(compile(c, node->items[0], out));
    const struct term *least = term_number(c->terms, out->value->type, INT64_MIN);
    return compiled(out, term_negate(c->terms, out->value),
                    term_or(c->terms, out->fails, term_equal(c->terms, out->value, least)));
}

static enum status compile_like(struct compiling *c, const struct node *node,
                                struct symbolic_value *out)
{
    for (size_t i = 0; i < node->part_count; i++) {
        TRY(compile_check_text(c, node->parts[i].literal));
    }
    TRY(compile(c, node->items[0], out));
    return compiled(out, term_like(c->terms, out->value, node->parts, node->part_count),
                    out->fails);
}

/* -- sets and records ---------------------------------------------------------------------- */

static enum status compile_items(struct compiling *c, const struct node *node,
                                 const struct term **items, const struct term **fails)
{
    *fails = never(c);
    for (size_t i = 0; i < node->item_count; i++) {
        struct symbolic_value item;
        TRY(compile(c, node->items[i], &item));
        items[i] = item.value;
        *fails = term_or(c->terms, *fails, item.fails);
    }
    return STATUS_OK;
}

static enum status compile_set(struct compiling *c, const struct node *node,
                               struct symbolic_value *out)
{
    const struct term *fails = NULL;
    const struct term **items =
        arena_alloc_zero(c->s->arena, node->item_count, sizeof(const struct term *));
    if (items == NULL) {
        return STATUS_LIMIT;
    }
    assert(node->item_count > 0); /* an empty one has no strict type */
    TRY(compile_items(c, node, items, &fails));
    const struct term_type *type = term_type_set(c->terms, items[0]->type);
    return compiled(out, term_set(c->terms, type, items, node->item_count), fails);
}

static enum status compile_record(struct compiling *c, const struct node *node,
                                  struct symbolic_value *out)
{
    const struct term *fails = NULL;
    const struct term **items =
        arena_alloc_zero(c->s->arena, node->item_count, sizeof(const struct term *));
    struct term_field *fields = arena_alloc_zero(c->s->arena, node->item_count, sizeof(*fields));
    if (items == NULL || fields == NULL) {
        return STATUS_LIMIT;
    }
    TRY(compile_items(c, node, items, &fails));
    for (size_t i = 0; i < node->item_count; i++) {
        fields[i] = (struct term_field){node->names[i], items[i]->type};
    }
    const struct term_type *type = term_type_record(c->terms, fields, node->item_count);
    return compiled(out, term_record(c->terms, type, items), fails);
}

static enum status compile_is_empty(struct compiling *c, const struct node *node,
                                    struct symbolic_value *out)
{
    TRY(compile(c, node->items[0], out));
    const struct term *empty = term_set(c->terms, out->value->type, NULL, 0);
    return compiled(out, term_equal(c->terms, out->value, empty), out->fails);
}

static enum status compile_contains(struct compiling *c, const struct node *node,
                                    struct symbolic_value *out)
{
    struct symbolic_value left;
    struct symbolic_value right;
    const struct term *fails = NULL;
    TRY(compile_pair(c, node, &left, &right, &fails));
    switch ((int)node->function) {
    case FUNCTION_CONTAINS:
        return compiled(out, term_member(c->terms, right.value, left.value), fails);
    case FUNCTION_CONTAINS_ALL:
        return compiled(out, term_subset(c->terms, right.value, left.value), fails);
    default:
        return compiled(out, term_meets(c->terms, left.value, right.value), fails);
    }
}

static enum status compile_call(struct compiling *c, const struct node *node,
                                struct symbolic_value *out)
{
    switch ((int)node->function) {
    case FUNCTION_CONTAINS:
    case FUNCTION_CONTAINS_ALL:
    case FUNCTION_CONTAINS_ANY:
        return compile_contains(c, node, out);
    case FUNCTION_IS_EMPTY:
        return compile_is_empty(c, node, out);
    case FUNCTION_HAS_TAG:
    case FUNCTION_GET_TAG:
        return compile_tag(c, node, out);
    default:
        return compile_extension(c, node, out);
    }
}

/* -- all expressions ----------------------------------------------------------------------- */

static enum status compile_by_kind(struct compiling *c, const struct node *node,
                                   struct symbolic_value *out)
{
    switch (node->kind) {
    case NODE_VALUE:
        return compile_literal(c, &node->value, out);
    case NODE_PRINCIPAL:
    case NODE_ACTION:
    case NODE_RESOURCE:
    case NODE_CONTEXT:
        return compile_variable(c, node, out);
    case NODE_IF:
        return compile_if(c, node, out);
    case NODE_AND:
    case NODE_OR:
        return compile_chain(c, node, out);
    case NODE_NOT:
        return compile_not(c, node, out);
    case NODE_NEGATE:
        return compile_negate(c, node, out);
    case NODE_EQUAL:
        return compile_equal(c, node, out);
    case NODE_LESS:
    case NODE_LESS_EQUAL:
        return compile_order(c, node, out);
    case NODE_ADD:
    case NODE_SUBTRACT:
    case NODE_MULTIPLY:
        return compile_arithmetic(c, node, out);
    case NODE_IN:
        return compile_in(c, node, out);
    case NODE_ATTRIBUTE:
        return compile_attribute(c, node, out);
    case NODE_HAS:
        return compile_has(c, node, out);
    case NODE_LIKE:
        return compile_like(c, node, out);
    case NODE_IS:
        return compile_is(c, node, out);
    case NODE_SET:
        return compile_set(c, node, out);
    case NODE_RECORD:
        return compile_record(c, node, out);
    case NODE_CALL:
        return compile_call(c, node, out);
    }
    return STATUS_INTERNAL;
}

/* What stands left of `in` is one of these, and only their ancestors are asked for. Nothing depends
 * on the ancestors of other entities, which may as well have none: so the rules of hierarchies need
 * not be claimed for them. */
static bool is_in_footprint(const struct compiling *c, const struct node *node,
                            const struct symbolic_value *value)
{
    bool is_source = node->kind == NODE_VALUE || node->kind == NODE_PRINCIPAL ||
                     node->kind == NODE_ACTION || node->kind == NODE_RESOURCE ||
                     node->kind == NODE_ATTRIBUTE || node->kind == NODE_CALL;
    return c->searches > 0 && is_source && value->value->type->kind == TERM_TYPE_ENTITY;
}

/* Recursion ends: a tree has at most CEDAR_DEPTH_MAX levels. */
enum status compile(struct compiling *c, const struct node *node, struct symbolic_value *out)
{
    assert(c->policy->types[node->number] != NULL);
    TRY(compile_by_kind(c, node, out));
    enum type_kind kind = type_kind_of(c, node);
    if (kind == TYPE_TRUE || kind == TYPE_FALSE) {
        /* What the type checker knows of a value holds, or it is not asked for. */
        return compiled(out, term_truth(c->terms, kind == TYPE_TRUE), out->fails);
    }
    if (is_in_footprint(c, node, out)) {
        struct symbolic_value *added =
            growing_add(&c->footprint, c->s->arena, sizeof(struct symbolic_value));
        if (added == NULL) {
            return STATUS_LIMIT;
        }
        *added = *out;
    }
    return STATUS_OK;
}

/* -- policies ------------------------------------------------------------------------------ */

static enum status check_static(const struct policy *policy, struct diag *diag)
{
    struct slice id = report_clip(policy->id);
    if (policy_is_template(policy)) {
        return diag_fail(diag, STATUS_INVALID, "cedar.template",
                         "policy '%.*s' is a template; only static policies can be analysed",
                         SLICE_ARG(id));
    }
    return policy->link == NULL
               ? STATUS_OK
               : diag_fail(diag, STATUS_INVALID, "cedar.link",
                           "policy '%.*s' is linked to a template; only static policies can be "
                           "analysed",
                           SLICE_ARG(id));
}

enum status symbolic_compile(struct symbolic *s, const struct cedar_policy_set *set, size_t index,
                             struct symbolic_policy *out, struct diag *diag)
{
    const struct policy *policy = &set->policies[index];
    struct policy_typing typing = {s->schema, &s->types, s->arena, s->reports, diag};
    struct typed_policy typed;
    struct symbolic_value value;
    TRY(check_static(policy, diag));
    TRY(policy_typing_type(&typing, policy, &typed));
    struct compiling c = {.s = s, .terms = &s->terms, .policy = &typed, .diag = diag};
    TRY(compile(&c, typed.whole.expression, &value));
    growing_sort_unique(&c.footprint, sizeof(struct symbolic_value), symbolic_footprint_key);
    *out = (struct symbolic_policy){
        .effect = policy->effect,
        .matches = term_and(c.terms, term_not(c.terms, value.fails), value.value),
        .fails = value.fails,
        .footprint = c.footprint.items,
        .footprint_count = c.footprint.count};
    return out->matches == NULL ? STATUS_LIMIT : STATUS_OK;
}

enum status symbolic_compile_set(struct symbolic *s, const struct cedar_policy_set *set,
                                 struct symbolic_policies *out, struct diag *diag)
{
    struct symbolic_policy *items = arena_alloc_zero(s->arena, set->count, sizeof(*items));
    *out = (struct symbolic_policies){0};
    if (items == NULL) {
        return STATUS_LIMIT;
    }
    out->items = items;
    for (size_t i = 0; i < set->count; i++) {
        if (!policy_is_template(&set->policies[i])) {
            TRY(symbolic_compile(s, set, i, &items[out->count], diag));
            out->count++;
        }
    }
    return STATUS_OK;
}
