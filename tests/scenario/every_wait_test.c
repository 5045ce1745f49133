/* Every wait of every kind of operation, met by everything that can go wrong there.
 *
 * A plan is run once for each number of completions; after so many of them a trouble sets in, and
 * the rest runs to its end. What must hold then is the same everywhere: the client is let go once,
 * nothing is left, and nothing had an effect or got an answer that the journal does not know.
 */
#include "support/check.h"
#include "support/fake_world.h"

#include "base/arena.h"
#include "core/gateway/task_id.h"

#include <stdio.h>

#define INITIALIZE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{}}}"
#define LEGACY_SEE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"tools/call\",\"params\":{\"name\":\"see\"}}"
#define LEGACY_LIST "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"tools/list\"}"
#define LIST "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"tools/list\",\"params\":{" META "}}"
#define READ                                                                                       \
    "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"resources/read\",\"params\":{\"uri\":"         \
    "\"file:///a\"," META "}}"
#define LEGACY_PROMPT                                                                              \
    "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"prompts/get\",\"params\":{\"name\":\"ask\"}}"
#define PROMPT(name)                                                                               \
    "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"prompts/get\",\"params\":{\"name\":\"" name    \
    "\",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                    \
    "\"io.modelcontextprotocol/clientCapabilities\":{\"roots\":{}}}}}"
#define CANCELLED                                                                                  \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":"       \
    "\"q\"}}"
#define SHOP "/servers/shop/mcp"
#define DISCOVER                                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"server/discover\",\"params\":{" META "}}"
#define COMPLETE                                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"completion/complete\",\"params\":{\"ref\":{"   \
    "\"type\":\"ref/resource\",\"uri\":\"memo://{id}\"},\"argument\":{\"name\":\"id\",\"value\":"  \
    "\"\"}," META "}}"
#define TASK(method, members)                                                                      \
    "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"" method "\",\"params\":{\"taskId\":"          \
    "\"%TASK\"" members ",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":"                 \
    "\"2026-07-28\",\"io.modelcontextprotocol/clientCapabilities\":{\"roots\":{},"                 \
    "\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}}}}"
#define DENY_ALL ""
#define WAITS_MAX 64

struct plan {
    const char *name, *target, *body, *method, *target_name;
    const char *policies;
    bool needs_session, server_is_modern;
    bool crosses;        /* comes in on the other loop than its session */
    const char *success; /* in the answer, when nothing goes wrong */
    const char *effect;  /* the server's method that has one; NULL: none */
    size_t rounds;       /* that the gateway adds by itself */
    bool is_of_task;     /* "%TASK" in the body is the id of one */
};

