/* server_stream.h: the stream on which a server tells, and asks, what belongs to no request.
 *
 * One for each session with a server that is for a session of a client, as long as that client
 * listens on a stream of its own, or with a legacy server, as long as modern clients listen
 * (listening.h), and the server may have something to say there: a legacy HTTP
 * server is asked for it with a GET, its child has it as it is, and a modern server is asked to
 * tell of changes (server_listen.h). A stream that ends is opened again where it ended, after the
 * time the server wants, and after longer ones when that fails; a server that has none is not asked
 * again. What comes is judged: a question of the server is an operation of its own
 * (standing_stages.c), a ping is answered here, and notices go to the client as far as they are for
 * it. A session that is over while its client listens is opened anew. Source: MCP 2025-11-25,
 * transports, listening for messages.
 */
#ifndef AEGIS_CORE_GATEWAY_SERVER_STREAM_H
#define AEGIS_CORE_GATEWAY_SERVER_STREAM_H

#include "core/gateway/child.h"
#include "core/gateway/gateway.h"
#include "core/gateway/server_listen.h"

#define SERVER_STREAM_EVENT_ID_BYTES_MAX 512
#define SERVER_STREAM_RETRY_MS 1000 /* before it is opened again, when the server does not say */
#define SERVER_STREAM_RETRY_MS_MAX 60000
#define SERVER_STREAM_FAILURES_MAX 10   /* in a row, without an event */
#define SERVER_STREAM_SILENCE_MS 300000 /* then it is opened anew: the server may be gone */
#define SERVER_STREAM_QUESTIONS_MAX 16  /* of one server, not answered yet */
#define SERVER_STREAM_BYTES_MAX ((size_t)32 << 20) /* memory for one message */

struct client_session;
struct operation;
struct server_session;

struct server_stream {
    struct child child; /* of the session; runs while the stream is open */
    struct upstream_call *handle;
    struct timer retry; /* armed while it waits to be opened again */
    int64_t retry_ms;   /* as the server wants; 0: it has not said */
    uint32_t failure_count;
    bool was_open; /* in this session: a 404 then says that the session is over */
    bool is_over;  /* the server has none, or broke a rule: until the session is opened anew */
    size_t event_id_len;
    uint8_t event_id[SERVER_STREAM_EVENT_ID_BYTES_MAX];
    struct server_listens listens; /* of a modern server, in place of child */
};

/* Can the session have one? Only then does its server tell us of changes. */
bool server_stream_is_possible(const struct server_session *session);

/* Is it open? */
bool server_stream_is_open(const struct server_session *session);

/* Is what the server has of that kind on the endpoint where the client listens? */
bool server_stream_covers(const struct server_session *session, enum mcp_primitive primitive);

/* Open the stream of a session if there is cause for it, and it is not open. */
void server_stream_begin(struct server_session *session);

/* Its client wants so much of the log: a legacy server whose stream is open is told, since there
 * may be no call that tells it. */
void server_stream_tell_level(struct server_session *session);

/* Its client is subscribed to other resources than before; for modern servers, which are asked for
 * all of them at once. */
void server_stream_refilter(struct server_session *session);

/* Close it: the session is over, or opened anew. */
void server_stream_end(struct server_session *session);

/* The session is over, or could not be opened: open it anew in a while, when somebody listens. */
void server_stream_renew(struct server_session *session);

/* Somebody listens no longer: close it when that was the last one. */
void server_stream_leave(struct server_session *session);

/* The same for all sessions with servers that are for a client's: it begins to listen, or does so
 * no longer. */
void server_streams_begin(struct client_session *client);
void server_streams_end(struct client_session *client);

/* A legacy server tells of a change on the stream of a request; well-formed. It goes to the client
 * when who calls has returned. What is no such notice is dropped. */
void server_stream_take_change(struct server_session *session, const struct json_tape *tape);

/* A message came that is for no call and on no stream, of a child or beside another answer. If it
 * asks something, that is asked as if it came on the stream, or refused; else it is nobody's. */
void server_stream_take_aside(struct server_session *session, struct slice json);

/* An operation on whose behalf a question whose call is over goes on to the client's own stream;
 * NULL: there is none, or too much is asked there. */
struct operation *server_stream_carry(struct server_session *session);

/* For server_listen.c: what is told there; how it ended; that the server broke the protocol. */
void server_stream_hear(struct server_session *session, const struct json_tape *tape);
void server_stream_ended(struct server_session *session, enum status status, int http_status);
void server_stream_broke(struct server_session *session);

#endif
