/* subscriptions/listen of modern clients at legacy servers. */
#include "core/gateway/listening.h"

#include "core/gateway/server_session.h"
#include "support/check.h"
#include "support/fake_world.h"

#define FILTER(filter)                                                                             \
    "{\"jsonrpc\":\"2.0\",\"id\":\"l\",\"method\":\"subscriptions/listen\",\"params\":{"           \
    "\"notifications\":" filter "," META "}}"
#define BOTH                                                                                       \
    "{\"toolsListChanged\":true,\"promptsListChanged\":true,\"resourceSubscriptions\":["           \
    "\"file:///a\",\"FILE:///b\"]}"
#define HONOURED                                                                                   \
    "{\"toolsListChanged\":true,\"resourceSubscriptions\":[\"file:///a\",\"file:///b\"]}"
#define THEIRS "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":\"l\"}"
#define NOTICE(method, params)                                                                     \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/" method "\",\"params\":{" params "}}"
#define ACKNOWLEDGED(filter)                                                                       \
    NOTICE("subscriptions/acknowledged", "\"notifications\":" filter "," THEIRS)
#define UPDATED(uri) NOTICE("resources/updated", "\"uri\":\"" uri "\"")
#define CHANGED(list) "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/" list "/list_changed\"}"
#define HEARD(uri) NOTICE("resources/updated", "\"uri\":\"" uri "\"," THEIRS)
#define ENDED                                                                                      \
    "{\"jsonrpc\":\"2.0\",\"id\":\"l\",\"result\":{\"resultType\":\"complete\"," THEIRS "}}"
#define ALL_CHANGES "{\"tools\":{\"listChanged\":true},\"resources\":{\"subscribe\":true}}"
#define INITIALIZED(capabilities)                                                                  \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"protocolVersion\":\"2025-11-25\","              \
    "\"capabilities\":" capabilities ",\"serverInfo\":{}}}"
#define DONE "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{}}"
#define ERROR "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"error\":{\"code\":-32002,\"message\":\"no\"}}"
#define DISCOVER                                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\",\"params\":{" META "}}"

static struct world_answer answers[] = {{0, "initialize", INITIALIZED(ALL_CHANGES)},
                                        {0, "resources/subscribe", DONE},
                                        {0, "resources/unsubscribe", DONE}};
static struct world world;
static struct world_client client, second;

static void begin_world(const char *policies)
{
    world_init(&world, policies);
    world.server_session = "up-1";
    world.answers = answers;
    world.answer_count = COUNT_OF(answers);
}

static void post(struct world_client *by, const char *body)
{
    world_post(&world, by, BANK, body, "subscriptions/listen", NULL, NULL);
    world_run(&world);
    world_advance(&world, 0);
    world_run(&world);
}

static struct world_call *begin_with(const char *policies, const char *body)
{
    begin_world(policies);
    post(&client, body);
    return world_find_call(&world, "GET");
}

static struct world_call *begin(void)
{
    struct world_call *stream = begin_with(PERMIT_ALL, FILTER(BOTH));
    CHECK(stream != NULL && strstr(client.body, ACKNOWLEDGED(HONOURED)) != NULL);
    return stream;
}

static void say(struct world_call *stream, const char *message)
{
    world_message(stream, message);
    world_run(&world);
    world_advance(&world, 0);
    world_run(&world);
}

static size_t count(const struct world_client *by, const char *text)
{
    size_t found = 0;
    for (const char *at = strstr(by->body, text); at != NULL; at = strstr(at + 1, text)) {
        found++;
    }
    return found;
}

static size_t heard(const char *text)
{
    return count(&client, text);
}

TEST(legacy_listening_tells_what_was_wished_for)
{
    struct world_call *stream = begin();
    CHECK(world_count_calls(&world, "resources/subscribe") == 2);
    CHECK(world_count_records(&world, "subscriptions/listen", "\"intent\"") == 1);
    say(stream, CHANGED("tools"));
    CHECK(heard(NOTICE("tools/list_changed", THEIRS)) == 1);
    say(stream, UPDATED("file:///a/part"));
    CHECK(heard(HEARD("file:///a/part")) == 1 && !client.stream_ended);
    world_release(&world);
}

/* What a call in the session brings is for the listener, too. */
TEST(legacy_listening_hears_what_comes_with_a_call)
{
    struct world_call *stream = begin();
    world.held_method = "tools/call";
    world_post(&world, &second, BANK, CALL_SEE, "tools/call", "see", NULL);
    world_run(&world);
    say(world_find_call(&world, "tools/call"), UPDATED("file:///b"));
    CHECK(heard(HEARD("file:///b")) == 1 && count(&second, "updated") == 0);
    CHECK(world_count_calls(&world, "initialize") == 1 && stream->is_open);
    world_release(&world);
}

