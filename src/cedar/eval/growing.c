#include "cedar/eval/growing.h"

#include <assert.h>
#include <string.h>

#define CAPACITY_FIRST 16

void *growing_add(struct growing *array, struct arena *arena, size_t item_bytes)
{
    if (array->count == array->capacity) {
        size_t capacity = array->capacity == 0 ? CAPACITY_FIRST : array->capacity * 2;
        void *items = arena_alloc(arena, capacity * item_bytes);
        if (items == NULL) {
            return NULL;
        }
        if (array->count > 0) {
            memcpy(items, array->items, array->count * item_bytes);
        }
        array->items = items;
        array->capacity = capacity;
    }
    return (uint8_t *)array->items + array->count++ * item_bytes;
}

/* Drop items with the key of the one before. */
static void keep_unique(struct growing *array, size_t item_bytes, growing_key_fn key_of)
{
    uint8_t *items = array->items;
    size_t kept = 1;
    for (size_t i = 1; i < array->count; i++) {
        uint8_t *item = items + i * item_bytes;
        if (key_of(item) != key_of(items + (kept - 1) * item_bytes)) {
            memmove(items + kept++ * item_bytes, item, item_bytes);
        }
    }
    array->count = kept;
}

/* Shell sort: no recursion, no memory, and the arrays are runs that ascend already. */
void growing_sort_unique(struct growing *array, size_t item_bytes, growing_key_fn key_of)
{
    uint8_t moved[GROWING_ITEM_BYTES_MAX];
    uint8_t *items = array->items;
    assert(item_bytes <= sizeof(moved));
    if (array->count < 2) {
        return;
    }
    for (size_t gap = array->count / 2; gap > 0; gap /= 2) {
        for (size_t i = gap; i < array->count; i++) {
            size_t at = i;
            memcpy(moved, items + i * item_bytes, item_bytes);
            uint64_t key = key_of(moved);
            for (; at >= gap && key_of(items + (at - gap) * item_bytes) > key; at -= gap) {
                memcpy(items + at * item_bytes, items + (at - gap) * item_bytes, item_bytes);
            }
            memcpy(items + at * item_bytes, moved, item_bytes);
        }
    }
    keep_unique(array, item_bytes, key_of);
}
