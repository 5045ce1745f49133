#include "cedar/eval/evaluate.h"

#include "cedar/eval/like.h"

#define ARGUMENTS_MAX 2         /* more than any function takes */
#define LIKE_BYTES_PER_STEP 64U /* so that long texts use up steps too */

static const struct cedar_value UNKNOWN = {.kind = CEDAR_UNKNOWN};

static void subject_init(struct subject *subject, const struct cedar_request *request,
                         const struct cedar_uid *uid)
{
    *subject = (struct subject){.uid = uid};
    subject->exists = request->entities != NULL &&
                      request->entities->find(request->entities->context, uid, &subject->data);
    if (!subject->exists) {
        subject->data = (struct cedar_entity_data){0};
    }
}

void evaluation_init(struct evaluation *e, const struct cedar_request *request, struct arena *arena)
{
    *e = (struct evaluation){.request = request, .work = {.arena = arena}};
    subject_init(&e->principal, request, &request->principal);
    subject_init(&e->action, request, &request->action);
    subject_init(&e->resource, request, &request->resource);
}

bool evaluation_fail(struct evaluation *e, enum cedar_error_kind kind, struct slice message,
                     struct slice subject)
{
    e->error = (struct cedar_policy_error){.kind = kind, .message = message, .subject = subject};
    return false;
}

static bool fail_type(struct evaluation *e, struct slice message)
{
    return evaluation_fail(e, CEDAR_ERROR_TYPE, message, SLICE_EMPTY);
}

static bool use_steps(struct evaluation *e, size_t count)
{
    if (count > e->work.steps_left) {
        e->work.steps_left = 0;
        return evaluation_fail(e, CEDAR_ERROR_STEPS, SLICE("the evaluation takes too many steps"),
                               SLICE_EMPTY);
    }
    e->work.steps_left -= (uint32_t)count;
    return true;
}

static bool answer(struct evaluation *e, enum value_truth truth, struct cedar_value *out)
{
    if (truth == VALUE_ERROR) {
        return use_steps(e, 1) && evaluation_fail(e, CEDAR_ERROR_UNREADABLE,
                                                  SLICE("a value has no Cedar form"), SLICE_EMPTY);
    }
    *out = truth == VALUE_UNKNOWN ? UNKNOWN : cedar_bool(truth == VALUE_TRUE);
    return true;
}

bool subject_is_in(const struct subject *subject, const struct cedar_uid *target)
{
    if (uid_eq(subject->uid, target)) {
        return true;
    }
    for (size_t i = 0; i < subject->data.ancestor_count; i++) {
        if (uid_eq(&subject->data.ancestors[i], target)) {
            return true;
        }
    }
    return false;
}

/* The three subjects were looked up already; they are recognised by where their texts lie. */
static void find_subject(const struct evaluation *e, const struct cedar_uid *uid,
                         struct subject *out)
{
    const struct subject *known[] = {&e->principal, &e->action, &e->resource};
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (known[i]->uid->id.ptr == uid->id.ptr && known[i]->uid->type.ptr == uid->type.ptr &&
            uid_eq(known[i]->uid, uid)) {
            *out = *known[i];
            out->uid = uid;
            return;
        }
    }
    subject_init(out, e->request, uid);
}

/* -- operators ----------------------------------------------------------------------------- */

/* && and ||: `stop` is the value that decides at once. An unknown operand may also fail, so nothing
 * behind it can decide. */
static bool evaluate_chain(struct evaluation *e, const struct node *node, bool stop,
                           struct cedar_value *out)
{
    for (size_t i = 0; i < node->item_count; i++) {
        if (!evaluate(e, node->items[i], out)) {
            return false;
        }
        if (out->kind == CEDAR_UNKNOWN) {
            return true;
        }
        if (out->kind != CEDAR_BOOL) {
            return fail_type(e, SLICE("an operand of '&&' or '||' is no boolean"));
        }
        if (out->as.boolean == stop) {
            return true;
        }
    }
    return true;
}

static bool evaluate_if(struct evaluation *e, const struct node *node, struct cedar_value *out)
{
    if (!evaluate(e, node->items[0], out)) {
        return false;
    }
    if (out->kind == CEDAR_UNKNOWN) {
        return true;
    }
    if (out->kind != CEDAR_BOOL) {
        return fail_type(e, SLICE("the condition of 'if' is no boolean"));
    }
    return evaluate(e, node->items[out->as.boolean ? 1 : 2], out);
}

static bool evaluate_not(struct evaluation *e, const struct node *node, struct cedar_value *out)
{
    if (!evaluate(e, node->items[0], out)) {
        return false;
    }
    if (out->kind == CEDAR_BOOL) {
        out->as.boolean = !out->as.boolean;
        return true;
    }
    return out->kind == CEDAR_UNKNOWN || fail_type(e, SLICE("the operand of '!' is no boolean"));
}

