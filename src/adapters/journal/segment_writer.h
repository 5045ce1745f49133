/* segment_writer.h: payloads in, durable frames out. Private to this folder; one thread.
 *
 * Knows nothing of queues and completions. Keeps the payloads that were written but not synced, so
 * that after a failure they move to a new segment; what a failed group added is dropped instead.
 */
#ifndef AEGIS_ADAPTERS_JOURNAL_SEGMENT_WRITER_H
#define AEGIS_ADAPTERS_JOURNAL_SEGMENT_WRITER_H

#include "adapters/journal/journal_files.h"
#include "adapters/journal/journal_format.h"
#include "base/diag.h"

#define UNSYNCED_BYTES_MAX (1U << 20) /* more is synced even if nobody asks */

struct segment_position {
    uint64_t segment, offset, sequence; /* of the next record */
    uint8_t chain[AUDIT_HASH_BYTES];
};

struct segment_writer {
    const struct journal_files *files;
    int directory_fd; /* borrowed */
    int fd;           /* of the open segment; -1 after a failure */
    uint64_t segment_bytes_max;
    struct segment_position at;     /* behind what was written */
    struct segment_position synced; /* behind what is safe: a new segment continues here */
    struct buf pending;             /* u32 length and payload each: unsynced, then the group */
    size_t unsynced_bytes;          /* the first part of pending */
    struct buf frames;
    const char *note_code;    /* static; a record due at the start of the next segment */
    struct slice note_reason; /* static */
};

void segment_writer_init(struct segment_writer *writer, const struct journal_files *files,
                         int directory_fd);

/* Sync what is left and close. */
void segment_writer_release(struct segment_writer *writer);

/* Add a payload to the group. STATUS_LIMIT when there is no memory: the group is as before. */
NODISCARD enum status segment_writer_add(struct segment_writer *writer, struct slice payload);

/* Take the payloads of the present group back. */
void segment_writer_forget(struct segment_writer *writer);

/* Write the group; sync it when durable. On any failure the segment is closed for good, the group
 * is forgotten and the next flush begins a new segment. */
NODISCARD enum status segment_writer_flush(struct segment_writer *writer, bool durable);

/* Begin a segment behind writer->synced. */
NODISCARD enum status segment_writer_begin(struct segment_writer *writer);

#endif
