/* Requests a second of one principal: at the bound, one past it, and one moment before. */
#include "core/gateway/request_rate.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>

#define NOW_MS 5000

static struct request_rates rates;
static struct world world;
static struct world_client client;

/* How many of `asked` requests a principal may make at that time. */
static size_t take(const struct request_rate *rate, uint32_t who, int64_t now_ms, size_t asked)
{
    uint8_t digest[REQUEST_RATE_DIGEST_BYTES] = {0};
    size_t taken = 0;
    memcpy(digest, &who, sizeof(who));
    for (size_t i = 0; i < asked; i++) {
        taken += request_rates_take(&rates, rate, digest, now_ms) ? 1 : 0;
    }
    return taken;
}

TEST(request_rate_at_its_edges)
{
    static const struct {
        const char *name;
        struct request_rate rate;
        size_t at_once, asked; /* what of it is let through */
        int64_t after_ms;
        size_t later;
    } rows[] = {
        {"off", {0, 1}, 100, 100, 0, 100},
        {"one, before the next", {1, 1}, 1, 5, 999, 0},
        {"one, with the next", {1, 1}, 1, 5, 1000, 1},
        {"ten a second, before", {10, 3}, 3, 4, 99, 0},
        {"ten a second", {10, 3}, 3, 4, 100, 1},
        {"the burst is there again", {10, 3}, 3, 4, 300, 3},
        {"and no more than that", {10, 3}, 3, 4, 1000000, 3},
        {"all but one", {10, 3}, 3, 3, 299, 2},
        {"a great many", {1000000, 1000}, 1000, 1001, 1, 1000},
        {"the largest burst", {1, 1000000}, 1000, 1000, 0, 1000},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].name, take(&rows[i].rate, 1, NOW_MS, rows[i].asked) == rows[i].at_once);
        size_t later = take(&rows[i].rate, 1, NOW_MS + rows[i].after_ms, 1000);
        CHECK_ROW(rows[i].name, (later < 1000 ? later : rows[i].later) == rows[i].later);
        CHECK_ROW(rows[i].name, take(&rows[i].rate, 2, NOW_MS, 1) == 1); /* nobody else pays */
        request_rates_release(&rates);
    }
}

/* Who is refused does not pay for that, however often he asks. */
TEST(request_rate_refusals_cost_nothing)
{
    static const struct request_rate RATE = {10, 1};
    CHECK(take(&RATE, 1, NOW_MS, 1000) == 1);
    CHECK(take(&RATE, 1, NOW_MS + 99, 1000) == 0);
    CHECK(take(&RATE, 1, NOW_MS + 100, 1000) == 1);
    request_rates_release(&rates);
}

/* Who has his burst again makes room; who has not is not forgotten for others. */
TEST(request_rate_remembers_so_many)
{
    static const struct request_rate RATE = {1, 1};
    for (uint32_t who = 0; who < REQUEST_RATE_PRINCIPALS_MAX; who++) {
        CHECK(take(&RATE, who, NOW_MS, 1) == 1);
    }
    CHECK(rates.count == REQUEST_RATE_PRINCIPALS_MAX);
    CHECK(take(&RATE, REQUEST_RATE_PRINCIPALS_MAX, NOW_MS + 999, 1) == 0);
    CHECK(take(&RATE, 7, NOW_MS + 999, 1) == 0);
    CHECK(take(&RATE, REQUEST_RATE_PRINCIPALS_MAX, NOW_MS + 1000, 1) == 1);
    CHECK(rates.count < REQUEST_RATE_PRINCIPALS_MAX);
    request_rates_release(&rates);
}

TEST(request_rate_without_memory_refuses)
{
    static const struct request_rate RATE = {1, 1};
    check_begin_shortage(0, true);
    CHECK(take(&RATE, 1, NOW_MS, 1) == 0);
    CHECK(check_end_shortage());
    CHECK(take(&RATE, 1, NOW_MS, 1) == 1);
    request_rates_release(&rates);
}

