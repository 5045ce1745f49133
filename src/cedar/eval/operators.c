#include "cedar/eval/operators.h"

#include "cedar/eval/like.h"

#define LIKE_BYTES_PER_STEP 64U /* so that long texts use up steps too */
#define ANCESTORS_PER_STEP 8U   /* likewise */

static const struct cedar_value UNKNOWN = {.kind = CEDAR_UNKNOWN};

static bool fail_type(struct evaluation *e, struct slice message)
{
    return evaluation_fail(e, CEDAR_ERROR_TYPE, message, SLICE_EMPTY);
}

static bool answer(struct evaluation *e, enum value_truth truth, struct cedar_value *out)
{
    if (truth == VALUE_ERROR) {
        return evaluation_use_steps(e, 1) &&
               evaluation_fail(e, CEDAR_ERROR_UNREADABLE, SLICE("a value has no Cedar form"),
                               SLICE_EMPTY);
    }
    *out = truth == VALUE_UNKNOWN ? UNKNOWN : cedar_bool(truth == VALUE_TRUE);
    return true;
}

enum variable node_variable(const struct node *node)
{
    if (node->kind == NODE_PRINCIPAL) {
        return VARIABLE_PRINCIPAL;
    }
    return node->kind == NODE_ACTION ? VARIABLE_ACTION : VARIABLE_RESOURCE;
}

/* -- logic and arithmetic ------------------------------------------------------------------ */

bool operate_chain(struct evaluation *e, const struct cedar_value *operand, bool stop,
                   bool *is_decided)
{
    if (operand->kind == CEDAR_UNKNOWN) {
        *is_decided = true;
        return true;
    }
    if (operand->kind != CEDAR_BOOL) {
        return fail_type(e, SLICE("an operand of '&&' or '||' is no boolean"));
    }
    *is_decided = operand->as.boolean == stop;
    return true;
}

bool operate_condition(struct evaluation *e, const struct cedar_value *value)
{
    return value->kind == CEDAR_BOOL || fail_type(e, SLICE("the condition of 'if' is no boolean"));
}

bool operate_unary(struct evaluation *e, enum node_kind kind, struct cedar_value *value)
{
    if (value->kind == CEDAR_UNKNOWN) {
        return true;
    }
    if (kind == NODE_NOT) {
        if (value->kind != CEDAR_BOOL) {
            return fail_type(e, SLICE("the operand of '!' is no boolean"));
        }
        value->as.boolean = !value->as.boolean;
        return true;
    }
    if (value->kind != CEDAR_LONG) {
        return fail_type(e, SLICE("the operand of '-' is no integer"));
    }
    return !__builtin_sub_overflow(0, value->as.number, &value->as.number) ||
           evaluation_fail(e, CEDAR_ERROR_OVERFLOW, SLICE("the negation does not fit 64 bits"),
                           SLICE_EMPTY);
}

static bool calculate(struct evaluation *e, enum node_kind kind, const struct cedar_value *left,
                      const struct cedar_value *right, struct cedar_value *out)
{
    if (left->kind != CEDAR_LONG || right->kind != CEDAR_LONG) {
        return fail_type(e, SLICE("an operand of '+', '-' or '*' is no integer"));
    }
    int64_t result = 0;
    bool overflow = false;
    if (kind == NODE_ADD) {
        overflow = __builtin_add_overflow(left->as.number, right->as.number, &result);
    } else if (kind == NODE_SUBTRACT) {
        overflow = __builtin_sub_overflow(left->as.number, right->as.number, &result);
    } else {
        overflow = __builtin_mul_overflow(left->as.number, right->as.number, &result);
    }
    if (overflow) {
        return evaluation_fail(e, CEDAR_ERROR_OVERFLOW, SLICE("the result does not fit 64 bits"),
                               SLICE_EMPTY);
    }
    *out = cedar_long(result);
    return true;
}

static bool order(struct evaluation *e, enum node_kind kind, const struct cedar_value *left,
                  const struct cedar_value *right, struct cedar_value *out)
{
    bool is_ordered =
        left->kind == CEDAR_LONG || left->kind == CEDAR_DATETIME || left->kind == CEDAR_DURATION;
    if (!is_ordered || left->kind != right->kind) {
        return fail_type(e, SLICE("only two integers, datetimes or durations have an order"));
    }
    *out = cedar_bool(kind == NODE_LESS ? left->as.number < right->as.number
                                        : left->as.number <= right->as.number);
    return true;
}

/* -- entities ------------------------------------------------------------------------------ */

