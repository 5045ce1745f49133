/* Partial evaluation without types: what is left out has a name (reference, section 14). */
#include "cedar/partial/partial.h"
#include "cedar/value/value.h"

static const struct slice NAMES[] = {SLICE_INIT("principal"), SLICE_INIT("action"),
                                     SLICE_INIT("resource"), SLICE_INIT("context")};

/* -- nodes --------------------------------------------------------------------------------- */

static enum status new_node(struct arena *arena, enum node_kind kind, size_t item_count,
                            struct node **out)
{
    const struct node **items = arena_alloc_zero(arena, item_count, sizeof(const struct node *));
    *out = arena_alloc_zero(arena, 1, sizeof(**out));
    if (items == NULL || *out == NULL) {
        return STATUS_LIMIT;
    }
    **out = (struct node){.kind = kind, .items = items, .item_count = item_count};
    return STATUS_OK;
}

static enum status plain_node(struct arena *arena, const struct cedar_value *value,
                              const struct node **out)
{
    struct node *node = NULL;
    TRY(new_node(arena, NODE_VALUE, 0, &node));
    node->value = *value;
    *out = node;
    return STATUS_OK;
}

/* unknown("name") */
static enum status unknown_node(struct arena *arena, struct slice name, const struct node **out)
{
    struct node *node = NULL;
    struct cedar_value text = cedar_string(name);
    TRY(new_node(arena, NODE_CALL, 1, &node));
    node->function = FUNCTION_UNKNOWN;
    node->text = SLICE("unknown");
    *out = node;
    return plain_node(arena, &text, &node->items[0]);
}

/* Recursion ends: values have at most CEDAR_DEPTH_MAX levels. */
static enum status value_node(struct arena *arena, const struct cedar_value *value, int depth,
                              const struct node **out)
{
    bool is_record = value->kind == CEDAR_RECORD;
    struct node *node = NULL;
    uint64_t cursor = 0;
    if (value->kind == CEDAR_UNKNOWN) {
        return unknown_node(arena, value->as.text, out);
    }
    if (!is_record && value->kind != CEDAR_SET) {
        return plain_node(arena, value, out);
    }
    if (depth >= CEDAR_DEPTH_MAX) {
        return STATUS_LIMIT;
    }
    TRY(new_node(arena, is_record ? NODE_RECORD : NODE_SET, value_count(value), &node));
    node->names = arena_alloc_zero(arena, node->item_count, sizeof(*node->names));
    if (node->names == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < node->item_count; i++) {
        struct cedar_value item;
        if (!value_next(value, &cursor, arena, &node->names[i], &item)) {
            return STATUS_LIMIT;
        }
        TRY(value_node(arena, &item, depth + 1, &node->items[i]));
    }
    *out = node;
    return STATUS_OK;
}

enum status partial_value_node(struct arena *arena, const struct cedar_value *value,
                               const struct node **out)
{
    return value_node(arena, value, 0, out);
}

/* -- requests ------------------------------------------------------------------------------ */

static enum status set_variable(struct partial *p, enum node_kind kind, const struct cedar_uid *uid)
{
    struct residual *variable = &p->variables[kind - NODE_PRINCIPAL];
    if (uid->type.len == 0) {
        return unknown_node(p->arena, NAMES[kind - NODE_PRINCIPAL], &variable->node);
    }
    *variable =
        (struct residual){.state = RESIDUAL_KNOWN, .value = {.kind = CEDAR_ENTITY, .as.uid = *uid}};
    return STATUS_OK;
}

/* A context of which a part is unknown is like a literal with open parts. */
static enum status set_context(struct partial *p, const struct cedar_value *context)
{
    struct typed_policy literal = {0};
    struct residual *variable = &p->variables[NODE_CONTEXT - NODE_PRINCIPAL];
    if (context->kind == CEDAR_UNKNOWN) {
        return unknown_node(p->arena, NAMES[NODE_CONTEXT - NODE_PRINCIPAL], &variable->node);
    }
    TRY(partial_value_node(p->arena, context, &literal.whole.expression));
    return partial_evaluate(p, &literal, variable);
}

static enum status prepare(const struct cedar_policy_set *set, struct arena *arena,
                           struct prepared *out)
{
    struct reporter reporter = {.silent = 1}; /* what could be wrong is only the depth */
    reporter.last = &reporter.spare;
    *out = (struct prepared){.set = set};
    out->policies = arena_alloc_zero(arena, set->count, sizeof(*out->policies));
    if (out->policies == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < set->count; i++) {
        const struct policy *policy = &set->policies[i];
        if (policy_is_template(policy)) {
            continue;
        }
        out->policies[i].policy = policy;
        enum status status =
            lower_policy_whole(policy->surface, arena, &reporter, &out->policies[i].whole);
        TRY(status == STATUS_INVALID ? STATUS_LIMIT : status);
    }
    return STATUS_OK;
}

enum status cedar_authorize_untyped(const struct cedar_policy_set *set,
                                    const struct cedar_request *request, struct arena *arena,
                                    struct cedar_partial_response *out)
{
    struct prepared prepared;
    struct partial p = {.prepared = &prepared, .arena = arena};
    *out = (struct cedar_partial_response){.decision = CEDAR_PARTIAL_DENY};
    TRY(prepare(set, arena, &prepared));
    p.variables = arena_alloc_zero(arena, COUNT_OF(NAMES), sizeof(*p.variables));
    if (p.variables == NULL) {
        return STATUS_LIMIT;
    }
    evaluation_init(&p.evaluation, NULL, request, arena);
    TRY(set_variable(&p, NODE_PRINCIPAL, &request->principal));
    TRY(set_variable(&p, NODE_ACTION, &request->action));
    TRY(set_variable(&p, NODE_RESOURCE, &request->resource));
    TRY(set_context(&p, &request->context));
    return partial_respond(&p, out);
}
