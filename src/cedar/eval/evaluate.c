#include "cedar/eval/evaluate.h"

#include "cedar/value/value.h"

#define ARGUMENTS_MAX 4

enum eval_result eval_fail(struct evaluation *e, const char *code)
{
    e->code = code;
    return EVAL_ERROR;
}

static enum eval_result give(struct cedar_value *out, struct cedar_value value)
{
    *out = value;
    return value.kind == CEDAR_UNKNOWN ? EVAL_UNKNOWN : EVAL_OK;
}

static enum eval_result out_of_memory(struct evaluation *e)
{
    e->is_out_of_memory = true;
    return eval_fail(e, "memory");
}

bool eval_entity_in(const struct evaluation *e, const struct cedar_uid *entity,
                    const struct cedar_uid *other)
{
    struct cedar_entity_data data;
    const struct cedar_entities *entities = e->request->entities;
    if (uid_eq(entity, other)) {
        return true;
    }
    if (!entities->find(entities->context, entity, &data)) {
        return false;
    }
    for (size_t i = 0; i < data.ancestor_count; i++) {
        if (uid_eq(&data.ancestors[i], other)) {
            return true;
        }
    }
    return false;
}

static enum eval_result eval_bool(struct evaluation *e, const struct node *node, bool *out)
{
    struct cedar_value value;
    enum eval_result result = evaluate(e, node, &value);
    if (result != EVAL_OK) {
        return result;
    }
    if (value.kind != CEDAR_BOOL) {
        return eval_fail(e, "type");
    }
    *out = value.as.boolean;
    return EVAL_OK;
}

/* && and ||: `decisive` is the left value that settles the result without the right one. */
static enum eval_result eval_logic(struct evaluation *e, const struct node *node, bool decisive,
                                   struct cedar_value *out)
{
    bool left = false;
    bool right = false;
    enum eval_result result = eval_bool(e, node->items[0], &left);
    if (result != EVAL_OK) {
        return result;
    }
    if (left == decisive) {
        return give(out, cedar_bool(decisive));
    }
    result = eval_bool(e, node->items[1], &right);
    return result == EVAL_OK ? give(out, cedar_bool(right)) : result;
}

static enum eval_result eval_if(struct evaluation *e, const struct node *node,
                                struct cedar_value *out)
{
    bool guard = false;
    enum eval_result result = eval_bool(e, node->items[0], &guard);
    return result == EVAL_OK ? evaluate(e, node->items[guard ? 1 : 2], out) : result;
}

/* Both operands, left first. An error of either is the result even when the other is unknown. */
static enum eval_result eval_operands(struct evaluation *e, const struct node *node,
                                      struct cedar_value *left, struct cedar_value *right)
{
    enum eval_result first = evaluate(e, node->items[0], left);
    if (first == EVAL_ERROR) {
        return first;
    }
    enum eval_result second = evaluate(e, node->items[1], right);
    return second == EVAL_OK ? first : second;
}

static enum eval_result give_truth(struct evaluation *e, enum value_truth truth,
                                   struct cedar_value *out)
{
    if (truth == VALUE_ERROR) {
        return eval_fail(e, "unrepresentable");
    }
    return truth == VALUE_UNKNOWN ? EVAL_UNKNOWN : give(out, cedar_bool(truth == VALUE_TRUE));
}

static enum eval_result eval_equal(struct evaluation *e, const struct node *node,
                                   struct cedar_value *out)
{
    struct cedar_value left;
    struct cedar_value right;
    enum eval_result result = eval_operands(e, node, &left, &right);
    return result == EVAL_OK ? give_truth(e, value_equal(&left, &right, e->arena, 0), out) : result;
}

static bool is_ordered(enum cedar_kind kind)
{
    return kind == CEDAR_LONG || kind == CEDAR_DATETIME || kind == CEDAR_DURATION;
}

static enum eval_result eval_order(struct evaluation *e, const struct node *node,
                                   struct cedar_value *out)
{
    struct cedar_value left;
    struct cedar_value right;
    enum eval_result result = eval_operands(e, node, &left, &right);
    if (result != EVAL_OK) {
        return result;
    }
    if (left.kind != right.kind || !is_ordered(left.kind)) {
        return eval_fail(e, "type");
    }
    bool is_less = node->kind == NODE_LESS ? left.as.number < right.as.number
                                           : left.as.number <= right.as.number;
    return give(out, cedar_bool(is_less));
}

static enum eval_result eval_arithmetic(struct evaluation *e, const struct node *node,
                                        struct cedar_value *out)
{
    struct cedar_value left;
    struct cedar_value right;
    int64_t number = 0;
    bool overflow = false;
    enum eval_result result = eval_operands(e, node, &left, &right);
    if (result != EVAL_OK) {
        return result;
    }
    if (left.kind != CEDAR_LONG || right.kind != CEDAR_LONG) {
        return eval_fail(e, "type");
    }
    if (node->kind == NODE_ADD) {
        overflow = __builtin_add_overflow(left.as.number, right.as.number, &number);
    } else if (node->kind == NODE_SUBTRACT) {
        overflow = __builtin_sub_overflow(left.as.number, right.as.number, &number);
    } else {
        overflow = __builtin_mul_overflow(left.as.number, right.as.number, &number);
    }
    return overflow ? eval_fail(e, "overflow") : give(out, cedar_long(number));
}

