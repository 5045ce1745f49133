#include "adapters/transport/stdio_server.h"

#include "adapters/transport/peer_test.h"
#include "support/check.h"
#include "wire/sse.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define ACCOUNT_BYTES ((size_t)64 << 20)
#define HELD_MAX 8
#define OUTPUT_BYTES_MAX ((size_t)8 << 20)
#define TURNS_MAX 200

/* A client at two pipes, and a gateway that does with each request what its body says. */
struct fixture {
    struct loop loop;
    struct stdio_server server;
    struct stdio_server_options options;
    int to_server, from_server; /* the client's ends; -1: closed */
    struct buf bodies;          /* of all requests, joined by '|' */
    struct buf sessions;        /* the session ids that came with them, likewise */
    struct buf unanswered, output;
    struct exchange *stream; /* the GET that followed the handshake */
    struct exchange *held[HELD_MAX];
    size_t held_count, gone_count, end_count, refused_count;
    const char *end_reason;
    bool is_closed;
};

static void answer(struct exchange *exchange, const char *json)
{
    struct exchange_reply reply = {.status_code = 200, .body = slice_view_cstr(json)};
    exchange->vtable->reply(exchange, &reply);
    exchange->vtable->release(exchange);
}

static void give_session(struct exchange *exchange)
{
    struct http_field fields[] = {{SLICE("Content-Type"), SLICE("application/json")},
                                  {SLICE("Mcp-Session-Id"), SLICE("sealed")}};
    struct exchange_reply reply = {
        .status_code = 200, .fields = fields, .field_count = 2, .body = SLICE("{\"s\":1}")};
    exchange->vtable->reply(exchange, &reply);
    exchange->vtable->release(exchange);
}

static void on_gone(struct exchange *exchange)
{
    struct fixture *self = exchange->operation;
    self->gone_count++;
    for (size_t i = 0; i < self->held_count; i++) {
        if (self->held[i] == exchange) {
            self->held[i] = self->held[--self->held_count];
        }
    }
    exchange->vtable->release(exchange);
}

static void hold(struct fixture *self, struct exchange *exchange)
{
    exchange->operation = self;
    exchange->on_gone = on_gone;
    self->held[self->held_count++] = exchange;
}

static void begin(void *context, struct exchange *exchange, const struct exchange_request *request)
{
    struct fixture *self = context;
    CHECK(request->is_stdio);
    if (slice_eq(request->method, SLICE("GET"))) {
        self->stream = exchange;
        exchange->vtable->stream_begin(exchange, &(struct exchange_reply){.status_code = 200});
        return;
    }
    CHECK(slice_eq(request->method, SLICE("POST")));
    CHECK(slice_eq(request->target, SLICE("/mcp")));
    buf_append(&self->bodies, request->body);
    buf_append_byte(&self->bodies, '|');
    CHECK(request->field_count <= 1);
    if (request->field_count == 1) {
        CHECK(slice_eq(request->fields[0].name, SLICE("Mcp-Session-Id")));
        buf_append(&self->sessions, request->fields[0].value);
        buf_append_byte(&self->sessions, '|');
    }
    exchange->id = SLICE("7");
    if (slice_eq(request->body, SLICE("hello"))) {
        give_session(exchange);
    } else if (slice_eq(request->body, SLICE("empty"))) {
        answer(exchange, "");
    } else if (slice_eq(request->body, SLICE("two lines"))) {
        answer(exchange, "{}\n{}");
    } else if (slice_eq(request->body, SLICE("break off"))) {
        exchange->vtable->abort(exchange);
        exchange->vtable->release(exchange);
    } else if (slice_eq(request->body, SLICE("notice"))) {
        exchange->id = SLICE_EMPTY;
        answer(exchange, "");
    } else if (slice_eq(request->body, SLICE("bad notice"))) {
        exchange->id = SLICE_EMPTY;
        answer(exchange, "{\"refused\":1}");
    } else {
        hold(self, exchange);
    }
}

static void refused(void *context, const struct exchange_request *head, const char *code,
                    struct exchange_reply *reply)
{
    struct fixture *self = context;
    CHECK(head->peer_ip.len == 0 && reply->status_code == 413 && str_eq(code, "stdio.line"));
    self->refused_count++;
}

static void on_end(void *context, const char *why)
{
    struct fixture *self = context;
    self->end_count++;
    self->end_reason = why;
}

static void on_unanswered(void *context, struct slice json)
{
    buf_append(&((struct fixture *)context)->unanswered, json);
}

