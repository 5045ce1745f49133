/* sse_stream.h: one stream of a server that speaks HTTP with SSE (MCP 2024-11-05); private to
 * transport.
 *
 * A GET opens it, its first event says where to POST messages, and all that the server has to say
 * comes on it. To stdio_upstream.c it is what a child process is: texts come out, texts go in, and
 * when it is gone it may be started again. Messages given before the address is known wait for it.
 */
#ifndef AEGIS_ADAPTERS_TRANSPORT_SSE_STREAM_H
#define AEGIS_ADAPTERS_TRANSPORT_SSE_STREAM_H

#include "adapters/runtime/loop.h"
#include "adapters/transport/http_upstream.h"

#define SSE_STREAM_POSTS_MAX 256 /* under way, or waiting for the address */

enum sse_state {
    SSE_STREAM_ABSENT = 0,
    SSE_STREAM_OPENING, /* the address for messages is not known yet */
    SSE_STREAM_OPEN,
    SSE_STREAM_CLOSING, /* nothing comes or goes any more; on_gone is about to be called */
};

struct sse_stream;

struct sse_stream_events {
    void (*on_text)(struct sse_stream *stream, struct slice json);
    /* The message with that id did not get there. */
    void (*on_undelivered)(struct sse_stream *stream, int64_t id, enum status status,
                           const struct diag *diag);
    void (*on_down)(struct sse_stream *stream); /* nothing will be answered any more: see diag */
    void (*on_gone)(struct sse_stream *stream); /* may be released; not from within another call */
};

struct sse_stream {
    struct loop *loop;
    const struct port_upstream *http; /* borrowed, as all here */
    const struct upstream_target *target;
    const struct sse_stream_events *events;
    uint32_t server;
    enum sse_state state;
    struct upstream_call *get;
    struct buf address;     /* a request target; empty: not known yet */
    struct sse_post *posts; /* newest first */
    size_t post_count;
    struct timer timer; /* for the address; then of the end */
    struct diag diag;   /* why it went down */
};

void sse_stream_init(struct sse_stream *stream, struct loop *loop, const struct port_upstream *http,
                     const struct upstream_target *target, uint32_t server,
                     const struct sse_stream_events *events);

/* Not while it runs. */
void sse_stream_release(struct sse_stream *stream);

/* Open it for request, whose server and credential it has: the address must come within
 * timeout_ms. STATUS_UNAVAILABLE, STATUS_NOT_FOUND: as the HTTP port says. */
NODISCARD enum status sse_stream_start(struct sse_stream *stream,
                                       const struct upstream_request *request, struct diag *diag);

/* POST the body of a request, now or once the address is known. STATUS_UNAVAILABLE upstream.busy,
 * STATUS_LIMIT upstream.memory, and what the HTTP port says. */
NODISCARD enum status sse_stream_send(struct sse_stream *stream,
                                      const struct upstream_request *request, struct diag *diag);

/* Close it, and forget what was not sent: without on_down. on_gone follows. */
void sse_stream_stop(struct sse_stream *stream);

#endif
