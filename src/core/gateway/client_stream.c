#include "core/gateway/client_stream.h"

#include "core/gateway/server_stream.h"
#include "wire/sse.h"

#include <stddef.h>
#include <string.h>

#define COMMENT_BYTES_MAX 64
#define EVENT_ID_BYTES_MAX 48

/* Kept for who comes back: the bytes as they were sent. */
struct client_event {
    struct client_event *next;
    uint64_t sequence;
    size_t len;
    uint8_t bytes[];
};

static void start_timer(struct client_stream *stream)
{
    const struct gateway *gateway = stream->session->gateway;
    const struct port_timer *port = gateway->ports.timer;
    port->start(port->context, &stream->timer,
                stream->exchange != NULL ? gateway->limits.stream_keep_alive_ms
                                         : gateway->limits.stream_replay_ms);
}

/* -- connections --------------------------------------------------------------------------- */

static void on_gone(struct exchange *exchange);

static void connect(struct client_stream *stream, struct exchange *exchange,
                    const struct client_listener *listener)
{
    struct principal *before = stream->principal;
    stream->exchange = exchange;
    stream->principal = principal_ref(listener->principal);
    stream->ends_at_s =
        client_certificate_end(listener->certificate, listener->principal->expires_at_s);
    principal_unref(before);
    stream->session->user_count++;
    exchange->operation = stream;
    exchange->on_gone = on_gone;
    start_timer(stream);
}

/* The connection may begin with the next request of its client right here: whoever calls has
 * nothing left to do with the stream. */
static void release_exchange(struct exchange *exchange)
{
    exchange->operation = NULL;
    exchange->on_gone = NULL;
    exchange->vtable->release(exchange);
}

/* The session may be left with the connection, after this. */
static void disconnect(struct client_stream *stream)
{
    struct exchange *exchange = stream->exchange;
    if (exchange != NULL) {
        stream->exchange = NULL;
        start_timer(stream);
        release_exchange(exchange);
    }
}

/* -- events -------------------------------------------------------------------------------- */

static void drop_oldest(struct client_stream *stream)
{
    struct client_event *event = stream->events;
    stream->events = event->next;
    stream->last_event = stream->events == NULL ? NULL : stream->last_event;
    stream->event_count--;
    account_release(&stream->session->account, sizeof(*event) + event->len);
    base_free(event);
}

/* What does not fit is not kept, and nothing before it: there are no gaps. */
static void keep(struct client_stream *stream, struct slice bytes)
{
    struct account *account = &stream->session->account;
    size_t size = sizeof(struct client_event) + bytes.len;
    bool has_room = account_charge(account, size) == STATUS_OK;
    while (!has_room && stream->events != NULL) {
        drop_oldest(stream);
        has_room = account_charge(account, size) == STATUS_OK;
    }
    struct client_event *event = has_room ? base_alloc(size) : NULL;
    if (event == NULL) {
        if (has_room) {
            account_release(account, size);
        }
        while (stream->events != NULL) {
            drop_oldest(stream);
        }
        return;
    }
    *event = (struct client_event){.sequence = stream->last_sequence, .len = bytes.len};
    memcpy(event->bytes, bytes.ptr, bytes.len);
    if (stream->last_event == NULL) {
        stream->events = event;
    } else {
        stream->last_event->next = event;
    }
    stream->last_event = event;
    if (++stream->event_count > stream->session->gateway->limits.stream_events) {
        drop_oldest(stream);
    }
}

/* "NUMBER-SEQUENCE" */
static void write_id(const struct client_stream *stream, struct buf *id)
{
    buf_init(id, EVENT_ID_BYTES_MAX, NULL);
    buf_append_u64(id, stream->number);
    buf_append_byte(id, '-');
    buf_append_u64(id, stream->last_sequence);
}

static bool read_id(struct slice text, int64_t *number, int64_t *sequence)
{
    size_t dash = slice_find_byte(text, '-');
    return slice_to_i64(slice_sub(text, 0, dash), number) == STATUS_OK &&
           slice_to_i64(slice_sub(text, dash + 1, text.len), sequence) == STATUS_OK &&
           *number >= 0 && *sequence >= 0;
}

/* -- who listens --------------------------------------------------------------------------- */

static size_t bytes_of(const struct client_listener *listener)
{
    return sizeof(*listener) + listener->target_path.len + listener->view.len +
           listener->peer_ip.len;
}

/* NULL is fine. */
static void free_listener(struct client_session *session, struct client_listener *listener)
{
    if (listener != NULL) {
        principal_unref(listener->principal);
        client_certificate_unref(listener->certificate);
        account_release(&session->account, bytes_of(listener));
        base_free(listener);
    }
}

static struct slice keep_text(uint8_t **at, struct slice text)
{
    uint8_t *kept = *at;
    if (text.len > 0) {
        memcpy(kept, text.ptr, text.len);
    }
    *at += text.len;
    return slice_of(kept, text.len);
}

