/* Scenarios: whole operations on fake ports, completed in the order the test chooses. */
#include "core/gateway/gateway.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>

static struct world world;
static struct world_client client;

static bool body_has(const char *text)
{
    return strstr(client.body, text) != NULL;
}

static void post_see(void)
{
    world_post(&world, &client, BANK, CALL_SEE, "tools/call", "see", NULL);
}

TEST(gateway_forwards_an_allowed_call)
{
    world_init(&world, PERMIT_ALL);
    post_see();
    world_run(&world);
    CHECK(client.is_replied && client.status_code == 200 && client.is_released);
    CHECK(body_has("\"id\":\"q\"") && body_has("\"text\":\"ok\""));
    CHECK(body_has("\"resultType\":\"complete\""));
    CHECK(world_count_calls(&world, "tools/call") == 1);
    CHECK(world_count_records(&world, "\"intent\"", "bank.see") == 1);
    CHECK(world_count_records(&world, "\"outcome\"", "bank.see") == 1);
    CHECK(world.gateway.operation_count == 0);
    world_release(&world);
}

TEST(gateway_denies_without_a_byte_upstream)
{
    world_init(&world, PERMIT_ALL "@id(\"no\") @reason(\"see is closed\") forbid(principal, action "
                                  "== Aegis::Action::\"bank.see\", resource);");
    post_see();
    world_run(&world);
    CHECK(client.is_replied && client.status_code == 200);
    CHECK(body_has("\"isError\":true") && body_has("see is closed"));
    CHECK(world_count_calls(&world, "tools/call") == 0);
    CHECK(world_count_records(&world, "authz.deny", "policy_denied") == 1);
    CHECK(world_count_records(&world, "\"tools/call\"", "") == 1);
    world_release(&world);
}

/* The same refusal whether the session with the server is open or not, whatever is called. */
TEST(gateway_tells_nothing_about_tools_that_are_never_allowed)
{
    static const struct {
        const char *name, *tool, *arguments;
    } rows[] = {
        {"there", "pay", "{\"amount\":5}"},
        {"wrong arguments", "pay", "{\"amount\":\"x\"}"},
        {"not there", "nope", "{}"},
    };
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        const char *tool = rows[i / 2].tool;
        char body[512];
        world_init(&world, "permit(principal, action == Aegis::Action::\"bank.see\", resource);");
        if (i % 2 == 1) {
            post_see();
            world_run(&world);
        }
        (void)snprintf(body, sizeof(body),
                       "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"tools/call\",\"params\":{"
                       "\"name\":\"%s\",\"arguments\":%s," META "}}",
                       tool, rows[i / 2].arguments);
        world_post(&world, &client, BANK, body, "tools/call", tool, NULL);
        world_run(&world);
        CHECK_ROW(rows[i / 2].name, body_has("\"isError\":true") && body_has("denied by policy"));
        CHECK_ROW(rows[i / 2].name, world_count_records(&world, "policy_denied", tool) == 1);
        CHECK_ROW(rows[i / 2].name, world_count_calls(&world, "tools/call") == i % 2);
        world_release(&world);
    }
}

/* Intent before effect: nothing reaches the server while the intent is not durable. */
TEST(gateway_records_before_it_acts)
{
    world_init(&world, PERMIT_ALL);
    post_see();
    world_run(&world);
    post_see();
    size_t records = world.record_count;
    CHECK(records > 0 && world.records[records - 1].is_pending);
    CHECK(world.records[records - 1].durable);
    CHECK(strstr(world.records[records - 1].text, "\"intent\"") != NULL);
    CHECK(world_count_calls(&world, "tools/call") == 1);
    world_run(&world);
    CHECK(world_count_calls(&world, "tools/call") == 2);
    world_release(&world);
}

TEST(gateway_answers_nothing_without_audit)
{
    static const bool REFUSES[] = {true, false};
    for (size_t i = 0; i < COUNT_OF(REFUSES); i++) {
        world_init(&world, PERMIT_ALL);
        world.journal_refuses = REFUSES[i];
        world.journal_fails = !REFUSES[i];
        post_see();
        world_run(&world);
        CHECK(client.status_code == 503 && body_has("audit_unavailable"));
        CHECK(!body_has("\"text\":\"ok\""));
        CHECK(world_count_calls(&world, "tools/call") == 0);
        world_release(&world);
    }
}

