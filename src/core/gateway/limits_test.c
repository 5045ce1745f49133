/* Every limit of the gateway: at the bound, and one past it. */
#include "core/gateway/server_session.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>

static struct world world;
static struct world_client client, others[8];

static const struct gateway_limits LIMITS = GATEWAY_LIMITS_DEFAULT;

static void post_see_as(struct world_client *who)
{
    world_post(&world, who, BANK, CALL_SEE, "tools/call", "see", NULL);
}

static bool body_has(const char *text)
{
    return strstr(client.body, text) != NULL;
}

TEST(limit_of_operations_in_flight)
{
    struct gateway_limits limits = LIMITS;
    limits.operations = 3;
    world_init_with(&world, PERMIT_ALL, &limits);
    world.held_method = "tools/call";
    for (size_t i = 0; i < limits.operations; i++) {
        post_see_as(&others[i]);
    }
    world_run(&world);
    post_see_as(&client);
    CHECK(client.status_code == 503 && client.is_released);
    CHECK(body_has("\"code\":50306") && client.retry_after[0] == '1');
    CHECK(world_count_records(&world, "limit.hit", "overloaded") == 1);
    world.held_method = NULL;
    world_run(&world);
    for (size_t i = 0; i < limits.operations; i++) {
        CHECK(others[i].status_code == 200);
    }
    post_see_as(&client);
    world_run(&world);
    CHECK(client.status_code == 200 && body_has("\"text\":\"ok\""));
    world_release(&world);
}

/* Sessions in use are never taken away; idle ones make room. */
TEST(limit_of_sessions)
{
    struct gateway_limits limits = LIMITS;
    limits.sessions = 1;
    world_init_with(&world, PERMIT_ALL, &limits);
    world.held_method = "tools/call";
    post_see_as(&others[0]);
    world_run(&world);
    world_post(&world, &client, "/servers/shop/mcp", CALL_SEE, "tools/call", "see", NULL);
    world_run(&world);
    CHECK(client.status_code == 503 && body_has("\"code\":50306"));
    world.held_method = NULL;
    world_run(&world);
    world_post(&world, &client, "/servers/shop/mcp", CALL_SEE, "tools/call", "see", NULL);
    world_run(&world);
    CHECK(client.status_code == 200 && world.gateway.session_count == 1);
    world_release(&world);
}

static void post_to_shop(struct world_client *before)
{
    (void)before;
    world_post(&world, &client, "/servers/shop/mcp", CALL_SEE, "tools/call", "see", NULL);
}

/* The next request of a connection begins inside the end of the one before, while the session still
 * tells its waiters: it is not idle then. */
TEST(limit_of_sessions_spares_the_one_that_wakes)
{
    struct gateway_limits limits = LIMITS;
    limits.sessions = 1;
    world_init_with(&world, PERMIT_ALL, &limits);
    world.gateway.ports.journal = NULL;
    world.held_method = "server/discover";
    post_see_as(&others[0]);
    others[0].on_release = post_to_shop;
    world_end(&world.calls[0], STATUS_UNAVAILABLE, "upstream.down");
    CHECK(others[0].is_released && client.status_code == 503);
    CHECK(world.gateway.session_count == 1 && world.gateway.sessions->server_index == 0);
    world_release(&world);
}

TEST(limit_of_an_idle_session)
{
    world_init(&world, PERMIT_ALL);
    post_see_as(&client);
    world_run(&world);
    CHECK(world.gateway.session_count == 1);
    world_advance(&world, LIMITS.session_idle_ms - 1);
    CHECK(world.gateway.session_count == 1);
    post_see_as(&client);
    world_run(&world);
    world_advance(&world, LIMITS.session_idle_ms - 1);
    CHECK(world.gateway.session_count == 1);
    world_advance(&world, 1);
    CHECK(world.gateway.session_count == 0 && world.timers == NULL);
    post_see_as(&client);
    world_run(&world);
    CHECK(body_has("\"text\":\"ok\"") && world_count_calls(&world, "initialize") == 2);
    world_release(&world);
}

TEST(limit_of_an_operations_time)
{
    static const char *const HELD[] = {"server/discover", "initialize", "notifications/initialized",
                                       "tools/list", "tools/call"};
    for (size_t i = 0; i < COUNT_OF(HELD); i++) {
        world_init(&world, PERMIT_ALL);
        world.held_method = HELD[i];
        post_see_as(&client);
        world_run(&world);
        world_advance(&world, LIMITS.operation_deadline_ms - 1);
        CHECK_ROW(HELD[i], !client.is_replied && !client.is_released);
        world_advance(&world, 1);
        world_run(&world);
        CHECK_ROW(HELD[i], body_has("\"code\":50401") && client.is_released);
        CHECK_ROW(HELD[i], client.status_code == 504);
        CHECK_ROW(HELD[i], world_count_records(&world, "operation", "") > 0);
        world_release(&world);
    }
}

