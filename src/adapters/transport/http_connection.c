#include "adapters/transport/http_connection.h"

#include "wire/http_writer.h"

#include <assert.h>
#include <stddef.h>

#define EARLY_BYTES_MAX 16384 /* of pipelined requests, while one is running */
#define JOIN_BYTES_MAX 16384  /* a body up to this is copied behind its head: one write */
#define KEPT_BODY_BYTES 16384 /* a larger body buffer is given back after its request */
#define LINGER_MS 2000        /* for the client to read the last answer before the reset */
#define LINGER_BYTES_MAX ((size_t)128 << 20) /* LINGER_MS bounds it first */

static const struct exchange_vtable VTABLE;

static struct http_connection *connection_of(struct exchange *exchange)
{
    return (struct http_connection *)exchange;
}

static struct http_connection *connection_of_stream(struct stream *stream)
{
    return (struct http_connection *)((char *)stream - offsetof(struct http_connection, stream));
}

static struct http_connection *connection_of_timer(struct timer *timer)
{
    return (struct http_connection *)((char *)timer - offsetof(struct http_connection, timer));
}

static void wait_for(struct http_connection *self, enum connection_wait wait, int64_t after_ms)
{
    self->wait = wait;
    loop_timer_start(self->server->loop, &self->timer, after_ms);
}

/* Answer is out: let the client read it. Closing with unread bytes in the socket would reset the
 * connection and could take the answer with it. */
static void linger(struct http_connection *self)
{
    self->phase = CONNECTION_LINGERING;
    buf_release(&self->early);
    buf_release(&self->body);
    http_reader_drop_head(&self->reader);
    if (self->stream.is_ended) {
        stream_close(&self->stream);
        return;
    }
    stream_shutdown(&self->stream);
    stream_pause(&self->stream, false);
    wait_for(self, CONNECTION_WAIT_LINGER, LINGER_MS);
}

static void append_own_fields(struct http_connection *self, struct buf *out, bool will_close)
{
    buf_append(out, SLICE("Date: "));
    buf_append(out, http_server_date(self->server));
    buf_append(out, SLICE("\r\nServer: aegis\r\n"));
    if (will_close) {
        buf_append(out, SLICE("Connection: close\r\n"));
    }
}

/* The head up to the framing fields. Returns false when a field cannot be written. */
static bool append_head(struct http_connection *self, struct buf *out,
                        const struct exchange_reply *reply)
{
    buf_clear(out);
    http_write_status_line(out, reply->status_code);
    for (size_t i = 0; i < reply->field_count; i++) {
        if (http_write_field(out, reply->fields[i].name, reply->fields[i].value) != STATUS_OK) {
            return false;
        }
    }
    append_own_fields(self, out, self->must_close);
    return true;
}

static bool has_no_body(int status_code)
{
    return status_code < 200 || status_code == 204 || status_code == 304;
}

/* Break the connection so that the client notices; no callback follows. */
static void break_off(struct http_connection *self)
{
    self->is_answered = true;
    self->must_close = true;
    loop_timer_stop(self->server->loop, &self->timer);
    stream_reset(&self->stream);
}

static void send_reply(struct http_connection *self, const struct exchange_reply *reply)
{
    struct buf *out = &self->server->loop->out;
    if (!append_head(self, out, reply)) {
        break_off(self);
        return;
    }
    bool is_bare = has_no_body(reply->status_code);
    if (!is_bare) {
        buf_append(out, SLICE("Content-Length: "));
        buf_append_u64(out, reply->body.len);
        buf_append(out, SLICE("\r\n"));
    }
    http_write_head_end(out);
    struct slice body = is_bare || self->is_head_method ? SLICE_EMPTY : reply->body;
    if (body.len <= JOIN_BYTES_MAX) {
        buf_append(out, body);
        body = SLICE_EMPTY;
    }
    struct slice parts[] = {buf_view(out), body};
    if (buf_status(out) != STATUS_OK ||
        stream_write(&self->stream, parts, body.len > 0 ? 2 : 1) != STATUS_OK) {
        break_off(self);
    }
    buf_clear(out);
}

