/* subscription.h: the resources that a session of a legacy client is subscribed to.
 *
 * Kept with the client's session, not with those of servers: one that is opened anew with a server
 * is told again. An entry is made before the server hears of it, since news may come before its
 * answer, and goes when the server does not agree. Source: MCP 2025-11-25, resources,
 * subscriptions.
 */
#ifndef AEGIS_CORE_GATEWAY_SUBSCRIPTION_H
#define AEGIS_CORE_GATEWAY_SUBSCRIPTION_H

#include "core/gateway/client_session.h"

struct operation;

struct subscription {
    struct subscription *next;
    uint32_t server_index;
    bool is_told;    /* to the session with the server that is open, or opens */
    bool is_agreed;  /* a modern server has said that it will tell of it */
    bool is_unheard; /* it has not, and that is recorded */
    bool is_denied;  /* the last news of it was, and that is recorded */
    size_t len;
    uint8_t uri[]; /* in normal form */
};

/* Before the server of the operation hears that its target is subscribed to. STATUS_LIMIT: too
 * many, or no memory. */
NODISCARD enum status subscription_add(struct operation *operation);

/* The operation is over: keep or drop what it was about, as the server answered. */
void subscription_settle(struct operation *operation);

/* Is uri that resource, or a part of it: does its address go on where that one's ends? */
bool subscription_is_part(struct slice whole, struct slice uri);

/* The entry that news of a resource are for, or NULL. A resource may be a part of the one that was
 * subscribed to: then its address goes on where that one's ends. */
struct subscription *subscription_find(struct client_session *client, uint32_t server_index,
                                       struct slice uri);

/* The session with a server is opened anew, and knows of none. */
void subscriptions_forget(struct client_session *client, uint32_t server_index);

/* One that the server's session was not told, or NULL; it counts as told from now on. */
struct subscription *subscription_next(struct client_session *client, uint32_t server_index);

/* The session is over. */
void subscriptions_release(struct client_session *client);

#endif
