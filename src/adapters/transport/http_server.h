/* http_server.h: HTTP/1.1 (and TLS) towards clients, one server per loop.
 *
 * Owns connections, framing and all time-outs; what a request means is the handler's business
 * (core/ports/exchange.h). Requests of one connection run one after the other. After any refusal
 * the connection closes and unread bytes are dropped, so that a refused message cannot hide
 * another.
 */
#ifndef AEGIS_ADAPTERS_TRANSPORT_HTTP_SERVER_H
#define AEGIS_ADAPTERS_TRANSPORT_HTTP_SERVER_H

#include "adapters/runtime/loop.h"
#include "adapters/transport/tcp.h"
#include "adapters/transport/tls.h"
#include "core/ports/exchange.h"

struct http_server_options {
    struct http_limits limits;
    size_t connections_max;
    size_t queue_bytes_max; /* of a stream's unsent bytes */
    int64_t header_ms;    /* absolute: from the first byte, or from connecting, to the whole head */
    int64_t body_ms;      /* from the head to the whole body */
    int64_t idle_ms;      /* between two requests */
    int64_t kept_head_ms; /* of idle_ms: the head is kept, for the next is often like it */
    int64_t write_stall_ms;  /* without progress while bytes wait */
    uint32_t requests_max;   /* on one connection */
    struct tls_context *tls; /* borrowed, each connection takes a reference; NULL: plain */
};

#define HTTP_SERVER_OPTIONS_DEFAULT                                                                \
    {                                                                                              \
        .limits = HTTP_LIMITS_DEFAULT, .connections_max = 4096, .queue_bytes_max = 262144,         \
        .header_ms = 10000, .body_ms = 30000, .idle_ms = 75000, .kept_head_ms = 2000,              \
        .write_stall_ms = 30000, .requests_max = 1000                                              \
    }

struct http_connection;

struct http_server {
    struct loop *loop;
    struct http_server_options options;
    struct exchange_handler handler;
    void *context;
    void (*on_closed)(void *context);

    /* private */
    uv_tcp_t listener;
    struct http_connection *newest, *oldest;
    size_t connection_count;
    struct timer retry; /* after an accept that found no memory or descriptor */
    bool is_listening, is_draining, is_reported;
    int64_t date_s; /* of date_text */
    char date_text[32];
};

/* Serve on a bound descriptor, which it takes over. loop, options->tls: borrowed until on_closed.
 * STATUS_UNAVAILABLE: listen.bind. */
NODISCARD enum status http_server_start(struct http_server *server, struct loop *loop, int fd,
                                        const struct http_server_options *options,
                                        const struct exchange_handler *handler, struct diag *diag);

/* Have new connections use another context; those that are there keep theirs. tls is borrowed like
 * that of the options, which may go now. */
void http_server_set_tls(struct http_server *server, struct tls_context *tls);

/* Accept nothing new, close idle connections, let running exchanges finish. on_closed (may be NULL)
 * is called once when the last connection is gone; only then may the server's storage go. */
void http_server_drain(struct http_server *server, void (*on_closed)(void *context), void *context);

/* Like drain, but running exchanges are told that their client is gone. */
void http_server_close(struct http_server *server, void (*on_closed)(void *context), void *context);

#endif
