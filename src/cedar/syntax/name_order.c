#include "cedar/syntax/name_order.h"

struct ordering {
    name_at_fn name_at;
    const void *context;
    uint32_t *order;
};

static int compare(const struct ordering *o, size_t a, size_t b)
{
    return slice_compare(o->name_at(o->context, o->order[a]), o->name_at(o->context, o->order[b]));
}

static void swap(const struct ordering *o, size_t a, size_t b)
{
    uint32_t moved = o->order[a];
    o->order[a] = o->order[b];
    o->order[b] = moved;
}

static void sift_down(const struct ordering *o, size_t root, size_t count)
{
    for (size_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count && compare(o, child, child + 1) < 0) {
            child++;
        }
        if (compare(o, root, child) >= 0) {
            return;
        }
        swap(o, root, child);
        root = child;
    }
}

enum status name_order(struct arena *arena, size_t count, name_at_fn name_at, const void *context,
                       const uint32_t **out)
{
    struct ordering o = {name_at, context, arena_alloc(arena, count * sizeof(uint32_t))};
    if (o.order == NULL) {
        return STATUS_LIMIT;
    }
    for (uint32_t i = 0; i < count; i++) {
        o.order[i] = i;
    }
    for (size_t i = count / 2; i > 0; i--) {
        sift_down(&o, i - 1, count);
    }
    for (size_t end = count; end > 1; end--) {
        swap(&o, 0, end - 1);
        sift_down(&o, 0, end - 1);
    }
    *out = o.order;
    return STATUS_OK;
}
