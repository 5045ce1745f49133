#include "adapters/transport/http_server.h"

#include "adapters/transport/http_connection.h"
#include "adapters/transport/peer_test.h"
#include "support/check.h"

#define ACCOUNT_BYTES ((size_t)64 << 20)
#define EXCHANGES_MAX 16

/* A gateway that answers at once, or keeps the exchanges for the test to answer. */
struct gateway {
    struct exchange *held[EXCHANGES_MAX];
    size_t begin_count, refused_count, gone_count, admit_count;
    int refused_status;
    bool holds, refuses, is_gone, has_begun, is_closed, refused_had_head;
    struct buf last_body;
};

struct fixture {
    struct loop loop;
    struct http_server server;
    struct gateway gateway;
    struct peer peer;
    uint16_t port;
};

static bool admit(void *context, const struct exchange_request *head, struct exchange_reply *reply)
{
    struct gateway *gateway = context;
    (void)head;
    gateway->admit_count++;
    *reply = (struct exchange_reply){.status_code = 401, .body = SLICE("{}")};
    return !gateway->refuses;
}

static void answer(struct exchange *exchange)
{
    static const struct http_field FIELDS[] = {
        {SLICE_INIT("Content-Type"), SLICE_INIT("application/json")}};
    exchange->vtable->reply(exchange, &(struct exchange_reply){.status_code = 200,
                                                               .fields = FIELDS,
                                                               .field_count = 1,
                                                               .body = SLICE("{\"ok\":1}")});
    exchange->vtable->release(exchange);
}

static void on_gone(struct exchange *exchange)
{
    struct gateway *gateway = exchange->operation;
    gateway->gone_count++;
    gateway->is_gone = true;
    exchange->vtable->release(exchange);
}

static void begin(void *context, struct exchange *exchange, const struct exchange_request *request)
{
    struct gateway *gateway = context;
    buf_clear(&gateway->last_body);
    buf_append(&gateway->last_body, request->body);
    CHECK(slice_eq(request->peer_ip, SLICE("127.0.0.1")));
    gateway->has_begun = true;
    if (!gateway->holds) {
        gateway->begin_count++;
        answer(exchange);
        return;
    }
    exchange->operation = gateway;
    exchange->on_gone = on_gone;
    gateway->held[gateway->begin_count++] = exchange;
}

static void refused(void *context, const struct exchange_request *head, const char *code,
                    struct exchange_reply *reply)
{
    static const struct http_field FIELD = {SLICE_INIT("X-Added"), SLICE_INIT("yes")};
    struct gateway *gateway = context;
    CHECK(code != NULL);
    gateway->refused_count++;
    gateway->refused_status = reply->status_code;
    gateway->refused_had_head = head->target.len > 0 && head->field_count > 0;
    reply->fields = &FIELD;
    reply->field_count = 1;
}

static void set_up_with(struct fixture *self, const struct http_server_options *options)
{
    int fd = -1;
    *self = (struct fixture){0};
    buf_init(&self->gateway.last_body, ACCOUNT_BYTES, NULL);
    CHECK(loop_init(&self->loop, ACCOUNT_BYTES, NULL) == STATUS_OK);
    CHECK(tcp_listen_fd(SLICE("127.0.0.1"), 0, &fd, NULL) == STATUS_OK);
    self->port = tcp_local_port(fd);
    struct exchange_handler handler = {
        .context = &self->gateway, .admit = admit, .begin = begin, .refused = refused};
    CHECK(http_server_start(&self->server, &self->loop, fd, options, &handler, NULL) == STATUS_OK);
    peer_connect(&self->peer, &self->loop, self->port);
}

static void set_up(struct fixture *self)
{
    struct http_server_options options = HTTP_SERVER_OPTIONS_DEFAULT;
    set_up_with(self, &options);
}

static void on_server_closed(void *context)
{
    *(bool *)context = true;
}

