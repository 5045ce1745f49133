/* Calls of tools whose arguments are repeated in header fields (MCP 2026-07-28). */
#include "core/gateway/gateway.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>

#define TOOL(annotation)                                                                           \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\",\"tools\":[{"         \
    "\"name\":"                                                                                    \
    "\"see\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"region\":{\"type\":"           \
    "\"string\"" annotation "}}}},{\"name\":\"pay\",\"inputSchema\":{\"type\":\"object\"}}]}}"
#define REGION ",\"x-mcp-header\":\"Region\""

static struct world world;
static struct world_client client;

static void begin(const char *policies, const char *tools)
{
    static struct world_answer answer;
    world_init(&world, policies);
    world.server_is_modern = true;
    answer = (struct world_answer){0, "tools/list", tools};
    world.answers = &answer;
    world.answer_count = 1;
}

/* value: of the field Mcp-Param-Region; NULL: none. */
static void call(const char *arguments, const char *value)
{
    char body[512];
    struct http_field fields[8] = {{SLICE("Host"), SLICE("gateway.test")},
                                   {SLICE("Content-Type"), SLICE("application/json")},
                                   {SLICE("Accept"), SLICE("application/json, text/event-stream")},
                                   {SLICE("MCP-Protocol-Version"), SLICE("2026-07-28")},
                                   {SLICE("Mcp-Method"), SLICE("tools/call")},
                                   {SLICE("Mcp-Name"), SLICE("see")},
                                   {SLICE("Mcp-Param-Other"), SLICE("anything")},
                                   {SLICE("mcp-param-region"), slice_view_cstr(value)}};
    (void)snprintf(body, sizeof(body),
                   "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"tools/call\",\"params\":{"
                   "\"name\":\"see\",\"arguments\":%s," META "}}",
                   arguments);
    struct exchange_request request = {.method = SLICE("POST"),
                                       .target = SLICE(BANK),
                                       .fields = fields,
                                       .field_count = value == NULL ? 7 : 8,
                                       .body = slice_view_cstr(body),
                                       .peer_ip = SLICE("127.0.0.1")};
    CHECK(world_send(&world, &client, &request));
    /* The fields are the transport's, and gone when it returns. */
    memset(fields, 0, sizeof(fields));
    world_run(&world);
}

static bool body_has(const char *text)
{
    return strstr(client.body, text) != NULL;
}

/* The fields of the last call that reached a server. */
static const char *sent_fields(void)
{
    for (size_t i = world.call_count; i > 0; i--) {
        if (strcmp(world.calls[i - 1].method, "tools/call") == 0) {
            return world.calls[i - 1].fields;
        }
    }
    return "";
}

