#include "core/gateway/client_tasks.h"

#include "support/check.h"
#include "support/fake_world.h"

static struct world world;
static struct client_session *session;

static void begin(void)
{
    static const struct session_token TOKEN = {.caller = {1}, .nonce = {2}};
    world_init(&world, PERMIT_ALL);
    session = client_session_new(&world.gateway, &TOKEN, world.snapshot->local_principal);
    CHECK(session != NULL);
}

static enum status add(uint32_t server_index, const char *own_id)
{
    struct client_task task = {.server_index = server_index,
                               .own_id = slice_view_cstr(own_id),
                               .tool = SLICE("see"),
                               .id = SLICE("task1.x")};
    return client_tasks_add(session, &task);
}

static bool has(uint32_t server_index, const char *own_id)
{
    const struct client_task *task =
        client_tasks_find(session, server_index, slice_view_cstr(own_id));
    return task != NULL && slice_eq(task->own_id, slice_view_cstr(own_id)) &&
           slice_eq(task->tool, SLICE("see")) && slice_eq(task->id, SLICE("task1.x"));
}

TEST(client_tasks_are_found_by_server_and_id)
{
    begin();
    CHECK(!has(0, "a"));
    CHECK(add(0, "a") == STATUS_OK && add(1, "b") == STATUS_OK);
    CHECK(has(0, "a") && has(1, "b"));
    CHECK(!has(1, "a") && !has(0, "b") && !has(0, "") && !has(0, "A") && !has(0, "aa"));
    world_release(&world);
}

TEST(client_tasks_forget_the_oldest)
{
    enum { KEPT = 2 };
    begin();
    world.gateway.limits.session_tasks = KEPT;
    CHECK(add(0, "a") == STATUS_OK && add(0, "b") == STATUS_OK);
    CHECK(has(0, "a") && session->task_count == KEPT);
    CHECK(add(0, "c") == STATUS_OK && session->task_count == KEPT);
    CHECK(!has(0, "a") && has(0, "b") && has(0, "c"));
    world_release(&world);
}

TEST(client_tasks_are_charged_to_their_session)
{
    begin();
    size_t before = session->account.used_bytes;
    CHECK(add(0, "a") == STATUS_OK);
    size_t bytes = session->account.used_bytes - before;
    session->account.limit_bytes = session->account.used_bytes + bytes - 1;
    CHECK(add(0, "b") == STATUS_LIMIT && !has(0, "b") && session->task_count == 1);
    session->account.limit_bytes++;
    CHECK(add(0, "b") == STATUS_OK && has(0, "b"));
    client_tasks_release(session);
    CHECK(session->account.used_bytes == before && session->task_count == 0);
    world_release(&world);
}