static struct exchange_request request_of(const struct http_connection *self, struct slice body)
{
    const struct http_head *head = &self->reader.head;
    return (struct exchange_request){.method = head->method,
                                     .target = head->target,
                                     .fields = head->fields,
                                     .field_count = head->field_count,
                                     .body = body,
                                     .peer_ip = self->peer_ip,
                                     .certificate = self->certificate,
                                     .is_tls = self->stream.tls != NULL};
}

/* Our own refusal: of the framing, or a time-out. */
COLD static void refuse(struct http_connection *self, int status_code, const char *code)
{
    const struct exchange_handler *handler = &self->server->handler;
    struct exchange_request request = {.peer_ip = self->peer_ip};
    struct exchange_reply reply = {.status_code = status_code};
    if (http_reader_has_head(&self->reader)) {
        request = request_of(self, SLICE_EMPTY);
    }
    self->must_close = true;
    handler->refused(handler->context, &request, code, &reply);
    send_reply(self, &reply);
    linger(self);
}

/* What is asked on a connection whose certificate has expired is refused; a new one may do better.
 */
static bool has_expired(const struct http_connection *self)
{
    return self->certificate != NULL &&
           loop_wall_ms(self->server->loop) / 1000 > self->certificate->expires_at_s;
}

static void on_head(struct http_connection *self, bool has_more_input)
{
    const struct http_head *head = &self->reader.head;
    const struct exchange_handler *handler = &self->server->handler;
    self->is_in_message = true;
    self->is_head_method = slice_eq(head->method, SLICE("HEAD"));
    self->version_is_1_0 = head->version_minor == 0;
    self->request_count++;
    self->must_close = !head->keep_alive || self->version_is_1_0 || self->server->is_draining ||
                       self->request_count >= self->server->options.requests_max ||
                       has_expired(self);

    struct exchange_request request = request_of(self, SLICE_EMPTY);
    struct exchange_reply reply = {0};
    if (!handler->admit(handler->context, &request, &reply)) {
        /* The body is unread, and what looks like a next request may belong to it. */
        self->must_close = true;
        send_reply(self, &reply);
        linger(self);
        return;
    }
    bool has_body = head->is_chunked || head->content_length > 0;
    if (head->expect_continue && has_body && !has_more_input) {
        struct slice interim = SLICE("HTTP/1.1 100 Continue\r\n\r\n");
        (void)!stream_write(&self->stream, &interim, 1);
    }
}

/* A long stream keeps no head. */
static void forget_request(struct http_connection *self)
{
    if (self->is_streaming) {
        http_reader_drop_head(&self->reader);
    }
    buf_reuse(&self->body, KEPT_BODY_BYTES);
}

static void on_request(struct http_connection *self)
{
    const struct exchange_handler *handler = &self->server->handler;
    struct slice body = self->whole_body.len > 0 ? self->whole_body : buf_view(&self->body);
    struct exchange_request request = request_of(self, body);
    self->whole_body = SLICE_EMPTY;
    loop_timer_stop(self->server->loop, &self->timer);
    self->exchange = (struct exchange){.vtable = &VTABLE};
    self->is_in_message = false;
    self->is_answered = self->is_streaming = self->is_chunked = false;
    self->phase = CONNECTION_RUNNING;
    handler->begin(handler->context, &self->exchange, &request);
    if (self->phase != CONNECTION_LINGERING) {
        forget_request(self);
    }
}

/* Most bodies come in one piece, and their end is the next event of the same input. */
static void take_body(struct http_connection *self, struct slice piece)
{
    if (self->body.len == 0 && self->reader.head.content_length == (int64_t)piece.len) {
        self->whole_body = piece;
        return;
    }
    /* A form may have a token in it, and is no longer than that. */
    self->body.is_secret = self->body.len + piece.len <= KEPT_BODY_BYTES;
    buf_append(&self->body, piece);
    if (buf_status(&self->body) != STATUS_OK) {
        refuse(self, 503, "http.memory");
    }
}