static const struct plan PLANS[] = {
    {.name = "modern call, legacy server",
     .target = BANK,
     .body = CALL_SEE,
     .method = "tools/call",
     .target_name = "see",
     .policies = PERMIT_ALL,
     .success = "\"text\":\"ok\"",
     .effect = "tools/call"},
    {.name = "modern call, modern server",
     .target = BANK,
     .body = CALL_SEE,
     .method = "tools/call",
     .target_name = "see",
     .policies = PERMIT_ALL,
     .server_is_modern = true,
     .success = "\"text\":\"ok\"",
     .effect = "tools/call"},
    {.name = "legacy call, legacy server",
     .target = BANK,
     .body = LEGACY_SEE,
     .policies = PERMIT_ALL,
     .needs_session = true,
     .success = "\"text\":\"ok\"",
     .effect = "tools/call"},
    {.name = "legacy call, modern server",
     .target = BANK,
     .body = LEGACY_SEE,
     .policies = PERMIT_ALL,
     .needs_session = true,
     .server_is_modern = true,
     .success = "\"text\":\"ok\"",
     .effect = "tools/call"},
    {.name = "legacy call on the other loop",
     .target = BANK,
     .body = LEGACY_SEE,
     .policies = PERMIT_ALL,
     .needs_session = true,
     .crosses = true,
     .success = "\"text\":\"ok\"",
     .effect = "tools/call"},
    {.name = "denied call",
     .target = BANK,
     .body = CALL_SEE,
     .method = "tools/call",
     .target_name = "see",
     .policies = "permit(principal, action, resource) when { context.arguments has pass };",
     .success = "\"isError\":true"},
    {.name = "modern list",
     .target = "/mcp",
     .body = LIST,
     .method = "tools/list",
     .policies = PERMIT_ALL,
     .success = "bank__see"},
    {.name = "legacy list",
     .target = "/mcp",
     .body = LEGACY_LIST,
     .policies = PERMIT_ALL,
     .needs_session = true,
     .server_is_modern = true,
     .success = "bank__see"},
    {.name = "modern read",
     .target = BANK,
     .body = READ,
     .method = "resources/read",
     .target_name = "file:///a",
     .policies = PERMIT_ALL,
     .server_is_modern = true,
     .success = "\"contents\"",
     .effect = "resources/read"},
    {.name = "read that carries others",
     .target = SHOP,
     .body = READ,
     .method = "resources/read",
     .target_name = "file:///a",
     .policies = PERMIT_ALL,
     .server_is_modern = true,
     .success = "of c",
     .effect = "resources/read"},
    {.name = "read that looks for its server",
     .target = "/mcp",
     .body = READ,
     .method = "resources/read",
     .target_name = "file:///a",
     .policies = PERMIT_ALL,
     .success = "\"contents\"",
     .effect = "resources/read"},
    {.name = "completion that looks for its server",
     .target = "/mcp",
     .body = COMPLETE,
     .method = "completion/complete",
     .policies = PERMIT_ALL,
     .success = "\"values\"",
     .effect = "completion/complete"},
    {.name = "prompt whose server asks the client",
     .target = BANK,
     .body = PROMPT("ask"),
     .method = "prompts/get",
     .target_name = "ask",
     .policies = PERMIT_ALL,
     .server_is_modern = true,
     .success = "\"input_required\"",
     .effect = "prompts/get"},
    {.name = "prompt whose server is answered by the gateway",
     .target = BANK,
     .body = PROMPT("ask"),
     .method = "prompts/get",
     .target_name = "ask",
     .policies = PERMIT_ALL "forbid(principal, action in Aegis::Action::\"roots\", resource);",
     .server_is_modern = true,
     .success = "\"messages\"",
     .effect = "prompts/get",
     .rounds = 1},
    {.name = "legacy prompt, modern server that is answered by the gateway",
     .target = BANK,
     .body = LEGACY_PROMPT,
     .policies = PERMIT_ALL,
     .needs_session = true,
     .server_is_modern = true,
     .success = "\"messages\"",
     .effect = "prompts/get",
     .rounds = 1},
    {.name = "task whose server is answered by the gateway",
     .target = BANK,
     .body = TASK("tasks/get", ""),
     .method = "tasks/get",
     .policies = PERMIT_ALL "forbid(principal, action in Aegis::Action::\"roots\", resource);",
     .server_is_modern = true,
     .success = "\"working\"",
     .effect = "tasks/update",
     .is_of_task = true},
    {.name = "task whose server is answered by the client",
     .target = BANK,
     .body = TASK("tasks/update", ",\"inputResponses\":{\"a\":{\"roots\":[]}}"),
     .method = "tasks/update",
     .policies = PERMIT_ALL,
     .server_is_modern = true,
     .success = "\"complete\"",
     .effect = "tasks/update",
     .is_of_task = true},
    {.name = "handshake",
     .target = "/mcp",
     .body = INITIALIZE,
     .policies = PERMIT_ALL,
     .success = "protocolVersion"},
    {.name = "handshake, modern server",
     .target = BANK,
     .body = INITIALIZE,
     .policies = PERMIT_ALL,
     .server_is_modern = true,
     .success = "protocolVersion"},
    {.name = "discovery",
     .target = "/mcp",
     .body = DISCOVER,
     .method = "server/discover",
     .policies = PERMIT_ALL,
     .success = "supportedVersions"},
};

static struct world world, away; /* the loop of the session, and the other one */
static struct world_client client, other;
static const struct plan *current;
static char session[512];
static char task[1024];
static struct gateway_server servers[2];
static size_t records_before, calls_before;

