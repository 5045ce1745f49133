/* Links that no list has: on an endpoint of several servers they are read where they were said.
 * Server 0 is "bank", server 1 is "shop". */
#include "core/gateway/link_table.h"
#include "core/gateway/operation.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>
#include <string.h>

#define RESULT_BEGIN "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\","
#define RESULT(members) RESULT_BEGIN members "}}"
#define LINK(uri) "{\"type\":\"resource_link\",\"name\":\"n\",\"uri\":\"" uri "\"}"
#define SAYS(blocks) RESULT("\"content\":[" blocks "]")
#define DISCOVERED                                                                                 \
    RESULT("\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{},\"resources\":{" \
           "\"subscribe\":true}}")
#define FORBID_AT(server)                                                                          \
    PERMIT_ALL "forbid(principal, action in Aegis::Action::\"resource\", resource in "             \
               "Aegis::Server::\"" server "\");"

static struct world world;
static struct world_client client;
static struct link_table table;
static struct world_answer answers[8];

static void keep(void *context, const struct said_link *link)
{
    link_table_keep(context, link);
}

static enum status find(void *context, struct said_link *link)
{
    return link_table_find(context, link);
}

static const struct port_links PORT = {&table, keep, find};

static void begin(const char *policies)
{
    static const struct world_answer LISTS[] = {
        {0, "server/discover", DISCOVERED},
        {1, "server/discover", DISCOVERED},
        {0, "resources/list", RESULT("\"resources\":[{\"uri\":\"memo:listed\",\"name\":\"n\"}]")},
        {1, "resources/list", RESULT("\"resources\":[]")},
        {0, "resources/templates/list",
         RESULT("\"resourceTemplates\":[{\"uriTemplate\":\"memo:t/{id}\",\"name\":\"n\"}]")},
        {1, "resources/templates/list", RESULT("\"resourceTemplates\":[]")},
    };
    CHECK(link_table_init(&table, LINK_TABLE_SET) == STATUS_OK);
    world_init(&world, policies);
    world.server_is_modern = true;
    world.gateway.ports.links = &PORT;
    memcpy(answers, LISTS, sizeof(LISTS));
    world.answers = answers;
    world.answer_count = COUNT_OF(LISTS);
}

static void end(void)
{
    world_release(&world);
    link_table_release(&table);
}

