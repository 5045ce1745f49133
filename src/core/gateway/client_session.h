/* client_session.h: what the home loop knows of a session with a legacy client.
 *
 * The sealed id (session_token.h) says that this gateway opened the session for this caller; only
 * what stands here says that it is still open. It ends with a DELETE, when nobody uses it for long,
 * when its caller opens too many others, and with the loop; then its streams end, its requests are
 * cancelled and the sessions with servers that were opened for it go.
 */
#ifndef AEGIS_CORE_GATEWAY_CLIENT_SESSION_H
#define AEGIS_CORE_GATEWAY_CLIENT_SESSION_H

#include "core/gateway/caller.h"
#include "core/gateway/list_changes.h"
#include "core/gateway/session_token.h"
#include "core/mcp/capabilities.h"
#include "core/mcp/log_level.h"

struct client_stream;
struct client_page;
struct client_task;
struct subscription;
struct asking;

struct client_session {
    struct client_session *next; /* in its bucket */
    struct gateway *gateway;
    struct account account; /* of all that it keeps, in that of its principal */
    struct caller *caller;
    uint8_t nonce[SESSION_TOKEN_NONCE_BYTES]; /* of its id */
    uint8_t digest[CALLER_DIGEST_BYTES];      /* of the principal, */
    struct principal *principal;              /* as it opened the session; one reference */
    enum mcp_revision revision;
    struct mcp_client_capabilities capabilities; /* as it declared them */
    struct asking *asked;                        /* what it was asked and has not answered */
    int64_t last_question_id;
    enum mcp_log_level log_level;       /* of the messages it wants; at first none */
    uint32_t offers;                    /* that it was told of in its handshake, mcp_offer */
    struct subscription *subscriptions; /* newest first */
    size_t subscription_count;
    int64_t used_ms;
    uint32_t user_count; /* operations and streams that hold it */
    bool is_over;        /* cannot be found; goes with its last user */
    bool is_linked;      /* HTTP with SSE: answers come on the stream, and it ends with it */
    bool is_initialized; /* revision is agreed */
    struct client_stream *streams; /* newest first */
    struct client_stream *stream;  /* of these the standalone one, or NULL */
    uint64_t last_stream_number;
    struct list_changes changes; /* of lists, on the standalone stream */
    struct client_task *tasks;   /* that it has made, newest first */
    size_t task_count;
    struct client_page *pages; /* that it was asked to open, newest first */
    size_t page_count;
    bool
        has_unknown_page; /* the last notice of one was of no page of these, and that is recorded */
};

/* Open a session for the caller of the token, who is principal. NULL: no memory, or too many
 * sessions in use. */
struct client_session *client_session_new(struct gateway *gateway,
                                          const struct session_token *token,
                                          struct principal *principal);

/* The open session of a token that was opened successfully, held until client_session_leave. NULL:
 * there is none. */
struct client_session *client_session_enter(struct gateway *gateway,
                                            const struct session_token *token);

/* Send what belongs to no request, on the standalone stream; kept there when nobody is connected.
 * False: there is none. The stream, and with it the session, may end here. */
bool client_session_tell(struct client_session *session, struct slice json);

/* NULL is fine. */
void client_session_leave(struct client_session *session);

/* End it: nobody finds it any more. It is freed when nobody holds it, perhaps at once. */
void client_session_end(struct client_session *session);

/* End the standalone streams of all sessions: the loop is about to stop. */
void client_sessions_drain(struct gateway *gateway);

/* End and free all sessions that nobody holds; the others go when they are left. */
void client_sessions_release(struct gateway *gateway);

#endif