static struct client_listener *copy_listener(struct client_session *session,
                                             const struct client_listener *listener)
{
    size_t bytes = bytes_of(listener);
    if (account_charge(&session->account, bytes) != STATUS_OK) {
        return NULL;
    }
    struct client_listener *kept = base_alloc(bytes);
    if (kept == NULL) {
        account_release(&session->account, bytes);
        return NULL;
    }
    uint8_t *text = (uint8_t *)(kept + 1);
    *kept = (struct client_listener){.principal = principal_ref(listener->principal),
                                     .server_index = listener->server_index,
                                     .certificate = client_certificate_ref(listener->certificate),
                                     .is_tls = listener->is_tls};
    kept->target_path = keep_text(&text, listener->target_path);
    kept->view = keep_text(&text, listener->view);
    kept->peer_ip = keep_text(&text, listener->peer_ip);
    return kept;
}

/* What the old one took is given back first: events may have filled all the rest. */
enum status client_stream_relisten(struct client_stream *stream,
                                   const struct client_listener *listener)
{
    struct account *account = &stream->session->account;
    struct client_listener *before = stream->listener;
    account_release(account, bytes_of(before));
    struct client_listener *kept = copy_listener(stream->session, listener);
    if (kept == NULL) {
        (void)!account_charge(account, bytes_of(before));
        return STATUS_LIMIT;
    }
    principal_unref(before->principal);
    client_certificate_unref(before->certificate);
    base_free(before);
    stream->listener = kept;
    return STATUS_OK;
}

/* -- the end ------------------------------------------------------------------------------- */

static void free_stream(struct client_stream *stream)
{
    struct client_session *session = stream->session;
    const struct port_timer *port = session->gateway->ports.timer;
    struct client_stream **at = &session->streams;
    bool was_connected = stream->exchange != NULL;
    while (*at != stream) {
        at = &(*at)->next;
    }
    *at = stream->next;
    if (session->stream == stream) {
        session->stream = NULL;
        server_streams_end(session);
    }
    free_listener(session, stream->listener);
    disconnect(stream);
    port->stop(port->context, &stream->timer);
    while (stream->events != NULL) {
        drop_oldest(stream);
    }
    account_release(&session->account, sizeof(*stream));
    principal_unref(stream->principal);
    base_free(stream);
    if (!was_connected) {
        return;
    }
    if (session->is_linked && !session->is_over) {
        client_session_end(session);
    }
    client_session_leave(session);
}

/* The client went, or did not keep up: the stream waits for it to come back. One that ends its
 * session with it does not wait. */
static void lose_client(struct client_stream *stream)
{
    struct client_session *session = stream->session;
    if (session->is_linked) {
        free_stream(stream);
        return;
    }
    disconnect(stream);
    client_session_leave(session);
}

static void on_gone(struct exchange *exchange)
{
    lose_client(exchange->operation);
}

/* False when nobody is connected any more; a linked stream is freed then. */
static bool write_bytes(struct client_stream *stream, enum status status, struct slice bytes)
{
    struct exchange *exchange = stream->exchange;
    if (exchange == NULL) {
        return false;
    }
    if (status == STATUS_OK) {
        status = exchange->vtable->stream_send(exchange, bytes);
    }
    if (status != STATUS_OK) {
        exchange->vtable->abort(exchange);
        lose_client(stream);
    }
    return status == STATUS_OK;
}

void client_stream_end(struct client_stream *stream)
{
    if (stream->exchange != NULL) {
        stream->exchange->vtable->stream_end(stream->exchange);
    }
    free_stream(stream);
}

void client_stream_break(struct client_stream *stream)
{
    if (stream->exchange != NULL) {
        stream->exchange->vtable->abort(stream->exchange);
    }
    free_stream(stream);
}

/* -- sending ------------------------------------------------------------------------------- */

static void send_event(struct client_stream *stream, struct slice name, struct slice json)
{
    struct buf event;
    struct buf id;
    stream->last_sequence++;
    write_id(stream, &id);
    buf_init(&event, GATEWAY_OPERATION_BYTES_MAX, &stream->session->gateway->account);
    sse_write_event(&event, name, stream->session->is_linked ? SLICE_EMPTY : buf_view(&id), json);
    enum status status = buf_status(&event) == STATUS_OK ? buf_status(&id) : STATUS_LIMIT;
    if (status == STATUS_OK && !stream->session->is_linked) {
        keep(stream, buf_view(&event));
    }
    (void)write_bytes(stream, status, buf_view(&event));
    buf_release(&event);
    buf_release(&id);
}

void client_stream_prime(struct client_stream *stream)
{
    send_event(stream, SLICE_EMPTY, SLICE_EMPTY);
}

void client_stream_send(struct client_stream *stream, struct slice json)
{
    send_event(stream, SLICE("message"), json);
}