static bool evaluate_negate(struct evaluation *e, const struct node *node, struct cedar_value *out)
{
    if (!evaluate(e, node->items[0], out)) {
        return false;
    }
    if (out->kind == CEDAR_UNKNOWN) {
        return true;
    }
    if (out->kind != CEDAR_LONG) {
        return fail_type(e, SLICE("the operand of '-' is no integer"));
    }
    return !__builtin_sub_overflow(0, out->as.number, &out->as.number) ||
           evaluation_fail(e, CEDAR_ERROR_OVERFLOW, SLICE("the negation does not fit 64 bits"),
                           SLICE_EMPTY);
}

/* Both operands, left before right; *is_unknown when the result must be unknown. */
static bool evaluate_both(struct evaluation *e, const struct node *node, struct cedar_value *left,
                          struct cedar_value *right, bool *is_unknown)
{
    if (!evaluate(e, node->items[0], left) || !evaluate(e, node->items[1], right)) {
        return false;
    }
    *is_unknown = left->kind == CEDAR_UNKNOWN || right->kind == CEDAR_UNKNOWN;
    return true;
}

static bool evaluate_arithmetic(struct evaluation *e, const struct node *node,
                                struct cedar_value *out)
{
    struct cedar_value left;
    struct cedar_value right;
    bool is_unknown = false;
    if (!evaluate_both(e, node, &left, &right, &is_unknown)) {
        return false;
    }
    if (is_unknown) {
        *out = UNKNOWN;
        return true;
    }
    if (left.kind != CEDAR_LONG || right.kind != CEDAR_LONG) {
        return fail_type(e, SLICE("an operand of '+', '-' or '*' is no integer"));
    }
    int64_t result = 0;
    bool overflow = false;
    if (node->kind == NODE_ADD) {
        overflow = __builtin_add_overflow(left.as.number, right.as.number, &result);
    } else if (node->kind == NODE_SUBTRACT) {
        overflow = __builtin_sub_overflow(left.as.number, right.as.number, &result);
    } else {
        overflow = __builtin_mul_overflow(left.as.number, right.as.number, &result);
    }
    if (overflow) {
        return evaluation_fail(e, CEDAR_ERROR_OVERFLOW, SLICE("the result does not fit 64 bits"),
                               SLICE_EMPTY);
    }
    *out = cedar_long(result);
    return true;
}

static bool evaluate_order(struct evaluation *e, const struct node *node, struct cedar_value *out)
{
    struct cedar_value left;
    struct cedar_value right;
    bool is_unknown = false;
    if (!evaluate_both(e, node, &left, &right, &is_unknown)) {
        return false;
    }
    if (is_unknown) {
        *out = UNKNOWN;
        return true;
    }
    bool is_ordered =
        left.kind == CEDAR_LONG || left.kind == CEDAR_DATETIME || left.kind == CEDAR_DURATION;
    if (!is_ordered || left.kind != right.kind) {
        return fail_type(e, SLICE("only two integers, datetimes or durations have an order"));
    }
    *out = cedar_bool(node->kind == NODE_LESS ? left.as.number < right.as.number
                                              : left.as.number <= right.as.number);
    return true;
}

static bool evaluate_equal(struct evaluation *e, const struct node *node, struct cedar_value *out)
{
    struct cedar_value left;
    struct cedar_value right;
    bool is_unknown = false;
    if (!evaluate_both(e, node, &left, &right, &is_unknown)) {
        return false;
    }
    if (is_unknown) {
        *out = UNKNOWN;
        return true;
    }
    return answer(e, value_equal(&left, &right, &e->work, 0), out);
}

