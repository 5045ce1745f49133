/* Decisions over residuals, and the policies that are left (reference, section 14). */
#include "cedar/partial/partial.h"
#include "cedar/syntax/policy_set.h"

/* What cedar_partial_policies makes policies of. */
struct cedar_residual {
    bool is_untyped; /* there is no request then */
    struct cedar_partial_request request;
    const struct node **nodes; /* by policy; NULL: true */
};

/* -- decisions ----------------------------------------------------------------------------- */

static enum cedar_partial_outcome outcome_of(const struct residual *residual)
{
    if (residual->state == RESIDUAL_OPEN) {
        return CEDAR_PARTIAL_RESIDUAL;
    }
    if (residual->state == RESIDUAL_FAILS || residual->value.kind != CEDAR_BOOL) {
        return CEDAR_PARTIAL_ERROR;
    }
    return residual->value.as.boolean ? CEDAR_PARTIAL_TRUE : CEDAR_PARTIAL_FALSE;
}

struct votes {
    bool forbidden, may_be_forbidden, permitted, may_be_permitted;
};

static void vote(struct votes *votes, enum cedar_effect effect, enum cedar_partial_outcome outcome)
{
    bool is_true = outcome == CEDAR_PARTIAL_TRUE;
    bool may_be_true = is_true || outcome == CEDAR_PARTIAL_RESIDUAL;
    if (effect == CEDAR_FORBID) {
        votes->forbidden = votes->forbidden || is_true;
        votes->may_be_forbidden = votes->may_be_forbidden || may_be_true;
    } else {
        votes->permitted = votes->permitted || is_true;
        votes->may_be_permitted = votes->may_be_permitted || may_be_true;
    }
}

static enum cedar_partial_decision decide(const struct votes *votes)
{
    if (votes->forbidden || !votes->may_be_permitted) {
        return CEDAR_PARTIAL_DENY;
    }
    return votes->permitted && !votes->may_be_forbidden ? CEDAR_PARTIAL_ALLOW : CEDAR_PARTIAL_OPEN;
}

enum status partial_decide(struct partial *p, enum cedar_partial_outcome *outcomes,
                           const struct node **nodes, enum cedar_partial_decision *out)
{
    struct votes votes = {0};
    for (size_t i = 0; i < p->prepared->set->count; i++) {
        const struct typed_policy *policy = &p->prepared->policies[i];
        struct residual residual;
        if (policy->policy == NULL) {
            continue; /* a template, whose outcome is false */
        }
        TRY(partial_evaluate(p, policy, &residual));
        enum cedar_partial_outcome outcome = outcome_of(&residual);
        vote(&votes, policy->policy->effect, outcome);
        if (outcomes != NULL) {
            outcomes[i] = outcome;
            nodes[i] = outcome == CEDAR_PARTIAL_TRUE ? NULL : residual.node;
        }
    }
    *out = decide(&votes);
    return STATUS_OK;
}

enum status partial_respond(struct partial *p, struct cedar_partial_response *out)
{
    size_t count = p->prepared->set->count;
    enum cedar_partial_outcome *outcomes = arena_alloc_zero(p->arena, count, sizeof(*outcomes));
    struct cedar_residual *residuals = arena_alloc_zero(p->arena, 1, sizeof(*residuals));
    const struct node **nodes = arena_alloc_zero(p->arena, count, sizeof(const struct node *));
    if (outcomes == NULL || residuals == NULL || nodes == NULL) {
        return STATUS_LIMIT;
    }
    enum cedar_partial_decision decision = CEDAR_PARTIAL_DENY;
    TRY(partial_decide(p, outcomes, nodes, &decision));
    *residuals = (struct cedar_residual){.is_untyped = p->request == NULL, .nodes = nodes};
    if (p->request != NULL) {
        residuals->request = *p->request;
    }
    *out = (struct cedar_partial_response){decision, outcomes, residuals};
    return STATUS_OK;
}

