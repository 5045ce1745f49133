#include "cedar/value/uid_table.h"

#include "cedar/value/value.h"

#include <string.h>

#define CAPACITY_FIRST 16

/* Tables hold only what an operator wrote; callers can choose which slot they look at, but never
 * fill it, so an unkeyed hash is enough. */
static uint64_t eight_at(const uint8_t *bytes)
{
    uint64_t word = 0;
    memcpy(&word, bytes, 8);
    return word;
}

static uint64_t four_at(const uint8_t *bytes)
{
    uint32_t word = 0;
    memcpy(&word, bytes, 4);
    return word;
}

/* Both halves of the product, so that every bit of a and b reaches every bit of the result. */
static uint64_t fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t text_hash(struct slice text)
{
    static const uint64_t LEFT = 0x9E3779B97F4A7C15U;
    static const uint64_t RIGHT = 0xD6E8FEB86659FD93U;
    uint64_t first = 0;
    uint64_t last = 0;
    uint64_t hash = text.len;
    const uint8_t *at = text.len > 0 ? text.ptr : (const uint8_t *)"";
    const uint8_t *end = at + text.len;
    for (; end - at > 16; at += 16) {
        hash = fold(eight_at(at) ^ LEFT, eight_at(at + 8) ^ hash);
    }
    /* Two reads that may overlap cover what is left, faster than a read for each byte. */
    if (end - at >= 8) {
        first = eight_at(at);
        last = eight_at(end - 8);
    } else if (end - at >= 4) {
        first = four_at(at);
        last = four_at(end - 4);
    } else if (end - at > 0) {
        first = at[0];
        last = (uint64_t)at[(end - at) / 2] << 8 | end[-1];
    }
    return fold(first ^ LEFT, last ^ RIGHT ^ hash);
}

uint64_t uid_hash(const struct cedar_uid *uid)
{
    return fold(text_hash(uid->type), text_hash(uid->id) | 1);
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

static uint64_t length_bit(const struct cedar_uid *uid)
{
    return UINT64_C(1) << ((uid->type.len + uid->id.len) % 64);
}

uint32_t uid_table_find(const struct uid_table *table, const struct cedar_uid *uid)
{
    bool may_be_there = (table->lengths & length_bit(uid)) != 0;
    return may_be_there ? slot_of(table, uid, uid_hash(uid))->number : UID_TABLE_NONE;
}

static enum status grow(struct uid_table *table)
{
    size_t capacity = table->capacity == 0 ? CAPACITY_FIRST : table->capacity * 2;
    struct uid_table larger = *table;
    larger.capacity = capacity;
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
    table->lengths |= length_bit(uid);
    table->count++;
    return STATUS_OK;
}