/* Every element must be an entity, even when an earlier one matches. */
static enum eval_result in_any(struct evaluation *e, const struct cedar_uid *entity,
                               const struct cedar_value *set, struct cedar_value *out)
{
    size_t count = value_count(set);
    bool is_in = false;
    bool is_unknown = false;
    for (size_t i = 0; i < count; i++) {
        struct slice name;
        struct cedar_value item;
        value_at(set, i, e->arena, &name, &item);
        is_unknown = is_unknown || item.kind == CEDAR_UNKNOWN;
        if (item.kind != CEDAR_ENTITY && item.kind != CEDAR_UNKNOWN) {
            return eval_fail(e, "type");
        }
        is_in = is_in || (item.kind == CEDAR_ENTITY && eval_entity_in(e, entity, &item.as.uid));
    }
    return is_unknown ? EVAL_UNKNOWN : give(out, cedar_bool(is_in));
}

static enum eval_result eval_in(struct evaluation *e, const struct node *node,
                                struct cedar_value *out)
{
    struct cedar_value left;
    struct cedar_value right;
    enum eval_result result = eval_operands(e, node, &left, &right);
    if (result != EVAL_OK) {
        return result;
    }
    if (left.kind != CEDAR_ENTITY) {
        return eval_fail(e, "type");
    }
    if (right.kind == CEDAR_ENTITY) {
        return give(out, cedar_bool(eval_entity_in(e, &left.as.uid, &right.as.uid)));
    }
    return right.kind == CEDAR_SET ? in_any(e, &left.as.uid, &right, out) : eval_fail(e, "type");
}

static enum eval_result eval_not(struct evaluation *e, const struct node *node,
                                 struct cedar_value *out)
{
    bool operand = false;
    enum eval_result result = eval_bool(e, node->items[0], &operand);
    return result == EVAL_OK ? give(out, cedar_bool(!operand)) : result;
}

static enum eval_result eval_negate(struct evaluation *e, const struct node *node,
                                    struct cedar_value *out)
{
    struct cedar_value value;
    enum eval_result result = evaluate(e, node->items[0], &value);
    if (result != EVAL_OK) {
        return result;
    }
    if (value.kind != CEDAR_LONG) {
        return eval_fail(e, "type");
    }
    return value.as.number == INT64_MIN ? eval_fail(e, "overflow")
                                        : give(out, cedar_long(-value.as.number));
}

/* The record that holds the attributes of an entity or record. *exists is false for an entity that
 * is not there. */
static enum eval_result attributes_of(struct evaluation *e, const struct node *node,
                                      struct cedar_value *record, bool *exists)
{
    struct cedar_value object;
    struct cedar_entity_data data;
    enum eval_result result = evaluate(e, node->items[0], &object);
    *exists = true;
    if (result != EVAL_OK) {
        return result;
    }
    if (object.kind == CEDAR_RECORD) {
        return give(record, object);
    }
    if (object.kind != CEDAR_ENTITY) {
        return eval_fail(e, "type");
    }
    const struct cedar_entities *entities = e->request->entities;
    *exists = entities->find(entities->context, &object.as.uid, &data);
    if (*exists && data.attributes.kind == CEDAR_UNKNOWN) {
        return EVAL_UNKNOWN;
    }
    *record = *exists ? data.attributes : (struct cedar_value){0};
    return EVAL_OK;
}

static enum eval_result eval_attribute(struct evaluation *e, const struct node *node,
                                       struct cedar_value *out)
{
    struct cedar_value record;
    bool exists = false;
    enum eval_result result = attributes_of(e, node, &record, &exists);
    if (result != EVAL_OK) {
        return result;
    }
    if (!exists) {
        return eval_fail(e, "entity");
    }
    if (record.kind != CEDAR_RECORD || !value_get(&record, node->text, e->arena, out)) {
        return eval_fail(e, "attribute");
    }
    if (out->kind == CEDAR_ERROR) {
        return eval_fail(e, "unrepresentable");
    }
    return out->kind == CEDAR_UNKNOWN ? EVAL_UNKNOWN : EVAL_OK;
}

static enum eval_result eval_has(struct evaluation *e, const struct node *node,
                                 struct cedar_value *out)
{
    struct cedar_value record;
    struct cedar_value ignored;
    bool exists = false;
    enum eval_result result = attributes_of(e, node, &record, &exists);
    if (result != EVAL_OK) {
        return result;
    }
    return give(out, cedar_bool(exists && record.kind == CEDAR_RECORD &&
                                value_get(&record, node->text, e->arena, &ignored)));
}

/* Greedy matching that goes back to the last wildcard only: no recursion, bytes are enough because
 * literals are whole characters. */
