/* The endpoint of several servers: which one a target belongs to, and what the lists of all show.
 * Server 0 is "bank", server 1 is "shop". */
#include "core/gateway/gateway.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>

#define ANSWER(result) "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{" result "}}"
#define RESOURCES(items) ANSWER("\"resources\":[" items "]")
#define TEMPLATES(items) ANSWER("\"resourceTemplates\":[" items "]")
#define URI(text) "{\"uri\":\"" text "\",\"name\":\"n\"}"
#define TEMPLATE(text) "{\"uriTemplate\":\"" text "\",\"name\":\"n\"}"
#define NO_METHOD "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"error\":{\"code\":-32601,\"message\":\"no\"}}"

static struct world world;
static struct world_client client;

static const struct world_answer LISTS[] = {
    {0, "resources/list",
     RESOURCES(URI("memo://own") "," URI("memo://both") "," URI("file:///srv/%7Ea"))},
    {1, "resources/list",
     RESOURCES(URI("memo://shop") "," URI("memo://both") "," URI("memo://t/listed"))},
    {0, "resources/templates/list",
     TEMPLATES(TEMPLATE("memo://t/{id}") "," TEMPLATE("memo://two/{id}"))},
    {1, "resources/templates/list",
     TEMPLATES(TEMPLATE("memo://two/{x}") "," TEMPLATE("memo://deep/{+path}"))},
    {0, "tools/list",
     ANSWER("\"tools\":[{\"name\":\"pay.now\",\"inputSchema\":{\"type\":\"object\"}},"
            "{\"name\":\"twice\",\"inputSchema\":{\"type\":\"object\",\"required\":[\"a\"]}},"
            "{\"name\":\"twice\",\"inputSchema\":{\"type\":\"object\"}}]")},
    {0, "prompts/list", ANSWER("\"prompts\":[{\"name\":\"daily report\"}]")},
    {1, "prompts/list", ANSWER("\"prompts\":[{\"name\":\"plain\"}]")},
};

static void begin(const char *policies)
{
    world_init(&world, policies);
    world.answers = LISTS;
    world.answer_count = COUNT_OF(LISTS);
}

static bool body_has(const char *text)
{
    return strstr(client.body, text) != NULL;
}

