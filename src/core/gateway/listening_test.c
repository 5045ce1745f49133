/* subscriptions/listen of modern clients at modern servers. */
#include "core/gateway/listening.h"

#include "support/check.h"
#include "support/fake_world.h"

#define FILTER(filter)                                                                             \
    "{\"jsonrpc\":\"2.0\",\"id\":\"l\",\"method\":\"subscriptions/listen\",\"params\":{"           \
    "\"notifications\":" filter "," META "}}"
#define ALL                                                                                        \
    "{\"toolsListChanged\":true,\"promptsListChanged\":true,\"resourcesListChanged\":true,"        \
    "\"resourceSubscriptions\":[\"file:///a\",\"FILE:///b\"],\"taskIds\":[\"t\"]}"
#define OURS "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":%ID}"
#define THEIRS "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":\"l\"}"
#define NOTICE(method, params)                                                                     \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/" method "\",\"params\":{" params "}}"
#define ACKNOWLEDGED(filter, id)                                                                   \
    NOTICE("subscriptions/acknowledged", "\"notifications\":" filter "," id)
#define HONOURED                                                                                   \
    "{\"toolsListChanged\":true,\"promptsListChanged\":true,\"resourceSubscriptions\":["           \
    "\"file:///a\",\"file:///b\"]}"
#define UPDATED(uri, id) NOTICE("resources/updated", "\"uri\":\"" uri "\"," id)
#define DISCOVERED                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\","                     \
    "\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{\"listChanged\":true},"   \
    "\"prompts\":{\"listChanged\":true},\"resources\":{\"subscribe\":true}}}}"

static const struct world_answer ANSWERS[] = {{0, "server/discover", DISCOVERED},
                                              {1, "server/discover", DISCOVERED}};
static struct world world;
static struct world_client client, second, third;

static void post(struct world_client *by, const char *target, const char *body)
{
    world_post(&world, by, target, body, "subscriptions/listen", NULL, NULL);
    world_run(&world);
}

static void begin_world(const char *policies, const struct gateway_limits *limits)
{
    world_init_with(&world, policies, limits);
    world.server_is_modern = true;
    world.answers = ANSWERS;
    world.answer_count = COUNT_OF(ANSWERS);
    world.held_method = "subscriptions/listen";
}

static struct world_call *begin_with(const char *policies, const char *body)
{
    static const struct gateway_limits LIMITS = GATEWAY_LIMITS_DEFAULT;
    begin_world(policies, &LIMITS);
    post(&client, BANK, body);
    return world_find_call(&world, "subscriptions/listen");
}

static void say(struct world_call *call, const char *message)
{
    world_message(call, message);
    world_run(&world);
    world_advance(&world, 0);
    world_run(&world);
}

static struct world_call *begin(void)
{
    struct world_call *call = begin_with(PERMIT_ALL, FILTER(ALL));
    CHECK(call != NULL && client.stream_begun && client.body[0] == '\0');
    say(call, ACKNOWLEDGED(HONOURED, OURS));
    return call;
}

static bool heard(const char *text)
{
    return strstr(client.body, text) != NULL;
}

TEST(listening_tells_what_was_wished_for)
{
    struct world_call *call = begin_with(PERMIT_ALL, FILTER(ALL));
    CHECK(strstr(call->fields, "Mcp-Method: subscriptions/listen\n") != NULL);
    /* Not what the server has no capability for, and nothing of tasks. */
    CHECK(strstr(call->body, "\"notifications\":{\"toolsListChanged\":true,"
                             "\"promptsListChanged\":true,\"resourceSubscriptions\":["
                             "\"file:///a\",\"file:///b\"]}") != NULL);
    CHECK(client.stream_begun && client.body[0] == '\0');
    say(call, ACKNOWLEDGED(HONOURED, OURS));
    CHECK(heard(ACKNOWLEDGED(HONOURED, THEIRS)));
    say(call, NOTICE("tools/list_changed", OURS));
    CHECK(heard(NOTICE("tools/list_changed", THEIRS)));
    say(call, UPDATED("file:///a/part", OURS));
    CHECK(heard(UPDATED("file:///a/part", THEIRS)));
    CHECK(world_count_records(&world, "subscriptions/listen", "\"intent\"") == 1);
    say(call, "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\"}}");
    CHECK(heard("{\"jsonrpc\":\"2.0\",\"id\":\"l\",\"result\":{\"resultType\":\"complete\"," THEIRS
                "}}"));
    CHECK(client.stream_ended && client.is_released && !call->is_open);
    CHECK(world_count_records(&world, "\"outcome\"", "ok") == 1);
    world_release(&world);
}

