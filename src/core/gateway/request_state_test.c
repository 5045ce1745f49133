#include "core/gateway/request_state.h"

#include "support/check.h"
#include "support/fake_world.h"

#define TEST_BYTES ((size_t)1 << 20)

static struct world world;
static const uint8_t ANN[32] = {1};
static const uint8_t BOB[32] = {2};

static struct request_state_use use_of_ann(void)
{
    return (struct request_state_use){.caller = ANN,
                                      .server = SLICE("bank"),
                                      .method = SLICE("tools/call"),
                                      .params = SLICE("{\"name\":\"pay\"")};
}

static enum status open_as(const struct request_state_use *use, struct slice state)
{
    struct arena arena;
    struct slice text = SLICE_EMPTY;
    arena_init(&arena, TEST_BYTES, NULL);
    enum status status = request_state_open(&world.gateway, use, state, &arena, &text);
    CHECK(status != STATUS_OK || slice_eq(text, SLICE("{\"a\":1}")));
    arena_release(&arena);
    return status;
}

TEST(request_state_opens_for_its_use_alone)
{
    static const struct {
        const char *name;
        struct request_state_use use;
        bool opens;
    } rows[] = {
        {"same",
         {ANN, SLICE_INIT("bank"), SLICE_INIT("tools/call"), SLICE_INIT("{\"name\":\"pay\"")},
         true},
        {"other caller",
         {BOB, SLICE_INIT("bank"), SLICE_INIT("tools/call"), SLICE_INIT("{\"name\":\"pay\"")},
         false},
        {"other server",
         {ANN, SLICE_INIT("shop"), SLICE_INIT("tools/call"), SLICE_INIT("{\"name\":\"pay\"")},
         false},
        {"other method",
         {ANN, SLICE_INIT("bank"), SLICE_INIT("prompts/get"), SLICE_INIT("{\"name\":\"pay\"")},
         false},
        {"other target",
         {ANN, SLICE_INIT("bank"), SLICE_INIT("tools/call"), SLICE_INIT("{\"name\":\"see\"")},
         false},
        {"other arguments",
         {ANN, SLICE_INIT("bank"), SLICE_INIT("tools/call"),
          SLICE_INIT("{\"name\":\"pay\",\"arguments\":{}")},
         false},
        {"a byte moved from one to the next",
         {ANN, SLICE_INIT("bankt"), SLICE_INIT("ools/call"), SLICE_INIT("{\"name\":\"pay\"")},
         false},
    };
    struct request_state_use use = use_of_ann();
    struct buf state;
    world_init(&world, PERMIT_ALL);
    buf_init(&state, TEST_BYTES, NULL);
    CHECK(request_state_seal(&world.gateway, &use, false, SLICE("{\"a\":1}"), &state) == STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        enum status status = open_as(&rows[i].use, buf_view(&state));
        CHECK_ROW(rows[i].name, status == (rows[i].opens ? STATUS_OK : STATUS_INVALID));
    }
    world.snapshot->sealing.keys[1][0] ^= 1;
    CHECK(open_as(&use, buf_view(&state)) == STATUS_INVALID);
    buf_release(&state);
    world_release(&world);
}

TEST(request_state_breaks_with_any_change)
{
    struct request_state_use use = use_of_ann();
    struct buf state;
    world_init(&world, PERMIT_ALL);
    buf_init(&state, TEST_BYTES, NULL);
    CHECK(request_state_seal(&world.gateway, &use, false, SLICE("{\"a\":1}"), &state) == STATUS_OK);
    for (size_t i = 0; i < state.len; i++) {
        uint8_t byte = state.ptr[i];
        state.ptr[i] = byte == 'A' ? 'B' : 'A';
        CHECK(open_as(&use, buf_view(&state)) == STATUS_INVALID);
        state.ptr[i] = byte;
        CHECK(open_as(&use, slice_sub(buf_view(&state), 0, i)) == STATUS_INVALID);
    }
    CHECK(open_as(&use, buf_view(&state)) == STATUS_OK);
    buf_append_byte(&state, 'A');
    CHECK(open_as(&use, buf_view(&state)) == STATUS_INVALID);
    buf_release(&state);
    world_release(&world);
}

TEST(request_state_differs_each_time_and_has_a_bound)
{
    struct request_state_use use = use_of_ann();
    struct buf text;
    struct buf first;
    struct buf second;
    world_init(&world, PERMIT_ALL);
    buf_init(&text, TEST_BYTES, NULL);
    buf_init(&first, TEST_BYTES, NULL);
    buf_init(&second, TEST_BYTES, NULL);
    while (text.len < REQUEST_STATE_BYTES_MAX) {
        buf_append_byte(&text, 'a');
    }
    CHECK(request_state_seal(&world.gateway, &use, false, buf_view(&text), &first) == STATUS_OK);
    CHECK(request_state_seal(&world.gateway, &use, false, buf_view(&text), &second) == STATUS_OK);
    CHECK(!slice_eq(buf_view(&first), buf_view(&second)));
    buf_append_byte(&text, 'a');
    CHECK(request_state_seal(&world.gateway, &use, false, buf_view(&text), &first) == STATUS_LIMIT);
    buf_release(&text);
    buf_release(&first);
    buf_release(&second);
    world_release(&world);
}

TEST(request_state_of_a_held_call_says_where)
{
    static const struct {
        const char *state;
        bool names;
        uint16_t loop;
    } rows[] = {{"aegis1.0.AAAA", true, 0},
                {"aegis1.65535.AAAA", true, 65535},
                {"aegis1.65536.AAAA", false, 0},
                {"aegis1.-1.AAAA", false, 0},
                {"aegis1.1x.AAAA", false, 0},
                {"aegis1..AAAA", false, 0},
                {"aegis1.AAAA", false, 0},
                {"aegis2.1.AAAA", false, 0},
                {"1.AAAA", false, 0},
                {"", false, 0},
                {"aegis1.", false, 0},
                {"aegis1.7.8.AAAA", false, 0}};
    struct request_state_use use = use_of_ann();
    struct buf state;
    uint16_t loop = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool names = request_state_loop(slice_view_cstr(rows[i].state), &loop);
        CHECK_ROW(rows[i].state, names == rows[i].names && (!names || loop == rows[i].loop));
    }
    world_init(&world, PERMIT_ALL);
    world.gateway.place.loop = 3;
    buf_init(&state, TEST_BYTES, NULL);
    CHECK(request_state_seal(&world.gateway, &use, true, SLICE("{\"a\":1}"), &state) == STATUS_OK);
    CHECK(request_state_loop(buf_view(&state), &loop) && loop == 3);
    CHECK(open_as(&use, buf_view(&state)) == STATUS_OK);
    /* Led to another loop it does not open. */
    state.ptr[strlen("aegis1.")] = '2';
    CHECK(open_as(&use, buf_view(&state)) == STATUS_INVALID);
    buf_release(&state);
    world_release(&world);
}
