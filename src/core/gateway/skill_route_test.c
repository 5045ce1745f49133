/* Skills on the endpoint of several servers: server 0 is "bank", server 1 is "shop". */
#include "core/gateway/link_table.h"
#include "core/gateway/operation.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>
#include <string.h>

#define RESULT(members)                                                                            \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\"," members "}}"
#define OFFER                                                                                      \
    RESULT("\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"resources\":{},"            \
           "\"extensions\":{\"io.modelcontextprotocol/skills\":{\"directoryRead\":true}}}")
#define ENTRY(path, name)                                                                          \
    "{\"uri\":\"" path "/SKILL.md\",\"frontmatter\":{\"name\":\"" name                             \
    "\"},\"resources\":[{\"uri\":\"" path "/SKILL.md\"}]}"
#define LIST(entries) RESULT("\"skills\":[" entries "]")
#define OWN ENTRY("skill://own", "own")
#define SHOP ENTRY("skill://shop/sell", "sell")
#define BOTH ENTRY("skill://both", "both")
#define NESTED ENTRY("skill://shop/sell/more", "more")
#define NO_SKILL "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"error\":{\"code\":-32602,\"message\":\"none\"}}"

static const struct world_answer ANSWERS[] = {
    {0, "server/discover", OFFER},
    {1, "server/discover", OFFER},
    {0, "skills/list", LIST(OWN "," BOTH)},
    {1, "skills/list", LIST(SHOP "," NESTED "," BOTH)},
    {0, "resources/list", RESULT("\"resources\":[{\"uri\":\"skill://shop/sell/listed.md\"}]")},
    {1, "resources/list", RESULT("\"resources\":[]")},
    {0, "resources/templates/list",
     RESULT("\"resourceTemplates\":[{\"uriTemplate\":\"skill://late/{name}/SKILL.md\"},"
            "{\"uriTemplate\":\"skill://{+path}.md\"}]")},
    {1, "resources/templates/list", RESULT("\"resourceTemplates\":[]")},
    {0, "skills/get", NO_SKILL},
    {1, "skills/get", NO_SKILL},
    {0, "resources/directory/read", RESULT("\"resources\":[{\"uri\":\"memo:said\"}]")},
    {1, "resources/directory/read", RESULT("\"resources\":[]")},
};

static struct world world;
static struct world_client client;
static struct gateway_server servers[2];

static void begin(const char *policies, uint32_t of_bank, uint32_t of_shop)
{
    world_init(&world, policies);
    memcpy(servers, world.snapshot->servers, sizeof(servers));
    servers[0].extensions = of_bank;
    servers[1].extensions = of_shop;
    world.snapshot->servers = servers;
    world.server_is_modern = true;
    world.answers = ANSWERS;
    world.answer_count = COUNT_OF(ANSWERS);
}

static void ask(const char *method, const char *uri)
{
    char body[1024];
    char params[256] = "";
    const char *name = strcmp(method, "resources/read") == 0 ? uri : NULL;
    if (uri != NULL) {
        (void)snprintf(params, sizeof(params), "\"uri\":\"%s\",", uri);
    }
    (void)snprintf(body, sizeof(body),
                   "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{%s" META "}}",
                   method, params);
    world_post(&world, &client, "/mcp", body, method, name, NULL);
    world_run(&world);
}

static bool says(const char *text)
{
    return strstr(client.body, text) != NULL;
}

/* The server that the newest call of a method went to, or SIZE_MAX. */
static size_t hearer_of(const char *method)
{
    for (size_t i = world.call_count; i > 0; i--) {
        if (strcmp(world.calls[i - 1].method, method) == 0) {
            return world.calls[i - 1].server;
        }
    }
    return SIZE_MAX;
}

