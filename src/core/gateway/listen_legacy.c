/* A modern client listens at a legacy server: to what the caller's session with it is told there,
 * on its stream and on those of calls. The session is the one that his calls run in, since some
 * servers tell each session of its own changes only; so several listeners may share it. */
#include "core/gateway/listening.h"
#include "core/gateway/server_reply.h"

#include <stddef.h>

static struct listener_at *listener_of(struct child *child)
{
    return (struct listener_at *)((char *)child - offsetof(struct listener_at, child));
}

static bool is_here(const struct listener_at *at, const struct listened *resource)
{
    return resource->is_wanted && resource->server_index == at->session->server_index;
}

/* -- leaving ------------------------------------------------------------------------------- */

static bool is_heard_by(const struct listener_at *at, struct slice uri)
{
    const struct listening *listening = at->operation->listening;
    for (size_t i = 0; i < listening->resource_count; i++) {
        const struct listened *resource = &listening->resources[i];
        if (is_here(at, resource) && slice_eq(resource->uri, uri)) {
            return true;
        }
    }
    return false;
}

/* What nobody else listens to. A server that is not reached goes on, and nobody hears it. */
static void unsubscribe(const struct listener_at *at)
{
    const struct listening *listening = at->operation->listening;
    for (size_t i = 0; i < listening->resource_count; i++) {
        const struct listened *resource = &listening->resources[i];
        const struct listener_at *other = at->session->listeners;
        while (other != NULL && !is_heard_by(other, resource->uri)) {
            other = other->next;
        }
        if (other == NULL && is_here(at, resource) && resource->is_told) {
            server_reply_request(at->session, SLICE("resources/unsubscribe"), SLICE("uri"),
                                 resource->uri);
        }
    }
}

static void leave(struct listener_at *at)
{
    struct server_session *session = at->session;
    struct listener_at **link = &session->listeners;
    while (*link != at) {
        link = &(*link)->next;
    }
    *link = at->next;
    child_cancel(&at->call.child);
    if (session->state == SERVER_SESSION_READY) {
        unsubscribe(at);
    }
    server_stream_leave(session);
}

static void cancel(struct child *child)
{
    leave(listener_of(child));
}

static void on_child_done(struct child *child, enum status status, const struct diag *diag)
{
    leave(listener_of(child));
    listening_child_done(child, status, diag);
}

static const struct child_kind JOINED_CHILD = {cancel, on_child_done};

void listening_lose(struct server_session *session)
{
    while (session->listeners != NULL) {
        child_end(&session->listeners->child, STATUS_OK, NULL);
    }
}

/* -- joining ------------------------------------------------------------------------------- */

static void subscribe_next(struct listener_at *at);

/* The server lost the session: it is opened anew, and told of all that is wanted. */
static void subscribe_anew(struct listener_at *at)
{
    struct listening *listening = at->operation->listening;
    for (size_t i = 0; i < listening->resource_count; i++) {
        struct listened *resource = &listening->resources[i];
        resource->is_honoured = resource->is_honoured || is_here(at, resource);
    }
    at->subscribed_count = listening->resource_count;
    server_session_forget(at->session);
}

static void on_subscribed(struct call *call, enum status status)
{
    struct listener_at *at =
        (struct listener_at *)((char *)call - offsetof(struct listener_at, call));
    struct listened *resource = &at->operation->listening->resources[at->subscribed_count++];
    resource->is_honoured = status == STATUS_OK && call->result != JSON_NONE;
    if (status == STATUS_NOT_FOUND) {
        subscribe_anew(at);
    }
    if (at->child.owner != NULL) {
        subscribe_next(at);
    }
}

static enum status subscribe(struct listener_at *at, struct listened *resource)
{
    struct operation *op = at->operation;
    struct buf params;
    buf_init(&params, GATEWAY_OPERATION_BYTES_MAX, &op->account);
    buf_append(&params, SLICE("{\"uri\":"));
    buf_append_json_string(&params, resource->uri);
    buf_append_byte(&params, '}');
    struct call_request request = {.owner = &op->children,
                                   .arena = &op->arena,
                                   .session = at->session,
                                   .method = SLICE("resources/subscribe"),
                                   .params = buf_view(&params)};
    at->call = (struct call){.on_done = on_subscribed};
    resource->is_told = true;
    enum status status = buf_status(&params);
    if (status == STATUS_OK) {
        status = call_start(&at->call, &request);
    }
    buf_release(&params);
    return status;
}

/* One after the other; then it is known what the server tells of. */
static void subscribe_next(struct listener_at *at)
{
    struct listening *listening = at->operation->listening;
    bool can_subscribe = (at->session->offers & MCP_OFFERS_SUBSCRIBE) != 0;
    struct diag diag = {0};
    for (; can_subscribe && at->subscribed_count < listening->resource_count;
         at->subscribed_count++) {
        struct listened *resource = &listening->resources[at->subscribed_count];
        if (is_here(at, resource) && server_session_is_usable(at->session, &diag) &&
            subscribe(at, resource) == STATUS_OK) {
            return;
        }
    }
    at->is_acknowledged = true;
    at->honoured = at->asked;
    listening_acknowledge(at->operation);
}

bool listening_join(struct listener_at *at)
{
    struct server_session *session = at->session;
    if (session->stream.is_over || session->is_over ||
        child_begin(&at->child, &at->operation->children, &JOINED_CHILD) != STATUS_OK) {
        return false;
    }
    at->next = session->listeners;
    session->listeners = at;
    server_stream_begin(session);
    if (at->child.owner != NULL) {
        subscribe_next(at);
    }
    return true;
}

void listening_forget(struct server_session *session)
{
    for (struct listener_at *at = session->listeners; at != NULL; at = at->next) {
        const struct listening *listening = at->operation->listening;
        for (size_t i = 0; i < listening->resource_count; i++) {
            struct listened *resource = &listening->resources[i];
            resource->is_told = resource->is_told && !is_here(at, resource);
        }
    }
}

struct listened *listening_next(struct server_session *session)
{
    for (struct listener_at *at = session->listeners; at != NULL; at = at->next) {
        const struct listening *listening = at->operation->listening;
        for (size_t i = 0; i < listening->resource_count; i++) {
            struct listened *resource = &listening->resources[i];
            if (is_here(at, resource) && resource->is_honoured && !resource->is_told) {
                resource->is_told = true;
                return resource;
            }
        }
    }
    return NULL;
}

/* -- what comes ---------------------------------------------------------------------------- */

void listening_hear(struct server_session *session, const struct json_tape *tape)
{
    for (struct listener_at *at = session->listeners; at != NULL; at = at->next) {
        struct arena arena;
        arena_init(&arena, GATEWAY_OPERATION_BYTES_MAX, &at->operation->account);
        if (at->operation->listening->is_told) {
            listening_take_notice(at, tape, &arena);
        }
        arena_release(&arena);
    }
}

void listening_record(struct server_session *session, struct slice method, struct slice code)
{
    if (session->listeners != NULL) {
        listening_record_at(session->listeners, method, code);
    }
}
