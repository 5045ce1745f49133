/* One address that keeps coming with bad tokens: what it hears, what is computed for it, and that
 * others do not suffer. */
#include "core/gateway/gateway.h"

#include "support/check.h"
#include "support/fake_world.h"

#define LIST "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META "}}"
#define FAILURES 3

static struct world world;
static struct world_client client;

static void begin(void)
{
    struct gateway_limits limits = GATEWAY_LIMITS_DEFAULT;
    limits.failures = (struct failure_rate){.failures = FAILURES, .per_minute = 60};
    world_init_with(&world, PERMIT_ALL, &limits);
    struct identity_config config = {NULL, 0};
    CHECK(identity_snapshot_new(&config, NULL, 1, &world.snapshot->identity, NULL) == STATUS_OK);
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
    struct principal *principal = world.snapshot->local_principal;
    world.snapshot->local_principal = NULL;
    (void)world_send(&world, &client, &request);
    world_run(&world);
    world.snapshot->local_principal = principal;
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
    CHECK(world_count_records(&world, "limit.hit", "rate_limited") == 1);
    CHECK(world_count_records(&world, "auth.reject", "") == FAILURES && world.call_count == 0);
    /* Another address has a budget of its own, and time brings this one's back. */
    CHECK(status_of("10.0.0.2", "Bearer a.b.c") == 401);
    world.now_ms += 1000;
    CHECK(status_of("10.0.0.1", "Bearer a.b.c") == 401);
    CHECK(status_of("10.0.0.1", "Bearer a.b.c") == 429);
    world_release(&world);
}

/* Every client begins without a token: that is no failure. */
TEST(failed_caller_is_not_who_has_no_token)
{
    begin();
    for (int i = 0; i < 2 * FAILURES; i++) {
        CHECK(status_of("10.0.0.1", "") == 401);
    }
    world_release(&world);
}
