#include "core/gateway/sealing_keys.h"

#include "core/gateway/sealed_text.h"
#include "core/gateway/session_token.h"
#include "core/gateway/task_id.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <string.h>

#define NOW_S 1000000
#define PERIOD_S 86400

struct source {
    uint8_t next; /* each key is filled with a byte of its own */
    bool fails;
};

static enum status fill(void *context, uint8_t *out, size_t len)
{
    struct source *self = context;
    for (size_t i = 0; i < len && !self->fails; i++) {
        bool is_first = i % SEALING_KEY_BYTES == 0;
        self->next = (uint8_t)(self->next + (is_first ? 1 : 0));
        out[i] = self->next;
    }
    return self->fails ? STATUS_UNAVAILABLE : STATUS_OK;
}

/* Keys 1, 2 and 3, of which 2 is that of now. */
static void begin(struct sealing_keys *keys, struct source *source, struct port_random *random)
{
    *source = (struct source){0};
    *random = (struct port_random){source, fill};
    CHECK(sealing_keys_draw(keys, random, NOW_S, PERIOD_S) == STATUS_OK);
}

static bool are(const struct sealing_keys *keys, int64_t now_s, int first, int second, int third)
{
    const int numbers[] = {first, second, third};
    bool are_same = true;
    for (size_t i = 0; i < SEALING_KEYS; i++) {
        const uint8_t *key = sealing_keys_get(keys, now_s, i);
        are_same = are_same && key[0] == numbers[i] && key[SEALING_KEY_BYTES - 1] == numbers[i];
    }
    return are_same;
}

/* Who was not told of the new ones seals with the same as who was. */
TEST(sealing_keys_take_turns_on_the_second)
{
    struct sealing_keys keys, told;
    struct source source;
    struct port_random random;
    begin(&keys, &source, &random);
    CHECK(are(&keys, NOW_S, 2, 1, 3) && are(&keys, NOW_S - 5 * PERIOD_S, 2, 1, 3));
    CHECK(are(&keys, NOW_S + PERIOD_S - 1, 2, 1, 3) && are(&keys, NOW_S + PERIOD_S, 3, 2, 1));
    CHECK(!sealing_keys_are_due(&keys, NOW_S + PERIOD_S - 1));
    CHECK(sealing_keys_turn(&keys, &random, NOW_S + PERIOD_S - 1, PERIOD_S) == STATUS_OK);
    CHECK(source.next == 3);
    told = keys;
    CHECK(sealing_keys_turn(&told, &random, NOW_S + PERIOD_S, 2 * PERIOD_S) == STATUS_OK);
    CHECK(are(&told, NOW_S + PERIOD_S, 3, 2, 4) && are(&keys, NOW_S + PERIOD_S, 3, 2, 1));
    CHECK(told.begins_s == NOW_S + PERIOD_S && told.period_s == 2 * PERIOD_S);
    CHECK(!sealing_keys_are_due(&told, NOW_S + 3 * PERIOD_S - 1));
    CHECK(sealing_keys_are_due(&told, NOW_S + 3 * PERIOD_S));
}

TEST(sealing_keys_catch_up)
{
    static const struct {
        int64_t periods;
        int now, before, next;
    } rows[] = {{1, 3, 2, 4}, {2, 4, 3, 5}, {3, 5, 4, 6}, {1000, 5, 4, 6}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sealing_keys keys;
        struct source source;
        struct port_random random;
        int64_t now_s = NOW_S + rows[i].periods * PERIOD_S;
        begin(&keys, &source, &random);
        CHECK(sealing_keys_turn(&keys, &random, now_s, PERIOD_S) == STATUS_OK);
        CHECK(are(&keys, now_s, rows[i].now, rows[i].before, rows[i].next));
        CHECK(!sealing_keys_are_due(&keys, now_s));
    }
}

