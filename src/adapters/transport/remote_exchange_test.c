#include "adapters/transport/remote_exchange.h"

#include "support/check.h"

#include <stdatomic.h>

#define ACCOUNT_BYTES ((size_t)16 << 20)
#define ROUNDS 2000

enum plan {
    PLAN_REPLY,
    PLAN_STREAM,
    PLAN_ABORT,
    PLAN_RELEASE_ONLY,
    PLAN_WAIT_FOR_GONE,
    PLAN_REPLY_LATE,
    PLAN_COUNT,
};

/* The client's exchange, on the near loop: notes what reaches it. */
struct client {
    struct exchange exchange; /* first */
    struct test *test;
    struct buf bytes;
    int reply_count, begin_count, end_count, abort_count, release_count;
    bool leaves;     /* the client goes away right after the request */
    bool is_limited; /* takes nothing of a stream */
};

struct test {
    struct loop near, far;
    enum plan plan;
    struct client client;
    struct exchange *held;
    struct posted go, kick;
    atomic_int gone_count;
    enum status send_status;
    int rounds_left;
    bool varies;
};

static struct client *client_of(struct exchange *exchange)
{
    return (struct client *)exchange;
}

static void client_reply(struct exchange *exchange, const struct exchange_reply *reply)
{
    struct client *client = client_of(exchange);
    client->reply_count++;
    CHECK(reply->status_code == 200 && reply->field_count == 1);
    CHECK(slice_eq(reply->fields[0].name, SLICE("A")) &&
          slice_eq(reply->fields[0].value, SLICE("b")));
    buf_append(&client->bytes, reply->body);
}

static void client_begin(struct exchange *exchange, const struct exchange_reply *reply)
{
    CHECK(reply->status_code == 200);
    client_of(exchange)->begin_count++;
}

static enum status client_send(struct exchange *exchange, struct slice bytes)
{
    struct client *client = client_of(exchange);
    if (client->is_limited) {
        return STATUS_LIMIT;
    }
    buf_append(&client->bytes, bytes);
    return STATUS_OK;
}

static void client_end(struct exchange *exchange)
{
    client_of(exchange)->end_count++;
}

static void client_abort(struct exchange *exchange)
{
    client_of(exchange)->abort_count++;
}

static void run_round(struct test *test);

static void client_release(struct exchange *exchange)
{
    struct client *client = client_of(exchange);
    struct test *test = client->test;
    CHECK(++client->release_count == 1);
    if (--test->rounds_left > 0) {
        run_round(test);
    } else {
        loop_stop(&test->near);
        loop_stop(&test->far);
    }
}

static const struct exchange_vtable CLIENT_VTABLE = {client_reply, client_begin, client_send,
                                                     client_end,   client_abort, client_release};

static const struct http_field FIELDS[] = {{SLICE_INIT("A"), SLICE_INIT("b")}};
static const struct http_field TOKEN = {SLICE_INIT("Authorization"),
                                        SLICE_INIT("Bearer the-token-of-somebody")};

static void serve(struct exchange *exchange, struct test *test)
{
    struct exchange_reply reply = {
        .status_code = 200, .fields = FIELDS, .field_count = 1, .body = SLICE("{}")};
    switch (test->plan) {
    case PLAN_REPLY:
    case PLAN_REPLY_LATE:
        exchange->vtable->reply(exchange, &reply);
        break;
    case PLAN_STREAM:
        exchange->vtable->stream_begin(exchange, &reply);
        for (int i = 0; i < 3; i++) {
            enum status status = exchange->vtable->stream_send(exchange, SLICE("123"));
            CHECK(status == STATUS_OK || status == STATUS_LIMIT);
        }
        exchange->vtable->stream_end(exchange);
        break;
    case PLAN_ABORT:
        exchange->vtable->abort(exchange);
        break;
    case PLAN_RELEASE_ONLY:
    case PLAN_WAIT_FOR_GONE:
    case PLAN_COUNT:
        break;
    }
    exchange->vtable->release(exchange);
}

static void far_gone(struct exchange *exchange)
{
    struct test *test = exchange->operation;
    atomic_fetch_add(&test->gone_count, 1);
    exchange->vtable->release(exchange);
    test->held = NULL;
}

static void run_late(struct posted *posted)
{
    struct test *test = (struct test *)((char *)posted - offsetof(struct test, kick));
    if (test->held != NULL) {
        struct exchange *exchange = test->held;
        test->held = NULL;
        serve(exchange, test);
    }
}

