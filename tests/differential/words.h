/* words.h: lists whose order says nothing. */
#ifndef AEGIS_TESTS_DIFFERENTIAL_WORDS_H
#define AEGIS_TESTS_DIFFERENTIAL_WORDS_H

#include "base/buf.h"
#include "base/slice.h"

#define WORDS_MAX 128 /* what is beyond is left out */

struct words {
    struct slice items[WORDS_MAX]; /* borrowed */
    size_t count;
};

void words_add(struct words *words, struct slice word);

/* Append them as JSON, sorted, each once. */
void words_put(struct words *words, struct buf *out);

#endif
