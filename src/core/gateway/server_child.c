#include "core/gateway/server_child.h"

#include "core/gateway/server_session.h"

#include <string.h>

static struct shared_child *shared_of(const struct server_session *session)
{
    return &session->gateway->at_servers[session->server_index].shared;
}

void server_child_leave(struct server_session *session)
{
    const struct port_upstream *port = session->gateway->ports.upstream;
    struct shared_child *shared = shared_of(session);
    uint64_t number = session->child;
    bool has_others = session->shares_child && --shared->user_count > 0;
    if (session->shares_child && !has_others) {
        *shared = (struct shared_child){0};
    }
    session->child = 0;
    session->shares_child = false;
    if (number != 0 && !has_others) {
        port->close_child(port->context, session->server_index, number);
    }
}

void server_child_begin(struct server_session *session)
{
    server_child_leave(session);
    session->child = ++session->gateway->next_child;
}

void server_child_share(struct server_session *session)
{
    struct shared_child *shared = shared_of(session);
    if (session->shares_child) {
        return;
    }
    if (shared->number == 0) {
        shared->number = session->child != 0 ? session->child : ++session->gateway->next_child;
    } else {
        server_child_leave(session);
    }
    session->child = shared->number;
    session->shares_child = true;
    shared->has_others |= ++shared->user_count > 1;
}

/* Two of them that come out the same share what one may have. */
static uint64_t number_of(const struct principal *caller)
{
    uint64_t number = 0;
    memcpy(&number, caller->digest, sizeof(number));
    return number | 1;
}

void server_child_address(const struct server_session *session, struct upstream_request *request)
{
    request->child = session->child;
    request->caller = session->shares_child ? number_of(session->principal) : 0;
    request->has_others = session->shares_child && shared_of(session)->has_others;
}
