#include "support/partial_answers.h"

static bool has_id(const struct cedar_policy_set *set, const struct cedar_response *response,
                   struct slice id, enum cedar_error_kind *kind)
{
    for (size_t i = 0; kind == NULL && i < response->reason_count; i++) {
        if (slice_eq(cedar_policy_get(set, response->reasons[i]).id, id)) {
            return true;
        }
    }
    for (size_t i = 0; kind != NULL && i < response->error_count; i++) {
        if (slice_eq(cedar_policy_get(set, response->errors[i].policy).id, id)) {
            *kind = response->errors[i].kind;
            return true;
        }
    }
    return false;
}

bool partial_same(const struct cedar_policy_set *a, const struct cedar_response *left,
                  const struct cedar_policy_set *b, const struct cedar_response *right)
{
    bool same = left->decision == right->decision && left->reason_count == right->reason_count &&
                left->error_count == right->error_count;
    for (size_t i = 0; same && i < left->reason_count; i++) {
        same = has_id(b, right, cedar_policy_get(a, left->reasons[i]).id, NULL);
    }
    for (size_t i = 0; same && i < left->error_count; i++) {
        enum cedar_error_kind kind = CEDAR_ERROR_TYPE;
        same = has_id(b, right, cedar_policy_get(a, left->errors[i].policy).id, &kind) &&
               kind == left->errors[i].kind;
    }
    return same;
}

static bool foretells(const struct cedar_policy_set *set, size_t index,
                      enum cedar_partial_outcome outcome, const struct cedar_response *full)
{
    struct cedar_policy_info info = cedar_policy_get(set, index);
    enum cedar_error_kind kind = CEDAR_ERROR_TYPE;
    bool fails = has_id(set, full, info.id, &kind);
    bool is_reason = has_id(set, full, info.id, NULL);
    bool decides = (info.effect == CEDAR_PERMIT) == (full->decision == CEDAR_ALLOW);
    switch (outcome) {
    case CEDAR_PARTIAL_ERROR:
        return fails;
    case CEDAR_PARTIAL_FALSE:
        return !fails && !is_reason;
    case CEDAR_PARTIAL_TRUE:
        return is_reason || (!decides && !fails);
    case CEDAR_PARTIAL_RESIDUAL:
        break;
    }
    return true;
}

bool partial_decision_fits(enum cedar_partial_decision decision, enum cedar_decision full)
{
    return decision == CEDAR_PARTIAL_OPEN ||
           (decision == CEDAR_PARTIAL_ALLOW) == (full == CEDAR_ALLOW);
}

bool partial_foretells(const struct cedar_policy_set *set,
                       const struct cedar_partial_response *partial,
                       const struct cedar_response *full)
{
    bool fits = partial_decision_fits(partial->decision, full->decision);
    for (size_t i = 0; fits && i < cedar_policy_count(set); i++) {
        fits = foretells(set, i, partial->outcomes[i], full);
    }
    return fits;
}
