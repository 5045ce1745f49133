/* Sessions of legacy clients and their streams, on one loop and on two. */
#include "core/gateway/client_session.h"
#include "core/gateway/client_stream.h"

#include "support/check.h"
#include "support/fake_world.h"

#define INITIALIZE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{}}}"
#define PING "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"
#define SEE "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"see\"}}"
#define SESSION_BYTES 512

static struct world worlds[WORLD_LOOPS];
static struct world_client client, stream;
static char session[SESSION_BYTES];

static void run(void)
{
    for (int i = 0; i < 2; i++) {
        world_run(&worlds[0]);
        world_run(&worlds[1]);
    }
}

static void begin_with(const struct gateway_limits *limits)
{
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        world_init_with(&worlds[i], PERMIT_ALL, limits);
    }
    world_pair(&worlds[0], &worlds[1]);
}

static void begin(void)
{
    static const struct gateway_limits LIMITS = GATEWAY_LIMITS_DEFAULT;
    begin_with(&LIMITS);
}

static void release(void)
{
    world_release(&worlds[0]);
    world_release(&worlds[1]);
}

/* Keeps the id in out. */
static void open_session(size_t loop, char out[SESSION_BYTES])
{
    world_post(&worlds[loop], &client, BANK, INITIALIZE, NULL, NULL, NULL);
    run();
    CHECK(client.status_code == 200);
    memcpy(out, client.session_id, SESSION_BYTES);
}

static void post(size_t loop, const char *body, const char *id)
{
    world_post(&worlds[loop], &client, BANK, body, NULL, NULL, id);
    run();
}

static void ask(struct world_client *by, size_t loop, const char *method, const char *id)
{
    world_ask(&worlds[loop], by, method, BANK, id);
    run();
}

/* The only one of loop 0. */
static struct client_session *the_session(void)
{
    struct client_session *found = NULL;
    for (size_t i = 0; i < GATEWAY_CALLER_BUCKETS; i++) {
        found = worlds[0].gateway.clients[i] != NULL ? worlds[0].gateway.clients[i] : found;
    }
    return found;
}

TEST(client_session_ends_with_a_delete_on_any_loop)
{
    for (size_t loop = 0; loop < WORLD_LOOPS; loop++) {
        begin();
        open_session(0, session);
        post(loop, SEE, session);
        CHECK(client.status_code == 200 && worlds[0].gateway.session_count == 1);
        ask(&client, loop, "DELETE", session);
        CHECK(client.status_code == 200 && client.body[0] == '\0' && client.is_released);
        CHECK(worlds[0].gateway.client_count == 0 && worlds[0].gateway.session_count == 0);
        for (size_t i = 0; i < WORLD_LOOPS; i++) {
            post(i, PING, session);
            CHECK(client.status_code == 404);
            ask(&client, i, "DELETE", session);
            CHECK(client.status_code == 404);
            ask(&client, i, "GET", session);
            CHECK(client.status_code == 404 && client.is_released);
        }
        CHECK(world_count_records(&worlds[0], "session.mismatch", "session.over") ==
              3 * WORLD_LOOPS);
        CHECK(world_count_records(&worlds[0], "authz.allow", "\"DELETE\"") == 1);
        release();
    }
}

TEST(client_session_of_another_caller_is_not_found)
{
    static const struct principal BOB = {.issuer = SLICE_INIT("dev"), .subject = SLICE_INIT("bob")};
    static const char *const METHODS[] = {"GET", "DELETE"};
    struct diag diag = {0};
    begin();
    open_session(0, session);
    struct principal *ann = worlds[0].snapshot->local_principal;
    CHECK(principal_new(&BOB, &worlds[0].crypto.port, &worlds[0].snapshot->local_principal,
                        &diag) == STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(METHODS); i++) {
        ask(&client, 0, METHODS[i], session);
        CHECK_ROW(METHODS[i], client.status_code == 404 && client.is_released);
    }
    post(0, PING, session);
    CHECK(client.status_code == 404);
    principal_unref(worlds[0].snapshot->local_principal);
    worlds[0].snapshot->local_principal = ann;
    post(0, PING, session);
    CHECK(client.status_code == 200);
    release();
}