/* Every element has to be an entity, also behind one that matches. */
static bool is_in_set(struct evaluation *e, const struct subject *subject,
                      const struct cedar_value *set, struct cedar_value *out)
{
    enum value_truth truth = VALUE_FALSE;
    uint64_t cursor = 0;
    struct slice name;
    struct cedar_value item;
    while (value_next(set, &cursor, e->work.arena, &name, &item)) {
        if (!evaluation_use_steps(e, operate_in_steps(subject))) {
            return false;
        }
        if (item.kind == CEDAR_ERROR) {
            return answer(e, VALUE_ERROR, out);
        }
        if (item.kind != CEDAR_ENTITY && item.kind != CEDAR_UNKNOWN) {
            return fail_type(e, SLICE("an element of the set behind 'in' is no entity"));
        }
        if (item.kind == CEDAR_UNKNOWN) {
            truth = VALUE_UNKNOWN; /* it may be no entity at all */
        } else if (truth == VALUE_FALSE && subject_is_in(subject, &item.as.uid)) {
            truth = VALUE_TRUE;
        }
    }
    return answer(e, truth, out);
}

size_t operate_in_steps(const struct subject *subject)
{
    return 1 + subject->data.ancestor_count / ANCESTORS_PER_STEP;
}

bool operate_in(struct evaluation *e, const struct subject *subject,
                const struct cedar_value *right, struct cedar_value *out)
{
    if (right->kind == CEDAR_UNKNOWN) {
        *out = UNKNOWN;
        return true;
    }
    if (right->kind == CEDAR_ENTITY) {
        *out = cedar_bool(subject_is_in(subject, &right->as.uid));
        return true;
    }
    if (right->kind != CEDAR_SET) {
        return fail_type(e, SLICE("the right operand of 'in' is neither entity nor set"));
    }
    return is_in_set(e, subject, right, out);
}

static bool is_in(struct evaluation *e, const struct cedar_value *left,
                  const struct cedar_value *right, struct cedar_value *out)
{
    struct subject place;
    if (left->kind != CEDAR_ENTITY) {
        return fail_type(e, SLICE("the left operand of 'in' is no entity"));
    }
    return operate_in(e, evaluation_find(e, &left->as.uid, &place), right, out);
}

bool operate_binary(struct evaluation *e, enum node_kind kind, const struct cedar_value *left,
                    const struct cedar_value *right, struct cedar_value *out)
{
    if (left->kind == CEDAR_UNKNOWN || right->kind == CEDAR_UNKNOWN) {
        *out = UNKNOWN;
        return true;
    }
    switch ((int)kind) {
    case NODE_EQUAL:
        return answer(e, value_equal(left, right, &e->work, 0), out);
    case NODE_LESS:
    case NODE_LESS_EQUAL:
        return order(e, kind, left, right, out);
    case NODE_IN:
        return is_in(e, left, right, out);
    default:
        return calculate(e, kind, left, right, out);
    }
}

bool operate_is(struct evaluation *e, struct slice type, struct cedar_value *value)
{
    if (value->kind == CEDAR_UNKNOWN) {
        return true;
    }
    if (value->kind != CEDAR_ENTITY) {
        return fail_type(e, SLICE("the left operand of 'is' is no entity"));
    }
    *value = cedar_bool(slice_eq(value->as.uid.type, type));
    return true;
}

bool operate_like(struct evaluation *e, const struct pattern_part *parts, size_t count,
                  struct cedar_value *value)
{
    if (value->kind == CEDAR_UNKNOWN) {
        return true;
    }
    if (value->kind != CEDAR_STRING) {
        return fail_type(e, SLICE("the left operand of 'like' is no string"));
    }
    if (!evaluation_use_steps(e, value->as.text.len / LIKE_BYTES_PER_STEP)) {
        return false;
    }
    *value = cedar_bool(like_matches(parts, count, value->as.text));
    return true;
}

/* -- attributes and tags ------------------------------------------------------------------- */

enum found operate_find(struct evaluation *e, const struct cedar_value *object, struct slice name,
                        struct cedar_value *out)
{
    const struct cedar_value *record = object;
    struct subject place;
    if (object->kind == CEDAR_ENTITY) {
        const struct subject *subject = evaluation_find(e, &object->as.uid, &place);
        if (!subject->exists) {
            *out = *object;
            return FOUND_NO_ENTITY;
        }
        record = &subject->data.attributes;
    } else if (object->kind != CEDAR_RECORD && object->kind != CEDAR_UNKNOWN) {
        (void)fail_type(e, SLICE("only entities and records have attributes"));
        return FOUND_FAILURE;
    }
    if (record->kind == CEDAR_UNKNOWN) {
        return FOUND_UNKNOWN;
    }
    if (record->kind != CEDAR_RECORD || !value_get(record, name, e->work.arena, out)) {
        return FOUND_NOTHING;
    }
    return out->kind == CEDAR_ERROR ? FOUND_UNREADABLE : FOUND_VALUE;
}