static void far_begin(void *context, struct exchange *exchange,
                      const struct exchange_request *request)
{
    struct test *test = context;
    CHECK(slice_eq(request->method, SLICE("POST")) && slice_eq(request->target, SLICE("/mcp")));
    CHECK(slice_eq(request->body, SLICE("{\"id\":1}")) && request->is_tls);
    CHECK(request->field_count == 1 && slice_eq(request->fields[0].value, TOKEN.value));
    exchange->operation = test;
    exchange->on_gone = far_gone;
    if (test->plan == PLAN_WAIT_FOR_GONE || test->plan == PLAN_REPLY_LATE) {
        test->held = exchange;
        if (test->plan == PLAN_REPLY_LATE) {
            loop_post(&test->far, &test->kick);
        }
        return;
    }
    serve(exchange, test);
}

static void run_round(struct test *test)
{
    struct client *client = &test->client;
    bool leaves = client->leaves;
    if (test->varies) {
        /* The far side is at rest between two rounds. */
        leaves = check_random() % 2 == 0;
        test->plan = (enum plan)(check_random() % PLAN_COUNT);
        leaves = leaves || test->plan == PLAN_WAIT_FOR_GONE;
    }
    client->exchange = (struct exchange){.vtable = &CLIENT_VTABLE};
    client->release_count = 0;
    buf_clear(&client->bytes);
    struct exchange_request request = {.method = SLICE("POST"),
                                       .target = SLICE("/mcp"),
                                       .fields = &TOKEN,
                                       .field_count = 1,
                                       .body = SLICE("{\"id\":1}"),
                                       .peer_ip = SLICE("127.0.0.1"),
                                       .is_tls = true};
    CHECK(remote_exchange_forward(&test->near, &test->far, &client->exchange, &request, far_begin,
                                  test) == STATUS_OK);
    if (leaves) {
        client->exchange.on_gone(&client->exchange);
    }
}

static void run_first_round(struct posted *posted)
{
    run_round((struct test *)((char *)posted - offsetof(struct test, go)));
}

static void run_test(struct test *test)
{
    test->client.test = test;
    test->go.run = run_first_round;
    test->kick.run = run_late;
    buf_init(&test->client.bytes, ACCOUNT_BYTES, NULL);
    CHECK(loop_init(&test->near, ACCOUNT_BYTES, NULL) == STATUS_OK);
    CHECK(loop_init(&test->far, ACCOUNT_BYTES, NULL) == STATUS_OK);
    CHECK(loop_thread_start(&test->near, NULL) == STATUS_OK);
    CHECK(loop_thread_start(&test->far, NULL) == STATUS_OK);
    loop_post(&test->near, &test->go);
    loop_thread_join(&test->near);
    loop_thread_join(&test->far);
    loop_release(&test->near);
    loop_release(&test->far);
}

TEST(remote_exchange_carries_answers)
{
    static const struct {
        const char *row;
        enum plan plan;
        int replies, begins, ends, aborts;
        struct slice bytes;
    } ROWS[] = {
        {"reply", PLAN_REPLY, 1, 0, 0, 0, SLICE_INIT("{}")},
        {"late reply", PLAN_REPLY_LATE, 1, 0, 0, 0, SLICE_INIT("{}")},
        {"stream", PLAN_STREAM, 0, 1, 1, 0, SLICE_INIT("123123123")},
        {"abort", PLAN_ABORT, 0, 0, 0, 1, SLICE_INIT("")},
        {"no answer", PLAN_RELEASE_ONLY, 0, 0, 0, 1, SLICE_INIT("")},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct test test = {.plan = ROWS[i].plan, .rounds_left = 1};
        check_watch_freed(TOKEN.value);
        run_test(&test);
        CHECK_ROW(ROWS[i].row, check_end_watch() == 0);
        CHECK_ROW(ROWS[i].row, test.client.reply_count == ROWS[i].replies);
        CHECK_ROW(ROWS[i].row, test.client.begin_count == ROWS[i].begins);
        CHECK_ROW(ROWS[i].row, test.client.end_count == ROWS[i].ends);
        CHECK_ROW(ROWS[i].row, test.client.abort_count == ROWS[i].aborts);
        CHECK_ROW(ROWS[i].row, slice_eq(buf_view(&test.client.bytes), ROWS[i].bytes));
        CHECK_ROW(ROWS[i].row, atomic_load(&test.gone_count) == 0);
        buf_release(&test.client.bytes);
    }
}

TEST(remote_exchange_carries_the_client_away)
{
    struct test test = {.plan = PLAN_WAIT_FOR_GONE, .rounds_left = 1, .client = {.leaves = true}};
    run_test(&test);
    CHECK(atomic_load(&test.gone_count) == 1);
    CHECK(test.client.abort_count == 0 && test.client.reply_count == 0);
    buf_release(&test.client.bytes);
}

TEST(remote_exchange_breaks_off_for_a_slow_client)
{
    struct test test = {.plan = PLAN_STREAM, .rounds_left = 1, .client = {.is_limited = true}};
    run_test(&test);
    CHECK(test.client.abort_count == 1 && test.client.end_count == 0);
    buf_release(&test.client.bytes);
}

