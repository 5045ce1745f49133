#include "core/gateway/server_reply.h"

#include "core/gateway/server_session.h"

#include <stddef.h>

/* A child of the session. */
struct reply {
    struct child child;
    struct server_session *session;
    struct upstream_call *handle;
};

static struct reply *reply_of(struct child *child)
{
    return (struct reply *)((char *)child - offsetof(struct reply, child));
}

static void free_reply(struct reply *reply)
{
    reply->session->reply_count--;
    base_free(reply);
}

static void cancel_at_port(struct child *child)
{
    struct reply *reply = reply_of(child);
    const struct port_upstream *port = reply->session->gateway->ports.upstream;
    port->cancel(port->context, reply->handle);
    free_reply(reply);
}

static void on_child_done(struct child *child, enum status status, const struct diag *diag)
{
    (void)status;
    (void)diag;
    free_reply(reply_of(child));
}

static const struct child_kind REPLY_CHILD = {cancel_at_port, on_child_done};

static void on_end(const struct upstream_sink *sink, enum status status, int http_status,
                   const struct diag *diag)
{
    struct gateway *gateway = sink->user;
    struct child *child = child_find(&gateway->children, sink->ticket, &REPLY_CHILD);
    (void)http_status;
    if (child != NULL) {
        child_end(child, status, diag);
    }
}

/* What a server says to an answer is nobody's. */
static void on_message(const struct upstream_sink *sink, struct slice json, bool is_stream)
{
    (void)sink;
    (void)json;
    (void)is_stream;
}

static enum status start(struct reply *reply, struct slice body)
{
    struct server_session *session = reply->session;
    const struct port_upstream *port = session->gateway->ports.upstream;
    const struct gateway_server *server = server_session_server(session);
    struct upstream_sink sink = {.on_message = on_message,
                                 .on_end = on_end,
                                 .user = session->gateway,
                                 .ticket = reply->child.ticket};
    struct http_field fields[SERVER_SESSION_FIELDS_MAX];
    struct diag diag = {0};
    struct upstream_request request = {
        .server = session->server_index,
        .body = body,
        .fields = fields,
        .field_count = server_session_fields(session, fields),
        .credential_name = server->credential_name,
        .credential_value = server->credential_value,
        .child = session->child,
        .timeout_ms = server->timeout_ms,
        .deadline_ms = server->timeout_ms,
    };
    return port->start(port->context, &request, &sink, &reply->handle, &diag);
}

static void send(struct server_session *session, struct slice body)
{
    if (session->gateway->is_closed || session->reply_count >= SERVER_REPLIES_MAX ||
        server_session_server(session)->is_unavailable) {
        return;
    }
    struct reply *reply = base_alloc(sizeof(*reply));
    if (reply == NULL) {
        return;
    }
    *reply = (struct reply){.session = session};
    session->reply_count++;
    if (child_begin(&reply->child, &session->children, &REPLY_CHILD) != STATUS_OK) {
        free_reply(reply);
    } else if (start(reply, body) != STATUS_OK) {
        child_abandon(&reply->child);
        free_reply(reply);
    }
}

void server_reply(struct server_session *session, struct slice id, struct slice outcome)
{
    struct buf body;
    buf_init(&body, GATEWAY_OPERATION_BYTES_MAX, &session->gateway->account);
    buf_append(&body, SLICE("{\"jsonrpc\":\"2.0\",\"id\":"));
    buf_append(&body, id);
    buf_append_byte(&body, ',');
    buf_append(&body, outcome);
    buf_append_byte(&body, '}');
    if (buf_status(&body) == STATUS_OK) {
        send(session, buf_view(&body));
    }
    buf_release(&body);
}
