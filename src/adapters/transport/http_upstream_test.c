#include "adapters/transport/http_upstream.h"

#include "adapters/transport/media_type.h"
#include "adapters/transport/peer_test.h"
#include "adapters/transport/tcp.h"
#include "support/check.h"

#include <unistd.h>

#define LONG_MS 60000 /* never over in a test */
#define ACCOUNT_BYTES ((size_t)64 << 20)
#define MESSAGE_BYTES_MAX ((size_t)65536)

struct sink {
    struct upstream_sink base;
    struct buf messages;  /* joined by '|' */
    struct buf positions; /* "ID/MS|" each */
    size_t message_count, stream_count, end_count, session_count;
    enum status status;
    int http_status;
    struct diag diag;
    bool has_ended;
    struct port_upstream *port; /* set: cancel at the first message */
    struct upstream_call *call;
};

static void on_session(const struct upstream_sink *base, struct slice session)
{
    struct sink *sink = base->user;
    sink->session_count++;
    CHECK(slice_eq(session, SLICE("s-1")));
}

static void on_position(const struct upstream_sink *base, struct slice event_id, int64_t retry_ms)
{
    struct sink *sink = base->user;
    buf_append(&sink->positions, event_id);
    buf_append_byte(&sink->positions, '/');
    buf_append_i64(&sink->positions, retry_ms);
    buf_append_byte(&sink->positions, '|');
}

static void on_message(const struct upstream_sink *base, struct slice json, bool is_stream)
{
    struct sink *sink = base->user;
    sink->message_count++;
    sink->stream_count += is_stream ? 1 : 0;
    buf_append(&sink->messages, json);
    buf_append_byte(&sink->messages, '|');
    if (sink->port != NULL) {
        sink->port->cancel(sink->port->context, sink->call);
    }
}

static void on_end(const struct upstream_sink *base, enum status status, int http_status,
                   const struct diag *diag)
{
    struct sink *sink = base->user;
    sink->end_count++;
    sink->status = status;
    sink->http_status = http_status;
    sink->diag = *diag;
    sink->has_ended = true;
}

static void sink_init(struct sink *sink)
{
    *sink = (struct sink){.base = {.on_session = on_session,
                                   .on_position = on_position,
                                   .on_message = on_message,
                                   .on_end = on_end,
                                   .user = sink}};
    buf_init(&sink->messages, ACCOUNT_BYTES, NULL);
    buf_init(&sink->positions, ACCOUNT_BYTES, NULL);
}

struct fixture {
    struct loop loop;
    struct peer_server server;
    struct upstream_target targets[2];
    struct http_upstream *upstream;
    struct port_upstream port;
    struct sink sink;
};

static void set_up_named(struct fixture *self, const struct slice *answers, size_t answer_count,
                         struct slice host)
{
    *self = (struct fixture){0};
    CHECK(loop_init(&self->loop, ACCOUNT_BYTES, NULL) == STATUS_OK);
    self->server.answers = answers;
    self->server.answer_count = answer_count;
    peer_server_start(&self->server, &self->loop);
    self->targets[0] = (struct upstream_target){
        .host = host, .port = self->server.port, .path = SLICE_INIT("/mcp")};
    struct http_upstream_options options = HTTP_UPSTREAM_OPTIONS_DEFAULT;
    options.message_bytes_max = MESSAGE_BYTES_MAX;
    options.calls_max = 3;
    CHECK(http_upstream_new(&self->loop, self->targets, 2, &options, &self->upstream, NULL) ==
          STATUS_OK);
    self->port = http_upstream_port(self->upstream);
    sink_init(&self->sink);
}

static void set_up(struct fixture *self, const struct slice *answers, size_t answer_count)
{
    set_up_named(self, answers, answer_count, SLICE("127.0.0.1"));
}

static void tear_down(struct fixture *self)
{
    http_upstream_free(self->upstream);
    peer_server_stop(&self->server);
    loop_release(&self->loop);
    CHECK(self->loop.account.used_bytes == 0);
    buf_release(&self->sink.messages);
    buf_release(&self->sink.positions);
}