static void tear_down(struct fixture *self)
{
    peer_close(&self->peer);
    http_server_close(&self->server, on_server_closed, &self->gateway.is_closed);
    CHECK(peer_run_until(&self->loop, &self->gateway.is_closed));
    loop_release(&self->loop);
    CHECK(self->loop.account.used_bytes == 0);
    buf_release(&self->gateway.last_body);
}

#define POST_HEAD "POST /mcp HTTP/1.1\r\nHost: a\r\n"
#define POST_TWO POST_HEAD "Content-Length: 2\r\n\r\n{}"
#define ANSWER_END "\r\n\r\n{\"ok\":1}"

TEST(http_server_answers_and_keeps_the_connection)
{
    struct fixture self;
    set_up(&self);
    for (size_t i = 1; i <= 3; i++) {
        peer_send(&self.peer, SLICE(POST_TWO));
        while (peer_count(&self.peer, SLICE(ANSWER_END)) < i && !self.peer.is_ended) {
            (void)uv_run(&self.loop.uv, UV_RUN_ONCE);
        }
    }
    CHECK(self.gateway.begin_count == 3);
    CHECK(slice_eq(buf_view(&self.gateway.last_body), SLICE("{}")));
    CHECK(slice_starts_with(peer_text(&self.peer), SLICE("HTTP/1.1 200 OK\r\n")));
    CHECK(peer_contains(&self.peer, SLICE("\r\nContent-Length: 8\r\n")));
    CHECK(peer_contains(&self.peer, SLICE("\r\nDate: ")));
    CHECK(peer_contains(&self.peer, SLICE(" GMT\r\nServer: aegis\r\n")));
    CHECK(!peer_contains(&self.peer, SLICE("Connection: close")));
    CHECK(!self.peer.is_ended);
    tear_down(&self);
}

TEST(http_server_takes_any_split)
{
    struct fixture self;
    set_up(&self);
    peer_send_bytewise(&self.peer, SLICE(POST_TWO));
    CHECK(peer_run_until_text(&self.loop, &self.peer, SLICE(ANSWER_END)));
    peer_send_bytewise(&self.peer, SLICE(POST_HEAD "Transfer-Encoding: chunked\r\n\r\n"
                                                   "3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n"));
    while (peer_count(&self.peer, SLICE(ANSWER_END)) < 2) {
        (void)uv_run(&self.loop.uv, UV_RUN_ONCE);
    }
    CHECK(slice_eq(buf_view(&self.gateway.last_body), SLICE("[1,2]")));
    tear_down(&self);
}

TEST(http_server_refuses_and_closes)
{
    static const struct {
        const char *row;
        struct slice request;
        struct slice status_line;
        int status_code;
        bool has_head; /* a whole one, which says who asks */
    } ROWS[] = {
        {"no host", SLICE_INIT("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"),
         SLICE_INIT("HTTP/1.1 400 "), 400, false},
        {"bare lf", SLICE_INIT("POST / HTTP/1.1\nHost: a\n\n"), SLICE_INIT("HTTP/1.1 400 "), 400,
         false},
        {"both framings",
         SLICE_INIT(POST_HEAD "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}"),
         SLICE_INIT("HTTP/1.1 400 "), 400, false},
        {"bad chunk", SLICE_INIT(POST_HEAD "Transfer-Encoding: chunked\r\n\r\n2;x=1\r\n{}\r\n"),
         SLICE_INIT("HTTP/1.1 400 "), 400, true},
        {"connect", SLICE_INIT("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"),
         SLICE_INIT("HTTP/1.1 405 "), 405, false},
        {"too large", SLICE_INIT(POST_HEAD "Content-Length: 4194305\r\n\r\n"),
         SLICE_INIT("HTTP/1.1 413 "), 413, true},
        {"version", SLICE_INIT("POST / HTTP/2.0\r\nHost: a\r\n\r\n"), SLICE_INIT("HTTP/1.1 505 "),
         505, false},
        {"body on get", SLICE_INIT("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"),
         SLICE_INIT("HTTP/1.1 405 "), 405, false},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct fixture self;
        set_up(&self);
        peer_send(&self.peer, ROWS[i].request);
        /* What follows a refused request must never be served. */
        peer_send(&self.peer, SLICE(POST_TWO));
        CHECK_ROW(ROWS[i].row, peer_run_until_ended(&self.loop, &self.peer));
        CHECK_ROW(ROWS[i].row, slice_starts_with(peer_text(&self.peer), ROWS[i].status_line));
        CHECK_ROW(ROWS[i].row, peer_count(&self.peer, SLICE("HTTP/1.1 ")) == 1);
        CHECK_ROW(ROWS[i].row, peer_contains(&self.peer, SLICE("Connection: close\r\n")));
        CHECK_ROW(ROWS[i].row, self.gateway.refused_count == 1);
        CHECK_ROW(ROWS[i].row, self.gateway.refused_status == ROWS[i].status_code);
        CHECK_ROW(ROWS[i].row, self.gateway.refused_had_head == ROWS[i].has_head);
        CHECK_ROW(ROWS[i].row, peer_contains(&self.peer, SLICE("X-Added: yes\r\n")));
        CHECK_ROW(ROWS[i].row, self.gateway.begin_count == 0);
        tear_down(&self);
    }
}

