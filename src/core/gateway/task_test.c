/* Tasks of both eras: who may do what with them, and what each side gets to see. */
#include "core/gateway/operation.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>
#include <string.h>

#define SHOP "/servers/shop/mcp"
#define INITIALIZE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-11-25\",\"capabilities\":{\"elicitation\":{}},\"clientInfo\":{}}}"
#define RESULT_BEGIN "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{"
#define RESULT(members) RESULT_BEGIN members "}}"
#define CORE                                                                                       \
    RESULT("\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{},\"tasks\":{"         \
           "\"list\":{},\"cancel\":{},\"requests\":{\"tools\":{\"call\":{}}}}}")
#define NO_TASKS RESULT("\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}}")
#define TOOL(name, support)                                                                        \
    "{\"name\":\"" name "\",\"inputSchema\":{\"type\":\"object\"},\"execution\":{"                 \
    "\"taskSupport\":\"" support "\"}}"
#define TOOLS                                                                                      \
    RESULT("\"tools\":[" TOOL("see", "optional") "," TOOL("pay", "required") "," TOOL(             \
        "no", "forbidden") ",{\"name\":\"old\",\"inputSchema\":{\"type\":\"object\"}}]")
#define STATE(status) "\"taskId\":\"t-5\",\"status\":\"" status "\",\"ttl\":60000"
#define STATE_OF(id, status) "\"taskId\":\"" id "\",\"status\":\"" status "\""
#define CONTENT "\"content\":[{\"type\":\"text\",\"text\":\"done\"}]"
#define DISCOVER                                                                                   \
    RESULT(                                                                                        \
        "\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\"],"                      \
        "\"capabilities\":{\"tools\":{},\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}")
#define META_OF(capabilities)                                                                      \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                       \
    "\"io.modelcontextprotocol/clientCapabilities\":{" capabilities "}}"
#define EXTENSION "\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}"
#define ALL EXTENSION ",\"elicitation\":{},\"sampling\":{},\"roots\":{}"
#define FORM                                                                                       \
    "{\"method\":\"elicitation/create\",\"params\":{\"message\":\"Sure?\",\"requestedSchema\":{"   \
    "\"type\":\"object\",\"properties\":{\"ok\":{\"type\":\"boolean\"}}}}}"
#define SAMPLE                                                                                     \
    "{\"method\":\"sampling/createMessage\",\"params\":{\"messages\":[{\"role\":\"user\","         \
    "\"content\":{\"type\":\"text\",\"text\":\"hi\"}}],\"maxTokens\":9}}"
#define ROOTS "{\"method\":\"roots/list\"}"
#define FORBID(rest) PERMIT_ALL "forbid(principal, " rest ");"
#define ID_BYTES 1024

static struct world world;
static struct world_client client;
static struct gateway_server servers[2];
static char session[512];
static char id[ID_BYTES]; /* of the task, as the client has it */
static struct world_answer answers[16];

/* -- both eras ------------------------------------------------------------------------------ */

/* What the servers answer to a method from now on. */
static void answer(const char *method, const char *json)
{
    for (uint32_t server = 0; server < COUNT_OF(servers); server++) {
        size_t i = 0;
        while (i < world.answer_count &&
               (answers[i].server != server || strcmp(answers[i].method, method) != 0)) {
            i++;
        }
        CHECK(i < COUNT_OF(answers));
        answers[i] = (struct world_answer){server, method, json};
        world.answer_count += i == world.answer_count ? 1 : 0;
    }
}

static void begin(const char *policies)
{
    world_init(&world, policies);
    memcpy(servers, world.snapshot->servers, sizeof(servers));
    servers[0].extensions = servers[1].extensions = MCP_EXTENSION_TASKS;
    world.snapshot->servers = servers;
    world.answers = answers;
    answer("tools/list", TOOLS);
}

static bool says(const char *text)
{
    return strstr(client.body, text) != NULL;
}

/* The newest call of a method holds that text. */
static bool server_heard(const char *method, const char *text)
{
    const char *heard = NULL;
    for (size_t i = 0; i < world.call_count; i++) {
        heard = strcmp(world.calls[i].method, method) == 0 ? world.calls[i].body : heard;
    }
    return heard != NULL && strstr(heard, text) != NULL;
}

static size_t heard(const char *method)
{
    return world_count_calls(&world, method);
}

static size_t records(const char *text, const char *other)
{
    return world_count_records(&world, text, other);
}

/* The id in what the client got. It is not the server's. */
static void keep_id(void)
{
    const char *at = strstr(client.body, "\"taskId\":\"");
    CHECK(at != NULL);
    at = at == NULL ? "" : at + strlen("\"taskId\":\"");
    snprintf(id, sizeof(id), "%.*s", (int)strcspn(at, "\""), at);
    CHECK(strncmp(id, "task1.", 6) == 0 && !says("t-5"));
}

