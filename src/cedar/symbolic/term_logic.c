/* Truths: connectives, equality, choice, and what they fold to. */
#include "cedar/symbolic/term_store.h"

#include <assert.h>

#define SEARCH_TERMS_MAX 64 /* looked at for one connective; finding nothing is no mistake */

const struct term *term_not(struct terms *terms, const struct term *a)
{
    if (a == NULL) {
        return NULL;
    }
    if (a->kind == TERM_TRUTH) {
        return term_truth(terms, !a->as.truth);
    }
    return a->kind == TERM_NOT ? a->items[0] : terms_operator(terms, TERM_NOT, a->type, &a, 1);
}

/* -- what is known already ----------------------------------------------------------------- */

/* What one term says about another. */
enum verdict {
    OPEN = 0,
    HOLDS,
    FAILS,
};

/* Knowing that `known` is true, what is `term`? kind is TERM_AND. With TERM_OR: knowing that it is
 * false. Recursion is bounded by the budget. */
static enum verdict judge(const struct term *known, const struct term *term, enum term_kind kind,
                          unsigned *budget)
{
    if (*budget == 0) {
        return OPEN;
    }
    (*budget)--;
    if (known == term) {
        return kind == TERM_AND ? HOLDS : FAILS;
    }
    if (term_is_opposite(known, term)) {
        return kind == TERM_AND ? FAILS : HOLDS;
    }
    if (known->kind != kind) {
        return OPEN;
    }
    enum verdict right = judge(known->items[1], term, kind, budget);
    return right != OPEN ? right : judge(known->items[0], term, kind, budget);
}

/* -- connectives --------------------------------------------------------------------------- */

/* Operands in the order of their numbers, so that order makes no difference. */
static const struct term *connect(struct terms *terms, enum term_kind kind, const struct term *a,
                                  const struct term *b)
{
    const struct term *items[] = {a->number < b->number ? a : b, a->number < b->number ? b : a};
    return terms_operator(terms, kind, term_type_plain(terms, TERM_TYPE_BOOL), items, 2);
}

/* The same when one may be known; no search for more. */
static const struct term *reconnect(struct terms *terms, enum term_kind kind, const struct term *a,
                                    const struct term *b)
{
    if (a == NULL || b == NULL) {
        return NULL;
    }
    if (a->kind == TERM_TRUTH) {
        return a->as.truth == (kind == TERM_AND) ? b : a;
    }
    if (b->kind == TERM_TRUTH) {
        return b->as.truth == (kind == TERM_AND) ? a : b;
    }
    return a == b ? a : connect(terms, kind, a, b);
}

/* The term, knowing that `known` is true: parts of it that are known go. Recursion is bounded by
 * the budget. */
static const struct term *simplify(struct terms *terms, const struct term *known,
                                   const struct term *term, unsigned *budget)
{
    enum verdict verdict = judge(known, term, TERM_AND, budget);
    if (verdict != OPEN) {
        return term_truth(terms, verdict == HOLDS);
    }
    if (*budget == 0 || (term->kind != TERM_AND && term->kind != TERM_OR)) {
        return term;
    }
    const struct term *left = simplify(terms, known, term->items[0], budget);
    const struct term *right = simplify(terms, known, term->items[1], budget);
    return left == term->items[0] && right == term->items[1]
               ? term
               : reconnect(terms, term->kind, left, right);
}

const struct term *term_and(struct terms *terms, const struct term *a, const struct term *b)
{
    if (a == NULL || b == NULL) {
        return NULL;
    }
    if (term_is_false(a) || term_is_true(b)) {
        return a;
    }
    if (term_is_true(a) || term_is_false(b)) {
        return b;
    }
    unsigned budget = SEARCH_TERMS_MAX;
    if (judge(b, a, TERM_AND, &budget) == HOLDS) {
        return b;
    }
    const struct term *rest = simplify(terms, a, b, &budget);
    if (rest == NULL || term_is_false(rest)) {
        return rest;
    }
    return term_is_true(rest) ? a : connect(terms, TERM_AND, a, rest);
}

const struct term *term_or(struct terms *terms, const struct term *a, const struct term *b)
{
    if (a == NULL || b == NULL) {
        return NULL;
    }
    if (term_is_true(a) || term_is_false(b)) {
        return a;
    }
    if (term_is_false(a) || term_is_true(b)) {
        return b;
    }
    unsigned budget = SEARCH_TERMS_MAX;
    enum verdict verdict = judge(a, b, TERM_OR, &budget);
    if (verdict != OPEN) {
        return verdict == FAILS ? a : term_truth(terms, true);
    }
    verdict = judge(b, a, TERM_OR, &budget);
    if (verdict != OPEN) {
        return verdict == FAILS ? b : term_truth(terms, true);
    }
    return connect(terms, TERM_OR, a, b);
}

