#include "cedar/syntax/surface.h"

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