void client_stream_pass(struct client_stream *stream, struct slice events)
{
    (void)write_bytes(stream, STATUS_OK, events);
}

/* Whether the last bytes arrived nobody can know, so what was sent is kept for a while. */
void client_stream_finish(struct client_stream *stream, struct slice json)
{
    struct client_session *session = stream->session;
    stream->is_running = false;
    client_stream_send(stream, json);
    if (session->is_over) {
        client_stream_end(stream);
    } else if (stream->exchange != NULL) {
        stream->exchange->vtable->stream_end(stream->exchange);
        disconnect(stream);
        client_session_leave(session);
    }
}

void client_stream_cut_off(struct client_stream *stream)
{
    stream->exchange->vtable->stream_end(stream->exchange);
    lose_client(stream);
}

static void on_timer(struct timer *timer)
{
    struct client_stream *stream =
        (struct client_stream *)((char *)timer - offsetof(struct client_stream, timer));
    struct gateway *gateway = stream->session->gateway;
    const struct port_clock *clock = gateway->ports.clock;
    struct buf comment;
    if (stream->exchange == NULL) {
        if (!stream->is_running) {
            free_stream(stream);
        }
        return;
    }
    if (clock->wall_ms(clock->context) / 1000 >= stream->ends_at_s) {
        client_stream_cut_off(stream);
        return;
    }
    buf_init(&comment, COMMENT_BYTES_MAX, &gateway->account);
    sse_write_comment(&comment);
    if (write_bytes(stream, buf_status(&comment), buf_view(&comment))) {
        start_timer(stream);
    }
    buf_release(&comment);
}

/* -- the beginning ------------------------------------------------------------------------- */

static struct client_stream *new_stream(struct client_session *session, struct exchange *exchange,
                                        const struct client_listener *listener)
{
    if (account_charge(&session->account, sizeof(struct client_stream)) != STATUS_OK) {
        return NULL;
    }
    struct client_stream *stream = base_alloc(sizeof(*stream));
    if (stream == NULL) {
        account_release(&session->account, sizeof(*stream));
        return NULL;
    }
    *stream = (struct client_stream){.next = session->streams,
                                     .session = session,
                                     .number = ++session->last_stream_number,
                                     .timer = {.fire = on_timer}};
    session->streams = stream;
    connect(stream, exchange, listener);
    return stream;
}

enum status client_stream_open(struct client_session *session, struct exchange *exchange,
                               const struct client_listener *listener)
{
    struct client_stream *before = session->stream;
    struct client_listener *kept = copy_listener(session, listener);
    struct client_stream *stream = kept == NULL ? NULL : new_stream(session, exchange, listener);
    if (stream == NULL) {
        free_listener(session, kept);
        return STATUS_LIMIT;
    }
    stream->listener = kept;
    stream->is_standalone = true;
    session->stream = stream;
    if (before != NULL) {
        free_stream(before);
    }
    return STATUS_OK;
}

struct client_stream *client_stream_begin(struct client_session *session, struct exchange *exchange,
                                          const struct client_listener *listener)
{
    struct client_stream *stream = new_stream(session, exchange, listener);
    if (stream != NULL) {
        stream->is_running = true;
    }
    return stream;
}

/* -- coming back --------------------------------------------------------------------------- */

struct client_stream *client_stream_find(struct client_session *session, struct slice event_id)
{
    int64_t number = 0;
    int64_t sequence = 0;
    if (!read_id(event_id, &number, &sequence)) {
        return NULL;
    }
    for (struct client_stream *stream = session->streams; stream != NULL; stream = stream->next) {
        uint64_t after = (uint64_t)sequence + 1;
        bool has_all = stream->events != NULL ? stream->events->sequence <= after
                                              : stream->last_sequence < after;
        if (stream->number == (uint64_t)number) {
            return has_all && (uint64_t)sequence <= stream->last_sequence ? stream : NULL;
        }
    }
    return NULL;
}

static void replay(struct client_stream *stream, uint64_t after)
{
    struct client_session *session = stream->session;
    for (const struct client_event *event = stream->events; event != NULL; event = event->next) {
        if (event->sequence > after &&
            !write_bytes(stream, STATUS_OK, slice_of(event->bytes, event->len))) {
            return;
        }
    }
    if (!stream->is_standalone && !stream->is_running) {
        stream->exchange->vtable->stream_end(stream->exchange);
        disconnect(stream);
        client_session_leave(session);
    }
}

void client_stream_resume(struct client_stream *stream, struct slice event_id,
                          struct exchange *exchange, const struct client_listener *listener)
{
    int64_t number = 0;
    int64_t sequence = 0;
    struct exchange *before = stream->exchange;
    struct client_session *session = stream->session;
    (void)read_id(event_id, &number, &sequence);
    connect(stream, exchange, listener);
    replay(stream, (uint64_t)sequence);
    if (before != NULL) {
        before->vtable->abort(before);
        release_exchange(before);
        client_session_leave(session);
    }
}