static void on_closed(void *context)
{
    ((struct fixture *)context)->is_closed = true;
}

/* As the gateway does before it stops. */
static void end_stream(struct fixture *self)
{
    if (self->stream != NULL) {
        self->stream->vtable->stream_end(self->stream);
        self->stream->vtable->release(self->stream);
        self->stream = NULL;
    }
}

static void setup(struct fixture *self, size_t exchanges_max)
{
    static const struct stdio_server_options DEFAULTS = STDIO_SERVER_OPTIONS_DEFAULT;
    struct diag diag = {0};
    int in[2] = {-1, -1};
    int out[2] = {-1, -1};
    *self = (struct fixture){.options = DEFAULTS};
    self->options.line_bytes_max = 64;
    self->options.queue_bytes_max = 1024;
    self->options.exchanges_max = exchanges_max;
    buf_init(&self->bodies, 65536, NULL);
    buf_init(&self->sessions, 65536, NULL);
    buf_init(&self->unanswered, 65536, NULL);
    buf_init(&self->output, OUTPUT_BYTES_MAX, NULL);
    CHECK(loop_init(&self->loop, ACCOUNT_BYTES, &diag) == STATUS_OK);
    CHECK(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    self->to_server = in[1];
    self->from_server = out[0];
    CHECK(fcntl(self->from_server, F_SETFL, O_NONBLOCK) == 0);
    struct exchange_handler handler = {.context = self, .begin = begin, .refused = refused};
    struct stdio_server_events events = {self, on_end, on_unanswered};
    self->options.in_fd = in[0];
    self->options.out_fd = out[1];
    CHECK(stdio_server_start(&self->server, &self->loop, &self->options, &handler, &events,
                             &diag) == STATUS_OK);
}

static void close_end(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

static void teardown(struct fixture *self)
{
    end_stream(self);
    if (!self->is_closed) {
        stdio_server_close(&self->server, on_closed, self);
    }
    CHECK(peer_run_until(&self->loop, &self->is_closed));
    close_end(&self->to_server);
    close_end(&self->from_server);
    loop_release(&self->loop);
    buf_release(&self->bodies);
    buf_release(&self->sessions);
    buf_release(&self->unanswered);
    buf_release(&self->output);
}

static void say(struct fixture *self, const char *text)
{
    size_t len = strlen(text);
    CHECK(write(self->to_server, text, len) == (ssize_t)len);
}

static void read_output(struct fixture *self)
{
    char bytes[4096];
    ssize_t got;
    while (self->from_server >= 0 && (got = read(self->from_server, bytes, sizeof(bytes))) > 0) {
        buf_append(&self->output, slice_of(bytes, (size_t)got));
    }
}

/* Turn the loop until that text is in the buffer. */
static bool comes(struct fixture *self, const struct buf *buf, const char *text)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        peer_run_some(&self->loop);
        read_output(self);
        if (slice_contains(buf_view(buf), slice_view_cstr(text))) {
            return true;
        }
    }
    return false;
}

static bool runs_until(struct fixture *self, const size_t *count, size_t wanted)
{
    for (int i = 0; i < TURNS_MAX && *count != wanted; i++) {
        peer_run_some(&self->loop);
    }
    return *count == wanted;
}

static bool output_is(struct fixture *self, const char *text)
{
    peer_run_some(&self->loop);
    read_output(self);
    return slice_eq(buf_view(&self->output), slice_view_cstr(text));
}

static struct exchange *take_held(struct fixture *self, size_t index)
{
    struct exchange *exchange = self->held[index];
    self->held[index] = self->held[--self->held_count];
    return exchange;
}

TEST(stdio_answers_in_the_order_in_which_answers_come)
{
    struct fixture self;
    setup(&self, 8);
    say(&self, "one\ntwo\n\r\nthree\r\n");
    CHECK(comes(&self, &self.bodies, "one|two|three|"));
    CHECK(self.held_count == 3);
    answer(take_held(&self, 1), "{\"of\":\"two\"}");
    answer(take_held(&self, 0), "{\"of\":\"one\"}");
    CHECK(output_is(&self, "{\"of\":\"two\"}\n{\"of\":\"one\"}\n"));
    teardown(&self);
}

static void stream(struct exchange *exchange, const char *json)
{
    struct buf event;
    buf_init(&event, 4096, NULL);
    sse_write_event(&event, SLICE("message"), SLICE_EMPTY, slice_view_cstr(json));
    CHECK(exchange->vtable->stream_send(exchange, buf_view(&event)) == STATUS_OK);
    buf_release(&event);
}

