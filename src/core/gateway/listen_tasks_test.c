/* States of tasks that are told on a subscriptions/listen. */
#include "core/gateway/listening.h"

#include "core/gateway/server_session.h"
#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>

#define RESULT(members) "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{" members "}}"
#define EXTENSION "\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}"
#define DISCOVERED                                                                                 \
    RESULT("\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\"],"                   \
           "\"capabilities\":{\"tools\":{}," EXTENSION "}")
#define META_OF(capabilities)                                                                      \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                       \
    "\"io.modelcontextprotocol/clientCapabilities\":{" capabilities "}}"
#define ALL EXTENSION ",\"elicitation\":{}"
#define OURS "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":%ID}"
#define THEIRS "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":\"l\"}"
#define NOTICE(method, params)                                                                     \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/" method "\",\"params\":{" params "," OURS "}}"
#define ACKNOWLEDGED(ids)                                                                          \
    NOTICE("subscriptions/acknowledged", "\"notifications\":{\"taskIds\":[" ids "]}")
#define NEWS(id) NOTICE("tasks", "\"taskId\":\"" id "\",\"status\":\"completed\",\"result\":{}")
#define STATE(status, rest)                                                                        \
    RESULT("\"resultType\":\"complete\",\"taskId\":\"t-5\",\"status\":\"" status                   \
           "\",\"ttlMs\":60000,\"_meta\":{\"a\":1}" rest)
#define DONE STATE("completed", ",\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"done\"}]}")
#define FORM                                                                                       \
    "{\"method\":\"elicitation/create\",\"params\":{\"message\":\"Sure?\",\"requestedSchema\":{"   \
    "\"type\":\"object\",\"properties\":{\"ok\":{\"type\":\"boolean\"}}}}}"
#define FORBID(rest) PERMIT_ALL "forbid(principal, " rest ");"
#define BYTES 4096

static struct world world;
static struct world_client maker, client;
static struct gateway_server servers[2];
static struct world_answer answers[] = {
    {0, "server/discover", DISCOVERED},
    {1, "server/discover", DISCOVERED},
    {0, "tools/call",
     RESULT("\"resultType\":\"task\",\"taskId\":\"t-5\",\"status\":\"working\",\"ttlMs\":60000")},
    {0, "tasks/get", DONE},
    {0, "tasks/update", RESULT("\"resultType\":\"complete\"")}};
static char id[1024];

static void make_task(const char *policies)
{
    world_init(&world, policies);
    memcpy(servers, world.snapshot->servers, sizeof(servers));
    servers[0].extensions = servers[1].extensions = MCP_EXTENSION_TASKS;
    world.snapshot->servers = servers;
    world.server_is_modern = true;
    world.answers = answers;
    world.answer_count = COUNT_OF(answers);
    world.held_method = "subscriptions/listen";
    answers[3].json = DONE;
    world_post(
        &world, &maker, BANK,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"see\","
        "\"arguments\":{}," META_OF(ALL) "}}",
        "tools/call", "see", NULL);
    world_run(&world);
    const char *at = strstr(maker.body, "\"taskId\":\"");
    CHECK(at != NULL);
    at = at == NULL ? "" : at + strlen("\"taskId\":\"");
    (void)snprintf(id, sizeof(id), "%.*s", (int)strcspn(at, "\""), at);
}

static void switch_to(const char *policies)
{
    struct gateway_snapshot *snapshot = world_snapshot(policies, ALL_REVISIONS);
    snapshot->servers = servers;
    gateway_switch(&world.gateway, snapshot);
}

/* taken: the id that is sent; meta: of the client. */
static struct world_call *listens(const char *target, const char *taken, const char *meta)
{
    char body[BYTES];
    (void)snprintf(body, sizeof(body),
                   "{\"jsonrpc\":\"2.0\",\"id\":\"l\",\"method\":\"subscriptions/listen\","
                   "\"params\":{\"notifications\":{\"taskIds\":[\"%s\",7]},%s}}",
                   taken, meta);
    world_post(&world, &client, target, body, "subscriptions/listen", NULL, NULL);
    world_run(&world);
    world_advance(&world, 0);
    world_run(&world);
    return world_find_call(&world, "subscriptions/listen");
}

static void say(struct world_call *call, const char *message)
{
    world_message(call, message);
    world_run(&world);
}

static struct world_call *begin_with(const char *policies)
{
    make_task(policies);
    struct world_call *call = listens(BANK, id, META_OF(ALL));
    CHECK(call != NULL);
    say(call, ACKNOWLEDGED("\"t-5\""));
    return call;
}

