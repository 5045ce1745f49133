#include "adapters/transport/stdio_server.h"

#include "wire/sse.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define EVENT_BYTES_MAX ((size_t)64 << 20) /* against runaways; the gateway bounds its events */
#define ERROR_BYTES_MAX 1024
#define OUTPUT_BYTES_MAX ((size_t)128 << 20) /* the same for what a client does not read */

struct stdio_exchange {
    struct exchange base;
    struct stdio_server *server;
    struct stdio_exchange *next, *previous;
    struct sse_reader events; /* of what the gateway streams */
    bool is_stream, is_streaming, is_answered;
};

static struct stdio_exchange *exchange_of(struct exchange *base)
{
    return (struct stdio_exchange *)(void *)base;
}

/* -- the end ------------------------------------------------------------------------------- */

/* Exchanges stay with the gateway until it releases them. */
static void report_closed(struct stdio_server *server)
{
    if (server->handle_count == 0 && server->exchange_count == 0) {
        output_release(&server->output);
        lines_release(&server->lines);
        server->on_closed(server->context);
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct stdio_server *server = handle->data;
    server->handle_count--;
    report_closed(server);
}

static void close_handles(struct stdio_server *server)
{
    if (!server->is_closing) {
        server->is_closing = true;
        uv_close((uv_handle_t *)&server->in, on_handle_closed);
        uv_close((uv_handle_t *)&server->out, on_handle_closed);
    }
}

static void close_when_drained(struct stdio_server *server)
{
    bool is_written = server->output.is_failed || output_pending(&server->output) == 0;
    if (server->is_draining && server->exchange_count == 0 && is_written) {
        close_handles(server);
    }
}

static void stop_reading(struct stdio_server *server)
{
    if (server->is_reading) {
        server->is_reading = false;
        (void)uv_read_stop((uv_stream_t *)&server->in);
    }
}

/* why is NULL when the client ends in good order. */
static void end_input(struct stdio_server *server, const char *why)
{
    stop_reading(server);
    if (!server->is_ended) {
        server->is_ended = true;
        server->events.on_end(server->events.context, why);
    }
}

/* -- reading ------------------------------------------------------------------------------- */

static void read_on(struct stdio_server *server);

static bool is_full(const struct stdio_server *server)
{
    return server->exchange_count >= server->options.exchanges_max ||
           output_pending(&server->output) > server->options.queue_bytes_max;
}

/* A client that does not take its answers gives no new work. */
static void balance(struct stdio_server *server)
{
    if (server->is_closing) {
        report_closed(server);
    } else if (server->is_ended || server->is_draining) {
        close_when_drained(server);
    } else if (is_full(server)) {
        stop_reading(server);
    } else if (!server->is_reading) {
        read_on(server);
    }
}

static const struct exchange_vtable VTABLE;

/* is_stream: not a line, but the stream of what is no answer to any. */
static void begin_exchange(struct stdio_server *server, struct slice line, bool is_stream)
{
    struct stdio_exchange *exchange = base_alloc(sizeof(*exchange));
    if (exchange == NULL) {
        end_input(server, "there is no memory for a request");
        return;
    }
    *exchange = (struct stdio_exchange){.base.vtable = &VTABLE,
                                        .server = server,
                                        .next = server->exchanges,
                                        .is_stream = is_stream};
    if (server->exchanges != NULL) {
        server->exchanges->previous = exchange;
    }
    server->exchanges = exchange;
    server->exchange_count++;
    struct http_field session = {SLICE("Mcp-Session-Id"), server->session};
    struct exchange_request request = {.method = is_stream ? SLICE("GET") : SLICE("POST"),
                                       .target = server->options.target,
                                       .fields = &session,
                                       .field_count = server->session.len > 0 ? 1 : 0,
                                       .body = line,
                                       .is_stdio = true};
    server->handler.begin(server->handler.context, &exchange->base, &request);
}

static void take_input(struct stdio_server *server, struct slice input)
{
    struct slice line;
    while (!server->is_ended && !server->is_closing) {
        switch (lines_next(&server->lines, &input, &line)) {
        case LINES_NEED_MORE:
            return;
        case LINES_LINE:
            if (line.len > 0) {
                begin_exchange(server, line, false);
            }
            break;
        case LINES_OVERFLOW:
        case LINES_ENDLESS:
            server->handler.refused(server->handler.context,
                                    &(struct exchange_request){.is_stdio = true}, "stdio.line",
                                    &(struct exchange_reply){.status_code = 413});
            end_input(server, "a line of the client is too long");
            return;
        }
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    struct stdio_server *server = handle->data;
    *out = (uv_buf_t){.base = (char *)server->loop->read_buffer, .len = LOOP_READ_BYTES};
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buffer)
{
    struct stdio_server *server = stream->data;
    if (len > 0) {
        take_input(server, slice_of(buffer->base, (size_t)len));
        balance(server);
    } else if (len < 0) {
        end_input(server, len == UV_EOF ? NULL : uv_strerror((int)len));
    }
}

static void read_on(struct stdio_server *server)
{
    server->is_reading = uv_read_start((uv_stream_t *)&server->in, on_alloc, on_read) == 0;
    if (!server->is_reading) {
        end_input(server, "the input cannot be read");
    }
}

/* -- answering ----------------------------------------------------------------------------- */

static void on_progress(struct output *output)
{
    struct stdio_server *server = output->stream->data;
    if (output->is_failed) {
        end_input(server, "the client reads no answers");
    }
    balance(server);
}

/* A line end inside would be the begin of a second message, which nobody has judged. */
static bool is_one_line(struct slice json)
{
    return slice_find_byte(json, '\n') == json.len && slice_find_byte(json, '\r') == json.len;
}

static void write_line(struct stdio_server *server, struct slice json)
{
    struct slice parts[] = {json, SLICE("\n")};
    if (server->is_closing) {
        return;
    }
    if (output_write(&server->output, parts, COUNT_OF(parts)) != STATUS_OK) {
        end_input(server, "the client reads no answers");
    }
}

/* The client must not wait for an answer that will never come. */
static void write_failure(struct stdio_exchange *exchange)
{
    struct buf json;
    if (exchange->base.id.len == 0) {
        return;
    }
    buf_init(&json, ERROR_BYTES_MAX, NULL);
    buf_append(&json, SLICE("{\"jsonrpc\":\"2.0\",\"id\":"));
    buf_append(&json, exchange->base.id);
    buf_append(&json, SLICE(",\"error\":{\"code\":-32603,"
                            "\"message\":\"the request could not be answered\"}}"));
    if (buf_status(&json) == STATUS_OK) {
        write_line(exchange->server, buf_view(&json));
    } else {
        end_input(exchange->server, "there is no memory for an answer");
    }
    buf_release(&json);
}

/* Of a handshake's answer. From now on the server may say something by itself. */
static void take_session(struct stdio_server *server, const struct exchange_reply *reply)
{
    for (size_t i = 0; i < reply->field_count; i++) {
        struct slice value = reply->fields[i].value;
        if (slice_eq(reply->fields[i].name, SLICE("Mcp-Session-Id")) &&
            value.len <= sizeof(server->session_text)) {
            memcpy(server->session_text, value.ptr, value.len);
            server->session = slice_of(server->session_text, value.len);
            begin_exchange(server, SLICE_EMPTY, true);
        }
    }
}

static void reply(struct exchange *base, const struct exchange_reply *reply)
{
    struct stdio_exchange *exchange = exchange_of(base);
    struct stdio_server *server = exchange->server;
    exchange->is_answered = true;
    if (exchange->is_stream) {
        return; /* it is not offered */
    }
    if (base->id.len > 0 && (reply->body.len == 0 || !is_one_line(reply->body))) {
        write_failure(exchange);
    } else if (base->id.len > 0) {
        write_line(server, reply->body);
    } else if (reply->body.len > 0) {
        server->events.on_unanswered(server->events.context, reply->body);
    }
    take_session(server, reply);
}

static void stream_begin(struct exchange *base, const struct exchange_reply *reply)
{
    struct stdio_exchange *exchange = exchange_of(base);
    (void)reply;
    sse_reader_init(&exchange->events, EVENT_BYTES_MAX, &exchange->server->loop->account);
    exchange->is_streaming = true;
}

static enum status stream_send(struct exchange *base, struct slice bytes)
{
    struct stdio_exchange *exchange = exchange_of(base);
    struct stdio_server *server = exchange->server;
    struct sse_event event;
    enum sse_result result;
    while ((result = sse_reader_next(&exchange->events, &bytes, &event, NULL)) == SSE_EVENT) {
        if (event.data.len > 0 && is_one_line(event.data)) {
            write_line(server, event.data);
        }
    }
    bool is_slow = output_pending(&server->output) > server->options.queue_bytes_max;
    balance(server);
    return result == SSE_ERROR || is_slow ? STATUS_LIMIT : STATUS_OK;
}

static void stream_end(struct exchange *base)
{
    exchange_of(base)->is_answered = true;
}

static void break_off(struct exchange *base)
{
    struct stdio_exchange *exchange = exchange_of(base);
    if (!exchange->is_answered) {
        exchange->is_answered = true;
        write_failure(exchange);
    }
}

static void release(struct exchange *base)
{
    struct stdio_exchange *exchange = exchange_of(base);
    struct stdio_server *server = exchange->server;
    struct stdio_exchange **at =
        exchange->previous == NULL ? &server->exchanges : &exchange->previous->next;
    *at = exchange->next;
    if (exchange->next != NULL) {
        exchange->next->previous = exchange->previous;
    }
    if (exchange->is_streaming) {
        sse_reader_release(&exchange->events);
    }
    base_free(exchange);
    server->exchange_count--;
    balance(server);
}

static const struct exchange_vtable VTABLE = {.reply = reply,
                                              .stream_begin = stream_begin,
                                              .stream_send = stream_send,
                                              .stream_end = stream_end,
                                              .abort = break_off,
                                              .release = release};

/* -- begin and end ------------------------------------------------------------------------- */

static int open_pipe(struct stdio_server *server, uv_pipe_t *pipe, int fd)
{
    (void)uv_pipe_init(&server->loop->uv, pipe, 0);
    pipe->data = server;
    server->handle_count++;
    int result = uv_pipe_open(pipe, fd);
    if (result != 0) {
        (void)close(fd);
    }
    return result;
}

static void ignore_end(void *context)
{
    (void)context;
}

enum status stdio_server_start(struct stdio_server *server, struct loop *loop,
                               const struct stdio_server_options *options,
                               const struct exchange_handler *handler,
                               const struct stdio_server_events *events, struct diag *diag)
{
    *server = (struct stdio_server){.loop = loop,
                                    .options = *options,
                                    .handler = *handler,
                                    .events = *events,
                                    .on_closed = ignore_end};
    lines_init(&server->lines, options->line_bytes_max, &loop->account);
    /* A file can be written without waiting, but it never becomes ready for reading. */
    bool is_file = uv_guess_handle(options->in_fd) == UV_FILE;
    int in_result = open_pipe(server, &server->in, options->in_fd);
    in_result = is_file ? UV_EINVAL : in_result;
    int out_result = open_pipe(server, &server->out, options->out_fd);
    output_init(&server->output, (uv_stream_t *)&server->out, OUTPUT_BYTES_MAX, &loop->account);
    server->output.on_progress = on_progress;
    if (in_result != 0 || out_result != 0) {
        close_handles(server);
        return diag_fail(diag, STATUS_UNAVAILABLE, "stdio.open",
                         in_result != 0 ? "standard input must be a pipe or a terminal"
                                        : "standard output cannot be written");
    }
    read_on(server);
    return STATUS_OK;
}

void stdio_server_drain(struct stdio_server *server, void (*on_closed)(void *context),
                        void *context)
{
    if (on_closed != NULL) {
        server->on_closed = on_closed;
        server->context = context;
    }
    server->is_draining = server->is_ended = true;
    stop_reading(server);
    close_when_drained(server);
}

void stdio_server_close(struct stdio_server *server, void (*on_closed)(void *context),
                        void *context)
{
    stdio_server_drain(server, on_closed, context);
    struct stdio_exchange *next = NULL;
    for (struct stdio_exchange *at = server->exchanges; at != NULL; at = next) {
        next = at->next;
        if (!at->is_answered && at->base.on_gone != NULL) {
            at->is_answered = true;
            at->base.on_gone(&at->base);
        }
    }
    close_handles(server);
}