static const struct world_answer ANSWERS[] = {
    {0, "resources/list",
     "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resources\":[{\"uri\":\"file:///a\",\"name\":"
     "\"a\"}]}}"},
    {1, "resources/templates/list",
     "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resourceTemplates\":[{\"uriTemplate\":"
     "\"memo://{id}\",\"name\":\"m\"}]}}"},
    {1, "completion/complete",
     "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"completion\":{\"values\":[\"a\"]}}}"},
    {1, "initialize",
     "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"protocolVersion\":\"2025-11-25\","
     "\"capabilities\":{\"tools\":{},\"resources\":{},\"prompts\":{},\"completions\":{}},"
     "\"serverInfo\":{\"name\":\"s\",\"version\":\"1\"}}}"},
    {1, "resources/read",
     "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"contents\":[{\"uri\":\"file:///b\",\"text\":"
     "\"of b\"},{\"uri\":\"file:///a\",\"text\":\"of a\"},{\"uri\":\"file:///c\",\"text\":\"of c\"}"
     "]}}"},
    {1, "resources/list", "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resources\":[]}}"},
    {0, "prompts/get",
     "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"input_required\","
     "\"inputRequests\":{\"a\":{\"method\":\"roots/list\"}}}}"},
};

static const struct world_answer OF_TASK[] = {
    {0, "server/discover",
     "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\","
     "\"supportedVersions\":["
     "\"2026-07-28\"],\"capabilities\":{\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}}}"},
    {0, "tasks/get",
     "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\",\"taskId\":\"t-5\","
     "\"status\":\"input_required\",\"inputRequests\":{\"a\":{\"method\":\"roots/list\"}}}}"},
    {0, "tasks/update", "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{}}"},
};

/* A task that the caller has made before. */
static void make_task(void)
{
    const struct task_reference made = {.server = SLICE("bank"),
                                        .tool = SLICE("see"),
                                        .own_id = SLICE("\"t-5\""),
                                        .expires_at_s = INT64_MAX,
                                        .is_modern = true};
    struct buf id;
    buf_init(&id, sizeof(task) - 1, NULL);
    CHECK(task_id_seal(&world.gateway, world.snapshot->local_principal->digest, &made, &id) ==
          STATUS_OK);
    memcpy(task, id.ptr, id.len);
    task[id.len] = '\0';
    buf_release(&id);
    memcpy(servers, world.snapshot->servers, sizeof(servers));
    servers[0].extensions = MCP_EXTENSION_TASKS;
    world.snapshot->servers = servers;
    world.answers = OF_TASK;
    world.answer_count = COUNT_OF(OF_TASK);
}

static void start(const struct plan *plan)
{
    current = plan;
    world_init(&world, plan->policies);
    world_init(&away, plan->policies);
    world_pair(&world, &away);
    world.answers = ANSWERS;
    world.answer_count = COUNT_OF(ANSWERS);
    world.once_method = "prompts/get";
    world.server_is_modern = plan->server_is_modern;
    if (plan->is_of_task) {
        make_task();
    }
    if (plan->needs_session) {
        /* Which opens no session with the server that the plan needs. */
        world_post(&world, &client, SHOP, INITIALIZE, NULL, NULL, NULL);
        world_run(&world);
        memcpy(session, client.session_id, sizeof(session));
    }
    records_before = world.record_count;
    calls_before = world.call_count;
}

static void post(const struct plan *plan)
{
    char body[WORLD_TEXT_BYTES];
    const char *mark = strstr(plan->body, "%TASK");
    snprintf(body, sizeof(body), "%.*s%s%s", (int)strcspn(plan->body, "%"), plan->body,
             mark != NULL ? task : "", mark != NULL ? mark + strlen("%TASK") : "");
    world_post(plan->crosses ? &away : &world, &client, plan->target, body, plan->method,
               plan->is_of_task ? task : plan->target_name, plan->needs_session ? session : NULL);
}

static bool step(void)
{
    return world_step(&away) || world_step(&world);
}

static void run(void)
{
    while (step()) {
    }
}

static void release(void)
{
    world_release(&world);
    world_release(&away);
}

static bool has_success(const struct plan *plan)
{
    return strstr(client.body, plan->success) != NULL;
}

static size_t count_kept(const char *text)
{
    size_t count = 0;
    for (size_t i = records_before; i < world.record_count; i++) {
        count += world.records[i].is_kept && strstr(world.records[i].text, text) != NULL ? 1 : 0;
    }
    return count;
}

/* -- trouble ------------------------------------------------------------------------------- */

static void client_leaves(void)
{
    if (!client.is_released) {
        client.exchange.on_gone(&client.exchange);
    }
}

static void time_passes(void)
{
    world_advance(&world, world.gateway.limits.operation_deadline_ms);
}

