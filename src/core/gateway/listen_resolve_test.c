/* Addresses in a subscriptions/listen on an endpoint of several servers. */
#include "core/gateway/listening.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>
#include <string.h>

#define LISTEN(filter)                                                                             \
    "{\"jsonrpc\":\"2.0\",\"id\":\"l\",\"method\":\"subscriptions/listen\",\"params\":{"           \
    "\"notifications\":" filter "," META "}}"
#define TO(addresses) LISTEN("{\"resourceSubscriptions\":[" addresses "]}")
#define OURS "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":%ID}"
#define THEIRS "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":\"l\"}"
#define NOTICE(method, params)                                                                     \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/" method "\",\"params\":{" params "}}"
#define ACKNOWLEDGED(addresses)                                                                    \
    NOTICE("subscriptions/acknowledged",                                                           \
           "\"notifications\":{\"resourceSubscriptions\":[" addresses "]}," OURS)
#define UPDATED(uri) NOTICE("resources/updated", "\"uri\":\"" uri "\"," OURS)
#define DISCOVERED                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\","                     \
    "\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"resources\":{\"subscribe\":true}}" \
    "}}"
#define RESULT(member, items)                                                                      \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\",\"" member            \
    "\":[" items "]}}"
#define RESOURCES(items) RESULT("resources", items)
#define TEMPLATES(items) RESULT("resourceTemplates", items)
#define AT(uri) "{\"name\":\"n\",\"uri\":\"" uri "\"}"
#define LIKE(uri) "{\"name\":\"n\",\"uriTemplate\":\"" uri "\"}"

static const struct world_answer ANSWERS[] = {
    {0, "server/discover", DISCOVERED},
    {1, "server/discover", DISCOVERED},
    {0, "resources/list", RESOURCES(AT("FILE:///bank") "," AT("file:///both") ",7,{\"uri\":8}")},
    {1, "resources/list", RESOURCES(AT("file:///both") "," AT("file:///shop") "," AT("a b"))},
    {0, "resources/templates/list", TEMPLATES(LIKE("file:///any/{x}") "," LIKE("file:///b/{x}"))},
    {1, "resources/templates/list", TEMPLATES(LIKE("file:///any/{+x}") "," LIKE("{"))},
};
static struct world world;
static struct world_client client;

static void begin_world(const char *policies)
{
    world_init(&world, policies);
    world.server_is_modern = true;
    world.answers = ANSWERS;
    world.answer_count = COUNT_OF(ANSWERS);
    world.held_method = "subscriptions/listen";
}

static void post(const char *body)
{
    world_post(&world, &client, "/mcp", body, "subscriptions/listen", NULL, NULL);
    world_run(&world);
}

static void begin_with(const char *policies, const char *body)
{
    begin_world(policies);
    post(body);
}

static void begin(const char *body)
{
    begin_with(PERMIT_ALL, body);
}

/* The request to a server, or NULL. */
static struct world_call *at(uint32_t server)
{
    for (size_t i = 0; i < world.call_count; i++) {
        struct world_call *call = &world.calls[i];
        if (call->is_open && call->server == server &&
            strcmp(call->method, "subscriptions/listen") == 0) {
            return call;
        }
    }
    return NULL;
}

static bool asks(uint32_t server, const char *addresses)
{
    char expected[256];
    (void)snprintf(expected, sizeof(expected), "\"resourceSubscriptions\":[%s]", addresses);
    return at(server) != NULL && strstr(at(server)->body, expected) != NULL;
}

static bool heard(const char *text)
{
    return strstr(client.body, text) != NULL;
}

