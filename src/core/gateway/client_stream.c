#include "core/gateway/client_stream.h"

#include "wire/sse.h"

#include <stddef.h>

#define COMMENT_BYTES_MAX 64

static void start_timer(struct client_stream *stream)
{
    const struct gateway *gateway = stream->session->gateway;
    const struct port_timer *port = gateway->ports.timer;
    port->start(port->context, &stream->keep_alive, gateway->limits.stream_keep_alive_ms);
}

static void free_stream(struct client_stream *stream)
{
    struct client_session *session = stream->session;
    struct exchange *exchange = stream->exchange;
    const struct port_timer *port = session->gateway->ports.timer;
    port->stop(port->context, &stream->keep_alive);
    exchange->operation = NULL;
    exchange->on_gone = NULL;
    exchange->vtable->release(exchange);
    session->stream = NULL;
    account_release(&session->account, sizeof(*stream));
    base_free(stream);
    if (session->is_linked && !session->is_over) {
        client_session_end(session);
    }
    client_session_leave(session);
}

static void on_gone(struct exchange *exchange)
{
    free_stream(exchange->operation);
}

void client_stream_end(struct client_stream *stream)
{
    stream->exchange->vtable->stream_end(stream->exchange);
    free_stream(stream);
}

/* False when the client was too slow, or there was no memory, and the stream is freed. */
static bool send_bytes(struct client_stream *stream, enum status status, struct slice bytes)
{
    struct exchange *exchange = stream->exchange;
    if (status == STATUS_OK) {
        status = exchange->vtable->stream_send(exchange, bytes);
    }
    if (status != STATUS_OK) {
        exchange->vtable->abort(exchange);
        free_stream(stream);
    }
    return status == STATUS_OK;
}

void client_stream_send(struct client_stream *stream, struct slice json)
{
    struct buf event;
    buf_init(&event, GATEWAY_OPERATION_BYTES_MAX, &stream->session->gateway->account);
    sse_write_event(&event, SLICE("message"), SLICE_EMPTY, json);
    (void)send_bytes(stream, buf_status(&event), buf_view(&event));
    buf_release(&event);
}

void client_stream_pass(struct client_stream *stream, struct slice events)
{
    (void)send_bytes(stream, STATUS_OK, events);
}

static void on_keep_alive(struct timer *timer)
{
    struct client_stream *stream =
        (struct client_stream *)((char *)timer - offsetof(struct client_stream, keep_alive));
    struct gateway *gateway = stream->session->gateway;
    const struct port_clock *clock = gateway->ports.clock;
    struct buf comment;
    if (clock->wall_ms(clock->context) / 1000 >= stream->expires_at_s) {
        client_stream_end(stream);
        return;
    }
    buf_init(&comment, COMMENT_BYTES_MAX, &gateway->account);
    sse_write_comment(&comment);
    if (send_bytes(stream, buf_status(&comment), buf_view(&comment))) {
        start_timer(stream);
    }
    buf_release(&comment);
}

enum status client_stream_open(struct client_session *session, struct exchange *exchange,
                               int64_t expires_at_s)
{
    if (account_charge(&session->account, sizeof(struct client_stream)) != STATUS_OK) {
        return STATUS_LIMIT;
    }
    struct client_stream *stream = base_alloc(sizeof(*stream));
    if (stream == NULL) {
        account_release(&session->account, sizeof(*stream));
        return STATUS_LIMIT;
    }
    *stream = (struct client_stream){.session = session,
                                     .exchange = exchange,
                                     .expires_at_s = expires_at_s,
                                     .keep_alive = {.fire = on_keep_alive}};
    session->user_count++;
    session->stream = stream;
    exchange->operation = stream;
    exchange->on_gone = on_gone;
    start_timer(stream);
    return STATUS_OK;
}