TEST(gateway_serves_a_legacy_session)
{
    char session[512];
    world_init(&world, PERMIT_ALL);
    world_post(&world, &client, "/mcp",
               "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
               "\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{}}}",
               NULL, NULL, NULL);
    world_run(&world);
    CHECK(client.status_code == 200 && body_has("\"protocolVersion\":\"2025-06-18\""));
    CHECK(client.session_id[0] != '\0');
    memcpy(session, client.session_id, sizeof(session));
    world_post(&world, &client, "/mcp",
               "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", NULL, NULL,
               session);
    world_run(&world);
    CHECK(client.status_code == 202 && client.body[0] == '\0');
    world_post(&world, &client, "/mcp", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}",
               NULL, NULL, session);
    world_run(&world);
    CHECK(body_has("bank__pay") && body_has("shop__see") && !body_has("resultType"));
    world_post(&world, &client, "/mcp",
               "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":"
               "\"shop__see\"}}",
               NULL, NULL, session);
    world_run(&world);
    CHECK(body_has("\"id\":2") && body_has("\"text\":\"ok\""));
    CHECK(strstr(world.calls[world.call_count - 1].body, "\"name\":\"see\"") != NULL);
    CHECK(world.calls[world.call_count - 1].server == 1);
    world_release(&world);
}

TEST(gateway_trusts_no_session_it_did_not_seal)
{
    static const struct {
        const char *name, *session;
        int http_status;
    } rows[] = {
        {"none", NULL, 400},
        {"invented", "1001", 404},
        {"empty", "", 400},
        {"long",
         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
         404},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        world_init(&world, PERMIT_ALL);
        world_post(&world, &client, "/mcp",
                   "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}", NULL, NULL,
                   rows[i].session);
        world_run(&world);
        CHECK_ROW(rows[i].name, client.status_code == rows[i].http_status);
        CHECK_ROW(rows[i].name, world.call_count == 0);
        CHECK_ROW(rows[i].name, world_count_records(&world, "session.mismatch", "") == 1);
        world_release(&world);
    }
}

