#include "support/known_check.h"

#include "cedar/eval/reference.h"
#include "support/known_world.h"

#define ARENA_BYTES ((size_t)512 << 20)

/* A set, compiled and asked about before its world is known. */
struct before {
    const struct cedar_policy_set *set;
    struct symbolic_policy *policies;
    bool *compiles;
    struct symbolic_query allows, denies;
    bool is_whole; /* all policies compile */
};

static const char *compile_all(struct known_world *w, struct before *before)
{
    struct symbolic_policies all = {0};
    size_t count = cedar_policy_count(before->set);
    before->policies = arena_alloc_zero(w->s.arena, count, sizeof(*before->policies));
    before->compiles = arena_alloc_zero(w->s.arena, count, sizeof(*before->compiles));
    if (before->policies == NULL || before->compiles == NULL) {
        return "there is no memory";
    }
    for (size_t i = 0; i < count; i++) {
        before->compiles[i] =
            symbolic_compile(&w->s, before->set, i, &before->policies[i], NULL) == STATUS_OK;
    }
    before->is_whole = symbolic_compile_set(&w->s, before->set, &all, NULL) == STATUS_OK;
    if (!before->is_whole) {
        return NULL;
    }
    bool is_asked =
        symbolic_ask(&w->s, CEDAR_ALWAYS_ALLOWS, &all, NULL, &before->allows) == STATUS_OK &&
        symbolic_ask(&w->s, CEDAR_ALWAYS_DENIES, &all, NULL, &before->denies) == STATUS_OK;
    return is_asked ? NULL : "a question is refused";
}

/* The world is known now. */
static const char *check_policy(struct known_world *w, struct before *before, size_t index)
{
    const struct symbolic_policy *then = &before->policies[index];
    struct symbolic_policy now;
    bool matches = false;
    bool fails = false;
    if (symbolic_compile(&w->s, before->set, index, &now, NULL) != STATUS_OK) {
        return "the policy does not compile twice";
    }
    if (known_world_evaluate(w, &before->set->policies[index], &matches, &fails) != STATUS_OK) {
        before->is_whole = false; /* too many steps */
        return NULL;
    }
    if (now.matches != term_truth(&w->s.terms, matches)) {
        return "whether the policy matches";
    }
    if (now.fails != term_truth(&w->s.terms, fails)) {
        return "whether the policy fails";
    }
    return known_world_value(w, then->matches) == now.matches &&
                   known_world_value(w, then->fails) == now.fails
               ? NULL
               : "the value of what was compiled before";
}

static bool holds(const struct known_world *w, const struct symbolic_query *query)
{
    for (size_t i = 0; i < query->count; i++) {
        const struct term *value = known_world_value(w, query->assertions[i]);
        if (value->kind != TERM_TRUTH || !value->as.truth) {
            return false;
        }
    }
    return true;
}

/* A store is well-formed, so a question is refuted by a world exactly when the decision there is
 * not what the question says. */
static const char *check_set(struct known_world *w, const struct before *before)
{
    struct cedar_response response;
    if (reference_authorize(before->set, &w->request, NULL, w->s.arena, &response) != STATUS_OK) {
        return "there is no decision";
    }
    bool is_allowed = response.decision == CEDAR_ALLOW;
    return holds(w, &before->allows) == !is_allowed && holds(w, &before->denies) == is_allowed
               ? NULL
               : "what a question about the set is refuted by";
}

static const char *check_all(struct known_world *w, const struct cedar_policy_set *set,
                             struct known_counts *counts)
{
    struct before before = {.set = set};
    const char *wrong = compile_all(w, &before);
    if (wrong == NULL && known_world_fill(w) != STATUS_OK) {
        wrong = "the world has no terms";
    }
    for (size_t i = 0; i < cedar_policy_count(set) && wrong == NULL; i++) {
        if (before.compiles[i]) {
            wrong = check_policy(w, &before, i);
            counts->policies++;
        }
    }
    if (wrong == NULL && before.is_whole) {
        wrong = check_set(w, &before);
        counts->sets++;
    }
    return wrong;
}

const char *known_check(const struct cedar_schema *schema, const struct cedar_policy_set *set,
                        const struct cedar_request *request, struct known_counts *counts)
{
    struct arena arena;
    struct known_world w;
    arena_init(&arena, ARENA_BYTES, NULL);
    const char *wrong = known_world_open(&w, schema, request, &arena) == STATUS_OK
                            ? check_all(&w, set, counts)
                            : "the environment is refused";
    arena_release(&arena);
    return wrong;
}
