/* output.h: bytes towards a libuv stream: tried at once, queued when the peer is slow.
 *
 * Private to transport. One run of bytes is with libuv, the next one grows meanwhile; no bytes wait
 * anywhere as long as the peer keeps up.
 */
#ifndef AEGIS_ADAPTERS_TRANSPORT_OUTPUT_H
#define AEGIS_ADAPTERS_TRANSPORT_OUTPUT_H

#include "base/buf.h"

#include <uv.h>

#define OUTPUT_PARTS_MAX 4

struct output {
    uv_stream_t *stream; /* borrowed */
    struct buf waiting, sending;
    uv_write_t write;
    uint64_t bytes_accepted; /* in all */
    bool is_writing, is_failed;
    /* A queued write ended; look at is_failed and output_pending. May be NULL. */
    void (*on_progress)(struct output *output);
};

/* bytes_max bounds the queue; account is borrowed, may be NULL. */
void output_init(struct output *output, uv_stream_t *stream, size_t bytes_max,
                 struct account *account);

/* Wipe and free. Only after the stream's close callback. */
void output_release(struct output *output);

/* Write count (1..OUTPUT_PARTS_MAX) parts in order; what the peer does not take at once is copied.
 * STATUS_IO: the stream is broken; STATUS_LIMIT: the queue is full, and the stream unusable. */
NODISCARD enum status output_write(struct output *output, const struct slice *parts, size_t count);

/* Bytes accepted and not yet with the system. */
size_t output_pending(const struct output *output);

#endif
