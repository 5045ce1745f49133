/* Servers that speak HTTP with SSE, behind the port that children have; HTTP is played by the test.
 */
#include "adapters/transport/sse_stream.h"

#include "adapters/transport/peer_test.h"
#include "adapters/transport/stdio_upstream.h"
#include "adapters/transport/upstream_call.h"
#include "support/check.h"

#include <stdio.h>

#define ACCOUNT_BYTES ((size_t)64 << 20)
#define REQUESTS_MAX (SSE_STREAM_POSTS_MAX + 8)
#define SINKS 3
#define LONG_MS 60000 /* never over in a test */
#define ADDRESS "/m?s=1"

/* What was asked of the server. */
struct http_request {
    struct upstream_call base; /* first */
    bool is_get, is_open, is_cancelled;
    char path[64], body[64], credential[32], field[32];
};

struct sink {
    struct upstream_sink base;
    char messages[256];
    enum status status;
    char code[32];
    bool has_ended;
    struct upstream_call *call;
};

static struct loop loop;
static struct json_parser parser;
static struct http_request requests[REQUESTS_MAX];
static size_t request_count;
static enum status http_fails;
static struct stdio_upstream *upstream;
static struct port_upstream port, http;
static struct upstream_target target;
static struct sink sinks[SINKS];
static size_t exit_count;
static bool has_batches; /* what calls say that start */

static void copy(char *out, size_t size, struct slice text)
{
    (void)snprintf(out, size, "%.*s", SLICE_ARG(text));
}

static enum status http_start(void *context, const struct upstream_request *request,
                              const struct upstream_sink *sink, struct upstream_call **out,
                              struct diag *diag)
{
    (void)context;
    if (http_fails != STATUS_OK) {
        return diag_fail(diag, http_fails, "upstream.busy", "the test says so");
    }
    CHECK(request_count < REQUESTS_MAX);
    struct http_request *made = &requests[request_count++];
    *made =
        (struct http_request){.base = {.sink = *sink}, .is_get = request->is_get, .is_open = true};
    CHECK(!request->expects_answer && request->server == 0 && request->child == 0);
    copy(made->path, sizeof(made->path), request->path);
    copy(made->body, sizeof(made->body), request->body);
    copy(made->credential, sizeof(made->credential), request->credential_value);
    copy(made->field, sizeof(made->field),
         request->field_count > 0 ? request->fields[0].value : SLICE_EMPTY);
    *out = &made->base;
    return STATUS_OK;
}

static void http_cancel(void *context, struct upstream_call *call)
{
    struct http_request *made = (struct http_request *)call;
    (void)context;
    CHECK(made->is_open);
    made->is_open = false;
    made->is_cancelled = true;
}

static void end_request(struct http_request *made, enum status status, int http_status)
{
    struct diag diag = {0};
    CHECK(made->is_open);
    made->is_open = false;
    if (status != STATUS_OK) {
        (void)!diag_fail(&diag, status, "upstream.test", "the test says so");
    }
    made->base.sink.on_end(&made->base.sink, status, http_status, &diag);
}

static void say_address(const char *address)
{
    requests[0].base.sink.on_endpoint(&requests[0].base.sink, slice_view_cstr(address));
}

static void say(const char *json)
{
    requests[0].base.sink.on_message(&requests[0].base.sink, slice_view_cstr(json), true);
}

static void on_message(const struct upstream_sink *base, struct slice json, bool is_stream)
{
    struct sink *sink = base->user;
    size_t used = strlen(sink->messages);
    (void)is_stream;
    (void)snprintf(sink->messages + used, sizeof(sink->messages) - used, "%.*s|", SLICE_ARG(json));
}

static void on_end(const struct upstream_sink *base, enum status status, int http_status,
                   const struct diag *diag)
{
    struct sink *sink = base->user;
    CHECK(http_status == 0);
    sink->status = status;
    sink->has_ended = true;
    copy(sink->code, sizeof(sink->code), slice_view_cstr(diag->code));
}

