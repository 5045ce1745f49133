#include "core/gateway/refusals.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>

#define NOW_MS 1000

static struct refusal_kind kind_of(enum audit_type type, const char *code, const char *peer)
{
    struct refusal_kind kind = {.type = type, .code = code, .peer_len = strlen(peer)};
    memcpy(kind.peer, peer, kind.peer_len);
    return kind;
}

static size_t take(struct refusals *refusals, const struct refusal_rate *rate,
                   const struct refusal_kind *kind, size_t count, int64_t now_ms)
{
    size_t taken = 0;
    for (size_t i = 0; i < count; i++) {
        taken += refusals_take(refusals, rate, kind, now_ms) ? 1 : 0;
    }
    return taken;
}

TEST(refusals_beyond_the_budget_are_counted)
{
    static const struct refusal_rate RATE = {.records = 3, .per_s = 2};
    struct refusals refusals = {0};
    struct refusal_kind kind = kind_of(AUDIT_AUTH_REJECT, "token.expired", "10.0.0.1");
    struct refusal_kind counted;
    CHECK(take(&refusals, &RATE, &kind, 3, NOW_MS) == 3);
    CHECK(!refusals_next_counted(&refusals, &counted));
    CHECK(take(&refusals, &RATE, &kind, 5, NOW_MS) == 0);
    CHECK(take(&refusals, &RATE, &kind, 1, NOW_MS + 499) == 0);
    CHECK(take(&refusals, &RATE, &kind, 2, NOW_MS + 500) == 1);
    CHECK(take(&refusals, &RATE, &kind, 5, NOW_MS + 100000) == 3);
    CHECK(refusals_next_counted(&refusals, &counted) && counted.counted == 9);
    CHECK(counted.type == AUDIT_AUTH_REJECT && str_eq(counted.code, "token.expired"));
    CHECK(slice_eq(slice_of(counted.peer, counted.peer_len), SLICE("10.0.0.1")));
    CHECK(!refusals_next_counted(&refusals, &counted));
}

TEST(refusals_of_other_kinds_have_budgets_of_their_own)
{
    static const struct refusal_rate RATE = {.records = 1, .per_s = 1};
    const struct refusal_kind KINDS[] = {
        kind_of(AUDIT_AUTH_REJECT, "token.expired", "10.0.0.1"),
        kind_of(AUDIT_WIRE_REJECT, "token.expired", "10.0.0.1"),
        kind_of(AUDIT_AUTH_REJECT, "token.issuer", "10.0.0.1"),
        kind_of(AUDIT_AUTH_REJECT, "token.expired", "10.0.0.11"),
    };
    struct refusals refusals = {0};
    for (size_t i = 0; i < COUNT_OF(KINDS); i++) {
        CHECK(take(&refusals, &RATE, &KINDS[i], 2, NOW_MS) == 1);
    }
    for (size_t i = 0; i < COUNT_OF(KINDS); i++) {
        struct refusal_kind counted;
        CHECK(refusals_next_counted(&refusals, &counted) && counted.counted == 1);
    }
}

/* From however many addresses: all together have a budget as well, and so has the memory. */
TEST(refusals_of_a_crowd_are_bounded)
{
    static const struct refusal_rate RATE = {.records = 2, .per_s = 10};
    struct refusals refusals = {0};
    struct refusal_kind counted;
    size_t taken = 0, sum = 0, kinds = 0;
    for (int i = 0; i < 1000; i++) {
        char peer[16];
        (void)snprintf(peer, sizeof(peer), "10.0.%d.%d", i / 250, i % 250);
        struct refusal_kind kind = kind_of(AUDIT_AUTH_REJECT, "token.none", peer);
        taken += take(&refusals, &RATE, &kind, 3, NOW_MS);
    }
    CHECK(taken == (size_t)RATE.records * REFUSAL_BUDGETS_OF_ALL);
    while (refusals_next_counted(&refusals, &counted)) {
        sum += counted.counted;
        kinds++;
    }
    CHECK(sum == 3000 - taken && kinds == REFUSAL_KINDS_MAX + 1);
    CHECK(counted.counted == 0 && str_eq(counted.code, "refusals.crowd"));
    /* What was flooded is as before once it is over. */
    struct refusal_kind kind = kind_of(AUDIT_AUTH_REJECT, "token.none", "10.9.9.9");
    CHECK(take(&refusals, &RATE, &kind, 3, NOW_MS + 1000) == 2);
}

static struct world world;
static struct world_client client;

static void begin(bool is_local)
{
    struct gateway_limits limits = GATEWAY_LIMITS_DEFAULT;
    limits.refusals = (struct refusal_rate){.records = 2, .per_s = 1};
    world_init_with(&world, "forbid(principal, action, resource);", &limits);
    if (!is_local) {
        principal_unref(world.snapshot->local_principal);
        world.snapshot->local_principal = NULL;
    }
}

static void post_see(void)
{
    world_post(&world, &client, BANK, CALL_SEE, "tools/call", "see", NULL);
    world_run(&world);
}

static void check_durable(bool expected)
{
    for (size_t i = 0; i < world.record_count; i++) {
        CHECK(world.records[i].durable == expected);
    }
}

TEST(refused_strangers_are_recorded_within_a_budget)
{
    begin(false);
    for (int i = 0; i < 5; i++) {
        post_see();
        CHECK(client.status_code == 401 && client.is_released);
    }
    CHECK(world.record_count == 2 && world_count_records(&world, "auth.reject", "") == 2);
    world_advance(&world, REFUSAL_COUNT_MS - 1);
    CHECK(world.record_count == 2);
    world_advance(&world, 1);
    CHECK(world.record_count == 3 &&
          world_count_records(&world, "auth.reject", "\"events\":3") == 1);
    world_advance(&world, 10 * REFUSAL_COUNT_MS);
    CHECK(world.record_count == 3);
    check_durable(false);
    world_release(&world);
}

/* The transport's own refusals share the budget, and the end of the gateway leaves none out. */
TEST(refused_bytes_are_recorded_within_a_budget)
{
    begin(false);
    struct exchange_handler handler = gateway_handler(&world.gateway);
    for (int i = 0; i < 9; i++) {
        struct exchange_request head = {.peer_ip = SLICE("10.0.0.1")};
        struct exchange_reply reply = {.status_code = 400};
        handler.refused(handler.context, &head, "http.head", &reply);
    }
    CHECK(world.record_count == 2);
    gateway_close(&world.gateway);
    CHECK(world.record_count == 3 && world_count_records(&world, "http.head", "\"events\":7") == 1);
    world_release(&world);
}

/* Whoever is known is answerable for what he asks: each denial has its record, on the disk. */
TEST(denials_of_known_callers_are_all_recorded)
{
    begin(true);
    for (int i = 0; i < 5; i++) {
        post_see();
    }
    CHECK(world.record_count == 5 && world_count_records(&world, "authz.deny", "") == 5);
    check_durable(true);
    world_release(&world);
}
