/* http_upstream.h: port_upstream over HTTP/1.1 and TLS, one per loop.
 *
 * One POST per message, answered by one JSON text or a stream of events, or a GET of a stream, or
 * the DELETE of a session.
 * Never follows a redirect, never repeats a request: a pooled connection is looked at before it is
 * used again, and if it dies after that the call has failed. A connection that said anything odd is
 * never used again.
 *
 * Codes of on_end: upstream.session, upstream.down, upstream.timeout, upstream.protocol,
 * upstream.status, upstream.content_type, upstream.event, upstream.truncated, upstream.too_large.
 */
#ifndef AEGIS_ADAPTERS_TRANSPORT_HTTP_UPSTREAM_H
#define AEGIS_ADAPTERS_TRANSPORT_HTTP_UPSTREAM_H

#include "adapters/runtime/loop.h"
#include "core/ports/upstream.h"

struct upstream_target {
    struct slice host; /* name or numeric address, without brackets; empty: not an HTTP server */
    uint16_t port;
    struct slice path; /* request target, "/mcp" */
    bool is_tls;
    const char *ca_file; /* NULL: the system's authorities */
};

struct http_upstream_options {
    size_t message_bytes_max; /* of a JSON answer and of one event */
    uint32_t calls_max;       /* running at once, per target; half of them streams of sessions */
    int64_t idle_ms;          /* of a pooled connection */
    int64_t connect_ms;       /* name, TCP and TLS together */
    int64_t name_cache_ms;
};

#define HTTP_UPSTREAM_OPTIONS_DEFAULT                                                              \
    {                                                                                              \
        .message_bytes_max = (size_t)4 << 20, .calls_max = 256, .idle_ms = 30000,                  \
        .connect_ms = 10000, .name_cache_ms = 30000                                                \
    }

struct http_upstream;

/* targets: target_count entries, indexed by the server's number; borrowed until free.
 * STATUS_INVALID: tls.ca. */
NODISCARD enum status http_upstream_new(struct loop *loop, const struct upstream_target *targets,
                                        size_t target_count,
                                        const struct http_upstream_options *options,
                                        struct http_upstream **out, struct diag *diag);

/* Close all connections; running calls end with upstream.down. The memory goes when the loop has
 * closed the handles, so the loop must run once more (loop_release does). Accepts NULL. */
void http_upstream_free(struct http_upstream *upstream);

struct port_upstream http_upstream_port(struct http_upstream *upstream);

/* Connections waiting for use, for tests and metrics. */
size_t http_upstream_idle_count(const struct http_upstream *upstream);

#endif
