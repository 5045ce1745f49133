#include "differential/words.h"

#include <stdlib.h>

void words_add(struct words *words, struct slice word)
{
    if (words->count < WORDS_MAX) {
        words->items[words->count++] = word;
    }
}

static int compare_words(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

void words_put(struct words *words, struct buf *out)
{
    buf_append(out, SLICE("["));
    qsort(words->items, words->count, sizeof(words->items[0]), compare_words);
    for (size_t i = 0; i < words->count; i++) {
        if (i == 0 || !slice_eq(words->items[i - 1], words->items[i])) {
            buf_append(out, i > 0 ? SLICE(",") : SLICE_EMPTY);
            buf_append_json_string(out, words->items[i]);
        }
    }
    buf_append(out, SLICE("]"));
}