static void post(const char *method, const char *member, const char *target)
{
    char body[1024];
    snprintf(body, sizeof(body),
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{\"%s\":\"%s\"," META "}}",
             method, member, target);
    world_post(&world, &client, "/mcp", body, method, target, NULL);
}

static void post_list(const char *method)
{
    char body[1024];
    snprintf(body, sizeof(body),
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{" META "}}", method);
    world_post(&world, &client, "/mcp", body, method, NULL, NULL);
}

/* The server that was read from, or SIZE_MAX. */
static size_t reader_of(const char *uri)
{
    char expected[256];
    snprintf(expected, sizeof(expected), "\"params\":{\"uri\":\"%s\"", uri);
    for (size_t i = 0; i < world.call_count; i++) {
        if (strcmp(world.calls[i].method, "resources/read") == 0) {
            CHECK_ROW(uri, strstr(world.calls[i].body, expected) != NULL);
            return world.calls[i].server;
        }
    }
    return SIZE_MAX;
}

TEST(resolve_finds_the_server_of_a_resource)
{
    static const struct {
        const char *uri, *forwarded;
        size_t server;
        const char *code; /* of the record; NULL: it was read */
    } rows[] = {
        {"memo://own", "memo://own", 0, NULL},
        {"MEMO://own", "memo://own", 0, NULL},
        {"memo://shop", "memo://shop", 1, NULL},
        {"file://localhost/srv/~a", "file:///srv/~a", 0, NULL},
        {"memo://t/7", "memo://t/7", 0, NULL},
        {"memo://t/listed", "memo://t/listed", 1, NULL},
        {"memo://deep/a/b", "memo://deep/a/b", 1, NULL},
        {"memo://both", "", SIZE_MAX, "target.ambiguous"},
        {"memo://two/1", "", SIZE_MAX, "target.ambiguous"},
        {"memo://none", "", SIZE_MAX, "target.unknown"},
        {"memo://OWN", "", SIZE_MAX, "target.unknown"},
        {"memo://t/../own", "", SIZE_MAX, "resource_denied"},
        {"own", "", SIZE_MAX, "resource_denied"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(PERMIT_ALL);
        post("resources/read", "uri", rows[i].uri);
        world_run(&world);
        CHECK_ROW(rows[i].uri, reader_of(rows[i].forwarded) == rows[i].server);
        CHECK_ROW(rows[i].uri, body_has("\"contents\"") == (rows[i].code == NULL));
        CHECK_ROW(rows[i].uri, rows[i].code == NULL || body_has("\"code\":-32602") ||
                                   body_has("\"code\":40304"));
        CHECK_ROW(rows[i].uri,
                  world_count_records(&world, rows[i].code == NULL ? "\"intent\"" : rows[i].code,
                                      "resources/read") == 1);
        CHECK_ROW(rows[i].uri, client.is_released && world.gateway.operation_count == 0);
        world_release(&world);
    }
}

/* What the policies close for this caller is no candidate: nothing is asked, and nobody can take an
 * address away by listing it too. */
TEST(resolve_asks_only_where_the_caller_may_read)
{
    begin("permit(principal, action, resource in Aegis::Server::\"bank\");");
    post("resources/read", "uri", "memo://both");
    world_run(&world);
    CHECK(reader_of("memo://both") == 0);
    for (size_t i = 0; i < world.call_count; i++) {
        CHECK(world.calls[i].server == 0);
    }
    world_release(&world);

    begin(PERMIT_ALL "@id(\"no\") @reason(\"memos are closed\") forbid(principal, action, resource)"
                     " when { resource.scheme == \"memo\" };");
    post("resources/read", "uri", "memo://own");
    world_run(&world);
    CHECK(body_has("\"code\":40301") && body_has("memos are closed"));
    CHECK(world.call_count == 0);
    CHECK(world_count_records(&world, "authz.deny", "\"policies\":[\"no\"]") == 1);
    world_release(&world);
}

TEST(resolve_goes_on_without_a_server_that_is_down)
{
    static const struct {
        const char *uri, *expected;
        size_t server;
    } rows[] = {
        {"memo://own", "\"contents\"", 0},
        {"memo://t/7", "\"contents\"", 0},
        {"memo://shop", "\"code\":50301", SIZE_MAX},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(PERMIT_ALL);
        world.held_method = "server/discover";
        post("resources/read", "uri", rows[i].uri);
        world_run(&world);
        for (size_t k = 0; k < world.call_count; k++) {
            if (world.calls[k].server == 1) {
                world_end(&world.calls[k], STATUS_UNAVAILABLE, "upstream.down");
            }
        }
        world.held_method = NULL;
        world_run(&world);
        CHECK_ROW(rows[i].uri, body_has(rows[i].expected));
        CHECK_ROW(rows[i].uri, reader_of(rows[i].uri) == rows[i].server);
        world_release(&world);
    }
}

/* A server that stays silent costs the time of a list, not the answer of another. */
TEST(resolve_waits_no_longer_than_for_a_list)
{
    static const struct gateway_limits LIMITS = GATEWAY_LIMITS_DEFAULT;
    static const struct {
        const char *uri, *expected;
    } rows[] = {{"memo://own", "\"contents\""}, {"memo://none", "\"code\":50401"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(PERMIT_ALL);
        world.held_method = "server/discover";
        post("resources/read", "uri", rows[i].uri);
        world_run(&world);
        world_end(&world.calls[0], STATUS_OK, NULL); /* bank: a legacy server, after all */
        world_run(&world);                           /* shop stays silent */
        world_advance(&world, LIMITS.list_timeout_ms - 1);
        CHECK_ROW(rows[i].uri, !client.is_replied);
        world_advance(&world, 1);
        world_run(&world);
        for (int k = 0; k < 2 && !client.is_replied; k++) {
            world_advance(&world, LIMITS.list_timeout_ms);
            world_run(&world);
        }
        CHECK_ROW(rows[i].uri, body_has(rows[i].expected) && client.is_released);
        world_release(&world);
    }
}

TEST(resolve_stops_when_the_client_leaves)
{
    static const char *const HELD[] = {"resources/list", "resources/templates/list"};
    for (size_t i = 0; i < COUNT_OF(HELD); i++) {
        begin(PERMIT_ALL);
        world.held_method = HELD[i];
        post("resources/read", "uri", "memo://t/7");
        world_run(&world);
        CHECK_ROW(HELD[i], world_find_call(&world, HELD[i]) != NULL);
        client.exchange.on_gone(&client.exchange);
        world.held_method = NULL;
        world_run(&world);
        CHECK_ROW(HELD[i], client.is_released && world.gateway.operation_count == 0);
        CHECK_ROW(HELD[i], world_count_calls(&world, "resources/read") == 0);
        world_release(&world);
    }
}

TEST(resolve_closes_while_lists_are_read)
{
    begin(PERMIT_ALL);
    world.held_method = "resources/list";
    post("resources/read", "uri", "memo://own");
    world_run(&world);
    world_release(&world);
    CHECK(client.is_released);
}

/* One caller's answer is nobody else's, and no longer true than the policies. */
TEST(read_says_itself_who_may_keep_it)
{
    static const struct world_answer PUBLIC[] = {
        {0, "resources/read",
         ANSWER("\"resultType\":\"complete\",\"contents\":[],\"ttlMs\":60000,"
                "\"cacheScope\":\"public\"")}};
    begin(PERMIT_ALL);
    world.answers = PUBLIC;
    world.answer_count = COUNT_OF(PUBLIC);
    world.server_is_modern = true;
    world_post(&world, &client, "/servers/bank/mcp",
               "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/read\",\"params\":{"
               "\"uri\":\"memo://own\"," META "}}",
               "resources/read", "memo://own", NULL);
    world_run(&world);
    CHECK(body_has("\"contents\":[]") && body_has("\"ttlMs\":0,\"cacheScope\":\"private\""));
    CHECK(!body_has("public") && !body_has("60000"));
    world_release(&world);
}

/* The alias that a list shows is the one that works; it is judged by the name it stands for. */
TEST(resolve_finds_the_name_of_an_alias)
{
    static const struct {
        const char *list, *call, *begin, *target, *own;
    } rows[] = {
        {"tools/list", "tools/call", "bank__pay_now_", "bank.pay.now", "\"name\":\"pay.now\""},
        {"prompts/list", "prompts/get", "bank__daily_report_", "bank.daily report",
         "\"name\":\"daily report\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char alias[65] = {0};
        begin(PERMIT_ALL);
        post_list(rows[i].list);
        world_run(&world);
        const char *at = strstr(client.body, rows[i].begin);
        CHECK_ROW(rows[i].list, at != NULL);
        if (at != NULL) {
            memcpy(alias, at, strcspn(at, "\""));
            post(rows[i].call, "name", alias);
            world_run(&world);
            CHECK_ROW(alias, body_has("\"result\""));
            CHECK_ROW(alias, strstr(world.calls[world.call_count - 1].body, rows[i].own) != NULL);
            CHECK_ROW(alias, world_count_records(&world, "\"intent\"", rows[i].target) == 1);
            alias[strlen(alias) - 1] = alias[strlen(alias) - 1] == '0' ? '1' : '0';
            post(rows[i].call, "name", alias);
            world_run(&world);
            CHECK_ROW(alias, body_has("\"code\":-32602"));
        }
        world_release(&world);
    }
}

TEST(list_leaves_out_what_cannot_be_told_apart)
{
    begin(PERMIT_ALL);
    post_list("resources/list");
    world_run(&world);
    CHECK(body_has("memo://own") && body_has("memo://shop") && !body_has("memo://both"));
    CHECK(!body_has("nextCursor"));
    post_list("tools/list");
    world_run(&world);
    CHECK(body_has("bank__") && !body_has("twice"));
    world_release(&world);
}

/* One name at two servers is two names here. */
TEST(list_shows_one_name_of_two_servers)
{
    static const struct world_answer SAME[] = {
        {0, "tools/list", ANSWER("\"tools\":[{\"name\":\"same\",\"inputSchema\":{}}]")},
        {1, "tools/list", ANSWER("\"tools\":[{\"name\":\"same\",\"inputSchema\":{}}]")},
    };
    begin(PERMIT_ALL);
    world.answers = SAME;
    world.answer_count = COUNT_OF(SAME);
    post_list("tools/list");
    world_run(&world);
    CHECK(body_has("bank__same") && body_has("shop__same"));
    world_release(&world);
}

/* Which of two tools with one name a client means nobody can tell, so neither is called. */
TEST(call_of_a_tool_that_is_listed_twice_is_refused)
{
    begin(PERMIT_ALL);
    post("tools/call", "name", "bank__twice");
    world_run(&world);
    CHECK(body_has("\"code\":-32602") && world_count_calls(&world, "tools/call") == 0);
    CHECK(world_count_records(&world, "authz.deny", "tool.ambiguous") == 1);
    CHECK(world_count_records(&world, "tool.ambiguous", "the server lists two tools") == 1);
    world_release(&world);
}

TEST(list_shows_templates_where_something_may_be_read)
{
    static const struct {
        const char *policies;
        bool bank, shop;
    } rows[] = {
        {PERMIT_ALL, true, true},
        {"permit(principal, action == Aegis::Action::\"resources/read\", resource in "
         "Aegis::Server::\"shop\") when { resource.uri like \"memo://deep/*\" };",
         false, true},
        {"permit(principal, action in Aegis::Action::\"tool\", resource);", false, false},
        {PERMIT_ALL "forbid(principal, action, resource) when { context.target like \"file:*\" };",
         true, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(rows[i].policies);
        post_list("resources/templates/list");
        world_run(&world);
        CHECK_ROW(rows[i].policies, body_has("memo://t/{id}") == rows[i].bank);
        CHECK_ROW(rows[i].policies, body_has("memo://deep/{+path}") == rows[i].shop);
        world_release(&world);
    }
}

TEST(list_is_empty_where_a_server_has_none)
{
    static const struct world_answer NONE[] = {{0, "resources/templates/list", NO_METHOD},
                                               {1, "resources/templates/list", NO_METHOD}};
    begin(PERMIT_ALL);
    world.answers = NONE;
    world.answer_count = COUNT_OF(NONE);
    post_list("resources/templates/list");
    world_run(&world);
    CHECK(body_has("\"resourceTemplates\":[]"));
    world_release(&world);
}

TEST(list_takes_its_own_cursors_only)
{
    static const struct {
        const char *cursor;
        bool ok;
    } rows[] = {{"1", true},   {"99", true}, {"", false},   {"0", false},
                {"-1", false}, {"x", false}, {"1x", false}, {"99999999999999999999", false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char body[1024];
        begin(PERMIT_ALL);
        snprintf(body, sizeof(body),
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"prompts/list\",\"params\":{"
                 "\"cursor\":\"%s\"," META "}}",
                 rows[i].cursor);
        world_post(&world, &client, "/mcp", body, "prompts/list", NULL, NULL);
        world_run(&world);
        CHECK_ROW(rows[i].cursor, body_has("\"prompts\":[") == rows[i].ok);
        CHECK_ROW(rows[i].cursor, body_has("\"code\":-32602") == !rows[i].ok);
        CHECK_ROW(rows[i].cursor, body_has("shop__plain") == (i == 0));
        world_release(&world);
    }
}

struct request {
    const char *method, *member, *target, *expected;
};

/* Whatever cannot be had, the client is let go and nothing stays behind; an answer is a whole one.
 * A list is without the servers and items that could not be judged. */
static bool ends_well(void *context)
{
    const struct request *request = context;
    check_pause_failures(true);
    begin(PERMIT_ALL);
    check_pause_failures(false);
    if (request->target == NULL) {
        post_list(request->method);
    } else {
        post(request->method, request->member, request->target);
    }
    world_run(&world);
    check_pause_failures(true);
    CHECK_ROW(request->method, client.is_released && world.gateway.operation_count == 0);
    bool is_done = client.is_replied && body_has(request->expected);
    bool is_shorter = request->target == NULL && body_has("\"resultType\":\"complete\"");
    CHECK_ROW(request->method, is_done || is_shorter || client.is_aborted ||
                                   client.status_code >= 400 || body_has("\"error\""));
    world_release(&world);
    check_pause_failures(false);
    return is_done;
}

TEST(resolve_ends_well_without_memory)
{
    static struct request requests[] = {
        {"resources/read", "uri", "memo://own", "\"contents\""},
        {"resources/read", "uri", "memo://t/7", "\"contents\""},
        {"resources/list", NULL, NULL, "memo://own"},
        {"tools/list", NULL, NULL, "\"tools\":["},
    };
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        check_every_allocation(ends_well, &requests[i]);
    }
}