/* A message that must not be there ends the call with one error, and the audit says why. */
TEST(gateway_refuses_what_a_server_must_not_say)
{
    static const char *const ANSWER =
        "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"content\":[]}}";
    static const struct {
        const char *name, *message;
        bool then_answer;
    } rows[] = {
        {"another id", "{\"jsonrpc\":\"2.0\",\"id\":99999,\"result\":{}}", true},
        {"id as text", "{\"jsonrpc\":\"2.0\",\"id\":\"%ID\",\"result\":{}}", false},
        {"null id", "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":{}}", false},
        {"result and error",
         "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{},\"error\":{\"code\":1,\"message\":\"\"}}",
         false},
        {"neither", "{\"jsonrpc\":\"2.0\",\"id\":%ID}", false},
        {"two answers", "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"content\":[]}}", true},
        {"duplicate member", "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{},\"id\":2}", false},
        {"batch", "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}]", true},
        {"number", "1", true},
        {"no JSON", "[DONE]", true},
        {"question", "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"sampling/createMessage\"}", true},
        {"list change", "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}",
         true},
        {"result of another kind",
         "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"task\"}}", false},
        {"malformed error", "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"error\":\"x\"}", false},
        {"look-alike of a member",
         "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"content\":[]},\"Result\":{}}", false},
        {"member of no answer",
         "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"content\":[]},\"params\":{}}", false},
        {"notification and answer at once",
         "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"result\":{}}", true},
        {"notification with text for params",
         "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":\"x\"}", true},
        {"silence", NULL, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        world_init(&world, PERMIT_ALL);
        world.server_is_modern = true;
        world.held_method = "tools/call";
        post_see();
        world_run(&world);
        struct world_call *call = world_find_call(&world, "tools/call");
        CHECK_ROW(rows[i].name, call != NULL);
        if (call != NULL) {
            if (rows[i].message != NULL) {
                world_message(call, rows[i].message);
            }
            if (rows[i].then_answer && call->is_open) {
                world_message(call, ANSWER);
            }
            if (call->is_open) {
                world_end(call, STATUS_OK, NULL);
            }
            CHECK_ROW(rows[i].name, rows[i].message == NULL || call->is_cancelled);
            world_run(&world);
        }
        CHECK_ROW(rows[i].name, client.status_code == 502 && body_has("\"code\":50201"));
        CHECK_ROW(rows[i].name, body_has("\"id\":\"q\"") && !body_has("\"result\""));
        CHECK_ROW(rows[i].name, world_count_records(&world, "\"outcome\"", "bank.see") == 1);
        world_release(&world);
    }
}

TEST(gateway_passes_progress_with_the_clients_token)
{
    world_init(&world, PERMIT_ALL);
    world.held_method = "tools/call";
    world_post(&world, &client, BANK,
               "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":"
               "\"see\",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
               "\"io.modelcontextprotocol/clientCapabilities\":{},\"progressToken\":\"mine\"}}}",
               "tools/call", "see", NULL);
    world_run(&world);
    struct world_call *call = world_find_call(&world, "tools/call");
    world_message(call, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
                        "\"progressToken\":%ID,\"progress\":1}}");
    world_message(call, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
                        "\"progressToken\":1234567,\"progress\":2}}");
    CHECK(client.stream_begun && body_has("\"progressToken\":\"mine\""));
    CHECK(!body_has("1234567"));
    world_message(call, "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"content\":[]}}");
    CHECK(!body_has("\"id\":7"));
    world_end(call, STATUS_OK, NULL);
    world_run(&world);
    CHECK(body_has("\"id\":7") && client.stream_ended && client.is_released);
    world_release(&world);
}

TEST(gateway_reports_servers_that_fail)
{
    static const struct {
        const char *name, *code;
        enum status status;
        const char *expected;
        int http_status;
    } rows[] = {
        {"down", "upstream.down", STATUS_UNAVAILABLE, "\"code\":50301", 503},
        {"slow", "upstream.timeout", STATUS_TIMEOUT, "\"code\":50401", 504},
        {"odd", "upstream.protocol", STATUS_INVALID, "\"code\":50201", 502},
        {"too much", "upstream.too_large", STATUS_LIMIT, "\"code\":50201", 502},
        {"more than we may ask", "upstream.busy", STATUS_UNAVAILABLE, "\"code\":50306", 503},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (int in_handshake = 0; in_handshake < 2; in_handshake++) {
            world_init(&world, PERMIT_ALL);
            world.held_method = in_handshake ? "initialize" : "tools/call";
            post_see();
            world_run(&world);
            struct world_call *call = world_find_call(&world, world.held_method);
            CHECK_ROW(rows[i].name, call != NULL);
            if (call != NULL) {
                world_end(call, rows[i].status, rows[i].code);
                world_run(&world);
            }
            CHECK_ROW(rows[i].name, body_has(rows[i].expected) && client.is_released);
            CHECK_ROW(rows[i].name, client.status_code == rows[i].http_status);
            CHECK_ROW(rows[i].name, str_eq(client.retry_after, body_has("overloaded") ? "1" : ""));
            CHECK_ROW(rows[i].name,
                      world_count_calls(&world, "tools/call") == (in_handshake ? 0 : 1));
            world_release(&world);
        }
    }
}

/* The status was sent with the first event: what fails later can only be told in the stream. */
TEST(gateway_reports_a_server_that_fails_in_a_stream)
{
    world_init(&world, PERMIT_ALL);
    world.held_method = "tools/call";
    world_post(&world, &client, BANK,
               "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":"
               "\"see\",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
               "\"io.modelcontextprotocol/clientCapabilities\":{},\"progressToken\":\"mine\"}}}",
               "tools/call", "see", NULL);
    world_run(&world);
    struct world_call *call = world_find_call(&world, "tools/call");
    world_message(call, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
                        "\"progressToken\":%ID,\"progress\":1}}");
    world_end(call, STATUS_UNAVAILABLE, "upstream.down");
    world_run(&world);
    CHECK(client.status_code == 200 && client.stream_ended && body_has("\"code\":50301"));
    world_release(&world);
}

/* Without its credential nothing is sent, and the others are served. */
TEST(gateway_sends_nothing_without_the_credential)
{
    static const struct gateway_server SERVERS[] = {
        {.name = SLICE_INIT("bank"), .is_unavailable = true, .timeout_ms = 1000},
        {.name = SLICE_INIT("shop"), .timeout_ms = 1000}};
    world_init(&world, PERMIT_ALL);
    const struct gateway_server *servers = world.snapshot->servers;
    world.snapshot->servers = SERVERS;
    post_see();
    world_run(&world);
    CHECK(client.status_code == 503 && body_has("\"code\":50305") && world.call_count == 0);
    CHECK(world_count_records(&world, "self.fault", "secret_unavailable") == 1);
    world_post(&world, &client, "/servers/shop/mcp", CALL_SEE, "tools/call", "see", NULL);
    world_run(&world);
    CHECK(client.status_code == 200 && body_has("\"text\":\"ok\""));
    world.snapshot->servers = servers;
    world_release(&world);
}

/* Nothing to decide by is not the same as a denial, and nothing goes on all the same. */
TEST(gateway_decides_nothing_without_policies)
{
    world_init(&world, PERMIT_ALL);
    struct cedar_policy_set *policies = world.snapshot->policies;
    world.snapshot->policies = NULL;
    post_see();
    world_run(&world);
    CHECK(client.status_code == 503 && body_has("\"code\":50303") && world.call_count == 0);
    CHECK(world_count_records(&world, "self.fault", "policy_unavailable") == 1);
    world.snapshot->policies = policies;
    world_release(&world);
}

TEST(gateway_survives_a_client_that_leaves_while_records_are_written)
{
    world_init(&world, PERMIT_ALL);
    post_see();
    world_run(&world);
    post_see();
    client.exchange.on_gone(&client.exchange);
    world_run(&world);
    CHECK(client.is_released && !client.is_replied);
    CHECK(world.gateway.operation_count == 0);
    world_release(&world);
}

/* A reload in mid-operation: the decision is taken by what is in force when it is taken. */
TEST(gateway_decides_by_the_snapshot_in_force)
{
    world_init(&world, PERMIT_ALL);
    world.held_method = "tools/list";
    post_see();
    world_run(&world);
    gateway_switch(&world.gateway, world_snapshot("", ALL_REVISIONS));
    world.held_method = NULL;
    world_run(&world);
    CHECK(body_has("\"isError\":true") && world_count_calls(&world, "tools/call") == 0);
    world_release(&world);
}

/* An outcome has the id of its intent, and what readers look for; the rest its intent says. */
TEST(gateway_records_outcomes_without_what_their_intents_say)
{
    static const char *const both[] = {
        "\"decision_id\":", "\"subject\":", "\"method\":", "\"target\":", "\"decision\":\"allow\""};
    static const char *const once[] = {
        "\"issuer\":", "\"revision\":", "\"direction\":", "\"primitive\":",
        "\"server\":", "\"peer\":",     "\"policies\":",  "\"request_bytes\":"};
    world_init(&world, PERMIT_ALL);
    post_see();
    world_run(&world);
    for (size_t i = 0; i < COUNT_OF(both); i++) {
        CHECK_ROW(both[i], world_count_records(&world, "\"intent\"", both[i]) == 1);
        CHECK_ROW(both[i], world_count_records(&world, "\"outcome\"", both[i]) == 1);
    }
    for (size_t i = 0; i < COUNT_OF(once); i++) {
        CHECK_ROW(once[i], world_count_records(&world, "\"intent\"", once[i]) == 1);
        CHECK_ROW(once[i], world_count_records(&world, "\"outcome\"", once[i]) == 0);
    }
    world_release(&world);
}

/* Each decision says by which policies it was made; its outcome belongs to it. */
TEST(gateway_records_the_policies_in_force)
{
    world_init(&world, PERMIT_ALL);
    world.snapshot->policy_hash[0] = 0xAB;
    post_see();
    world_run(&world);
    CHECK(world_count_records(&world, "\"policy_set\":\"ab00", "\"intent\"") == 1);
    CHECK(world_count_records(&world, "policy_set", "\"outcome\"") == 0);
    struct gateway_snapshot *closed =
        world_snapshot("forbid(principal, action, resource);", ALL_REVISIONS);
    closed->policy_hash[0] = 0xCD;
    gateway_switch(&world.gateway, closed);
    post_see();
    world_run(&world);
    CHECK(world_count_records(&world, "\"policy_set\":\"cd00", "policy_denied") == 1);
    CHECK(world_count_records(&world, "policy_set", "") == 2);
    /* What was refused before any policy was asked says none. */
    world_post(&world, &client, BANK, "{", NULL, NULL, NULL);
    world_run(&world);
    CHECK(world_count_records(&world, "policy_set", "") == 2);
    world_release(&world);
}

/* What an answer and a record say about a decision outlives the policies it was taken by. */
TEST(gateway_keeps_its_reasons_over_a_reload)
{
    world_init(&world, PERMIT_ALL "@id(\"no\") @reason(\"see is closed\") forbid(principal, action "
                                  "== Aegis::Action::\"bank.see\", resource);");
    post_see();
    CHECK(world.records[world.record_count - 1].is_pending);
    gateway_switch(&world.gateway, world_snapshot("", ALL_REVISIONS));
    world_run(&world);
    CHECK(body_has("see is closed"));
    world_release(&world);
}

TEST(gateway_asks_a_server_once_for_many)
{
    struct world_client clients[8];
    world_init(&world, PERMIT_ALL);
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        world_post(&world, &clients[i], BANK, CALL_SEE, "tools/call", "see", NULL);
    }
    world_run(&world);
    CHECK(world_count_calls(&world, "initialize") == 1);
    CHECK(world_count_calls(&world, "tools/list") == 1);
    CHECK(world_count_calls(&world, "tools/call") == COUNT_OF(clients));
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        CHECK(clients[i].is_replied && strstr(clients[i].body, "\"id\":\"q\"") != NULL);
    }
    world_release(&world);
}