static size_t told(const char *text)
{
    size_t count = 0;
    for (const char *at = client.body; (at = strstr(at, text)) != NULL; at++) {
        count++;
    }
    return count;
}

TEST(listen_tasks_are_told_as_they_are_looked_at)
{
    char expected[BYTES];
    struct world_call *call = begin_with(PERMIT_ALL);
    CHECK(strstr(call->body, "\"notifications\":{\"taskIds\":[\"t-5\"]}") != NULL);
    CHECK(strstr(call->body, "\"io.modelcontextprotocol/clientCapabilities\":{" EXTENSION "}") !=
          NULL);
    (void)snprintf(expected, sizeof(expected), "\"notifications\":{\"taskIds\":[\"%s\"]}", id);
    CHECK(told(expected) == 1);
    say(call, NEWS("t-5"));
    (void)snprintf(expected, sizeof(expected),
                   "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tasks\",\"params\":{\"taskId\":"
                   "\"%s\",\"status\":\"completed\",\"ttlMs\":60000,\"result\":{\"content\":[{"
                   "\"type\":\"text\",\"text\":\"done\"}]}," THEIRS "}}",
                   id);
    CHECK(told(expected) == 1 && told("t-5") == 0 && call->is_open);
    CHECK(world_count_records(&world, "tasks/get", "\"intent\"") == 1);
    CHECK(world_count_records(&world, "tasks/get", "bank.see") == 2);
    world_release(&world);
}

TEST(listen_tasks_of_nobody_are_left_out)
{
    static const char SEALED_FOR_NOBODY[] = "task1.AAAA";
    for (int i = 0; i < 7; i++) {
        make_task(PERMIT_ALL);
        if (i == 3) {
            switch_to(FORBID("action in Aegis::Action::\"tools/call\", resource"));
        }
        const char *taken = i == 0 ? "t-5" : i == 1 ? SEALED_FOR_NOBODY : id;
        const char *target = i == 2 ? "/servers/shop/mcp" : BANK;
        const char *meta = i == 4 ? META_OF("\"elicitation\":{}") : META_OF(ALL);
        if (i == 5) {
            servers[0].extensions = 0;
            answers[0].json = RESULT("\"resultType\":\"complete\",\"supportedVersions\":["
                                     "\"2026-07-28\"],\"capabilities\":{\"tools\":{}}");
            world.gateway.sessions->offers &= ~(uint32_t)MCP_OFFERS_TASKS;
        }
        struct world_call *call = listens(target, taken, meta);
        answers[0].json = DISCOVERED;
        if (i == 6) { /* the server does not agree */
            CHECK(call != NULL);
            say(call, ACKNOWLEDGED("\"t-6\""));
            say(call, NEWS("t-5"));
        } else {
            CHECK(call == NULL);
        }
        CHECK(told("\"notifications\":{},") == 1 && told("notifications/tasks") == 0);
        CHECK(world_count_calls(&world, "tasks/get") == 0);
        CHECK(world_count_records(&world, "policy_denied", "see") == (i == 3 ? 1 : 0));
        world_release(&world);
    }
}

TEST(listen_tasks_drops_other_notices)
{
    static const char *const DROPPED[] = {
        NEWS("t-6"),
        NOTICE("tasks", "\"taskId\":5"),
        NOTICE("tasks", "\"id\":\"t-5\""),
        NOTICE("tasks/status", "\"taskId\":\"t-5\""),
    };
    for (size_t i = 0; i < COUNT_OF(DROPPED); i++) {
        struct world_call *call = begin_with(PERMIT_ALL);
        say(call, DROPPED[i]);
        CHECK_ROW(DROPPED[i], world_count_calls(&world, "tasks/get") == 0 && call->is_open);
        CHECK_ROW(DROPPED[i], told("notifications/tasks") == 0);
        world_release(&world);
    }
}

/* Each look is judged: the tool, and what is asked. */
TEST(listen_tasks_are_judged)
{
    struct world_call *call = begin_with(PERMIT_ALL);
    switch_to("");
    say(call, NEWS("t-5"));
    CHECK(world_count_calls(&world, "tasks/get") == 0 && told("notifications/tasks") == 0);
    CHECK(world_count_records(&world, "authz.deny", "tasks/get") == 1);
    world_release(&world);
    static const char *const POLICIES[] = {
        PERMIT_ALL, FORBID("action == Aegis::Action::\"elicitation/create\", resource")};
    for (size_t i = 0; i < COUNT_OF(POLICIES); i++) {
        call = begin_with(POLICIES[i]);
        answers[3].json = STATE("input_required", ",\"inputRequests\":{\"k\":" FORM "}");
        say(call, NEWS("t-5"));
        CHECK(told("notifications/tasks") == 1 && told("Sure?") == (i == 0 ? 1 : 0));
        CHECK(told("\"status\":\"input_required\"") == (i == 0 ? 1 : 0));
        CHECK(world_count_calls(&world, "tasks/update") == i);
        world_release(&world);
    }
}