TEST(sealing_keys_stay_without_random_bytes)
{
    struct sealing_keys keys;
    struct source source;
    struct port_random random;
    begin(&keys, &source, &random);
    source.fails = true;
    CHECK(sealing_keys_turn(&keys, &random, NOW_S + PERIOD_S, PERIOD_S) == STATUS_UNAVAILABLE);
    CHECK(sealing_keys_draw(&keys, &random, NOW_S, PERIOD_S) == STATUS_UNAVAILABLE);
    CHECK(are(&keys, NOW_S, 2, 1, 3) && keys.begins_s == NOW_S);
}

/* -- what is sealed ------------------------------------------------------------------------ */

static struct world world;
static const uint8_t ANN[32] = {1};

static bool opens(const struct gateway *gateway, struct slice id)
{
    struct arena arena;
    struct task_reference task;
    arena_init(&arena, (size_t)1 << 20, NULL);
    bool is_open = task_id_open(gateway, ANN, false, id, &arena, &task) == STATUS_OK;
    arena_release(&arena);
    return is_open;
}

/* The keys of another process, and of another loop that hears of new ones late. */
TEST(sealing_keys_open_what_they_sealed_in_the_period_after)
{
    static const struct task_reference TASK = {.server = SLICE_INIT("bank"),
                                               .tool = SLICE_INIT("see"),
                                               .own_id = SLICE_INIT("\"t\""),
                                               .expires_at_s = INT64_MAX};
    struct world other;
    struct buf id;
    struct source source;
    struct port_random random;
    world_init(&world, PERMIT_ALL);
    world_init(&other, PERMIT_ALL);
    int64_t now_s = world.clock.wall_ms(world.clock.context) / 1000;
    begin(&world.snapshot->sealing, &source, &random);
    world.snapshot->sealing.begins_s = now_s;
    other.snapshot->sealing = world.snapshot->sealing;
    buf_init(&id, 4096, NULL);
    CHECK(task_id_seal(&world.gateway, ANN, &TASK, &id) == STATUS_OK);
    CHECK(opens(&world.gateway, buf_view(&id)) && opens(&other.gateway, buf_view(&id)));
    for (int period = 1; period < 4; period++) {
        other.now_ms += (int64_t)PERIOD_S * 1000;
        CHECK(sealing_keys_turn(&other.snapshot->sealing, &random, now_s + period * PERIOD_S,
                                PERIOD_S) == STATUS_OK);
        CHECK(opens(&other.gateway, buf_view(&id)) == (period == 1));
        CHECK(opens(&world.gateway, buf_view(&id)));
        if (period == 1) {
            struct buf newer;
            buf_init(&newer, 4096, NULL);
            CHECK(task_id_seal(&other.gateway, ANN, &TASK, &newer) == STATUS_OK);
            CHECK(opens(&world.gateway, buf_view(&newer)));
            buf_release(&newer);
        }
    }
    buf_release(&id);
    world_release(&other);
    world_release(&world);
}

#define INITIALIZE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{}}}"
#define PING "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"

/* A session goes on over one turn, and is found by no key of after. */
TEST(sealing_keys_turn_under_a_session)
{
    struct world_client client = {0};
    struct source source;
    struct port_random random;
    char session[512];
    world_init(&world, PERMIT_ALL);
    int64_t now_s = world.clock.wall_ms(world.clock.context) / 1000;
    begin(&world.snapshot->sealing, &source, &random);
    world.snapshot->sealing.begins_s = now_s;
    world_post(&world, &client, BANK, INITIALIZE, NULL, NULL, NULL);
    world_run(&world);
    memcpy(session, client.session_id, sizeof(session));
    for (int turns = 0; turns < 3; turns++) {
        world_post(&world, &client, BANK, PING, NULL, NULL, session);
        world_run(&world);
        CHECK(client.status_code == (turns < 2 ? 200 : 404));
        CHECK(sealing_keys_turn(&world.snapshot->sealing, &random,
                                world.snapshot->sealing.begins_s + PERIOD_S,
                                PERIOD_S) == STATUS_OK);
    }
    world_release(&world);
}