TEST(listening_drops_what_was_not_wished_for)
{
    static const char *const DROPPED[] = {
        NOTICE("resources/list_changed", OURS),
        UPDATED("file:///ab", OURS),
        UPDATED("no address", OURS),
        NOTICE("resources/updated", OURS),
        NOTICE("message", "\"level\":\"error\",\"data\":1," OURS),
        NOTICE("tasks", "\"taskId\":\"t\"," OURS),
    };
    for (size_t i = 0; i < COUNT_OF(DROPPED); i++) {
        struct world_call *call = begin();
        size_t before = strlen(client.body);
        say(call, DROPPED[i]);
        CHECK_ROW(DROPPED[i], strlen(client.body) == before && call->is_open);
        world_release(&world);
    }
}

/* A server that breaks the protocol is not listened to any more. */
TEST(listening_ends_with_a_broken_message)
{
    static const char *const BROKEN[] = {
        "{",
        "[]",
        NOTICE("tools/list_changed", THEIRS),
        NOTICE("tools/list_changed", "\"a\":1"),
        NOTICE("tools/list_changed", "\"_meta\":[]"),
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"roots/list\",\"params\":{" OURS "}}",
        "{\"jsonrpc\":\"2.0\",\"id\":\"l\",\"result\":{}}",
        ACKNOWLEDGED("{}", OURS),
    };
    for (size_t i = 0; i < COUNT_OF(BROKEN); i++) {
        struct world_call *call = begin();
        say(call, BROKEN[i]);
        CHECK_ROW(BROKEN[i], !call->is_open && client.stream_ended && client.is_released);
        CHECK_ROW(BROKEN[i], !heard("list_changed") && heard("\"result\":"));
        CHECK_ROW(BROKEN[i], world_count_records(&world, "upstream.protocol", "bank") == 1);
        world_release(&world);
    }
}

/* The first message must be what it is. */
TEST(listening_begins_with_an_acknowledgement)
{
    struct world_call *call = begin_with(PERMIT_ALL, FILTER(ALL));
    say(call, NOTICE("tools/list_changed", OURS));
    CHECK(!call->is_open && !heard("list_changed") && heard("acknowledged"));
    world_release(&world);
    /* More than was asked for is not honoured. */
    call = begin_with(PERMIT_ALL, FILTER("{\"toolsListChanged\":true}"));
    say(call, ACKNOWLEDGED(HONOURED, OURS));
    CHECK(heard(ACKNOWLEDGED("{\"toolsListChanged\":true}", THEIRS)));
    say(call, NOTICE("prompts/list_changed", OURS));
    say(call, UPDATED("file:///a", OURS));
    CHECK(!heard("prompts") && !heard("updated"));
    world_release(&world);
}

TEST(listening_leaves_out_what_is_denied)
{
    static const char DENY[] = PERMIT_ALL
        "forbid(principal, action in Aegis::Action::\"resources/read\", resource) when { "
        "resource.path like \"/a*\" };";
    struct world_call *call = begin_with(DENY, FILTER(ALL));
    CHECK(strstr(call->body, "\"resourceSubscriptions\":[\"file:///b\"]") != NULL);
    CHECK(world_count_records(&world, "authz.deny", "\"file:///a\"") == 1);
    say(call, ACKNOWLEDGED(HONOURED, OURS));
    CHECK(heard("\"resourceSubscriptions\":[\"file:///b\"]"));
    say(call, UPDATED("file:///a", OURS));
    CHECK(!heard("updated"));
    gateway_switch(&world.gateway, world_snapshot("", ALL_REVISIONS));
    say(call, UPDATED("file:///b", OURS));
    say(call, UPDATED("file:///b", OURS));
    CHECK(!heard("updated"));
    CHECK(world_count_records(&world, "authz.deny", "notifications/resources/updated") == 1);
    gateway_switch(&world.gateway, world_snapshot(PERMIT_ALL, ALL_REVISIONS));
    say(call, UPDATED("file:///b", OURS));
    CHECK(heard(UPDATED("file:///b", THEIRS)));
    world_release(&world);
}

