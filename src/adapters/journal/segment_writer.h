/* segment_writer.h: payloads in, durable frames out. Private to this folder; one thread.
 *
 * Knows nothing of queues and completions. Keeps the payloads that were written but not synced, so
 * that after a failure they move to a new segment; what a failed group added is dropped instead.
 */
#ifndef AEGIS_ADAPTERS_JOURNAL_SEGMENT_WRITER_H
#define AEGIS_ADAPTERS_JOURNAL_SEGMENT_WRITER_H

#include "adapters/journal/ahead_file.h"
#include "adapters/journal/checkpoint.h"
#include "adapters/journal/journal_format.h"
#include "base/diag.h"

#define UNSYNCED_BYTES_MAX (1U << 20) /* more is synced even if nobody asks */

struct segment_position {
    uint64_t segment, offset, sequence; /* of the next record */
    uint64_t signed_sequence;           /* of the last checkpoint; 0: not known */
    uint8_t chain[AUDIT_HASH_BYTES];
};

/* When checkpoints are written. */
struct segment_signing {
    const struct checkpoint_signer *signer; /* borrowed; NULL: never */
    uint32_t records_max;                   /* at the latest after so many records ... */
    int64_t interval_ms; /* ... or so long after the last one, if there was a record */
};

struct segment_writer {
    const struct journal_files *files;
    int directory_fd;       /* borrowed */
    struct ahead_file file; /* the open segment; closed after a failure */
    uint64_t segment_bytes_max;
    struct segment_position at;     /* behind what was written */
    struct segment_position synced; /* behind what is safe: a new segment continues here */
    struct buf pending;             /* u32 length and payload each: unsynced, then the group */
    size_t unsynced_bytes;          /* the first part of pending: acknowledged, or soon to be */
    size_t kept_bytes;              /* ... and what joins it as soon as the group is written */
    struct buf frames;
    struct segment_signing signing;
    int64_t checkpoint_due_ms;      /* monotonic; 0: with the next flush */
    bool is_closing;                /* the next checkpoint is the last */
    uint8_t head[CHECKPOINT_BYTES]; /* the newest checkpoint */
    bool is_head_framed;            /* it is part of the present group */
    bool is_head_new;               /* it is synced in its segment and not yet in its file */
    int64_t head_due_ms;            /* monotonic; the file is not written before */
    const char *note_code;          /* static; a record due at the start of the next segment */
    struct slice note_reason;       /* static */
};

/* is_direct: past the page cache where that can be done. STATUS_LIMIT: no memory. */
NODISCARD enum status segment_writer_init(struct segment_writer *writer,
                                          const struct journal_files *files, int directory_fd,
                                          bool is_direct);

/* Close in good order: sync what is left, behind a closing checkpoint, and cut off what was written
 * ahead. */
void segment_writer_finish(struct segment_writer *writer);

void segment_writer_release(struct segment_writer *writer);

/* Add a payload to the group. STATUS_LIMIT when there is no memory: the group is as before. */
NODISCARD enum status segment_writer_add(struct segment_writer *writer, struct slice payload);

/* What was added up to here needs no sync: from the write on it is not lost any more. */
void segment_writer_keep(struct segment_writer *writer);

/* Add a record of ours to the group: self.fault with this code and reason (both static). */
NODISCARD enum status segment_writer_add_note(struct segment_writer *writer, const char *code,
                                              struct slice reason);

/* Take the payloads of the present group back. */
void segment_writer_forget(struct segment_writer *writer);

/* Write the group, and a checkpoint when one is due. *must_sync: a sync has to follow, as it is
 * durable or signed, or there is much that is not synced. On any failure the segment is closed for
 * good, the group is forgotten and the next write begins a new segment. */
NODISCARD enum status segment_writer_write(struct segment_writer *writer, bool durable,
                                           bool *must_sync);

/* Sync what was written. A failure is one as of the write, but what is to be kept is pending then
 * and goes into the new segment. */
NODISCARD enum status segment_writer_sync(struct segment_writer *writer);

/* Both. */
NODISCARD enum status segment_writer_flush(struct segment_writer *writer, bool durable);

/* When a flush and upkeep are wanted for the sake of a checkpoint, on the monotonic clock;
 * INT64_MAX: no need. */
int64_t segment_writer_due_ms(const struct segment_writer *writer);

/* Put the newest synced checkpoint into the file `head`; nothing to do when it is there. */
void segment_writer_publish_head(struct segment_writer *writer);

/* What costs syncs and can wait until those who waited for a flush were told: publishing the head,
 * which is done once a second at most, and writing ahead. Fails as a flush does, and with the same
 * consequences. */
bool segment_writer_needs_upkeep(const struct segment_writer *writer);
NODISCARD enum status segment_writer_upkeep(struct segment_writer *writer);

#endif