TEST(client_session_requests_without_a_body_need_a_session)
{
    static const struct {
        const char *name, *method, *id;
        int http_status;
    } rows[] = {
        {"stream of none", "GET", NULL, 400}, {"stream of an invented one", "GET", "invented", 404},
        {"end of none", "DELETE", NULL, 400}, {"end of an invented one", "DELETE", "invented", 404},
        {"another method", "PUT", NULL, 405}, {"the head of a stream", "HEAD", NULL, 405},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin();
        ask(&client, 0, rows[i].method, rows[i].id);
        CHECK_ROW(rows[i].name, client.status_code == rows[i].http_status);
        CHECK_ROW(rows[i].name, worlds[0].record_count == 1 && worlds[0].call_count == 0);
        release();
    }
}

TEST(client_session_requests_are_not_allowed_without_legacy)
{
    static const char *const METHODS[] = {"GET", "DELETE"};
    begin();
    open_session(0, session);
    gateway_switch(&worlds[0].gateway, world_snapshot(PERMIT_ALL, MCP_REVISIONS_MODERN));
    for (size_t i = 0; i < COUNT_OF(METHODS); i++) {
        ask(&client, 0, METHODS[i], session);
        CHECK_ROW(METHODS[i], client.status_code == 405);
        CHECK_ROW(METHODS[i], strstr(client.fields, "Allow: POST\n") != NULL);
    }
    release();
}

/* A session with a server is for one session of a client: what one of them agreed says nothing of
 * the other. */
TEST(client_session_has_its_own_sessions_with_servers)
{
    char second[SESSION_BYTES];
    begin();
    open_session(0, session);
    open_session(0, second);
    post(0, SEE, session);
    post(0, SEE, second);
    post(0, SEE, session);
    CHECK(worlds[0].gateway.session_count == 2);
    CHECK(world_count_calls(&worlds[0], "initialize") == 2);
    world_post(&worlds[0], &client, BANK, CALL_SEE, "tools/call", "see", NULL);
    run();
    CHECK(worlds[0].gateway.session_count == 3);
    ask(&client, 0, "DELETE", second);
    CHECK(worlds[0].gateway.session_count == 2);
    post(0, SEE, session);
    CHECK(client.status_code == 200 && world_count_calls(&worlds[0], "initialize") == 3);
    release();
}

TEST(client_session_that_ends_cancels_what_runs)
{
    static const char *const HELD[] = {"initialize", "tools/list", "tools/call"};
    for (size_t i = 0; i < COUNT_OF(HELD); i++) {
        struct world_client ending = {0};
        begin();
        open_session(0, session);
        worlds[0].held_method = HELD[i];
        /* Another server than that of the handshake: its session is not open yet. */
        world_post(&worlds[1], &client, "/servers/shop/mcp", SEE, NULL, NULL, session);
        run();
        CHECK_ROW(HELD[i], !client.is_released && world_find_call(&worlds[0], HELD[i]) != NULL);
        ask(&ending, 1, "DELETE", session);
        CHECK_ROW(HELD[i], ending.status_code == 200);
        run();
        CHECK_ROW(HELD[i], client.is_released && strstr(client.body, "cancelled") != NULL);
        CHECK_ROW(HELD[i], world_find_call(&worlds[0], HELD[i]) == NULL);
        CHECK_ROW(HELD[i], worlds[0].gateway.session_count == 0);
        release();
    }
}

TEST(client_session_expires_when_nobody_uses_it)
{
    struct gateway_limits limits = GATEWAY_LIMITS_DEFAULT;
    limits.client_session_idle_ms = 10000;
    begin_with(&limits);
    open_session(0, session);
    world_advance(&worlds[0], 9000);
    post(0, PING, session);
    CHECK(client.status_code == 200);
    world_advance(&worlds[0], 9999);
    CHECK(worlds[0].gateway.client_count == 1);
    world_advance(&worlds[0], 1);
    CHECK(worlds[0].gateway.client_count == 0 && worlds[0].gateway.session_count == 0);
    world_advance(&worlds[0], limits.session_idle_ms);
    CHECK(worlds[0].timers == NULL);
    post(0, PING, session);
    CHECK(client.status_code == 404);
    release();
}

