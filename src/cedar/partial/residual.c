/* What is left of an expression when known parts are put in (reference, section 14). */
#include "cedar/eval/operators.h"
#include "cedar/partial/partial.h"
#include "cedar/syntax/lower.h"

#define ARGUMENTS_MAX 2 /* more than any function takes */

/* Recursion ends: a tree has at most CEDAR_DEPTH_MAX levels. */
static enum status reduce(struct partial *p, const struct node *node, struct residual *out);

/* -- nodes --------------------------------------------------------------------------------- */

static const struct node *node_of(struct arena *arena, const struct residual *residual)
{
    if (residual->node != NULL) {
        return residual->node;
    }
    struct node *node = arena_alloc_zero(arena, 1, sizeof(*node));
    if (node != NULL) {
        *node = (struct node){.kind = NODE_VALUE, .value = residual->value};
    }
    return node;
}

/* The operator with these operands; itself when nothing differs. */
static enum status rebuild(struct partial *p, const struct node *node,
                           const struct residual *operands, size_t count, const struct node **out)
{
    bool is_same = count == node->item_count;
    const struct node **items = arena_alloc_zero(p->arena, count, sizeof(const struct node *));
    struct node *copy = arena_alloc(p->arena, sizeof(*copy));
    if (items == NULL || copy == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        items[i] = node_of(p->arena, &operands[i]);
        if (items[i] == NULL) {
            return STATUS_LIMIT;
        }
        is_same = is_same && items[i] == node->items[i];
    }
    *copy = *node;
    copy->items = items;
    copy->item_count = count;
    *out = is_same ? node : copy;
    return STATUS_OK;
}

static struct residual known(struct cedar_value value)
{
    return (struct residual){.state = RESIDUAL_KNOWN, .value = value};
}

static struct residual open(const struct node *node, bool can_fail)
{
    return (struct residual){.node = node, .can_fail = can_fail};
}

static bool may_fail(const struct residual *residual)
{
    return residual->state == RESIDUAL_FAILS ||
           (residual->state == RESIDUAL_OPEN && residual->can_fail);
}

static bool is_untyped(const struct partial *p)
{
    return p->variables != NULL;
}

static const struct type *type_of(const struct partial *p, const struct node *node)
{
    return is_untyped(p) ? NULL : p->policy->types[node->number];
}

static bool is_typed(const struct partial *p, const struct node *node, enum type_kind kind)
{
    const struct type *type = type_of(p, node);
    return type != NULL && type->kind == kind;
}

/* -- failures ------------------------------------------------------------------------------ */

static bool is_extension_test(enum function function)
{
    return function >= FUNCTION_LESS_THAN && function <= FUNCTION_IS_IN_RANGE;
}

static bool may_call_fail(enum function function)
{
    bool is_of_sets = function < FUNCTION_DECIMAL;
    if (is_of_sets) {
        return function == FUNCTION_GET_TAG;
    }
    bool is_test = is_extension_test(function);
    bool is_part = function >= FUNCTION_TO_TIME && function <= FUNCTION_TO_DAYS;
    return !is_test && !is_part;
}

/* May the operator itself fail when its operands have their types? */
static bool may_operator_fail(const struct partial *p, const struct node *node)
{
    const struct type_attribute *attribute = NULL;
    if (node->kind == NODE_SET || node->kind == NODE_RECORD) {
        return false;
    }
    if (type_of(p, node) == NULL) {
        return true; /* nobody looked at it: it is not reached, or there are no types */
    }
    switch ((int)node->kind) {
    case NODE_NEGATE:
    case NODE_ADD:
    case NODE_SUBTRACT:
    case NODE_MULTIPLY:
        return true;
    case NODE_ATTRIBUTE:
        if (is_typed(p, node->items[0], TYPE_RECORD)) {
            attribute = type_attribute_find(type_of(p, node->items[0]), node->text);
        }
        return attribute == NULL || !attribute->is_required;
    case NODE_CALL:
        return may_call_fail(node->function);
    default:
        return false;
    }
}

/* Is the value of the expression a boolean whatever is unknown, if it has one? */
static bool gives_boolean(const struct node *node)
{
    switch ((int)node->kind) {
    case NODE_VALUE:
        return node->value.kind == CEDAR_BOOL;
    case NODE_AND:
    case NODE_OR:
    case NODE_NOT:
    case NODE_EQUAL:
    case NODE_LESS:
    case NODE_LESS_EQUAL:
    case NODE_IN:
    case NODE_HAS:
    case NODE_LIKE:
    case NODE_IS:
        return true;
    case NODE_CALL:
        return (node->function < FUNCTION_DECIMAL && node->function != FUNCTION_GET_TAG) ||
               is_extension_test(node->function);
    default:
        return false;
    }
}

