/* channel.h: whole messages with descriptors between two processes of Aegis.
 *
 * A pair of SOCK_SEQPACKET sockets: a message arrives whole or not at all, its descriptors with it.
 * Neither side waits for the other: a full channel is an error. */
#ifndef AEGIS_ADAPTERS_PROCESS_CHANNEL_H
#define AEGIS_ADAPTERS_PROCESS_CHANNEL_H

#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>

#define CHANNEL_DESCRIPTORS_MAX 160

/* Two connected ends, close-on-exec and non-blocking. STATUS_UNAVAILABLE. */
NODISCARD enum status channel_pair(int ends[2]);

/* Send one message; descriptors stay the caller's. STATUS_UNAVAILABLE: the other side is gone;
 * STATUS_LIMIT: it does not read. */
NODISCARD enum status channel_send(int channel, struct slice message, const int *descriptors,
                                   size_t descriptor_count);

struct channel_received {
    int descriptors[CHANNEL_DESCRIPTORS_MAX]; /* the caller's now, close-on-exec */
    size_t descriptor_count;
};

/* Take one message of exactly size bytes. STATUS_NOT_FOUND: there is none now; STATUS_UNAVAILABLE:
 * the other side is gone; STATUS_INVALID: it was of another size, or descriptors were lost. Unless
 * STATUS_OK nothing is received. */
NODISCARD enum status channel_receive(int channel, void *message, size_t size,
                                      struct channel_received *out);

void channel_close_received(struct channel_received *received);

#endif
