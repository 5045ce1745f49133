#include "core/gateway/cut_off.h"

#include "core/gateway/client_session.h"
#include "core/gateway/client_stream.h"
#include "core/gateway/held_call.h"
#include "core/gateway/operation.h"

static bool is_out(const struct gateway *gateway, const struct principal *principal)
{
    const struct port_clock *clock = gateway->ports.clock;
    return principal != NULL && revocations_find(gateway->snapshot->revocations, principal,
                                                 clock->wall_ms(clock->context) / 1000) != NULL;
}

/* -- operations ---------------------------------------------------------------------------- */

/* First all are marked and then stopped, because to stop one may end others, or begin with what its
 * client sent behind it. */
static void mark_operations(struct gateway *gateway)
{
    for (struct operation *op = gateway->operations; op != NULL; op = op->next) {
        op->is_cut_off = !op->is_dead && is_out(gateway, op->principal);
    }
}

static struct operation *find_marked(const struct gateway *gateway)
{
    struct operation *op = gateway->operations;
    while (op != NULL && !op->is_cut_off) {
        op = op->next;
    }
    return op;
}

static void cut_off_operations(struct gateway *gateway)
{
    mark_operations(gateway);
    for (struct operation *op = find_marked(gateway); op != NULL; op = find_marked(gateway)) {
        op->is_cut_off = false;
        if (op->held.is_held) {
            held_call_end(op, AUDIT_AUTH_REJECT, SLICE("token.revoked"));
        } else {
            operation_stop(op, STATUS_UNAUTHENTICATED);
        }
    }
}

/* -- sessions ------------------------------------------------------------------------------ */

/* The first stream in the sessions from there on whose connection is to end. */
static struct client_stream *find_stream(const struct gateway *gateway,
                                         const struct client_session *session)
{
    for (; session != NULL; session = session->next) {
        for (struct client_stream *at = session->streams; at != NULL; at = at->next) {
            if (at->exchange != NULL && is_out(gateway, at->principal)) {
                return at;
            }
        }
    }
    return NULL;
}

static struct client_session *find_session(const struct gateway *gateway,
                                           struct client_session *session)
{
    while (session != NULL && !is_out(gateway, session->principal)) {
        session = session->next;
    }
    return session;
}

/* A session goes on with other tokens of its caller than the one that it was opened with. When that
 * one is revoked, it ends; when another is, whoever came with that loses his connection. Buckets
 * are short, and are looked at from the front again after each end. */
static void cut_off_sessions(struct gateway *gateway, struct client_session *const *bucket)
{
    struct client_session *session = find_session(gateway, *bucket);
    for (; session != NULL; session = find_session(gateway, *bucket)) {
        client_session_end(session);
    }
    struct client_stream *stream = find_stream(gateway, *bucket);
    for (; stream != NULL; stream = find_stream(gateway, *bucket)) {
        client_stream_cut_off(stream);
    }
}

void cut_off_revoked(struct gateway *gateway)
{
    if (revocations_count(gateway->snapshot->revocations) == 0) {
        return;
    }
    cut_off_operations(gateway);
    for (size_t i = 0; i < GATEWAY_CALLER_BUCKETS; i++) {
        cut_off_sessions(gateway, &gateway->clients[i]);
    }
}
