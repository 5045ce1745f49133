/* Batches of MCP 2025-03-26: every element is judged by itself, and the answers come together. */
#include "core/gateway/call.h"
#include "core/gateway/gateway.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>
#include <string.h>

#define INITIALIZE(version)                                                                        \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"" version "\",\"capabilities\":{},\"clientInfo\":{}}}"
#define PING(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"ping\"}"
#define SEE(id)                                                                                    \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\",\"params\":{\"name\":\"see\","   \
    "\"_meta\":{\"progressToken\":1}}}"
#define PAY(id)                                                                                    \
    "{\"jsonrpc\":\"2.0\",\"id\":" id                                                              \
    ",\"method\":\"tools/call\",\"params\":{\"name\":\"pay\",\"arguments\":{\"amount\":1}}}"
#define INITIALIZED "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"
#define NO_PAY                                                                                     \
    PERMIT_ALL "@id(\"no\") forbid(principal, action == Aegis::Action::\"bank.pay\", resource);"

static struct world world;
static struct world_client client;
static char session[512];

static bool body_has(const char *text)
{
    return strstr(client.body, text) != NULL;
}

static void begin_with(const char *initialize, const char *policies,
                       const struct gateway_limits *limits)
{
    world_init_with(&world, policies, limits);
    world_post(&world, &client, BANK, initialize, NULL, NULL, NULL);
    world_run(&world);
    CHECK(client.status_code == 200);
    memcpy(session, client.session_id, sizeof(session));
}

static void begin(const char *policies)
{
    static const struct gateway_limits LIMITS = GATEWAY_LIMITS_DEFAULT;
    begin_with(INITIALIZE("2025-03-26"), policies, &LIMITS);
}

static void post(const char *body)
{
    world_post(&world, &client, BANK, body, NULL, NULL, session);
    world_run(&world);
}

TEST(batch_is_judged_by_its_elements)
{
    begin(NO_PAY);
    post(" [" PING("1") "," SEE("\"a\"") "," INITIALIZED "," PAY(
        "2") ","
             "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"no/such\"}," INITIALIZE(
                 "2025-03-26") ","
                               "[" PING("5") "],7,{\"jsonrpc\":\"2.0\",\"id\":6,\"method\":"
                                             "\"ping\",\"x\":1}]");
    CHECK(client.status_code == 200 && client.body[0] == '[');
    CHECK(body_has("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"));
    CHECK(body_has("\"id\":\"a\",\"result\":{\"content\""));
    CHECK(body_has("\"id\":2,\"result\":{\"isError\":true"));
    CHECK(body_has("\"id\":3,\"error\":{\"code\":-32601"));
    CHECK(body_has("\"id\":0,\"error\":{\"code\":-32600"));
    CHECK(body_has("\"id\":6,\"error\":{\"code\":-32600"));
    CHECK(!body_has("\"id\":5"));
    CHECK(world_count_calls(&world, "tools/call") == 1);
    CHECK(world_count_records(&world, "\"intent\"", "bank.see") == 1);
    CHECK(world_count_records(&world, "authz.deny", "bank.pay") == 1);
    CHECK(world_count_records(&world, "rpc.batch", "") == 2);
    CHECK(world.gateway.client_count == 1 && world.gateway.operation_count == 0);
    world_release(&world);
}

TEST(batch_without_requests_has_no_answer)
{
    begin(PERMIT_ALL);
    post("[" INITIALIZED "," INITIALIZED "]");
    CHECK(client.status_code == 202 && client.body[0] == '\0' && client.is_released);
    CHECK(world_count_records(&world, "notifications/initialized", "") == 2);
    world_release(&world);
}