/* Nothing is left: an empty filter, and the end. */
TEST(listening_to_nothing_ends)
{
    static const struct {
        const char *name, *policies, *body;
    } rows[] = {
        {"no wish", PERMIT_ALL, FILTER("{}")},
        {"wishes that are none", PERMIT_ALL, FILTER("{\"toolsListChanged\":1,\"files\":true}")},
        {"what the server does not tell", PERMIT_ALL, FILTER("{\"resourcesListChanged\":true}")},
        {"denied", "", FILTER("{\"resourceSubscriptions\":[\"file:///a\"]}")},
        {"no addresses", PERMIT_ALL, FILTER("{\"resourceSubscriptions\":[\"a b\",7]}")},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].name, begin_with(rows[i].policies, rows[i].body) == NULL);
        world_advance(&world, 0);
        world_run(&world);
        CHECK_ROW(rows[i].name, heard(ACKNOWLEDGED("{}", THEIRS)));
        CHECK_ROW(rows[i].name, client.stream_ended && client.is_released);
        CHECK_ROW(rows[i].name, world_count_calls(&world, "subscriptions/listen") == 0);
        world_release(&world);
    }
}

TEST(listening_is_refused)
{
    static const char *const BODIES[] = {
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"subscriptions/listen\",\"params\":{" META "}}",
        FILTER("[]"), FILTER("null"), FILTER("true")};
    for (size_t i = 0; i < COUNT_OF(BODIES); i++) {
        CHECK_ROW(BODIES[i], begin_with(PERMIT_ALL, BODIES[i]) == NULL);
        CHECK_ROW(BODIES[i], client.status_code == 400 && strstr(client.body, "-32602") != NULL);
        world_release(&world);
    }
}

TEST(listening_is_bounded)
{
    struct gateway_limits limits = GATEWAY_LIMITS_DEFAULT;
    limits.principal_listens = 1;
    limits.subscriptions = 1;
    begin_world(PERMIT_ALL, &limits);
    post(&second, BANK, FILTER(ALL));
    CHECK(second.status_code == 503);
    world_release(&world);
    limits.subscriptions = 2;
    begin_world(PERMIT_ALL, &limits);
    post(&second, BANK, FILTER(ALL));
    CHECK(second.stream_begun);
    world_release(&world);
    begin_world(PERMIT_ALL, &limits);
    post(&client, BANK, FILTER("{\"toolsListChanged\":true}"));
    CHECK(client.stream_begun);
    post(&second, BANK, FILTER("{\"toolsListChanged\":true}"));
    CHECK(second.status_code == 503 && strstr(second.body, "overloaded") != NULL);
    client.exchange.on_gone(&client.exchange);
    world_run(&world);
    post(&second, BANK, FILTER("{\"toolsListChanged\":true}"));
    CHECK(second.stream_begun && !second.is_replied);
    world_release(&world);
}

/* Whoever they are of. */
TEST(listening_of_all_is_bounded)
{
    struct gateway_limits limits = GATEWAY_LIMITS_DEFAULT;
    limits.listens = 2;
    begin_world(PERMIT_ALL, &limits);
    post(&client, BANK, FILTER("{\"toolsListChanged\":true}"));
    post(&second, BANK, FILTER("{\"toolsListChanged\":true}"));
    CHECK(client.stream_begun && second.stream_begun);
    post(&third, BANK, FILTER("{\"toolsListChanged\":true}"));
    CHECK(third.status_code == 503 && strstr(third.body, "overloaded") != NULL);
    world_release(&world);
}

