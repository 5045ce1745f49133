#include "core/policy/decide.h"

#include "core/policy/scene.h"

static const struct cedar_options STRICT = {.erroring_forbid_denies = true};

/* The reason of the first deciding forbid that gives one; policies come in the order of their set.
 * All texts are copied: the set may be replaced while a record of the decision is written. */
static enum status fill_answer(const struct policy_question *question,
                               const struct cedar_response *response, struct arena *arena,
                               struct policy_answer *out)
{
    struct slice *ids = arena_alloc_zero(arena, response->reason_count, sizeof(*ids));
    if (ids == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < response->reason_count; i++) {
        struct slice reason = SLICE_EMPTY;
        TRY(arena_copy(arena, cedar_policy_get(question->policies, response->reasons[i]).id,
                       &ids[i]));
        if (response->decision == CEDAR_DENY && out->reason.len == 0 &&
            cedar_policy_annotation(question->policies, response->reasons[i], SLICE("reason"),
                                    &reason)) {
            TRY(arena_copy(arena, reason, &out->reason));
        }
    }
    out->policies = ids;
    out->policy_count = response->reason_count;
    out->is_allowed = response->decision == CEDAR_ALLOW;
    return STATUS_OK;
}

static bool may_allow(struct scene *scene, const struct cedar_policy_set *policies,
                      const struct cedar_request *request)
{
    enum cedar_answer answer = CEDAR_NEVER;
    return cedar_may_allow(policies, request, &STRICT, scene->arena, &answer) == STATUS_OK &&
           answer != CEDAR_NEVER;
}

/* Do only forbids stand against it that the caller can lift? What is plain stays plain, and so does
 * what nobody permits. */
static enum status fill_demand(struct scene *scene, const struct cedar_request *request,
                               const struct cedar_response *response, struct arena *arena,
                               struct policy_answer *out)
{
    const struct cedar_policy_set *policies = scene->question->policies;
    if (scene->question->lifted == NULL || response->decision != CEDAR_DENY ||
        response->reason_count == 0) {
        return STATUS_OK;
    }
    struct policy_demand *demand = arena_alloc_zero(arena, 1, sizeof(*demand));
    if (demand == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < response->reason_count; i++) {
        if (!policy_can_be_lifted(policies, response->reasons[i])) {
            return STATUS_OK;
        }
        TRY(policy_demand_add(demand, policies, response->reasons[i], arena));
    }
    if (may_allow(scene, scene->question->lifted, request)) {
        out->demand = demand;
    }
    return STATUS_OK;
}

/* Being in a group cannot fail as an attribute can: a forbid for a group would pass by a caller
 * whose groups are not known. So where any policy names one, that caller is denied. */
static bool needs_unknown_groups(const struct policy_question *question)
{
    return question->principal->are_groups_unknown && question->policies != NULL &&
           cedar_policy_set_mentions(question->policies, SLICE("Aegis::Group"));
}

static enum status decide(struct scene *scene, struct arena *arena, struct policy_answer *out)
{
    struct cedar_request request;
    struct cedar_response response;
    if (scene->question->policies == NULL || scene->question->principal == NULL) {
        return STATUS_UNAVAILABLE;
    }
    if (needs_unknown_groups(scene->question)) {
        out->reason = SLICE("the identity provider left the groups of the caller out of the token, "
                            "and policies depend on them");
        return STATUS_OK;
    }
    TRY(scene_request(scene, &request));
    TRY(cedar_authorize(scene->question->policies, &request, &STRICT, scene->arena, &response));
    TRY(fill_answer(scene->question, &response, arena, out));
    return fill_demand(scene, &request, &response, arena, out);
}

enum status policy_decide(const struct policy_question *question, struct arena *scratch,
                          struct arena *arena, struct policy_answer *out)
{
    struct scene scene = {.question = question, .arena = scratch};
    *out = (struct policy_answer){0};
    arena_reset(scratch);
    enum status status = decide(&scene, arena, out);
    arena_reset(scratch);
    return status;
}

static bool may_ever_allow(struct scene *scene, const struct cedar_policy_set *policies)
{
    struct cedar_request request;
    arena_reset(scene->arena);
    bool may = policies != NULL && scene->question->principal != NULL &&
               !needs_unknown_groups(scene->question) &&
               scene_request(scene, &request) == STATUS_OK && may_allow(scene, policies, &request);
    arena_reset(scene->arena);
    return may;
}

bool policy_may_ever_allow(const struct policy_question *question, struct arena *scratch)
{
    struct scene scene = {.question = question, .arena = scratch};
    return may_ever_allow(&scene, question->lifted != NULL ? question->lifted : question->policies);
}

bool policy_denies_early(const struct policy_question *question, struct arena *scratch,
                         struct arena *arena, struct policy_answer *out)
{
    struct policy_question unknown = *question;
    unknown.arguments_unknown = true;
    struct scene scene = {.question = &unknown, .arena = scratch};
    if (may_ever_allow(&scene, unknown.policies)) {
        return false;
    }
    (void)!policy_decide(&unknown, scratch, arena, out);
    out->is_allowed = false;
    return true;
}
