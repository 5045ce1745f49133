#include "core/gateway/server_reply.h"

#include "core/gateway/server_session.h"

#include <stddef.h>

#define CANCEL_BYTES_MAX 256
#define NOTICE_BYTES_MAX 256

/* A child of its session, or of the gateway when it outlives that. */
struct reply {
    struct child child;
    struct gateway *gateway;
    uint32_t *count; /* of those under way beside it */
    struct upstream_call *handle;
};

static struct reply *reply_of(struct child *child)
{
    return (struct reply *)((char *)child - offsetof(struct reply, child));
}

static void free_reply(struct reply *reply)
{
    (*reply->count)--;
    base_free(reply);
}

static void cancel_at_port(struct child *child)
{
    struct reply *reply = reply_of(child);
    const struct port_upstream *port = reply->gateway->ports.upstream;
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

/* What a server answers to it is nobody's, but beside it, it may ask. */
static void on_message(const struct upstream_sink *sink, struct slice json, bool is_stream)
{
    struct gateway *gateway = sink->user;
    struct child *child = child_find(&gateway->children, sink->ticket, &REPLY_CHILD);
    if (is_stream && child != NULL && child->owner != &gateway->farewells) {
        server_stream_take_aside(
            (struct server_session *)((char *)child->owner -
                                      offsetof(struct server_session, children)),
            json);
    }
}

/* request says body, or that there is none, and how long it may take. */
static enum status start(struct reply *reply, const struct server_session *session,
                         struct upstream_request *request)
{
    const struct port_upstream *port = reply->gateway->ports.upstream;
    const struct gateway_server *server = server_session_server(session);
    struct upstream_sink sink = {.on_message = on_message,
                                 .on_end = on_end,
                                 .user = reply->gateway,
                                 .ticket = reply->child.ticket};
    struct http_field fields[SERVER_SESSION_FIELDS_MAX];
    struct diag diag = {0};
    request->server = session->server_index;
    request->fields = fields;
    request->field_count = server_session_fields(session, fields);
    request->credential_name = server->credential_name;
    request->credential_value = server->credential_value;
    server_child_address(session, request);
    request->timeout_ms = request->deadline_ms;
    return port->start(port->context, request, &sink, &reply->handle, &diag);
}

/* count: of what owner has under way of this kind, count_max at most. */
static void send(const struct server_session *session, struct children *owner, uint32_t *count,
                 uint32_t count_max, struct upstream_request *request)
{
    if (session->gateway->is_closed || *count >= count_max ||
        server_session_server(session)->is_unavailable) {
        return;
    }
    struct reply *reply = base_alloc(sizeof(*reply));
    if (reply == NULL) {
        return;
    }
    *reply = (struct reply){.gateway = session->gateway, .count = count};
    (*count)++;
    if (child_begin(&reply->child, owner, &REPLY_CHILD) != STATUS_OK) {
        free_reply(reply);
    } else if (start(reply, session, request) != STATUS_OK) {
        child_abandon(&reply->child);
        free_reply(reply);
    }
}

static void send_text(struct server_session *session, const struct buf *body)
{
    struct upstream_request request = {.body = buf_view(body),
                                       .deadline_ms = server_session_server(session)->timeout_ms};
    if (buf_status(body) == STATUS_OK) {
        send(session, &session->children, &session->reply_count, SERVER_REPLIES_MAX, &request);
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
    send_text(session, &body);
    buf_release(&body);
}

void server_reply_cancel(struct server_session *session, int64_t id)
{
    struct buf body;
    if (session->is_modern && !server_session_server(session)->is_stdio) {
        return;
    }
    buf_init(&body, CANCEL_BYTES_MAX, &session->gateway->account);
    buf_append(&body, SLICE("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
                            "\"params\":{\"requestId\":"));
    buf_append_i64(&body, id);
    buf_append(&body, SLICE("}}"));
    send_text(session, &body);
    buf_release(&body);
}

void server_reply_notify(struct server_session *session, struct slice method)
{
    struct buf body;
    buf_init(&body, NOTICE_BYTES_MAX, &session->gateway->account);
    buf_append(&body, SLICE("{\"jsonrpc\":\"2.0\",\"method\":"));
    buf_append_json_string(&body, method);
    buf_append_byte(&body, '}');
    send_text(session, &body);
    buf_release(&body);
}

void server_reply_request(struct server_session *session, struct slice method, struct slice member,
                          struct slice value)
{
    struct buf body;
    struct upstream_request request = {.expects_answer = true,
                                       .is_in_session = session->session_id.len > 0,
                                       .id = ++session->gateway->next_upstream_id,
                                       .deadline_ms = server_session_server(session)->timeout_ms};
    buf_init(&body, GATEWAY_OPERATION_BYTES_MAX, &session->gateway->account);
    buf_append(&body, SLICE("{\"jsonrpc\":\"2.0\",\"id\":"));
    buf_append_i64(&body, request.id);
    buf_append(&body, SLICE(",\"method\":"));
    buf_append_json_string(&body, method);
    buf_append(&body, SLICE(",\"params\":{"));
    buf_append_json_string(&body, member);
    buf_append_byte(&body, ':');
    buf_append_json_string(&body, value);
    buf_append(&body, SLICE("}}"));
    request.body = buf_view(&body);
    if (buf_status(&body) == STATUS_OK) {
        send(session, &session->children, &session->reply_count, SERVER_REPLIES_MAX, &request);
    }
    buf_release(&body);
}

void server_reply_end(const struct server_session *session)
{
    struct gateway *gateway = session->gateway;
    int64_t timeout_ms = server_session_server(session)->timeout_ms;
    struct upstream_request request = {.is_delete = true, .deadline_ms = SERVER_FAREWELL_MS};
    if (timeout_ms < SERVER_FAREWELL_MS) {
        request.deadline_ms = timeout_ms;
    }
    if (session->session_id.len > 0 && !session->is_lost) {
        send(session, &gateway->farewells, &gateway->farewell_count, SERVER_FAREWELLS_MAX,
             &request);
    }
}