TEST(http_server_answers_what_admit_refuses_and_drops_the_body)
{
    struct fixture self;
    set_up(&self);
    self.gateway.refuses = true;
    peer_send(&self.peer, SLICE(POST_HEAD "Content-Length: 100\r\nExpect: 100-continue\r\n\r\n"));
    peer_send(&self.peer, SLICE(POST_TWO POST_TWO));
    CHECK(peer_run_until_ended(&self.loop, &self.peer));
    CHECK(slice_starts_with(peer_text(&self.peer), SLICE("HTTP/1.1 401 ")));
    CHECK(!peer_contains(&self.peer, SLICE("100 Continue")));
    CHECK(peer_count(&self.peer, SLICE("HTTP/1.1 ")) == 1);
    CHECK(self.gateway.admit_count == 1 && self.gateway.begin_count == 0);
    CHECK(self.gateway.refused_count == 0);
    tear_down(&self);
}

TEST(http_server_continues_only_after_admit)
{
    struct fixture self;
    set_up(&self);
    peer_send(&self.peer, SLICE(POST_HEAD "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"));
    CHECK(peer_run_until_text(&self.loop, &self.peer, SLICE("HTTP/1.1 100 Continue\r\n\r\n")));
    CHECK(self.gateway.begin_count == 0);
    peer_send(&self.peer, SLICE("{}"));
    CHECK(peer_run_until_text(&self.loop, &self.peer, SLICE(ANSWER_END)));
    tear_down(&self);
}

TEST(http_server_runs_pipelined_requests_one_after_the_other)
{
    struct fixture self;
    set_up(&self);
    self.gateway.holds = true;
    peer_send(&self.peer, SLICE(POST_TWO POST_TWO POST_TWO));
    CHECK(peer_run_until(&self.loop, &self.gateway.has_begun));
    for (size_t i = 0; i < 3; i++) {
        peer_run_some(&self.loop);
        CHECK(self.gateway.begin_count == i + 1);
        answer(self.gateway.held[i]);
    }
    while (peer_count(&self.peer, SLICE(ANSWER_END)) < 3) {
        (void)uv_run(&self.loop.uv, UV_RUN_ONCE);
    }
    CHECK(self.gateway.gone_count == 0);
    tear_down(&self);
}

TEST(http_server_waits_for_release_before_the_next_request)
{
    struct fixture self;
    set_up(&self);
    self.gateway.holds = true;
    peer_send(&self.peer, SLICE(POST_TWO POST_TWO));
    CHECK(peer_run_until(&self.loop, &self.gateway.has_begun));
    struct exchange *first = self.gateway.held[0];
    first->vtable->reply(first, &(struct exchange_reply){.status_code = 202});
    peer_run_some(&self.loop);
    CHECK(self.gateway.begin_count == 1);
    first->vtable->release(first);
    peer_run_some(&self.loop);
    CHECK(self.gateway.begin_count == 2);
    answer(self.gateway.held[1]);
    tear_down(&self);
}

