/* stream.h: a TCP connection, plain or with TLS, as plain bytes both ways; private to transport.
 *
 * on_end comes at most once, for whatever ends the connection from outside: end of input, reset,
 * a failed connect or handshake, a peer that takes nothing for too long. The owner then closes.
 * After stream_close only on_closed follows, from the loop, and the owner frees there.
 */
#ifndef AEGIS_ADAPTERS_TRANSPORT_STREAM_H
#define AEGIS_ADAPTERS_TRANSPORT_STREAM_H

#include "adapters/runtime/loop.h"
#include "adapters/transport/output.h"
#include "adapters/transport/tls.h"
#include "core/identity/client_certificate.h"

#include <sys/socket.h>

#define STREAM_QUEUE_BYTES_MAX ((size_t)64 << 20) /* against runaways; owners look at pending */

struct stream;

struct stream_events {
    void (*on_open)(struct stream *stream);                      /* connected, and TLS is up */
    void (*on_bytes)(struct stream *stream, struct slice bytes); /* valid during the call */
    void (*on_end)(struct stream *stream, bool is_clean); /* clean: the peer said that it ends */
    void (*on_closed)(struct stream *stream);
};

struct stream {
    const struct stream_events *events;
    struct loop *loop;
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_shutdown_t shutdown;
    struct output output;
    struct timer stall;
    int64_t stall_ms;
    uint64_t stall_bytes;                   /* with the system when the stall timer was armed */
    SSL *tls;                               /* NULL: plain */
    struct tls_context *tls_context;        /* of tls; a reference */
    struct client_certificate *certificate; /* a reference; of a client that showed one */
    const char *refusal; /* after a handshake that failed by it, else NULL (tls.h) */
    struct slice tls_input;
    bool is_open, is_ended, is_closing, wants_shutdown, is_shut;
};

/* Once after this the owner must call stream_close, unless it returned an error.
 * STATUS_LIMIT: the system has no socket. */
NODISCARD enum status stream_init(struct stream *stream, struct loop *loop,
                                  const struct stream_events *events, int64_t stall_ms);

/* Take the next connection of a listener; tls may be NULL. */
NODISCARD enum status stream_accept(struct stream *stream, uv_stream_t *listener,
                                    struct tls_context *tls);

/* name: what the certificate must be for; a host name or numeric address. */
NODISCARD enum status stream_connect(struct stream *stream, const struct sockaddr *address,
                                     struct tls_context *tls, struct slice name);

/* Never calls back. A failure is also reported by on_end, later. */
NODISCARD enum status stream_write(struct stream *stream, const struct slice *parts, size_t count);

/* Bytes that wait for the peer. */
size_t stream_pending(const struct stream *stream);

/* Stop and start reading; what was read already is delivered all the same. */
void stream_pause(struct stream *stream, bool is_paused);

/* Send what is queued, then the end. Reading goes on. */
void stream_shutdown(struct stream *stream);

/* Bytes were read from the socket that on_bytes has not seen. */
bool stream_has_unread(const struct stream *stream);

/* Nothing waits in the socket: neither bytes nor the peer's end. */
bool stream_is_quiet(const struct stream *stream);

void stream_close(struct stream *stream);

/* Close so that the peer sees that something is missing. */
void stream_reset(struct stream *stream);

#endif
