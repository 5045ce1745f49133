/* server_session.h: what one loop knows of one server on behalf of one caller, or of one session of
 * a legacy client.
 *
 * A legacy server hears once and for all what its client can be asked, so a caller has a session
 * with it for each set of capabilities that he declares; a modern one hears it with each request.
 *
 * Opening finds the era (the one of the client is tried first), does the handshake and reads the
 * tools' definitions, which type the arguments that policies see. Operations wait for that in one
 * queue: however many arrive, the server is asked once. Sessions of different callers are never
 * shared.
 */
#ifndef AEGIS_CORE_GATEWAY_SERVER_SESSION_H
#define AEGIS_CORE_GATEWAY_SERVER_SESSION_H

#include "core/gateway/call.h"
#include "core/gateway/server_stream.h"
#include "core/gateway/tool_index.h"
#include "core/mcp/capabilities.h"
#include "core/mcp/log_level.h"
#include "core/mcp/offers.h"
#include "core/policy/schema_check.h"

#define SERVER_SESSION_ID_BYTES_MAX 512
#define SERVER_SESSION_FIELDS_MAX 2
#define SERVER_SESSION_INSTRUCTIONS_BYTES_MAX ((size_t)6 << 10)
#define SERVER_SESSION_LATE_MS 30000 /* what missed a merged list is left out of others so long */
#define SERVER_SESSION_RETRY_MS                                                                    \
    2000 /* after a failed opening, so that a dead server costs little */

struct listener_at;

enum server_session_state {
    SERVER_SESSION_NEW = 0,
    SERVER_SESSION_OPENING,
    SERVER_SESSION_READY,
    SERVER_SESSION_FAILED,
};

enum server_session_step {
    SERVER_STEP_DISCOVER,
    SERVER_STEP_INITIALIZE,
    SERVER_STEP_INITIALIZED,
    SERVER_STEP_TOOLS,
    SERVER_STEP_SUBSCRIBE,
};

/* A queued wish to use the session, a child of who waits. */
struct session_waiter {
    struct child child;
    struct session_waiter *next;
    struct server_session *session;
    /* Once, unless cancelled: the session is ready (STATUS_OK) or why not (diag). */
    void (*ready)(struct session_waiter *waiter, enum status status, const struct diag *diag);
};

/* A program that is configured without a revision, and not known yet, is asked for its versions. */
enum server_probe {
    SERVER_PROBE_NONE = 0, /* it is known, or has refused the question */
    SERVER_PROBE_ASKING,
    SERVER_PROBE_SILENT, /* it has not answered in time, and may not have begun to read */
    SERVER_PROBE_GOOD,   /* it speaks the modern one; a legacy client tries a handshake first */
};

struct server_session {
    struct server_session *next;
    struct gateway *gateway;
    uint32_t server_index;
    struct principal *principal;   /* of the caller, as it was opened; one reference */
    struct client_session *client; /* a legacy client's session that it is for, or NULL */
    bool is_over; /* that session ended, or it failed: cannot be found, goes with its last user */
    enum server_session_state state;
    enum server_session_step step;
    enum mcp_revision revision;
    struct mcp_client_capabilities declared;     /* by the client that it is for */
    struct mcp_client_capabilities client_offer; /* of these, what a legacy server hears of */
    bool is_lost;                                /* the server does not know it any more */
    bool is_modern;
    bool has_tried;          /* the other era, when its own step began */
    bool may_be_sse;         /* it took no handshake by POST */
    enum server_probe probe; /* while it opens */
    bool may_end_over_probe; /* the program was asked before its handshake: some take that ill */
    bool was_asked_again;    /* for its version, while it opens */
    bool has_stale_tools;    /* the server has others by now: read them at the next use */
    bool is_rereading;       /* that is what opening means; calls go on meanwhile */
    uint32_t offers;         /* mcp_offer */
    bool drops_extension;    /* it has extensions that are not let through */
    bool drops_capability;   /* and capabilities of that kind */
    bool has_unknown_notice; /* it told something that no revision has, and that is recorded */
    enum mcp_log_level log_level; /* a legacy server's: what it was told to send, or NONE */
    struct slice instructions; /* for the model, a JSON string; empty: none, or too long to keep */
    struct buf session_id;     /* legacy HTTP */
    uint64_t child;            /* stdio, or HTTP with SSE; 0: none (server_child.h) */
    bool shares_child;         /* with sessions of others */
    int64_t used_ms, failed_ms;
    int64_t late_ms; /* when it last missed the time of a merged list; 0: never, or it has opened */
    uint32_t user_count;     /* operations that hold it: not to be evicted */
    uint32_t asking_count;   /* of these, calls whose modern client has been asked (held_call.h) */
    struct arena arena;      /* definitions; renewed by every reading of them */
    struct tool_page *pages; /* in the server's order */
    size_t page_count;
    struct tool_index tools;  /* of all pages, once the session is ready */
    struct children children; /* call, while it opens, replies and stream */
    struct call call;
    struct server_stream stream;
    struct listener_at *listeners;  /* modern clients' at a legacy server, newest first */
    uint32_t reply_count;           /* server_reply.h: under way, besides the call */
    struct diag diag;               /* why it failed */
    struct session_waiter *waiters; /* newest first */
    struct session_waiter *waking;  /* their turn has come */
};