/* The deadline passes while the intent is written: nothing is sent any more. */
TEST(limit_of_time_while_a_record_is_written)
{
    world_init(&world, PERMIT_ALL);
    post_see_as(&client);
    world_run(&world);
    post_see_as(&client);
    CHECK(world.records[world.record_count - 1].is_pending);
    world_advance(&world, LIMITS.operation_deadline_ms);
    CHECK(!client.is_replied);
    world_run(&world);
    CHECK(body_has("\"code\":50401") && world_count_calls(&world, "tools/call") == 1);
    CHECK(world_count_records(&world, "\"outcome\"", "timeout") == 1);
    world_release(&world);
}

static void post_list(const char *target)
{
    world_post(&world, &client, target,
               "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META "}}",
               "tools/list", NULL, NULL);
}

/* A server that lists nothing is left out of a merged list, in time; alone it has all the time of
 * an operation. */
TEST(limit_of_a_servers_part_in_a_list)
{
    world_init(&world, PERMIT_ALL);
    world.held_method = "server/discover";
    post_list("/mcp");
    world_run(&world);
    world_end(&world.calls[0], STATUS_OK, NULL); /* bank: a legacy server, after all */
    world.held_method = NULL;
    world.calls[1].is_open = false; /* shop stays silent */
    world_run(&world);
    world_advance(&world, LIMITS.list_timeout_ms - 1);
    CHECK(!client.is_replied);
    world.calls[1].is_open = true;
    world_advance(&world, 1);
    world_run(&world);
    CHECK(client.status_code == 200 && body_has("bank__see") && !body_has("shop__"));
    CHECK(world_count_records(&world, "\"list.partial\"", "\"reason\":\"shop\"") == 1);
    world_release(&world);

    world_init(&world, PERMIT_ALL);
    world.held_method = "tools/list";
    post_list(BANK);
    world_run(&world);
    world_advance(&world, LIMITS.operation_deadline_ms - 1);
    CHECK(!client.is_replied);
    world_advance(&world, 1);
    world_run(&world);
    CHECK(body_has("\"code\":50401"));
    world_release(&world);
}

static void list_everything(void)
{
    post_list("/mcp");
    world_run(&world);
}

/* The newest call of each server is held: bank's goes on, shop's does not. */
static struct world_call *leave_shop_waiting(void)
{
    struct world_call *shop = &world.calls[world.call_count - 1];
    struct world_call *bank = shop - 1;
    CHECK(shop->server == 1 && bank->server == 0 && shop->is_open && bank->is_open);
    world.held_method = NULL;
    shop->is_open = false;
    world_run(&world);
    CHECK(!bank->is_open && !client.is_replied);
    shop->is_open = true;
    world_advance(&world, LIMITS.list_timeout_ms);
    shop->is_open = false;
    world_run(&world);
    return shop;
}

static bool shows(bool has_shop)
{
    return client.status_code == 200 && body_has("bank__see") && body_has("shop__") == has_shop;
}

/* Who missed a list because it has not opened yet keeps no other waiting, until it has. */
TEST(limit_of_a_server_that_opens_slowly)
{
    world_init(&world, PERMIT_ALL);
    world.held_method = "server/discover";
    list_everything();
    struct world_call *shop = leave_shop_waiting();
    CHECK(shows(false) && !shop->is_cancelled);
    world_advance(&world, 2 * (int64_t)SERVER_SESSION_LATE_MS);
    list_everything();
    CHECK(shows(false));
    shop->is_open = true;
    world_run(&world);
    list_everything();
    CHECK(shows(true) && world_count_calls(&world, "server/discover") == 2);
    world_release(&world);
}

/* Who missed one that it was asked for is not asked again for a while, by others neither. */
TEST(limit_of_a_server_that_lists_slowly)
{
    world_init(&world, PERMIT_ALL);
    list_everything();
    CHECK(shows(true));
    world.held_method = "tools/list";
    list_everything();
    struct world_call *shop = leave_shop_waiting();
    CHECK(shows(false) && shop->is_cancelled);
    size_t count = world_count_calls(&world, "tools/list");
    world_advance(&world, SERVER_SESSION_LATE_MS - 1);
    list_everything();
    CHECK(shows(false) && world_count_calls(&world, "tools/list") == count + 1);
    world_advance(&world, 1);
    list_everything();
    CHECK(shows(true));
    world_release(&world);
}

