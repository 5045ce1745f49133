/* Messages of a server's log: who gets which, and what the server is told. */
#include "core/gateway/gateway.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>
#include <string.h>

#define HANDSHAKE(offers)                                                                          \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"protocolVersion\":\"2025-11-25\","              \
    "\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{}" offers                 \
    "},\"serverInfo\":{\"name\":\"s\",\"version\":\"1\"}}}"
#define INITIALIZE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{}}}"
#define LEGACY_SEE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"tools/call\",\"params\":{\"name\":\"see\"}}"
#define LEVEL_KEY "io.modelcontextprotocol/logLevel"
#define LOG(level)                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"" level     \
    "\",\"logger\":\"l\",\"data\":\"said " level "\"}}"

static struct world world;
static struct world_client client;
static char session[512];

static const struct world_answer WITH_LOG[] = {
    {0, "initialize", HANDSHAKE(",\"logging\":{}")},
    {0, "server/discover", HANDSHAKE(",\"logging\":{}")},
};
static const struct world_answer LEGACY_WITH_LOG[] = {
    {0, "initialize", HANDSHAKE(",\"logging\":{}")},
};
static const struct world_answer WITHOUT_LOG[] = {
    {0, "initialize", HANDSHAKE("")},
    {0, "server/discover", HANDSHAKE("")},
};

static bool body_has(const char *text)
{
    return strstr(client.body, text) != NULL;
}

static void begin(const struct world_answer *answers, size_t count)
{
    world_init(&world, PERMIT_ALL);
    world.answers = answers;
    world.answer_count = count;
    world.held_method = "tools/call";
}

static void post(const char *body, const char *id)
{
    world_post(&world, &client, BANK, body, NULL, NULL, id);
    world_run(&world);
}

static void open_session(void)
{
    post(INITIALIZE, NULL);
    CHECK(client.status_code == 200);
    memcpy(session, client.session_id, sizeof(session));
}

static void set_level(const char *level)
{
    char body[256];
    snprintf(body, sizeof(body),
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"logging/setLevel\",\"params\":{\"level\":"
             "\"%s\"}}",
             level);
    post(body, session);
}

/* A call of which the server says these things, and its answer. */
static void end_call(void)
{
    struct world_call *call = world_find_call(&world, "tools/call");
    CHECK(call != NULL);
    if (call != NULL) {
        world_message(call, LOG("debug"));
        world_message(call, LOG("info"));
        world_message(call, LOG("error"));
        world_message(call, LOG("strange"));
    }
    world.held_method = NULL;
    world_run(&world);
    world.held_method = "tools/call";
    CHECK(body_has("\"text\":\"ok\""));
}

static void call_in_session(void)
{
    post(LEGACY_SEE, session);
    end_call();
}

static void call_modern(const char *level)
{
    char body[1024];
    snprintf(body, sizeof(body),
             "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"tools/call\",\"params\":{\"name\":"
             "\"see\",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
             "\"io.modelcontextprotocol/clientCapabilities\":{}%s%s%s}}}",
             level[0] == '\0' ? "" : ",\"" LEVEL_KEY "\":\"", level, level[0] == '\0' ? "" : "\"");
    world_post(&world, &client, BANK, body, "tools/call", "see", NULL);
    world_run(&world);
}

static bool got(const char *level)
{
    char text[64];
    snprintf(text, sizeof(text), "said %s", level);
    return body_has(text);
}

TEST(log_level_of_a_modern_request)
{
    static const struct {
        const char *level;
        bool debug, info, error;
    } rows[] = {
        {"", false, false, false},          {"debug", true, true, true},
        {"info", false, true, true},        {"error", false, false, true},
        {"emergency", false, false, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows) * 2; i++) {
        size_t row = i / 2;
        bool is_modern = i % 2 == 1;
        const struct world_answer *answers = is_modern ? WITH_LOG : LEGACY_WITH_LOG;
        begin(answers, is_modern ? COUNT_OF(WITH_LOG) : COUNT_OF(LEGACY_WITH_LOG));
        call_modern(rows[row].level);
        const struct world_call *call = world_find_call(&world, "tools/call");
        const char *body = call == NULL ? "" : call->body;
        bool is_told = rows[row].level[0] != '\0';
        CHECK_ROW(rows[row].level, call != NULL);
        CHECK_ROW(rows[row].level, (strstr(body, LEVEL_KEY) != NULL) == (is_modern && is_told));
        CHECK_ROW(rows[row].level, world_count_calls(&world, "logging/setLevel") ==
                                       (!is_modern && is_told ? 1U : 0U));
        end_call();
        CHECK_ROW(rows[row].level, got("debug") == rows[row].debug);
        CHECK_ROW(rows[row].level, got("info") == rows[row].info);
        CHECK_ROW(rows[row].level, got("error") == rows[row].error && !got("strange"));
        world_release(&world);
    }
}

TEST(log_level_of_a_session)
{
    begin(LEGACY_WITH_LOG, COUNT_OF(LEGACY_WITH_LOG));
    open_session();
    call_in_session();
    CHECK(!got("error") && world_count_calls(&world, "logging/setLevel") == 0);
    set_level("info");
    CHECK(client.status_code == 200 && body_has("\"result\":{}"));
    CHECK(world_count_calls(&world, "logging/setLevel") == 0);
    CHECK(world_count_records(&world, "logging/setLevel", "") == 1);
    call_in_session();
    CHECK(!got("debug") && got("info") && got("error"));
    call_in_session();
    CHECK(world_count_calls(&world, "logging/setLevel") == 1);
    set_level("error");
    call_in_session();
    CHECK(!got("info") && got("error"));
    CHECK(world_count_calls(&world, "logging/setLevel") == 1);
    set_level("debug");
    call_in_session();
    CHECK(got("debug") && world_count_calls(&world, "logging/setLevel") == 2);
    world_release(&world);
}