/* -- operators over values ----------------------------------------------------------------- */

/* What is in the set for sure, or all ancestors, decide; otherwise it stays unknown. */
static bool compute_in(struct partial *p, const struct residual *items, struct cedar_value *out)
{
    const struct cedar_value *left = &items[0].value;
    if (!operate_binary(&p->evaluation, NODE_IN, left, &items[1].value, out)) {
        return false;
    }
    bool is_open = !is_untyped(p) && left->kind == CEDAR_ENTITY && !out->as.boolean &&
                   !partial_entities_has_ancestors(&p->known, &left->as.uid);
    if (is_open) {
        out->kind = CEDAR_UNKNOWN;
    }
    return true;
}

static bool compute_member(struct partial *p, const struct node *node,
                           const struct cedar_value *object, struct cedar_value *out)
{
    enum found found = operate_find(&p->evaluation, object, node->text, out);
    return node->kind == NODE_HAS ? operate_has(found, out)
                                  : operate_attribute(&p->evaluation, found, node->text, out);
}

static bool compute_list(struct partial *p, const struct node *node, const struct residual *items,
                         struct cedar_value *out)
{
    struct cedar_field *fields = NULL;
    struct cedar_list *list = operate_new_list(&p->evaluation, node->item_count, &fields);
    if (list == NULL) {
        return false;
    }
    for (size_t i = 0; i < node->item_count; i++) {
        fields[i].name = node->kind == NODE_RECORD ? node->names[i] : SLICE_EMPTY;
        fields[i].value = items[i].value;
    }
    *out = node->kind == NODE_RECORD ? cedar_record(list) : cedar_set(list);
    return true;
}

static bool compute_call(struct partial *p, const struct node *node, const struct residual *items,
                         struct cedar_value *out)
{
    struct cedar_value arguments[ARGUMENTS_MAX] = {{0}};
    for (size_t i = 0; i < node->item_count && i < ARGUMENTS_MAX; i++) {
        arguments[i] = items[i].value;
    }
    return operate_call(&p->evaluation, node->function, node->text, arguments, node->item_count,
                        out);
}

static bool compute(struct partial *p, const struct node *node, const struct residual *items,
                    struct cedar_value *out)
{
    struct evaluation *e = &p->evaluation;
    *out = node->item_count > 0 ? items[0].value : (struct cedar_value){0};
    switch ((int)node->kind) {
    case NODE_NOT:
    case NODE_NEGATE:
        return operate_unary(e, node->kind, out);
    case NODE_IN:
        return compute_in(p, items, out);
    case NODE_ATTRIBUTE:
    case NODE_HAS:
        return compute_member(p, node, &items[0].value, out);
    case NODE_LIKE:
        return operate_like(e, node->parts, node->part_count, out);
    case NODE_IS:
        return operate_is(e, node->text, out);
    case NODE_SET:
    case NODE_RECORD:
        return compute_list(p, node, items, out);
    case NODE_CALL:
        return compute_call(p, node, items, out);
    default:
        return operate_binary(e, node->kind, &items[0].value, &items[1].value, out);
    }
}

/* All operands are known. A literal keeps its form, which is better to read than its value's. */
static void settle(struct partial *p, const struct node *node, const struct residual *items,
                   struct residual *out)
{
    bool is_computed = compute(p, node, items, &out->value);
    if (!is_computed) {
        bool is_limit = p->evaluation.error.kind == CEDAR_ERROR_STEPS;
        out->state = is_limit ? RESIDUAL_OPEN : RESIDUAL_FAILS;
        out->can_fail = true;
        return;
    }
    out->state = out->value.kind == CEDAR_UNKNOWN ? RESIDUAL_OPEN : RESIDUAL_KNOWN;
}

static bool is_literal(const struct node *node)
{
    return node->kind == NODE_SET || node->kind == NODE_RECORD ||
           (node->kind == NODE_CALL && node->function >= FUNCTION_DECIMAL &&
            node->function <= FUNCTION_DURATION);
}

/* An attribute of a literal of which only parts are open may be known. A part that may fail leaves
 * the literal as it is, unless the attribute is missing anyway. */
static bool can_project(const struct partial *p, const struct node *node,
                        const struct residual *object, const struct node **found)
{
    *found = NULL;
    if (!is_untyped(p) || (node->kind != NODE_ATTRIBUTE && node->kind != NODE_HAS) ||
        object->state != RESIDUAL_OPEN || object->node->kind != NODE_RECORD) {
        return false;
    }
    for (size_t i = 0; i < object->node->item_count && *found == NULL; i++) {
        *found = slice_eq(object->node->names[i], node->text) ? object->node->items[i] : NULL;
    }
    return !object->can_fail || (node->kind == NODE_ATTRIBUTE && *found == NULL);
}

