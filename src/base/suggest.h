/* suggest.h: "did you mean": the nearest known word to a mistyped one. */
#ifndef AEGIS_BASE_SUGGEST_H
#define AEGIS_BASE_SUGGEST_H

#include "base/slice.h"

#define SUGGEST_WORD_BYTES_MAX 48 /* longer words get no suggestion */

/* The best candidate so far; starts as {0}. */
struct suggestion {
    struct slice word; /* borrowed; empty while nothing is near */
    size_t distance;
};

/* Consider one known word for the mistyped one. Near means: about a quarter differs. */
void suggestion_consider(struct suggestion *suggestion, struct slice mistyped, struct slice known);

#endif