/* All calls that run now end this way. */
static void end_calls(enum status status, const char *code)
{
    for (size_t i = calls_before; i < world.call_count; i++) {
        if (world.calls[i].is_open) {
            world_end(&world.calls[i], status, code);
        }
    }
}

static void server_ends(void)
{
    end_calls(STATUS_UNAVAILABLE, "upstream.down");
}

static void server_is_slow(void)
{
    end_calls(STATUS_TIMEOUT, "upstream.timeout");
}

static void server_says_nothing(void)
{
    end_calls(STATUS_OK, NULL);
}

static void server_says_nonsense(void)
{
    for (size_t i = calls_before; i < world.call_count; i++) {
        if (world.calls[i].is_open) {
            world_message(&world.calls[i], "{\"jsonrpc\":\"2.0\",\"id\":%ID}");
        }
    }
}

static void journal_refuses(void)
{
    world.journal_refuses = away.journal_refuses = true;
}

static void journal_fails(void)
{
    world.journal_fails = away.journal_fails = true;
}

static void policies_deny(void)
{
    gateway_switch(&world.gateway, world_snapshot(DENY_ALL, ALL_REVISIONS));
}

/* The other loop hears of it before, at the same time or after. */
static void away_closes(void)
{
    gateway_close(&away.gateway);
}

static void request_is_taken_back(void)
{
    if (current->needs_session) {
        world_post(&away, &other, current->target, CANCELLED, NULL, NULL, session);
    }
}

static void gateway_closes(void)
{
    gateway_close(&world.gateway);
}

struct trouble {
    const char *name;
    void (*set_in)(void);
    bool ends_calls; /* calls may end without an outcome, or outcomes without an answer */
    bool loses_records, lets_client_go;
};

static const struct trouble TROUBLES[] = {
    {"nothing", NULL, false, false, false},
    {"the client leaves", client_leaves, false, false, true},
    {"time passes", time_passes, false, false, false},
    {"the server ends", server_ends, false, false, false},
    {"the server is slow", server_is_slow, false, false, false},
    {"the server says nothing", server_says_nothing, false, false, false},
    {"the server says nonsense", server_says_nonsense, false, false, false},
    {"the journal refuses", journal_refuses, false, true, false},
    {"the journal fails", journal_fails, false, true, false},
    {"policies change", policies_deny, false, false, false},
    {"the request is taken back", request_is_taken_back, false, false, false},
    {"the gateway closes", gateway_closes, true, false, true},
    {"the other loop closes", away_closes, true, false, true},
};

/* -- what holds after all of it ------------------------------------------------------------- */

/* What the client does is no fault of a server. */
static bool is_of_client(const struct trouble *trouble)
{
    return trouble->set_in == client_leaves || trouble->set_in == request_is_taken_back;
}

static void check_end(const struct plan *plan, const struct trouble *trouble, const char *row)
{
    size_t intents = count_kept("\"intent\"");
    size_t outcomes = count_kept("\"outcome\"");
    size_t effects = plan->effect == NULL ? 0 : world_count_calls(&world, plan->effect);
    bool has_ended = client.is_replied || client.stream_ended || client.is_aborted;
    CHECK_ROW(row, client.is_released && world.gateway.operation_count == 0);
    CHECK_ROW(row, away.gateway.operation_count == 0);
    CHECK_ROW(row, has_ended || trouble->lets_client_go);
    CHECK_ROW(row, effects <= intents && intents <= plan->rounds + 1 && outcomes <= intents);
    CHECK_ROW(row, outcomes == intents || trouble->loses_records || trouble->ends_calls);
    /* No answer that the journal does not know. */
    size_t known = plan->effect == NULL ? count_kept("\"event\"") : outcomes;
    CHECK_ROW(row, known > 0 || !has_success(plan));
    CHECK_ROW(row, !is_of_client(trouble) || count_kept("upstream.protocol") == 0);
    CHECK_ROW(row, !client.is_replied || client.body[0] != '\0' || client.status_code == 202);
}

static bool run_to_wait(const struct plan *plan, size_t wait)
{
    start(plan);
    post(plan);
    for (size_t i = 0; i < wait; i++) {
        if (!step()) {
            return false;
        }
    }
    return !client.is_released;
}

/* Whoever left, or came too late, or is denied by what is in force when it is decided, starts
 * nothing at a server any more. Legacy clients may leave and come back. */
