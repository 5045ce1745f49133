/* growing.h: an array that grows in an arena; private to src/cedar. */
#ifndef AEGIS_CEDAR_EVAL_GROWING_H
#define AEGIS_CEDAR_EVAL_GROWING_H

#include "base/arena.h"

#define GROWING_ITEM_BYTES_MAX 64 /* of what is sorted */

/* Zero is an empty array. Items of one size; what was handed out moves when it grows. */
struct growing {
    void *items;
    size_t count, capacity;
};

/* Place for one more item, not cleared; NULL without memory. */
NODISCARD void *growing_add(struct growing *array, struct arena *arena, size_t item_bytes);

typedef uint64_t (*growing_key_fn)(const void *item);

/* Sort by ascending keys and keep one item of each. */
void growing_sort_unique(struct growing *array, size_t item_bytes, growing_key_fn key_of);

#endif