/* On the endpoint of several servers: their lists together, under one id, and no addresses. */
TEST(listening_to_several_servers)
{
    static const struct gateway_limits LIMITS = GATEWAY_LIMITS_DEFAULT;
    begin_world(PERMIT_ALL, &LIMITS);
    post(&client, "/mcp", FILTER(ALL));
    CHECK(world_count_calls(&world, "subscriptions/listen") == 2);
    struct world_call *second_call = world_find_call(&world, "subscriptions/listen");
    struct world_call *first_call = second_call;
    while (strcmp((--first_call)->method, "subscriptions/listen") != 0) {
    }
    CHECK(strstr(first_call->body, "resourceSubscriptions") == NULL);
    say(second_call, ACKNOWLEDGED("{\"promptsListChanged\":true}", OURS));
    CHECK(client.body[0] == '\0');
    say(second_call, NOTICE("prompts/list_changed", OURS)); /* too early */
    say(first_call, ACKNOWLEDGED("{\"toolsListChanged\":true}", OURS));
    CHECK(heard(ACKNOWLEDGED("{\"toolsListChanged\":true,\"promptsListChanged\":true}", THEIRS)));
    CHECK(!heard("list_changed\""));
    say(second_call, NOTICE("prompts/list_changed", OURS));
    CHECK(heard("prompts/list_changed"));
    world_end(first_call, STATUS_UNAVAILABLE, "upstream.down");
    world_advance(&world, 0);
    CHECK(!client.stream_ended);
    world_end(second_call, STATUS_OK, NULL);
    world_advance(&world, 0);
    world_run(&world);
    CHECK(client.stream_ended && client.is_released);
    world_release(&world);
}

/* One that never says what it will tell does not keep the others from it. */
TEST(listening_does_not_wait_for_ever)
{
    struct world_call *call = begin_with(PERMIT_ALL, FILTER(ALL));
    world_advance(&world, world.gateway.limits.stream_keep_alive_ms);
    CHECK(heard(ACKNOWLEDGED("{}", THEIRS)) && heard("\n:") && call->is_open);
    world_release(&world);
}

TEST(listening_ends_with_its_client)
{
    struct gateway_limits limits = GATEWAY_LIMITS_DEFAULT;
    limits.stream_keep_alive_ms = 2 * LISTENING_MS_MAX; /* no comments */
    for (int i = 0; i < 4; i++) {
        begin_world(PERMIT_ALL, &limits);
        post(&client, BANK, FILTER(ALL));
        struct world_call *call = world_find_call(&world, "subscriptions/listen");
        say(call, ACKNOWLEDGED(HONOURED, OURS));
        if (i == 0) {
            client.exchange.on_gone(&client.exchange);
        } else if (i == 1) {
            client.is_slow = true;
            say(call, NOTICE("tools/list_changed", OURS));
            CHECK(client.is_aborted);
        } else if (i == 2) {
            gateway_drain(&world.gateway);
        } else {
            world_advance(&world, LISTENING_MS_MAX - 1);
            CHECK(call->is_open && !client.stream_ended);
            world_advance(&world, 1);
        }
        world_run(&world);
        CHECK(!call->is_open && call->is_cancelled && client.is_released);
        CHECK(client.stream_ended == (i >= 2));
        CHECK(world.gateway.operation_count == 0);
        world_release(&world);
    }
}

TEST(listening_may_end_while_it_is_recorded)
{
    for (int i = 0; i < 2; i++) {
        struct world_call *call = begin();
        world.holds_records = true;
        say(call, "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{}}");
        if (i == 0) {
            client.exchange.on_gone(&client.exchange);
        } else {
            gateway_close(&world.gateway);
        }
        world.holds_records = false;
        world_run(&world);
        CHECK(client.is_released && world.gateway.operation_count == 0);
        world_release(&world);
    }
}

TEST(listening_survives_each_allocation_that_fails)
{
    static const struct gateway_limits LIMITS = GATEWAY_LIMITS_DEFAULT;
    bool has_begun = true;
    for (size_t n = 0; has_begun; n++) {
        begin_world(PERMIT_ALL, &LIMITS);
        check_begin_shortage(n, false);
        post(&client, BANK, FILTER(ALL));
        struct world_call *call = world_find_call(&world, "subscriptions/listen");
        if (call != NULL) {
            say(call, ACKNOWLEDGED(HONOURED, OURS));
        }
        if (call != NULL && call->is_open) {
            say(call, UPDATED("file:///a", OURS));
        }
        has_begun = check_end_shortage();
        CHECK(has_begun || heard("updated"));
        world_release(&world);
    }
}
