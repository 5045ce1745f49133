/* checkpoint_notary.h: signs checkpoints for a writer that is not trusted.
 *
 * The writer of the journal serves clients, so it may be taken over; the key is held by a process
 * that is not. What the notary can see is one checkpoint after the other, not the records: it signs
 * no checkpoint that lies before one that was kept, none of another time, none that promises
 * another distance to the next, and not more of them than a journal can need. So a writer that was
 * taken over cannot sign the past anew: verification takes no more than a checkpoint's distance of
 * records between two of them, and those it would have to move are signed.
 *
 * No I/O and no clock; one thread.
 */
#ifndef AEGIS_ADAPTERS_JOURNAL_CHECKPOINT_NOTARY_H
#define AEGIS_ADAPTERS_JOURNAL_CHECKPOINT_NOTARY_H

#include "adapters/journal/checkpoint.h"

#define NOTARY_BURST 64                    /* at once, besides what a backlog of records needs */
#define NOTARY_PER_S 10                    /* in the long run, besides what records and time need */
#define NOTARY_RECORDS_PER_S 100000        /* more than a journal takes */
#define NOTARY_CLOCK_MS_MAX INT64_C(60000) /* between the writer's clock and ours */

struct checkpoint_notary {
    const struct signing_key *key; /* borrowed; NULL, as in a zero notary: nothing is signed */
    uint32_t records_max;          /* every checkpoint has to say so */
    int64_t cost_us;               /* of one signature; a budget comes back as time passes */
    int64_t burst;                 /* signatures at once: 64, and those of a second's records */
    int64_t spent_until_us;
    uint64_t kept_sequence;   /* of the last checkpoint that a writer said was on the device */
    uint64_t signed_sequence; /* the largest that was signed */
    bool has_signed;          /* for the present writer */
};

/* As often as the configuration makes the writer ask: after so many records, and after so long. */
void checkpoint_notary_init(struct checkpoint_notary *notary, const struct signing_key *key,
                            uint32_t records_max, int64_t interval_ms);

/* Another writer goes on with the journal. Its first checkpoint may say what was kept already. */
void checkpoint_notary_begin(struct checkpoint_notary *notary);

struct notary_request {
    const uint8_t *message; /* CHECKPOINT_SIGNED_BYTES of a checkpoint */
    uint64_t kept_sequence; /* of the newest one that is on the device, as the writer says; or 0 */
    int64_t now_ms;         /* monotonic */
    int64_t wall_ms;        /* since the Unix epoch */
};

/* STATUS_OK: out is the signature of the message. STATUS_INVALID journal.notary when no honest
 * writer asks for this, with the rule as message; STATUS_LIMIT journal.notary: too often;
 * STATUS_INTERNAL. */
NODISCARD enum status checkpoint_notary_sign(struct checkpoint_notary *notary,
                                             const struct notary_request *request,
                                             uint8_t out[SIGNING_SIGNATURE_BYTES],
                                             struct diag *diag);

#endif
