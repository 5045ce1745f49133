/* The sessions of one loop with servers: found, made, and given up. */
#include "core/gateway/client_session.h"
#include "core/gateway/server_session.h"

#include <string.h>

static bool is_idle(const struct server_session *session)
{
    return session->state != SERVER_SESSION_OPENING && session->user_count == 0;
}

static void evict(struct server_session **at)
{
    struct server_session *session = *at;
    *at = session->next;
    session->gateway->session_count--;
    server_session_free(session);
}

/* Does somebody listen to what its server says? */
static bool has_stream(const struct server_session *session)
{
    return server_stream_is_open(session);
}

static bool is_better_to_evict(const struct server_session *session,
                               const struct server_session *than)
{
    return has_stream(session) != has_stream(than) ? has_stream(than)
                                                   : session->used_ms < than->used_ms;
}

/* Make room: of those that nobody listens to, or else of all, the one goes that was idle longest.
 */
static bool evict_one(struct gateway *gateway)
{
    struct server_session **oldest = NULL;
    for (struct server_session **at = &gateway->sessions; *at != NULL; at = &(*at)->next) {
        if (is_idle(*at) && (oldest == NULL || is_better_to_evict(*at, *oldest))) {
            oldest = at;
        }
    }
    if (oldest == NULL) {
        return false;
    }
    evict(oldest);
    return true;
}

/* End what was idle for too long, and come back when the next one may be. */
static void on_sweep(struct timer *timer)
{
    struct gateway *gateway = (struct gateway *)((char *)timer - offsetof(struct gateway, sweep));
    const struct gateway_ports *ports = &gateway->ports;
    int64_t now_ms = ports->clock->mono_ms(ports->clock->context);
    int64_t next_ms = gateway->limits.session_idle_ms;
    for (struct server_session **at = &gateway->sessions; *at != NULL;) {
        int64_t left_ms = (*at)->used_ms + gateway->limits.session_idle_ms - now_ms;
        bool is_left = left_ms <= 0 && !has_stream(*at);
        if (is_idle(*at) && (is_left || (*at)->is_over)) {
            evict(at);
            continue;
        }
        next_ms = left_ms > 0 && left_ms < next_ms ? left_ms : next_ms;
        at = &(*at)->next;
    }
    if (gateway->sessions != NULL) {
        ports->timer->start(ports->timer->context, &gateway->sweep, next_ms);
    }
}

static void start_sweep(struct gateway *gateway)
{
    const struct port_timer *port = gateway->ports.timer;
    if (gateway->sweep.due_ms == 0) {
        gateway->sweep.fire = on_sweep;
        port->start(port->context, &gateway->sweep, gateway->limits.session_idle_ms);
    }
}

static void remove_session(struct server_session *session)
{
    struct server_session **at = &session->gateway->sessions;
    while (*at != session) {
        at = &(*at)->next;
    }
    evict(at);
}

void server_session_leave(struct server_session *session)
{
    const struct port_clock *clock = session->gateway->ports.clock;
    session->user_count--;
    session->used_ms = clock->mono_ms(clock->context);
    if (session->is_over && session->user_count == 0) {
        remove_session(session);
    }
}

void server_sessions_end(struct client_session *client)
{
    struct server_session *next = NULL;
    for (struct server_session *s = client->gateway->sessions; s != NULL; s = next) {
        next = s->next;
        if (s->client == client) {
            s->client = NULL;
            s->is_over = true;
            if (s->user_count == 0) {
                remove_session(s);
            }
        }
    }
}

/* Is what the client can be asked said in the session, or with each request? */
static bool tells(const struct server_session *session,
                  const struct mcp_client_capabilities *declared)
{
    return session->client != NULL || session->is_modern ||
           server_session_server(session)->revision == MCP_2026_07_28 ||
           mcp_capabilities_are_same(&session->declared, declared);
}

static struct server_session *find_session(const struct gateway *gateway, uint32_t server_index,
                                           const struct principal *caller,
                                           const struct client_session *client,
                                           const struct mcp_client_capabilities *declared)
{
    for (struct server_session *s = gateway->sessions; s != NULL; s = s->next) {
        if (s->server_index == server_index && s->client == client && !s->is_over &&
            memcmp(s->principal->digest, caller->digest, sizeof(caller->digest)) == 0 &&
            tells(s, declared)) {
            return s;
        }
    }
    return NULL;
}

bool server_session_is_ready(const struct gateway *gateway, uint32_t server_index,
                             const struct principal *caller, const struct client_session *client,
                             const struct mcp_client_capabilities *declared)
{
    const struct server_session *session =
        find_session(gateway, server_index, caller, client, declared);
    return session != NULL && session->state == SERVER_SESSION_READY;
}

struct server_session *server_session_get(struct gateway *gateway, uint32_t server_index,
                                          struct principal *caller, struct client_session *client,
                                          const struct mcp_client_capabilities *declared)
{
    struct server_session *found = find_session(gateway, server_index, caller, client, declared);
    if (found != NULL) {
        return found;
    }
    if (gateway->session_count >= gateway->limits.sessions && !evict_one(gateway)) {
        return NULL;
    }
    struct server_session *session = base_alloc(sizeof(*session));
    if (session == NULL) {
        return NULL;
    }
    *session = (struct server_session){
        .next = gateway->sessions,
        .gateway = gateway,
        .server_index = server_index,
        .principal = principal_ref(caller),
        .client = client,
        .declared = *declared,
        .children = {.table = &gateway->children},
    };
    /* A server that tells much must not use up what the others need. */
    struct account *account = &gateway->at_servers[server_index].account;
    arena_init(&session->arena, gateway->limits.server_tools_bytes, account);
    buf_init(&session->session_id, SERVER_SESSION_ID_BYTES_MAX, account);
    if (server_session_server(session)->transport == SERVER_TRANSPORT_SSE) {
        server_child_begin(session);
    }
    gateway->sessions = session;
    gateway->session_count++;
    start_sweep(gateway);
    return session;
}

void server_sessions_release(struct gateway *gateway)
{
    gateway->ports.timer->stop(gateway->ports.timer->context, &gateway->sweep);
    while (gateway->sessions != NULL) {
        struct server_session *session = gateway->sessions;
        gateway->sessions = session->next;
        server_session_free(session);
    }
    gateway->session_count = 0;
}