/* However much it is used. */
TEST(client_session_ends_with_its_id)
{
    struct gateway_limits limits = GATEWAY_LIMITS_DEFAULT;
    limits.client_session_idle_ms = (int64_t)2 * SESSION_TOKEN_LIFETIME_S * 1000;
    begin_with(&limits);
    open_session(0, session);
    world_advance(&worlds[0], (int64_t)SESSION_TOKEN_LIFETIME_S * 1000 - 1000);
    post(0, PING, session);
    CHECK(client.status_code == 200);
    world_advance(&worlds[0], 1000);
    post(0, PING, session);
    CHECK(client.status_code == 404);
    release();
}

/* Who opens more than his share loses his own oldest, and nobody else anything. */
TEST(client_sessions_of_a_principal_are_bounded)
{
    char ids[3][SESSION_BYTES];
    struct gateway_limits limits = GATEWAY_LIMITS_DEFAULT;
    limits.principal_sessions = 2;
    begin_with(&limits);
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        open_session(0, ids[i]);
        world_advance(&worlds[0], 1);
    }
    CHECK(worlds[0].gateway.client_count == 2);
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        post(0, PING, ids[i]);
        CHECK(client.status_code == (i == 0 ? 404 : 200));
    }
    /* Those in use stay: then there is no room. */
    struct world_client streams[2];
    ask(&streams[0], 0, "GET", ids[1]);
    ask(&streams[1], 0, "GET", ids[2]);
    world_post(&worlds[0], &client, BANK, INITIALIZE, NULL, NULL, NULL);
    run();
    CHECK(client.status_code == 503 && client.session_id[0] == '\0');
    gateway_drain(&worlds[0].gateway);
    release();
}

TEST(client_sessions_of_a_loop_are_bounded)
{
    char second[SESSION_BYTES];
    struct gateway_limits limits = GATEWAY_LIMITS_DEFAULT;
    limits.client_sessions = 1;
    begin_with(&limits);
    open_session(0, session);
    open_session(0, second);
    CHECK(worlds[0].gateway.client_count == 1);
    post(0, PING, session);
    CHECK(client.status_code == 404);
    release();
}

/* -- streams ------------------------------------------------------------------------------- */

TEST(client_stream_is_one_for_a_session)
{
    for (size_t loop = 0; loop < WORLD_LOOPS; loop++) {
        begin();
        open_session(0, session);
        ask(&stream, loop, "GET", session);
        CHECK(stream.stream_begun && stream.status_code == 200 && !stream.is_released);
        CHECK(strstr(stream.fields, "text/event-stream") != NULL);
        CHECK(worlds[0].gateway.operation_count == 0);
        ask(&client, 0, "GET", session);
        CHECK(client.status_code == 409 && client.is_released && !stream.is_released);
        CHECK(world_count_records(&worlds[0], "wire.reject", "stream.exists") == 1);
        stream.exchange.on_gone(&stream.exchange);
        CHECK(stream.is_released);
        ask(&client, 0, "GET", session);
        CHECK(client.stream_begun && !client.is_released);
        ask(&stream, 1, "DELETE", session);
        CHECK(client.stream_ended && client.is_released && stream.status_code == 200);
        release();
    }
}

TEST(client_stream_is_kept_alive_until_the_token_expires)
{
    begin();
    open_session(0, session);
    struct principal *ann = worlds[0].snapshot->local_principal;
    int64_t now_s = worlds[0].clock.wall_ms(worlds[0].clock.context) / 1000;
    ann->expires_at_s = now_s + 31;
    ask(&stream, 0, "GET", session);
    world_advance(&worlds[0], 14999);
    CHECK(stream.body[0] == '\0');
    world_advance(&worlds[0], 1);
    CHECK(stream.body[0] == ':');
    world_advance(&worlds[0], 15000);
    CHECK(!stream.stream_ended);
    world_advance(&worlds[0], 15000);
    CHECK(stream.stream_ended && stream.is_released);
    release();
}

TEST(client_stream_is_cut_when_the_client_is_too_slow)
{
    begin();
    open_session(0, session);
    for (int is_comment = 0; is_comment < 2; is_comment++) {
        ask(&stream, 0, "GET", session);
        stream.is_slow = true;
        if (is_comment != 0) {
            world_advance(&worlds[0], 15000);
        } else {
            client_stream_send(the_session()->stream, SLICE("{}"));
        }
        CHECK(stream.is_aborted && stream.is_released && !stream.stream_ended);
    }
    post(0, PING, session);
    CHECK(client.status_code == 200);
    release();
}