TEST(legacy_listening_drops_what_was_not_wished_for)
{
    static const char *const DROPPED[] = {
        CHANGED("prompts"),
        CHANGED("resources"),
        UPDATED("file:///ab"),
        UPDATED("no address"),
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\"}",
        NOTICE("message", "\"level\":\"error\",\"data\":1"),
        NOTICE("tasks/status", "\"taskId\":\"t\""),
        NOTICE("elicitation/complete", "\"elicitationId\":\"e\""),
        ACKNOWLEDGED("{}"),
    };
    for (size_t i = 0; i < COUNT_OF(DROPPED); i++) {
        struct world_call *stream = begin();
        size_t before = strlen(client.body);
        say(stream, DROPPED[i]);
        CHECK_ROW(DROPPED[i], strlen(client.body) == before && stream->is_open);
        world_release(&world);
    }
}

TEST(legacy_listening_leaves_out_what_is_denied)
{
    static const char DENY[] = PERMIT_ALL
        "forbid(principal, action in Aegis::Action::\"resources/read\", resource) when { "
        "resource.path like \"/a*\" };";
    struct world_call *stream = begin_with(DENY, FILTER(BOTH));
    CHECK(world_count_calls(&world, "resources/subscribe") == 1);
    CHECK(heard("\"resourceSubscriptions\":[\"file:///b\"]") == 1);
    CHECK(world_count_records(&world, "authz.deny", "\"file:///a\"") == 1);
    say(stream, UPDATED("file:///a"));
    gateway_switch(&world.gateway, world_snapshot("", ALL_REVISIONS));
    say(stream, UPDATED("file:///b"));
    say(stream, UPDATED("file:///b"));
    CHECK(heard("updated") == 0);
    CHECK(world_count_records(&world, "authz.deny", "notifications/resources/updated") == 1);
    world_release(&world);
}

TEST(legacy_listening_leaves_out_what_the_server_refuses)
{
    answers[1].json = ERROR;
    struct world_call *stream = begin_with(PERMIT_ALL, FILTER(BOTH));
    answers[1].json = DONE;
    CHECK(heard(ACKNOWLEDGED("{\"toolsListChanged\":true}")) == 1);
    say(stream, UPDATED("file:///a"));
    CHECK(heard("updated") == 0);
    world_release(&world);
}

/* A server that cannot tell us says so, and then the client knows, too. */
TEST(legacy_listening_needs_a_server_that_can_tell)
{
    static const char NOTHING[] = FILTER("{\"toolsListChanged\":true}");
    for (int i = 0; i < 4; i++) {
        begin_world(PERMIT_ALL);
        world.server_session = i == 0 ? NULL : "up-1";
        answers[0].json = i == 1 ? INITIALIZED("{\"tools\":{}}") : INITIALIZED(ALL_CHANGES);
        post(&client, NOTHING);
        answers[0].json = INITIALIZED(ALL_CHANGES);
        if (i == 2) {
            world_refuse(world_find_call(&world, "GET"), 405);
        } else if (i == 3) {
            for (size_t n = 0; n <= SERVER_STREAM_FAILURES_MAX; n++) {
                world_end(world_find_call(&world, "GET"), STATUS_UNAVAILABLE, "upstream.down");
                world_advance(&world, SERVER_STREAM_RETRY_MS_MAX);
            }
        }
        world_advance(&world, 0);
        world_run(&world);
        CHECK(heard("acknowledged") == 1 && heard(ENDED) == 1);
        CHECK((heard(ACKNOWLEDGED("{}")) == 1) == (i < 2));
        CHECK(client.stream_ended && client.is_released);
        if (i >= 2) { /* and is not asked again in this session */
            post(&second, NOTHING);
            CHECK(count(&second, ACKNOWLEDGED("{}")) == 1 && count(&second, ENDED) == 1);
        }
        world_post(&world, &second, BANK, DISCOVER, "server/discover", NULL, NULL);
        world_run(&world);
        CHECK((count(&second, "\"tools\":{\"listChanged\":true}") == 1) == (i >= 2));
        world_release(&world);
    }
}

/* MCP 2026-07-28: a client of it is asked in results only. */
TEST(legacy_listening_is_no_carrier_of_questions)
{
    struct world_call *stream = begin();
    say(stream, "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"roots/list\"}");
    CHECK(world_count_records(&world, "question.unasked", "roots/list") == 1);
    CHECK(heard("roots") == 0 && stream->is_open);
    say(stream, "{\"jsonrpc\":\"2.0\",\"id\":10,\"method\":\"ping\"}");
    CHECK(world_count_records(&world, "question.unasked", "bank") == 1);
    bool is_refused = false;
    bool is_ponged = false;
    for (size_t i = 0; i < world.call_count; i++) {
        is_refused = is_refused || strstr(world.calls[i].body, "\"id\":9,\"error\"") != NULL;
        is_ponged = is_ponged || strstr(world.calls[i].body, "\"id\":10,\"result\"") != NULL;
    }
    CHECK(is_refused && is_ponged);
    world_release(&world);
}

