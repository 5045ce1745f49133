#include "cedar/schema/closure.h"

#include <stdlib.h>
#include <string.h>

/* What one walk from an element has met; stamps save clearing between walks. */
struct walk {
    uint32_t *stamps; /* the number of the walk that met the element, plus 1 */
    uint32_t *found;  /* a queue, and in the end the result */
    size_t count;
};

enum status closure_init(struct closure *closure, struct arena *arena, size_t count)
{
    *closure = (struct closure){
        .arena = arena,
        .count = count,
        .sets = arena_alloc_zero(arena, count, sizeof(*closure->sets)),
        .reverse = arena_alloc_zero(arena, count, sizeof(*closure->reverse)),
        .is_cyclic = arena_alloc_zero(arena, count, sizeof(*closure->is_cyclic)),
    };
    bool is_complete =
        closure->sets != NULL && closure->reverse != NULL && closure->is_cyclic != NULL;
    return is_complete ? STATUS_OK : STATUS_LIMIT;
}

static void visit(struct walk *walk, const struct schema_set *set, uint32_t stamp)
{
    for (size_t i = 0; i < set->count; i++) {
        uint32_t number = set->items[i];
        if (walk->stamps[number] != stamp) {
            walk->stamps[number] = stamp;
            walk->found[walk->count++] = number;
        }
    }
}

static int compare_numbers(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

/* All that the element reaches: itself only over others, or when it is named as its own. */
static enum status close_one(struct closure *closure, const struct schema_set *direct,
                             struct walk *walk, uint32_t element)
{
    walk->count = 0;
    visit(walk, &direct[element], element + 1);
    for (size_t i = 0; i < walk->count; i++) {
        visit(walk, &direct[walk->found[i]], element + 1);
    }
    uint32_t *items = arena_alloc_zero(closure->arena, walk->count, sizeof(*items));
    if (items == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < walk->count; i++) {
        items[i] = walk->found[i];
        closure->is_cyclic[element] = closure->is_cyclic[element] || items[i] == element;
    }
    if (walk->count > 0) {
        qsort(items, walk->count, sizeof(*items), compare_numbers);
    }
    closure->sets[element] = (struct schema_set){items, walk->count};
    return STATUS_OK;
}

/* Elements are visited in rising order, so the reverse sets rise too. */
static enum status reverse(struct closure *closure)
{
    uint32_t **items = arena_alloc_zero(closure->arena, closure->count, sizeof(*items));
    if (items == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < closure->count; i++) {
        for (size_t k = 0; k < closure->sets[i].count; k++) {
            closure->reverse[closure->sets[i].items[k]].count++;
        }
    }
    for (size_t i = 0; i < closure->count; i++) {
        items[i] = arena_alloc_zero(closure->arena, closure->reverse[i].count, sizeof(uint32_t));
        if (items[i] == NULL) {
            return STATUS_LIMIT;
        }
        closure->reverse[i] = (struct schema_set){items[i], 0};
    }
    for (size_t i = 0; i < closure->count; i++) {
        for (size_t k = 0; k < closure->sets[i].count; k++) {
            uint32_t ancestor = closure->sets[i].items[k];
            items[ancestor][closure->reverse[ancestor].count++] = (uint32_t)i;
        }
    }
    return STATUS_OK;
}

enum status closure_compute(struct closure *closure)
{
    struct walk walk = {
        .stamps = arena_alloc_zero(closure->arena, closure->count, sizeof(*walk.stamps)),
        .found = arena_alloc_zero(closure->arena, closure->count, sizeof(*walk.found))};
    struct schema_set *direct = arena_alloc_zero(closure->arena, closure->count, sizeof(*direct));
    size_t total = 0;
    if (walk.stamps == NULL || walk.found == NULL || direct == NULL) {
        return STATUS_LIMIT;
    }
    if (closure->count > 0) {
        memcpy(direct, closure->sets, closure->count * sizeof(*direct));
    }
    for (size_t i = 0; i < closure->count; i++) {
        TRY(close_one(closure, direct, &walk, (uint32_t)i));
        total += walk.count;
        if (total > CLOSURE_ITEMS_MAX) {
            return STATUS_LIMIT;
        }
    }
    return reverse(closure);
}