static bool says_id(void)
{
    char text[ID_BYTES + 16];
    snprintf(text, sizeof(text), "\"taskId\":\"%s\"", id);
    return says(text) && !says("t-5");
}

static bool is_unknown(void)
{
    return says("\"code\":-32602") && says("unknown target") && !says("t-5");
}

/* -- MCP 2025-11-25 ------------------------------------------------------------------------- */

static void open_session(const char *target)
{
    world_post(&world, &client, target, INITIALIZE, NULL, NULL, NULL);
    world_run(&world);
    memcpy(session, client.session_id, sizeof(session));
}

static void begin_core_at(const char *target, const char *policies, const char *initialized)
{
    begin(policies);
    answer("initialize", initialized);
    open_session(target);
}

static void post(const char *target, const char *method, const char *params)
{
    char body[2 * ID_BYTES];
    snprintf(body, sizeof(body),
             "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"%s\",\"params\":{%s}}", method,
             params);
    world_post(&world, &client, target, body, NULL, NULL, session);
    world_run(&world);
}

static void about(const char *target, const char *method, const char *task)
{
    char params[ID_BYTES + 32];
    snprintf(params, sizeof(params), "\"taskId\":\"%s\"", task);
    post(target, method, params);
}

/* A client with a task of a tool. */
static void begin_core(const char *policies)
{
    begin_core_at(BANK, policies, CORE);
    answer("tools/call", RESULT("\"task\":{" STATE("working") "}"));
    post(BANK, "tools/call", "\"name\":\"see\",\"arguments\":{},\"task\":{\"ttl\":60000}");
    keep_id();
}