TEST(listen_tasks_ask_no_more_than_one_round_may)
{
    static const char *const ASKED[] = {
        STATE("input_required", ",\"inputRequests\":{\"k\":" FORM ",\"l\":" FORM "}"),
        STATE("input_required",
              ",\"inputRequests\":{\"k\":" FORM ",\"l\":" FORM ",\"m\":" FORM "}")};
    for (size_t over = 0; over < 2; over++) {
        struct world_call *call = begin_with(PERMIT_ALL);
        world.gateway.limits.round_questions = 2;
        answers[3].json = ASKED[over];
        say(call, NEWS("t-5"));
        CHECK(told("Sure?") == (over == 0 ? 2 : 0));
        world_release(&world);
    }
}

/* Those that are none count, too: they are all read. */
TEST(listen_tasks_are_bounded)
{
    for (size_t over = 0; over < 2; over++) {
        make_task(PERMIT_ALL);
        world.gateway.limits.subscriptions = 2 - over;
        CHECK((listens(BANK, id, META_OF(ALL)) != NULL) == (over == 0));
        CHECK(client.status_code == (over == 0 ? 200 : 503));
        world_release(&world);
    }
}

/* A look that fails tells nothing, and the next one is made all the same. */
TEST(listen_tasks_outlive_a_look_that_fails)
{
    static const char *const FAILED[] = {
        "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"error\":{\"code\":-32602,\"message\":\"no\"}}",
        RESULT("\"resultType\":\"complete\",\"taskId\":\"t-6\",\"status\":\"working\""),
        STATE("completed", ""),
        STATE("strange", ""),
    };
    for (size_t i = 0; i < COUNT_OF(FAILED); i++) {
        struct world_call *call = begin_with(PERMIT_ALL);
        answers[3].json = FAILED[i];
        say(call, NEWS("t-5"));
        CHECK_ROW(FAILED[i], told("notifications/tasks") == 0 && !client.stream_ended);
        answers[3].json = DONE;
        if (call->is_open) {
            say(call, NEWS("t-5"));
            CHECK_ROW(FAILED[i], told("notifications/tasks") == 1);
        }
        world_release(&world);
    }
}

/* However often a server tells, a task is looked at once at a time, and once more at the end. */
TEST(listen_tasks_are_looked_at_once_at_a_time)
{
    struct world_call *call = begin_with(PERMIT_ALL);
    world.holds_records = true;
    for (int i = 0; i < 5; i++) {
        say(call, NEWS("t-5"));
    }
    CHECK(world.gateway.operation_count == 2 && world_count_calls(&world, "tasks/get") == 0);
    world.holds_records = false;
    world_run(&world);
    CHECK(world_count_calls(&world, "tasks/get") == 2 && told("notifications/tasks") == 2);
    say(call, NEWS("t-5"));
    CHECK(world_count_calls(&world, "tasks/get") == 3 && told("notifications/tasks") == 3);
    world_release(&world);
}

TEST(listen_tasks_end_with_who_listens)
{
    for (int i = 0; i < 2; i++) {
        struct world_call *call = begin_with(PERMIT_ALL);
        world.holds_records = true;
        say(call, NEWS("t-5"));
        say(call, NEWS("t-5"));
        if (i == 0) {
            client.exchange.on_gone(&client.exchange);
        } else {
            gateway_close(&world.gateway);
        }
        world.holds_records = false;
        world_run(&world);
        CHECK(client.is_released && told("notifications/tasks") == 0);
        CHECK(world.gateway.operation_count == 0);
        CHECK(world_count_calls(&world, "tasks/get") == (i == 0 ? 1 : 0));
        world_release(&world);
    }
}

TEST(listen_tasks_survive_each_allocation_that_fails)
{
    bool has_begun = true;
    for (size_t n = 0; has_begun; n++) {
        make_task(PERMIT_ALL);
        check_begin_shortage(n, false);
        struct world_call *call = listens(BANK, id, META_OF(ALL));
        if (call != NULL) {
            say(call, ACKNOWLEDGED("\"t-5\""));
        }
        if (call != NULL && call->is_open) {
            say(call, NEWS("t-5"));
        }
        has_begun = check_end_shortage();
        CHECK(has_begun || told("notifications/tasks") == 1);
        world_release(&world);
    }
}