TEST(client_stream_ends_when_the_loop_drains)
{
    begin();
    open_session(0, session);
    ask(&stream, 1, "GET", session);
    gateway_drain(&worlds[0].gateway);
    CHECK(stream.stream_ended && stream.is_released);
    ask(&client, 0, "GET", session);
    CHECK(client.status_code == 503 && client.is_released);
    post(0, PING, session);
    CHECK(client.status_code == 200);
    release();
}

TEST(client_stream_is_not_begun_for_who_left)
{
    begin();
    open_session(0, session);
    worlds[0].holds_records = true;
    ask(&stream, 0, "GET", session);
    stream.exchange.on_gone(&stream.exchange);
    worlds[0].holds_records = false;
    run();
    CHECK(stream.is_released && !stream.stream_begun);
    release();
}

/* Two ask at the same time, and a session ends while its stream is being recorded. */
TEST(client_stream_is_judged_again_after_the_record)
{
    begin();
    open_session(0, session);
    worlds[0].holds_records = true;
    ask(&stream, 0, "GET", session);
    ask(&client, 0, "GET", session);
    worlds[0].holds_records = false;
    run();
    CHECK(stream.stream_begun && client.status_code == 409);
    stream.exchange.on_gone(&stream.exchange);
    worlds[0].holds_records = true;
    ask(&client, 0, "DELETE", session);
    ask(&stream, 0, "GET", session);
    worlds[0].holds_records = false;
    run();
    CHECK(client.status_code == 200 && stream.status_code == 404 && stream.is_released);
    release();
}

/* -- coming back --------------------------------------------------------------------------- */

#define SEE_WITH_PROGRESS                                                                          \
    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/"                                            \
    "call\",\"params\":{\"name\":\"see\",\"_meta\":{"                                              \
    "\"progressToken\":\"p\"}}}"
#define PROGRESS(n)                                                                                \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"                                             \
    "progress\",\"params\":{\"progressToken\":%ID,"                                                \
    "\"progress\":" n "}}"

/* A call whose stream has begun, with the events 1-1 (empty) and 1-2. */
static struct world_call *begin_call(void)
{
    begin();
    open_session(0, session);
    worlds[0].held_method = "tools/call";
    post(1, SEE_WITH_PROGRESS, session);
    struct world_call *call = world_find_call(&worlds[0], "tools/call");
    world_message(call, PROGRESS("1"));
    CHECK(client.stream_begun && strstr(client.body, "id: 1-1\ndata: \n\n") == client.body);
    CHECK(strstr(client.body, "id: 1-2\ndata: {") != NULL);
    return call;
}

static void finish_call(struct world_call *call)
{
    world_message(call, "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"content\":[]}}");
    world_end(call, STATUS_OK, NULL);
    run();
}

static void come_back(struct world_client *by, size_t loop, const char *event_id)
{
    world_come_back(&worlds[loop], by, BANK, session, event_id);
    run();
}

static bool has(const struct world_client *by, const char *text)
{
    return strstr(by->body, text) != NULL;
}

TEST(client_stream_of_a_call_goes_on_elsewhere)
{
    static const struct {
        const char *name, *after;
        bool is_finished;           /* by the time that the client is back */
        bool is_connected;          /* the gateway has not noticed that it went */
        bool has_first, has_second; /* progress */
    } rows[] = {
        {"from the start", "1-1", false, false, true, true},
        {"from the first", "1-2", false, false, false, true},
        {"all of it, after the end", "1-1", true, false, true, true},
        {"the answer alone", "1-3", true, false, false, false},
        {"before we know that it was gone", "1-2", false, true, false, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows) * WORLD_LOOPS; i++) {
        size_t row = i / WORLD_LOOPS;
        struct world_call *call = begin_call();
        if (!rows[row].is_connected) {
            client.exchange.on_gone(&client.exchange);
        }
        world_message(call, PROGRESS("2"));
        if (rows[row].is_finished) {
            finish_call(call);
        }
        come_back(&stream, i % WORLD_LOOPS, rows[row].after);
        CHECK_ROW(rows[row].name, stream.stream_begun && client.is_released);
        CHECK_ROW(rows[row].name, client.is_aborted == rows[row].is_connected);
        if (!rows[row].is_finished) {
            CHECK_ROW(rows[row].name, !stream.stream_ended);
            finish_call(call);
        }
        CHECK_ROW(rows[row].name, has(&stream, "\"progress\":1") == rows[row].has_first);
        CHECK_ROW(rows[row].name, has(&stream, "\"progress\":2") == rows[row].has_second);
        CHECK_ROW(rows[row].name, has(&stream, "id: 1-4\ndata: {\"jsonrpc\":\"2.0\",\"id\":2,"));
        CHECK_ROW(rows[row].name, stream.stream_ended && stream.is_released);
        CHECK_ROW(rows[row].name, world_count_records(&worlds[0], "\"outcome\"", "bank.see") == 1);
        release();
    }
}