TEST(gateway_lists_what_may_be_called)
{
    world_init(&world, "permit(principal, action == Aegis::Action::\"bank.pay\", resource) when { "
                       "context.arguments.amount < 10 };");
    world_post(&world, &client, "/mcp",
               "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META "}}",
               "tools/list", NULL, NULL);
    world_run(&world);
    CHECK(body_has("bank__pay") && !body_has("see") && !body_has("shop"));
    CHECK(body_has("\"cacheScope\":\"private\""));
    world_release(&world);
}

/* A long list is judged in turns: what else waits for the loop goes between them, and whoever
 * leaves in the middle leaves nothing behind. */
TEST(gateway_judges_a_long_list_in_turns)
{
    static char page[WORLD_TEXT_BYTES];
    enum { TOOLS = 400 }; /* more than a turn takes */
    for (int leaves = 0; leaves < 2; leaves++) {
        size_t used = (size_t)snprintf(page, sizeof(page),
                                       "{\"jsonrpc\":\"2.0\",\"id\":%%ID,\"result\":{\"tools\":[");
        for (int i = 0; i < TOOLS; i++) {
            used += (size_t)snprintf(page + used, sizeof(page) - used, "%s{\"name\":\"%d\"}",
                                     i > 0 ? "," : "", i);
        }
        snprintf(page + used, sizeof(page) - used, "]}}");
        world_init(&world, PERMIT_ALL "forbid(principal, action, resource) when { resource.name != "
                                      "\"399\" };");
        world_post(&world, &client, BANK,
                   "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META "}}",
                   "tools/list", NULL, NULL);
        world_run(&world); /* the handshake, with its own reading of the tools */
        world.held_method = "tools/list";
        world_post(&world, &client, BANK,
                   "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META "}}",
                   "tools/list", NULL, NULL);
        struct world_call *call = world_find_call(&world, "tools/list");
        CHECK(call != NULL);
        world_message(call, page);
        world_end(call, STATUS_OK, NULL);
        CHECK(!client.is_replied && world.gateway.operation_count == 1);
        if (leaves) {
            client.exchange.on_gone(&client.exchange);
        }
        world_advance(&world, 0);
        world_run(&world);
        CHECK(client.is_replied == !leaves && client.is_released);
        CHECK(leaves || (body_has("\"399\"") && !body_has("\"398\"")));
        CHECK(world.gateway.operation_count == 0);
        world_release(&world);
    }
}