static enum status project(struct partial *p, const struct node *node,
                           const struct residual *object, const struct node *found,
                           struct residual *out)
{
    if (node->kind == NODE_HAS) {
        *out = known(cedar_bool(found != NULL));
        return STATUS_OK;
    }
    if (found != NULL) {
        return reduce(p, found, out);
    }
    *out = (struct residual){.state = RESIDUAL_FAILS, .can_fail = true};
    return rebuild(p, node, object, 1, &out->node);
}

static bool reads_entity(const struct node *node, const struct residual *items)
{
    bool is_tag = node->kind == NODE_CALL && node->function == FUNCTION_GET_TAG;
    return (node->kind == NODE_ATTRIBUTE || is_tag) && items[0].value.kind == CEDAR_ENTITY;
}

/* What an entity is said to have may be unknown, or have parts that are. */
static bool may_have_unknowns(const struct partial *p, const struct residual *residual)
{
    enum cedar_kind kind = residual->value.kind;
    return is_untyped(p) && (kind == CEDAR_UNKNOWN || kind == CEDAR_RECORD || kind == CEDAR_SET);
}

static enum status reduce_operator(struct partial *p, const struct node *node, struct residual *out)
{
    const struct node *found = NULL;
    struct residual *items = arena_alloc_zero(p->arena, node->item_count, sizeof(*items));
    if (items == NULL) {
        return STATUS_LIMIT;
    }
    *out = (struct residual){.state = RESIDUAL_KNOWN, .can_fail = may_operator_fail(p, node)};
    for (size_t i = 0; i < node->item_count; i++) {
        TRY(reduce(p, node->items[i], &items[i]));
        out->can_fail = out->can_fail || may_fail(&items[i]);
        /* An operand that fails fails the operator, whatever the others do. */
        if (items[i].state != RESIDUAL_KNOWN && out->state != RESIDUAL_FAILS) {
            out->state = items[i].state;
        }
    }
    if (can_project(p, node, items, &found)) {
        return project(p, node, items, found, out);
    }
    if (out->state == RESIDUAL_KNOWN) {
        settle(p, node, items, out);
        if (reads_entity(node, items) && may_have_unknowns(p, out)) {
            TRY(partial_value_node(p->arena, &out->value, &found));
            return reduce(p, found, out);
        }
    }
    bool is_value = out->state == RESIDUAL_KNOWN && !is_literal(node);
    return is_value ? STATUS_OK : rebuild(p, node, items, node->item_count, &out->node);
}

/* -- logic --------------------------------------------------------------------------------- */

struct chain {
    struct residual *kept;
    size_t count;
    bool can_fail;
    bool is_done; /* nothing behind can matter */
};

static bool is_boolean(const struct partial *p, const struct residual *item)
{
    return !is_untyped(p) ||
           (item->node == NULL ? item->value.kind == CEDAR_BOOL : gives_boolean(item->node));
}

/* One more operand of && (stop is false) or || (true). */
static void chain_add(struct partial *p, struct chain *chain, const struct node *node, bool stop,
                      struct residual item)
{
    bool is_stop = false;
    if (item.state == RESIDUAL_KNOWN &&
        !operate_chain(&p->evaluation, &item.value, stop, &is_stop)) {
        item.state = RESIDUAL_FAILS;
    }
    if (item.state == RESIDUAL_KNOWN && !is_stop) {
        return; /* the neutral value */
    }
    if (item.state == RESIDUAL_KNOWN && !chain->can_fail) {
        chain->count = 0; /* whatever stands before cannot keep it from deciding */
    }
    /* Only types say that what is open gives a boolean, so that nothing else fails here. */
    item.can_fail = item.can_fail || !is_boolean(p, &item);
    chain->is_done =
        item.state != RESIDUAL_OPEN || is_typed(p, node, stop ? TYPE_TRUE : TYPE_FALSE);
    chain->can_fail = chain->can_fail || may_fail(&item);
    chain->kept[chain->count++] = item;
}

static enum status reduce_chain(struct partial *p, const struct node *node, struct residual *out)
{
    bool stop = node->kind == NODE_OR;
    struct chain chain = {.kept =
                              arena_alloc_zero(p->arena, node->item_count, sizeof(*chain.kept))};
    if (chain.kept == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < node->item_count && !chain.is_done; i++) {
        struct residual item;
        TRY(reduce(p, node->items[i], &item));
        /* A step of a path finds what it looks into, and types say of what kind that is. */
        bool is_sure = !is_untyped(p) && lower_is_path_step(node, i);
        item.can_fail = item.can_fail && !is_sure;
        chain_add(p, &chain, node->items[i], stop, item);
    }
    if (chain.count == 0) {
        *out = known(cedar_bool(!stop));
        return STATUS_OK;
    }
    *out = open(NULL, chain.can_fail);
    if (chain.count == 1) {
        *out = chain.kept[0];
        if (is_boolean(p, out)) {
            return STATUS_OK;
        }
        /* Behind the neutral value it fails if it is no boolean, as in the chain. */
        chain.kept[chain.count++] = *out;
        chain.kept[0] = known(cedar_bool(!stop));
    }
    return rebuild(p, node, chain.kept, chain.count, &out->node);
}

