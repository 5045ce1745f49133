/* Decisions over a policy set (Cedar reference, section 8). */
#include "cedar/eval/policy_index.h"

#include <string.h>

#define FOUND_FIRST 16

enum outcome {
    OUTCOME_FALSE,
    OUTCOME_TRUE,
    OUTCOME_UNKNOWN,
    OUTCOME_ERROR,
};

struct index_list {
    size_t *items;
    size_t count, capacity;
};

struct error_list {
    struct cedar_policy_error *items;
    size_t count, capacity;
};

struct tally {
    const struct cedar_policy_set *set;
    struct evaluation evaluation;
    bool erroring_forbid_denies;
    struct index_list permits, forbids;
    struct error_list errors;
    size_t unknown_permits, unknown_forbids;
};

/* A larger copy of items in the arena; NULL without memory. */
static void *grow(struct arena *arena, const void *items, size_t size, size_t count,
                  size_t *capacity)
{
    size_t wanted = *capacity == 0 ? FOUND_FIRST : *capacity * 2;
    void *more = arena_alloc_zero(arena, wanted, size);
    if (more != NULL && count > 0) {
        memcpy(more, items, count * size);
    }
    *capacity = wanted;
    return more;
}

static enum status add_index(struct arena *arena, struct index_list *list, size_t policy)
{
    if (list->count == list->capacity) {
        list->items = grow(arena, list->items, sizeof(*list->items), list->count, &list->capacity);
        if (list->items == NULL) {
            return STATUS_LIMIT;
        }
    }
    list->items[list->count++] = policy;
    return STATUS_OK;
}

static enum status add_error(struct arena *arena, struct error_list *list,
                             const struct cedar_policy_error *error)
{
    if (list->count == list->capacity) {
        list->items = grow(arena, list->items, sizeof(*list->items), list->count, &list->capacity);
        if (list->items == NULL) {
            return STATUS_LIMIT;
        }
    }
    list->items[list->count++] = *error;
    return STATUS_OK;
}

/* The scope matches already. Each policy has its own steps, so that the order of policies cannot
 * change a decision. */
static enum outcome evaluate_condition(struct evaluation *e, const struct policy *policy)
{
    struct cedar_value value;
    e->work.steps_left = CEDAR_STEPS_MAX;
    if (policy->condition == NULL) {
        return OUTCOME_TRUE;
    }
    if (!evaluate(e, policy->condition, &value)) {
        return OUTCOME_ERROR;
    }
    if (value.kind == CEDAR_UNKNOWN) {
        return OUTCOME_UNKNOWN;
    }
    if (value.kind != CEDAR_BOOL) {
        (void)evaluation_fail(e, CEDAR_ERROR_TYPE, SLICE("the condition is no boolean"),
                              SLICE_EMPTY);
        return OUTCOME_ERROR;
    }
    return value.as.boolean ? OUTCOME_TRUE : OUTCOME_FALSE;
}

static enum status count_policy(void *context, uint32_t number)
{
    struct tally *tally = context;
    struct arena *arena = tally->evaluation.work.arena;
    const struct policy *policy = &tally->set->policies[number];
    bool is_forbid = policy->effect == CEDAR_FORBID;
    enum outcome outcome = evaluate_condition(&tally->evaluation, policy);
    if (outcome == OUTCOME_ERROR) {
        tally->evaluation.error.policy = number;
        TRY(add_error(arena, &tally->errors, &tally->evaluation.error));
        outcome = is_forbid && tally->erroring_forbid_denies ? OUTCOME_TRUE : OUTCOME_FALSE;
    }
    if (outcome == OUTCOME_TRUE) {
        return add_index(arena, is_forbid ? &tally->forbids : &tally->permits, number);
    }
    if (outcome == OUTCOME_UNKNOWN) {
        tally->unknown_forbids += is_forbid ? 1 : 0;
        tally->unknown_permits += is_forbid ? 0 : 1;
    }
    return STATUS_OK;
}