static void post(const char *target, const char *method, const char *member, const char *name)
{
    char body[1024];
    snprintf(body, sizeof(body),
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{\"%s\":\"%s\"," META "}}",
             method, member, name);
    world_post(&world, &client, target, body, method, name, NULL);
    world_run(&world);
}

/* The server says that in the result of a tool; target: of the call. */
static void say(uint32_t server, const char *target, const char *json)
{
    bool is_of_all = strncmp(target, "/servers/", 9) != 0;
    answers[6] = (struct world_answer){server, "tools/call", json};
    world.answer_count = 7;
    post(target, "tools/call", "name",
         !is_of_all    ? "see"
         : server == 0 ? "bank__see"
                       : "shop__see");
    CHECK_ROW(json, client.status_code == 200 && strstr(client.body, "\"content\"") != NULL);
}

/* The server that was read from, or SIZE_MAX. */
static size_t reader_of(const char *uri)
{
    size_t before = world.call_count;
    post("/mcp", "resources/read", "uri", uri);
    for (size_t i = before; i < world.call_count; i++) {
        if (strcmp(world.calls[i].method, "resources/read") == 0) {
            CHECK_ROW(uri, strstr(client.body, "\"contents\"") != NULL);
            return world.calls[i].server;
        }
    }
    CHECK_ROW(uri, strstr(client.body, "\"error\"") != NULL);
    return SIZE_MAX;
}

TEST(link_is_read_where_it_was_said)
{
    static const struct {
        const char *name, *target, *json, *uri;
        uint32_t said_by;
        size_t server;
        const char *code; /* of the refusal */
    } rows[] = {
        {"a link", "/mcp", SAYS(LINK("memo:said")), "memo:said", 1, 1, NULL},
        {"in another spelling", "/mcp", SAYS(LINK("MEMO:s%61id")), "memo:%73aid", 1, 1, NULL},
        {"content", "/mcp",
         SAYS("{\"type\":\"resource\",\"resource\":{\"uri\":\"memo:said\",\"text\":\"\"}}"),
         "memo:said", 0, 0, NULL},
        {"listed by another", "/mcp", SAYS(LINK("memo:listed")), "memo:listed", 1, 0, NULL},
        {"of a template of another", "/mcp", SAYS(LINK("memo:t/1")), "memo:t/1", 1, 0, NULL},
        {"another address", "/mcp", SAYS(LINK("memo:said")), "memo:other", 1, SIZE_MAX,
         "target.unknown"},
        {"in a text", "/mcp", SAYS("{\"type\":\"text\",\"text\":\"memo:said\"}"), "memo:said", 1,
         SIZE_MAX, "target.unknown"},
        {"to nobody", "/mcp", SAYS(""), "memo:said", 1, SIZE_MAX, "target.unknown"},
        {"on the endpoint of one server", BANK, SAYS(LINK("memo:said")), "memo:said", 0, SIZE_MAX,
         "target.unknown"},
        {"withheld", "/mcp", SAYS(LINK("ui://said")), "ui://said", 1, SIZE_MAX, "target.unknown"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(PERMIT_ALL);
        say(rows[i].said_by, rows[i].target, rows[i].json);
        CHECK_ROW(rows[i].name, reader_of(rows[i].uri) == rows[i].server);
        CHECK_ROW(rows[i].name, rows[i].code == NULL ||
                                    world_count_records(&world, rows[i].code,
                                                        "\"method\":\"resources/read\"") >= 1);
        end();
    }
}

/* Saying what another server said takes nothing away, and gives nothing. */
TEST(link_of_two_servers_is_nobodys)
{
    begin(PERMIT_ALL);
    say(0, "/mcp", SAYS(LINK("memo:said")));
    CHECK(reader_of("memo:said") == 0);
    say(1, "/mcp", SAYS(LINK("memo:said")));
    CHECK(reader_of("memo:said") == SIZE_MAX);
    CHECK(world_count_records(&world, "target.ambiguous", "memo:said") == 1);
    say(0, "/mcp", SAYS(LINK("memo:said")));
    CHECK(reader_of("memo:said") == SIZE_MAX);
    end();
}

/* The read is judged at the server that it goes to, when it is made. */
TEST(link_is_judged_when_it_is_read)
{
    static const struct {
        const char *before, *after;
        size_t server;
    } rows[] = {
        {PERMIT_ALL, PERMIT_ALL, 1},
        {PERMIT_ALL, FORBID_AT("bank"), 1},
        {PERMIT_ALL, FORBID_AT("shop"), SIZE_MAX},
        {FORBID_AT("shop"), PERMIT_ALL, SIZE_MAX},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(rows[i].before);
        say(1, "/mcp", SAYS(LINK("memo:said")));
        gateway_switch(&world.gateway, world_snapshot(rows[i].after, ALL_REVISIONS));
        CHECK_ROW(rows[i].after, reader_of("memo:said") == rows[i].server);
        CHECK_ROW(rows[i].after,
                  world_count_calls(&world, "resources/read") == (rows[i].server == 1 ? 1U : 0U));
        end();
    }
}

/* What can be read can be listened to. */
TEST(link_is_listened_to_where_it_was_said)
{
    static const char LISTEN[] = "{\"jsonrpc\":\"2.0\",\"id\":\"l\",\"method\":"
                                 "\"subscriptions/listen\",\"params\":{\"notifications\":{"
                                 "\"resourceSubscriptions\":[\"memo:said\"]}," META "}}";
    for (uint32_t sayers = 0; sayers < 3; sayers++) {
        begin(PERMIT_ALL);
        world.held_method = "subscriptions/listen";
        if (sayers > 0) {
            say(1, "/mcp", SAYS(LINK("memo:said")));
        }
        if (sayers > 1) {
            say(0, "/mcp", SAYS(LINK("memo:said")));
        }
        world_post(&world, &client, "/mcp", LISTEN, "subscriptions/listen", NULL, NULL);
        world_run(&world);
        const struct world_call *call = world_find_call(&world, "subscriptions/listen");
        CHECK((call != NULL && call->server == 1) == (sayers == 1));
        CHECK(world_count_records(&world, "target.unknown", "memo:said") ==
              (sayers == 0 ? 1U : 0U));
        CHECK(world_count_records(&world, "target.ambiguous", "memo:said") ==
              (sayers == 2 ? 1U : 0U));
        end();
    }
}
