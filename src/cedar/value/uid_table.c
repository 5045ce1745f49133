#include "cedar/value/uid_table.h"

#include "cedar/value/value.h"

#include <string.h>

#define CAPACITY_FIRST 16

/* Tables hold only what an operator wrote; callers can choose which slot they look at, but never
 * fill it, so an unkeyed hash is enough. */
static uint64_t mix(uint64_t hash, struct slice text)
{
    static const uint64_t FACTOR = 0x9E3779B97F4A7C15U;
    size_t i = 0;
    for (; i + 8 <= text.len; i += 8) {
        uint64_t word = 0;
        memcpy(&word, text.ptr + i, 8);
        hash = (hash ^ word) * FACTOR;
        hash ^= hash >> 29;
    }
    uint64_t tail = text.len;
    for (; i < text.len; i++) {
        tail = tail << 8 | text.ptr[i];
    }
    hash = (hash ^ tail) * FACTOR;
    return hash ^ hash >> 32;
}

static uint64_t uid_hash(const struct cedar_uid *uid)
{
    return mix(mix(1, uid->type), uid->id);
}

/* The slot of uid, or the free slot where it belongs. */
static struct uid_slot *slot_of(const struct uid_table *table, const struct cedar_uid *uid,
                                uint64_t hash)
{
    for (size_t i = (size_t)hash;; i++) {
        struct uid_slot *slot = &table->slots[i & (table->capacity - 1)];
        if (slot->number == UID_TABLE_NONE || (slot->hash == hash && uid_eq(&slot->uid, uid))) {
            return slot;
        }
    }
}

uint32_t uid_table_find(const struct uid_table *table, const struct cedar_uid *uid)
{
    return table->count == 0 ? UID_TABLE_NONE : slot_of(table, uid, uid_hash(uid))->number;
}

static enum status grow(struct uid_table *table)
{
    size_t capacity = table->capacity == 0 ? CAPACITY_FIRST : table->capacity * 2;
    struct uid_table larger = {.arena = table->arena, .capacity = capacity, .count = table->count};
    larger.slots = arena_alloc_zero(table->arena, capacity, sizeof(*larger.slots));
    if (larger.slots == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < capacity; i++) {
        larger.slots[i].number = UID_TABLE_NONE;
    }
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->slots[i].number != UID_TABLE_NONE) {
            *slot_of(&larger, &table->slots[i].uid, table->slots[i].hash) = table->slots[i];
        }
    }
    *table = larger;
    return STATUS_OK;
}

enum status uid_table_add(struct uid_table *table, const struct cedar_uid *uid, uint32_t number)
{
    if ((table->count + 1) * 2 > table->capacity) {
        TRY(grow(table));
    }
    uint64_t hash = uid_hash(uid);
    struct uid_slot *slot = slot_of(table, uid, hash);
    *slot = (struct uid_slot){*uid, hash, number};
    table->count++;
    return STATUS_OK;
}
