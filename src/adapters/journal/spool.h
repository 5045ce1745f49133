/* spool.h: where a record lies between its answer and its segment.
 *
 * A record that needs no sync must outlive the processes that answer for it, as one does that was
 * written to a file, and nothing more. So it is copied into shared memory (spool_place.h): that
 * takes no system call and no wait, and the journal's thread brings it into a segment with its next
 * group. When the process dies in between, the next one finds the record here.
 *
 * Two halves take turns: loops fill one while the thread writes the other. What is there is written
 * by a process that may have been taken over, so it is looked at as anything from outside
 * (spool_open).
 */
#ifndef AEGIS_ADAPTERS_JOURNAL_SPOOL_H
#define AEGIS_ADAPTERS_JOURNAL_SPOOL_H

#include "base/diag.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define SPOOL_HALF_BYTES ((size_t)512 << 10)
/* Of the memory. */
#define SPOOL_BYTES (32 + 2 * SPOOL_HALF_BYTES)

struct spool_memory;

/* Records since the memory was made. */
struct spool_counts {
    uint64_t kept, written;
};

/* One process's view. Whoever owns it (journal.h) guards spool_add and spool_take by one lock; the
 * rest is the writing thread's alone. */
struct spool {
    struct spool_memory *memory; /* shared; NULL: there is no spool */
    size_t offset;               /* where in the half that was taken the unwritten begins */
    uint64_t taken;              /* records kept when the halves were turned */
    bool is_damaged;             /* something in it was no record, and is thrown away */
};

/* Map the memory, look at what an earlier process left, and throw away what is no record, and what
 * follows it. The descriptor may be closed afterwards. STATUS_UNAVAILABLE spool.memory. */
NODISCARD enum status spool_open(int descriptor, struct spool *out, struct diag *diag);

/* Accepts a zeroed one, and one that was closed. */
void spool_close(struct spool *spool);

/* Copy a record: from here on it is safe from the end of this process. False: no room. */
bool spool_add(struct spool *spool, struct slice payload);

bool spool_is_empty(const struct spool *spool);

/* Turn the halves, unless the one that was taken is still to be written. */
void spool_take(struct spool *spool);

/* The records of the half that was taken, in their order; *at is 0 for the first. The payload
 * is a view until spool_drop. */
bool spool_next(const struct spool *spool, size_t *at, struct slice *payload);

/* They are in a segment. */
void spool_drop(struct spool *spool);

/* At the start, for each record of the last segment in turn: does the earlier process's last group
 * begin with it? Then it is not written again. */
void spool_strike(struct spool *spool, struct slice payload);

/* For another process, which need not map it. False: that is no such memory. */
bool spool_counts_read(int descriptor, struct spool_counts *out);

#endif
