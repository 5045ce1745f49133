/* checkpoint.h: a signed statement of how far the journal reached.
 *
 * Stands in the chain as a frame of its own kind, between records and without a sequence number;
 * the newest one stands in the file `head` as well. Whoever has the public key can tell from a
 * checkpoint that no record before it was changed, removed or inserted, because the chain it names
 * covers them all. Layout and promises: docs/audit.md.
 */
#ifndef AEGIS_ADAPTERS_JOURNAL_CHECKPOINT_H
#define AEGIS_ADAPTERS_JOURNAL_CHECKPOINT_H

#include "adapters/crypto/signing_key.h"
#include "core/audit/record.h"

#define CHECKPOINT_BYTES 160
#define CHECKPOINT_SIGNED_BYTES (CHECKPOINT_BYTES - SIGNING_SIGNATURE_BYTES)
#define CHECKPOINT_HEAD_NAME "head"

struct checkpoint {
    uint64_t sequence;               /* of the next record: all before it are covered */
    int64_t time_ms;                 /* since the Unix epoch, when it was signed */
    uint32_t records_max;            /* records that may follow before the next checkpoint */
    bool is_closing;                 /* the writer stopped here in good order */
    uint8_t chain[AUDIT_HASH_BYTES]; /* before this frame */
    uint8_t key[SIGNING_PUBLIC_BYTES];
};

/* Who signs for a writer: a key at hand, or a notary (signing_channel.h). */
struct checkpoint_signer {
    void *context;
    uint8_t key[SIGNING_PUBLIC_BYTES]; /* the public half */
    /* Sign the first bytes of a checkpoint; may block. kept_sequence is of the newest checkpoint
     * that is on the device, 0: none since the start. From one thread at a time. */
    enum status (*sign)(void *context, const uint8_t message[CHECKPOINT_SIGNED_BYTES],
                        uint64_t kept_sequence, uint8_t out[SIGNING_SIGNATURE_BYTES]);
};

/* The key is borrowed. */
struct checkpoint_signer checkpoint_signer_of_key(const struct signing_key *key);

/* Is a frame's payload a checkpoint? No record is one: records begin with '{'. */
bool checkpoint_is(struct slice payload);

/* Encode and have it signed; checkpoint->key is the signer's. Fails as the signer does. */
NODISCARD enum status checkpoint_encode(const struct checkpoint *checkpoint,
                                        const struct checkpoint_signer *signer,
                                        uint64_t kept_sequence, uint8_t out[CHECKPOINT_BYTES]);

/* What a checkpoint says, of its first CHECKPOINT_SIGNED_BYTES. False when it is none. */
bool checkpoint_decode_unsigned(struct slice message, struct checkpoint *out);

/* False when it is none or was not signed by the key it names. Whether that key may sign is the
 * caller's question. */
bool checkpoint_decode(struct slice payload, struct checkpoint *out);

/* Read the head of the journal in a folder. STATUS_NOT_FOUND journal.head when there is none,
 * STATUS_CONFLICT journal.head when it is no checkpoint, STATUS_UNAVAILABLE journal.io. */
NODISCARD enum status checkpoint_read_head(int directory_fd, struct checkpoint *out,
                                           struct diag *diag);

#endif
