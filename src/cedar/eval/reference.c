/* Evaluation as the language reference describes it (Cedar reference, sections 5 and 8). */
#include "cedar/eval/reference.h"

#include "cedar/eval/operators.h"
#include "cedar/eval/tally.h"

#define ARGUMENTS_MAX 2 /* more than any function takes */

static const struct cedar_value UNKNOWN = {.kind = CEDAR_UNKNOWN};

/* Recursion ends: a tree has at most CEDAR_DEPTH_MAX levels. */
static bool evaluate(struct evaluation *e, const struct node *node, struct cedar_value *out);

static bool evaluate_chain(struct evaluation *e, const struct node *node, bool stop,
                           struct cedar_value *out)
{
    bool is_decided = false;
    for (size_t i = 0; i < node->item_count && !is_decided; i++) {
        if (!evaluate(e, node->items[i], out) || !operate_chain(e, out, stop, &is_decided)) {
            return false;
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
    return operate_condition(e, out) && evaluate(e, node->items[out->as.boolean ? 1 : 2], out);
}

static bool evaluate_binary(struct evaluation *e, const struct node *node, struct cedar_value *out)
{
    struct cedar_value left;
    struct cedar_value right;
    return evaluate(e, node->items[0], &left) && evaluate(e, node->items[1], &right) &&
           operate_binary(e, node->kind, &left, &right, out);
}

static bool evaluate_unary(struct evaluation *e, const struct node *node, struct cedar_value *out)
{
    return evaluate(e, node->items[0], out) && operate_unary(e, node->kind, out);
}

static bool evaluate_find(struct evaluation *e, const struct node *node, struct cedar_value *out)
{
    struct cedar_value object;
    if (!evaluate(e, node->items[0], &object)) {
        return false;
    }
    enum found found = operate_find(e, &object, node->text, out);
    return node->kind == NODE_HAS ? operate_has(found, out)
                                  : operate_attribute(e, found, node->text, out);
}

static bool evaluate_list(struct evaluation *e, const struct node *node, struct cedar_value *out)
{
    struct cedar_field *fields = NULL;
    struct cedar_list *list = operate_new_list(e, node->item_count, &fields);
    bool is_unknown = false;
    if (list == NULL) {
        return false;
    }
    for (size_t i = 0; i < node->item_count; i++) {
        if (!evaluate(e, node->items[i], &fields[i].value)) {
            return false;
        }
        fields[i].name = node->kind == NODE_RECORD ? node->names[i] : SLICE_EMPTY;
        /* What is unknown may also fail, and then there is no list. */
        is_unknown = is_unknown || fields[i].value.kind == CEDAR_UNKNOWN;
    }
    *out = node->kind == NODE_SET ? cedar_set(list) : cedar_record(list);
    *out = is_unknown ? UNKNOWN : *out;
    return true;
}

static bool evaluate_call(struct evaluation *e, const struct node *node, struct cedar_value *out)
{
    struct cedar_value arguments[ARGUMENTS_MAX] = {{0}};
    bool is_unknown = node->function == FUNCTION_UNKNOWN;
    for (size_t i = 0; i < node->item_count; i++) {
        struct cedar_value value = {0};
        if (!evaluate(e, node->items[i], &value)) {
            return false;
        }
        is_unknown = is_unknown || value.kind == CEDAR_UNKNOWN;
        if (i < ARGUMENTS_MAX) {
            arguments[i] = value;
        }
    }
    if (is_unknown) {
        *out = UNKNOWN;
        return true;
    }
    return operate_call(e, node->function, node->text, arguments, node->item_count, out);
}

static bool evaluate_context(struct evaluation *e, struct cedar_value *out)
{
    *out = e->context;
    return operate_attribute(e, out->kind == CEDAR_ERROR ? FOUND_UNREADABLE : FOUND_VALUE,
                             SLICE("context"), out);
}

static bool evaluate(struct evaluation *e, const struct node *node, struct cedar_value *out)
{
    if (!evaluation_use_steps(e, 1)) {
        return false;
    }
    switch (node->kind) {
    case NODE_VALUE:
        *out = node->value;
        return true;
    case NODE_PRINCIPAL:
    case NODE_ACTION:
    case NODE_RESOURCE:
        *out = evaluation_variable(e, node_variable(node));
        return true;
    case NODE_CONTEXT:
        return evaluate_context(e, out);
    case NODE_IF:
        return evaluate_if(e, node, out);
    case NODE_AND:
        return evaluate_chain(e, node, false, out);
    case NODE_OR:
        return evaluate_chain(e, node, true, out);
    case NODE_NOT:
    case NODE_NEGATE:
        return evaluate_unary(e, node, out);
    case NODE_EQUAL:
    case NODE_LESS:
    case NODE_LESS_EQUAL:
    case NODE_IN:
    case NODE_ADD:
    case NODE_SUBTRACT:
    case NODE_MULTIPLY:
        return evaluate_binary(e, node, out);
    case NODE_ATTRIBUTE:
    case NODE_HAS:
        return evaluate_find(e, node, out);
    case NODE_LIKE:
        return evaluate(e, node->items[0], out) &&
               operate_like(e, node->parts, node->part_count, out);
    case NODE_IS:
        return evaluate(e, node->items[0], out) && operate_is(e, node->text, out);
    case NODE_SET:
    case NODE_RECORD:
        return evaluate_list(e, node, out);
    case NODE_CALL:
        return evaluate_call(e, node, out);
    }
    return false;
}

/* -- policies ------------------------------------------------------------------------------ */

static bool scope_matches(const struct scope *scope, const struct subject *subject)
{
    if (scope->kind == SCOPE_ANY) {
        return true;
    }
    if (scope->kind == SCOPE_EQUAL) {
        return uid_eq(&subject->uid, &scope->entities[0]);
    }
    if (scope->kind == SCOPE_IS &&
        (!slice_eq(subject->uid.type, scope->type) || scope->entity_count == 0)) {
        return slice_eq(subject->uid.type, scope->type);
    }
    for (size_t i = 0; i < scope->entity_count; i++) {
        if (subject_is_in(subject, &scope->entities[i])) {
            return true;
        }
    }
    return false;
}

/* Each policy has its own steps, so that the order of policies cannot change a decision. */
static enum outcome evaluate_policy(struct evaluation *e, const struct policy *policy)
{
    struct cedar_value value;
    if (policy_is_template(policy) ||
        !scope_matches(&policy->principal, e->subjects[VARIABLE_PRINCIPAL]) ||
        !scope_matches(&policy->action, e->subjects[VARIABLE_ACTION]) ||
        !scope_matches(&policy->resource, e->subjects[VARIABLE_RESOURCE])) {
        return OUTCOME_FALSE;
    }
    if (policy->condition == NULL) {
        return OUTCOME_TRUE;
    }
    e->work.steps_left = CEDAR_STEPS_MAX;
    return evaluate(e, policy->condition, &value) ? evaluation_outcome(e, &value)
                                                  : evaluation_failure(e);
}

static enum status count_all(struct tally *tally, const struct cedar_policy_set *set,
                             const struct cedar_request *request,
                             const struct cedar_options *options, struct arena *arena)
{
    struct evaluation e;
    tally_init(tally, options, arena);
    evaluation_init(&e, NULL, request, arena);
    for (size_t i = 0; i < set->count; i++) {
        enum outcome outcome = evaluate_policy(&e, &set->policies[i]);
        TRY(tally_add(tally, i, set->policies[i].effect, outcome, &e.error));
    }
    return STATUS_OK;
}

enum status reference_authorize(const struct cedar_policy_set *set,
                                const struct cedar_request *request,
                                const struct cedar_options *options, struct arena *arena,
                                struct cedar_response *out)
{
    struct tally tally;
    *out = (struct cedar_response){.decision = CEDAR_DENY};
    TRY(count_all(&tally, set, request, options, arena));
    tally_respond(&tally, out);
    return STATUS_OK;
}

enum status reference_may_allow(const struct cedar_policy_set *set,
                                const struct cedar_request *request,
                                const struct cedar_options *options, struct arena *arena,
                                enum cedar_answer *out)
{
    struct tally tally;
    *out = CEDAR_NEVER;
    TRY(count_all(&tally, set, request, options, arena));
    *out = tally_answer(&tally);
    return STATUS_OK;
}

enum status reference_evaluate(const struct node *node, const struct cedar_request *request,
                               struct arena *arena, struct cedar_value *out,
                               struct cedar_policy_error *error)
{
    struct evaluation e;
    evaluation_init(&e, NULL, request, arena);
    e.work.steps_left = CEDAR_STEPS_MAX;
    if (evaluate(&e, node, out)) {
        return STATUS_OK;
    }
    *error = e.error;
    return e.is_out_of_memory ? STATUS_LIMIT : STATUS_INVALID;
}