TEST(batch_is_refused)
{
    static const struct {
        const char *name, *initialize, *body;
    } rows[] = {
        {"empty", INITIALIZE("2025-03-26"), "[]"},
        {"of an older revision", INITIALIZE("2024-11-05"), "[" PING("1") "]"},
        {"of a newer revision", INITIALIZE("2025-06-18"), "[" PING("1") "]"},
        {"of the newest with a handshake", INITIALIZE("2025-11-25"), "[" PING("1") "]"},
        {"no JSON", INITIALIZE("2025-03-26"), "[" PING("1")},
        {"a name twice", INITIALIZE("2025-03-26"), "[{\"id\":1,\"id\":2}]"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        static const struct gateway_limits LIMITS = GATEWAY_LIMITS_DEFAULT;
        begin_with(rows[i].initialize, PERMIT_ALL, &LIMITS);
        size_t before = world.record_count;
        post(rows[i].body);
        CHECK_ROW(rows[i].name, client.status_code == 400 && client.body[0] == '{');
        CHECK_ROW(rows[i].name, world.record_count == before + 1);
        world_release(&world);
    }
}

#define ANSWER "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"content\":[]}}"
#define PROGRESS "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}"
#define OF_VERSION(version)                                                                        \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"protocolVersion\":\"" version                   \
    "\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{}}}"

/* A call that runs at a server of this revision. */
static struct world_call *call_at(const struct world_answer *handshake)
{
    world_init(&world, PERMIT_ALL);
    world.answers = handshake;
    world.answer_count = 1;
    world.held_method = "tools/call";
    world_post(&world, &client, BANK, INITIALIZE("2025-03-26"), NULL, NULL, NULL);
    world_run(&world);
    memcpy(session, client.session_id, sizeof(session));
    post(SEE("1"));
    struct world_call *call = world_find_call(&world, "tools/call");
    CHECK(call != NULL);
    return call;
}

TEST(batch_of_a_server_is_taken_by_its_elements)
{
    static const struct world_answer HANDSHAKE = {0, "initialize", OF_VERSION("2025-03-26")};
    struct world_call *call = call_at(&HANDSHAKE);
    world_message(call, "[" PING("\"a\"") ", " PING("\"b\"") "]");
    world_run(&world);
    CHECK(world_count_calls(&world, "response") == 2 && call->is_open);
    world_message(call, " [ " ANSWER " ]");
    world_end(call, STATUS_OK, NULL);
    world_run(&world);
    CHECK(client.status_code == 200 && body_has("\"content\":[]"));
    world_release(&world);
}

TEST(batch_of_a_server_is_refused)
{
    static const struct {
        const char *name, *batch;
        struct world_answer handshake;
    } rows[] = {
        {"of a newer revision", "[" ANSWER "]", {0, "initialize", OF_VERSION("2025-06-18")}},
        {"of an older revision", "[" ANSWER "]", {0, "initialize", OF_VERSION("2024-11-05")}},
        {"empty", "[]", {0, "initialize", OF_VERSION("2025-03-26")}},
        {"in a batch", "[[" ANSWER "]]", {0, "initialize", OF_VERSION("2025-03-26")}},
        {"no messages", "[1]", {0, "initialize", OF_VERSION("2025-03-26")}},
        {"goes on after its answer",
         "[" ANSWER "," PROGRESS "]",
         {0, "initialize", OF_VERSION("2025-03-26")}},
        {"broken after the answer", "[" ANSWER ",{]", {0, "initialize", OF_VERSION("2025-03-26")}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world_call *call = call_at(&rows[i].handshake);
        world_message(call, rows[i].batch);
        world_run(&world);
        CHECK_ROW(rows[i].name, client.status_code == 502 && call->is_cancelled);
        world_release(&world);
    }
}

TEST(batch_of_a_server_at_its_bound)
{
    static const struct world_answer HANDSHAKE = {0, "initialize", OF_VERSION("2025-03-26")};
    static char text[UPSTREAM_BATCH_MAX * sizeof(PROGRESS) + 64];
    for (size_t count = UPSTREAM_BATCH_MAX; count <= UPSTREAM_BATCH_MAX + 1; count++) {
        struct world_call *call = call_at(&HANDSHAKE);
        size_t length = 0;
        for (size_t i = 0; i < count; i++) {
            length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s",
                                       i == 0 ? "[" : ",", PROGRESS);
        }
        (void)snprintf(text + length, sizeof(text) - length, "]");
        world_message(call, text);
        world_run(&world);
        CHECK(call->is_cancelled == (count > UPSTREAM_BATCH_MAX));
        world_release(&world);
    }
}

/* Modern messages, and whoever has no session, do not get as far as a batch. */
TEST(batch_needs_its_session)
{
    begin(PERMIT_ALL);
    session[0] = '\0';
    world_post(&world, &client, BANK, "[" PING("1") "]", NULL, NULL, NULL);
    world_run(&world);
    CHECK(client.status_code == 400 && body_has("-32600"));
    world_post(&world, &client, BANK, "[" CALL_SEE "]", "tools/call", "see", NULL);
    world_run(&world);
    CHECK(client.status_code == 400 && body_has("-32600"));
    world_post(&world, &client, BANK, "[" PING("1") "]", NULL, NULL, "invented");
    world_run(&world);
    CHECK(client.status_code == 404);
    world_release(&world);
}

TEST(batch_has_a_limit)
{
    for (size_t over = 0; over < 2; over++) {
        struct buf body;
        begin(PERMIT_ALL);
        buf_init(&body, WORLD_TEXT_BYTES, NULL);
        buf_append_byte(&body, '[');
        for (size_t i = 0; i < 100 + over; i++) {
            buf_append(&body, i == 0 ? SLICE_EMPTY : SLICE(","));
            buf_append(&body, SLICE("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"no\"}"));
        }
        buf_append(&body, SLICE("]"));
        buf_append_byte(&body, '\0');
        /* The world has fewer places for records. */
        world.gateway.ports.journal = NULL;
        post((const char *)body.ptr);
        CHECK(client.status_code == (over == 0 ? 200 : 400));
        CHECK((client.body[0] == '[') == (over == 0));
        buf_release(&body);
        world_release(&world);
    }
}

TEST(batch_needs_places_for_its_operations)
{
    struct gateway_limits limits = GATEWAY_LIMITS_DEFAULT;
    limits.operations = 3;
    begin_with(INITIALIZE("2025-03-26"), PERMIT_ALL, &limits);
    post("[" PING("1") "," PING("2") "]");
    CHECK(client.status_code == 200 && body_has("\"id\":2"));
    post("[" PING("1") "," PING("2") "," PING("3") "]");
    CHECK(client.status_code == 503 && body_has("50306") && !body_has("\"id\":1"));
    world_release(&world);
}

/* What would come before the answer has no place; the answer has. */
TEST(batch_leaves_progress_out)
{
    begin(PERMIT_ALL);
    world.held_method = "tools/call";
    post("[" SEE("1") "," PING("2") "]");
    CHECK(!client.is_replied && !client.stream_begun);
    struct world_call *call = world_find_call(&world, "tools/call");
    char progress[256];
    snprintf(progress, sizeof(progress),
             "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
             "\"progressToken\":%lld,\"progress\":1}}",
             (long long)call->id);
    world_message(call, progress);
    world.held_method = NULL;
    world_run(&world);
    CHECK(client.is_replied && !client.stream_begun && !body_has("progress"));
    CHECK(body_has("\"id\":1") && body_has("\"id\":2"));
    world_release(&world);
}

/* Whatever ends the batch, nothing is left and no call is forgotten. */
TEST(batch_that_does_not_end_well)
{
    static const char *const TROUBLES[] = {"client leaves", "session ends", "gateway closes",
                                           "time passes"};
    for (size_t i = 0; i < COUNT_OF(TROUBLES); i++) {
        struct world_client ending = {0};
        begin(PERMIT_ALL);
        world.held_method = "tools/call";
        post("[" SEE("1") "," PING("2") "," SEE("3") "]");
        CHECK_ROW(TROUBLES[i], !client.is_released && world.gateway.operation_count == 3);
        if (i == 0) {
            client.exchange.on_gone(&client.exchange);
            world.held_method = NULL;
            world_run(&world);
            CHECK_ROW(TROUBLES[i], client.is_released && !client.is_replied);
            CHECK_ROW(TROUBLES[i], world_count_records(&world, "\"outcome\"", "\"ok\"") == 2);
        } else if (i == 1) {
            world_ask(&world, &ending, "DELETE", BANK, session);
            world_run(&world);
            CHECK_ROW(TROUBLES[i], ending.status_code == 200 && client.is_released);
            CHECK_ROW(TROUBLES[i], body_has("cancelled"));
        } else if (i == 3) {
            world_advance(&world, world.gateway.limits.operation_deadline_ms + 1);
            world_run(&world);
            CHECK_ROW(TROUBLES[i], client.status_code == 200 && body_has("upstream_timeout"));
            CHECK_ROW(TROUBLES[i], body_has("\"id\":1") && body_has("\"id\":2"));
        }
        CHECK_ROW(TROUBLES[i], i == 2 || world.gateway.operation_count == 0);
        world_release(&world);
    }
}