TEST(http_server_tells_that_the_client_is_gone)
{
    struct fixture self;
    set_up(&self);
    self.gateway.holds = true;
    peer_send(&self.peer, SLICE(POST_TWO));
    CHECK(peer_run_until(&self.loop, &self.gateway.has_begun));
    peer_close(&self.peer);
    CHECK(peer_run_until(&self.loop, &self.gateway.is_gone));
    CHECK(self.gateway.gone_count == 1);
    tear_down(&self);
}

TEST(http_server_streams_in_chunks)
{
    struct fixture self;
    set_up(&self);
    self.gateway.holds = true;
    peer_send(&self.peer, SLICE(POST_TWO));
    CHECK(peer_run_until(&self.loop, &self.gateway.has_begun));
    struct exchange *exchange = self.gateway.held[0];
    exchange->vtable->stream_begin(exchange, &(struct exchange_reply){.status_code = 200});
    CHECK(exchange->vtable->stream_send(exchange, SLICE("data: 1\n\n")) == STATUS_OK);
    CHECK(peer_run_until_text(&self.loop, &self.peer, SLICE("\r\n\r\n9\r\ndata: 1\n\n\r\n")));
    CHECK(peer_contains(&self.peer, SLICE("\r\nTransfer-Encoding: chunked\r\n")));
    exchange->vtable->stream_end(exchange);
    CHECK(peer_run_until_text(&self.loop, &self.peer, SLICE("\r\n0\r\n\r\n")));
    exchange->vtable->release(exchange);
    self.gateway.holds = false;
    peer_send(&self.peer, SLICE(POST_TWO));
    CHECK(peer_run_until_text(&self.loop, &self.peer, SLICE(ANSWER_END)));
    tear_down(&self);
}

TEST(http_server_limits_what_a_slow_reader_may_owe)
{
    static uint8_t piece[65536];
    struct fixture self;
    set_up(&self);
    self.gateway.holds = true;
    peer_send(&self.peer, SLICE(POST_TWO));
    CHECK(peer_run_until(&self.loop, &self.gateway.has_begun));
    (void)uv_read_stop((uv_stream_t *)&self.peer.tcp);
    struct exchange *exchange = self.gateway.held[0];
    exchange->vtable->stream_begin(exchange, &(struct exchange_reply){.status_code = 200});
    enum status status = STATUS_OK;
    for (int i = 0; i < 4096 && status == STATUS_OK; i++) {
        status = exchange->vtable->stream_send(exchange, slice_of(piece, sizeof(piece)));
    }
    CHECK(status == STATUS_LIMIT);
    CHECK(self.loop.account.used_bytes < 1048576);
    exchange->vtable->abort(exchange);
    exchange->vtable->release(exchange);
    CHECK(self.gateway.gone_count == 0);
    tear_down(&self);
}

/* Behind what waits goes as much as there is room for, and not a byte more. */
TEST(http_server_queues_up_to_its_bound)
{
    static uint8_t large[8 << 20]; /* more than sockets hold */
    struct fixture self;
    set_up(&self);
    self.gateway.holds = true;
    peer_send(&self.peer, SLICE(POST_TWO));
    CHECK(peer_run_until(&self.loop, &self.gateway.has_begun));
    (void)uv_read_stop((uv_stream_t *)&self.peer.tcp);
    struct exchange *exchange = self.gateway.held[0];
    const struct http_connection *connection = (const struct http_connection *)exchange;
    exchange->vtable->stream_begin(exchange, &(struct exchange_reply){.status_code = 200});
    CHECK(exchange->vtable->stream_send(exchange, slice_of(large, sizeof(large))) == STATUS_OK);
    size_t pending = stream_pending(&connection->stream);
    CHECK(pending > 0);
    self.server.options.queue_bytes_max = pending + 1;
    CHECK(exchange->vtable->stream_send(exchange, SLICE("xy")) == STATUS_LIMIT);
    CHECK(exchange->vtable->stream_send(exchange, SLICE("x")) == STATUS_OK);
    exchange->vtable->abort(exchange);
    exchange->vtable->release(exchange);
    tear_down(&self);
}