static void see(void)
{
    world_post(&world, &client, BANK, CALL_SEE, "tools/call", "see", NULL);
    world_run(&world);
}

/* The answer, the server and the journal of a request that is one too many. */
TEST(request_rate_refuses_the_request_past_it)
{
    struct gateway_limits limits = GATEWAY_LIMITS_DEFAULT;
    limits.requests = (struct request_rate){.per_s = 2, .burst = 3};
    world_init_with(&world, PERMIT_ALL, &limits);
    for (int64_t i = 0; i < limits.requests.burst; i++) {
        see();
        CHECK(client.status_code == 200 && client.retry_after[0] == '\0');
    }
    see();
    CHECK(client.status_code == 429 && strcmp(client.retry_after, "1") == 0);
    CHECK(strstr(client.body, "\"code\":42901") != NULL);
    CHECK(strstr(client.body, "\"code\":\"rate_limited\"") != NULL);
    CHECK(strstr(client.body, "\",\"retry\":1}}") != NULL);
    CHECK(world_count_calls(&world, "tools/call") == 3);
    CHECK(world_count_records(&world, "limit.hit", "rate_limited") == 1);
    CHECK(world_count_records(&world, "rate_limited", "\"subject\":\"ann\"") == 1);
    world_advance(&world, 499);
    see();
    CHECK(client.status_code == 429);
    world_advance(&world, 1);
    see();
    CHECK(client.status_code == 200);
    world_release(&world);
}

/* What answers or tells something is no request, and is never too much. */
TEST(request_rate_counts_requests_alone)
{
    static const char *const BODIES[] = {
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}",
    };
    static const char INITIALIZE[] =
        "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
        "\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{}}}";
    char session[512];
    struct gateway_limits limits = GATEWAY_LIMITS_DEFAULT;
    limits.requests = (struct request_rate){.per_s = 1, .burst = 1};
    world_init_with(&world, PERMIT_ALL, &limits);
    world_post(&world, &client, BANK, INITIALIZE, NULL, NULL, NULL);
    world_run(&world);
    CHECK(client.status_code == 200);
    memcpy(session, client.session_id, sizeof(session));
    for (size_t i = 0; i < COUNT_OF(BODIES); i++) {
        world_post(&world, &client, BANK, BODIES[i], NULL, NULL, session);
        world_run(&world);
        CHECK_ROW(BODIES[i], client.status_code == 202);
    }
    world_post(&world, &client, BANK, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\"}", NULL,
               NULL, session);
    world_run(&world);
    CHECK(client.status_code == 429);
    world_ask(&world, &client, "DELETE", BANK, session);
    world_run(&world);
    CHECK(client.status_code == 200);
    world_release(&world);
}

/* A batch is no way around it: its elements are counted, one by one. */
TEST(request_rate_counts_the_elements_of_a_batch)
{
    static const char INITIALIZE[] =
        "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
        "\"2025-03-26\",\"capabilities\":{},\"clientInfo\":{}}}";
    static const char BATCH[] = "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"},"
                                "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\"},"
                                "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"ping\"}]";
    char session[512];
    struct gateway_limits limits = GATEWAY_LIMITS_DEFAULT;
    limits.requests = (struct request_rate){.per_s = 1, .burst = 3};
    world_init_with(&world, PERMIT_ALL, &limits);
    world_post(&world, &client, BANK, INITIALIZE, NULL, NULL, NULL);
    world_run(&world);
    memcpy(session, client.session_id, sizeof(session));
    world_post(&world, &client, BANK, BATCH, NULL, NULL, session);
    world_run(&world);
    CHECK(client.status_code == 200);
    CHECK(strstr(client.body, "\"id\":2,\"result\":{}") != NULL);
    CHECK(strstr(client.body, "\"id\":3,\"error\":{\"code\":42901") != NULL);
    CHECK(world_count_records(&world, "limit.hit", "rate_limited") == 1);
    world_release(&world);
}
