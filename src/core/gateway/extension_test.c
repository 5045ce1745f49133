/* Extensions: what the configuration does not list for a server is there for neither side. */
#include "core/gateway/operation.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>
#include <string.h>

#define UI "\"io.modelcontextprotocol/ui\":{}"
#define TASKS "\"io.modelcontextprotocol/tasks\":{}"
#define MODERN(extensions)                                                                         \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                       \
    "\"io.modelcontextprotocol/clientCapabilities\":{\"extensions\":{" extensions "}}}"
#define DISCOVERED                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\","                     \
    "\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{},\"resources\":{},"      \
    "\"extensions\":{" UI "," TASKS ",\"com.example/x\":{}}}}}"
#define TOOL                                                                                       \
    "{\"name\":\"see\",\"inputSchema\":{\"type\":\"object\"},\"_meta\":{\"a\":1,"                  \
    "\"ui\":{\"resourceUri\":\"ui://see\"},\"ui/resourceUri\":\"ui://see\"}}"
#define TOOLS                                                                                      \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\",\"tools\":[" TOOL "]" \
    "}"                                                                                            \
    "}"
#define RESOURCES                                                                                  \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\",\"resources\":["      \
    "{\"uri\":\"UI://see\",\"name\":\"page\"},{\"uri\":\"file:///a\",\"name\":\"file\"}]}}"
#define PAGE                                                                                       \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\",\"contents\":["       \
    "{\"uri\":\"ui://see\",\"text\":\"<p>\"}]}}"

static const struct world_answer ANSWERS[] = {{0, "server/discover", DISCOVERED},
                                              {0, "tools/list", TOOLS},
                                              {0, "resources/list", RESOURCES},
                                              {0, "resources/read", PAGE}};

static struct world world;
static struct world_client client;
static struct gateway_server servers[2];

static void begin(uint32_t extensions)
{
    world_init(&world, PERMIT_ALL);
    memcpy(servers, world.snapshot->servers, sizeof(servers));
    servers[0].extensions = extensions;
    world.snapshot->servers = servers;
    world.server_is_modern = true;
    world.answers = ANSWERS;
    world.answer_count = COUNT_OF(ANSWERS);
}

static void ask(const char *method, const char *uri, const char *meta)
{
    char body[1024];
    char params[128] = "";
    if (uri != NULL) {
        snprintf(params, sizeof(params), "\"uri\":\"%s\",", uri);
    }
    snprintf(body, sizeof(body),
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{%s%s}}", method, params,
             meta);
    world_post(&world, &client, BANK, body, method, uri, NULL);
    world_run(&world);
}

static bool says(const char *text)
{
    return strstr(client.body, text) != NULL;
}

/* Of the newest call of a method. */
static bool server_heard(const char *method, const char *text)
{
    const char *heard = "";
    for (size_t i = 0; i < world.call_count; i++) {
        heard = strcmp(world.calls[i].method, method) == 0 ? world.calls[i].body : heard;
    }
    return strstr(heard, text) != NULL;
}

