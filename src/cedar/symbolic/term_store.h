/* term_store.h: how constructors of terms make them; private to src/cedar/symbolic. */
#ifndef AEGIS_CEDAR_SYMBOLIC_TERM_STORE_H
#define AEGIS_CEDAR_SYMBOLIC_TERM_STORE_H

#include "cedar/symbolic/term.h"

/* The term of this content, made when it is not there yet; its number and hash are not looked at,
 * its items are copied then. NULL when there is no room or an item is NULL. */
const struct term *terms_intern(struct terms *terms, const struct term *content);

/* A term with up to three operands; NULL when type or one of the first count is NULL. */
const struct term *terms_operator(struct terms *terms, enum term_kind kind,
                                  const struct term_type *type, const struct term *const *items,
                                  size_t count);

static inline bool term_is_true(const struct term *term)
{
    return term->kind == TERM_TRUTH && term->as.truth;
}

static inline bool term_is_false(const struct term *term)
{
    return term->kind == TERM_TRUTH && !term->as.truth;
}

/* Is one the negation of the other? */
static inline bool term_is_opposite(const struct term *a, const struct term *b)
{
    return (a->kind == TERM_NOT && a->items[0] == b) || (b->kind == TERM_NOT && b->items[0] == a);
}

#endif