TEST(legacy_listening_ends_with_a_broken_message)
{
    static const char *const BROKEN[] = {"{", "[]", "{\"jsonrpc\":\"1.0\",\"method\":\"x\"}",
                                         "{\"jsonrpc\":\"2.0\",\"method\":\"x\",\"Params\":{}}"};
    for (size_t i = 0; i < COUNT_OF(BROKEN); i++) {
        struct world_call *stream = begin();
        say(stream, BROKEN[i]);
        CHECK_ROW(BROKEN[i], !stream->is_open && client.stream_ended);
        CHECK_ROW(BROKEN[i], world_count_records(&world, "upstream.protocol", "bank") == 1);
        world_release(&world);
    }
}

/* Two listeners share the caller's session: what one of them leaves goes on for the other. */
TEST(legacy_listening_is_shared)
{
    struct world_call *stream = begin();
    post(&second, FILTER("{\"resourceSubscriptions\":[\"file:///a\"]}"));
    CHECK(world_count_calls(&world, "GET") == 1 && world_count_calls(&world, "initialize") == 1);
    say(stream, UPDATED("file:///a"));
    CHECK(heard("updated") == 1 && count(&second, "updated") == 1);
    say(stream, CHANGED("tools"));
    CHECK(heard("list_changed") == 1 && count(&second, "list_changed") == 0);
    client.exchange.on_gone(&client.exchange);
    world_run(&world);
    CHECK(world_count_calls(&world, "resources/unsubscribe") == 1 && stream->is_open);
    say(stream, UPDATED("file:///a"));
    CHECK(heard("updated") == 1 && count(&second, "updated") == 2);
    second.exchange.on_gone(&second.exchange);
    world_run(&world);
    CHECK(world_count_calls(&world, "resources/unsubscribe") == 2);
    CHECK(!stream->is_open && stream->is_cancelled);
    CHECK(world.gateway.operation_count == 0);
    world_release(&world);
}

/* A session that the server lost is opened anew, by itself, and told of everything. */
TEST(legacy_listening_outlives_the_session_with_the_server)
{
    struct world_call *stream = begin();
    world_position(stream, "e", -1);
    world_end(stream, STATUS_NOT_FOUND, "upstream.session");
    world_advance(&world, SERVER_STREAM_RETRY_MS);
    world_run(&world);
    CHECK(world_count_calls(&world, "initialize") == 2);
    CHECK(world_count_calls(&world, "resources/subscribe") == 4);
    say(world_find_call(&world, "GET"), UPDATED("file:///a"));
    CHECK(heard("updated") == 1 && !client.stream_ended);
    world_release(&world);
}

/* It may be the listener who finds out. */
TEST(legacy_listening_finds_the_session_lost)
{
    begin_world(PERMIT_ALL);
    world_post(&world, &second, BANK, DISCOVER, "server/discover", NULL, NULL);
    world_run(&world);
    world.held_method = "resources/subscribe";
    post(&client, FILTER(BOTH));
    world_end(world_find_call(&world, "resources/subscribe"), STATUS_NOT_FOUND, "upstream.session");
    world.held_method = NULL;
    world_run(&world);
    CHECK(heard(ACKNOWLEDGED(HONOURED)) == 1);
    world_advance(&world, SERVER_STREAM_RETRY_MS);
    world_run(&world);
    CHECK(world_count_calls(&world, "initialize") == 2);
    CHECK(world_count_calls(&world, "resources/subscribe") == 3);
    say(world_find_call(&world, "GET"), UPDATED("file:///b"));
    CHECK(heard("updated") == 1);
    world_release(&world);
}

TEST(legacy_listening_ends_with_its_client)
{
    for (int i = 0; i < 4; i++) {
        struct world_call *stream = i == 3 ? NULL : begin();
        if (i == 0) {
            client.is_slow = true;
            say(stream, CHANGED("tools"));
            CHECK(client.is_aborted);
        } else if (i == 1) {
            gateway_drain(&world.gateway);
        } else if (i == 2) {
            gateway_close(&world.gateway);
        } else {
            begin_world(PERMIT_ALL);
            world.held_method = "resources/subscribe";
            post(&client, FILTER(BOTH));
            stream = world_find_call(&world, "GET");
            client.exchange.on_gone(&client.exchange);
        }
        world_run(&world);
        CHECK(!stream->is_open && client.is_released && world.gateway.operation_count == 0);
        world_release(&world);
    }
}

TEST(legacy_listening_survives_each_allocation_that_fails)
{
    bool has_begun = true;
    for (size_t n = 0; has_begun; n++) {
        begin_world(PERMIT_ALL);
        check_begin_shortage(n, false);
        post(&client, FILTER(BOTH));
        struct world_call *stream = world_find_call(&world, "GET");
        if (stream != NULL) {
            say(stream, UPDATED("file:///a"));
        }
        if (client.stream_begun && !client.is_released) {
            client.exchange.on_gone(&client.exchange);
        }
        has_begun = check_end_shortage();
        CHECK(has_begun || heard("updated") == 1);
        world_release(&world);
    }
}
