#include "core/gateway/list_changes.h"

#include "core/gateway/client_session.h"
#include "core/gateway/server_session.h"
#include "support/check.h"
#include "support/fake_world.h"

#define MOMENT_MS 200

enum { TOOLS, PROMPTS, RESOURCES };

static struct timer *armed;
static int64_t now_ms;
static uint32_t told[16];
static size_t told_count;

static void start(void *context, struct timer *timer, int64_t after_ms)
{
    (void)context;
    timer->due_ms = now_ms + after_ms;
    armed = timer;
}

static void stop(void *context, struct timer *timer)
{
    (void)context;
    timer->due_ms = 0;
    armed = NULL;
}

static const struct port_timer PORT = {.start = start, .stop = stop};

static void tell(struct list_changes *changes, uint32_t lists)
{
    (void)changes;
    CHECK(told_count < COUNT_OF(told));
    told[told_count++] = lists;
}

static void pass(int64_t ms)
{
    now_ms += ms;
    if (armed != NULL && armed->due_ms <= now_ms) {
        struct timer *timer = armed;
        stop(NULL, timer);
        timer->fire(timer);
    }
}

static struct list_changes begin(void)
{
    armed = NULL;
    now_ms = 1000;
    told_count = 0;
    return (struct list_changes){.port = &PORT, .moment_ms = MOMENT_MS, .tell = tell};
}

static void take(struct list_changes *changes, int list)
{
    list_changes_take(changes, &LISTEN_LIST[list]);
}

TEST(list_changes_do_not_delay_the_first)
{
    struct list_changes changes = begin();
    take(&changes, TOOLS);
    CHECK(told_count == 1 && told[0] == MCP_OFFERS_TOOLS_CHANGED);
    take(&changes, PROMPTS); /* of another kind: the first, too */
    CHECK(told_count == 2 && told[1] == MCP_OFFERS_PROMPTS_CHANGED);
    pass(MOMENT_MS);
    CHECK(told_count == 2 && armed == NULL);
    take(&changes, TOOLS);
    CHECK(told_count == 3);
}

TEST(list_changes_are_merged_and_the_last_is_told)
{
    struct list_changes changes = begin();
    for (int i = 0; i < 5; i++) {
        take(&changes, TOOLS);
        take(&changes, RESOURCES);
    }
    CHECK(told_count == 2);
    pass(MOMENT_MS - 1);
    CHECK(told_count == 2);
    pass(1);
    CHECK(told_count == 3);
    CHECK(told[2] == (MCP_OFFERS_TOOLS_CHANGED | MCP_OFFERS_RESOURCES_CHANGED));
    take(&changes, TOOLS); /* the moment begins again with what was told */
    CHECK(told_count == 3);
    pass(MOMENT_MS);
    CHECK(told_count == 4 && told[3] == MCP_OFFERS_TOOLS_CHANGED);
    pass(MOMENT_MS);
    CHECK(told_count == 4 && armed == NULL);
}

TEST(list_changes_end_with_what_they_are_part_of)
{
    struct list_changes changes = begin();
    take(&changes, TOOLS);
    take(&changes, TOOLS);
    list_changes_end(&changes);
    pass(10 * MOMENT_MS);
    CHECK(told_count == 1);
    list_changes_end(&changes);
    struct list_changes none = {0};
    list_changes_end(&none);
}

/* -- through the gateway ------------------------------------------------------------------- */

#define INITIALIZE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{}}}"
#define LISTEN                                                                                     \
    "{\"jsonrpc\":\"2.0\",\"id\":\"l\",\"method\":\"subscriptions/listen\",\"params\":{"           \
    "\"notifications\":{\"toolsListChanged\":true}," META "}}"
#define INITIALIZED                                                                                \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"protocolVersion\":\"2025-11-25\","              \
    "\"capabilities\":{\"tools\":{\"listChanged\":true}},\"serverInfo\":{}}}"
#define CHANGED "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}"

static const struct world_answer ANSWERS[] = {{0, "initialize", INITIALIZED},
                                              {1, "initialize", INITIALIZED}};
static struct world world;
static struct world_client listener, poster;

static size_t heard(void)
{
    size_t count = 0;
    for (const char *at = listener.body; (at = strstr(at, "tools/list_changed")) != NULL; at++) {
        count++;
    }
    return count;
}

/* Both servers say it twice. */
static void say_all(void)
{
    for (size_t i = 0; i < world.call_count; i++) {
        if (world.calls[i].is_standing && world.calls[i].is_open) {
            world_message(&world.calls[i], CHANGED);
            world_message(&world.calls[i], CHANGED);
        }
    }
    world_run(&world);
}

TEST(list_changes_of_several_servers_reach_a_client_as_one)
{
    for (int is_modern = 0; is_modern < 2; is_modern++) {
        char session[sizeof(poster.session_id)];
        world_init(&world, PERMIT_ALL);
        world.server_session = "up";
        world.answers = ANSWERS;
        world.answer_count = COUNT_OF(ANSWERS);
        if (is_modern) {
            world_post(&world, &listener, "/mcp", LISTEN, "subscriptions/listen", NULL, NULL);
        } else {
            world_post(&world, &poster, "/mcp", INITIALIZE, NULL, NULL, NULL);
            world_run(&world);
            memcpy(session, poster.session_id, sizeof(session));
            world_ask(&world, &listener, "GET", "/mcp", session);
        }
        world_run(&world);
        CHECK(world_count_calls(&world, "GET") == 2);
        say_all();
        CHECK(heard() == 1);
        world_advance(&world, world.gateway.limits.list_changes_ms);
        CHECK(heard() == 2);
        world_advance(&world, world.gateway.limits.list_changes_ms);
        CHECK(heard() == 2);
        say_all();
        CHECK(heard() == 3);
        if (is_modern) { /* what waits goes with who waits for it */
            listener.exchange.on_gone(&listener.exchange);
        } else {
            world_ask(&world, &poster, "DELETE", "/mcp", session);
        }
        world_run(&world);
        world_advance(&world, world.gateway.limits.list_changes_ms);
        CHECK(heard() == 3 && world.gateway.operation_count == 0);
        world_release(&world);
    }
}
