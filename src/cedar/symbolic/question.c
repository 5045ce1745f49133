/* Questions about policies as assertions (reference, sections 16.3 and 16.4). */
#include "cedar/symbolic/environment.h"

#include <assert.h>

/* Pairs of them have to be looked at. */
#define FOOTPRINT_MAX 4096

struct asking {
    struct symbolic *s;
    struct terms *terms;       /* of s */
    struct growing footprint;  /* of struct symbolic_value */
    struct growing assertions; /* of struct term * */
    bool is_refuted;           /* one of them is false */
};

/* -- assertions ---------------------------------------------------------------------------- */

static uint64_t assertion_key(const void *item)
{
    return (*(const struct term *const *)item)->number;
}

static enum status claim(struct asking *a, const struct term *truth)
{
    if (truth == NULL) {
        return STATUS_LIMIT;
    }
    if (truth->kind == TERM_TRUTH) {
        a->is_refuted = a->is_refuted || !truth->as.truth;
        return STATUS_OK;
    }
    const struct term **added =
        growing_add(&a->assertions, a->s->arena, sizeof(const struct term *));
    if (added == NULL) {
        return STATUS_LIMIT;
    }
    *added = truth;
    return STATUS_OK;
}

/* -- well-formed hierarchies --------------------------------------------------------------- */

/* No entity is its own ancestor. */
static enum status claim_acyclic(struct asking *a, const struct symbolic_value *entity)
{
    uint32_t type = entity->value->type->entity;
    if (!symbolic_may_be_in(a->s, type, type)) {
        return STATUS_OK;
    }
    const struct term *is_in_itself =
        term_member(a->terms, entity->value, symbolic_ancestors(a->s, entity->value, type));
    return claim(a, term_or(a->terms, entity->fails, term_not(a->terms, is_in_itself)));
}

/* The ancestors of an ancestor are ancestors. */
static enum status claim_transitive(struct asking *a, const struct symbolic_value *lower,
                                    const struct symbolic_value *upper)
{
    uint32_t type = upper->value->type->entity;
    const struct schema_set *above = &a->s->schema->entities[type].ancestors;
    if (above->count == 0 || !symbolic_may_be_in(a->s, lower->value->type->entity, type)) {
        return STATUS_OK;
    }
    const struct term *is_above =
        term_member(a->terms, upper->value, symbolic_ancestors(a->s, lower->value, type));
    const struct term *applies = term_and(
        a->terms, is_above, term_not(a->terms, term_or(a->terms, lower->fails, upper->fails)));
    const struct term *all = term_truth(a->terms, true);
    for (size_t i = 0; i < above->count; i++) {
        all =
            term_and(a->terms, all,
                     term_subset(a->terms, symbolic_ancestors(a->s, upper->value, above->items[i]),
                                 symbolic_ancestors(a->s, lower->value, above->items[i])));
    }
    return claim(a, term_implies(a->terms, applies, all));
}

/* What the schema says about actions is well-formed. */
static bool is_action(const struct asking *a, const struct symbolic_value *entity)
{
    return a->s->schema->entities[entity->value->type->entity].is_action;
}

static enum status claim_well_formed(struct asking *a)
{
    const struct symbolic_value *items = a->footprint.items;
    for (size_t i = 0; i < a->footprint.count; i++) {
        if (is_action(a, &items[i])) {
            continue;
        }
        TRY(claim_acyclic(a, &items[i]));
        for (size_t k = 0; k < a->footprint.count; k++) {
            if (k != i) {
                TRY(claim_transitive(a, &items[i], &items[k]));
            }
        }
    }
    return STATUS_OK;
}

static enum status add_footprints(struct asking *a, const struct symbolic_policies *policies)
{
    for (size_t i = 0; i < policies->count; i++) {
        const struct symbolic_policy *policy = &policies->items[i];
        for (size_t k = 0; k < policy->footprint_count; k++) {
            struct symbolic_value *added =
                growing_add(&a->footprint, a->s->arena, sizeof(struct symbolic_value));
            if (added == NULL) {
                return STATUS_LIMIT;
            }
            *added = policy->footprint[k];
        }
    }
    growing_sort_unique(&a->footprint, sizeof(struct symbolic_value), symbolic_footprint_key);
    return a->footprint.count > FOOTPRINT_MAX ? STATUS_LIMIT : STATUS_OK;
}

/* -- questions ----------------------------------------------------------------------------- */