/* A server that does not want to be told serves all the same. */
/* Who listens need not call to hear the log. */
TEST(log_level_of_who_listens)
{
    struct world_client listener;
    for (int listens_first = 0; listens_first < 2; listens_first++) {
        begin(LEGACY_WITH_LOG, COUNT_OF(LEGACY_WITH_LOG));
        world.server_session = "up";
        open_session();
        if (listens_first) {
            world_ask(&world, &listener, "GET", BANK, session);
            world_run(&world);
            CHECK(world_count_calls(&world, "logging/setLevel") == 0);
            set_level("warning");
        } else {
            set_level("warning");
            CHECK(world_count_calls(&world, "logging/setLevel") == 0);
            world_ask(&world, &listener, "GET", BANK, session);
            world_run(&world);
        }
        CHECK(world_count_calls(&world, "logging/setLevel") == 1);
        CHECK(strstr(world.calls[world.call_count - 1].body, "{\"level\":\"warning\"}") != NULL);
        world_message(world_find_call(&world, "GET"), LOG("error"));
        world_message(world_find_call(&world, "GET"), LOG("info"));
        CHECK(strstr(listener.body, "said error") != NULL);
        CHECK(strstr(listener.body, "said info") == NULL);
        /* A call makes sure of it; after that nothing more is to be said. */
        call_in_session();
        CHECK(world_count_calls(&world, "logging/setLevel") == 2);
        set_level("error");
        CHECK(world_count_calls(&world, "logging/setLevel") == 2);
        set_level("debug");
        CHECK(world_count_calls(&world, "logging/setLevel") == 3);
        world_release(&world);
    }
}

TEST(log_level_of_who_listens_needs_the_capability)
{
    struct world_client listener;
    static const struct world_answer OTHER[] = {
        {0, "initialize", HANDSHAKE(",\"logging\":{}")},
        {1, "initialize", HANDSHAKE(",\"prompts\":{\"listChanged\":true}")}};
    begin(OTHER, COUNT_OF(OTHER));
    world.server_session = "up";
    world_post(&world, &client, "/mcp", INITIALIZE, NULL, NULL, NULL);
    world_run(&world);
    memcpy(session, client.session_id, sizeof(session));
    world_ask(&world, &listener, "GET", "/mcp", session);
    world_run(&world);
    CHECK(world_count_calls(&world, "GET") == 2);
    set_level("info");
    CHECK(world_count_calls(&world, "logging/setLevel") == 1);
    CHECK(world.calls[world.call_count - 1].server == 0);
    world_release(&world);
}

TEST(log_level_that_the_server_refuses)
{
    const struct world_answer answers[] = {
        LEGACY_WITH_LOG[0],
        {0, "logging/setLevel",
         "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"error\":{\"code\":-32601,\"message\":\"no\"}}"},
    };
    begin(answers, COUNT_OF(answers));
    call_modern("info");
    end_call();
    CHECK(got("info"));
    world_release(&world);
    begin(LEGACY_WITH_LOG, COUNT_OF(LEGACY_WITH_LOG));
    world.held_method = "logging/setLevel";
    call_modern("info");
    world_end(world_find_call(&world, "logging/setLevel"), STATUS_UNAVAILABLE, "upstream.down");
    world.held_method = "tools/call";
    world_run(&world);
    end_call();
    world_release(&world);
}

TEST(log_level_is_refused)
{
    static const char *const PARAMS[] = {"{\"level\":\"fatal\"}", "{\"level\":7}", "{}",
                                         "{\"level\":\"INFO\"}", "{\"level\":null}"};
    begin(LEGACY_WITH_LOG, COUNT_OF(LEGACY_WITH_LOG));
    open_session();
    for (size_t i = 0; i < COUNT_OF(PARAMS); i++) {
        char body[256];
        snprintf(body, sizeof(body),
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"logging/setLevel\",\"params\":%s}",
                 PARAMS[i]);
        post(body, session);
        CHECK_ROW(PARAMS[i], client.status_code == 400 && body_has("-32602"));
    }
    call_modern("fatal");
    CHECK(client.status_code == 400 && body_has("-32602"));
    CHECK(world_count_calls(&world, "tools/call") == 0);
    world_release(&world);
    begin(WITHOUT_LOG, COUNT_OF(WITHOUT_LOG));
    open_session();
    set_level("info");
    CHECK(client.status_code == 200 && body_has("-32601"));
    CHECK(world_count_records(&world, "mcp.capability", "logging/setLevel") == 1);
    world_release(&world);
}

/* Who never offered a log has none. */
TEST(log_level_without_the_capability)
{
    begin(WITHOUT_LOG, COUNT_OF(WITHOUT_LOG));
    call_modern("debug");
    CHECK(strstr(world_find_call(&world, "tools/call")->body, LEVEL_KEY) == NULL);
    end_call();
    CHECK(!got("debug") && !got("error"));
    world_release(&world);
}