static void on_child_exit(void *context, uint32_t server, uint64_t child)
{
    (void)context;
    CHECK(server == 0 && child == 5);
    exit_count++;
}

static void set_up(void)
{
    static const uint8_t SEED[16] = {1};
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct stdio_upstream_options options = STDIO_UPSTREAM_OPTIONS_DEFAULT;
    options.streams_max = 1;
    options.calls_max = REQUESTS_MAX;
    request_count = exit_count = 0;
    http_fails = STATUS_OK;
    has_batches = false;
    http = (struct port_upstream){.start = http_start, .cancel = http_cancel};
    target = (struct upstream_target){.host = SLICE("a.test"), .port = 80, .path = SLICE("/sse")};
    json_parser_init(&parser, &limits, SEED);
    CHECK(loop_init(&loop, ACCOUNT_BYTES, NULL) == STATUS_OK);
    CHECK(stdio_upstream_new(&loop, NULL, &parser, &options, &upstream) == STATUS_OK);
    stdio_upstream_set_streams(upstream, &(struct stdio_upstream_streams){&http, &target, 1});
    stdio_upstream_set_events(upstream,
                              &(struct stdio_upstream_events){.on_child_exit = on_child_exit});
    port = stdio_upstream_port(upstream);
    for (size_t i = 0; i < SINKS; i++) {
        sinks[i] =
            (struct sink){.base = {.on_message = on_message, .on_end = on_end, .user = &sinks[i]}};
    }
}

static void on_closed(void *context)
{
    *(bool *)context = true;
}

static void tear_down(void)
{
    bool is_closed = false;
    stdio_upstream_close(upstream, on_closed, &is_closed);
    CHECK(is_closed || peer_run_until(&loop, &is_closed));
    for (size_t i = 0; i < request_count; i++) {
        CHECK(!requests[i].is_open);
    }
    CHECK(loop.account.used_bytes == 0);
    loop_release(&loop);
}

static enum status try_start(struct sink *sink, int64_t id, int64_t timeout_ms, struct diag *diag)
{
    static const struct http_field FIELD = {SLICE_INIT("F"), SLICE_INIT("field")};
    struct upstream_request request = {.body = id == 0 ? SLICE("{}") : SLICE("{\"id\":7}"),
                                       .expects_answer = id != 0,
                                       .id = id,
                                       .child = 5,
                                       .fields = &FIELD,
                                       .field_count = 1,
                                       .credential_name = SLICE("A"),
                                       .credential_value = SLICE("secret"),
                                       .timeout_ms = timeout_ms,
                                       .has_batches = has_batches};
    sink->has_ended = false;
    return port.start(port.context, &request, &sink->base, &sink->call, diag);
}

static void start(struct sink *sink, int64_t id)
{
    CHECK(try_start(sink, id, LONG_MS, NULL) == STATUS_OK);
}

/* With one call that the server has. */
static void open_stream(void)
{
    set_up();
    start(&sinks[0], 1);
    say_address(ADDRESS);
    CHECK(request_count == 2);
    end_request(&requests[1], STATUS_OK, 202);
}