bool operate_attribute(struct evaluation *e, enum found found, struct slice name,
                       struct cedar_value *value)
{
    switch (found) {
    case FOUND_VALUE:
        return true;
    case FOUND_UNKNOWN:
        *value = UNKNOWN;
        return true;
    case FOUND_UNREADABLE:
        return evaluation_fail(e, CEDAR_ERROR_UNREADABLE, SLICE("the value has no Cedar form"),
                               name);
    case FOUND_NOTHING:
        return evaluation_fail(e, CEDAR_ERROR_ATTRIBUTE, SLICE("there is no such attribute"), name);
    case FOUND_NO_ENTITY:
        return evaluation_fail(e, CEDAR_ERROR_ENTITY, SLICE("the entity does not exist"),
                               value->as.uid.id);
    case FOUND_FAILURE:
        break;
    }
    return false;
}

bool operate_has(enum found found, struct cedar_value *value)
{
    *value = found == FOUND_UNKNOWN ? UNKNOWN
                                    : cedar_bool(found == FOUND_VALUE || found == FOUND_UNREADABLE);
    return found != FOUND_FAILURE;
}

static bool get_tag(struct evaluation *e, bool is_get, const struct cedar_value *arguments,
                    struct cedar_value *out)
{
    struct subject place;
    if (arguments[0].kind != CEDAR_ENTITY) {
        return fail_type(e, SLICE("only entities have tags"));
    }
    if (arguments[1].kind != CEDAR_STRING) {
        return fail_type(e, SLICE("the name of a tag is no string"));
    }
    struct slice name = arguments[1].as.text;
    const struct subject *subject = evaluation_find(e, &arguments[0].as.uid, &place);
    const struct cedar_value *tags = &subject->data.tags;
    if (tags->kind == CEDAR_UNKNOWN) {
        *out = UNKNOWN;
        return true;
    }
    bool is_found = tags->kind == CEDAR_RECORD && value_get(tags, name, e->work.arena, out);
    if (!is_get) {
        *out = cedar_bool(is_found);
        return true;
    }
    if (is_found) {
        return operate_attribute(e, out->kind == CEDAR_ERROR ? FOUND_UNREADABLE : FOUND_VALUE, name,
                                 out);
    }
    return subject->exists
               ? evaluation_fail(e, CEDAR_ERROR_TAG, SLICE("there is no such tag"), name)
               : evaluation_fail(e, CEDAR_ERROR_ENTITY, SLICE("the entity does not exist"),
                                 arguments[0].as.uid.id);
}

/* -- lists and calls ----------------------------------------------------------------------- */

struct cedar_list *operate_new_list(struct evaluation *e, size_t count, struct cedar_field **fields)
{
    struct cedar_list *list = arena_alloc(e->work.arena, sizeof(*list));
    *fields = arena_alloc_zero(e->work.arena, count, sizeof(**fields));
    if (*fields == NULL || list == NULL) {
        e->is_out_of_memory = true;
        (void)evaluation_fail(e, CEDAR_ERROR_STEPS, SLICE("the evaluation takes too much memory"),
                              SLICE_EMPTY);
        return NULL;
    }
    *list = (struct cedar_list){*fields, count};
    return list;
}

static bool call_set(struct evaluation *e, enum function function,
                     const struct cedar_value *arguments, struct cedar_value *out)
{
    if (arguments[0].kind != CEDAR_SET) {
        return fail_type(e, SLICE("only sets have this method"));
    }
    if (function == FUNCTION_IS_EMPTY) {
        *out = cedar_bool(value_count(&arguments[0]) == 0);
        return true;
    }
    if (function == FUNCTION_CONTAINS) {
        return answer(e, value_contains(&arguments[0], &arguments[1], &e->work, 0), out);
    }
    if (arguments[1].kind != CEDAR_SET) {
        return fail_type(e, SLICE("the argument is no set"));
    }
    enum value_truth truth = function == FUNCTION_CONTAINS_ALL
                                 ? value_contains_all(&arguments[0], &arguments[1], &e->work, 0)
                                 : value_contains_any(&arguments[0], &arguments[1], &e->work, 0);
    return answer(e, truth, out);
}

bool operate_call(struct evaluation *e, enum function function, struct slice name,
                  const struct cedar_value *arguments, size_t count, struct cedar_value *out)
{
    if (function >= FUNCTION_DECIMAL) {
        return operate_extension(e, function, name, arguments, count, out);
    }
    if (function == FUNCTION_GET_TAG || function == FUNCTION_HAS_TAG) {
        return get_tag(e, function == FUNCTION_GET_TAG, arguments, out);
    }
    return call_set(e, function, arguments, out);
}
