/* signing_channel.h: the way from a writer of the journal to the notary that signs for it.
 *
 * Both ends of a channel between two processes (adapters/process/channel.h). The writer waits for
 * its answer, on the journal's own thread and not for ever; the notary answers what lies there.
 */
#ifndef AEGIS_ADAPTERS_JOURNAL_SIGNING_CHANNEL_H
#define AEGIS_ADAPTERS_JOURNAL_SIGNING_CHANNEL_H

#include "adapters/journal/checkpoint_notary.h"

#define SIGNING_WAIT_MS 10000 /* a notary that takes longer is gone */

/* The writer's end. */
struct signing_client {
    int channel;
    int64_t wait_ms;
    uint64_t last_id;
};

/* A signer that asks the notary at the other end, which has that key. Signing fails with
 * STATUS_UNAVAILABLE when it refuses, is gone, or does not answer in time. client outlives it. */
struct checkpoint_signer signing_client_signer(struct signing_client *client,
                                               const uint8_t key[SIGNING_PUBLIC_BYTES]);

/* The notary's end: answer one request. Times as in notary_request.
 *
 * STATUS_OK, also when there was none or it came too often; STATUS_UNAVAILABLE: the writer is gone;
 * STATUS_INVALID or STATUS_LIMIT: it broke a rule, or does not read (diag). */
NODISCARD enum status signing_channel_serve(int channel, struct checkpoint_notary *notary,
                                            int64_t now_ms, int64_t wall_ms, struct diag *diag);

#endif