static bool pattern_matches(const struct node *node, struct slice text)
{
    size_t part = 0;
    size_t at = 0;
    size_t star_part = SIZE_MAX;
    size_t star_at = 0;
    for (;;) {
        if (part < node->part_count && node->parts[part].is_wildcard) {
            star_part = ++part;
            star_at = at;
            continue;
        }
        if (part == node->part_count && at == text.len) {
            return true;
        }
        if (part < node->part_count &&
            slice_starts_with(slice_sub(text, at, text.len), node->parts[part].literal)) {
            at += node->parts[part].literal.len;
            part++;
            continue;
        }
        if (star_part == SIZE_MAX || star_at >= text.len) {
            return false;
        }
        part = star_part;
        at = ++star_at;
    }
}

static enum eval_result eval_like(struct evaluation *e, const struct node *node,
                                  struct cedar_value *out)
{
    struct cedar_value value;
    enum eval_result result = evaluate(e, node->items[0], &value);
    if (result != EVAL_OK) {
        return result;
    }
    return value.kind == CEDAR_STRING ? give(out, cedar_bool(pattern_matches(node, value.as.text)))
                                      : eval_fail(e, "type");
}

static enum eval_result eval_is(struct evaluation *e, const struct node *node,
                                struct cedar_value *out)
{
    struct cedar_value value;
    enum eval_result result = evaluate(e, node->items[0], &value);
    if (result != EVAL_OK) {
        return result;
    }
    return value.kind == CEDAR_ENTITY
               ? give(out, cedar_bool(slice_eq(value.as.uid.type, node->text)))
               : eval_fail(e, "type");
}

/* Set and record literals. An unknown element stays inside as such. */
static enum eval_result eval_list(struct evaluation *e, const struct node *node,
                                  struct cedar_value *out)
{
    struct cedar_list *list = arena_alloc(e->arena, sizeof(*list));
    struct cedar_field *items = arena_alloc_zero(e->arena, node->item_count, sizeof(*items));
    if (list == NULL || items == NULL) {
        return out_of_memory(e);
    }
    for (size_t i = 0; i < node->item_count; i++) {
        enum eval_result result = evaluate(e, node->items[i], &items[i].value);
        if (result == EVAL_ERROR) {
            return result;
        }
        if (result == EVAL_UNKNOWN) {
            items[i].value = (struct cedar_value){.kind = CEDAR_UNKNOWN};
        }
        items[i].name = node->names == NULL ? SLICE_EMPTY : node->names[i];
    }
    *list = (struct cedar_list){items, node->item_count};
    return give(out, node->kind == NODE_SET ? cedar_set(list) : cedar_record(list));
}

static enum eval_result eval_call_node(struct evaluation *e, const struct node *node,
                                       struct cedar_value *out)
{
    struct cedar_value arguments[ARGUMENTS_MAX];
    bool is_unknown = false;
    if (node->item_count > ARGUMENTS_MAX) {
        return eval_fail(e, "arity");
    }
    for (size_t i = 0; i < node->item_count; i++) {
        enum eval_result result = evaluate(e, node->items[i], &arguments[i]);
        if (result == EVAL_ERROR) {
            return result;
        }
        is_unknown = is_unknown || result == EVAL_UNKNOWN;
    }
    return is_unknown ? EVAL_UNKNOWN : eval_call(e, node, arguments, out);
}

static enum eval_result eval_uid(const struct cedar_uid *uid, struct cedar_value *out)
{
    return give(out, cedar_entity(uid->type, uid->id));
}

enum eval_result evaluate(struct evaluation *e, const struct node *node, struct cedar_value *out)
{
    switch (node->kind) {
    case NODE_VALUE:
        return give(out, node->value);
    case NODE_PRINCIPAL:
        return eval_uid(&e->request->principal, out);
    case NODE_ACTION:
        return eval_uid(&e->request->action, out);
    case NODE_RESOURCE:
        return eval_uid(&e->request->resource, out);
    case NODE_CONTEXT:
        return give(out, e->request->context);
    case NODE_IF:
        return eval_if(e, node, out);
    case NODE_AND:
        return eval_logic(e, node, false, out);
    case NODE_OR:
        return eval_logic(e, node, true, out);
    case NODE_NOT:
        return eval_not(e, node, out);
    case NODE_NEGATE:
        return eval_negate(e, node, out);
    case NODE_EQUAL:
        return eval_equal(e, node, out);
    case NODE_LESS:
    case NODE_LESS_EQUAL:
        return eval_order(e, node, out);
    case NODE_IN:
        return eval_in(e, node, out);
    case NODE_ADD:
    case NODE_SUBTRACT:
    case NODE_MULTIPLY:
        return eval_arithmetic(e, node, out);
    case NODE_ATTRIBUTE:
        return eval_attribute(e, node, out);
    case NODE_HAS:
        return eval_has(e, node, out);
    case NODE_LIKE:
        return eval_like(e, node, out);
    case NODE_IS:
        return eval_is(e, node, out);
    case NODE_SET:
    case NODE_RECORD:
        return eval_list(e, node, out);
    case NODE_CALL:
        return eval_call_node(e, node, out);
    }
    return eval_fail(e, "internal");
}