TEST(stdio_keeps_the_session_that_the_handshake_gave)
{
    struct fixture self;
    setup(&self, 8);
    say(&self, "before\nhello\nafter\n");
    CHECK(comes(&self, &self.bodies, "after|"));
    CHECK(slice_eq(buf_view(&self.sessions), SLICE("sealed|")));
    CHECK(output_is(&self, "{\"s\":1}\n") && self.stream != NULL);
    stream(self.stream, "{\"method\":\"changed\"}");
    CHECK(output_is(&self, "{\"s\":1}\n{\"method\":\"changed\"}\n"));
    teardown(&self);
}

TEST(stdio_leaves_no_request_without_an_answer)
{
    static const char *const BODIES[] = {"empty\n", "two lines\n", "break off\n"};
    for (size_t i = 0; i < COUNT_OF(BODIES); i++) {
        struct fixture self;
        setup(&self, 8);
        say(&self, BODIES[i]);
        CHECK_ROW(BODIES[i], comes(&self, &self.output, "\n"));
        CHECK_ROW(BODIES[i],
                  output_is(&self, "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32603,"
                                   "\"message\":\"the request could not be answered\"}}\n"));
        teardown(&self);
    }
}

TEST(stdio_answers_no_notification)
{
    struct fixture self;
    setup(&self, 8);
    say(&self, "notice\nbad notice\n");
    CHECK(comes(&self, &self.unanswered, "{\"refused\":1}"));
    CHECK(output_is(&self, ""));
    teardown(&self);
}

TEST(stdio_writes_events_as_lines)
{
    struct fixture self;
    struct exchange_reply head = {.status_code = 200};
    setup(&self, 8);
    say(&self, "slow\n");
    CHECK(comes(&self, &self.bodies, "slow|"));
    struct exchange *exchange = take_held(&self, 0);
    exchange->vtable->stream_begin(exchange, &head);
    stream(exchange, "{\"progress\":1}");
    stream(exchange, "{\"result\":1}");
    exchange->vtable->stream_end(exchange);
    exchange->vtable->release(exchange);
    CHECK(output_is(&self, "{\"progress\":1}\n{\"result\":1}\n"));
    teardown(&self);
}

TEST(stdio_cuts_the_stream_of_a_client_that_reads_nothing)
{
    struct fixture self;
    struct exchange_reply head = {.status_code = 200};
    struct buf event;
    enum status status = STATUS_OK;
    setup(&self, 8);
    buf_init(&event, 4096, NULL);
    sse_write_event(&event, SLICE("message"), SLICE_EMPTY, SLICE("{\"progress\":123456789}"));
    say(&self, "slow\n");
    CHECK(comes(&self, &self.bodies, "slow|"));
    struct exchange *exchange = take_held(&self, 0);
    exchange->vtable->stream_begin(exchange, &head);
    for (int i = 0; i < 100000 && status == STATUS_OK; i++) {
        status = exchange->vtable->stream_send(exchange, buf_view(&event));
    }
    CHECK(status == STATUS_LIMIT);
    /* While it does not read it is not read either. */
    say(&self, "more\n");
    peer_run_some(&self.loop);
    CHECK(!slice_contains(buf_view(&self.bodies), SLICE("more|")));
    exchange->vtable->abort(exchange);
    exchange->vtable->release(exchange);
    CHECK(comes(&self, &self.bodies, "more|"));
    CHECK(comes(&self, &self.output, "could not be answered"));
    buf_release(&event);
    teardown(&self);
}

/* What was written already counts: a stream is cut once more than the bound waits. */
TEST(stdio_cuts_the_stream_past_its_bound)
{
    static char text[1 << 20]; /* more than a pipe holds */
    struct fixture self;
    struct exchange_reply head = {.status_code = 200};
    struct buf event;
    setup(&self, 8);
    buf_init(&event, 2 * sizeof(text), NULL);
    memset(text, 'x', sizeof(text));
    sse_write_event(&event, SLICE("message"), SLICE_EMPTY, slice_of(text, sizeof(text)));
    say(&self, "slow\n");
    CHECK(comes(&self, &self.bodies, "slow|"));
    struct exchange *exchange = take_held(&self, 0);
    exchange->vtable->stream_begin(exchange, &head);
    self.server.options.queue_bytes_max = sizeof(text);
    CHECK(exchange->vtable->stream_send(exchange, buf_view(&event)) == STATUS_OK);
    size_t pending = output_pending(&self.server.output);
    CHECK(pending > 0);
    buf_clear(&event);
    sse_write_event(&event, SLICE("message"), SLICE_EMPTY, SLICE("xyz")); /* a line of 4 bytes */
    self.server.options.queue_bytes_max = pending + 4;
    CHECK(exchange->vtable->stream_send(exchange, buf_view(&event)) == STATUS_OK);
    self.server.options.queue_bytes_max = pending + 7;
    CHECK(exchange->vtable->stream_send(exchange, buf_view(&event)) == STATUS_LIMIT);
    exchange->vtable->abort(exchange);
    exchange->vtable->release(exchange);
    buf_release(&event);
    teardown(&self);
}

