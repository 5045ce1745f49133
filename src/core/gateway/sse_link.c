/* HTTP with SSE (MCP 2024-11-05): a GET begins a session and its stream, messages are POSTed to the
 * address that the stream names first, and everything the client gets comes on the stream. */
#include "core/gateway/client_stream.h"
#include "core/gateway/operation.h"
#include "wire/sse.h"

#define ENDPOINT_BYTES_MAX 1024
#define FAILURE_BYTES_MAX 1024

/* Stands for the exchange of a POST that was accepted: what the gateway answers goes to the stream
 * of the session, if that is still there. */
struct linked {
    struct exchange base;
    struct client_session *session; /* held */
    bool is_answered;
};

static struct linked *linked_of(struct exchange *base)
{
    return (struct linked *)(void *)base;
}

/* Nobody waits for an answer to what had no id. */
static void send(struct linked *linked, struct slice json)
{
    struct client_stream *stream = linked->session->stream;
    linked->is_answered = true;
    if (stream != NULL && linked->base.id.len > 0) {
        client_stream_send(stream, json);
    }
}

static void send_failure(struct linked *linked)
{
    struct buf json;
    buf_init(&json, FAILURE_BYTES_MAX, NULL);
    buf_append(&json, SLICE("{\"jsonrpc\":\"2.0\",\"id\":"));
    buf_append(&json, linked->base.id);
    buf_append(&json, SLICE(",\"error\":{\"code\":-32603,"
                            "\"message\":\"the request could not be answered\"}}"));
    if (buf_status(&json) == STATUS_OK) {
        send(linked, buf_view(&json));
    }
    buf_release(&json);
}

static void reply(struct exchange *base, const struct exchange_reply *reply)
{
    if (reply->body.len > 0) {
        send(linked_of(base), reply->body);
    } else {
        send_failure(linked_of(base));
    }
}

static void stream_begin(struct exchange *base, const struct exchange_reply *reply)
{
    (void)base;
    (void)reply;
}

static enum status stream_send(struct exchange *base, struct slice events)
{
    struct client_stream *stream = linked_of(base)->session->stream;
    if (stream != NULL) {
        client_stream_pass(stream, events);
    }
    return STATUS_OK;
}

static void stream_end(struct exchange *base)
{
    linked_of(base)->is_answered = true;
}

static void break_off(struct exchange *base)
{
    if (!linked_of(base)->is_answered) {
        send_failure(linked_of(base));
    }
}

static void release(struct exchange *base)
{
    struct linked *linked = linked_of(base);
    client_session_leave(linked->session);
    base_free(linked);
}

static const struct exchange_vtable LINKED = {.reply = reply,
                                              .stream_begin = stream_begin,
                                              .stream_send = stream_send,
                                              .stream_end = stream_end,
                                              .abort = break_off,
                                              .release = release};

/* What is said after this is said on the stream. */
static void accept(struct operation *op, struct linked *linked)
{
    struct exchange *posted = op->exchange;
    operation_answer(op, 202);
    posted->operation = NULL;
    posted->on_gone = NULL;
    posted->vtable->release(posted);
    linked->base.operation = op;
    linked->base.id = op->message.id;
    op->exchange = &linked->base;
}

enum stage_result operation_link(struct operation *op)
{
    struct client_session *session = op->client;
    bool is_handshake = op->message.method->kind == MCP_KIND_INITIALIZE;
    bool is_other = op->revision != MCP_REVISION_NONE && op->revision != session->revision;
    if (!is_handshake && (!session->is_initialized || is_other)) {
        return operation_refuse_session(op, "session.revision");
    }
    struct linked *linked = base_alloc(sizeof(*linked));
    if (linked == NULL) {
        return operation_refuse_overload(op, "no memory for the answer");
    }
    *linked = (struct linked){.base = {.vtable = &LINKED}, .session = session};
    session->user_count++;
    accept(op, linked);
    op->revision = session->revision;
    return STAGE_DONE;
}

/* Its address is relative: whatever a proxy put before our paths stays there. */
static bool name_messages(struct operation *op)
{
    struct buf event;
    buf_init(&event, ENDPOINT_BYTES_MAX, NULL);
    buf_append(&event, SLICE("event: endpoint\ndata: messages?session="));
    buf_append(&event, buf_view(&op->session_id));
    buf_append(&event, SLICE("\n\n"));
    bool is_whole = buf_status(&event) == STATUS_OK;
    if (is_whole) {
        client_stream_pass(op->client->stream, buf_view(&event));
    }
    buf_release(&event);
    return is_whole;
}

static enum stage_result stage_open_link(struct operation *op)
{
    struct exchange *exchange = op->exchange;
    if (op->client_gone || op->client->is_over) {
        return STAGE_DONE;
    }
    if (op->gateway->is_draining) {
        return operation_refuse_overload(op, "the gateway is stopping");
    }
    struct client_listener listener = operation_listener(op);
    if (client_stream_open(op->client, exchange, &listener) != STATUS_OK) {
        return operation_refuse_overload(op, "no memory for the stream");
    }
    operation_begin_stream(op);
    op->exchange = NULL;
    op->client->is_linked = true;
    op->client_is_new = !name_messages(op);
    return STAGE_DONE;
}

const struct stage OPERATION_LINK_STAGES[] = {
    {"authenticate", operation_stage_authenticate},
    {"route", operation_stage_route},
    {"begin_session", operation_begin_session},
    {"record_event", operation_stage_record_event},
    {"check_record", operation_stage_check_record},
    {"open_link", stage_open_link},
    {NULL, NULL},
};
