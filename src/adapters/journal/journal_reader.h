/* journal_reader.h: read the journal in order, believing nothing.
 *
 * Every record is checked before it is handed out: its length, its CRC-32C and its place in the
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
    uint64_t sequence, segment, offset; /* where the record stands */
    uint8_t chain[AUDIT_HASH_BYTES];
    struct slice payload; /* valid until the next call on the reader */
};

struct journal_reader;

/* cursor may be NULL for the beginning. STATUS_NOT_FOUND journal.absent when there is no such
 * folder, STATUS_UNAVAILABLE journal.io, STATUS_LIMIT journal.memory. */
NODISCARD enum status journal_reader_open(const char *directory,
                                          const struct journal_cursor *cursor,
                                          struct journal_reader **out, struct diag *diag);
void journal_reader_close(struct journal_reader *reader);

/* STATUS_OK with *out; STATUS_NOT_FOUND (journal.end) at the present end, where a later call may
 * find more; STATUS_CONFLICT at the first bad place, for good, with one of journal.header,
 * journal.length, journal.crc, journal.chain, journal.torn, journal.gap, journal.order, or
 * journal.rewound (the writer took back records it had not synced; open a new reader). */
NODISCARD enum status journal_reader_next(struct journal_reader *reader, struct journal_entry *out,
                                          struct diag *diag);

/* The place behind the last record that was read. */
struct journal_cursor journal_reader_cursor(const struct journal_reader *reader);

struct journal_report {
    bool is_intact;
    uint64_t segments, records, payload_bytes;
    uint64_t bad_segment, bad_offset, bad_sequence; /* the first bad record, when not intact */
    uint64_t void_bytes; /* torn tails that a later start left outside the chain */
    struct diag diag;    /* what is wrong there */
};

/* Read the whole journal once. Records removed from the very end, at a record boundary, cannot be
 * told from records never written. STATUS_OK also when the journal is not intact (see report);
 * other statuses as for journal_reader_open. */
NODISCARD enum status journal_verify(const char *directory, struct journal_report *report,
                                     struct diag *diag);

#endif
