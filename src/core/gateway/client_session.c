#include "core/gateway/client_session.h"

#include "core/gateway/client_pages.h"
#include "core/gateway/client_stream.h"
#include "core/gateway/client_tasks.h"
#include "core/gateway/operation.h"
#include "core/gateway/subscription.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define CHANGE_BYTES_MAX 256

/* All sessions of one caller lie in one bucket. The digest is a cryptographic hash, so any of its
 * bytes spreads well. */
static struct client_session **bucket_of(struct gateway *gateway, const uint8_t *digest)
{
    return &gateway->clients[digest[0] % GATEWAY_CALLER_BUCKETS];
}

static int64_t now_ms(const struct gateway *gateway)
{
    return gateway->ports.clock->mono_ms(gateway->ports.clock->context);
}

static void unlink_session(struct client_session *session)
{
    struct client_session **at = bucket_of(session->gateway, session->digest);
    while (*at != session) {
        at = &(*at)->next;
    }
    *at = session->next;
    session->gateway->client_count--;
}

static void free_session(struct client_session *session)
{
    assert(session->user_count == 0 && session->streams == NULL);
    list_changes_end(&session->changes);
    client_pages_release(session);
    client_tasks_release(session);
    subscriptions_release(session);
    account_release(&session->account, sizeof(*session));
    assert(session->account.used_bytes == 0);
    caller_leave(session->gateway, session->caller);
    principal_unref(session->principal);
    base_free(session);
}

void client_session_leave(struct client_session *session)
{
    if (session == NULL) {
        return;
    }
    session->user_count--;
    session->used_ms = now_ms(session->gateway);
    if (session->is_over && session->user_count == 0) {
        free_session(session);
    }
}

bool client_session_tell(struct client_session *session, struct slice json)
{
    if (session->stream == NULL) {
        return false;
    }
    client_stream_send(session->stream, json);
    return true;
}

/* Written anew: nothing that the server added goes on. */
static void tell_changes(struct list_changes *changes, uint32_t lists)
{
    struct client_session *session =
        (struct client_session *)((char *)changes - offsetof(struct client_session, changes));
    session->user_count++; /* it may end with its stream */
    for (size_t i = 0; i < LISTEN_LISTS; i++) {
        struct buf json;
        buf_init(&json, CHANGE_BYTES_MAX, NULL);
        buf_append(&json, SLICE("{\"jsonrpc\":\"2.0\",\"method\":"));
        buf_append_json_string(&json, LISTEN_LIST[i].method);
        buf_append_byte(&json, '}');
        if ((lists & LISTEN_LIST[i].offer) != 0 && buf_status(&json) == STATUS_OK) {
            (void)client_session_tell(session, buf_view(&json));
        }
        buf_release(&json);
    }
    client_session_leave(session);
}

/* Those of requests that wait for their last record are left to them. */
static void end_streams(struct client_session *session)
{
    struct client_stream *stream = session->streams;
    while (stream != NULL) {
        if (stream->is_running) {
            stream = stream->next;
        } else {
            client_stream_end(stream);
            stream = session->streams;
        }
    }
}

void client_session_end(struct client_session *session)
{
    assert(!session->is_over);
    session->user_count++;
    session->is_over = true;
    unlink_session(session);
    operation_cancel_session(session);
    end_streams(session);
    server_sessions_end(session);
    client_session_leave(session);
}

/* End the session that nobody has used for longest: of that caller, or of any (NULL). */
static bool evict_one(struct gateway *gateway, const uint8_t *digest)
{
    struct client_session *oldest = NULL;
    for (size_t i = 0; i < GATEWAY_CALLER_BUCKETS; i++) {
        for (struct client_session *at = gateway->clients[i]; at != NULL; at = at->next) {
            bool is_meant = digest == NULL || memcmp(at->digest, digest, sizeof(at->digest)) == 0;
            if (is_meant && at->user_count == 0 &&
                (oldest == NULL || at->used_ms < oldest->used_ms)) {
                oldest = at;
            }
        }
    }
    if (oldest != NULL) {
        client_session_end(oldest);
    }
    return oldest != NULL;
}