TEST(gateway_keeps_serving_when_one_server_is_down)
{
    world_init(&world, PERMIT_ALL);
    world.held_method = "server/discover";
    world_post(&world, &client, "/mcp",
               "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META "}}",
               "tools/list", NULL, NULL);
    world_run(&world);
    for (size_t i = 0; i < world.call_count; i++) {
        if (world.calls[i].server == 1) {
            world_end(&world.calls[i], STATUS_UNAVAILABLE, "upstream.down");
        }
    }
    world.held_method = NULL;
    world_run(&world);
    CHECK(client.status_code == 200 && body_has("bank__pay") && !body_has("shop__"));
    world_release(&world);
}

TEST(gateway_refuses_arguments_before_policy)
{
    static const struct {
        const char *name, *arguments;
        bool passes;
    } rows[] = {
        {"fits", "{\"amount\":5}", true},
        {"text for a number", "{\"amount\":\"5\"}", false},
        {"null", "{\"amount\":null}", false},
        {"fraction", "{\"amount\":1.5}", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char body[1024];
        world_init(&world, PERMIT_ALL);
        snprintf(body, sizeof(body),
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":"
                 "\"pay\",\"arguments\":%s," META "}}",
                 rows[i].arguments);
        world_post(&world, &client, BANK, body, "tools/call", "pay", NULL);
        world_run(&world);
        CHECK_ROW(rows[i].name, body_has("\"result\"") == rows[i].passes);
        CHECK_ROW(rows[i].name,
                  world_count_calls(&world, "tools/call") == (rows[i].passes ? 1 : 0));
        world_release(&world);
    }
}

TEST(gateway_refuses_unknown_places)
{
    static const struct {
        const char *target, *name, *expected;
    } rows[] = {
        {"/mcp", "nobody__see", "-32602"},
        {"/mcp", "see", "-32602"},
        {"/servers/nobody/mcp", "see", "-32600"},
        {"/MCP", "see", "-32600"},
        {"//mcp", "see", "-32600"},
        {"/servers/bank/mcp/", "see", "-32600"},
        {BANK, "unknown", "-32602"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char body[1024];
        world_init(&world, PERMIT_ALL);
        snprintf(body, sizeof(body),
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":"
                 "\"%s\"," META "}}",
                 rows[i].name);
        world_post(&world, &client, rows[i].target, body, "tools/call", rows[i].name, NULL);
        world_run(&world);
        CHECK_ROW(rows[i].target, body_has(rows[i].expected));
        CHECK_ROW(rows[i].target, world_count_calls(&world, "tools/call") == 0);
        world_release(&world);
    }
}

/* A stranger gets no memory for a large body; a small one is read, so that the refusal says which
 * message it was. */
TEST(gateway_knows_who_sends_much)
{
    static const struct {
        const char *name, *field, *value;
        bool is_admitted;
    } rows[] = {
        {"small", "Content-Length", "16384", true},
        {"one more", "Content-Length", "16385", false},
        {"past 64 bits", "Content-Length", "99999999999999999999", false},
        {"of unknown length", "Transfer-Encoding", "chunked", false},
    };
    for (int is_local = 0; is_local < 2; is_local++) {
        world_init(&world, PERMIT_ALL);
        if (!is_local) {
            principal_unref(world.snapshot->local_principal);
            world.snapshot->local_principal = NULL;
        }
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            struct http_field fields[] = {
                {SLICE("Host"), SLICE("gateway.test")},
                {SLICE("Content-Type"), SLICE("application/json")},
                {SLICE("Accept"), SLICE("application/json, text/event-stream")},
                {SLICE("Authorization"), SLICE("Bearer none")},
                {slice_view_cstr(rows[i].field), slice_view_cstr(rows[i].value)}};
            struct exchange_handler handler = gateway_handler(&world.gateway);
            struct exchange_request head = {.method = SLICE("POST"),
                                            .target = SLICE("/mcp"),
                                            .fields = fields,
                                            .field_count = COUNT_OF(fields),
                                            .peer_ip = SLICE("127.0.0.1")};
            struct exchange_reply reply = {0};
            size_t records = world.record_count;
            bool is_admitted = handler.admit(handler.context, &head, &reply);
            CHECK_ROW(rows[i].name, is_admitted == (is_local || rows[i].is_admitted));
            CHECK_ROW(rows[i].name, is_admitted || reply.status_code == 401);
            CHECK_ROW(rows[i].name, is_admitted || reply.field_count == 1);
            CHECK_ROW(rows[i].name, world.record_count == records + (is_admitted ? 0 : 1));
        }
        CHECK(is_local || world_count_records(&world, "auth.reject", "") == 3);
        world_release(&world);
    }
}

/* Shutdown with operations at every kind of wait: nothing is left behind. */
TEST(gateway_releases_what_still_runs)
{
    static const char *const HELD[] = {"server/discover", "tools/list", "tools/call"};
    for (size_t i = 0; i < COUNT_OF(HELD); i++) {
        world_init(&world, PERMIT_ALL);
        world.held_method = HELD[i];
        post_see();
        world_run(&world);
        world_release(&world);
        CHECK_ROW(HELD[i], client.is_released);
    }
}

TEST(gateway_closes_while_a_record_is_written)
{
    world_init(&world, PERMIT_ALL);
    post_see();
    world_run(&world);
    post_see();
    CHECK(world.records[world.record_count - 1].is_pending);
    gateway_close(&world.gateway);
    CHECK(client.is_released && world.gateway.operation_count == 1);
    world_release(&world);
    CHECK(world_count_calls(&world, "tools/call") == 1);
}

/* A faulty adapter: what completes late or twice finds nobody, and is counted. */
TEST(gateway_ignores_stray_completions)
{
    static const char *const ANSWER =
        "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"content\":[]}}";
    world_init(&world, PERMIT_ALL);
    world.held_method = "tools/call";
    post_see();
    world_run(&world);
    struct world_call call = *world_find_call(&world, "tools/call");
    client.exchange.on_gone(&client.exchange);
    world_run(&world);
    CHECK(client.is_released && world.gateway.children.stray_count == 0);
    CHECK(call.is_open); /* the copy still is: an adapter that does not know it was cancelled */
    world_message(&call, ANSWER);
    world_end(&call, STATUS_OK, NULL);
    for (size_t i = 0; i < world.record_count; i++) {
        const struct world_record *record = &world.records[i];
        record->done(record->user, record->ticket, STATUS_OK);
    }
    CHECK(world.gateway.children.stray_count == 2 + world.record_count);
    world.strays = world.gateway.children.stray_count;
    CHECK(world_count_records(&world, "\"outcome\"", "") == 1);
    world_release(&world);
}

/* Gone while the intent is written: it is too late for the record, not for the server. */
TEST(gateway_begins_nothing_for_a_client_that_left)
{
    world_init(&world, PERMIT_ALL);
    post_see();
    world_run(&world);
    post_see();
    CHECK(world.records[world.record_count - 1].is_pending);
    client.exchange.on_gone(&client.exchange);
    world_run(&world);
    CHECK(client.is_released && world_count_calls(&world, "tools/call") == 1);
    CHECK(world_count_records(&world, "\"outcome\"", "cancelled") == 1);
    world_release(&world);
}

/* Other keys, the same policies: what is shared lives as long as either snapshot. */
TEST(gateway_decides_by_a_derived_snapshot)
{
    struct gateway_snapshot *derived = NULL;
    world_init(&world, PERMIT_ALL);
    CHECK(gateway_snapshot_derive(world.gateway.snapshot, &derived) == STATUS_OK);
    gateway_switch(&world.gateway, derived);
    post_see();
    world_run(&world);
    CHECK(client.status_code == 200 && body_has("\"text\":\"ok\""));
    CHECK(gateway_snapshot_derive(world.gateway.snapshot, &derived) == STATUS_OK);
    gateway_switch(&world.gateway, derived);
    post_see();
    world_run(&world);
    CHECK(client.status_code == 200 && body_has("\"text\":\"ok\""));
    world_release(&world);
}