TEST(skills_of_several_servers_are_one_list)
{
    static const struct {
        const char *name;
        uint32_t of_bank, of_shop;
        const char *shown;
    } rows[] = {
        {"both; what two have is nobody's", MCP_EXTENSION_SKILLS, MCP_EXTENSION_SKILLS,
         "\"skills\":[" OWN "," SHOP "," NESTED "]"},
        {"one", MCP_EXTENSION_SKILLS, MCP_EXTENSION_UI, "\"skills\":[" OWN "," BOTH "]"},
        {"the other", 0, MCP_EXTENSION_SKILLS, "\"skills\":[" SHOP "," NESTED "," BOTH "]"},
        {"none", 0, 0, "\"code\":-32601"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t asked = (rows[i].of_bank & MCP_EXTENSION_SKILLS ? 1U : 0U) +
                       (rows[i].of_shop & MCP_EXTENSION_SKILLS ? 1U : 0U);
        begin(PERMIT_ALL, rows[i].of_bank, rows[i].of_shop);
        ask("skills/list", NULL);
        CHECK_ROW(rows[i].name, says(rows[i].shown));
        CHECK_ROW(rows[i].name, world_count_calls(&world, "skills/list") == asked);
        CHECK_ROW(rows[i].name, client.status_code == (asked > 0 ? 200 : 404));
        world_release(&world);
    }
}

TEST(skills_have_the_server_that_lists_them)
{
    static const struct {
        const char *method, *uri;
        size_t server;
        const char *code; /* of the record; NULL: it was asked */
    } rows[] = {
        {"skills/get", "skill://own/SKILL.md", 0, NULL},
        {"skills/get", "SKILL://own/SKILL.md", 0, NULL},
        {"skills/get", "skill://shop/sell/SKILL.md", 1, NULL},
        {"skills/get", "skill://shop/sell/more/SKILL.md", 1, NULL},
        {"skills/get", "skill://late/x/SKILL.md", 0, NULL},
        {"skills/get", "skill://both/SKILL.md", SIZE_MAX, "target.ambiguous"},
        {"skills/get", "skill://none", SIZE_MAX, "target.unknown"},
        {"resources/directory/read", "skill://own", 0, NULL},
        {"resources/directory/read", "skill://shop/sell", 1, NULL},
        {"resources/directory/read", "skill://shop/sell/more/deep", 1, NULL},
        {"resources/directory/read", "skill://shop", SIZE_MAX, "target.unknown"},
        {"resources/directory/read", "skill://shop/sel", SIZE_MAX, "target.unknown"},
        {"resources/directory/read", "skill://both/x", SIZE_MAX, "target.ambiguous"},
        {"resources/read", "skill://own/a.md", 0, NULL},
        {"resources/read", "skill://shop/sell/a/b.md", 1, NULL},
        {"resources/read", "skill://shop/sell/listed.md", 0, NULL},
        {"resources/read", "skill://shop/sells/a.md", 0, NULL},
        {"resources/read", "skill://shop/sells/a", SIZE_MAX, "target.unknown"},
        {"resources/read", "skill://both/a.md", SIZE_MAX, "target.ambiguous"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(PERMIT_ALL, MCP_EXTENSION_SKILLS, MCP_EXTENSION_SKILLS);
        ask(rows[i].method, rows[i].uri);
        CHECK_ROW(rows[i].uri, hearer_of(rows[i].method) == rows[i].server);
        CHECK_ROW(rows[i].uri, rows[i].code == NULL ||
                                   world_count_records(&world, rows[i].code, rows[i].method) == 1);
        CHECK_ROW(rows[i].uri, client.is_released && world.gateway.operation_count == 0);
        world_release(&world);
    }
}

/* Nobody can take an address to a server from which it may not be read, or to one without skills.
 */
TEST(skills_are_looked_for_where_they_may_be)
{
#define NOT_AT_SHOP                                                                                \
    PERMIT_ALL "forbid(principal, action, resource) when { context.server == "                     \
               "Aegis::Server::\"shop\" };"
    static const struct {
        const char *policies, *method, *uri;
        uint32_t of_bank, of_shop;
        size_t server;
        const char *answer;
    } rows[] = {
        {NOT_AT_SHOP, "resources/read", "skill://both/a.md", MCP_EXTENSION_SKILLS,
         MCP_EXTENSION_SKILLS, 0, "\"contents\""},
        {NOT_AT_SHOP, "skills/get", "skill://both/SKILL.md", MCP_EXTENSION_SKILLS,
         MCP_EXTENSION_SKILLS, 0, "none"},
        {NOT_AT_SHOP, "skills/get", "skill://shop/sell", MCP_EXTENSION_SKILLS, MCP_EXTENSION_SKILLS,
         SIZE_MAX, "\"code\":-32602"},
        {NOT_AT_SHOP, "skills/get", "skill://shop/sell/SKILL.md", 0, MCP_EXTENSION_SKILLS, SIZE_MAX,
         "\"code\":40301"},
        {PERMIT_ALL, "resources/read", "skill://both/a.md", MCP_EXTENSION_SKILLS, 0, 0,
         "\"contents\""},
        {PERMIT_ALL, "resources/directory/read", "skill://both", 0, MCP_EXTENSION_SKILLS, 1,
         "\"resources\":[]"},
        {PERMIT_ALL, "skills/get", "skill://both/SKILL.md", 0, 0, SIZE_MAX, "\"code\":-32601"},
        {PERMIT_ALL, "resources/directory/read", "skill://both", MCP_EXTENSION_UI, 0, SIZE_MAX,
         "\"code\":-32601"},
        {PERMIT_ALL, "resources/read", "skill://own/a", 0, 0, SIZE_MAX, "\"code\":-32602"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(rows[i].policies, rows[i].of_bank, rows[i].of_shop);
        ask(rows[i].method, rows[i].uri);
        CHECK_ROW(rows[i].uri, says(rows[i].answer));
        CHECK_ROW(rows[i].uri, hearer_of(rows[i].method) == rows[i].server);
        CHECK_ROW(rows[i].uri, (rows[i].of_bank | rows[i].of_shop) != 0 ||
                                   world_count_calls(&world, "skills/list") == 0);
        world_release(&world);
    }
}

/* A server that is down may be the one. */
TEST(skills_of_a_server_that_is_down)
{
    begin(PERMIT_ALL, MCP_EXTENSION_SKILLS, MCP_EXTENSION_SKILLS);
    world.held_method = "skills/list";
    ask("skills/get", "skill://none");
    struct world_call *open = world_find_call(&world, "skills/list");
    CHECK(open != NULL);
    world_end(open, STATUS_UNAVAILABLE, "upstream.connect");
    world.held_method = NULL;
    world_run(&world);
    CHECK(!says("unknown target") && says("\"error\""));
    CHECK(world_count_calls(&world, "skills/get") == 0);
    world_release(&world);
}

TEST(skills_survive_each_allocation_that_fails)
{
    static const struct {
        const char *method, *uri;
    } rows[] = {{"skills/list", NULL},
                {"skills/get", "skill://shop/sell/SKILL.md"},
                {"resources/directory/read", "skill://own"},
                {"resources/read", "skill://own/a"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool has_begun = true;
        for (size_t n = 0; has_begun; n++) {
            begin(PERMIT_ALL, MCP_EXTENSION_SKILLS, MCP_EXTENSION_SKILLS);
            check_begin_shortage(n, false);
            ask(rows[i].method, rows[i].uri);
            has_begun = check_end_shortage();
            CHECK_ROW(rows[i].method, client.is_released && world.gateway.operation_count == 0);
            CHECK_ROW(rows[i].method, has_begun || client.status_code == 200);
            world_release(&world);
        }
    }
}

/* -- what a folder shows ---------------------------------------------------------------------- */

static struct said_link kept;
static size_t kept_count;

static void keep(void *context, const struct said_link *link)
{
    (void)context;
    kept = *link;
    kept_count++;
}

static enum status find(void *context, struct said_link *link)
{
    (void)context;
    if (kept_count == 0 || memcmp(kept.address, link->address, sizeof(kept.address)) != 0) {
        return STATUS_NOT_FOUND;
    }
    link->server_index = kept.server_index;
    return STATUS_OK;
}

/* It may be in no list. */
TEST(directory_says_addresses_that_can_be_read)
{
    static const struct port_links PORT = {NULL, keep, find};
    for (size_t i = 0; i < 2; i++) {
        kept_count = 0;
        begin(i == 0 ? PERMIT_ALL
                     : PERMIT_ALL "forbid(principal, action, resource) when { resource.path like "
                                  "\"said\" };",
              MCP_EXTENSION_SKILLS, MCP_EXTENSION_SKILLS);
        world.gateway.ports.links = &PORT;
        ask("resources/read", "memo:said");
        CHECK(hearer_of("resources/read") == SIZE_MAX);
        ask("resources/directory/read", "skill://own");
        CHECK(says("memo:said") == (i == 0) && kept_count == (i == 0 ? 1U : 0U));
        ask("resources/read", "memo:said");
        CHECK(hearer_of("resources/read") == (i == 0 ? 0 : SIZE_MAX));
        world_release(&world);
    }
}