/* End whatever it has under way, and free it; for server_sessions.c, which has the functions that
 * find sessions and give them up: get, leave, end and release. */
void server_session_free(struct server_session *session);

/* The session of a caller with a server, made when there is none; client and declared as above.
 * NULL when there is no memory or limits.sessions sessions are all in use. */
struct server_session *server_session_get(struct gateway *gateway, uint32_t server_index,
                                          struct principal *caller, struct client_session *client,
                                          const struct mcp_client_capabilities *declared);

/* Can that session be used at once? Makes none. */
bool server_session_is_ready(const struct gateway *gateway, uint32_t server_index,
                             const struct principal *caller, const struct client_session *client,
                             const struct mcp_client_capabilities *declared);

/* Who counted himself in user_count uses it no more; from now on it is idle, perhaps. */
void server_session_leave(struct server_session *session);

/* STATUS_OK: ready now. STATUS_CONFLICT: not yet, waiter runs as a child of owner and its ready,
 * which must be set, will be called. Other statuses: the last opening failed a moment ago (diag).
 */
NODISCARD enum status server_session_open(struct server_session *session, struct children *owner,
                                          struct session_waiter *waiter, struct diag *diag);

/* Open it anew, although nobody waits for it but who listens to its stream. */
void server_session_renew(struct server_session *session);

/* False while the session is opened anew or failed to be: what was decided by its definitions is
 * not sent into another one (diag: STATUS_UNAVAILABLE). */
bool server_session_is_usable(const struct server_session *session, struct diag *diag);

/* Are arguments of that tool repeated in header fields, perhaps? */
bool server_session_has_parameters(const struct server_session *session, struct json_place tool);

/* The fields of a request in the session of a legacy server; returns how many. */
size_t server_session_fields(const struct server_session *session,
                             struct http_field fields[SERVER_SESSION_FIELDS_MAX]);

/* The server gave a session id with an answer. */
void server_session_take_id(struct server_session *session, struct slice session_id);

/* The server missed the time of a merged list. */
void server_session_note_late(struct server_session *session);

/* It did so a moment ago, or has been opening ever since: another list need not wait for it. */
bool server_session_is_late(const struct server_session *session);

/* The server does not know the session any more, or failed in it: open anew at the next use. Calls
 * of a modern client that still run in it go on there. */
void server_session_forget(struct server_session *session);

/* A program has ended, and with it what was agreed with it: the next use opens anew. */
void server_session_child_gone(struct gateway *gateway, uint32_t server_index, uint64_t child);

const struct gateway_server *server_session_server(const struct server_session *session);

/* A legacy client's session ended, and with it all sessions with servers that are for it. */
void server_sessions_end(struct client_session *client);

/* Release all sessions of the gateway. */
void server_sessions_release(struct gateway *gateway);

#endif