/* One caller cannot take the places of the others, but for as many as he may have himself. */
static bool make_room(struct gateway *gateway, const uint8_t *digest)
{
    size_t own_count = 0;
    for (struct client_session *at = *bucket_of(gateway, digest); at != NULL; at = at->next) {
        own_count += memcmp(at->digest, digest, sizeof(at->digest)) == 0 ? 1 : 0;
    }
    if (own_count >= gateway->limits.principal_sessions) {
        return evict_one(gateway, digest);
    }
    return gateway->client_count < gateway->limits.client_sessions || evict_one(gateway, NULL);
}

/* End what was idle for too long, and come back when the next one may be. */
static void on_sweep(struct timer *timer)
{
    struct gateway *gateway =
        (struct gateway *)((char *)timer - offsetof(struct gateway, client_sweep));
    const struct port_timer *port = gateway->ports.timer;
    int64_t now = now_ms(gateway);
    int64_t next_ms = gateway->limits.client_session_idle_ms;
    for (size_t i = 0; i < GATEWAY_CALLER_BUCKETS; i++) {
        struct client_session *next = NULL;
        for (struct client_session *at = gateway->clients[i]; at != NULL; at = next) {
            int64_t left_ms = at->used_ms + gateway->limits.client_session_idle_ms - now;
            next = at->next;
            if (at->user_count == 0 && left_ms <= 0) {
                client_session_end(at);
            } else if (left_ms > 0 && left_ms < next_ms) {
                next_ms = left_ms;
            }
        }
    }
    if (gateway->client_count > 0) {
        port->start(port->context, &gateway->client_sweep, next_ms);
    }
}

static void start_sweep(struct gateway *gateway)
{
    const struct port_timer *port = gateway->ports.timer;
    if (gateway->client_sweep.due_ms == 0) {
        gateway->client_sweep.fire = on_sweep;
        port->start(port->context, &gateway->client_sweep, gateway->limits.client_session_idle_ms);
    }
}

struct client_session *client_session_new(struct gateway *gateway,
                                          const struct session_token *token,
                                          struct principal *principal)
{
    if (!make_room(gateway, token->caller)) {
        return NULL;
    }
    struct client_session *session = base_alloc(sizeof(*session));
    if (session == NULL) {
        return NULL;
    }
    *session =
        (struct client_session){.gateway = gateway,
                                .revision = token->revision,
                                .changes = {.port = gateway->ports.timer,
                                            .moment_ms = gateway->limits.list_changes_ms,
                                            .tell = tell_changes},
                                .used_ms = now_ms(gateway),
                                .account = {.parent = &gateway->account,
                                            .limit_bytes = gateway->limits.client_session_bytes}};
    memcpy(session->nonce, token->nonce, sizeof(session->nonce));
    memcpy(session->digest, token->caller, sizeof(session->digest));
    session->caller = caller_enter(gateway, session->digest, &session->account);
    if (session->caller == NULL ||
        account_charge(&session->account, sizeof(*session)) != STATUS_OK) {
        caller_leave(gateway, session->caller);
        base_free(session);
        return NULL;
    }
    session->principal = principal_ref(principal);
    struct client_session **bucket = bucket_of(gateway, session->digest);
    session->next = *bucket;
    *bucket = session;
    gateway->client_count++;
    start_sweep(gateway);
    return session;
}

struct client_session *client_session_enter(struct gateway *gateway,
                                            const struct session_token *token)
{
    struct client_session *session = *bucket_of(gateway, token->caller);
    while (session != NULL &&
           (memcmp(session->nonce, token->nonce, sizeof(session->nonce)) != 0 ||
            memcmp(session->digest, token->caller, sizeof(session->digest)) != 0)) {
        session = session->next;
    }
    if (session != NULL) {
        session->user_count++;
    }
    return session;
}

void client_sessions_drain(struct gateway *gateway)
{
    for (size_t i = 0; i < GATEWAY_CALLER_BUCKETS; i++) {
        for (struct client_session *at = gateway->clients[i]; at != NULL; at = at->next) {
            if (at->stream != NULL) {
                client_stream_end(at->stream);
            }
        }
    }
}

void client_sessions_release(struct gateway *gateway)
{
    const struct port_timer *port = gateway->ports.timer;
    port->stop(port->context, &gateway->client_sweep);
    for (size_t i = 0; i < GATEWAY_CALLER_BUCKETS; i++) {
        while (gateway->clients[i] != NULL) {
            client_session_end(gateway->clients[i]);
        }
    }
}