TEST(client_stream_goes_on_after_events_of_its_own_only)
{
    static const char *const IDS[] = {"1-5", "2-1", "0-0",   "1",     "1-",
                                      "-1",  "x-y", "1-2-3", "-1--1", "99999999999999999999-1"};
    struct world_call *call = begin_call();
    client.exchange.on_gone(&client.exchange);
    for (size_t i = 0; i < COUNT_OF(IDS); i++) {
        come_back(&stream, 0, IDS[i]);
        CHECK_ROW(IDS[i], stream.status_code == 400 && stream.is_released && !stream.stream_begun);
    }
    finish_call(call);
    release();
}

/* The events of a session are that session's. */
TEST(client_stream_of_another_session_is_not_found)
{
    char own[SESSION_BYTES];
    struct world_call *call = begin_call();
    client.exchange.on_gone(&client.exchange);
    memcpy(own, session, sizeof(own));
    open_session(0, session);
    come_back(&stream, 0, "1-1");
    CHECK(stream.status_code == 400 && !has(&stream, "progress"));
    memcpy(session, own, sizeof(own));
    finish_call(call);
    release();
}

TEST(client_stream_is_forgotten_after_a_while)
{
    struct world_call *call = begin_call();
    client.exchange.on_gone(&client.exchange);
    world_advance(&worlds[0], 10 * worlds[0].gateway.limits.stream_replay_ms - 1);
    finish_call(call);
    world_advance(&worlds[0], worlds[0].gateway.limits.stream_replay_ms - 1);
    come_back(&stream, 0, "1-3"); /* it has all there is */
    CHECK(stream.stream_ended && stream.body[0] == '\0');
    come_back(&stream, 0, "1-2");
    CHECK(stream.stream_ended && has(&stream, "\"id\":2"));
    world_advance(&worlds[0], worlds[0].gateway.limits.stream_replay_ms);
    come_back(&stream, 0, "1-2");
    CHECK(stream.status_code == 400);
    release();
}

TEST(client_stream_keeps_what_the_session_may_keep)
{
    struct gateway_limits limits = GATEWAY_LIMITS_DEFAULT;
    begin_with(&limits);
    open_session(0, session);
    ask(&stream, 0, "GET", session);
    struct client_session *found = the_session();
    found->account.limit_bytes = found->account.used_bytes + 256;
    for (int i = 0; i < 8; i++) {
        client_stream_send(found->stream, SLICE("{\"n\":1}"));
    }
    size_t kept = found->stream->event_count;
    CHECK(kept > 0 && kept < 8 && found->account.used_bytes <= found->account.limit_bytes);
    stream.exchange.on_gone(&stream.exchange);
    come_back(&client, 0, "1-1");
    CHECK(client.status_code == 400);
    come_back(&client, 0, "1-7");
    CHECK(client.stream_begun && !client.stream_ended && has(&client, "id: 1-8\n"));
    client.exchange.on_gone(&client.exchange);
    found->account.limit_bytes = (size_t)1 << 20;
    for (size_t i = 0; i < 2 * limits.stream_events; i++) {
        client_stream_send(found->stream, SLICE("{}"));
    }
    CHECK(found->stream->event_count == limits.stream_events);
    release();
}

/* A session that ends takes its streams with it, whatever still runs. */
TEST(client_stream_ends_with_its_session)
{
    for (int is_recording = 0; is_recording < 2; is_recording++) {
        struct world_call *call = begin_call();
        worlds[0].holds_records = is_recording != 0;
        if (is_recording != 0) {
            finish_call(call);
        }
        client_session_end(the_session());
        worlds[0].holds_records = false;
        run();
        CHECK(client.is_released && client.stream_ended);
        CHECK(worlds[0].gateway.client_count == 0);
        release();
    }
}