/* Shell sort: no recursion, no memory, and the lists are runs that ascend already. */
static void sort_indexes(struct index_list *list)
{
    for (size_t gap = list->count / 2; gap > 0; gap /= 2) {
        for (size_t i = gap; i < list->count; i++) {
            size_t moved = list->items[i];
            size_t at = i;
            for (; at >= gap && list->items[at - gap] > moved; at -= gap) {
                list->items[at] = list->items[at - gap];
            }
            list->items[at] = moved;
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        /* A store may name an ancestor twice, and then its policies were visited twice. */
        if (kept == 0 || list->items[kept - 1] != list->items[i]) {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
}

static void sort_errors(struct error_list *list)
{
    for (size_t gap = list->count / 2; gap > 0; gap /= 2) {
        for (size_t i = gap; i < list->count; i++) {
            struct cedar_policy_error moved = list->items[i];
            size_t at = i;
            for (; at >= gap && list->items[at - gap].policy > moved.policy; at -= gap) {
                list->items[at] = list->items[at - gap];
            }
            list->items[at] = moved;
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (kept == 0 || list->items[kept - 1].policy != list->items[i].policy) {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
}

static enum status count_all(struct tally *tally, const struct cedar_policy_set *set,
                             const struct cedar_request *request,
                             const struct cedar_options *options, struct arena *arena)
{
    *tally = (struct tally){.set = set};
    tally->erroring_forbid_denies = options != NULL && options->erroring_forbid_denies;
    evaluation_init(&tally->evaluation, request, arena);
    return policy_index_visit(set, &tally->evaluation, count_policy, tally);
}

enum status cedar_authorize(const struct cedar_policy_set *set, const struct cedar_request *request,
                            const struct cedar_options *options, struct arena *arena,
                            struct cedar_response *out)
{
    struct tally tally;
    *out = (struct cedar_response){.decision = CEDAR_DENY};
    TRY(count_all(&tally, set, request, options, arena));
    /* What is unknown cannot be decided here; a forbid could apply, and a permit could not. */
    bool is_allowed =
        tally.permits.count > 0 && tally.forbids.count == 0 && tally.unknown_forbids == 0;
    struct index_list *reasons = is_allowed ? &tally.permits : &tally.forbids;
    sort_indexes(reasons);
    sort_errors(&tally.errors);
    *out = (struct cedar_response){
        .decision = is_allowed ? CEDAR_ALLOW : CEDAR_DENY,
        .reasons = reasons->items,
        .reason_count = reasons->count,
        .errors = tally.errors.items,
        .error_count = tally.errors.count,
    };
    return STATUS_OK;
}

enum status cedar_may_allow(const struct cedar_policy_set *set, const struct cedar_request *request,
                            const struct cedar_options *options, struct arena *arena,
                            enum cedar_answer *out)
{
    struct tally tally;
    *out = CEDAR_NEVER;
    TRY(count_all(&tally, set, request, options, arena));
    if (tally.forbids.count > 0 || tally.permits.count + tally.unknown_permits == 0) {
        return STATUS_OK;
    }
    bool is_sure = tally.permits.count > 0 && tally.unknown_forbids == 0;
    *out = is_sure ? CEDAR_ALWAYS : CEDAR_MAYBE;
    return STATUS_OK;
}

const char *cedar_error_kind_name(enum cedar_error_kind kind)
{
    static const char *const NAMES[] = {
        [CEDAR_ERROR_TYPE] = "type",     [CEDAR_ERROR_OVERFLOW] = "overflow",
        [CEDAR_ERROR_ENTITY] = "entity", [CEDAR_ERROR_ATTRIBUTE] = "attribute",
        [CEDAR_ERROR_TAG] = "tag",       [CEDAR_ERROR_EXTENSION] = "extension",
        [CEDAR_ERROR_ARITY] = "arity",   [CEDAR_ERROR_UNREADABLE] = "unreadable",
        [CEDAR_ERROR_STEPS] = "steps",
    };
    return NAMES[kind];
}
