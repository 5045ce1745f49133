/* journal_reader.h: read the journal in order, believing nothing.
 *
 * Every frame is checked before it is handed out: its length, its CRC-32C and its place in the
 * hash chain. A reader needs no lock and may run beside the writer, in another process too; the
 * cursor of the last record read lets it go on later.
 */
#ifndef AEGIS_ADAPTERS_JOURNAL_JOURNAL_READER_H
#define AEGIS_ADAPTERS_JOURNAL_JOURNAL_READER_H

#include "base/diag.h"
#include "core/audit/record.h"

/* The place behind a record, and what the chain was there. Zero: the beginning. */
struct journal_cursor {
    uint64_t segment;  /* number; 0 before the first */
    uint64_t offset;   /* of the next record in the segment's file */
    uint64_t sequence; /* of the next record; the first record of a journal is 1 */
    uint8_t chain[AUDIT_HASH_BYTES];
};

struct journal_entry {
    bool is_checkpoint;                 /* from journal_reader_next_frame only */
    uint64_t sequence, segment, offset; /* where the record stands */
    uint8_t previous_chain[AUDIT_HASH_BYTES], chain[AUDIT_HASH_BYTES];
    struct slice payload; /* valid until the next call on the reader */
};

struct journal_reader;

/* cursor may be NULL for the beginning. STATUS_NOT_FOUND journal.absent when there is no such
 * folder, STATUS_UNAVAILABLE journal.io, STATUS_LIMIT journal.memory. */
NODISCARD enum status journal_reader_open(const char *directory,
                                          const struct journal_cursor *cursor,
                                          struct journal_reader **out, struct diag *diag);
/* A place at the start of a segment with at least count records behind it, or the beginning; found
 * from the end, so that it costs no reading of what is before. *out is a cursor. The statuses of
 * journal_reader_open. */
NODISCARD enum status journal_find_last(const char *directory, uint64_t count,
                                        struct journal_cursor *out, struct diag *diag);
void journal_reader_close(struct journal_reader *reader);

/* STATUS_OK with *out; STATUS_NOT_FOUND (journal.end) at the present end, where a later call may
 * find more; STATUS_CONFLICT at the first bad place, for good, with one of journal.header,
 * journal.length, journal.crc, journal.chain, journal.torn, journal.gap, journal.order, or
 * journal.rewound (the writer took back records it had not synced; open a new reader). */
NODISCARD enum status journal_reader_next(struct journal_reader *reader, struct journal_entry *out,
                                          struct diag *diag);

/* The same for every frame: checkpoints (checkpoint.h) as well, which have the sequence number of
 * the record behind them. Their signatures are the caller's to check. */
NODISCARD enum status journal_reader_next_frame(struct journal_reader *reader,
                                                struct journal_entry *out, struct diag *diag);

/* At the present end (journal.end): is it really one, with nothing but zeros behind it? STATUS_OK;
 * STATUS_NOT_FOUND journal.torn when there are other bytes, which a writer at work may just have
 * written; STATUS_UNAVAILABLE journal.io. Reads to the end of the file. */
NODISCARD enum status journal_reader_check_end(const struct journal_reader *reader,
                                               struct diag *diag);

/* Bytes outside the chain that were passed so far: what torn and failed writes left. The zeros that
 * a segment's writer left behind its end are none. */
uint64_t journal_reader_void_bytes(const struct journal_reader *reader);

/* The place behind the last record that was read. */
struct journal_cursor journal_reader_cursor(const struct journal_reader *reader);

#endif