static enum status reduce_if(struct partial *p, const struct node *node, struct residual *out)
{
    struct residual items[3];
    TRY(reduce(p, node->items[0], &items[0]));
    if (items[0].state == RESIDUAL_KNOWN) {
        if (operate_condition(&p->evaluation, &items[0].value)) {
            return reduce(p, node->items[items[0].value.as.boolean ? 1 : 2], out);
        }
        items[0].state = RESIDUAL_FAILS;
    }
    TRY(reduce(p, node->items[1], &items[1]));
    TRY(reduce(p, node->items[2], &items[2]));
    bool fails = items[0].state == RESIDUAL_FAILS ||
                 (items[1].state == RESIDUAL_FAILS && items[2].state == RESIDUAL_FAILS);
    *out = (struct residual){.state = fails ? RESIDUAL_FAILS : RESIDUAL_OPEN,
                             .can_fail =
                                 may_fail(&items[0]) || may_fail(&items[1]) || may_fail(&items[2])};
    return rebuild(p, node, items, node->item_count, &out->node);
}

/* -- leaves -------------------------------------------------------------------------------- */

static struct cedar_value uid_value(const struct cedar_uid *uid)
{
    return (struct cedar_value){.kind = CEDAR_ENTITY, .as.uid = *uid};
}

static struct residual literal(const struct partial *p, const struct node *node)
{
    if (node->value.kind == CEDAR_UNKNOWN) {
        const struct policy_link *link = p->policy->policy->link;
        bool is_principal = slice_eq(node->text, SLICE("?principal"));
        return known(uid_value(is_principal ? &link->principal : &link->resource));
    }
    struct residual residual = known(node->value);
    residual.node = node;
    return residual;
}

static bool is_named_unknown(const struct node *node)
{
    return node->kind == NODE_CALL && node->function == FUNCTION_UNKNOWN && node->item_count == 1 &&
           node->items[0]->kind == NODE_VALUE && node->items[0]->value.kind == CEDAR_STRING;
}

static enum status reduce_by_kind(struct partial *p, const struct node *node, struct residual *out)
{
    const struct cedar_partial_request *request = p->request;
    if (is_untyped(p) && node->kind >= NODE_PRINCIPAL && node->kind <= NODE_CONTEXT) {
        *out = p->variables[node->kind - NODE_PRINCIPAL];
        return STATUS_OK;
    }
    if (is_named_unknown(node)) {
        *out = open(node, false);
        return STATUS_OK;
    }
    switch ((int)node->kind) {
    case NODE_VALUE:
        *out = literal(p, node);
        return STATUS_OK;
    case NODE_PRINCIPAL:
        *out = request->has_principal ? known(uid_value(&request->principal)) : open(node, false);
        return STATUS_OK;
    case NODE_ACTION:
        *out = known(uid_value(&request->action));
        return STATUS_OK;
    case NODE_RESOURCE:
        *out = request->has_resource ? known(uid_value(&request->resource)) : open(node, false);
        return STATUS_OK;
    case NODE_CONTEXT:
        *out = request->context.kind == CEDAR_UNKNOWN ? open(node, false) : known(request->context);
        return STATUS_OK;
    case NODE_IF:
        return reduce_if(p, node, out);
    case NODE_AND:
    case NODE_OR:
        return reduce_chain(p, node, out);
    default:
        return reduce_operator(p, node, out);
    }
}

static enum status reduce(struct partial *p, const struct node *node, struct residual *out)
{
    if (!evaluation_use_steps(&p->evaluation, 1)) {
        *out = open(node, true);
        return STATUS_OK;
    }
    TRY(reduce_by_kind(p, node, out));
    /* The schema may know the value of what is open, but not that it gives one. */
    bool is_true = is_typed(p, node, TYPE_TRUE);
    if (out->state == RESIDUAL_OPEN && !out->can_fail &&
        (is_true || is_typed(p, node, TYPE_FALSE))) {
        *out = known(cedar_bool(is_true));
    }
    return STATUS_OK;
}

enum status partial_evaluate(struct partial *p, const struct typed_policy *policy,
                             struct residual *out)
{
    p->policy = policy;
    p->evaluation.work.steps_left = CEDAR_STEPS_MAX;
    return reduce(p, policy->whole.expression, out);
}
