#include "cedar/eval/subject.h"

#include "cedar/eval/growing.h"
#include "cedar/value/value.h"

#define SCAN_MAX 16 /* up to here reading all is faster than searching */

bool subject_is_in(const struct subject *subject, const struct cedar_uid *target)
{
    if (uid_eq(&subject->uid, target)) {
        return true;
    }
    for (size_t i = 0; i < subject->data.ancestor_count; i++) {
        if (uid_eq(&subject->data.ancestors[i], target)) {
            return true;
        }
    }
    return false;
}

static uint64_t key_of_symbol(const void *item)
{
    const uint32_t *symbol = item;
    return *symbol;
}

enum status subject_name(struct subject *subject, const struct symbols *symbols,
                         struct arena *arena)
{
    struct growing known = {.capacity = subject->data.ancestor_count + 1};
    uint32_t *items = arena_alloc(arena, known.capacity * sizeof(*items));
    if (items == NULL) {
        return STATUS_LIMIT;
    }
    known.items = items;
    subject->self = symbols_find_entity(symbols, &subject->uid);
    subject->type = symbols_find_type(symbols, subject->uid.type);
    if (subject->self != SYMBOL_NONE) {
        items[known.count++] = subject->self;
    }
    for (size_t i = 0; i < subject->data.ancestor_count; i++) {
        uint32_t symbol = symbols_find_entity(symbols, &subject->data.ancestors[i]);
        if (symbol != SYMBOL_NONE) {
            items[known.count++] = symbol;
        }
    }
    growing_sort_unique(&known, sizeof(*items), key_of_symbol);
    subject->symbols = items;
    subject->symbol_count = known.count;
    return STATUS_OK;
}

bool subject_has(const struct subject *subject, uint32_t symbol)
{
    const uint32_t *items = subject->symbols;
    size_t from = 0;
    size_t to = subject->symbol_count;
    while (to - from > SCAN_MAX) {
        size_t middle = from + (to - from) / 2;
        if (items[middle] <= symbol) {
            from = middle;
        } else {
            to = middle;
        }
    }
    for (size_t i = from; i < to; i++) {
        if (items[i] == symbol) {
            return true;
        }
    }
    return false;
}