TEST(task_is_made_when_client_server_and_tool_want_it)
{
    static const struct {
        const char *name, *initialized, *params, *heard, *answer;
    } rows[] = {
        {"wished", CORE, "\"name\":\"see\",\"task\":{\"ttl\":5,\"x\":1}", ",\"task\":{\"ttl\":5}}",
         "\"task\":{\"taskId\":\"task1."},
        {"without a time", CORE, "\"name\":\"pay\",\"task\":{}", ",\"task\":{}}",
         "\"task\":{\"taskId\":\"task1."},
        {"the server makes none", NO_TASKS, "\"name\":\"see\",\"task\":{}", NULL, "unknown"},
        {"the tool makes none", CORE, "\"name\":\"no\",\"task\":{}", NULL, "\"code\":-32601"},
        {"the tool does not say", CORE, "\"name\":\"old\",\"task\":{}", NULL, "\"code\":-32601"},
        {"no object", CORE, "\"name\":\"see\",\"task\":true", NULL, "\"code\":-32602"},
        {"null", CORE, "\"name\":\"see\",\"task\":null", NULL, "\"code\":-32602"},
        {"a time that is none", CORE, "\"name\":\"see\",\"task\":{\"ttl\":\"5\"}", NULL,
         "\"code\":-32602"},
        {"a negative time", CORE, "\"name\":\"see\",\"task\":{\"ttl\":-1}", NULL,
         "\"code\":-32602"},
        {"no integer", CORE, "\"name\":\"see\",\"task\":{\"ttl\":1.5}", NULL, "\"code\":-32602"},
        {"too long", CORE, "\"name\":\"see\",\"task\":{\"ttl\":9007199254740992}", NULL,
         "\"code\":-32602"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool is_ignored =
            rows[i].initialized[0] != CORE[0] || strcmp(rows[i].answer, "unknown") == 0;
        begin_core_at(BANK, PERMIT_ALL, rows[i].initialized);
        answer("tools/call",
               is_ignored ? RESULT(CONTENT) : RESULT("\"task\":{" STATE("working") "}"));
        post(BANK, "tools/call", rows[i].params);
        if (is_ignored) {
            CHECK_ROW(rows[i].name, says("done") && !server_heard("tools/call", "\"task\""));
        } else {
            CHECK_ROW(rows[i].name, says(rows[i].answer));
            CHECK_ROW(rows[i].name, (heard("tools/call") == 1) == (rows[i].heard != NULL));
            CHECK_ROW(rows[i].name,
                      rows[i].heard == NULL || server_heard("tools/call", rows[i].heard));
            CHECK_ROW(rows[i].name,
                      (records("outcome", "\"task\"") == 1) == (rows[i].heard != NULL));
        }
        world_release(&world);
    }
}

TEST(task_that_cannot_be_read_or_was_not_wished_for_fails_the_call)
{
    static const struct {
        const char *name, *task, *answer;
    } rows[] = {
        {"not wished for", "", "\"task\":{" STATE("working") "}"},
        {"an id of another type", ",\"task\":{}", "\"task\":{\"taskId\":5,\"status\":\"working\"}"},
        {"an empty id", ",\"task\":{}", "\"task\":{" STATE_OF("", "working") "}"},
        {"an unknown state", ",\"task\":{}", "\"task\":{" STATE_OF("t-5", "sleeping") "}"},
        {"no state", ",\"task\":{}", "\"task\":{\"taskId\":\"t-5\"}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char params[128];
        begin_core_at(BANK, PERMIT_ALL, CORE);
        static char json[512];
        snprintf(json, sizeof(json), "%s%s}}", RESULT_BEGIN, rows[i].answer);
        answer("tools/call", json);
        snprintf(params, sizeof(params), "\"name\":\"see\"%s", rows[i].task);
        post(BANK, "tools/call", params);
        CHECK_ROW(rows[i].name, !says("taskId") && says("\"error\""));
        CHECK_ROW(rows[i].name, records("outcome", "upstream.protocol") == 1);
        world_release(&world);
    }
}

TEST(task_methods_reach_the_server_with_its_own_id)
{
    static const struct {
        const char *method, *answer, *says;
    } rows[] = {
        {"tasks/get", RESULT(STATE("working")), "\"working\""},
        {"tasks/cancel", RESULT(STATE("cancelled")), "\"cancelled\""},
        {"tasks/result", RESULT(CONTENT), "\"done\""},
        {"tasks/result", RESULT(CONTENT ",\"_meta\":{\"a\":1}"), "\"a\":1"},
        {"tasks/result",
         RESULT(CONTENT
                ",\"_meta\":{\"io.modelcontextprotocol/related-task\":{\"taskId\":\"t-5\"}}"),
         "related-task"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin_core(PERMIT_ALL);
        answer(rows[i].method, rows[i].answer);
        about(BANK, rows[i].method, id);
        CHECK_ROW(rows[i].answer, says(rows[i].says) && says_id() && says("\"id\":\"q\""));
        CHECK_ROW(rows[i].answer, server_heard(rows[i].method, "\"params\":{\"taskId\":\"t-5\"}"));
        CHECK_ROW(rows[i].answer, records("\"intent\"", rows[i].method) == 1);
        bool is_patient = world.calls[world.call_count - 1].timeout_ms == 0;
        CHECK_ROW(rows[i].answer, is_patient == (strcmp(rows[i].method, "tasks/result") == 0));
        CHECK_ROW(rows[i].answer, records(rows[i].method, "bank.see") >= 1);
        CHECK_ROW(rows[i].answer, records("task1.", "") == 0 && records("t-5", "") == 0);
        world_release(&world);
    }
}

TEST(task_state_that_is_not_of_the_task_fails)
{
    static const char *const ROWS[] = {
        RESULT(STATE_OF("t-6", "working")), RESULT(STATE_OF("t-5", "sleeping")),
        RESULT("\"taskId\":\"t-5\""), RESULT("\"status\":\"working\""), RESULT(CONTENT)};
    static const char *const METHODS[] = {"tasks/get", "tasks/cancel"};
    for (size_t i = 0; i < COUNT_OF(ROWS) * COUNT_OF(METHODS); i++) {
        const char *method = METHODS[i % COUNT_OF(METHODS)];
        begin_core(PERMIT_ALL);
        answer(method, ROWS[i / COUNT_OF(METHODS)]);
        about(BANK, method, id);
        CHECK_ROW(ROWS[i / COUNT_OF(METHODS)], says("\"error\"") && !says("taskId"));
        CHECK_ROW(method, records("outcome", "upstream.protocol") == 1);
        world_release(&world);
    }
}

TEST(task_is_nobodys_under_another_id_server_or_revision)
{
    static const char *const METHODS[] = {"tasks/get", "tasks/result", "tasks/cancel"};
    for (size_t i = 0; i < COUNT_OF(METHODS); i++) {
        char changed[ID_BYTES];
        begin_core(PERMIT_ALL);
        memcpy(changed, id, sizeof(changed));
        changed[20] = changed[20] == 'A' ? 'B' : 'A';
        about(BANK, METHODS[i], changed);
        CHECK_ROW(METHODS[i], is_unknown());
        about(BANK, METHODS[i], "t-5");
        CHECK_ROW(METHODS[i], says("\"code\":-32602"));
        about(SHOP, METHODS[i], id);
        CHECK_ROW(METHODS[i], is_unknown());
        world_advance(&world, world.gateway.limits.task_lifetime_s * 1000);
        open_session(BANK);
        about(BANK, METHODS[i], id);
        CHECK_ROW(METHODS[i], is_unknown());
        CHECK_ROW(METHODS[i], records("authz.deny", "task.unknown") == 4);
        CHECK_ROW(METHODS[i], heard(METHODS[i]) == 0);
        CHECK_ROW(METHODS[i], records("task1.", "") == 0);
        world_release(&world);
    }
}

TEST(task_methods_need_their_revision_and_their_server)
{
    static const char *const METHODS[] = {"tasks/get", "tasks/result", "tasks/cancel",
                                          "tasks/list"};
    for (size_t i = 0; i < COUNT_OF(METHODS); i++) {
        begin_core(PERMIT_ALL);
        world.gateway.sessions->offers &= ~MCP_OFFERS_ALL_OF_TASKS;
        world.gateway.sessions->client->offers &= ~MCP_OFFERS_ALL_OF_TASKS;
        about(BANK, METHODS[i], id);
        CHECK_ROW(METHODS[i], says("\"code\":-32601") && heard(METHODS[i]) == 0);
        world_post(&world, &client, BANK,
                   "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
                   "\"protocolVersion\":\"2025-06-18\",\"capabilities\":{}}}",
                   NULL, NULL, NULL);
        world_run(&world);
        CHECK_ROW(METHODS[i], !says("tasks"));
        memcpy(session, client.session_id, sizeof(session));
        about(BANK, METHODS[i], id);
        CHECK_ROW(METHODS[i], says("\"code\":-32601") && heard(METHODS[i]) == 0);
        world_release(&world);
    }
}

/* A tool that may never be called any more takes its tasks with it; on a view, what it shows. */
TEST(task_is_judged_as_the_call_that_made_it)
{
    static const struct {
        const char *name, *policies;
        bool is_allowed;
    } rows[] = {
        {"still", PERMIT_ALL, true},
        {"with some arguments",
         PERMIT_ALL "forbid(principal, action, resource) when { context.arguments.x == 1 };", true},
        {"another tool", FORBID("action, resource == Aegis::Tool::\"bank.pay\""), true},
        {"the tool", FORBID("action, resource == Aegis::Tool::\"bank.see\""), false},
        {"calls", FORBID("action in Aegis::Action::\"tools/call\", resource"), false},
        {"tools", FORBID("action in Aegis::Action::\"tool\", resource"), false},
        {"the server", FORBID("action, resource in Aegis::Server::\"bank\""), false},
        {"nothing permitted", "", false},
    };
    static const struct {
        const char *method, *answer;
    } methods[] = {{"tasks/get", RESULT(STATE("working"))},
                   {"tasks/cancel", RESULT(STATE("working"))},
                   {"tasks/result", RESULT(CONTENT)}};
    for (size_t i = 0; i < COUNT_OF(rows) * COUNT_OF(methods); i++) {
        const char *method = methods[i % COUNT_OF(methods)].method;
        const char *name = rows[i / COUNT_OF(methods)].name;
        bool is_allowed = rows[i / COUNT_OF(methods)].is_allowed;
        begin_core(PERMIT_ALL);
        struct gateway_snapshot *snapshot =
            world_snapshot(rows[i / COUNT_OF(methods)].policies, ALL_REVISIONS);
        gateway_switch(&world.gateway, snapshot);
        answer(method, methods[i % COUNT_OF(methods)].answer);
        about(BANK, method, id);
        CHECK_ROW(name, (heard(method) == 1) == is_allowed);
        CHECK_ROW(name, is_allowed || says("policy_denied") || says("isError"));
        CHECK_ROW(method, is_allowed || says("isError") == (strcmp(method, "tasks/result") == 0));
        CHECK_ROW(name, is_allowed || records("authz.deny", method) == 1);
        world_release(&world);
    }
}

TEST(task_list_shows_the_tasks_of_the_session)
{
    begin_core(PERMIT_ALL);
    answer("tasks/list", RESULT("\"tasks\":[{" STATE("working") "},{" STATE_OF(
                             "x-1", "working") "},{" STATE_OF("t-5", "odd") "},5]"));
    post(BANK, "tasks/list", "");
    CHECK(says_id() && !says("x-1") && !says("odd"));
    CHECK(strstr(strstr(client.body, "taskId") + 1, "taskId") == NULL);
    /* Another session of the same caller did not make it. */
    open_session(BANK);
    post(BANK, "tasks/list", "");
    CHECK(says("\"tasks\":[]"));
    world_release(&world);
}

TEST(task_list_of_several_servers_tells_them_apart)
{
    begin_core_at("/mcp", PERMIT_ALL, CORE);
    answer("tools/call", RESULT("\"task\":{" STATE("working") "}"));
    post("/mcp", "tools/call", "\"name\":\"shop__see\",\"task\":{}");
    keep_id();
    answer("tasks/list", RESULT("\"tasks\":[{" STATE("working") "}]"));
    post("/mcp", "tasks/list", "");
    /* The bank has one of that name, too, which is not ours. */
    CHECK(heard("tasks/list") == 2 && says_id());
    CHECK(strstr(strstr(client.body, "taskId") + 1, "taskId") == NULL);
    answer("tasks/get", RESULT(STATE("working")));
    about("/mcp", "tasks/get", id);
    CHECK(says_id() && heard("tasks/get") == 1 && records("shop.see", "tasks/get") >= 1);
    world_release(&world);
}

TEST(task_list_leaves_out_what_may_not_be_called)
{
    begin_core(PERMIT_ALL);
    answer("tasks/list", RESULT("\"tasks\":[{" STATE("working") "}]"));
    gateway_switch(
        &world.gateway,
        world_snapshot(FORBID("action, resource == Aegis::Tool::\"bank.see\""), ALL_REVISIONS));
    post(BANK, "tasks/list", "");
    CHECK(says("\"tasks\":[]"));
    world_release(&world);
}

/* The result comes when the task is over; meanwhile the server asks, and tells how it is. */
TEST(task_result_waits_while_the_server_asks_and_tells)
{
    begin_core(PERMIT_ALL);
    world.held_method = "tasks/result";
    about(BANK, "tasks/result", id);
    struct world_call *call = world_find_call(&world, "tasks/result");
    CHECK(call != NULL && call->timeout_ms == 0);
    world_message(
        call, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tasks/status\",\"params\":{" STATE(
                  "input_required") "}}");
    CHECK(says_id() && says("input_required"));
    world_message(
        call,
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tasks/status\",\"params\":{" STATE_OF(
            "x-1", "working") "}}");
    world_message(
        call,
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tasks/status\",\"params\":{" STATE_OF(
            "t-5", "odd") "}}");
    CHECK(!says("x-1") && !says("odd"));
    world_message(call,
                  "{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"elicitation/create\","
                  "\"params\":{\"message\":\"Sure?\",\"requestedSchema\":{\"type\":\"object\","
                  "\"properties\":{}},\"task\":{},\"_meta\":{"
                  "\"io.modelcontextprotocol/related-task\":{\"taskId\":\"t-5\"}}}}");
    world_run(&world);
    CHECK(says("Sure?") && !says("t-5"));
    static struct world_client other;
    world_post(&world, &other, BANK,
               "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"action\":\"decline\"}}", NULL, NULL,
               session);
    world_run(&world);
    CHECK(other.status_code == 202 && heard("response") == 1);
    CHECK(call->is_open);
    world_message(call, RESULT(CONTENT));
    world_end(call, STATUS_OK, NULL);
    world_run(&world);
    CHECK(says("done") && says("related-task") && !says("t-5"));
    CHECK(records("elicitation/create", "authz.allow") == 2);
    world_release(&world);
}

/* -- the extension of MCP 2026-07-28 -------------------------------------------------------- */

static void send(const char *target, const char *method, const char *name, const char *params,
                 const char *meta)
{
    char body[4 * ID_BYTES];
    snprintf(body, sizeof(body),
             "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"%s\",\"params\":{%s,%s}}", method,
             params, meta);
    world_post(&world, &client, target, body, method, name, NULL);
    world_run(&world);
}

static void ask_with(const char *target, const char *method, const char *members, const char *meta)
{
    char params[3 * ID_BYTES];
    snprintf(params, sizeof(params), "\"taskId\":\"%s\"%s", id, members);
    send(target, method, id, params, meta);
}

static void ask(const char *method, const char *members)
{
    ask_with(BANK, method, members, META_OF(ALL));
}

static void begin_modern(const char *policies)
{
    begin(policies);
    world.server_is_modern = true;
    answer("server/discover", DISCOVER);
    answer("tools/call", RESULT("\"resultType\":\"task\"," STATE("working")));
}

static void begin_extension(const char *policies)
{
    begin_modern(policies);
    send(BANK, "tools/call", "see", "\"name\":\"see\",\"arguments\":{}", META_OF(ALL));
    CHECK(says("\"resultType\":\"task\""));
    keep_id();
}

TEST(task_of_the_extension_needs_list_server_and_client)
{
    static const struct {
        const char *name, *meta;
        uint32_t listed;
        bool is_made;
    } rows[] = {
        {"all", META_OF(EXTENSION), MCP_EXTENSION_TASKS, true},
        {"the client does not have it", META_OF("\"sampling\":{}"), MCP_EXTENSION_TASKS, false},
        {"it is not listed", META_OF(EXTENSION), 0, false},
        {"another is listed", META_OF(EXTENSION), MCP_EXTENSION_UI, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin_modern(PERMIT_ALL);
        servers[0].extensions = rows[i].listed;
        send(BANK, "tools/call", "see", "\"name\":\"see\",\"task\":{\"ttl\":1}", rows[i].meta);
        CHECK_ROW(rows[i].name, says("task1.") == rows[i].is_made && !says("t-5"));
        CHECK_ROW(rows[i].name, server_heard("tools/call", EXTENSION) == rows[i].is_made);
        CHECK_ROW(rows[i].name, !server_heard("tools/call", "\"task\":"));
        CHECK_ROW(rows[i].name, (records("outcome", "upstream.protocol") == 1) == !rows[i].is_made);
        world_release(&world);
    }
}

/* A server that needs the extension says so: to a client that has it, it was us who took it. */
TEST(task_extension_that_a_tool_needs_is_asked_of_the_right_side)
{
    static const struct {
        const char *name, *meta, *says;
        uint32_t listed;
    } rows[] = {
        {"the client lacks it", META_OF("\"sampling\":{}"), "\"code\":-32021", MCP_EXTENSION_TASKS},
        {"neither has it", META_OF("\"sampling\":{}"), "\"code\":-32021", 0},
        {"it is not listed", META_OF(EXTENSION), "\"isError\":true", 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin_modern(PERMIT_ALL);
        servers[0].extensions = rows[i].listed;
        answer("tools/call",
               "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"error\":{\"code\":-32021,"
               "\"message\":\"no\",\"data\":{\"requiredCapabilities\":{" EXTENSION "}}}}");
        send(BANK, "tools/call", "see", "\"name\":\"see\"", rows[i].meta);
        CHECK_ROW(rows[i].name, says(rows[i].says));
        CHECK_ROW(rows[i].name, says("-32021") == (i < 2));
        world_release(&world);
    }
}

TEST(task_methods_of_the_extension_say_what_is_missing)
{
    static const char *const METHODS[] = {"tasks/get", "tasks/update", "tasks/cancel"};
    for (size_t i = 0; i < COUNT_OF(METHODS); i++) {
        begin_extension(PERMIT_ALL);
        ask_with(BANK, METHODS[i], ",\"inputResponses\":{}", META_OF("\"elicitation\":{}"));
        CHECK_ROW(METHODS[i], client.status_code == 400 && says("\"code\":-32021"));
        CHECK_ROW(METHODS[i], says("\"data\":{\"requiredCapabilities\":{" EXTENSION "}}"));
        ask_with(SHOP, METHODS[i], ",\"inputResponses\":{}", META_OF(EXTENSION));
        CHECK_ROW(METHODS[i], is_unknown());
        servers[0].extensions = 0;
        ask(METHODS[i], ",\"inputResponses\":{}");
        CHECK_ROW(METHODS[i], client.status_code == 404 && says("\"code\":-32601"));
        CHECK_ROW(METHODS[i], heard(METHODS[i]) == 0);
        world_release(&world);
    }
    begin_extension(PERMIT_ALL);
    ask("tasks/result", "");
    CHECK(client.status_code == 404 && says("\"code\":-32601"));
    send(BANK, "tasks/list", NULL, "\"cursor\":\"1\"", META_OF(ALL));
    CHECK(client.status_code == 404 && says("\"code\":-32601"));
    world_release(&world);
}

TEST(task_of_one_era_is_none_in_the_other)
{
    char core[ID_BYTES];
    begin_core(PERMIT_ALL);
    memcpy(core, id, sizeof(core));
    ask("tasks/get", "");
    CHECK(is_unknown() && heard("tasks/get") == 0);
    world_release(&world);
    begin_extension(PERMIT_ALL);
    char modern[ID_BYTES];
    memcpy(modern, id, sizeof(modern));
    world.server_is_modern = false;
    answer("initialize", CORE);
    open_session(BANK);
    about(BANK, "tasks/get", modern);
    CHECK(is_unknown() && heard("tasks/get") == 0);
    world_release(&world);
}

/* What a legacy client says about the extension does not make it one of its era. */
TEST(task_of_the_extension_is_not_made_for_a_legacy_client)
{
    begin_modern(PERMIT_ALL);
    world_post(&world, &client, BANK,
               "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
               "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{" EXTENSION "}}}",
               NULL, NULL, NULL);
    world_run(&world);
    CHECK(client.session_id[0] != '\0' && !says("tasks"));
    memcpy(session, client.session_id, sizeof(session));
    post(BANK, "tools/call", "\"name\":\"see\",\"task\":{}");
    CHECK(heard("tools/call") == 1 && !server_heard("tools/call", "extensions"));
    CHECK(says("\"error\"") && !says("taskId"));
    world_release(&world);
}

TEST(task_state_of_the_extension_is_written_anew)
{
    static const struct {
        const char *method, *answer, *says, *hides;
    } rows[] = {
        {"tasks/get", RESULT(STATE("working")), "\"resultType\":\"complete\"", "requestState"},
        {"tasks/get",
         RESULT("\"resultType\":\"complete\"," STATE("cancelled") ",\"requestState\":\"x\""),
         "\"cancelled\"", "requestState"},
        {"tasks/get",
         RESULT(
             STATE("completed") ",\"result\":{" CONTENT ",\"_meta\":{"
                                "\"io.modelcontextprotocol/related-task\":{\"taskId\":\"t-5\"}}}"),
         "\"done\"", "related-task"},
        {"tasks/get", RESULT(STATE("failed") ",\"error\":{\"code\":-1,\"message\":\"m\"}"),
         "\"message\":\"m\"", "requestState"},
        {"tasks/get", RESULT(STATE("failed") ",\"error\":{\"code\":40301,\"message\":\"m\"}"),
         "\"code\":-32603,\"message\":\"m\"", "40301"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin_extension(PERMIT_ALL);
        answer(rows[i].method, rows[i].answer);
        ask(rows[i].method, "");
        CHECK_ROW(rows[i].answer, says(rows[i].says) && !says(rows[i].hides) && says_id());
        CHECK_ROW(rows[i].answer, server_heard(rows[i].method, "\"params\":{\"taskId\":\"t-5\","));
        CHECK_ROW(rows[i].answer, server_heard(rows[i].method, EXTENSION));
        world_release(&world);
    }
    begin_extension(PERMIT_ALL);
    answer("tasks/cancel", RESULT(STATE("cancelled")));
    ask("tasks/cancel", "");
    CHECK(says("\"result\":{\"resultType\":\"complete\"") && !says("taskId") && !says("cancelled"));
    world_release(&world);
}

TEST(task_state_of_the_extension_must_fit_together)
{
    static const char *const ROWS[] = {
        RESULT(STATE_OF("t-6", "working")),
        RESULT(STATE("working") ",\"result\":{" CONTENT "}"),
        RESULT(STATE("completed")),
        RESULT(STATE("completed") ",\"result\":[]"),
        RESULT(STATE("completed") ",\"result\":{},\"error\":{\"code\":1,\"message\":\"m\"}"),
        RESULT(STATE("failed")),
        RESULT(STATE("failed") ",\"error\":{\"code\":\"1\",\"message\":\"m\"}"),
        RESULT(STATE("failed") ",\"error\":{\"code\":1}"),
        RESULT(STATE("input_required")),
        RESULT(STATE("working") ",\"inputRequests\":{\"k\":" FORM "}"),
        RESULT(STATE("input_required") ",\"inputRequests\":[]"),
        RESULT(STATE("input_required") ",\"inputRequests\":{\"k\":{\"method\":\"tools/call\"}}"),
        RESULT(STATE("input_required") ",\"inputRequests\":{\"k\":{\"method\":5}}"),
        RESULT("\"resultType\":\"input_required\",\"inputRequests\":{\"k\":" FORM "}"),
        RESULT("\"resultType\":\"task\"," STATE("working")),
        RESULT(STATE("completed") ",\"result\":{" CONTENT ",\"inputRequests\":{\"k\":" FORM "}}"),
        RESULT(STATE("completed") ",\"result\":{" CONTENT ",\"ResultType\":\"input_required\"}"),
        RESULT(STATE("working") ",\"InputRequests\":{\"k\":" FORM "}"),
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        begin_extension(PERMIT_ALL);
        answer("tasks/get", ROWS[i]);
        ask("tasks/get", "");
        CHECK_ROW(ROWS[i], says("\"error\"") && !says("t-5") && !says("done") && !says("Sure?"));
        CHECK_ROW(ROWS[i], records("outcome", "upstream.protocol") == 1);
        world_release(&world);
    }
}

TEST(task_questions_that_pass_are_shown_and_others_answered)
{
    static const struct {
        const char *name, *policies, *asked, *told, *says, *hides;
    } rows[] = {
        {"all pass", PERMIT_ALL, "\"k\":" FORM ",\"r\":" ROOTS, NULL, "\"k\":{\"method\"",
         "\"working\""},
        {"one is refused", FORBID("action in Aegis::Action::\"roots\", resource"),
         "\"k\":" FORM ",\"r\":" ROOTS, "\"inputResponses\":{\"r\":{\"roots\":[]}}",
         "\"inputRequests\":{\"k\":{\"method\"", "roots"},
        {"all are refused", FORBID("action in Aegis::Action::\"elicitation\", resource"),
         "\"k\":" FORM, "\"inputResponses\":{\"k\":{\"action\":\"decline\"}}",
         "\"status\":\"working\"", "inputRequests"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        static char json[2048];
        begin_extension(rows[i].policies);
        snprintf(json, sizeof(json), "%s%s,\"inputRequests\":{%s}}}", RESULT_BEGIN,
                 STATE("input_required"), rows[i].asked);
        answer("tasks/get", json);
        answer("tasks/update", RESULT(""));
        ask("tasks/get", "");
        CHECK_ROW(rows[i].name, says(rows[i].says) && !says(rows[i].hides) && says_id());
        CHECK_ROW(rows[i].name, (heard("tasks/update") == 1) == (rows[i].told != NULL));
        CHECK_ROW(rows[i].name, rows[i].told == NULL || server_heard("tasks/update", rows[i].told));
        CHECK_ROW(rows[i].name,
                  (records("authz.deny", "\"server\"") == 1) == (rows[i].told != NULL));
        CHECK_ROW(rows[i].name, records("\"outcome\"", "tasks/get") == 1);
        world_release(&world);
    }
}

/* A sampled message has no "no": the task ends at the server. */
TEST(task_that_may_not_sample_is_cancelled)
{
    begin_extension(FORBID("action in Aegis::Action::\"sampling\", resource"));
    answer("tasks/get", RESULT(STATE("input_required") ",\"inputRequests\":{\"k\":" SAMPLE "}"));
    answer("tasks/cancel", RESULT(""));
    ask("tasks/get", "");
    CHECK(heard("tasks/cancel") == 1 && server_heard("tasks/cancel", "\"taskId\":\"t-5\""));
    CHECK(says("policy_denied") && !says("maxTokens") && !says("isError"));
    CHECK(records("authz.deny", "sampling/createMessage") == 1);
    world_release(&world);
}

TEST(task_answers_are_judged_by_what_is_asked_now)
{
    static const struct {
        const char *name, *answers, *told, *code;
        size_t unsolicited;
    } rows[] = {
        {"accepted", "\"k\":{\"action\":\"accept\",\"content\":{\"ok\":true}}",
         "\"inputResponses\":{\"k\":{\"action\":\"accept\",\"content\":{\"ok\":true}}}", NULL, 0},
        {"one of two", "\"r\":{\"roots\":[{\"uri\":\"file:///a\"}]}",
         "\"inputResponses\":{\"r\":{\"roots\":[{\"uri\":\"file:///a\"}]}}", NULL, 0},
        {"with one that is not asked",
         "\"k\":{\"action\":\"decline\"},\"z\":{\"action\":\"accept\"}",
         "\"inputResponses\":{\"k\":{\"action\":\"decline\"}}", NULL, 1},
        {"nothing that is asked", "\"z\":{\"action\":\"accept\"}", NULL, NULL, 1},
        {"nothing", "", NULL, NULL, 0},
        {"another type", "\"k\":{\"action\":\"accept\",\"content\":{\"ok\":\"yes\"}}", NULL,
         "\"code\":-32602", 0},
        {"a member that is not asked",
         "\"k\":{\"action\":\"accept\",\"content\":{\"ok\":true,\"x\":1}}",
         "\"content\":{\"ok\":true}", NULL, 0},
        {"no answer to it", "\"k\":{\"roots\":[]}", NULL, "\"code\":-32602", 0},
        {"no object", "\"k\":5", NULL, "\"code\":-32602", 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char members[512];
        begin_extension(PERMIT_ALL);
        answer("tasks/get", RESULT(STATE("input_required") ",\"inputRequests\":{\"k\":" FORM
                                                           ",\"r\":" ROOTS "}"));
        answer("tasks/update", RESULT(STATE("working")));
        snprintf(members, sizeof(members), ",\"inputResponses\":{%s}", rows[i].answers);
        ask("tasks/update", members);
        CHECK_ROW(rows[i].name, heard("tasks/get") == 1);
        CHECK_ROW(rows[i].name, (heard("tasks/update") == 1) == (rows[i].told != NULL));
        CHECK_ROW(rows[i].name, rows[i].told == NULL || server_heard("tasks/update", rows[i].told));
        CHECK_ROW(rows[i].name, rows[i].code == NULL
                                    ? says("\"result\":{\"resultType\":\"complete\"")
                                    : says(rows[i].code));
        CHECK_ROW(rows[i].name, !says("taskId") && heard("tasks/cancel") == 0);
        CHECK_ROW(rows[i].name,
                  records("question.unsolicited", "authz.deny") == rows[i].unsolicited);
        CHECK_ROW(rows[i].name, records("\"outcome\"", "tasks/update") == 1);
        world_release(&world);
    }
}

TEST(task_answers_that_are_none_are_refused_before_the_server)
{
    static const char *const ROWS[] = {"", ",\"inputResponses\":null", ",\"inputResponses\":[]",
                                       ",\"inputResponses\":\"x\""};
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        begin_extension(PERMIT_ALL);
        ask("tasks/update", ROWS[i]);
        CHECK_ROW(ROWS[i], says("\"code\":-32602") && heard("tasks/get") == 0);
        CHECK_ROW(ROWS[i], records("wire.reject", "tasks/update") == 1);
        world_release(&world);
    }
}

/* Errors of the server pass; a connection that is lost is ours to report. */
TEST(task_methods_end_with_the_server)
{
    static const char *const METHODS[] = {"tasks/get", "tasks/update", "tasks/cancel"};
    for (size_t i = 0; i < COUNT_OF(METHODS); i++) {
        begin_extension(PERMIT_ALL);
        const char *first = i == 2 ? "tasks/cancel" : "tasks/get";
        answer(first, "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"error\":{\"code\":-32602,\"message\":"
                      "\"no such task\"}}");
        ask(METHODS[i], ",\"inputResponses\":{}");
        CHECK_ROW(METHODS[i], says("no such task") && says("\"id\":\"q\""));
        world.held_method = first;
        ask(METHODS[i], ",\"inputResponses\":{}");
        struct world_call *call = world_find_call(&world, first);
        CHECK_ROW(METHODS[i], call != NULL && !client.is_replied);
        world_end(call, STATUS_UNAVAILABLE, "upstream.connect");
        world_run(&world);
        CHECK_ROW(METHODS[i], client.is_replied && says("\"error\"") && !says("no such task"));
        CHECK_ROW(METHODS[i], records("\"outcome\"", METHODS[i]) == 2);
        world_release(&world);
    }
}