struct time_out_row {
    const char *row;
    struct slice sent;
    bool is_answered;
};

static bool is_timed_out_as(const struct time_out_row *row, int64_t ms)
{
    struct fixture self;
    struct http_server_options options = HTTP_SERVER_OPTIONS_DEFAULT;
    options.header_ms = options.body_ms = options.idle_ms = ms;
    set_up_with(&self, &options);
    peer_send(&self.peer, row->sent);
    CHECK_ROW(row->row, peer_run_until_ended(&self.loop, &self.peer));
    bool is_answered = peer_contains(&self.peer, SLICE("HTTP/1.1 408 "));
    CHECK_ROW(row->row, self.gateway.refused_count == (is_answered ? 1 : 0));
    tear_down(&self);
    return is_answered == row->is_answered;
}

TEST(http_server_time_outs)
{
    static const struct time_out_row ROWS[] = {
        {"silence", SLICE_INIT(""), false},
        {"half a head", SLICE_INIT("POST / HT"), true},
        {"half a body", SLICE_INIT(POST_HEAD "Content-Length: 3\r\n\r\n{}"), true},
        {"idle", SLICE_INIT(POST_TWO), false},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        int64_t ms = 40;
        /* On a busy machine the time may be over before the bytes are here: longer, then. */
        while (!is_timed_out_as(&ROWS[i], ms) && ms < 60000) {
            ms *= 2;
        }
        CHECK_ROW(ROWS[i].row, ms < 60000);
    }
}

static void answer_one(struct fixture *self, int64_t kept_head_ms)
{
    struct http_server_options options = HTTP_SERVER_OPTIONS_DEFAULT;
    options.kept_head_ms = kept_head_ms;
    set_up_with(self, &options);
    peer_send(&self->peer, SLICE(POST_TWO));
    CHECK(peer_run_until_text(&self->loop, &self->peer, SLICE(ANSWER_END)));
}

/* Between two requests a connection holds nothing else. */
TEST(http_server_keeps_a_head_for_a_while)
{
    struct fixture self;
    answer_one(&self, 60000);
    CHECK(self.loop.account.used_bytes > 0);
    tear_down(&self);
    answer_one(&self, 40);
    while (self.loop.account.used_bytes > 0 && !self.peer.is_ended) {
        (void)uv_run(&self.loop.uv, UV_RUN_ONCE);
    }
    CHECK(!self.peer.is_ended);
    tear_down(&self);
}

TEST(http_server_keeps_no_head_for_a_stream)
{
    struct fixture self;
    set_up(&self);
    self.gateway.holds = true;
    peer_send(&self.peer, SLICE(POST_HEAD "Content-Length: 0\r\n\r\n"));
    CHECK(peer_run_until(&self.loop, &self.gateway.has_begun));
    CHECK(self.loop.account.used_bytes > 0);
    struct exchange *exchange = self.gateway.held[0];
    exchange->vtable->stream_begin(exchange, &(struct exchange_reply){.status_code = 200});
    CHECK(self.loop.account.used_bytes == 0);
    exchange->vtable->stream_end(exchange);
    exchange->vtable->release(exchange);
    CHECK(peer_run_until_text(&self.loop, &self.peer, SLICE("\r\n0\r\n\r\n")));
    tear_down(&self);
}

static bool is_there(struct slice secret, const uint8_t *bytes, size_t len)
{
    return memmem(bytes, len, secret.ptr, secret.len) != NULL;
}

/* A token is in no memory that the server keeps or gives back, once it has no use for it: not where
 * the loop reads, not among what came too soon, not in a head that was kept for the next one. */