/* Handle one event of the reader; false when there is nothing more to do with the input. */
static bool step(struct http_connection *self, struct slice *input, struct diag *diag)
{
    struct slice piece = SLICE_EMPTY;
    switch (http_reader_next(&self->reader, input, &piece, diag)) {
    case HTTP_NEED_MORE:
        return false;
    case HTTP_HEAD:
        on_head(self, input->len > 0);
        return true;
    case HTTP_BODY:
        take_body(self, piece);
        return true;
    case HTTP_END:
        on_request(self);
        return true;
    case HTTP_ERROR:
        refuse(self, http_reader_status(&self->reader), diag->code);
        return false;
    }
    return false;
}

/* Keep what came too soon. When there is too much of it, reading stops: the client is served
 * all the same, only its disappearance is noticed later. */
static void keep_early(struct http_connection *self, struct slice input)
{
    buf_append(&self->early, input);
    if (buf_status(&self->early) != STATUS_OK) {
        http_connection_close(self);
    } else if (self->early.len >= EARLY_BYTES_MAX) {
        stream_pause(&self->stream, true);
    }
}

static bool can_read(const struct http_connection *self)
{
    return self->phase == CONNECTION_READING && !self->stream.is_closing;
}

/* Some of a message is missing. Bytes that come do not put off its end. */
static void wait_for_rest(struct http_connection *self)
{
    const struct http_server_options *options = &self->server->options;
    if (self->is_in_message && self->wait != CONNECTION_WAIT_BODY) {
        wait_for(self, CONNECTION_WAIT_BODY, options->body_ms);
    } else if (!http_reader_is_idle(&self->reader) && self->wait == CONNECTION_WAIT_IDLE) {
        wait_for(self, CONNECTION_WAIT_HEAD, options->header_ms);
    }
}

static void process(struct http_connection *self, struct slice input)
{
    struct diag diag = {0};
    self->is_processing = true;
    while (can_read(self) && step(self, &input, &diag)) {
    }
    self->is_processing = false;
    if (can_read(self)) {
        wait_for_rest(self);
    }
    if (self->phase == CONNECTION_RUNNING && input.len > 0 && !self->is_gone) {
        keep_early(self, input);
    }
}

static void on_bytes(struct stream *stream, struct slice bytes)
{
    struct http_connection *self = connection_of_stream(stream);
    switch (self->phase) {
    case CONNECTION_READING:
        process(self, bytes);
        break;
    case CONNECTION_RUNNING:
        keep_early(self, bytes);
        break;
    case CONNECTION_LINGERING:
        self->dropped_bytes += bytes.len;
        if (self->dropped_bytes > LINGER_BYTES_MAX) {
            stream_close(stream);
        }
        break;
    }
}

static void free_connection(struct http_connection *self)
{
    struct http_server *server = self->server;
    loop_timer_stop(server->loop, &self->timer);
    http_reader_release(&self->reader);
    buf_release(&self->body);
    buf_release(&self->early);
    client_certificate_unref(self->certificate);
    http_server_remove(server, self);
    base_free(self);
}

static void on_stream_closed(struct stream *stream)
{
    struct http_connection *self = connection_of_stream(stream);
    self->is_stream_closed = true;
    if (self->phase != CONNECTION_RUNNING) {
        free_connection(self);
    }
}

void http_connection_close(struct http_connection *self)
{
    bool was_closing = self->stream.is_closing;
    loop_timer_stop(self->server->loop, &self->timer);
    stream_close(&self->stream);
    if (self->phase == CONNECTION_RUNNING && !self->is_gone && !was_closing) {
        self->is_gone = true;
        if (!self->is_answered && self->exchange.on_gone != NULL) {
            self->exchange.on_gone(&self->exchange);
        }
    }
}

