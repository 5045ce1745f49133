/* Two loops of one node, which hand requests to each other. */
#include "core/gateway/gateway.h"

#include "support/check.h"
#include "support/fake_world.h"

#define INITIALIZE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{}}}"
#define LEGACY_SEE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"see\"}}"
#define LIST "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META "}}"

static struct world worlds[WORLD_LOOPS];
static struct world_client client;
static char session[512];

/* Both servers are children of the gateway when is_stdio is set. */
static void init_pair(bool is_stdio)
{
    static struct gateway_server servers[WORLD_LOOPS][2];
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        world_init(&worlds[i], PERMIT_ALL);
        memcpy(servers[i], worlds[i].snapshot->servers, sizeof(servers[i]));
        servers[i][1].is_stdio = is_stdio;
        worlds[i].snapshot->servers = servers[i];
    }
    world_pair(&worlds[0], &worlds[1]);
}

static void run_pair(void)
{
    for (int i = 0; i < 2; i++) {
        world_run(&worlds[0]);
        world_run(&worlds[1]);
    }
}

static void release_pair(void)
{
    world_release(&worlds[0]);
    world_release(&worlds[1]);
}

static void open_session(size_t loop, const char *target)
{
    world_post(&worlds[loop], &client, target, INITIALIZE, NULL, NULL, NULL);
    run_pair();
    CHECK(client.status_code == 200 && client.session_id[0] != '\0');
    CHECK(strlen(client.session_id) <= 256);
    memcpy(session, client.session_id, sizeof(session));
}

static void post_legacy(size_t loop)
{
    world_post(&worlds[loop], &client, BANK, LEGACY_SEE, NULL, NULL, session);
    run_pair();
}

static bool has_answer(void)
{
    return client.is_released && client.is_replied && strstr(client.body, "\"text\":\"ok\"");
}

TEST(home_serves_its_session_wherever_it_comes_in)
{
    init_pair(false);
    for (size_t home = 0; home < WORLD_LOOPS; home++) {
        open_session(home, BANK);
        for (size_t i = 0; i < WORLD_LOOPS; i++) {
            post_legacy(i);
            CHECK(has_answer());
            CHECK(worlds[home].gateway.session_count == 1);
        }
        CHECK(worlds[1].gateway.session_count == home);
        CHECK(world_count_records(&worlds[home], "\"intent\"", "bank.see") == 2);
    }
    CHECK(world_count_calls(&worlds[0], "initialize") == 1);
    release_pair();
}

/* Without a session and without children there is no home: no hop either. */
TEST(home_is_where_a_modern_request_arrives)
{
    init_pair(true);
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        world_post(&worlds[i], &client, BANK, CALL_SEE, "tools/call", "see", NULL);
        CHECK(worlds[i].handover_count == 0);
        run_pair();
        CHECK(has_answer() && worlds[i].gateway.session_count == 1);
    }
    release_pair();
}

/* What needs children of the caller, a list over all servers too, meets on one loop. */
TEST(home_of_a_callers_children_is_one)
{
    static const struct {
        const char *target, *body, *method, *name;
    } rows[] = {
        {"/servers/shop/mcp", CALL_SEE, "tools/call", "see"},
        {"/mcp", LIST, "tools/list", NULL},
    };
    size_t sessions[WORLD_LOOPS] = {0};
    init_pair(true);
    for (size_t i = 0; i < COUNT_OF(rows) * WORLD_LOOPS; i++) {
        world_post(&worlds[i % WORLD_LOOPS], &client, rows[i / WORLD_LOOPS].target,
                   rows[i / WORLD_LOOPS].body, rows[i / WORLD_LOOPS].method,
                   rows[i / WORLD_LOOPS].name, NULL);
        run_pair();
        CHECK(client.status_code == 200 && client.is_released);
    }
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        sessions[i] = worlds[i].gateway.session_count;
    }
    CHECK(sessions[0] + sessions[1] == 2 && sessions[0] * sessions[1] == 0);
    open_session(0, "/mcp");
    CHECK(worlds[0].gateway.session_count == sessions[0]);
    release_pair();
}