TEST(extension_is_offered_when_it_is_listed)
{
    static const struct {
        const char *name;
        uint32_t listed;
        const char *told;
    } rows[] = {
        {"none", 0, "\"capabilities\":{\"tools\":{},\"resources\":{}}"},
        {"pages", MCP_EXTENSION_UI, "\"resources\":{},\"extensions\":{" UI "}}"},
        {"tasks", MCP_EXTENSION_TASKS, "\"resources\":{},\"extensions\":{" TASKS "}}"},
        {"both", MCP_EXTENSION_UI | MCP_EXTENSION_TASKS, "\"extensions\":{" TASKS "," UI "}}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(rows[i].listed);
        ask("server/discover", NULL, MODERN(""));
        CHECK_ROW(rows[i].name, says(rows[i].told) && !says("com.example"));
        /* The server has one more, whatever is listed. */
        CHECK(world_count_records(&world, "server/discover", "extension.removed") == 1);
        world_release(&world);
    }
}

TEST(extension_of_pages_needs_both_sides)
{
    static const struct {
        const char *name, *meta;
        uint32_t listed;
        bool passes, is_removed;
    } rows[] = {
        {"both", MODERN(UI), MCP_EXTENSION_UI, true, false},
        {"both, and tasks", MODERN(UI "," TASKS), MCP_EXTENSION_UI | MCP_EXTENSION_TASKS, true,
         false},
        {"the client has none", MODERN(""), MCP_EXTENSION_UI, false, false},
        {"the client has another", MODERN("\"com.example/ui\":{}"), MCP_EXTENSION_UI, false, true},
        {"in another case", MODERN("\"io.modelcontextprotocol/UI\":{}"), MCP_EXTENSION_UI, false,
         true},
        {"no object", MODERN("\"io.modelcontextprotocol/ui\":true"), MCP_EXTENSION_UI, false,
         false},
        {"not listed", MODERN(UI), 0, false, true},
        {"another listed", MODERN(UI), MCP_EXTENSION_TASKS, false, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool passes = rows[i].passes;
        begin(rows[i].listed);
        ask("tools/list", NULL, rows[i].meta);
        CHECK_ROW(rows[i].name, says("\"a\":1") && says("resourceUri") == passes);
        CHECK_ROW(rows[i].name, server_heard("tools/list", "mcp-app") == passes);
        ask("resources/list", NULL, rows[i].meta);
        CHECK_ROW(rows[i].name, says("file:///a") && says("UI://see") == passes);
        ask("resources/read", "ui://see", rows[i].meta);
        CHECK_ROW(rows[i].name, says("<p>") == passes);
        CHECK_ROW(rows[i].name, says("unknown target") != passes);
        ask("resources/read", "UI://see", rows[i].meta);
        CHECK_ROW(rows[i].name, says("<p>") == passes);
        CHECK_ROW(rows[i].name, world_count_calls(&world, "resources/read") == (passes ? 2 : 0));
        CHECK_ROW(rows[i].name, (world_count_records(&world, "tools/list", "extension.removed") ==
                                 1) == rows[i].is_removed);
        world_release(&world);
    }
}

/* A tool names its page to those who may read it. */
TEST(extension_of_pages_names_what_may_be_read)
{
#define WITH_PAGES(pages)                                                                          \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\",\"tools\":[{"         \
    "\"name\":\"see\",\"inputSchema\":{\"type\":\"object\"},\"_meta\":{" pages "}}]}}"
#define BOTH(uri)                                                                                  \
    "\"ui\":{\"resourceUri\":" uri ",\"visibility\":[\"model\"]},\"ui/resourceUri\":" uri
#define WITHOUT "\"_meta\":{\"ui\":{\"visibility\":[\"model\"]}}"
#define NO_PAGES                                                                                   \
    PERMIT_ALL "forbid(principal, action in Aegis::Action::\"resource\", resource) when { "        \
               "resource.path like \"*closed*\" };"
    static const struct {
        const char *policies, *tools, *shown;
    } rows[] = {
        {NO_PAGES, WITH_PAGES(BOTH("\"ui://a/open\"")), BOTH("\"ui://a/open\"")},
        {NO_PAGES, WITH_PAGES(BOTH("\"ui://a/closed\"")), WITHOUT},
        {NO_PAGES, WITH_PAGES(BOTH("\"UI://a/%63losed\"")), WITHOUT},
        {NO_PAGES, WITH_PAGES(BOTH("\"ui://a/../open\"")), WITHOUT},
        {NO_PAGES, WITH_PAGES(BOTH("7")), WITHOUT},
        {NO_PAGES, WITH_PAGES(BOTH("{\"uri\":\"ui://a/open\"}")), WITHOUT},
        {NO_PAGES, WITH_PAGES("\"ui\":[\"ui://a/closed\"]"), "\"ui\":[\"ui://a/closed\"]"},
        {"permit(principal, action in Aegis::Action::\"tool\", resource);",
         WITH_PAGES(BOTH("\"ui://a/open\"")), WITHOUT},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct world_answer answers[] = {{0, "server/discover", DISCOVERED},
                                               {0, "tools/list", rows[i].tools}};
        begin(MCP_EXTENSION_UI);
        gateway_switch(&world.gateway, world_snapshot(rows[i].policies, ALL_REVISIONS));
        world.gateway.snapshot->servers = servers;
        world.answers = answers;
        world.answer_count = COUNT_OF(answers);
        ask("tools/list", NULL, MODERN(UI));
        CHECK_ROW(rows[i].tools, client.status_code == 200 && says("\"name\":\"see\""));
        CHECK_ROW(rows[i].tools, says(rows[i].shown));
        world_release(&world);
    }
}

/* A legacy client says it once, and its server hears it once. */
TEST(extension_of_pages_is_older_than_its_era)
{
    static const struct {
        const char *name, *version, *extensions;
        uint32_t listed;
        bool passes, is_removed;
    } rows[] = {
        {"listed", "2025-11-25", UI, MCP_EXTENSION_UI, true, false},
        {"not listed", "2025-11-25", UI, 0, false, true},
        {"not declared", "2025-11-25", "", MCP_EXTENSION_UI, false, false},
        {"unknown", "2025-11-25", "\"com.example/x\":{}", MCP_EXTENSION_UI, false, true},
        {"tasks of the other era", "2025-11-25", TASKS, MCP_EXTENSION_TASKS, false, true},
        {"before there were pages", "2025-06-18", UI, MCP_EXTENSION_UI, false, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char body[512];
        begin(rows[i].listed);
        world.server_is_modern = false;
        world.answer_count = 0;
        snprintf(body, sizeof(body),
                 "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
                 "\"protocolVersion\":\"%s\",\"capabilities\":{\"extensions\":{%s}}}}",
                 rows[i].version, rows[i].extensions);
        world_post(&world, &client, BANK, body, NULL, NULL, NULL);
        world_run(&world);
        CHECK_ROW(rows[i].name, server_heard("initialize", "\"extensions\"") == rows[i].passes);
        CHECK_ROW(rows[i].name, server_heard("initialize", "mcp-app") == rows[i].passes);
        CHECK_ROW(rows[i].name, !server_heard("initialize", "tasks"));
        CHECK_ROW(rows[i].name, (world_count_records(&world, "initialize", "extension.removed") ==
                                 1) == rows[i].is_removed);
        world_release(&world);
    }
}

/* What no revision has is said to nobody, and the record says that it was there. */
TEST(member_that_the_protocol_does_not_have_goes_no_further)
{
    static const struct {
        const char *name, *more, *meta;
        const char *removed; /* NULL: nothing */
    } rows[] = {
        {"nothing", "", "", NULL},
        {"what another method has", "\"cursor\":\"x\",", "", NULL},
        {"trace context", "", ",\"traceparent\":\"00-x\",\"baggage\":\"a=b\"", NULL},
        {"of params", "\"evil\":{\"a\":1},", "", "evil"},
        {"two of params", "\"evil\":1,\"worse\":2,", "", "evil"},
        {"of _meta", "", ",\"com.example/evil\":1", "com.example/evil"},
        {"a reserved one", "", ",\"io.modelcontextprotocol/evil\":1",
         "io.modelcontextprotocol/evil"},
        {"a part of the name", "\"argument\":1,\"nam\":2,", "", "nam"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char body[1024];
        begin(0);
        snprintf(body, sizeof(body),
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{%s"
                 "\"name\":\"see\",\"arguments\":{\"evil\":true},\"_meta\":{"
                 "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
                 "\"io.modelcontextprotocol/clientCapabilities\":{}%s}}}",
                 rows[i].more, rows[i].meta);
        world_post(&world, &client, BANK, body, "tools/call", "see", NULL);
        world_run(&world);
        CHECK_ROW(rows[i].name, client.status_code == 200 && says("\"text\":\"ok\""));
        CHECK_ROW(rows[i].name, server_heard("tools/call", "{\"evil\":true}"));
        CHECK_ROW(rows[i].name, rows[i].removed == NULL || strcmp(rows[i].removed, "nam") == 0 ||
                                    strcmp(rows[i].removed, "evil") == 0 ||
                                    !server_heard("tools/call", rows[i].removed));
        CHECK_ROW(rows[i].name,
                  !server_heard("tools/call", "worse") && !server_heard("tools/call", "\"a\":1"));
        CHECK_ROW(rows[i].name, world_count_records(&world, "tools/call", "member.removed") ==
                                    (rows[i].removed == NULL ? 0 : 1));
        CHECK_ROW(rows[i].name,
                  rows[i].removed == NULL ||
                      world_count_records(&world, "member.removed", rows[i].removed) == 1);
        world_release(&world);
    }
}

TEST(capability_that_the_protocol_does_not_have_goes_no_further)
{
    static const struct {
        const char *capabilities;
        bool is_removed;
    } rows[] = {
        {"", false},
        {"\"sampling\":{\"tools\":{}},\"roots\":{\"listChanged\":true}", false},
        {"\"elicitation\":{\"form\":{},\"url\":{}},\"extensions\":{}", false},
        {"\"experimental\":{}", true},
        {"\"sampling\":{},\"tasks\":{}", true},
        {"\"sampling\":true", true},
        {"\"Sampling\":{}", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512];
        begin(0);
        snprintf(text, sizeof(text),
                 "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
                 "\"io.modelcontextprotocol/clientCapabilities\":{%s}}",
                 rows[i].capabilities);
        ask("tools/list", NULL, text);
        CHECK_ROW(rows[i].capabilities,
                  world_count_records(&world, "tools/list", "capability.removed") ==
                      (rows[i].is_removed ? 1 : 0));
        world_release(&world);
        begin(0);
        world.server_is_modern = false;
        world.answer_count = 0;
        snprintf(text, sizeof(text),
                 "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
                 "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{%s}}}",
                 rows[i].capabilities);
        world_post(&world, &client, BANK, text, NULL, NULL, NULL);
        world_run(&world);
        CHECK_ROW(rows[i].capabilities,
                  world_count_records(&world, "initialize", "capability.removed") ==
                      (rows[i].is_removed ? 1 : 0));
        world_release(&world);
    }
}