TEST(sse_stream_takes_messages_where_the_server_said)
{
    set_up();
    start(&sinks[0], 1);
    start(&sinks[1], 2);
    CHECK(request_count == 1 && requests[0].is_get && requests[0].path[0] == '\0');
    CHECK(strcmp(requests[0].credential, "secret") == 0);
    say_address(ADDRESS);
    start(&sinks[2], 3);
    CHECK(request_count == 4);
    for (size_t i = 1; i < 4; i++) {
        CHECK(!requests[i].is_get && strcmp(requests[i].path, ADDRESS) == 0);
        CHECK(strcmp(requests[i].body, "{\"id\":7}") == 0);
        CHECK(strcmp(requests[i].credential, "secret") == 0);
        CHECK(strcmp(requests[i].field, "field") == 0);
    }
    /* Answers come in any order, and before the server has said that it took the message. */
    say("{\"id\":3,\"result\":{}}");
    CHECK(sinks[2].has_ended && sinks[2].status == STATUS_OK);
    end_request(&requests[3], STATUS_OK, 202);
    end_request(&requests[1], STATUS_OK, 200);
    say("{\"id\":1,\"result\":{}}");
    say("{\"id\":2,\"result\":{}}");
    CHECK(strcmp(sinks[0].messages, "{\"id\":1,\"result\":{}}|") == 0 && sinks[0].has_ended);
    CHECK(sinks[1].has_ended && sinks[1].status == STATUS_OK);
    CHECK(requests[0].is_open && exit_count == 0);
    tear_down();
    CHECK(requests[2].is_cancelled);
}

TEST(sse_stream_that_cannot_be_opened_ends_its_calls)
{
    static const struct {
        const char *name, *address, *code;
        enum status status;
    } rows[] = {
        {"another origin", "http://b.test/m", "upstream.endpoint", STATUS_INVALID},
        {"no stream", NULL, "upstream.test", STATUS_INVALID},
        {"down", NULL, "upstream.test", STATUS_UNAVAILABLE},
        {"ended", NULL, "upstream.down", STATUS_OK},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        set_up();
        start(&sinks[0], 1);
        if (rows[i].address != NULL) {
            say_address(rows[i].address);
            CHECK_ROW(rows[i].name, requests[0].is_cancelled);
        } else {
            end_request(&requests[0], rows[i].status, 0);
        }
        enum status expected = rows[i].status == STATUS_OK ? STATUS_UNAVAILABLE : rows[i].status;
        CHECK_ROW(rows[i].name, sinks[0].has_ended && sinks[0].status == expected);
        CHECK_ROW(rows[i].name, strcmp(sinks[0].code, rows[i].code) == 0);
        CHECK_ROW(rows[i].name, request_count == 1 && exit_count == 1);
        tear_down();
    }
}

TEST(sse_stream_needs_its_address_in_time)
{
    set_up();
    CHECK(try_start(&sinks[0], 1, 20, NULL) == STATUS_OK);
    CHECK(peer_run_until(&loop, &sinks[0].has_ended));
    CHECK(sinks[0].status == STATUS_TIMEOUT);
    tear_down();
    CHECK(requests[0].is_cancelled);
}

TEST(sse_stream_that_cannot_begin_says_so_at_once)
{
    struct diag diag = {0};
    set_up();
    http_fails = STATUS_UNAVAILABLE;
    CHECK(try_start(&sinks[0], 1, LONG_MS, &diag) == STATUS_UNAVAILABLE);
    CHECK(str_eq(diag.code, "upstream.busy"));
    http_fails = STATUS_OK;
    start(&sinks[0], 1);
    http_fails = STATUS_UNAVAILABLE;
    say_address(ADDRESS);
    CHECK(sinks[0].has_ended && sinks[0].status == STATUS_UNAVAILABLE);
    CHECK(try_start(&sinks[1], 2, LONG_MS, &diag) == STATUS_UNAVAILABLE);
    tear_down();
}