TEST(remote_exchange_survives_any_order)
{
    struct test test = {.rounds_left = ROUNDS, .varies = true};
    run_test(&test);
    CHECK(test.rounds_left == 0);
    buf_release(&test.client.bytes);
}

/* Both ends on one loop that does not run meanwhile: nothing is taken, so the bound is met. */
static void flood(void *context, struct exchange *exchange, const struct exchange_request *request)
{
    static uint8_t piece[65536];
    struct test *test = context;
    (void)request;
    exchange->vtable->stream_begin(exchange, &(struct exchange_reply){.status_code = 200});
    size_t sent = 0;
    while ((test->send_status = exchange->vtable->stream_send(
                exchange, slice_of(piece, sizeof(piece)))) == STATUS_OK) {
        sent += sizeof(piece);
    }
    CHECK(sent == REMOTE_EXCHANGE_BYTES_MAX);
    exchange->vtable->abort(exchange);
    exchange->vtable->release(exchange);
}

TEST(remote_exchange_bounds_what_is_under_way)
{
    struct test test = {.rounds_left = 1};
    test.client.test = &test;
    test.client.exchange = (struct exchange){.vtable = &CLIENT_VTABLE};
    buf_init(&test.client.bytes, ACCOUNT_BYTES, NULL);
    CHECK(loop_init(&test.near, ACCOUNT_BYTES, NULL) == STATUS_OK);
    CHECK(loop_init(&test.far, ACCOUNT_BYTES, NULL) == STATUS_OK);
    struct exchange_request request = {.method = SLICE("POST")};
    CHECK(remote_exchange_forward(&test.near, &test.near, &test.client.exchange, &request, flood,
                                  &test) == STATUS_OK);
    loop_run(&test.near);
    CHECK(test.send_status == STATUS_LIMIT);
    CHECK(test.client.abort_count == 1 && test.client.release_count == 1);
    CHECK(test.client.bytes.len == REMOTE_EXCHANGE_BYTES_MAX);
    buf_release(&test.client.bytes);
    loop_release(&test.near);
    loop_release(&test.far);
}

static void never(void *context, struct exchange *exchange, const struct exchange_request *request)
{
    (void)request;
    *(struct exchange **)context = exchange;
}

static bool try_forward(void *context)
{
    struct test *test = context;
    struct exchange *proxy = NULL;
    struct exchange_request request = {.method = SLICE("POST"), .body = SLICE("{}")};
    test->client.exchange = (struct exchange){.vtable = &CLIENT_VTABLE};
    if (remote_exchange_forward(&test->near, &test->near, &test->client.exchange, &request, never,
                                &proxy) != STATUS_OK) {
        CHECK(test->client.exchange.operation == NULL);
        return false;
    }
    while (proxy == NULL) {
        (void)uv_run(&test->near.uv, UV_RUN_ONCE);
    }
    proxy->vtable->release(proxy);
    return true;
}

TEST(remote_exchange_survives_every_failed_allocation)
{
    struct test test = {.rounds_left = 1};
    test.client.test = &test;
    CHECK(loop_init(&test.near, ACCOUNT_BYTES, NULL) == STATUS_OK);
    CHECK(loop_init(&test.far, ACCOUNT_BYTES, NULL) == STATUS_OK);
    check_every_allocation(try_forward, &test);
    loop_release(&test.near);
    loop_release(&test.far);
    CHECK(test.client.release_count == 1);
}

/* What waits for the other loop is charged to the one it came from, until the client has let go. */
TEST(remote_exchange_is_charged_where_it_arrived)
{
    struct test test = {.rounds_left = 1};
    struct exchange *proxy = NULL;
    struct exchange_request request = {.method = SLICE("POST"), .body = SLICE("{}")};
    test.client.test = &test;
    test.client.exchange = (struct exchange){.vtable = &CLIENT_VTABLE};
    CHECK(loop_init(&test.near, ACCOUNT_BYTES, NULL) == STATUS_OK);
    CHECK(loop_init(&test.far, ACCOUNT_BYTES, NULL) == STATUS_OK);
    test.near.account.used_bytes = ACCOUNT_BYTES - 100;
    CHECK(remote_exchange_forward(&test.near, &test.near, &test.client.exchange, &request, never,
                                  &proxy) == STATUS_LIMIT);
    CHECK(test.client.exchange.operation == NULL);
    test.near.account.used_bytes = 0;
    CHECK(remote_exchange_forward(&test.near, &test.near, &test.client.exchange, &request, never,
                                  &proxy) == STATUS_OK);
    while (loop_run_posted(&test.near)) {
        CHECK(test.near.account.used_bytes > 0 && proxy != NULL);
    }
    proxy->vtable->release(proxy);
    CHECK(loop_run_posted(&test.near) && test.near.account.used_bytes == 0);
    CHECK(test.client.release_count == 1);
    loop_release(&test.near);
    loop_release(&test.far);
}