TEST(listen_resolve_asks_who_owns_an_address)
{
    static const struct {
        const char *name, *body, *bank, *shop; /* what each is asked for; NULL: not asked */
        const char *code, *target;             /* of the record of what is left out */
    } rows[] = {
        {"listed", TO("\"file:///bank\""), "\"file:///bank\"", NULL, NULL, NULL},
        {"each at its own", TO("\"file:///shop\",\"file:///bank\""), "\"file:///bank\"",
         "\"file:///shop\"", NULL, NULL},
        {"in another spelling", TO("\"FILE:///shop\""), NULL, "\"file:///shop\"", NULL, NULL},
        {"by a template", TO("\"file:///b/1\""), "\"file:///b/1\"", NULL, NULL, NULL},
        {"by a template of one", TO("\"file:///any/1/2\""), NULL, "\"file:///any/1/2\"", NULL,
         NULL},
        {"listed by two", TO("\"file:///both\""), NULL, NULL, "target.ambiguous", "file:///both"},
        {"by templates of two", TO("\"file:///any/1\""), NULL, NULL, "target.ambiguous",
         "file:///any/1"},
        {"nobody's", TO("\"file:///x\",\"file:///bank\""), "\"file:///bank\"", NULL,
         "target.unknown", "file:///x"},
        {"a part of a listed one", TO("\"file:///bank/part\""), NULL, NULL, "target.unknown",
         "file:///bank/part"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(rows[i].body);
        CHECK_ROW(rows[i].name, rows[i].bank == NULL ? at(0) == NULL : asks(0, rows[i].bank));
        CHECK_ROW(rows[i].name, rows[i].shop == NULL ? at(1) == NULL : asks(1, rows[i].shop));
        CHECK_ROW(rows[i].name, world_count_records(&world, "target.", "authz.deny") ==
                                    (rows[i].code == NULL ? 0 : 1));
        CHECK_ROW(rows[i].name, rows[i].code == NULL ||
                                    world_count_records(&world, rows[i].code, rows[i].target) == 1);
        world_release(&world);
    }
}

/* Where no list has it: in the folder of a skill, before what a template would fit. */
TEST(listen_resolve_asks_who_has_the_skill)
{
#define OFFER                                                                                      \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\","                     \
    "\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"resources\":{\"subscribe\":true}," \
    "\"extensions\":{\"io.modelcontextprotocol/skills\":{}}}}}"
    static const struct world_answer SKILLS[] = {
        {0, "server/discover", OFFER},
        {1, "server/discover", OFFER},
        {0, "resources/list", RESOURCES("")},
        {1, "resources/list", RESOURCES("")},
        {0, "skills/list",
         RESULT("skills", AT("skill://own/SKILL.md") "," AT("skill://b/SKILL.md"))},
        {1, "skills/list",
         RESULT("skills", AT("skill://shop/SKILL.md") ",7," AT("skill://b/SKILL.md"))},
        {0, "resources/templates/list", TEMPLATES(LIKE("skill://{+any}"))},
        {1, "resources/templates/list", TEMPLATES("")}};
    static const struct {
        const char *uri;
        uint32_t of_bank, of_shop;
        size_t server; /* 2: none */
    } rows[] = {
        {"skill://own/a.md", MCP_EXTENSION_SKILLS, MCP_EXTENSION_SKILLS, 0},
        {"skill://shop/a.md", MCP_EXTENSION_SKILLS, MCP_EXTENSION_SKILLS, 1},
        {"skill://shop", 0, MCP_EXTENSION_SKILLS, 1},
        {"skill://shops/a.md", 0, MCP_EXTENSION_SKILLS, 0},
        {"skill://b/a.md", MCP_EXTENSION_SKILLS, MCP_EXTENSION_SKILLS, 2},
        {"skill://b/a.md", 0, MCP_EXTENSION_SKILLS, 1},
        {"skill://shop/a.md", MCP_EXTENSION_SKILLS, 0, 0},
        {"memo:x", MCP_EXTENSION_SKILLS, MCP_EXTENSION_SKILLS, 2},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct gateway_server servers[2];
        char body[512];
        char address[64];
        begin_world(PERMIT_ALL);
        memcpy(servers, world.snapshot->servers, sizeof(servers));
        servers[0].extensions = rows[i].of_bank;
        servers[1].extensions = rows[i].of_shop;
        world.snapshot->servers = servers;
        world.answers = SKILLS;
        world.answer_count = COUNT_OF(SKILLS);
        (void)snprintf(address, sizeof(address), "\"%s\"", rows[i].uri);
        (void)snprintf(body, sizeof(body), TO("%s"), address);
        post(body);
        CHECK_ROW(rows[i].uri, rows[i].server == 0 ? asks(0, address) : at(0) == NULL);
        CHECK_ROW(rows[i].uri, rows[i].server == 1 ? asks(1, address) : at(1) == NULL);
        world_release(&world);
    }
}

TEST(listen_resolve_is_heard_from_its_owner)
{
    begin(TO("\"file:///bank\",\"file:///shop\""));
    world_message(at(0), ACKNOWLEDGED("\"file:///bank\",\"file:///shop\""));
    world_message(at(1), ACKNOWLEDGED("\"file:///shop\""));
    CHECK(
        heard("\"notifications\":{\"resourceSubscriptions\":[\"file:///bank\",\"file:///shop\"]}"));
    world_message(at(0), UPDATED("file:///shop"));
    world_message(at(1), UPDATED("file:///bank"));
    CHECK(!heard("updated"));
    world_message(at(1), UPDATED("file:///shop/part"));
    CHECK(heard(NOTICE("resources/updated", "\"uri\":\"file:///shop/part\"," THEIRS)));
    world_release(&world);
}

/* Who may not hear of it from a server is not told that the server has it. */
TEST(listen_resolve_asks_whom_the_policies_leave)
{
    static const char NOT_SHOP[] =
        PERMIT_ALL "forbid(principal, action in Aegis::Action::\"resources/read\", resource in "
                   "Aegis::Server::\"shop\");";
    static const char NOTHING[] = PERMIT_ALL "@id(\"no\") forbid(principal, action == "
                                             "Aegis::Action::\"resources/subscribe\", resource);";
    begin_with(NOT_SHOP, TO("\"file:///both\",\"file:///shop\""));
    CHECK(asks(0, "\"file:///both\"") && at(1) == NULL);
    CHECK(world_count_records(&world, "target.unknown", "file:///shop") == 1);
    world_release(&world);
    begin_with(NOTHING, TO("\"file:///bank\""));
    CHECK(world_count_calls(&world, "resources/list") == 0 && at(0) == NULL);
    CHECK(world_count_records(&world, "policy_denied", "file:///bank") == 1);
    CHECK(world_count_records(&world, "\"no\"", "file:///bank") == 1);
    world_release(&world);
}

/* Of lists alone nobody is asked, and what was read of servers does not stay with the stream. */
TEST(listen_resolve_keeps_no_lists)
{
    begin(LISTEN("{\"resourcesListChanged\":true}"));
    CHECK(world_count_calls(&world, "resources/list") == 0);
    world_release(&world);
    begin(TO("\"file:///bank\",\"file:///b/1\""));
    CHECK(world_count_calls(&world, "resources/list") == 2);
    CHECK(world_count_calls(&world, "resources/templates/list") == 2);
    CHECK(world.gateway.operations->listening->lists.used_bytes == 0);
    world_release(&world);
}

TEST(listen_resolve_leaves_with_its_client)
{
    for (int i = 0; i < 2; i++) {
        begin_world(PERMIT_ALL);
        world.held_method = i == 0 ? "resources/list" : "resources/templates/list";
        post(TO("\"file:///x\""));
        CHECK(world_find_call(&world, world.held_method) != NULL);
        client.exchange.on_gone(&client.exchange);
        world_run(&world);
        CHECK(client.is_released && world_find_call(&world, world.held_method) == NULL);
        world_release(&world);
    }
}

TEST(listen_resolve_survives_each_allocation_that_fails)
{
    bool has_begun = true;
    for (size_t n = 0; has_begun; n++) {
        begin_world(PERMIT_ALL);
        check_begin_shortage(n, false);
        post(TO("\"file:///bank\",\"file:///b/1\",\"file:///x\""));
        has_begun = check_end_shortage();
        CHECK(has_begun || asks(0, "\"file:///bank\",\"file:///b/1\""));
        world_release(&world);
    }
}