static const struct upstream_request REQUEST = {.body = SLICE_INIT("{\"id\":1}"),
                                                .expects_answer = true,
                                                .id = 1,
                                                .timeout_ms = LONG_MS,
                                                .deadline_ms = LONG_MS};

static void start(struct fixture *self, const struct upstream_request *request)
{
    struct diag diag = {0};
    buf_clear(&self->sink.messages);
    self->sink.has_ended = false;
    CHECK(self->port.start(self->port.context, request, &self->sink.base, &self->sink.call,
                           &diag) == STATUS_OK);
}

static void call(struct fixture *self, const struct upstream_request *request)
{
    start(self, request);
    CHECK(peer_run_until(&self->loop, &self->sink.has_ended));
}

#define JSON_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#define JSON_ANSWER JSON_HEAD "Content-Length: 8\r\n\r\n{\"id\":1}"
#define SSE_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"

struct answer_row {
    const char *row;
    struct slice answer;
    enum status status;
    int http_status;
    const char *code;
    struct slice messages;
    bool closes;
};

#define ROW_OK(row, answer, http_status, messages, closes)                                         \
    {                                                                                              \
        row, SLICE_INIT(answer), STATUS_OK, http_status, NULL, SLICE_INIT(messages), closes        \
    }
#define ROW_BAD(row, answer, http_status, code, messages, closes)                                  \
    {                                                                                              \
        row, SLICE_INIT(answer), STATUS_INVALID, http_status, code, SLICE_INIT(messages), closes   \
    }