/* The entry of a server may say that a list without it is none. */
TEST(limit_of_a_list_without_a_server_that_is_needed)
{
    static struct gateway_server servers[2];
    for (int needed = 0; needed < 2; needed++) {
        world_init(&world, PERMIT_ALL);
        memcpy(servers, world.snapshot->servers, sizeof(servers));
        servers[needed].is_needed = true;
        world.snapshot->servers = servers;
        world.held_method = "server/discover";
        post_list("/mcp");
        world_run(&world);
        world_end(&world.calls[1], STATUS_UNAVAILABLE, "upstream.down");
        world.held_method = NULL;
        world_run(&world);
        CHECK(client.status_code == (needed == 0 ? 200 : 503));
        CHECK(body_has("bank__see") == (needed == 0));
        world_release(&world);
    }
}

static bool passes_with(struct gateway_limits limits)
{
    world_init_with(&world, PERMIT_ALL, &limits);
    post_see_as(&others[0]); /* opens the session, whose memory is not the operation's */
    world_run(&world);
    post_see_as(&client);
    world_run(&world);
    bool passed = client.is_replied && body_has("\"text\":\"ok\"");
    CHECK(client.is_released && world.gateway.operation_count == 0);
    world_release(&world);
    return passed;
}

/* The smallest budget, found by halving, passes; one byte less is refused, and leaves the gateway
 * as it was. */
TEST(limit_of_memory)
{
    static const struct {
        const char *name;
        size_t offset;
    } rows[] = {
        {"operation", offsetof(struct gateway_limits, operation_bytes)},
        {"principal", offsetof(struct gateway_limits, principal_bytes)},
        {"loop", offsetof(struct gateway_limits, loop_bytes)},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct gateway_limits limits = LIMITS;
        size_t *bytes = (size_t *)(void *)((char *)&limits + rows[i].offset);
        size_t too_little = 0;
        size_t enough = (size_t)4 << 20;
        while (enough - too_little > 1) {
            *bytes = too_little + (enough - too_little) / 2;
            if (passes_with(limits)) {
                enough = *bytes;
            } else {
                too_little = *bytes;
            }
        }
        *bytes = enough;
        CHECK_ROW(rows[i].name, passes_with(limits));
        *bytes = enough - 1;
        CHECK_ROW(rows[i].name, !passes_with(limits));
        CHECK_ROW(rows[i].name, enough > 1024 && enough < (size_t)1 << 20);
    }
}

/* One principal cannot use up what others need, and one operation not what its principal needs. */
TEST(limit_of_a_principals_memory)
{
    struct gateway_limits limits = LIMITS;
    limits.principal_bytes = 10000;
    world_init_with(&world, PERMIT_ALL, &limits);
    world.held_method = "tools/call";
    size_t refused = 0;
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        post_see_as(&others[i]);
        world_run(&world);
        refused += others[i].is_replied ? 1 : 0;
        CHECK(!others[i].is_replied || strstr(others[i].body, "\"code\":50306") != NULL);
    }
    CHECK(refused > 0 && refused < COUNT_OF(others));
    world.held_method = NULL;
    world_run(&world);
    post_see_as(&client);
    world_run(&world);
    CHECK(body_has("\"text\":\"ok\""));
    world_release(&world);
}

/* A server that tells too much loses its own callers only. */
TEST(limit_of_what_a_server_tells)
{
    static char tools[8000];
    static const struct world_answer ANSWERS[] = {{0, "tools/list", tools}};
    struct gateway_limits limits = LIMITS;
    size_t len = (size_t)snprintf(tools, sizeof(tools), "%s",
                                  "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"tools\":[");
    memset(tools + len, ' ', 7000);
    snprintf(tools + len + 7000, sizeof(tools) - len - 7000, "]}}");
    limits.server_bytes = 16384;
    world_init_with(&world, PERMIT_ALL, &limits);
    world.answers = ANSWERS;
    world.answer_count = COUNT_OF(ANSWERS);
    post_see_as(&client);
    world_run(&world);
    CHECK(body_has("\"code\":50201") && world_count_records(&world, "upstream_protocol", "") == 1);
    world_post(&world, &client, "/servers/shop/mcp", CALL_SEE, "tools/call", "see", NULL);
    world_run(&world);
    CHECK(body_has("\"text\":\"ok\""));
    world_release(&world);
}