/* Every element has to be an entity, also behind one that matches. */
static bool is_in_set(struct evaluation *e, const struct subject *subject,
                      const struct cedar_value *set, struct cedar_value *out)
{
    enum value_truth truth = VALUE_FALSE;
    uint64_t cursor = 0;
    struct slice name;
    struct cedar_value item;
    while (value_next(set, &cursor, e->work.arena, &name, &item)) {
        if (!use_steps(e, 1 + subject->data.ancestor_count / 8)) {
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

static bool evaluate_in(struct evaluation *e, const struct node *node, struct cedar_value *out)
{
    struct cedar_value left;
    struct cedar_value right;
    struct subject subject;
    bool is_unknown = false;
    if (!evaluate_both(e, node, &left, &right, &is_unknown)) {
        return false;
    }
    if (is_unknown) {
        *out = UNKNOWN;
        return true;
    }
    if (left.kind != CEDAR_ENTITY) {
        return fail_type(e, SLICE("the left operand of 'in' is no entity"));
    }
    find_subject(e, &left.as.uid, &subject);
    if (right.kind == CEDAR_ENTITY) {
        *out = cedar_bool(subject_is_in(&subject, &right.as.uid));
        return true;
    }
    if (right.kind != CEDAR_SET) {
        return fail_type(e, SLICE("the right operand of 'in' is neither entity nor set"));
    }
    return is_in_set(e, &subject, &right, out);
}

static bool evaluate_is(struct evaluation *e, const struct node *node, struct cedar_value *out)
{
    if (!evaluate(e, node->items[0], out)) {
        return false;
    }
    if (out->kind == CEDAR_UNKNOWN) {
        return true;
    }
    if (out->kind != CEDAR_ENTITY) {
        return fail_type(e, SLICE("the left operand of 'is' is no entity"));
    }
    *out = cedar_bool(slice_eq(out->as.uid.type, node->text));
    return true;
}

static bool evaluate_like(struct evaluation *e, const struct node *node, struct cedar_value *out)
{
    if (!evaluate(e, node->items[0], out)) {
        return false;
    }
    if (out->kind == CEDAR_UNKNOWN) {
        return true;
    }
    if (out->kind != CEDAR_STRING) {
        return fail_type(e, SLICE("the left operand of 'like' is no string"));
    }
    if (!use_steps(e, out->as.text.len / LIKE_BYTES_PER_STEP)) {
        return false;
    }
    *out = cedar_bool(like_matches(node->parts, node->part_count, out->as.text));
    return true;
}

/* -- attributes and tags ------------------------------------------------------------------- */

/* Look into a record that may itself be unknown or absent (kind CEDAR_ERROR). */
static bool look_up(const struct evaluation *e, const struct cedar_value *record, struct slice name,
                    struct cedar_value *out)
{
    if (record->kind == CEDAR_UNKNOWN) {
        *out = UNKNOWN;
        return true;
    }
    return record->kind == CEDAR_RECORD && value_get(record, name, e->work.arena, out);
}

static bool readable(struct evaluation *e, struct slice name, const struct cedar_value *value)
{
    return value->kind != CEDAR_ERROR ||
           evaluation_fail(e, CEDAR_ERROR_UNREADABLE, SLICE("the value has no Cedar form"), name);
}

static bool evaluate_attribute(struct evaluation *e, const struct node *node,
                               struct cedar_value *out)
{
    struct cedar_value object;
    struct subject subject;
    if (!evaluate(e, node->items[0], &object)) {
        return false;
    }
    if (object.kind == CEDAR_ENTITY) {
        find_subject(e, &object.as.uid, &subject);
        if (!subject.exists) {
            return evaluation_fail(e, CEDAR_ERROR_ENTITY, SLICE("the entity does not exist"),
                                   object.as.uid.id);
        }
        object = subject.data.attributes;
    } else if (object.kind != CEDAR_RECORD && object.kind != CEDAR_UNKNOWN) {
        return fail_type(e, SLICE("only entities and records have attributes"));
    }
    if (!look_up(e, &object, node->text, out)) {
        return evaluation_fail(e, CEDAR_ERROR_ATTRIBUTE, SLICE("there is no such attribute"),
                               node->text);
    }
    return readable(e, node->text, out);
}

static bool evaluate_has(struct evaluation *e, const struct node *node, struct cedar_value *out)
{
    struct cedar_value object;
    struct cedar_value found;
    struct subject subject;
    if (!evaluate(e, node->items[0], &object)) {
        return false;
    }
    if (object.kind == CEDAR_ENTITY) {
        find_subject(e, &object.as.uid, &subject);
        object = subject.data.attributes;
    } else if (object.kind != CEDAR_RECORD && object.kind != CEDAR_UNKNOWN) {
        return fail_type(e, SLICE("only entities and records have attributes"));
    }
    if (object.kind == CEDAR_UNKNOWN) {
        *out = UNKNOWN;
        return true;
    }
    *out = cedar_bool(look_up(e, &object, node->text, &found));
    return true;
}

static bool evaluate_tag(struct evaluation *e, bool is_get, const struct cedar_value *arguments,
                         struct cedar_value *out)
{
    struct subject subject;
    if (arguments[0].kind != CEDAR_ENTITY) {
        return fail_type(e, SLICE("only entities have tags"));
    }
    if (arguments[1].kind != CEDAR_STRING) {
        return fail_type(e, SLICE("the name of a tag is no string"));
    }
    struct slice name = arguments[1].as.text;
    find_subject(e, &arguments[0].as.uid, &subject);
    if (subject.data.tags.kind == CEDAR_UNKNOWN) {
        *out = UNKNOWN;
        return true;
    }
    bool is_found = look_up(e, &subject.data.tags, name, out);
    if (!is_get) {
        *out = cedar_bool(is_found);
        return true;
    }
    if (!subject.exists) {
        return evaluation_fail(e, CEDAR_ERROR_ENTITY, SLICE("the entity does not exist"),
                               arguments[0].as.uid.id);
    }
    if (!is_found) {
        return evaluation_fail(e, CEDAR_ERROR_TAG, SLICE("there is no such tag"), name);
    }
    return readable(e, name, out);
}

/* -- lists and calls ----------------------------------------------------------------------- */

static bool evaluate_list(struct evaluation *e, const struct node *node, struct cedar_value *out)
{
    struct cedar_field *fields = arena_alloc_zero(e->work.arena, node->item_count, sizeof(*fields));
    struct cedar_list *list = arena_alloc_zero(e->work.arena, 1, sizeof(*list));
    bool is_unknown = false;
    if (fields == NULL || list == NULL) {
        return evaluation_fail(e, CEDAR_ERROR_STEPS, SLICE("the evaluation takes too much memory"),
                               SLICE_EMPTY);
    }
    for (size_t i = 0; i < node->item_count; i++) {
        if (!evaluate(e, node->items[i], &fields[i].value)) {
            return false;
        }
        fields[i].name = node->kind == NODE_RECORD ? node->names[i] : SLICE_EMPTY;
        /* What is unknown may also fail, and then there is no list. */
        is_unknown = is_unknown || fields[i].value.kind == CEDAR_UNKNOWN;
    }
    *list = (struct cedar_list){fields, node->item_count};
    *out = node->kind == NODE_SET ? cedar_set(list) : cedar_record(list);
    *out = is_unknown ? UNKNOWN : *out;
    return true;
}

static bool evaluate_set_function(struct evaluation *e, enum function function,
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

static bool evaluate_call(struct evaluation *e, const struct node *node, struct cedar_value *out)
{
    struct cedar_value arguments[ARGUMENTS_MAX] = {{0}};
    bool is_unknown = false;
    for (size_t i = 0; i < node->item_count; i++) {
        struct cedar_value value;
        if (!evaluate(e, node->items[i], &value)) {
            return false;
        }
        is_unknown = is_unknown || value.kind == CEDAR_UNKNOWN;
        if (i < ARGUMENTS_MAX) {
            arguments[i] = value;
        }
    }
    if (is_unknown || node->function == FUNCTION_UNKNOWN) {
        *out = UNKNOWN;
        return true;
    }
    if (node->function >= FUNCTION_DECIMAL) {
        return evaluate_extension(e, node, arguments, out);
    }
    if (node->function == FUNCTION_GET_TAG || node->function == FUNCTION_HAS_TAG) {
        return evaluate_tag(e, node->function == FUNCTION_GET_TAG, arguments, out);
    }
    return evaluate_set_function(e, node->function, arguments, out);
}

bool evaluate(struct evaluation *e, const struct node *node, struct cedar_value *out)
{
    if (!use_steps(e, 1)) {
        return false;
    }
    switch (node->kind) {
    case NODE_VALUE:
        *out = node->value;
        return true;
    case NODE_PRINCIPAL:
        *out = (struct cedar_value){.kind = CEDAR_ENTITY, .as.uid = e->request->principal};
        return true;
    case NODE_ACTION:
        *out = (struct cedar_value){.kind = CEDAR_ENTITY, .as.uid = e->request->action};
        return true;
    case NODE_RESOURCE:
        *out = (struct cedar_value){.kind = CEDAR_ENTITY, .as.uid = e->request->resource};
        return true;
    case NODE_CONTEXT:
        *out = e->request->context;
        return readable(e, SLICE("context"), out);
    case NODE_IF:
        return evaluate_if(e, node, out);
    case NODE_AND:
        return evaluate_chain(e, node, false, out);
    case NODE_OR:
        return evaluate_chain(e, node, true, out);
    case NODE_NOT:
        return evaluate_not(e, node, out);
    case NODE_NEGATE:
        return evaluate_negate(e, node, out);
    case NODE_EQUAL:
        return evaluate_equal(e, node, out);
    case NODE_LESS:
    case NODE_LESS_EQUAL:
        return evaluate_order(e, node, out);
    case NODE_IN:
        return evaluate_in(e, node, out);
    case NODE_ADD:
    case NODE_SUBTRACT:
    case NODE_MULTIPLY:
        return evaluate_arithmetic(e, node, out);
    case NODE_ATTRIBUTE:
        return evaluate_attribute(e, node, out);
    case NODE_HAS:
        return evaluate_has(e, node, out);
    case NODE_LIKE:
        return evaluate_like(e, node, out);
    case NODE_IS:
        return evaluate_is(e, node, out);
    case NODE_SET:
    case NODE_RECORD:
        return evaluate_list(e, node, out);
    case NODE_CALL:
        return evaluate_call(e, node, out);
    }
    return fail_type(e, SLICE("this cannot be evaluated"));
}