TEST(call_is_sent_with_fields_of_its_own)
{
    static const struct {
        const char *arguments, *value, *sent; /* NULL: none */
    } rows[] = {
        {"{\"region\":\"eu\"}", "eu", "Mcp-Param-Region: eu\n"},
        {"{\"region\":\"eu\"}", "=?base64?ZXU=?=", "Mcp-Param-Region: eu\n"},
        {"{\"region\":\"a\\r\\nX-Admin: 1\"}",
         "=?base64?YQ0KWC1BZG1pbjogMQ==?=", "Mcp-Param-Region: =?base64?YQ0KWC1BZG1pbjogMQ==?=\n"},
        {"{}", NULL, NULL},
        {"{\"region\":null}", NULL, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(PERMIT_ALL, TOOL(REGION));
        /* The first call waits for the session, the second does not. */
        for (size_t k = 1; k <= 2; k++) {
            call(rows[i].arguments, rows[i].value);
            CHECK_ROW(rows[i].arguments, client.status_code == 200 && body_has("\"text\":\"ok\""));
            CHECK_ROW(rows[i].arguments, world_count_calls(&world, "tools/call") == k);
            CHECK_ROW(rows[i].arguments, rows[i].sent == NULL
                                             ? strstr(sent_fields(), "Mcp-Param") == NULL
                                             : strstr(sent_fields(), rows[i].sent) != NULL);
            CHECK_ROW(rows[i].arguments, strstr(sent_fields(), "Other") == NULL);
        }
        world_release(&world);
    }
}

TEST(call_with_fields_that_disagree_is_refused)
{
    static const struct {
        const char *arguments, *value;
    } rows[] = {
        {"{\"region\":\"eu\"}", "us"}, {"{\"region\":\"eu\"}", NULL}, {"{}", "eu"},
        {"{\"region\":null}", "eu"},   {"{\"region\":1}", "1"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(PERMIT_ALL, TOOL(REGION));
        for (size_t k = 1; k <= 2; k++) {
            call(rows[i].arguments, rows[i].value);
            CHECK_ROW(rows[i].arguments, client.status_code == 400 && body_has("\"code\":-32020"));
            CHECK_ROW(rows[i].arguments, body_has("\"id\":\"q\""));
            CHECK_ROW(rows[i].arguments,
                      world_count_records(&world, "wire.reject", "mcp.header") == k);
        }
        CHECK_ROW(rows[i].arguments, world_count_calls(&world, "tools/call") == 0);
        world_release(&world);
    }
}

/* Null that stands for an argument is no way around a rule about it. */
TEST(call_with_null_in_place_of_an_argument_fails_every_rule_that_looks_at_it)
{
    static const struct {
        const char *policies;
        bool is_allowed;
    } rows[] = {
        {PERMIT_ALL "forbid(principal, action == Aegis::Action::\"bank.see\", resource) when { "
                    "context.arguments has region && context.arguments.region == \"us\" };",
         false},
        {PERMIT_ALL "forbid(principal, action == Aegis::Action::\"bank.see\", resource) unless { "
                    "context.arguments has region };",
         true},
        {"permit(principal, action == Aegis::Action::\"bank.see\", resource) when { "
         "context.arguments has region && context.arguments.region != \"us\" };",
         false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(rows[i].policies, TOOL(REGION));
        call("{\"region\":null}", NULL);
        CHECK_ROW(rows[i].policies, client.status_code == 200);
        CHECK_ROW(rows[i].policies,
                  world_count_calls(&world, "tools/call") == (rows[i].is_allowed ? 1 : 0));
        CHECK_ROW(rows[i].policies, world_count_records(&world, "event", "policy_denied") ==
                                        (rows[i].is_allowed ? 0 : 1));
        world_release(&world);
    }
}

/* Who may not call it is not told what its arguments are called. */
TEST(call_that_is_never_allowed_says_nothing_of_fields)
{
    for (int is_open = 0; is_open < 2; is_open++) {
        begin("permit(principal, action == Aegis::Action::\"bank.pay\", resource);", TOOL(REGION));
        if (is_open) {
            world_post(&world, &client, BANK,
                       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{"
                       "\"name\":\"pay\"," META "}}",
                       "tools/call", "pay", NULL);
            world_run(&world);
            CHECK(body_has("\"text\":\"ok\""));
        }
        call("{\"region\":\"eu\"}", "us");
        CHECK(client.status_code == 200 && body_has("denied by policy"));
        CHECK(world_count_records(&world, "policy_denied", "see") == 1);
        CHECK(world_count_calls(&world, "tools/call") == (size_t)is_open);
        world_release(&world);
    }
}

/* A server with a handshake gets no such fields, but whoever sent them is held to them. */
TEST(call_to_an_older_server_is_checked_all_the_same)
{
    begin(PERMIT_ALL, TOOL(REGION));
    world.server_is_modern = false;
    call("{\"region\":\"eu\"}", "us");
    CHECK(client.status_code == 400 && world_count_calls(&world, "tools/call") == 0);
    call("{\"region\":\"eu\"}", "eu");
    CHECK(client.status_code == 200 && world_count_calls(&world, "tools/call") == 1);
    CHECK(strstr(sent_fields(), "Mcp-Param") == NULL);
    world_release(&world);
}

/* A client with a handshake knows nothing of such fields, but its server of the newest revision
 * needs them. */
TEST(call_of_an_older_client_gets_its_fields)
{
    char session[512];
    begin(PERMIT_ALL, TOOL(REGION));
    world_post(&world, &client, BANK,
               "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
               "\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{}}}",
               NULL, NULL, NULL);
    world_run(&world);
    memcpy(session, client.session_id, sizeof(session));
    world_post(&world, &client, BANK,
               "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":"
               "\"see\",\"arguments\":{\"region\":\"eu\"}}}",
               NULL, NULL, session);
    world_run(&world);
    CHECK(client.status_code == 200 && body_has("\"text\":\"ok\""));
    CHECK(strstr(sent_fields(), "Mcp-Param-Region: eu\n") != NULL);
    world_release(&world);
}

/* Hidden and never called: a definition that two readers could take in two ways. */
TEST(tool_with_bad_fields_is_not_there)
{
    static const char *const tools[] = {
        TOOL(",\"x-mcp-header\":\"A\\r\\nX: 1\""),
        TOOL(",\"x-mcp-header\":7"),
        TOOL(",\"anyOf\":[{\"x-mcp-header\":\"Region\"}]"),
        TOOL(REGION ",\"writeOnly\":true"),
    };
    for (size_t i = 0; i < COUNT_OF(tools); i++) {
        begin(PERMIT_ALL, tools[i]);
        call("{\"region\":\"eu\"}", "eu");
        CHECK_ROW(tools[i], client.status_code == 200 && body_has("\"code\":-32602"));
        CHECK_ROW(tools[i], world_count_records(&world, "authz.deny", "tool.fields") == 1);
        CHECK_ROW(tools[i], world_count_calls(&world, "tools/call") == 0);
        world_post(&world, &client, BANK,
                   "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META "}}",
                   "tools/list", NULL, NULL);
        world_run(&world);
        CHECK_ROW(tools[i], body_has("\"pay\"") && !body_has("\"see\""));
        world_release(&world);
    }
}
