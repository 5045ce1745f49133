/* One address that keeps coming with bad tokens: what it hears, what is computed for it, and that
 * others do not suffer. */
#include "core/gateway/failed_sources.h"
#include "core/gateway/gateway.h"

#include "support/check.h"
#include "support/fake_world.h"

#define LIST "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META "}}"
#define FAILURES 3

static struct world worlds[WORLD_LOOPS];
static struct world_client client;
static size_t loop; /* that requests come to */

static const struct failure_rate RATE = {.failures = FAILURES, .per_minute = 60};
static struct failed_sources sources;
static _Atomic int64_t over_until_ms;
static size_t asked_count;

static bool is_over(void *context, struct slice peer_ip, int64_t now_ms)
{
    (void)context;
    asked_count++;
    return failed_sources_is_over(&sources, &RATE, peer_ip, now_ms);
}

static void add(void *context, struct slice peer_ip, int64_t now_ms)
{
    (void)context;
    failed_sources_add(&sources, &RATE, peer_ip, now_ms);
    over_until_ms = failed_sources_over_until_ms(&sources, &RATE);
}

static const struct port_failures PORT = {NULL, &over_until_ms, is_over, add};

static void begin(void)
{
    struct identity_config config = {NULL, 0};
    memset(&sources, 0, sizeof(sources));
    over_until_ms = 0;
    asked_count = loop = 0;
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        world_init(&worlds[i], PERMIT_ALL);
        worlds[i].gateway.ports.failures = &PORT;
        CHECK(identity_snapshot_new(&config, NULL, 1, &worlds[i].snapshot->identity, NULL) ==
              STATUS_OK);
    }
}

static void end(void)
{
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        world_release(&worlds[i]);
    }
}

static int status_of(const char *peer, const char *authorization)
{
    struct http_field fields[6] = {{SLICE("Host"), SLICE("gateway.test")},
                                   {SLICE("Content-Type"), SLICE("application/json")},
                                   {SLICE("Accept"), SLICE("application/json, text/event-stream")},
                                   {SLICE("MCP-Protocol-Version"), SLICE("2026-07-28")},
                                   {SLICE("Mcp-Method"), SLICE("tools/list")},
                                   {SLICE("Authorization"), slice_view_cstr(authorization)}};
    struct exchange_request request = {.method = SLICE("POST"),
                                       .target = SLICE(BANK),
                                       .fields = fields,
                                       .field_count = authorization[0] == '\0' ? 5 : 6,
                                       .body = SLICE(LIST),
                                       .peer_ip = slice_view_cstr(peer)};
    struct world *world = &worlds[loop];
    struct principal *principal = world->snapshot->local_principal;
    world->snapshot->local_principal = NULL;
    (void)world_send(world, &client, &request);
    world_run(world);
    world->snapshot->local_principal = principal;
    return client.status_code;
}

TEST(failed_caller_is_told_to_come_later)
{
    begin();
    for (int i = 0; i < FAILURES; i++) {
        CHECK(status_of("10.0.0.1", "Bearer a.b.c") == 401);
    }
    CHECK(status_of("10.0.0.1", "Bearer a.b.c") == 429);
    CHECK(strcmp(client.retry_after, "1") == 0 && client.challenge[0] == '\0');
    CHECK(strstr(client.body, "\"code\":\"rate_limited\"") != NULL);
    CHECK(world_count_records(&worlds[0], "limit.hit", "rate_limited") == 1);
    CHECK(world_count_records(&worlds[0], "auth.reject", "") == FAILURES &&
          worlds[0].call_count == 0);
    /* Another address has a budget of its own, and time brings this one's back. */
    CHECK(status_of("10.0.0.2", "Bearer a.b.c") == 401);
    worlds[0].now_ms += 1000;
    CHECK(status_of("10.0.0.1", "Bearer a.b.c") == 401);
    CHECK(status_of("10.0.0.1", "Bearer a.b.c") == 429);
    end();
}

/* Every client begins without a token: that is no failure. */
TEST(failed_caller_is_not_who_has_no_token)
{
    begin();
    for (int i = 0; i < 2 * FAILURES; i++) {
        CHECK(status_of("10.0.0.1", "") == 401);
    }
    end();
}

/* An address has one budget, however many loops its requests come to. */
TEST(failed_caller_has_one_budget_for_all_loops)
{
    begin();
    for (int i = 0; i < FAILURES; i++) {
        loop = (size_t)i % WORLD_LOOPS;
        CHECK(status_of("10.0.0.1", "Bearer a.b.c") == 401);
    }
    for (loop = 0; loop < WORLD_LOOPS; loop++) {
        CHECK(status_of("10.0.0.1", "Bearer a.b.c") == 429);
        CHECK(status_of("10.0.0.2", "Bearer a.b.c") == 401);
    }
    loop = 0;
    end();
}

/* The table is asked while somebody's budget is used up, and not otherwise. */
TEST(failed_caller_costs_others_one_look)
{
    begin();
    for (int i = 0; i < FAILURES - 1; i++) {
        CHECK(status_of("10.0.0.1", "Bearer a.b.c") == 401);
    }
    CHECK(status_of("10.0.0.2", "") == 401 && asked_count == 0);
    CHECK(status_of("10.0.0.1", "Bearer a.b.c") == 401 && asked_count == 0);
    CHECK(status_of("10.0.0.2", "") == 401 && asked_count == 1);
    worlds[0].now_ms += 1000;
    CHECK(status_of("10.0.0.2", "") == 401 && asked_count == 1);
    end();
}