/* Answer so many pages of a list, all but the last with a cursor. */
static void answer_pages(const char *method, const char *items, size_t count)
{
    char page[512];
    for (size_t i = 0; i < count; i++) {
        struct world_call *call = world_find_call(&world, method);
        CHECK(call != NULL);
        if (call == NULL) {
            return;
        }
        (void)snprintf(page, sizeof(page), "{\"jsonrpc\":\"2.0\",\"id\":%%ID,\"result\":{%s%s}}",
                       items, i + 1 < count ? ",\"nextCursor\":\"n\"" : "");
        world_message(call, page);
        world_end(call, STATUS_OK, NULL);
        world_run(&world);
    }
}

TEST(limit_of_pages)
{
    static const struct {
        const char *name, *method, *items, *body;
        size_t pages;
        bool is_taken;
    } rows[] = {
        {"definitions", "tools/list",
         "\"tools\":[{\"name\":\"see\",\"inputSchema\":{\"type\":"
         "\"object\"}}]",
         NULL, 3, true},
        {"one more page of definitions", "tools/list", "\"tools\":[]", NULL, 4, false},
        {"a list", "prompts/list", "\"prompts\":[{\"name\":\"hello\"}]",
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"prompts/list\",\"params\":{" META "}}", 3,
         true},
        {"one more page of a list", "prompts/list", "\"prompts\":[{\"name\":\"hello\"}]",
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"prompts/list\",\"params\":{" META "}}", 4,
         false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct gateway_limits limits = LIMITS;
        limits.list_pages = 3;
        world_init_with(&world, PERMIT_ALL, &limits);
        world.held_method = rows[i].method;
        if (rows[i].body == NULL) {
            post_see_as(&client);
        } else {
            world_post(&world, &client, BANK, rows[i].body, rows[i].method, NULL, NULL);
        }
        world_run(&world);
        answer_pages(rows[i].method, rows[i].items, rows[i].pages);
        CHECK_ROW(rows[i].name, (client.status_code == 200) == rows[i].is_taken);
        CHECK_ROW(rows[i].name, rows[i].is_taken || body_has("\"code\":50201"));
        CHECK_ROW(rows[i].name, world_find_call(&world, rows[i].method) == NULL);
        world_release(&world);
    }
}

/* One that is longer is none: the server hears of no session, and may say so. */
TEST(limit_of_a_servers_session_id)
{
    for (size_t len = SERVER_SESSION_ID_BYTES_MAX; len <= SERVER_SESSION_ID_BYTES_MAX + 1; len++) {
        char id[SERVER_SESSION_ID_BYTES_MAX + 2];
        char field[SERVER_SESSION_ID_BYTES_MAX + 64];
        memset(id, 'i', len);
        id[len] = '\0';
        (void)snprintf(field, sizeof(field), "Mcp-Session-Id: %s\n", id);
        world_init(&world, PERMIT_ALL);
        world.server_session = id;
        world.held_method = "tools/call";
        post_see_as(&client);
        world_run(&world);
        const struct world_call *call = world_find_call(&world, "tools/call");
        bool is_taken = len == SERVER_SESSION_ID_BYTES_MAX;
        CHECK(call != NULL && call->is_in_session == is_taken);
        CHECK(call != NULL && (strstr(call->fields, field) != NULL) == is_taken);
        CHECK(call != NULL && (strstr(call->fields, "Session-Id") != NULL) == is_taken);
        world.held_method = NULL;
        world_run(&world);
        world_release(&world);
    }
}

/* What a server says during a call, notifications and questions together. */
TEST(limit_of_messages_during_a_call)
{
    static const char *const MESSAGES[] = {
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\","
        "\"data\":1}}",
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
        "progress\",\"params\":{\"progressToken\":%ID,"
        "\"progress\":1}}",
    };
    for (size_t count = 2; count <= 3; count++) {
        struct gateway_limits limits = LIMITS;
        limits.call_messages = 2;
        world_init_with(&world, PERMIT_ALL, &limits);
        world.held_method = "tools/call";
        post_see_as(&client);
        world_run(&world);
        struct world_call *call = world_find_call(&world, "tools/call");
        for (size_t i = 0; i < count; i++) {
            world_message(call, MESSAGES[i]);
        }
        world.held_method = NULL;
        world_run(&world);
        CHECK(body_has("\"text\":\"ok\"") == (count == 2));
        CHECK(body_has("\"code\":50201") == (count == 3) && call->is_cancelled == (count == 3));
        world_release(&world);
    }
}

/* A byte of memory more or less: the blocks of an arena are charged whole. */
TEST(limit_of_a_servers_definitions)
{
    static char tools[WORLD_TEXT_BYTES];
    static const struct world_answer ANSWERS[] = {{0, "tools/list", tools}};
    size_t len = (size_t)snprintf(tools, sizeof(tools), "%s",
                                  "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"tools\":[");
    memset(tools + len, ' ', 4000);
    (void)snprintf(tools + len + 4000, sizeof(tools) - len - 4000,
                   "{\"name\":\"see\",\"inputSchema\":{\"type\":\"object\"}}]}}");
    size_t enough = 0;
    for (size_t bytes = 1024; enough == 0 && bytes <= 65536; bytes += 1024) {
        struct gateway_limits limits = LIMITS;
        limits.server_tools_bytes = bytes;
        world_init_with(&world, PERMIT_ALL, &limits);
        world.answers = ANSWERS;
        world.answer_count = COUNT_OF(ANSWERS);
        post_see_as(&client);
        world_run(&world);
        bool is_taken = client.status_code == 200;
        CHECK(is_taken || body_has("\"code\":50201"));
        enough = is_taken ? bytes : 0;
        world_release(&world);
    }
    CHECK(enough > 4096);
}

static int post_nested(uint32_t depth)
{
    char body[1024];
    char nested[256] = "";
    for (uint32_t i = 3; i < depth; i++) { /* message, params and arguments stand around it */
        memcpy(nested + strlen(nested), "[", 2);
    }
    for (uint32_t i = 3; i < depth; i++) {
        memcpy(nested + strlen(nested), "]", 2);
    }
    snprintf(body, sizeof(body),
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"see\","
             "\"arguments\":{\"a\":%s}," META "}}",
             nested);
    world_post(&world, &client, BANK, body, "tools/call", "see", NULL);
    world_run(&world);
    return client.status_code;
}

TEST(limit_of_json_depth)
{
    struct gateway_limits limits = LIMITS;
    limits.json.depth_max = 8;
    world_init_with(&world, PERMIT_ALL, &limits);
    CHECK(post_nested(8) == 200 && body_has("\"text\":\"ok\""));
    CHECK(post_nested(9) == 400 && world_count_calls(&world, "tools/call") == 1);
    world_release(&world);
}

static int post_arguments(const struct gateway_limits *limits, const char *arguments)
{
    char body[1024];
    world_init_with(&world, PERMIT_ALL, limits);
    snprintf(body, sizeof(body),
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"see\","
             "\"arguments\":{%s}," META "}}",
             arguments);
    world_post(&world, &client, BANK, body, "tools/call", "see", NULL);
    world_run(&world);
    world_release(&world);
    return client.status_code;
}

TEST(limit_of_json_members_numbers_and_nodes)
{
    static const struct {
        const char *name, *fits, *too_much;
        struct json_limits json;
    } rows[] = {
        {"members",
         "\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1",
         "\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1",
         {64, 65536, 5, 4096}},
        {"number", "\"a\":12345", "\"a\":123456", {64, 65536, 4096, 5}},
        {"nodes", "\"a\":[1,1]", "\"a\":[1,1,1]", {64, 23, 4096, 4096}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct gateway_limits limits = LIMITS;
        limits.json = rows[i].json;
        CHECK_ROW(rows[i].name, post_arguments(&limits, rows[i].too_much) == 400);
        /* What the server sends is under the same limits, and may not fit them. */
        CHECK_ROW(rows[i].name, post_arguments(&limits, rows[i].fits) != 400);
    }
}

TEST(limit_of_a_slow_clients_queue)
{
    world_init(&world, PERMIT_ALL);
    world.held_method = "tools/call";
    world_post(&world, &client, BANK,
               "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":"
               "\"see\",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
               "\"io.modelcontextprotocol/clientCapabilities\":{},\"progressToken\":1}}}",
               "tools/call", "see", NULL);
    world_run(&world);
    client.is_slow = true;
    struct world_call *call = world_find_call(&world, "tools/call");
    world_message(call, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
                        "\"progressToken\":%ID,\"progress\":1}}");
    CHECK(call->is_cancelled && client.is_aborted);
    world_run(&world);
    CHECK(client.is_released && !client.stream_ended);
    CHECK(world_count_records(&world, "\"outcome\"", "client.slow") == 1);
    world_release(&world);
}