static bool begins_no_effect(const struct plan *plan, const struct trouble *trouble,
                             bool was_decided)
{
    return (trouble->set_in == time_passes && !plan->crosses) ||
           trouble->set_in == gateway_closes ||
           (trouble->set_in == client_leaves && plan->method != NULL) ||
           (trouble->set_in == policies_deny && !was_decided) ||
           (trouble->set_in == request_is_taken_back && plan->needs_session && !plan->crosses);
}

/* False when the plan has fewer waits. */
static bool try_trouble(const struct plan *plan, const struct trouble *trouble, size_t wait,
                        bool repeats)
{
    char row[256];
    snprintf(row, sizeof(row), "%s; %s at wait %zu%s", plan->name, trouble->name, wait,
             repeats ? "; all completes twice" : "");
    bool is_waiting = run_to_wait(plan, wait);
    bool was_decided = world_count_records(&world, "\"intent\"", "") > 0;
    size_t effects = plan->effect == NULL ? 0 : world_count_calls(&world, plan->effect);
    world.repeats = away.repeats = repeats;
    if (is_waiting && trouble->set_in != NULL) {
        trouble->set_in();
    }
    bool is_cancelled = plan->effect == NULL || world_find_call(&world, plan->effect) == NULL;
    run();
    check_end(plan, trouble, row);
    if (!is_waiting || trouble->set_in == NULL) {
        CHECK_ROW(row, has_success(plan));
    } else if (plan->effect != NULL && begins_no_effect(plan, trouble, was_decided)) {
        CHECK_ROW(row, world_count_calls(&world, plan->effect) == effects);
        CHECK_ROW(row, is_cancelled || trouble->set_in == request_is_taken_back);
        CHECK_ROW(row, effects > 0 || !has_success(plan));
    }
    release();
    return is_waiting;
}

TEST(every_wait_survives_every_trouble)
{
    size_t waits = 0;
    for (size_t i = 0; i < COUNT_OF(PLANS); i++) {
        for (size_t j = 0; j < COUNT_OF(TROUBLES); j++) {
            for (int repeats = 0; repeats < 2; repeats++) {
                size_t wait = 0;
                while (try_trouble(&PLANS[i], &TROUBLES[j], wait, repeats != 0)) {
                    wait++;
                    CHECK_ROW(PLANS[i].name, wait < WAITS_MAX);
                }
                CHECK_ROW(PLANS[i].name, wait > 0);
                waits += wait;
            }
        }
    }
    printf("every wait: %zu troubles\n", waits);
}

/* Two troubles, one after the other. */
TEST(every_pair_of_waits_survives_the_client_that_leaves)
{
    for (size_t i = 0; i < COUNT_OF(PLANS); i++) {
        for (size_t j = 1; j < COUNT_OF(TROUBLES); j++) {
            for (size_t wait = 0; run_to_wait(&PLANS[i], wait); wait++) {
                char row[256];
                struct trouble both = TROUBLES[j];
                snprintf(row, sizeof(row), "%s; %s at wait %zu, then the client leaves",
                         PLANS[i].name, both.name, wait);
                both.lets_client_go = true;
                both.set_in();
                (void)step();
                if (!client.is_released && client.exchange.on_gone != NULL) {
                    client_leaves();
                }
                run();
                check_end(&PLANS[i], &both, row);
                release();
            }
            run();
            release();
        }
    }
}

/* -- memory -------------------------------------------------------------------------------- */

/* One allocation fails, or all from there on. */
TEST(every_allocation_may_fail)
{
    static const struct trouble NO_MEMORY = {"no memory", NULL, false, true, true};
    for (size_t i = 0; i < COUNT_OF(PLANS); i++) {
        for (int lasts = 0; lasts < 2; lasts++) {
            bool has_begun = true;
            for (size_t n = 0; has_begun; n++) {
                char row[256];
                snprintf(row, sizeof(row), "%s; allocation %zu fails", PLANS[i].name, n);
                start(&PLANS[i]);
                check_begin_shortage(n, lasts != 0);
                post(&PLANS[i]);
                run();
                has_begun = check_end_shortage();
                check_end(&PLANS[i], &NO_MEMORY, row);
                CHECK_ROW(row, has_begun || has_success(&PLANS[i]));
                release();
            }
        }
    }
}