/* Nobody is there to be answered, but the refusal is on record. */
static void report_refusal(struct http_connection *self, const char *code)
{
    const struct exchange_handler *handler = &self->server->handler;
    const struct exchange_request request = {.peer_ip = self->peer_ip, .is_tls = true};
    struct exchange_reply unsent = {0};
    handler->refused(handler->context, &request, code, &unsent);
}

static void on_end(struct stream *stream, bool is_clean)
{
    (void)is_clean;
    if (stream->refusal != NULL) {
        report_refusal(connection_of_stream(stream), stream->refusal);
    }
    http_connection_close(connection_of_stream(stream));
}

/* Between two requests, and for a while only. */
static bool keeps_head(const struct http_connection *self)
{
    return http_reader_is_idle(&self->reader) && http_reader_has_head(&self->reader) &&
           self->server->options.kept_head_ms < self->server->options.idle_ms;
}

static void on_time(struct timer *timer)
{
    struct http_connection *self = connection_of_timer(timer);
    const struct http_server_options *options = &self->server->options;
    bool is_silent = http_reader_is_idle(&self->reader) && !self->is_in_message;
    if (keeps_head(self)) {
        http_reader_drop_head(&self->reader);
        wait_for(self, CONNECTION_WAIT_IDLE, options->idle_ms - options->kept_head_ms);
    } else if (self->wait == CONNECTION_WAIT_LINGER || is_silent || !self->stream.is_open) {
        http_connection_close(self);
    } else {
        refuse(self, 408, "http.timeout");
    }
}

bool http_connection_is_idle(const struct http_connection *self)
{
    return self->phase == CONNECTION_READING && !self->is_in_message &&
           http_reader_is_idle(&self->reader);
}

/* The exchange is over and released: close, or go on with the next request. */
static void finish_exchange(struct http_connection *self)
{
    const struct http_server_options *options = &self->server->options;
    if (self->stream.is_closing) {
        self->phase = CONNECTION_LINGERING;
        if (self->is_stream_closed) {
            free_connection(self);
        }
        return;
    }
    if (self->must_close || self->server->is_draining) {
        linger(self);
        return;
    }
    self->phase = CONNECTION_READING;
    wait_for(self, CONNECTION_WAIT_IDLE,
             keeps_head(self) ? options->kept_head_ms : options->idle_ms);
    if (self->is_processing) {
        return;
    }
    struct buf early = self->early;
    buf_init_secret(&self->early, early.limit_bytes, early.account);
    if (early.len >= EARLY_BYTES_MAX) {
        stream_pause(&self->stream, false);
    }
    if (early.len > 0) {
        process(self, buf_view(&early));
    }
    buf_release(&early);
}

static void exchange_reply(struct exchange *exchange, const struct exchange_reply *reply)
{
    struct http_connection *self = connection_of(exchange);
    if (self->is_gone || self->is_answered) {
        return;
    }
    self->is_answered = true;
    self->must_close = self->must_close || reply->must_close || self->server->is_draining;
    send_reply(self, reply);
}

static void exchange_stream_begin(struct exchange *exchange, const struct exchange_reply *reply)
{
    struct http_connection *self = connection_of(exchange);
    struct buf *out = &self->server->loop->out;
    if (self->is_gone || self->is_answered || self->is_streaming) {
        return;
    }
    self->is_streaming = true;
    if (!self->is_processing) {
        http_reader_drop_head(&self->reader);
    }
    self->is_chunked = !self->version_is_1_0;
    self->must_close = self->must_close || reply->must_close || self->server->is_draining;
    if (!append_head(self, out, reply)) {
        break_off(self);
        return;
    }
    if (self->is_chunked) {
        buf_append(out, SLICE("Transfer-Encoding: chunked\r\n"));
    }
    http_write_head_end(out);
    struct slice head = buf_view(out);
    (void)!stream_write(&self->stream, &head, 1);
    buf_clear(out);
}