enum status cedar_partially_authorize(const struct cedar_partial_query *query, struct arena *arena,
                                      struct cedar_partial_response *out, struct diag *diag)
{
    struct prepared prepared;
    struct partial p;
    *out = (struct cedar_partial_response){.decision = CEDAR_PARTIAL_DENY};
    TRY(partial_prepare(query, arena, &prepared, diag));
    TRY(partial_init(&p, &prepared, query->request, arena, diag));
    return partial_respond(&p, out);
}

/* -- the policies that are left ------------------------------------------------------------ */

/* == what is known, or at least of its type. */
static enum status scope_for(struct arena *arena, const struct cedar_uid *uid, bool has_id,
                             struct surface_scope *out)
{
    struct surface_entity *entity = arena_alloc_zero(arena, 1, sizeof(*entity));
    if (entity == NULL) {
        return STATUS_LIMIT;
    }
    TRY(partial_raise_uid(uid, arena, entity));
    *out = has_id ? (struct surface_scope){.kind = SURFACE_SCOPE_EQUAL,
                                           .entities = entity,
                                           .entity_count = 1}
                  : (struct surface_scope){.kind = SURFACE_SCOPE_IS, .type = entity->type};
    return STATUS_OK;
}

static enum status make_surface(const struct cedar_residual *residuals, const struct policy *policy,
                                const struct node *node, struct arena *arena,
                                const struct surface_policy **out)
{
    const struct cedar_partial_request *request = &residuals->request;
    struct surface_policy *made = arena_alloc_zero(arena, 1, sizeof(*made));
    struct surface_condition *condition = arena_alloc_zero(arena, 1, sizeof(*condition));
    if (made == NULL || condition == NULL) {
        return STATUS_LIMIT;
    }
    /* Annotations live in the unit that both sets share. */
    *made = (struct surface_policy){.effect = policy->effect,
                                    .annotations = policy->surface->annotations,
                                    .annotation_count = policy->surface->annotation_count};
    if (!residuals->is_untyped) {
        TRY(scope_for(arena, &request->principal, request->has_principal, &made->principal));
        TRY(scope_for(arena, &request->action, true, &made->action));
        TRY(scope_for(arena, &request->resource, request->has_resource, &made->resource));
    }
    if (node != NULL) {
        TRY(partial_raise(node, arena, &condition->body));
        made->conditions = condition;
        made->condition_count = 1;
    }
    *out = made;
    return STATUS_OK;
}

static enum status add_policy(struct cedar_policy_set *to, const struct policy *policy,
                              const struct cedar_residual *residuals, const struct node *node)
{
    struct policy *added = NULL;
    const struct surface_policy *surface = NULL;
    struct reporter reporter = {.silent = 1}; /* what could be wrong is only the depth */
    reporter.last = &reporter.spare;
    TRY(make_surface(residuals, policy, node, &to->arena, &surface));
    TRY(policy_set_add(to, &added));
    *added = (struct policy){.source = policy->source,
                             .source_text = policy->source_text,
                             .source_index = policy->source_index,
                             .offset = policy->offset,
                             .line = policy->line,
                             .surface = surface};
    TRY(arena_copy(&to->arena, policy->id, &added->id));
    enum status status = lower_policy(surface, &to->arena, &reporter, added);
    return status == STATUS_INVALID ? STATUS_LIMIT : status;
}

static enum status add_policies(struct cedar_policy_set *to, const struct cedar_policy_set *set,
                                const struct cedar_partial_response *response)
{
    for (size_t i = 0; i < set->count; i++) {
        if (response->outcomes[i] != CEDAR_PARTIAL_FALSE) {
            TRY(add_policy(to, &set->policies[i], response->residuals,
                           response->residuals->nodes[i]));
        }
    }
    return policy_set_close(to);
}

enum status cedar_partial_policies(const struct cedar_policy_set *set,
                                   const struct cedar_partial_response *response,
                                   struct cedar_policy_set **out)
{
    struct cedar_policy_set *to = policy_set_new(set->unit);
    enum status status = to == NULL ? STATUS_LIMIT : add_policies(to, set, response);
    if (status != STATUS_OK) {
        cedar_policy_set_free(to);
        return status;
    }
    *out = to;
    return STATUS_OK;
}
