#include "cedar/eval/subject.h"

#include "cedar/eval/growing.h"
#include "cedar/value/value.h"

#define SCAN_MAX 64 /* up to here reading all is faster than searching */

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
    subject->symbol_count = (uint32_t)known.count;
    return STATUS_OK;
}

/* Is number among items, which ascend? Few are compared all, without a branch for each: whether and
 * where one is found cannot be predicted. */
static bool has_number(const uint32_t *items, size_t count, uint32_t number)
{
    bool is_found = false;
    while (count > SCAN_MAX) {
        size_t half = count / 2;
        items += items[half] <= number ? half : 0;
        count -= half;
    }
    for (size_t i = 0; i < count; i++) {
        is_found |= items[i] == number;
    }
    return is_found;
}

bool subject_has(const struct subject *subject, uint32_t symbol)
{
    return has_number(subject->symbols, subject->symbol_count, symbol);
}
