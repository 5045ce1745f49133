/* server_listen.h: how a modern server tells a session of a legacy client: a subscriptions/listen
 * that the gateway keeps on the session's behalf.
 *
 * The form that the stream of a session (server_stream.h) has there; when there is one, how often
 * it is tried again, and who hears what comes is said there. It asks for the lists that the client
 * may hear of, and for the resources that it is subscribed to. Other resources need another
 * request: the one before goes on until the new one is acknowledged, so that nothing is missed in
 * between. Source: MCP 2026-07-28, subscriptions.
 */
#ifndef AEGIS_CORE_GATEWAY_SERVER_LISTEN_H
#define AEGIS_CORE_GATEWAY_SERVER_LISTEN_H

#include "core/gateway/child.h"
#include "core/gateway/gateway.h"

struct server_session;

/* One request. */
struct server_listen {
    struct child child; /* of the session */
    struct server_session *session;
    struct upstream_call *handle;
    int64_t id;
    int64_t begun_ms; /* monotonic */
    bool is_acknowledged;
};

/* Those of one session: one, or two while the second takes over. */
struct server_listens {
    struct server_listen slots[2];
    bool is_outdated; /* the one that is not acknowledged yet asks for too little, or too much */
};

/* Is there something to ask for? */
bool server_listen_has_wish(const struct server_session *session);

/* Is one under way? */
bool server_listen_is_open(const struct server_session *session);

/* Ask, in place of the request before, if there is one. Not OK: nothing has changed. */
NODISCARD enum status server_listen_open(struct server_session *session);

/* End it. */
void server_listen_close(struct server_session *session);

#endif
