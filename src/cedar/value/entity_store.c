/* A fixed set of entities with the transitive closure of their parents (Cedar reference, section
 * 7). */
#include "cedar/value/entity_store.h"

#include <string.h>

#define ENTITIES_FIRST 16

enum status cedar_entity_store_new(struct arena *arena, struct cedar_entity_store **out)
{
    struct cedar_entity_store *store = arena_alloc_zero(arena, 1, sizeof(*store));
    if (store == NULL) {
        return STATUS_LIMIT;
    }
    store->arena = arena;
    store->table.arena = arena;
    *out = store;
    return STATUS_OK;
}

static enum status intern(struct cedar_entity_store *store, const struct cedar_uid *uid,
                          uint32_t *out)
{
    *out = uid_table_find(&store->table, uid);
    if (*out != UID_TABLE_NONE) {
        return STATUS_OK;
    }
    if (store->count == store->capacity) {
        size_t capacity = store->capacity == 0 ? ENTITIES_FIRST : store->capacity * 2;
        struct stored_entity *items = arena_alloc_zero(store->arena, capacity, sizeof(*items));
        if (items == NULL || capacity > UINT32_MAX / 2) {
            return STATUS_LIMIT;
        }
        if (store->count > 0) {
            memcpy(items, store->items, store->count * sizeof(*items));
        }
        store->items = items;
        store->capacity = capacity;
    }
    TRY(uid_table_add(&store->table, uid, (uint32_t)store->count));
    *out = (uint32_t)store->count;
    store->items[store->count++] = (struct stored_entity){.uid = *uid};
    return STATUS_OK;
}

enum status cedar_entity_store_add(struct cedar_entity_store *store, const struct cedar_uid *uid,
                                   const struct cedar_entity_data *data,
                                   const struct cedar_uid *parents, size_t parent_count)
{
    uint32_t number = 0;
    uint32_t *numbers = arena_alloc_zero(store->arena, parent_count, sizeof(*numbers));
    if (numbers == NULL) {
        return STATUS_LIMIT;
    }
    TRY(intern(store, uid, &number));
    for (size_t i = 0; i < parent_count; i++) {
        TRY(intern(store, &parents[i], &numbers[i]));
    }
    struct stored_entity *item = &store->items[number];
    if (item->is_added) {
        return STATUS_CONFLICT;
    }
    item->is_added = true;
    item->parents = numbers;
    item->parent_count = parent_count;
    if (data != NULL) {
        item->data.attributes = data->attributes;
        item->data.tags = data->tags;
    }
    return STATUS_OK;
}

/* Add the parents of `of` to the queue, each once. */
static size_t queue_parents(struct cedar_entity_store *store, uint32_t of, size_t mark,
                            uint32_t *queue, size_t count)
{
    for (size_t i = 0; i < store->items[of].parent_count; i++) {
        struct stored_entity *parent = &store->items[store->items[of].parents[i]];
        if (parent->seen != mark) {
            parent->seen = mark;
            queue[count++] = store->items[of].parents[i];
        }
    }
    return count;
}

static enum status close_one(struct cedar_entity_store *store, uint32_t number, uint32_t *queue)
{
    struct stored_entity *item = &store->items[number];
    size_t mark = (size_t)number + 1;
    size_t count = queue_parents(store, number, mark, queue, 0);
    for (size_t i = 0; i < count; i++) {
        count = queue_parents(store, queue[i], mark, queue, count);
    }
    if (item->seen == mark) {
        return STATUS_INVALID;
    }
    struct cedar_uid *ancestors = arena_alloc_zero(store->arena, count, sizeof(*ancestors));
    uint32_t *numbers = arena_alloc_zero(store->arena, count, sizeof(*numbers));
    if (ancestors == NULL || numbers == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        ancestors[i] = store->items[queue[i]].uid;
        numbers[i] = queue[i];
    }
    item->ancestors = numbers;
    item->data.ancestors = ancestors;
    item->data.ancestor_count = count;
    return STATUS_OK;
}

enum status cedar_entity_store_close(struct cedar_entity_store *store)
{
    uint32_t *queue = arena_alloc_zero(store->arena, store->count, sizeof(*queue));
    if (queue == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < store->count; i++) {
        store->items[i].seen = 0;
    }
    for (size_t i = 0; i < store->count; i++) {
        TRY(close_one(store, (uint32_t)i, queue));
    }
    return STATUS_OK;
}

static bool find_stored(const void *context, const struct cedar_uid *uid,
                        struct cedar_entity_data *out)
{
    const struct cedar_entity_store *store = context;
    uint32_t number = uid_table_find(&store->table, uid);
    if (number == UID_TABLE_NONE || !store->items[number].is_added) {
        return false;
    }
    *out = store->items[number].data;
    return true;
}

struct cedar_entities cedar_entity_store_view(const struct cedar_entity_store *store)
{
    return (struct cedar_entities){.context = store, .find = find_stored};
}
