/* journal_verify.h: is a journal what was written, all of it, in order?
 *
 * Reads every byte once and needs no lock. The chain shows any change by someone who does not
 * rebuild it; the signatures of the checkpoints show that nobody did; the head file and an anchor
 * kept elsewhere show an end that was cut off. docs/audit.md says what each of them cannot show.
 */
#ifndef AEGIS_ADAPTERS_JOURNAL_JOURNAL_VERIFY_H
#define AEGIS_ADAPTERS_JOURNAL_JOURNAL_VERIFY_H

#include "adapters/journal/checkpoint.h"
#include "base/diag.h"

/* A checkpoint that somebody noted down: "SEQUENCE:CHAIN", the chain in hexadecimal digits. */
struct journal_anchor {
    uint64_t sequence;
    uint8_t chain[AUDIT_HASH_BYTES];
};

#define JOURNAL_ANCHOR_TEXT_BYTES 96 /* with its NUL */

void journal_anchor_format(const struct checkpoint *checkpoint,
                           char out[JOURNAL_ANCHOR_TEXT_BYTES]);

/* False when text is no anchor. */
bool journal_anchor_parse(struct slice text, struct journal_anchor *out);

struct journal_verify_options {
    const char *directory;
    /* Who may sign; NULL: any key, so that only the chain and the presence of checkpoints count. */
    const struct signing_public *keys;
    const struct journal_anchor *anchor; /* must be a checkpoint of the journal; NULL: none */
};

struct journal_report {
    bool is_intact;
    uint64_t segments, records, payload_bytes;
    uint64_t void_bytes; /* torn tails that a later start left outside the chain */
    uint64_t checkpoints;
    struct checkpoint last;  /* the newest; its signature covers all records before its sequence */
    uint64_t unsigned_count; /* records behind it */
    bool is_closed;          /* it was written in closing, and nothing follows */
    bool has_head;           /* there is a head file, and it is a checkpoint of this journal */
    uint64_t bad_segment, bad_offset, bad_sequence; /* the first bad place, when not intact */
    struct diag diag;                               /* what is wrong there */
};

/* Read the whole journal once. STATUS_OK also when the journal is not intact: report->diag then has
 * a code of journal_reader_next, or journal.checkpoint, journal.key, journal.unsigned,
 * journal.head, journal.cut or journal.anchor. STATUS_NOT_FOUND journal.absent, STATUS_UNAVAILABLE
 * journal.io, STATUS_LIMIT journal.memory. */
NODISCARD enum status journal_verify(const struct journal_verify_options *options,
                                     struct journal_report *report, struct diag *diag);

/* The head of the journal in a folder, without reading the journal. STATUS_NOT_FOUND journal.absent
 * or journal.head; STATUS_CONFLICT journal.head, journal.key; STATUS_UNAVAILABLE journal.io. */
NODISCARD enum status journal_head(const char *directory, const struct signing_public *keys,
                                   struct checkpoint *out, struct diag *diag);

#endif