static enum status write_piece(struct http_connection *self, struct slice bytes)
{
    struct buf *out = &self->server->loop->out;
    if (!self->is_chunked) {
        return stream_write(&self->stream, &bytes, 1);
    }
    buf_clear(out);
    http_write_chunk(out, bytes);
    enum status status = buf_status(out);
    if (status == STATUS_OK) {
        struct slice chunk = buf_view(out);
        status = stream_write(&self->stream, &chunk, 1);
    }
    buf_clear(out);
    return status;
}

static enum status exchange_stream_send(struct exchange *exchange, struct slice bytes)
{
    struct http_connection *self = connection_of(exchange);
    if (self->is_gone || self->is_answered || bytes.len == 0 || self->is_head_method) {
        return STATUS_OK;
    }
    /* One piece may be larger than the bound, or a large message could never pass; two may not. */
    size_t pending = stream_pending(&self->stream);
    if (pending > 0 && pending + bytes.len > self->server->options.queue_bytes_max) {
        return STATUS_LIMIT;
    }
    /* A broken stream reports itself by on_end; only the lack of room is the caller's to handle. */
    return write_piece(self, bytes) == STATUS_LIMIT ? STATUS_LIMIT : STATUS_OK;
}

static void exchange_stream_end(struct exchange *exchange)
{
    struct http_connection *self = connection_of(exchange);
    if (self->is_gone || self->is_answered) {
        return;
    }
    self->is_answered = true;
    if (self->is_chunked && !self->is_head_method) {
        struct slice last = SLICE("0\r\n\r\n");
        (void)!stream_write(&self->stream, &last, 1);
    }
}

static void exchange_abort(struct exchange *exchange)
{
    struct http_connection *self = connection_of(exchange);
    if (!self->is_gone) {
        break_off(self);
    }
}

static void exchange_release(struct exchange *exchange)
{
    struct http_connection *self = connection_of(exchange);
    assert(self->phase == CONNECTION_RUNNING);
    if (!self->is_answered && !self->is_gone) {
        break_off(self);
    }
    finish_exchange(self);
}

static const struct exchange_vtable VTABLE = {
    .reply = exchange_reply,
    .stream_begin = exchange_stream_begin,
    .stream_send = exchange_stream_send,
    .stream_end = exchange_stream_end,
    .abort = exchange_abort,
    .release = exchange_release,
};

static void on_open(struct stream *stream)
{
    /* The head deadline runs since the connection was accepted. */
    connection_of_stream(stream)->certificate = client_certificate_ref(stream->certificate);
}

static const struct stream_events EVENTS = {
    .on_open = on_open, .on_bytes = on_bytes, .on_end = on_end, .on_closed = on_stream_closed};

static void init_connection(struct http_connection *self, struct http_server *server)
{
    struct account *account = &server->loop->account;
    self->exchange.vtable = &VTABLE;
    self->server = server;
    self->timer.fire = on_time;
    http_reader_init(&self->reader, HTTP_REQUEST, &server->options.limits, account);
    buf_init(&self->body, server->options.limits.body_bytes_max, account);
    buf_init_secret(&self->early, EARLY_BYTES_MAX + LOOP_READ_BYTES, account);
}

bool http_connection_accept(struct http_server *server, bool has_room)
{
    struct http_connection *self = base_alloc(sizeof(*self));
    if (self == NULL) {
        return false;
    }
    *self = (struct http_connection){0};
    init_connection(self, server);
    if (stream_init(&self->stream, server->loop, &EVENTS, server->options.write_stall_ms) !=
        STATUS_OK) {
        http_reader_release(&self->reader);
        base_free(self);
        return false;
    }
    http_server_add(server, self);
    enum status status =
        stream_accept(&self->stream, (uv_stream_t *)&server->listener, server->options.tls);
    if (status != STATUS_OK || !has_room) {
        stream_close(&self->stream);
        return status != STATUS_IO;
    }
    uv_os_fd_t fd = -1;
    if (uv_fileno((uv_handle_t *)&self->stream.tcp, &fd) == 0) {
        self->peer_ip = tcp_peer_text(fd, self->peer_text);
    }
    wait_for(self, CONNECTION_WAIT_HEAD, server->options.header_ms);
    return true;
}
