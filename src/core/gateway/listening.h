/* listening.h: subscriptions/listen of a modern client (MCP 2026-07-28, subscriptions).
 *
 * One operation with a stream that stays open: it listens at the servers of the endpoint that speak
 * the same revision, each with a request and an id of its own, and tells its client under the
 * client's id what all of them say, as far as it was wished for and may be heard. It ends with its
 * client, with the token, when the last server has ended, and when the gateway stops.
 */
#ifndef AEGIS_CORE_GATEWAY_LISTENING_H
#define AEGIS_CORE_GATEWAY_LISTENING_H

#include "core/gateway/child.h"
#include "core/gateway/gateway.h"

#define LISTENING_MS_MAX ((int64_t)24 * 3600000) /* whatever the token says */

struct operation;
struct server_session;

/* A resource that the client wants to hear of. */
struct listened {
    struct slice uri; /* in normal form */
    bool is_wanted;   /* and may be heard of */
    bool is_honoured; /* its server has said so */
    bool is_denied;   /* the last news of it was, and that is recorded */
};

/* At one server. */
struct listener_at {
    struct child child; /* of the operation */
    struct operation *operation;
    struct server_session *session; /* held by the operation's part */
    struct upstream_call *handle;
    int64_t id;               /* of our request */
    uint32_t asked, honoured; /* mcp_offer */
    bool is_acknowledged;
};

struct listening {
    uint32_t wanted; /* mcp_offer: of the lists */
    struct listened *resources;
    size_t resource_count;
    struct listener_at *servers;
    size_t server_count, running_count;
    bool is_told; /* the client knows what is listened to */
    bool is_over; /* end it, once who calls has returned */
};

/* The loop is about to stop. */
void listening_drain(struct gateway *gateway);

#endif