TEST(stdio_begins_no_more_than_may_run)
{
    struct fixture self;
    setup(&self, 2);
    say(&self, "a\nb\n");
    CHECK(comes(&self, &self.bodies, "a|b|"));
    say(&self, "c\n");
    peer_run_some(&self.loop);
    CHECK(self.held_count == 2);
    answer(take_held(&self, 0), "{}");
    CHECK(comes(&self, &self.bodies, "a|b|c|"));
    teardown(&self);
}

TEST(stdio_ends_with_a_line_that_is_too_long)
{
    for (size_t over = 0; over < 2; over++) {
        struct fixture self;
        char line[80] = "";
        setup(&self, 8);
        size_t len = self.options.line_bytes_max + over;
        memset(line, 'x', len);
        line[len] = '\n';
        say(&self, line);
        if (over == 0) {
            CHECK(comes(&self, &self.bodies, "x|"));
            answer(take_held(&self, 0), "{}");
        } else {
            CHECK(runs_until(&self, &self.end_count, 1));
            CHECK(self.end_reason != NULL && self.bodies.len == 0);
        }
        CHECK(self.refused_count == over);
        teardown(&self);
    }
}

TEST(stdio_drains_after_the_input_ends)
{
    struct fixture self;
    setup(&self, 8);
    say(&self, "last\n");
    CHECK(comes(&self, &self.bodies, "last|"));
    close_end(&self.to_server);
    CHECK(runs_until(&self, &self.end_count, 1) && self.end_reason == NULL);
    stdio_server_drain(&self.server, on_closed, &self);
    peer_run_some(&self.loop);
    CHECK(!self.is_closed);
    answer(take_held(&self, 0), "{\"late\":1}");
    CHECK(peer_run_until(&self.loop, &self.is_closed));
    CHECK(output_is(&self, "{\"late\":1}\n") && self.end_count == 1);
    teardown(&self);
}

TEST(stdio_tells_requests_that_their_client_is_gone)
{
    struct fixture self;
    setup(&self, 8);
    say(&self, "a\nb\n");
    CHECK(comes(&self, &self.bodies, "a|b|"));
    stdio_server_close(&self.server, on_closed, &self);
    CHECK(self.gone_count == 2);
    CHECK(peer_run_until(&self.loop, &self.is_closed) && self.end_count == 0);
    teardown(&self);
}

TEST(stdio_notices_that_nobody_reads)
{
    struct fixture self;
    setup(&self, 8);
    close_end(&self.from_server);
    say(&self, "hello\n");
    CHECK(runs_until(&self, &self.end_count, 1) && self.end_reason != NULL);
    teardown(&self);
}

TEST(stdio_refuses_a_file_as_input)
{
    static const struct stdio_server_options DEFAULTS = STDIO_SERVER_OPTIONS_DEFAULT;
    struct fixture self = {.is_closed = false};
    struct diag diag = {0};
    struct exchange_handler handler = {.context = &self, .begin = begin, .refused = refused};
    struct stdio_server_events events = {&self, on_end, on_unanswered};
    CHECK(loop_init(&self.loop, ACCOUNT_BYTES, &diag) == STATUS_OK);
    int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int out[2] = {-1, -1};
    CHECK(in >= 0 && pipe2(out, O_CLOEXEC) == 0);
    self.options = DEFAULTS;
    self.options.in_fd = in;
    self.options.out_fd = out[1];
    CHECK(stdio_server_start(&self.server, &self.loop, &self.options, &handler, &events, &diag) ==
          STATUS_UNAVAILABLE);
    CHECK(str_eq(diag.code, "stdio.open"));
    (void)close(out[0]);
    loop_release(&self.loop);
}
