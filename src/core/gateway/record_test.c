/* How long it took, in the records of a call. */
#include "core/gateway/gateway.h"

#include "support/check.h"
#include "support/fake_world.h"

#define DENY_ALL "forbid(principal, action, resource);"
#define RESULT                                                                                     \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"content\":[],\"resultType\":\"complete\"}}"

static struct world world;
static struct world_client client;

static void pass(int64_t ms, int64_t us)
{
    world.now_us += us;
    world_advance(&world, ms);
}

/* To the microsecond from its beginning on, in the outcome alone: what is intended has taken
 * nothing yet, however late it is. */
TEST(record_says_how_long_a_call_took)
{
    world_init(&world, PERMIT_ALL);
    world.held_method = "tools/call";
    world.holds_records = true;
    world_post(&world, &client, BANK, CALL_SEE, "tools/call", "see", NULL);
    pass(1, 7);
    world.holds_records = false;
    world_run(&world);
    struct world_call *call = world_find_call(&world, "tools/call");
    CHECK(call != NULL);
    pass(3, 250);
    world_message(call, RESULT);
    world_end(call, STATUS_OK, NULL);
    world_run(&world);
    CHECK(client.is_released);
    CHECK(world_count_records(&world, "\"phase\":\"intent\"", "") == 1);
    CHECK(world_count_records(&world, "\"phase\":\"intent\"", "latency_us") == 0);
    CHECK(world_count_records(&world, "\"phase\":\"outcome\"", "\"latency_us\":4257") == 1);
    world_release(&world);
}

/* A refusal has no intent: its one record says how long it took. */
TEST(record_says_how_long_a_refusal_took)
{
    world_init(&world, DENY_ALL);
    world.reading_takes_us = 5;
    world_post(&world, &client, BANK, CALL_SEE, "tools/call", "see", NULL);
    world_run(&world);
    CHECK(client.is_released);
    CHECK(world_count_records(&world, "\"type\":\"authz.deny\"", "\"latency_us\":5") == 1);
    world_release(&world);
}

/* An outcome that the journal keeps holds up no answer; an intent waits for the device all the
 * same, and so does what it does not keep. */
TEST(record_waits_for_what_is_not_kept)
{
    for (int keeps = 0; keeps <= 1; keeps++) {
        world_init(&world, PERMIT_ALL);
        world.held_method = "tools/call";
        world.holds_records = true;
        world.journal_keeps = keeps != 0;
        world_post(&world, &client, BANK, CALL_SEE, "tools/call", "see", NULL);
        world_run(&world);
        CHECK(world_find_call(&world, "tools/call") == NULL);
        world.holds_records = false;
        world_run(&world);
        struct world_call *call = world_find_call(&world, "tools/call");
        CHECK(call != NULL);
        world.holds_records = true;
        world_message(call, RESULT);
        world_end(call, STATUS_OK, NULL);
        world_run(&world);
        CHECK(world_count_records(&world, "\"phase\":\"outcome\"", "") == 1);
        CHECK(client.is_released == (keeps != 0));
        world.holds_records = false;
        world_run(&world);
        CHECK(client.is_released);
        world_release(&world);
    }
}

/* A denial of a known caller is to be durable, whatever is kept. */
TEST(record_of_a_denial_is_waited_for)
{
    world_init(&world, DENY_ALL);
    world.holds_records = true;
    world.journal_keeps = true;
    world_post(&world, &client, BANK, CALL_SEE, "tools/call", "see", NULL);
    world_run(&world);
    CHECK(world_count_records(&world, "\"type\":\"authz.deny\"", "") == 1 && !client.is_released);
    world.holds_records = false;
    world_run(&world);
    CHECK(client.is_released);
    world_release(&world);
}