/* A message that the server did not take is the affair of its call; the stream goes on. */
TEST(sse_stream_ends_the_call_of_a_refused_message)
{
    static const struct {
        const char *name;
        enum status status;
        int http_status;
    } rows[] = {
        {"refused with words", STATUS_OK, 400},
        {"refused", STATUS_INVALID, 413},
        {"too slow", STATUS_TIMEOUT, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        open_stream();
        start(&sinks[1], 2);
        end_request(&requests[2], rows[i].status, rows[i].http_status);
        CHECK_ROW(rows[i].name, sinks[1].has_ended && sinks[1].status != STATUS_OK);
        CHECK_ROW(rows[i].name, !sinks[0].has_ended && requests[0].is_open && exit_count == 0);
        tear_down();
    }
}

TEST(sse_stream_of_a_session_that_is_gone_is_left)
{
    open_stream();
    start(&sinks[1], 2);
    end_request(&requests[2], STATUS_NOT_FOUND, 404);
    for (size_t i = 0; i < 2; i++) {
        CHECK(sinks[i].has_ended && sinks[i].status == STATUS_UNAVAILABLE);
    }
    CHECK(requests[0].is_cancelled && exit_count == 1);
    tear_down();
}

TEST(sse_stream_is_opened_again)
{
    open_stream();
    end_request(&requests[0], STATUS_OK, 200);
    CHECK(sinks[0].has_ended && sinks[0].status == STATUS_UNAVAILABLE && exit_count == 1);
    start(&sinks[1], 2);
    CHECK(request_count == 3 && requests[2].is_get);
    tear_down();
    CHECK(requests[2].is_cancelled);
}

TEST(sse_stream_that_breaks_a_rule_is_left)
{
    open_stream();
    say_address(ADDRESS);
    CHECK(requests[0].is_cancelled && sinks[0].status == STATUS_INVALID);
    tear_down();
    open_stream();
    for (int i = 0; i < 3; i++) {
        CHECK(requests[0].is_open);
        say("no message");
    }
    CHECK(requests[0].is_cancelled && sinks[0].status == STATUS_INVALID);
    tear_down();
}

/* The revision is agreed with a stream, and no longer than it lasts. */
TEST(sse_stream_takes_batches_of_a_revision_that_has_them)
{
    static const char *const BATCH = "[{\"id\":1,\"result\":{}},{\"id\":2,\"result\":{}}]";
    set_up();
    has_batches = true;
    start(&sinks[0], 1);
    say_address(ADDRESS);
    start(&sinks[1], 2);
    say(BATCH);
    for (size_t i = 0; i < 2; i++) {
        CHECK(sinks[i].has_ended && sinks[i].status == STATUS_OK && sinks[i].messages[0] != '\0');
    }
    CHECK(exit_count == 0);
    end_request(&requests[0], STATUS_OK, 200);
    has_batches = false;
    start(&sinks[2], 2);
    requests[3].base.sink.on_message(&requests[3].base.sink, slice_view_cstr(BATCH), true);
    CHECK(sinks[2].has_ended && sinks[2].status == STATUS_INVALID && requests[3].is_open);
    CHECK(sinks[2].messages[0] == '\0' && strcmp(sinks[2].code, "upstream.protocol") == 0);
    tear_down();
}

TEST(sse_stream_ends_with_its_session)
{
    open_stream();
    start(&sinks[1], 2);
    port.close_child(port.context, 0, 5);
    CHECK(requests[0].is_cancelled && requests[2].is_cancelled);
    CHECK(sinks[0].has_ended && sinks[1].has_ended && exit_count == 0);
    tear_down();
}

TEST(sse_stream_takes_so_many_messages)
{
    struct diag diag = {0};
    open_stream();
    for (size_t i = 0; i < SSE_STREAM_POSTS_MAX; i++) {
        start(&sinks[1], 0);
    }
    CHECK(try_start(&sinks[2], 3, LONG_MS, &diag) == STATUS_UNAVAILABLE);
    CHECK(str_eq(diag.code, "upstream.busy"));
    end_request(&requests[2], STATUS_OK, 202);
    start(&sinks[2], 3);
    tear_down();
}

TEST(sse_streams_are_bounded)
{
    struct diag diag = {0};
    open_stream();
    struct upstream_request other = {.child = 6, .body = SLICE("{}"), .timeout_ms = LONG_MS};
    CHECK(port.start(port.context, &other, &sinks[1].base, &sinks[1].call, &diag) ==
          STATUS_UNAVAILABLE);
    CHECK(str_eq(diag.code, "upstream.busy"));
    tear_down();
}
