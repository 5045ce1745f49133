#include "cedar/eval/evaluate.h"
#include "cedar/value/value.h"

static bool scope_holds(const struct evaluation *e, const struct scope *scope,
                        const struct cedar_uid *uid)
{
    switch (scope->kind) {
    case SCOPE_ANY:
        return true;
    case SCOPE_EQUAL:
        return uid_eq(uid, &scope->entities[0]);
    case SCOPE_IS:
        return slice_eq(uid->type, scope->type) &&
               (scope->entity_count == 0 || eval_entity_in(e, uid, &scope->entities[0]));
    case SCOPE_IN:
        for (size_t i = 0; i < scope->entity_count; i++) {
            if (eval_entity_in(e, uid, &scope->entities[i])) {
                return true;
            }
        }
        return false;
    }
    return false;
}

/* Does the policy apply? Its scope never fails, so conditions are evaluated only when it holds. */
static enum eval_result apply(struct evaluation *e, const struct policy *policy, bool *applies)
{
    const struct cedar_request *request = e->request;
    struct cedar_value value;
    *applies = false;
    if (policy->principal.has_slot || policy->resource.has_slot ||
        !scope_holds(e, &policy->action, &request->action) ||
        !scope_holds(e, &policy->principal, &request->principal) ||
        !scope_holds(e, &policy->resource, &request->resource)) {
        return EVAL_OK;
    }
    if (policy->condition == NULL) {
        *applies = true;
        return EVAL_OK;
    }
    enum eval_result result = evaluate(e, policy->condition, &value);
    if (result == EVAL_OK && value.kind != CEDAR_BOOL) {
        return eval_fail(e, "type");
    }
    *applies = result == EVAL_OK && value.as.boolean;
    return result;
}

struct found {
    size_t *permits, *forbids;
    size_t permit_count, forbid_count, error_count;
    struct cedar_policy_error *errors;
};

static void note(struct found *found, const struct policy *policy, size_t index, bool denies)
{
    if (policy->effect == CEDAR_PERMIT) {
        found->permits[found->permit_count++] = index;
    } else if (denies) {
        found->forbids[found->forbid_count++] = index;
    }
}

enum status cedar_authorize(const struct cedar_policy_set *set, const struct cedar_request *request,
                            bool erroring_forbid_denies, struct arena *arena,
                            struct cedar_response *out)
{
    struct evaluation e = {.request = request, .arena = arena};
    struct found found = {
        .permits = arena_alloc(arena, set->count * sizeof(size_t)),
        .forbids = arena_alloc(arena, set->count * sizeof(size_t)),
        .errors = arena_alloc(arena, set->count * sizeof(struct cedar_policy_error)),
    };
    *out = (struct cedar_response){.decision = CEDAR_DENY};
    if (found.permits == NULL || found.forbids == NULL || found.errors == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < set->count; i++) {
        const struct policy *policy = &set->policies[i];
        bool applies = false;
        enum eval_result result = apply(&e, policy, &applies);
        if (result == EVAL_OK) {
            if (applies) {
                note(&found, policy, i, true);
            }
            continue;
        }
        /* A request without unknowns has no unknown results; if one comes it counts as an error. */
        found.errors[found.error_count++] =
            (struct cedar_policy_error){i, result == EVAL_ERROR ? e.code : "unknown"};
        if (policy->effect == CEDAR_FORBID) {
            note(&found, policy, i, erroring_forbid_denies);
        }
    }
    if (e.is_out_of_memory) {
        return STATUS_LIMIT;
    }
    bool is_allowed = found.forbid_count == 0 && found.permit_count > 0;
    *out = (struct cedar_response){
        .decision = is_allowed ? CEDAR_ALLOW : CEDAR_DENY,
        .reasons = is_allowed ? found.permits : found.forbids,
        .reason_count = is_allowed ? found.permit_count : found.forbid_count,
        .errors = found.errors,
        .error_count = found.error_count,
    };
    return STATUS_OK;
}

bool cedar_may_allow(const struct cedar_policy_set *set, const struct cedar_request *request,
                     bool erroring_forbid_denies, struct arena *arena)
{
    struct evaluation e = {.request = request, .arena = arena};
    bool may_permit = false;
    for (size_t i = 0; i < set->count; i++) {
        const struct policy *policy = &set->policies[i];
        bool applies = false;
        enum eval_result result = apply(&e, policy, &applies);
        if (policy->effect == CEDAR_PERMIT) {
            may_permit = may_permit || applies || result == EVAL_UNKNOWN;
        } else if (applies || (result == EVAL_ERROR && erroring_forbid_denies)) {
            return false;
        }
    }
    return may_permit && !e.is_out_of_memory;
}