/* A legacy server that tells the caller's session of changes: once one loop knows, all do. */
TEST(home_of_what_tells_sessions_is_one)
{
    static const struct world_answer ANSWERS[] = {
        {0, "initialize",
         "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"protocolVersion\":\"2025-11-25\","
         "\"capabilities\":{\"tools\":{\"listChanged\":true}},\"serverInfo\":{}}}"}};
    for (int has_session = 0; has_session < 2; has_session++) {
        init_pair(false);
        bool was_handed_over[2 * WORLD_LOOPS];
        for (size_t i = 0; i < 2 * WORLD_LOOPS; i++) {
            struct world *world = &worlds[i % WORLD_LOOPS];
            world->server_session = has_session ? "up" : NULL;
            world->answers = ANSWERS;
            world->answer_count = COUNT_OF(ANSWERS);
            size_t before = worlds[0].handover_count + worlds[1].handover_count;
            world_post(world, &client, BANK, CALL_SEE, "tools/call", "see", NULL);
            was_handed_over[i] = worlds[0].handover_count + worlds[1].handover_count > before;
            run_pair();
            CHECK(has_answer());
        }
        CHECK(!was_handed_over[0]);
        CHECK(was_handed_over[1] == was_handed_over[3]);
        CHECK((was_handed_over[1] != was_handed_over[2]) == (has_session != 0));
        release_pair();
    }
}

/* A restart with fewer loops, or the id of another node: the client has to begin anew. */
TEST(home_that_is_gone_is_not_found)
{
    init_pair(false);
    open_session(1, BANK);
    size_t calls = worlds[0].call_count + worlds[1].call_count;
    worlds[0].gateway.place.loop_count = 1;
    post_legacy(0);
    CHECK(client.status_code == 404 && client.is_released);
    worlds[0].gateway.place.loop_count = WORLD_LOOPS;
    worlds[0].gateway.place.node++;
    post_legacy(0);
    CHECK(client.status_code == 404);
    CHECK(world_count_records(&worlds[0], "session.mismatch", "session.home") == 2);
    CHECK(worlds[0].call_count + worlds[1].call_count == calls);
    release_pair();
}

/* Loops whose snapshots differ do not pass a request on and on. */
TEST(home_is_left_once)
{
    init_pair(true);
    worlds[0].gateway.place.loop = 1; /* either believes that the other one is the home */
    worlds[1].gateway.place.loop = 0;
    worlds[0].loops[0] = worlds[1].loops[0] = &worlds[1];
    worlds[0].loops[1] = worlds[1].loops[1] = &worlds[0];
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        world_post(&worlds[i], &client, "/servers/shop/mcp", CALL_SEE, "tools/call", "see", NULL);
        run_pair();
        CHECK(has_answer());
    }
    release_pair();
}

TEST(home_that_closes_breaks_off)
{
    init_pair(false);
    open_session(1, BANK);
    world_post(&worlds[0], &client, BANK, LEGACY_SEE, NULL, NULL, session);
    CHECK(worlds[0].handover_count == 1 && worlds[0].gateway.operation_count == 0);
    gateway_close(&worlds[1].gateway);
    run_pair();
    CHECK(client.is_released && client.is_aborted && !client.is_replied);
    release_pair();
}

TEST(home_without_memory_is_an_overload)
{
    init_pair(false);
    open_session(1, BANK);
    worlds[0].cannot_hand_over = true;
    post_legacy(0);
    CHECK(client.status_code == 503 && strstr(client.body, "\"code\":50306") != NULL);
    CHECK(world_count_records(&worlds[0], "limit.hit", "overloaded") == 1);
    release_pair();
}

TEST(home_hears_that_the_client_left)
{
    init_pair(true);
    world_post(&worlds[0], &client, "/servers/shop/mcp", CALL_SEE, "tools/call", "see", NULL);
    size_t home = worlds[0].handover_count == 1 ? 1 : 0;
    worlds[home].held_method = "tools/call";
    run_pair();
    CHECK(world_find_call(&worlds[home], "tools/call") != NULL);
    client.exchange.on_gone(&client.exchange);
    run_pair();
    CHECK(client.is_released && !client.is_replied);
    CHECK(world_find_call(&worlds[home], "tools/call") == NULL);
    CHECK(world_count_records(&worlds[home], "\"outcome\"", "cancelled") == 1);
    release_pair();
}
