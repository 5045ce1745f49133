#include "cedar/eval/tally.h"

void tally_init(struct tally *tally, const struct cedar_options *options, struct arena *arena)
{
    /* One by one, because this is done for every decision and clearing as a whole is slow. */
    tally->arena = arena;
    tally->permits = (struct growing){0};
    tally->forbids = (struct growing){0};
    tally->errors = (struct growing){0};
    tally->unknown_permits = 0;
    tally->unknown_forbids = 0;
    tally->erroring_forbid_denies = options != NULL && options->erroring_forbid_denies;
}

enum status tally_add(struct tally *tally, size_t policy, enum cedar_effect effect,
                      enum outcome outcome, const struct cedar_policy_error *error)
{
    bool is_forbid = effect == CEDAR_FORBID;
    /* A forbid would be skipped as one that fails is, and a want of memory would allow. */
    if (outcome == OUTCOME_LIMIT) {
        return STATUS_LIMIT;
    }
    if (outcome == OUTCOME_ERROR) {
        struct cedar_policy_error *added =
            growing_add(&tally->errors, tally->arena, sizeof(*added));
        if (added == NULL) {
            return STATUS_LIMIT;
        }
        *added = *error;
        added->policy = policy;
        outcome = is_forbid && tally->erroring_forbid_denies ? OUTCOME_TRUE : OUTCOME_FALSE;
    }
    if (outcome == OUTCOME_TRUE) {
        size_t *added = growing_add(is_forbid ? &tally->forbids : &tally->permits, tally->arena,
                                    sizeof(*added));
        if (added == NULL) {
            return STATUS_LIMIT;
        }
        *added = policy;
    }
    if (outcome == OUTCOME_UNKNOWN) {
        tally->unknown_forbids += is_forbid ? 1 : 0;
        tally->unknown_permits += is_forbid ? 0 : 1;
    }
    return STATUS_OK;
}

static uint64_t key_of_index(const void *item)
{
    const size_t *index = item;
    return *index;
}

static uint64_t key_of_error(const void *item)
{
    const struct cedar_policy_error *error = item;
    return error->policy;
}

void tally_respond(struct tally *tally, struct cedar_response *out)
{
    /* What is unknown cannot be decided here; a forbid could apply, and a permit could not. */
    bool is_allowed =
        tally->permits.count > 0 && tally->forbids.count == 0 && tally->unknown_forbids == 0;
    struct growing *reasons = is_allowed ? &tally->permits : &tally->forbids;
    growing_sort_unique(reasons, sizeof(size_t), key_of_index);
    growing_sort_unique(&tally->errors, sizeof(struct cedar_policy_error), key_of_error);
    *out = (struct cedar_response){
        .decision = is_allowed ? CEDAR_ALLOW : CEDAR_DENY,
        .reasons = reasons->items,
        .reason_count = reasons->count,
        .errors = tally->errors.items,
        .error_count = tally->errors.count,
    };
}

enum cedar_answer tally_answer(const struct tally *tally)
{
    if (tally->forbids.count > 0 || tally->permits.count + tally->unknown_permits == 0) {
        return CEDAR_NEVER;
    }
    bool is_sure = tally->permits.count > 0 && tally->unknown_forbids == 0;
    return is_sure ? CEDAR_ALWAYS : CEDAR_MAYBE;
}
