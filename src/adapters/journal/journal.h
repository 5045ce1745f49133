/* journal.h: the audit journal of one node, as append-only segment files in one folder.
 *
 * One thread writes. It takes all that waits, writes it in one call, completes what needs no sync,
 * syncs once if any of it is to be durable, and completes the rest: group commit without a timer.
 * With a spool (spool.h) what needs no sync does not wait at all: it is kept there until the thread
 * has written it, and an earlier process's is taken over at the start. Then writing goes past the
 * page cache, where nobody waits for what is written and not synced.
 * Between groups it writes zeros ahead, so that a sync is cheap. A write or sync that fails
 * ends the segment and is never tried again on that file; all who waited are refused, and the next
 * group opens a new segment. Records that had been completed without a sync are kept in memory
 * until one succeeds and move to the new segment, so a failed sync loses nothing that was
 * acknowledged. The format is described in docs/audit.md; reading is journal_reader.h.
 *
 * With a signer the writer has a checkpoint (checkpoint.h) signed at the start, after so many
 * records, after so much time, and at the close. It costs the journal's thread some 50 us each
 * time, and some 100 us when another process signs.
 *
 * No record is ever cut or overwritten: each start opens a new segment, whose header names the
 * place where the previous one ends. A torn tail stays in its file as evidence and outside the
 * chain. Only the zeros ahead are: records take their place, and what is left of them is cut off
 * when a segment is closed in good order.
 */
#ifndef AEGIS_ADAPTERS_JOURNAL_JOURNAL_H
#define AEGIS_ADAPTERS_JOURNAL_JOURNAL_H

#include "adapters/journal/checkpoint.h"
#include "adapters/journal/journal_files.h"
#include "adapters/journal/spool.h"
#include "base/diag.h"
#include "core/ports/journal.h"

#define JOURNAL_SEGMENT_BYTES_DEFAULT (64U << 20)
#define JOURNAL_QUEUE_BYTES_DEFAULT (16U << 20)
#define JOURNAL_STALL_MS_DEFAULT 2000
#define JOURNAL_CHECKPOINT_RECORDS_DEFAULT 4096
#define JOURNAL_CHECKPOINT_MS_DEFAULT 10000

/* In the journal's folder: the public keys of its checkpoints, as the writer's owner left them. */
#define JOURNAL_PUBLIC_KEYS_NAME "audit.pub"

struct journal_options {
    const char *directory;             /* created (one level, 0700) when absent */
    const struct journal_files *files; /* NULL: the operating system's */
    struct spool *spool;               /* borrowed until close; NULL: none */
    uint64_t segment_bytes_max;        /* 0: JOURNAL_SEGMENT_BYTES_DEFAULT */
    size_t queue_bytes_max;            /* waiting payloads; 0: JOURNAL_QUEUE_BYTES_DEFAULT */
    int64_t stall_ms; /* a device busy longer counts as down; 0: JOURNAL_STALL_MS_DEFAULT */
    const struct checkpoint_signer *signer; /* borrowed until close; NULL: no checkpoints */
    uint32_t checkpoint_records;            /* 0: JOURNAL_CHECKPOINT_RECORDS_DEFAULT */
    int64_t checkpoint_ms;                  /* 0: JOURNAL_CHECKPOINT_MS_DEFAULT */
};

struct journal;

/* Find the end of the journal, open a new segment behind it and start the thread. A torn tail is
 * noted as the first record of the new segment (self.fault, code journal.torn_tail), and so is an
 * end that lies before the place the head file names (journal.cut). What the spool holds comes next
 * (with journal.spool_damaged when something in it was no record).
 *
 * STATUS_UNAVAILABLE journal.io; STATUS_CONFLICT journal.locked (another process writes here) or
 * journal.damaged (the header of the last segment is broken: nothing is written behind it);
 * STATUS_LIMIT journal.memory. */
NODISCARD enum status journal_open(const struct journal_options *options, struct journal **out,
                                   struct diag *diag);

/* Write, sign and sync what waits, complete it, stop the thread. NULL is fine. */
void journal_close(struct journal *journal);

/* The port; valid until journal_close. */
struct port_journal journal_port(struct journal *journal);

#endif
