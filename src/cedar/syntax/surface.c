#include "cedar/syntax/surface.h"

#include <assert.h>

static const struct slice MARKS[] = {
    [SURFACE_AND] = SLICE_INIT("&&"),     [SURFACE_OR] = SLICE_INIT("||"),
    [SURFACE_EQUAL] = SLICE_INIT("=="),   [SURFACE_NOT_EQUAL] = SLICE_INIT("!="),
    [SURFACE_LESS] = SLICE_INIT("<"),     [SURFACE_LESS_EQUAL] = SLICE_INIT("<="),
    [SURFACE_GREATER] = SLICE_INIT(">"),  [SURFACE_GREATER_EQUAL] = SLICE_INIT(">="),
    [SURFACE_IN] = SLICE_INIT("in"),      [SURFACE_ADD] = SLICE_INIT("+"),
    [SURFACE_SUBTRACT] = SLICE_INIT("-"), [SURFACE_MULTIPLY] = SLICE_INIT("*"),
};

struct slice surface_mark(enum surface_kind kind)
{
    assert(kind < COUNT_OF(MARKS) && MARKS[kind].len > 0);
    return MARKS[kind];
}

bool surface_find_mark(struct slice mark, enum surface_kind *out)
{
    for (size_t i = 0; i < COUNT_OF(MARKS) && mark.len > 0; i++) {
        if (slice_eq(MARKS[i], mark)) {
            *out = (enum surface_kind)i;
            return true;
        }
    }
    return false;
}

struct surface_node *surface_node_new(struct arena *arena, enum surface_kind kind,
                                      struct surface_range range, size_t count)
{
    struct surface_node *node = arena_alloc_zero(arena, 1, sizeof(*node));
    const struct surface_node **items =
        count == 0 ? NULL : arena_alloc_zero(arena, count, sizeof(const struct surface_node *));
    if (node == NULL || (count > 0 && items == NULL)) {
        return NULL;
    }
    node->kind = kind;
    node->range = node->outer = node->site = range;
    node->items = items;
    node->item_count = (uint32_t)count;
    return node;
}

bool surface_node_close(struct surface_node *node)
{
    unsigned height = 0;
    for (size_t i = 0; i < node->item_count; i++) {
        height = node->items[i]->height > height ? node->items[i]->height : height;
    }
    node->height = height + 1;
    return node->height <= CEDAR_DEPTH_MAX;
}
