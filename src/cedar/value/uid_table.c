#include "cedar/value/uid_table.h"

#include "cedar/value/value.h"

#include <string.h>

#define CAPACITY_FIRST 16
#define SLOTS_PER_UID 4 /* whether a first look finds one cannot be predicted, so it should */
#define WORDS_BYTES 16  /* texts up to here are known by two words and their length */
#define LENGTH_LONG (WORDS_BYTES + 1)
#define LEFT UINT64_C(0x9E3779B97F4A7C15)
#define RIGHT UINT64_C(0xD6E8FEB86659FD93)

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

struct words {
    uint64_t first, last;
};

/* Of a long text the first word is a hash of all but the end. */
static struct words long_words(struct slice text)
{
    const uint8_t *end = text.ptr + text.len;
    uint64_t hash = text.len;
    for (const uint8_t *at = text.ptr; end - at > WORDS_BYTES; at += WORDS_BYTES) {
        hash = fold(eight_at(at) ^ LEFT, eight_at(at + 8) ^ RIGHT ^ hash);
    }
    return (struct words){eight_at(end - 16) ^ hash, eight_at(end - 8)};
}

/* Two reads that may overlap cover a short text, faster than a read for each byte. */
static inline struct words short_words(struct slice text)
{
    const uint8_t *at = text.ptr;
    size_t len = text.len;
    if (len >= 8) {
        return (struct words){eight_at(at), eight_at(at + len - 8)};
    }
    if (len >= 4) {
        return (struct words){four_at(at), four_at(at + len - 4)};
    }
    if (len > 0) {
        return (struct words){at[0], (uint64_t)at[len / 2] << 8 | at[len - 1]};
    }
    return (struct words){0, 0};
}

static inline bool is_long(struct slice text)
{
    return text.len > WORDS_BYTES;
}

static inline struct uid_key short_key(const struct cedar_uid *uid)
{
    struct words type = short_words(uid->type);
    struct words id = short_words(uid->id);
    return (struct uid_key){type.first, type.last, id.first, id.last,
                            (uint32_t)(uid->type.len << 8 | uid->id.len)};
}

static struct uid_key key_of(const struct cedar_uid *uid)
{
    struct words type = is_long(uid->type) ? long_words(uid->type) : short_words(uid->type);
    struct words id = is_long(uid->id) ? long_words(uid->id) : short_words(uid->id);
    size_t type_length = is_long(uid->type) ? LENGTH_LONG : uid->type.len;
    size_t id_length = is_long(uid->id) ? LENGTH_LONG : uid->id.len;
    return (struct uid_key){type.first, type.last, id.first, id.last,
                            (uint32_t)(type_length << 8 | id_length)};
}

static inline uint64_t hash_of(const struct uid_key *key)
{
    uint64_t hash = fold(key->type_first ^ LEFT, key->id_first ^ RIGHT) ^
                    fold(key->type_last ^ RIGHT, key->id_last ^ LEFT ^ key->lengths);
    /* Ids differ in their last bytes most, which are the top of a word. */
    return hash ^ hash >> 32;
}

uint64_t uid_hash(const struct cedar_uid *uid)
{
    struct uid_key key = key_of(uid);
    return hash_of(&key);
}

static inline bool keys_equal(const struct uid_key *a, const struct uid_key *b)
{
    uint64_t differences = (a->type_first ^ b->type_first) | (a->type_last ^ b->type_last) |
                           (a->id_first ^ b->id_first) | (a->id_last ^ b->id_last) |
                           (a->lengths ^ b->lengths);
    return differences == 0;
}

/* The slot of uid, or the free slot where it belongs. */
static size_t slot_of(const struct uid_table *table, const struct cedar_uid *uid,
                      const struct uid_key *key)
{
    for (size_t i = (size_t)hash_of(key);; i++) {
        size_t at = i & (table->capacity - 1);
        const struct uid_slot *slot = &table->slots[at];
        if (slot->number == UID_TABLE_NONE ||
            (keys_equal(&slot->key, key) && uid_eq(&table->uids[at], uid))) {
            return at;
        }
    }
}

/* By itself, because most texts are short. */
SELDOM static uint32_t find_long(const struct uid_table *table, const struct cedar_uid *uid)
{
    struct uid_key key = key_of(uid);
    return table->slots[slot_of(table, uid, &key)].number;
}

uint32_t uid_table_find(const struct uid_table *table, const struct cedar_uid *uid)
{
    if (table->count == 0) {
        return UID_TABLE_NONE;
    }
    if (is_long(uid->type) || is_long(uid->id)) {
        return find_long(table, uid);
    }
    struct uid_key key = short_key(uid);
    for (size_t i = (size_t)hash_of(&key);; i++) {
        const struct uid_slot *slot = &table->slots[i & (table->capacity - 1)];
        if (slot->number == UID_TABLE_NONE || keys_equal(&slot->key, &key)) {
            return slot->number;
        }
    }
}

static void put(struct uid_table *table, const struct cedar_uid *uid, const struct uid_key *key,
                uint32_t number)
{
    size_t at = slot_of(table, uid, key);
    table->slots[at] = (struct uid_slot){*key, number};
    table->uids[at] = *uid;
}

static enum status grow(struct uid_table *table)
{
    struct uid_table larger = *table;
    larger.capacity = table->capacity == 0 ? CAPACITY_FIRST : table->capacity * 2;
    larger.slots = arena_alloc_zero(table->arena, larger.capacity, sizeof(*larger.slots));
    larger.uids = arena_alloc(table->arena, larger.capacity * sizeof(*larger.uids));
    if (larger.slots == NULL || larger.uids == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < larger.capacity; i++) {
        larger.slots[i].number = UID_TABLE_NONE;
    }
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->slots[i].number != UID_TABLE_NONE) {
            put(&larger, &table->uids[i], &table->slots[i].key, table->slots[i].number);
        }
    }
    *table = larger;
    return STATUS_OK;
}

enum status uid_table_add(struct uid_table *table, const struct cedar_uid *uid, uint32_t number)
{
    if ((table->count + 1) * SLOTS_PER_UID > table->capacity) {
        TRY(grow(table));
    }
    struct uid_key key = key_of(uid);
    put(table, uid, &key, number);
    table->lengths |= uid_length_bit(uid);
    table->count++;
    return STATUS_OK;
}