static const struct answer_row ANSWERS[] = {
    ROW_OK("json", JSON_ANSWER, 200, "{\"id\":1}|", false),
    ROW_OK("json in chunks", JSON_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
           200, "{}|", false),
    ROW_OK("json until close", JSON_HEAD "\r\n{}", 200, "{}|", true),
    ROW_OK("charset",
           "HTTP/1.1 200 OK\r\nContent-Type: Application/JSON; charset=\"UTF-8\"\r\n"
           "Content-Length: 2\r\n\r\n{}",
           200, "{}|", false),
    ROW_OK("interim", "HTTP/1.1 103 Early Hints\r\n\r\n" JSON_ANSWER, 200, "{\"id\":1}|", false),
    ROW_OK("refusal in json",
           "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n"
           "Content-Length: 2\r\n\r\n{}",
           400, "{}|", false),
    ROW_OK("events",
           SSE_HEAD "Transfer-Encoding: chunked\r\n\r\n"
                    "8\r\ndata: 1\n\r\n1\r\n\n\r\n18\r\nevent: message\ndata: 2\n\n\r\n"
                    "0\r\n\r\n",
           200, "1|2|", false),
    ROW_OK("events until close", SSE_HEAD "\r\n:hi\n\nretry: 5\n\nid: 1\ndata:\n\ndata: {}\n\n",
           200, "{}|", true),
    ROW_BAD("event of another name", SSE_HEAD "\r\nevent: ping\ndata: 1\n\n", 200, "upstream.event",
            "", false),
    ROW_BAD("empty event", SSE_HEAD "\r\ndata: 1\n\ndata:\n\n", 200, "upstream.event", "1|", false),
    ROW_BAD("half an event", SSE_HEAD "\r\ndata: 1\n\ndata: 2\n", 200, "upstream.truncated", "1|",
            true),
    ROW_BAD("cut chunk", SSE_HEAD "Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n", 200,
            "upstream.truncated", "1|", true),
    ROW_BAD("cut json", JSON_HEAD "Content-Length: 9\r\n\r\n{}", 200, "upstream.truncated", "",
            true),
    ROW_BAD("empty json", JSON_HEAD "Content-Length: 0\r\n\r\n", 200, "upstream.protocol", "",
            false),
    ROW_BAD("html", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n{}",
            200, "upstream.content_type", "", false),
    ROW_BAD("no type", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200,
            "upstream.content_type", "", false),
    ROW_BAD("latin 1",
            "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=latin1\r\n"
            "Content-Length: 2\r\n\r\n{}",
            200, "upstream.content_type", "", false),
    ROW_BAD("two types", JSON_HEAD "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", 200,
            "upstream.protocol", "", false),
    ROW_BAD("gzip", JSON_HEAD "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", 200,
            "upstream.protocol", "", false),
    ROW_BAD("redirect", "HTTP/1.1 307 x\r\nLocation: http://b/\r\nContent-Length: 0\r\n\r\n", 307,
            "upstream.status", "", false),
    ROW_BAD("server error",
            "HTTP/1.1 500 x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", 500,
            "upstream.status", "", false),
    ROW_BAD("not found", "HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n", 404, "upstream.status", "",
            false),
    ROW_BAD("accepted, but an answer is due", "HTTP/1.1 202 x\r\nContent-Length: 0\r\n\r\n", 202,
            "upstream.status", "", false),
    ROW_BAD("both framings",
            JSON_HEAD "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            0, "upstream.protocol", "", false),
    ROW_BAD("no http", "hello\r\n\r\n", 0, "upstream.protocol", "", false),
    ROW_BAD("upgrade", "HTTP/1.1 101 x\r\nUpgrade: h2c\r\n\r\n", 0, "upstream.protocol", "", false),
    {"too large", SLICE_INIT(JSON_HEAD "Content-Length: 65537\r\n\r\n"), STATUS_LIMIT, 0,
     "upstream.too_large", SLICE_INIT(""), false},
    {"nothing", SLICE_INIT(""), STATUS_UNAVAILABLE, 0, "upstream.down", SLICE_INIT(""), true},
    {"half a head", SLICE_INIT("HTTP/1.1 200 OK\r\n"), STATUS_UNAVAILABLE, 0, "upstream.down",
     SLICE_INIT(""), true},
};

static void check_answer(const struct answer_row *row, bool is_bytewise)
{
    struct fixture self;
    set_up(&self, &row->answer, 1);
    self.server.is_bytewise = is_bytewise;
    self.server.closes_after = row->closes;
    call(&self, &REQUEST);
    CHECK_ROW(row->row, self.sink.end_count == 1);
    CHECK_ROW(row->row, self.sink.status == row->status);
    CHECK_ROW(row->row, self.sink.http_status == row->http_status);
    CHECK_ROW(row->row, str_eq(self.sink.diag.code, row->code));
    CHECK_ROW(row->row, slice_eq(buf_view(&self.sink.messages), row->messages));
    /* Only a clean answer leaves a connection that may be used again. */
    bool is_reusable = row->status == STATUS_OK && !row->closes;
    CHECK_ROW(row->row, http_upstream_idle_count(self.upstream) == (is_reusable ? 1 : 0));
    tear_down(&self);
}

TEST(http_upstream_judges_answers)
{
    for (size_t i = 0; i < COUNT_OF(ANSWERS); i++) {
        check_answer(&ANSWERS[i], false);
        check_answer(&ANSWERS[i], true);
    }
}

/* A message of the bound, and one that is a byte longer: of known length, up to the end, and as an
 * event, whose line it is that counts. */
TEST(http_upstream_takes_messages_up_to_their_bound)
{
    static const struct {
        const char *name, *head, *before, *after;
        bool closes;
    } rows[] = {
        {"of known length", JSON_HEAD "Content-Length: 65536\r\n\r\n", "", "", false},
        {"a byte longer", JSON_HEAD "Content-Length: 65537\r\n\r\n", "", "", false},
        {"up to the end", JSON_HEAD "\r\n", "", "", true},
        {"up to the end, longer", JSON_HEAD "\r\n", "", "", true},
        {"an event", SSE_HEAD "\r\n", "data: ", "\n\n", true},
        {"a longer event", SSE_HEAD "\r\n", "data: ", "\n\n", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool is_over = i % 2 == 1;
        struct buf text;
        struct fixture self;
        buf_init(&text, ACCOUNT_BYTES, NULL);
        buf_append(&text, slice_view_cstr(rows[i].head));
        size_t end = text.len + MESSAGE_BYTES_MAX + (is_over ? 1 : 0);
        buf_append(&text, slice_view_cstr(rows[i].before));
        while (text.len < end) {
            buf_append_byte(&text, '1');
        }
        buf_append(&text, slice_view_cstr(rows[i].after));
        struct slice answer = buf_view(&text);
        set_up(&self, &answer, 1);
        self.server.closes_after = rows[i].closes;
        call(&self, &REQUEST);
        CHECK_ROW(rows[i].name, self.sink.status == (is_over ? STATUS_LIMIT : STATUS_OK));
        CHECK_ROW(rows[i].name, str_eq(self.sink.diag.code, is_over ? "upstream.too_large" : NULL));
        CHECK_ROW(rows[i].name, self.sink.message_count == (is_over ? 0 : 1));
        tear_down(&self);
        buf_release(&text);
    }
}

TEST(http_upstream_sends_what_it_must)
{
    static const struct slice ANSWER = SLICE_INIT("x");
    static const struct http_field FIELDS[] = {
        {SLICE_INIT("Mcp-Method"), SLICE_INIT("tools/call")}};
    struct fixture self;
    set_up(&self, &ANSWER, 0);
    struct upstream_request request = REQUEST;
    request.fields = FIELDS;
    request.field_count = 1;
    request.credential_name = SLICE("Authorization");
    request.credential_value = SLICE("Bearer t");
    start(&self, &request);
    while (self.server.peer_count == 0) {
        (void)uv_run(&self.loop.uv, UV_RUN_ONCE);
    }
    struct peer *peer = &self.server.peers[0];
    CHECK(peer_run_until_text(&self.loop, peer, SLICE("\r\n\r\n{\"id\":1}")));
    CHECK(slice_starts_with(peer_text(peer), SLICE("POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:")));
    CHECK(peer_contains(peer, SLICE("\r\nContent-Type: application/json\r\n")));
    CHECK(peer_contains(peer, SLICE("\r\nAccept: application/json, text/event-stream\r\n")));
    CHECK(peer_contains(peer, SLICE("\r\nMcp-Method: tools/call\r\n")));
    CHECK(peer_contains(peer, SLICE("\r\nAuthorization: Bearer t\r\n")));
    CHECK(peer_contains(peer, SLICE("\r\nContent-Length: 8\r\n")));
    self.port.cancel(self.port.context, self.sink.call);
    CHECK(peer_run_until_ended(&self.loop, peer));
    CHECK(self.sink.end_count == 0);
    tear_down(&self);
}

TEST(http_upstream_refuses_to_start)
{
    static const struct http_field FIELDS[] = {{SLICE_INIT("A"), SLICE_INIT("b\r\nC: d")}};
    struct fixture self;
    set_up(&self, NULL, 0);
    struct upstream_request requests[] = {REQUEST, REQUEST, REQUEST};
    static const char *const CODES[] = {"upstream.unknown", "upstream.unknown", "upstream.request"};
    requests[0].server = 1;
    requests[1].server = 2;
    requests[2].fields = FIELDS;
    requests[2].field_count = 1;
    struct diag diag = {0};
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        CHECK(self.port.start(self.port.context, &requests[i], &self.sink.base, &self.sink.call,
                              &diag) != STATUS_OK);
        CHECK_ROW(CODES[i], str_eq(diag.code, CODES[i]));
    }
    /* Streams that stay open get half of the places. */
    struct upstream_request standing = REQUEST;
    standing.is_get = true;
    standing.expects_answer = false;
    start(&self, &standing);
    CHECK(self.port.start(self.port.context, &standing, &self.sink.base, &self.sink.call, &diag) ==
          STATUS_UNAVAILABLE);
    CHECK(str_eq(diag.code, "upstream.busy"));
    start(&self, &REQUEST);
    start(&self, &REQUEST);
    CHECK(self.port.start(self.port.context, &REQUEST, &self.sink.base, &self.sink.call, &diag) ==
          STATUS_UNAVAILABLE);
    CHECK(str_eq(diag.code, "upstream.busy"));
    tear_down(&self);
    CHECK(self.sink.end_count == 3 && str_eq(self.sink.diag.code, "upstream.down"));
}

TEST(http_upstream_uses_a_connection_again)
{
    static const struct slice TWO[] = {SLICE_INIT(JSON_ANSWER), SLICE_INIT(JSON_ANSWER)};
    struct fixture self;
    set_up(&self, TWO, 2);
    call(&self, &REQUEST);
    call(&self, &REQUEST);
    CHECK(self.sink.status == STATUS_OK && self.server.peer_count == 1);
    tear_down(&self);
}

/* One that the server is about to close is not used; times in seconds. */
TEST(http_upstream_heeds_how_long_a_server_keeps_a_connection)
{
    static const struct {
        const char *field;
        size_t peers;
    } rows[] = {
        {"Keep-Alive: timeout=5", 1},           {"Keep-Alive: max=9, Timeout=2", 1},
        {"Keep-Alive: timeout=1", 2},           {"Keep-Alive: max=9 , timeout=0", 2},
        {"Keep-Alive: timeout=x", 1},           {"Keep-Alive: timeout=-1", 1},
        {"Keep-Alive: timeout=99999999999", 1}, {"Keep-Alive: timeouts=1, ,", 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char answer[256];
        struct fixture self;
        int len = snprintf(answer, sizeof(answer), JSON_HEAD "%s\r\nContent-Length: 2\r\n\r\n{}",
                           rows[i].field);
        struct slice answers[] = {slice_of(answer, (size_t)len), slice_of(answer, (size_t)len)};
        set_up(&self, answers, 2);
        call(&self, &REQUEST);
        call(&self, &REQUEST);
        CHECK_ROW(rows[i].field, self.sink.status == STATUS_OK);
        CHECK_ROW(rows[i].field, self.server.peer_count == rows[i].peers);
        tear_down(&self);
    }
}

TEST(http_upstream_leaves_a_closed_connection)
{
    static const struct slice TWO[] = {SLICE_INIT(JSON_ANSWER), SLICE_INIT(JSON_ANSWER)};
    struct fixture self;
    set_up(&self, TWO, 2);
    call(&self, &REQUEST);
    /* Closed by the system at once, but the loop has not seen it when the next call starts. */
    uv_os_fd_t fd = -1;
    CHECK(uv_fileno((uv_handle_t *)&self.server.peers[0].tcp, &fd) == 0);
    CHECK(shutdown(fd, SHUT_RDWR) == 0);
    call(&self, &REQUEST);
    CHECK(self.sink.status == STATUS_OK && self.server.peer_count == 2);
    tear_down(&self);
}

TEST(http_upstream_trusts_no_bytes_after_an_answer)
{
    static const struct slice TWO[] = {SLICE_INIT(JSON_ANSWER JSON_ANSWER),
                                       SLICE_INIT(JSON_HEAD "Content-Length: 1\r\n\r\n2")};
    struct fixture self;
    set_up(&self, TWO, 2);
    call(&self, &REQUEST);
    call(&self, &REQUEST);
    CHECK(slice_eq(buf_view(&self.sink.messages), SLICE("2|")));
    CHECK(self.server.peer_count == 2);
    tear_down(&self);
}

TEST(http_upstream_ends_notifications)
{
    static const struct slice ANSWER_202 =
        SLICE_INIT("HTTP/1.1 202 Accepted\r\nMcp-Session-Id: s-1\r\nContent-Length: 0\r\n\r\n");
    struct fixture self;
    set_up(&self, &ANSWER_202, 1);
    struct upstream_request request = REQUEST;
    request.expects_answer = false;
    call(&self, &request);
    CHECK(self.sink.status == STATUS_OK && self.sink.http_status == 202);
    CHECK(self.sink.message_count == 0 && self.sink.session_count == 1);
    CHECK(http_upstream_idle_count(self.upstream) == 1);
    tear_down(&self);
}

TEST(http_upstream_times_out)
{
    static const struct slice HALF = SLICE_INIT(SSE_HEAD "\r\ndata: 1\n\n");
    static const struct {
        const char *row;
        bool is_deadline;
        size_t messages;
    } ROWS[] = {
        {"silence", false, 0},
        {"silence behind a message", false, 1},
        {"deadline", true, 1},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        size_t messages = SIZE_MAX;
        /* On a busy machine the time may be over before the message is here: longer, then. */
        for (int64_t ms = 40; messages != ROWS[i].messages && ms < LONG_MS; ms *= 2) {
            struct fixture self;
            set_up(&self, &HALF, ROWS[i].messages);
            struct upstream_request request = REQUEST;
            request.timeout_ms = ROWS[i].is_deadline ? 0 : ms;
            request.deadline_ms = ROWS[i].is_deadline ? ms : 0;
            call(&self, &request);
            CHECK_ROW(ROWS[i].row, self.sink.status == STATUS_TIMEOUT &&
                                       str_eq(self.sink.diag.code, "upstream.timeout"));
            messages = self.sink.message_count;
            tear_down(&self);
        }
        CHECK_ROW(ROWS[i].row, messages == ROWS[i].messages);
    }
}

TEST(http_upstream_can_be_cancelled_inside_a_message)
{
    static const struct slice ROWS[] = {SLICE_INIT(SSE_HEAD "\r\ndata: 1\n\ndata: 2\n\n"),
                                        SLICE_INIT(JSON_ANSWER)};
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct fixture self;
        set_up(&self, &ROWS[i], 1);
        self.sink.port = &self.port;
        start(&self, &REQUEST);
        while (self.sink.message_count == 0) {
            (void)uv_run(&self.loop.uv, UV_RUN_ONCE);
        }
        CHECK(peer_run_until_ended(&self.loop, &self.server.peers[0]));
        CHECK(self.sink.message_count == 1 && self.sink.end_count == 0);
        CHECK(http_upstream_idle_count(self.upstream) == 0);
        tear_down(&self);
    }
}

TEST(http_upstream_pauses)
{
    static const struct slice EVENT = SLICE_INIT(SSE_HEAD "\r\ndata: 1\n\n");
    struct fixture self;
    set_up(&self, &EVENT, 1);
    start(&self, &REQUEST);
    while (self.sink.message_count == 0) {
        (void)uv_run(&self.loop.uv, UV_RUN_ONCE);
    }
    self.port.pause(self.port.context, self.sink.call, true);
    peer_send(&self.server.peers[0], SLICE("data: 2\n\n"));
    peer_run_some(&self.loop);
    CHECK(self.sink.message_count == 1);
    self.port.pause(self.port.context, self.sink.call, false);
    while (self.sink.message_count == 1 && !self.sink.has_ended) {
        (void)uv_run(&self.loop.uv, UV_RUN_ONCE);
    }
    CHECK(self.sink.message_count == 2);
    tear_down(&self);
}

TEST(http_upstream_says_where_a_stream_stands)
{
    static const struct slice EVENTS =
        SLICE_INIT(SSE_HEAD "Connection: close\r\n\r\nid: a\nretry: 500\ndata:\n\n"
                            "id: b\ndata: {}\n\ndata: {}\n\nretry: 7\n\n");
    struct fixture self;
    set_up(&self, &EVENTS, 1);
    self.server.closes_after = true;
    call(&self, &REQUEST);
    CHECK(slice_eq(buf_view(&self.sink.positions), SLICE("a/500|b/-1|/7|")));
    CHECK(self.sink.status == STATUS_OK && self.sink.message_count == 2);
    tear_down(&self);
}

TEST(http_upstream_gets_a_stream)
{
    static const struct {
        const char *name;
        struct slice answer;
        enum status status;
        const char *code;
    } rows[] = {
        {"events", SLICE_INIT(SSE_HEAD "\r\ndata: {}\n\n"), STATUS_OK, NULL},
        {"JSON", SLICE_INIT(JSON_ANSWER), STATUS_INVALID, "upstream.content_type"},
        {"no stream", SLICE_INIT("HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n"), STATUS_INVALID,
         "upstream.status"},
        {"an error in JSON",
         SLICE_INIT("HTTP/1.1 400 No\r\nContent-Type: application/json\r\nContent-Length: "
                    "2\r\n\r\n{}"),
         STATUS_INVALID, "upstream.status"},
        {"no session", SLICE_INIT("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"), STATUS_NOT_FOUND,
         "upstream.session"},
    };
    static const struct http_field AFTER = {SLICE_INIT("Last-Event-ID"), SLICE_INIT("e7")};
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        struct fixture self;
        struct upstream_request request = REQUEST;
        request.is_get = request.is_in_session = true;
        request.expects_answer = i < COUNT_OF(rows); /* else it is the standalone one */
        request.body = SLICE_EMPTY;
        request.fields = &AFTER;
        request.field_count = 1;
        set_up(&self, NULL, 0);
        start(&self, &request);
        CHECK_ROW(rows[i % COUNT_OF(rows)].name,
                  peer_run_until_text(&self.loop, &self.server.peers[0], SLICE("\r\n\r\n")));
        struct slice sent = peer_text(&self.server.peers[0]);
        CHECK_ROW(rows[i % COUNT_OF(rows)].name,
                  slice_starts_with(sent, SLICE("GET /mcp HTTP/1.1\r\n")));
        CHECK_ROW(rows[i % COUNT_OF(rows)].name,
                  slice_contains(sent, SLICE("Accept: text/event-stream\r\n")));
        CHECK_ROW(rows[i % COUNT_OF(rows)].name,
                  slice_contains(sent, SLICE("Last-Event-ID: e7\r\n")));
        CHECK_ROW(rows[i % COUNT_OF(rows)].name, !slice_contains(sent, SLICE("Content-")));
        peer_send(&self.server.peers[0], rows[i % COUNT_OF(rows)].answer);
        peer_close(&self.server.peers[0]);
        CHECK_ROW(rows[i % COUNT_OF(rows)].name, peer_run_until(&self.loop, &self.sink.has_ended));
        CHECK_ROW(rows[i % COUNT_OF(rows)].name,
                  self.sink.status == rows[i % COUNT_OF(rows)].status);
        CHECK_ROW(rows[i % COUNT_OF(rows)].name,
                  str_eq(self.sink.diag.code, rows[i % COUNT_OF(rows)].code));
        tear_down(&self);
    }
}

