#include "core/identity/replay_table.h"

#include "base/arena.h"

#include <assert.h>
#include <string.h>

#define WAYS 8
#define ENTRIES_MAX 1048576

/* The proof's own hash, so nobody can choose which set it comes to without much work. */
struct replay_entry {
    uint8_t proof[REPLAY_PROOF_BYTES];
    int64_t until_s; /* in the past: the place is free */
};

enum status replay_table_init(struct replay_table *table, size_t entries)
{
    assert(entries >= WAYS && entries <= ENTRIES_MAX);
    size_t count = WAYS;
    while (count < entries) {
        count *= 2;
    }
    *table = (struct replay_table){.entries = base_alloc_zero(count * sizeof(struct replay_entry)),
                                   .entry_count = count};
    if (table->entries == NULL) {
        *table = (struct replay_table){0};
        return STATUS_LIMIT;
    }
    return STATUS_OK;
}

void replay_table_release(struct replay_table *table)
{
    base_free(table->entries);
    *table = (struct replay_table){0};
}

enum status replay_table_take(struct replay_table *table, const uint8_t proof[REPLAY_PROOF_BYTES],
                              int64_t until_s, int64_t now_s)
{
    uint64_t hash = 0;
    struct replay_entry *unused = NULL;
    memcpy(&hash, proof, sizeof(hash));
    struct replay_entry *set = &table->entries[hash % (table->entry_count / WAYS) * WAYS];
    for (size_t i = 0; i < WAYS; i++) {
        bool is_alive = set[i].until_s >= now_s;
        if (is_alive && memcmp(set[i].proof, proof, REPLAY_PROOF_BYTES) == 0) {
            return STATUS_CONFLICT;
        }
        unused = is_alive ? unused : &set[i];
    }
    if (unused == NULL) {
        return STATUS_LIMIT;
    }
    memcpy(unused->proof, proof, REPLAY_PROOF_BYTES);
    unused->until_s = until_s;
    return STATUS_OK;
}
