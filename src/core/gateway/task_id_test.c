#include "core/gateway/task_id.h"

#include "core/gateway/task_making.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <string.h>

#define TEST_BYTES ((size_t)1 << 20)
#define LIFETIME_S 2000
#define EXPIRES (1000000 + LIFETIME_S) /* the fake world's clock begins there */

static struct world world;
static const uint8_t ANN[32] = {1};
static const uint8_t BOB[32] = {2};
static const struct task_reference TASK = {.server = SLICE_INIT("bank"),
                                           .tool = SLICE_INIT("pay \"all\""),
                                           .own_id = SLICE_INIT("\"t\\u00e9-5\""),
                                           .expires_at_s = EXPIRES};

static void set_up(struct buf *id)
{
    world_init(&world, PERMIT_ALL);
    buf_init(id, TEST_BYTES, NULL);
    CHECK(task_id_seal(&world.gateway, ANN, &TASK, id) == STATUS_OK);
}

static void tear_down(struct buf *id)
{
    buf_release(id);
    world_release(&world);
}

static enum status open_as(const uint8_t *caller, bool is_modern, struct slice id, int64_t age_s)
{
    struct arena arena;
    struct task_reference task;
    arena_init(&arena, TEST_BYTES, NULL);
    world.now_ms = age_s * 1000;
    enum status status = task_id_open(&world.gateway, caller, is_modern, id, &arena, &task);
    if (status == STATUS_OK) {
        CHECK(slice_eq(task.server, TASK.server) && slice_eq(task.tool, TASK.tool));
        CHECK(slice_eq(task.own_id, TASK.own_id) && task.expires_at_s == EXPIRES);
    }
    arena_release(&arena);
    return status;
}

TEST(task_id_opens_for_its_caller_era_and_time_alone)
{
    static const struct {
        const char *name;
        const uint8_t *caller;
        bool is_modern;
        int64_t age_s;
        enum status status;
    } rows[] = {
        {"same", ANN, false, 0, STATUS_OK},
        {"last second", ANN, false, LIFETIME_S - 1, STATUS_OK},
        {"its time is over", ANN, false, LIFETIME_S, STATUS_INVALID},
        {"long over", ANN, false, LIFETIME_S * 1000, STATUS_INVALID},
        {"other caller", BOB, false, 0, STATUS_INVALID},
        {"other era", ANN, true, 0, STATUS_INVALID},
    };
    struct buf id;
    set_up(&id);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].name, open_as(rows[i].caller, rows[i].is_modern, buf_view(&id),
                                        rows[i].age_s) == rows[i].status);
    }
    tear_down(&id);
}

TEST(task_id_shows_nothing_and_cannot_be_changed)
{
    struct buf id;
    set_up(&id);
    char text[1024];
    CHECK(id.len < sizeof(text));
    memcpy(text, id.ptr, id.len);
    text[id.len] = '\0';
    CHECK(strstr(text, "bank") == NULL && strstr(text, "pay") == NULL);
    for (size_t i = 0; i < id.len; i++) {
        uint8_t was = id.ptr[i];
        id.ptr[i] = was == 'A' ? 'B' : 'A';
        CHECK(open_as(ANN, false, buf_view(&id), 0) == STATUS_INVALID);
        id.ptr[i] = was;
        CHECK(open_as(ANN, false, slice_sub(buf_view(&id), 0, i), 0) == STATUS_INVALID);
    }
    CHECK(open_as(ANN, false, buf_view(&id), 0) == STATUS_OK);
    tear_down(&id);
}

TEST(task_id_has_room_for_names_up_to_its_limit)
{
    static char name[TASK_ID_TEXT_BYTES_MAX];
    struct task_reference task = TASK;
    struct buf id;
    set_up(&id);
    memset(name, 'n', sizeof(name));
    /* {"expires":1002000,"server":"bank","tool":"","task":"té-5"} */
    size_t others = sizeof("{\"expires\":1002000,\"server\":\"bank\",\"tool\":\"\",\"task\":}") -
                    1 + TASK.own_id.len;
    task.tool = slice_of((const uint8_t *)name, TASK_ID_TEXT_BYTES_MAX - others);
    buf_clear(&id);
    CHECK(task_id_seal(&world.gateway, ANN, &task, &id) == STATUS_OK);
    task.tool.len++;
    buf_clear(&id);
    CHECK(task_id_seal(&world.gateway, ANN, &task, &id) == STATUS_LIMIT);
    tear_down(&id);
}

/* As the server writes it, with its quotes: longer ones are no tasks. */
TEST(task_id_of_a_server_is_so_long)
{
    for (size_t over = 0; over < 2; over++) {
        struct slice own_id = SLICE_EMPTY;
        struct json_tape tape;
        struct arena arena;
        struct buf text;
        bool is_task = false;
        world_init(&world, PERMIT_ALL);
        arena_init(&arena, TEST_BYTES, NULL);
        buf_init(&text, TEST_BYTES, NULL);
        buf_append(&text, SLICE("{\"status\":\"working\",\"taskId\":\""));
        for (size_t i = 2; i < TASK_OWN_ID_BYTES_MAX + over; i++) {
            buf_append_byte(&text, 't');
        }
        buf_append(&text, SLICE("\"}"));
        CHECK(json_parse(&world.gateway.parser, buf_view(&text), &arena, &tape, NULL) == STATUS_OK);
        CHECK(task_read((struct json_place){&tape, 0}, &arena, &own_id, &is_task) == STATUS_OK);
        CHECK(is_task == (over == 0));
        CHECK(own_id.len == (over == 0 ? TASK_OWN_ID_BYTES_MAX - 2 : 0));
        buf_release(&text);
        arena_release(&arena);
        world_release(&world);
    }
}