TEST(http_upstream_ends_a_session)
{
    static const struct {
        const char *name;
        struct slice answer;
        enum status status;
        const char *code;
    } rows[] = {
        {"ended", SLICE_INIT("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), STATUS_OK, NULL},
        {"ended, with words", SLICE_INIT(JSON_ANSWER), STATUS_OK, NULL},
        {"ended, no content", SLICE_INIT("HTTP/1.1 204 OK\r\n\r\n"), STATUS_OK, NULL},
        {"not supported", SLICE_INIT("HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n"),
         STATUS_INVALID, "upstream.status"},
    };
    static const struct http_field SESSION = {SLICE_INIT("Mcp-Session-Id"), SLICE_INIT("s-1")};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture self;
        struct upstream_request request = {
            .is_delete = true, .fields = &SESSION, .field_count = 1, .deadline_ms = LONG_MS};
        set_up(&self, NULL, 0);
        start(&self, &request);
        CHECK_ROW(rows[i].name,
                  peer_run_until_text(&self.loop, &self.server.peers[0], SLICE("\r\n\r\n")));
        struct slice sent = peer_text(&self.server.peers[0]);
        CHECK_ROW(rows[i].name, slice_starts_with(sent, SLICE("DELETE /mcp HTTP/1.1\r\n")));
        CHECK_ROW(rows[i].name, slice_contains(sent, SLICE("Mcp-Session-Id: s-1\r\n")));
        CHECK_ROW(rows[i].name, !slice_contains(sent, SLICE("Content-")));
        peer_send(&self.server.peers[0], rows[i].answer);
        CHECK_ROW(rows[i].name, peer_run_until(&self.loop, &self.sink.has_ended));
        CHECK_ROW(rows[i].name, self.sink.status == rows[i].status);
        CHECK_ROW(rows[i].name, str_eq(self.sink.diag.code, rows[i].code));
        tear_down(&self);
    }
}

/* Without a session of ours a 404 is an answer like others. */
TEST(http_upstream_tells_a_session_that_is_over)
{
    static const struct slice ANSWER =
        SLICE_INIT("HTTP/1.1 404 No\r\nContent-Type: application/json\r\nContent-Length: "
                   "8\r\n\r\n{\"id\":1}");
    for (int is_in_session = 0; is_in_session < 2; is_in_session++) {
        struct fixture self;
        struct upstream_request request = REQUEST;
        request.is_in_session = is_in_session != 0;
        set_up(&self, &ANSWER, 1);
        call(&self, &request);
        CHECK(self.sink.status == (is_in_session != 0 ? STATUS_NOT_FOUND : STATUS_OK));
        CHECK(self.sink.message_count == (is_in_session != 0 ? 0 : 1));
        tear_down(&self);
    }
}

/* The server waits for us: its silence is no time-out until we have answered. */
TEST(http_upstream_excuses_silence)
{
    static const struct slice EVENT = SLICE_INIT(SSE_HEAD "\r\ndata: 1\n\n");
    struct fixture self;
    struct upstream_request request = REQUEST;
    request.timeout_ms = 30;
    set_up(&self, &EVENT, 1);
    start(&self, &request);
    while (self.sink.message_count == 0) {
        (void)uv_run(&self.loop.uv, UV_RUN_ONCE);
    }
    self.port.excuse(self.port.context, self.sink.call, true);
    peer_run_some(&self.loop);
    (void)!usleep(60000);
    peer_run_some(&self.loop);
    CHECK(!self.sink.has_ended);
    self.port.excuse(self.port.context, self.sink.call, false);
    CHECK(peer_run_until(&self.loop, &self.sink.has_ended));
    CHECK(self.sink.status == STATUS_TIMEOUT);
    tear_down(&self);
}

TEST(http_upstream_reports_an_unreachable_server)
{
    struct fixture self;
    set_up(&self, NULL, 0);
    int fd = -1;
    CHECK(tcp_listen_fd(SLICE("127.0.0.1"), 0, &fd, NULL) == STATUS_OK);
    self.targets[0].port = tcp_local_port(fd); /* bound, but nobody listens */
    call(&self, &REQUEST);
    CHECK(self.sink.status == STATUS_UNAVAILABLE && str_eq(self.sink.diag.code, "upstream.down"));
    CHECK(self.sink.http_status == 0);
    CHECK(close(fd) == 0);
    tear_down(&self);
}

TEST(http_upstream_resolves_names)
{
    static const struct slice TWO[] = {SLICE_INIT(JSON_ANSWER), SLICE_INIT(JSON_ANSWER)};
    struct fixture self;
    set_up_named(&self, TWO, 2, SLICE("localhost"));
    self.server.closes_after = true;
    call(&self, &REQUEST);
    CHECK(self.sink.status == STATUS_OK);
    call(&self, &REQUEST);
    CHECK(self.sink.status == STATUS_OK);
    tear_down(&self);
}

TEST(http_upstream_survives_its_end_while_resolving)
{
    struct fixture self;
    set_up_named(&self, NULL, 0, SLICE("localhost"));
    start(&self, &REQUEST);
    tear_down(&self);
    CHECK(self.sink.end_count == 1 && str_eq(self.sink.diag.code, "upstream.down"));
}

TEST(media_types)
{
    static const struct {
        const char *value;
        bool is_json;
    } ROWS[] = {
        {"application/json", true},
        {"APPLICATION/json ;x=1", true},
        {"application/json;charset=utf-8", true},
        {"application/json; charset=\"Utf-8\"; x=y", true},
        {"", false},
        {"application/json5", false},
        {"text/json", false},
        {"application/json; charset=utf-16", false},
        {"application/json; charset=", false},
        {"application/json; charset", false},
        {"application/json; charset=utf-8; charset=latin1", false},
        {"application/json, text/html", false},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        CHECK_ROW(ROWS[i].value, media_type_is(slice_view_cstr(ROWS[i].value),
                                               SLICE("application/json")) == ROWS[i].is_json);
    }
}