/* A permit matches, and no forbid does. */
static const struct term *allows(struct terms *terms, const struct symbolic_policies *policies)
{
    const struct term *is_permitted = term_truth(terms, false);
    const struct term *is_forbidden = term_truth(terms, false);
    for (size_t i = 0; i < policies->count; i++) {
        const struct symbolic_policy *policy = &policies->items[i];
        if (policy->effect == CEDAR_PERMIT) {
            is_permitted = term_or(terms, is_permitted, policy->matches);
        } else {
            is_forbidden = term_or(terms, is_forbidden, policy->matches);
        }
    }
    return term_and(terms, is_permitted, term_not(terms, is_forbidden));
}

bool cedar_question_is_about_policies(enum cedar_question question)
{
    return question <= CEDAR_MATCHES_DISJOINT;
}

bool cedar_question_has_two_sides(enum cedar_question question)
{
    switch (question) {
    case CEDAR_MATCHES_EQUIVALENT:
    case CEDAR_MATCHES_IMPLIES:
    case CEDAR_MATCHES_DISJOINT:
    case CEDAR_EQUIVALENT:
    case CEDAR_IMPLIES:
    case CEDAR_DISJOINT:
        return true;
    case CEDAR_NEVER_ERRORS:
    case CEDAR_ALWAYS_MATCHES:
    case CEDAR_NEVER_MATCHES:
    case CEDAR_ALWAYS_ALLOWS:
    case CEDAR_ALWAYS_DENIES:
        break;
    }
    return false;
}

/* Whether one side says yes to a request: a policy by matching, a set by allowing. */
static const struct term *yes_of(struct terms *terms, enum cedar_question question,
                                 const struct symbolic_policies *policies)
{
    return cedar_question_is_about_policies(question) ? policies->items[0].matches
                                                      : allows(terms, policies);
}

/* When the answer is no. */
static const struct term *counterexample(struct terms *terms, enum cedar_question question,
                                         const struct symbolic_policies *left,
                                         const struct symbolic_policies *right)
{
    const struct term *yes = yes_of(terms, question, left);
    const struct term *other =
        cedar_question_has_two_sides(question) ? yes_of(terms, question, right) : NULL;
    switch (question) {
    case CEDAR_NEVER_ERRORS:
        return left->items[0].fails;
    case CEDAR_ALWAYS_MATCHES:
    case CEDAR_ALWAYS_ALLOWS:
        return term_not(terms, yes);
    case CEDAR_NEVER_MATCHES:
    case CEDAR_ALWAYS_DENIES:
        return yes;
    case CEDAR_MATCHES_EQUIVALENT:
    case CEDAR_EQUIVALENT:
        return term_not(terms, term_equal(terms, yes, other));
    case CEDAR_MATCHES_IMPLIES:
    case CEDAR_IMPLIES:
        return term_and(terms, yes, term_not(terms, other));
    case CEDAR_MATCHES_DISJOINT:
    case CEDAR_DISJOINT:
        return term_and(terms, yes, other);
    }
    return NULL;
}

static enum status assert_false(struct asking *a, struct symbolic_query *out)
{
    const struct term **item = arena_alloc(a->s->arena, sizeof(const struct term *));
    const struct term *no = term_truth(a->terms, false);
    if (item == NULL || no == NULL) {
        return STATUS_LIMIT;
    }
    *item = no;
    out->assertions = item;
    out->count = 1;
    return STATUS_OK;
}

enum status symbolic_ask(struct symbolic *s, enum cedar_question question,
                         const struct symbolic_policies *left,
                         const struct symbolic_policies *right, struct symbolic_query *out)
{
    struct asking a = {.s = s, .terms = &s->terms};
    bool has_right = cedar_question_has_two_sides(question);
    assert(!cedar_question_is_about_policies(question) ||
           (left->count == 1 && (!has_right || right->count == 1)));
    *out = (struct symbolic_query){0};
    TRY(add_footprints(&a, left));
    if (has_right) {
        TRY(add_footprints(&a, right));
    }
    TRY(claim(&a, counterexample(a.terms, question, left, right)));
    if (!a.is_refuted) {
        TRY(claim_well_formed(&a));
    }
    out->footprint = a.footprint.items;
    out->footprint_count = a.footprint.count;
    if (a.is_refuted) {
        return assert_false(&a, out);
    }
    growing_sort_unique(&a.assertions, sizeof(const struct term *), assertion_key);
    out->assertions = a.assertions.items;
    out->count = a.assertions.count;
    return STATUS_OK;
}
