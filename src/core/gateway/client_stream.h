/* client_stream.h: events to a client of a legacy session, who may lose the connection and come
 * back.
 *
 * A stream is the standalone one, opened by a GET, or that of one request. It takes over the
 * exchange, numbers its events and keeps the last ones, so that a client that names the last event
 * it got (Last-Event-ID) gets the rest, on a connection of its own. A comment now and then keeps a
 * connection alive and finds clients that are gone. A client that does not keep up loses the
 * connection, never the memory of the gateway. A connection ends when what it was opened with
 * expires, the token or the client's certificate. What nobody comes back for goes after a while.
 * Source: MCP 2025-11-25, transports, resumability.
 */
#ifndef AEGIS_CORE_GATEWAY_CLIENT_STREAM_H
#define AEGIS_CORE_GATEWAY_CLIENT_STREAM_H

#include "core/gateway/client_session.h"

struct client_event; /* client_stream.c */

/* Who listens, and where: what servers say without being asked is judged and chosen by that. All
 * borrowed. */
struct client_listener {
    struct principal *principal;
    uint32_t server_index; /* or OPERATION_ALL_SERVERS */
    struct slice target_path, view, peer_ip;
    struct client_certificate *certificate; /* NULL: none */
    bool is_tls;
};

struct client_stream {
    struct client_stream *next; /* of the session, newest first */
    struct client_session *session;
    struct exchange *exchange; /* NULL: nobody is connected. With one the session is held */
    uint64_t number;           /* in the session */
    uint64_t last_sequence;    /* of its events */
    struct client_event *events, *last_event; /* kept, oldest first */
    size_t event_count;
    struct principal *principal;      /* that was connected last, by his token; one reference */
    int64_t ends_at_s;                /* his connection: with his token, or with his certificate */
    struct client_listener *listener; /* of the standalone one, always; else NULL */
    struct timer timer;               /* of the next comment, or of the end of what nobody reads */
    bool is_standalone;
    bool is_running; /* a request is still to be answered on it */
};

/* Begin the standalone stream of a session, in place of one that nobody is connected to: takes over
 * the exchange, whose answer is about to begin, and copies listener. STATUS_LIMIT: no memory, and
 * nothing has changed. */
NODISCARD enum status client_stream_open(struct client_session *session, struct exchange *exchange,
                                         const struct client_listener *listener);

/* Begin the stream of a request, whose operation lets go of it with client_stream_finish or
 * client_stream_break. NULL: no memory, and nothing has changed. */
struct client_stream *client_stream_begin(struct client_session *session, struct exchange *exchange,
                                          const struct client_listener *listener);

/* The first event of the stream of a request, without a message: from then on the client can come
 * back. */
void client_stream_prime(struct client_stream *stream);

/* Send one message: now, or when the client comes back. */
void client_stream_send(struct client_stream *stream, struct slice json);

/* Send bytes that are events already; they are not kept. */
void client_stream_pass(struct client_stream *stream, struct slice events);

/* Send the answer: the last event. */
void client_stream_finish(struct client_stream *stream, struct slice json);

/* There will be no answer: break off, and forget it. */
void client_stream_break(struct client_stream *stream);

/* End it cleanly and forget it. */
void client_stream_end(struct client_stream *stream);

/* The stream of a session that has the event of that id, and all that came after it. NULL: there is
 * none. */
struct client_stream *client_stream_find(struct client_session *session, struct slice event_id);

/* Who comes back to a standalone stream listens from now on. STATUS_LIMIT: no memory, and nothing
 * has changed. */
NODISCARD enum status client_stream_relisten(struct client_stream *stream,
                                             const struct client_listener *listener);

/* Go on with it after that event: takes over the exchange, whose answer has begun. Who was
 * connected before has lost it. */
void client_stream_resume(struct client_stream *stream, struct slice event_id,
                          struct exchange *exchange, const struct client_listener *listener);

/* The token of who is connected is none any more: he loses the connection, as when it expires. The
 * stream may end here, and with it the session. */
void client_stream_cut_off(struct client_stream *stream);

#endif