TEST(http_server_wipes_what_held_a_token)
{
    const struct slice secret = SLICE("the-token-of-somebody");
    struct fixture self;
    set_up(&self);
    self.gateway.holds = true;
    peer_send(&self.peer, SLICE(POST_HEAD "Authorization: Bearer the-token-of-somebody\r\n"
                                          "Content-Length: 2\r\n\r\n{}"));
    CHECK(peer_run_until(&self.loop, &self.gateway.has_begun));
    CHECK(!is_there(secret, self.loop.read_buffer, LOOP_READ_BYTES));
    /* The next request comes before that one is answered. */
    check_watch_freed(secret);
    peer_send(&self.peer, SLICE(POST_HEAD "Authorization: Bearer the-token-of-somebody\r\n"
                                          "Content-Length: 2\r\n\r\n{}"));
    peer_run_some(&self.loop);
    self.gateway.holds = false;
    answer(self.gateway.held[0]);
    while (peer_count(&self.peer, SLICE(ANSWER_END)) < 2 && !self.peer.is_ended) {
        (void)uv_run(&self.loop.uv, UV_RUN_ONCE);
    }
    /* A form that comes in two pieces; the test has a copy of it. */
    self.gateway.last_body.is_secret = true;
    peer_send(&self.peer, SLICE(POST_HEAD "Content-Length: 26\r\n\r\nt="));
    peer_run_some(&self.loop);
    peer_send(&self.peer, SLICE("the-token-of-somebody&x="));
    while (peer_count(&self.peer, SLICE(ANSWER_END)) < 3 && !self.peer.is_ended) {
        (void)uv_run(&self.loop.uv, UV_RUN_ONCE);
    }
    CHECK(self.gateway.begin_count == 3);
    CHECK(!is_there(secret, self.loop.read_buffer, LOOP_READ_BYTES));
    tear_down(&self);
    CHECK(check_end_watch() == 0);
}

TEST(http_server_evicts_who_says_nothing)
{
    struct fixture self;
    struct http_server_options options = HTTP_SERVER_OPTIONS_DEFAULT;
    options.connections_max = 1;
    set_up_with(&self, &options);
    peer_run_some(&self.loop);
    struct peer second;
    peer_connect(&second, &self.loop, self.port);
    CHECK(peer_run_until_ended(&self.loop, &self.peer));
    self.gateway.holds = true;
    peer_send(&second, SLICE(POST_TWO));
    CHECK(peer_run_until(&self.loop, &self.gateway.has_begun));
    /* Who is being served stays, and the newcomer goes. */
    struct peer third;
    peer_connect(&third, &self.loop, self.port);
    CHECK(peer_run_until_ended(&self.loop, &third));
    answer(self.gateway.held[0]);
    CHECK(peer_run_until_text(&self.loop, &second, SLICE(ANSWER_END)));
    peer_close(&second);
    peer_close(&third);
    tear_down(&self);
}

TEST(http_server_drains)
{
    struct fixture self;
    set_up(&self);
    struct peer idle;
    peer_connect(&idle, &self.loop, self.port);
    self.gateway.holds = true;
    peer_send(&self.peer, SLICE(POST_TWO));
    CHECK(peer_run_until(&self.loop, &self.gateway.has_begun));
    bool is_drained = false;
    http_server_drain(&self.server, on_server_closed, &is_drained);
    CHECK(peer_run_until_ended(&self.loop, &idle));
    CHECK(!is_drained);
    answer(self.gateway.held[0]);
    CHECK(peer_run_until_ended(&self.loop, &self.peer));
    CHECK(peer_contains(&self.peer, SLICE("Connection: close\r\n")));
    CHECK(peer_contains(&self.peer, SLICE(ANSWER_END)));
    peer_close(&self.peer);
    CHECK(peer_run_until(&self.loop, &is_drained));
    peer_close(&idle);
    loop_release(&self.loop);
    buf_release(&self.gateway.last_body);
}

TEST(http_server_closes_after_the_last_request)
{
    struct fixture self;
    struct http_server_options options = HTTP_SERVER_OPTIONS_DEFAULT;
    options.requests_max = 2;
    set_up_with(&self, &options);
    peer_send(&self.peer, SLICE(POST_TWO POST_TWO POST_TWO));
    CHECK(peer_run_until_ended(&self.loop, &self.peer));
    CHECK(self.gateway.begin_count == 2);
    tear_down(&self);
}
