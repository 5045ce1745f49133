/* stdio_server.h: MCP over a pair of byte streams towards one client, usually its standard ones.
 *
 * Each line of the input is one request of exchange.h, as if it had been posted to one endpoint;
 * all answers share the output, one line each, in the order in which they come. Several requests
 * run at once. A legacy client's session is that of the streams: the id which the gateway gives
 * with the handshake is kept here and goes with every later line; what servers say
 * without being asked comes on a GET of our own.
 */
#ifndef AEGIS_ADAPTERS_TRANSPORT_STDIO_SERVER_H
#define AEGIS_ADAPTERS_TRANSPORT_STDIO_SERVER_H

#include "adapters/runtime/loop.h"
#include "adapters/transport/lines.h"
#include "adapters/transport/output.h"
#include "core/ports/exchange.h"

#define STDIO_SERVER_SESSION_BYTES_MAX 256
#define STDIO_SERVER_EXCHANGES_MAX 256

struct stdio_server_events {
    void *context;
    /* The client ended its input (why is NULL), broke off or wrote what cannot be read: the owner
     * drains or closes. At most once, and not after that. */
    void (*on_end)(void *context, const char *why);
    /* A refusal that has no request to answer, as one line of JSON; for the log. */
    void (*on_unanswered)(void *context, struct slice json);
};

struct stdio_server_options {
    int in_fd, out_fd;      /* pipes, sockets or terminals; out_fd may be a file */
    struct slice target;    /* of every request: "/mcp"; borrowed */
    size_t line_bytes_max;  /* of the input */
    size_t queue_bytes_max; /* of unread output; beyond it no input is read and streams are cut */
    size_t exchanges_max;   /* at once; beyond it no input is read */
};

#define STDIO_SERVER_OPTIONS_DEFAULT                                                               \
    {                                                                                              \
        .in_fd = 0, .out_fd = 1, .target = SLICE_INIT("/mcp"), .line_bytes_max = (size_t)4 << 20,  \
        .queue_bytes_max = (size_t)1 << 20, .exchanges_max = STDIO_SERVER_EXCHANGES_MAX            \
    }

struct stdio_exchange;

struct stdio_server {
    struct loop *loop;
    struct stdio_server_options options;
    struct exchange_handler handler;
    struct stdio_server_events events;
    void *context;
    void (*on_closed)(void *context);

    /* private */
    uv_pipe_t in, out;
    struct output output;
    struct lines lines;
    struct stdio_exchange *exchanges;
    size_t exchange_count;
    unsigned handle_count;
    struct slice session; /* of a legacy client, in session_text; empty before its handshake */
    uint8_t session_text[STDIO_SERVER_SESSION_BYTES_MAX];
    bool is_reading, is_ended, is_draining, is_closing;
};

/* Serve on the two descriptors of options, which it takes over. STATUS_UNAVAILABLE: stdio.open. */
NODISCARD enum status stdio_server_start(struct stdio_server *server, struct loop *loop,
                                         const struct stdio_server_options *options,
                                         const struct exchange_handler *handler,
                                         const struct stdio_server_events *events,
                                         struct diag *diag);

/* Read nothing more; when all requests are answered and the answers read, close. on_closed is
 * called once when the streams are closed; only then may the server's storage go. */
void stdio_server_drain(struct stdio_server *server, void (*on_closed)(void *context),
                        void *context);

/* Like drain, but running requests are told that their client is gone. */
void stdio_server_close(struct stdio_server *server, void (*on_closed)(void *context),
                        void *context);

#endif
