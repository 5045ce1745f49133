/* replay_table.h: proofs that were seen, for as long as they could be shown again.
 *
 * Bounded and of one size from the start: a set of eight places for each hash, so that looking and
 * keeping take a constant time. A proof that finds its set full of living ones is not accepted:
 * making room would let one of those be used twice. Knows no threads and no clock.
 */
#ifndef AEGIS_CORE_IDENTITY_REPLAY_TABLE_H
#define AEGIS_CORE_IDENTITY_REPLAY_TABLE_H

#include "core/ports/replay.h"

struct replay_table {
    struct replay_entry *entries; /* entry_count of them */
    size_t entry_count;           /* a power of two, or 0 */
};

/* entries: 8..1048576, rounded up to a power of two. STATUS_LIMIT without memory. */
NODISCARD enum status replay_table_init(struct replay_table *table, size_t entries);
void replay_table_release(struct replay_table *table); /* fine for a zero table */

/* As port_replay.take. */
NODISCARD enum status replay_table_take(struct replay_table *table,
                                        const uint8_t proof[REPLAY_PROOF_BYTES], int64_t until_s,
                                        int64_t now_s);

#endif