const struct term *term_implies(struct terms *terms, const struct term *a, const struct term *b)
{
    return term_or(terms, term_not(terms, a), b);
}

/* -- equality ------------------------------------------------------------------------------ */

static const struct term *equal_items(struct terms *terms, const struct term *a,
                                      const struct term *b)
{
    const struct term *all = term_truth(terms, true);
    for (size_t i = 0; i < a->item_count; i++) {
        all = term_and(terms, all, term_equal(terms, a->items[i], b->items[i]));
    }
    return all;
}

/* The value of a choice between two literals is compared by comparing them. */
static const struct term *equal_choice(struct terms *terms, const struct term *choice,
                                       const struct term *other)
{
    return term_if(terms, choice->items[0], term_equal(terms, choice->items[1], other),
                   term_equal(terms, choice->items[2], other));
}

static bool is_choice_of_literals(const struct term *term)
{
    return term->kind == TERM_IF && term->items[1]->is_literal && term->items[2]->is_literal;
}

static bool is_option(const struct term *term)
{
    return term->kind == TERM_SOME || term->kind == TERM_NONE;
}

static const struct term *equal_truths(struct terms *terms, const struct term *a,
                                       const struct term *b)
{
    if (a->kind == TERM_TRUTH || b->kind == TERM_TRUTH) {
        const struct term *open = a->kind == TERM_TRUTH ? b : a;
        return term_is_true(a) || term_is_true(b) ? open : term_not(terms, open);
    }
    return term_is_opposite(a, b) ? term_truth(terms, false) : connect(terms, TERM_EQUAL, a, b);
}

/* Terms that are neither the same nor both literals. */
static const struct term *equal_open(struct terms *terms, const struct term *a,
                                     const struct term *b)
{
    bool has_empty_set =
        a->kind == TERM_SET && b->kind == TERM_SET && (a->item_count == 0 || b->item_count == 0);
    bool differ = is_option(a) && is_option(b) && a->kind != b->kind;
    if (has_empty_set || differ) {
        return term_truth(terms, false);
    }
    if ((a->kind == TERM_RECORD || a->kind == TERM_SOME) && a->kind == b->kind) {
        return equal_items(terms, a, b);
    }
    if (is_choice_of_literals(a) && b->is_literal) {
        return equal_choice(terms, a, b);
    }
    return is_choice_of_literals(b) && a->is_literal ? equal_choice(terms, b, a)
                                                     : connect(terms, TERM_EQUAL, a, b);
}

/* Recursion ends: only parts of composed values are compared, and values have no more levels than
 * their types. */
const struct term *term_equal(struct terms *terms, const struct term *a, const struct term *b)
{
    if (a == NULL || b == NULL) {
        return NULL;
    }
    assert(a->type == b->type);
    if (a == b || (a->is_literal && b->is_literal)) {
        return term_truth(terms, a == b);
    }
    return a->type->kind == TERM_TYPE_BOOL ? equal_truths(terms, a, b) : equal_open(terms, a, b);
}

/* -- choice -------------------------------------------------------------------------------- */

/* A choice between truths is a connective when one of them is known. */
static const struct term *choose_truth(struct terms *terms, const struct term *condition,
                                       const struct term *then, const struct term *otherwise)
{
    if (term_is_true(then) || then == condition) {
        return term_or(terms, condition, otherwise);
    }
    if (term_is_false(then)) {
        return term_and(terms, term_not(terms, condition), otherwise);
    }
    if (term_is_true(otherwise)) {
        return term_implies(terms, condition, then);
    }
    return term_is_false(otherwise) || otherwise == condition ? term_and(terms, condition, then)
                                                              : NULL;
}

const struct term *term_if(struct terms *terms, const struct term *condition,
                           const struct term *then, const struct term *otherwise)
{
    if (condition == NULL || then == NULL || otherwise == NULL) {
        return NULL;
    }
    assert(then->type == otherwise->type);
    if (condition->kind == TERM_TRUTH || then == otherwise) {
        return term_is_true(condition) || then == otherwise ? then : otherwise;
    }
    if (condition->kind == TERM_NOT) {
        return term_if(terms, condition->items[0], otherwise, then);
    }
    bool is_connective = then->kind == TERM_TRUTH || otherwise->kind == TERM_TRUTH ||
                         then == condition || otherwise == condition;
    if (is_connective) {
        return choose_truth(terms, condition, then, otherwise);
    }
    const struct term *items[] = {condition, then, otherwise};
    return terms_operator(terms, TERM_IF, then->type, items, 3);
}
