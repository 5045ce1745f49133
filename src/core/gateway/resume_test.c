/* Streams of legacy servers that end early, and sessions with servers that are over. */
#include "core/gateway/call.h"

#include "support/check.h"
#include "support/fake_world.h"

#define LEGACY_LIST "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META "}}"
#define RESULT "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"content\":[]}}"

static struct world world;
static struct world_client client;

/* A call that runs in a session that the server has named. */
static struct world_call *begin(void)
{
    world_init(&world, PERMIT_ALL);
    world.held_method = "initialize";
    world_post(&world, &client, BANK, CALL_SEE, "tools/call", "see", NULL);
    world_run(&world);
    struct world_call *opening = world_find_call(&world, "initialize");
    opening->sink.on_session(&opening->sink, SLICE("s1"));
    world.held_method = "tools/call";
    world_run(&world);
    struct world_call *call = world_find_call(&world, "tools/call");
    CHECK(call != NULL && call->is_in_session);
    return call;
}

static bool has_field(const struct world_call *call, const char *text)
{
    return call != NULL && strstr(call->fields, text) != NULL;
}

/* The server need not end a stream that was opened by a GET: the answer ends the call. */
static void finish(struct world_call *stream)
{
    world_message(stream, RESULT);
    CHECK(!stream->is_open && stream->is_cancelled);
    world_run(&world);
}

TEST(resume_goes_on_where_the_server_hung_up)
{
    static const struct {
        const char *name;
        enum status status;
        const char *code;
        int64_t retry_ms, waits_ms;
    } rows[] = {
        {"closed", STATUS_OK, NULL, 500, 500},
        {"closed, without a time", STATUS_OK, NULL, -1, CALL_RESUME_MS},
        {"closed, for very long", STATUS_OK, NULL, INT64_MAX, CALL_RESUME_MS_MAX},
        {"at once", STATUS_OK, NULL, 0, 0},
        {"cut", STATUS_INVALID, "upstream.truncated", 500, 500},
        {"down", STATUS_UNAVAILABLE, "upstream.down", 500, 500},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world_call *call = begin();
        world_position(call, "e1", rows[i].retry_ms);
        world_position(call, "e2", -1);
        world_end(call, rows[i].status, rows[i].code);
        world_run(&world);
        if (rows[i].waits_ms > 0) {
            world_advance(&world, rows[i].waits_ms - 1);
            CHECK_ROW(rows[i].name, world_find_call(&world, "GET") == NULL);
        }
        world_advance(&world, 1);
        struct world_call *stream = world_find_call(&world, "GET");
        CHECK_ROW(rows[i].name, has_field(stream, "Last-Event-ID: e2\n"));
        CHECK_ROW(rows[i].name, has_field(stream, "Mcp-Session-Id: s1\n"));
        CHECK_ROW(rows[i].name, has_field(stream, "MCP-Protocol-Version: 2025-11-25\n"));
        finish(stream);
        CHECK_ROW(rows[i].name, client.is_replied && client.status_code == 200);
        CHECK_ROW(rows[i].name, world_count_calls(&world, "tools/call") == 1);
        world_release(&world);
    }
}

TEST(resume_needs_a_place_to_go_on_from)
{
    char long_id[CALL_EVENT_ID_BYTES_MAX + 2];
    memset(long_id, 'x', sizeof(long_id) - 1);
    long_id[sizeof(long_id) - 1] = '\0';
    static const struct {
        const char *name;
        bool has_id, is_long;
        enum status status;
        const char *code;
    } rows[] = {
        {"no id", false, false, STATUS_OK, NULL},
        {"an id that is too long", true, true, STATUS_OK, NULL},
        {"another fault", true, false, STATUS_INVALID, "upstream.event"},
        {"too slow", true, false, STATUS_TIMEOUT, "upstream.timeout"},
        {"too much", true, false, STATUS_LIMIT, "upstream.too_large"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world_call *call = begin();
        world_position(call, rows[i].is_long ? long_id : (rows[i].has_id ? "e1" : ""), 0);
        world_end(call, rows[i].status, rows[i].code);
        world_run(&world);
        world_advance(&world, CALL_RESUME_MS_MAX);
        CHECK_ROW(rows[i].name, world_count_calls(&world, "GET") == 0);
        CHECK_ROW(rows[i].name, client.is_replied && client.status_code > 500);
        world_release(&world);
    }
}

/* A server that hangs up again and again without a word is left. */
TEST(resume_is_bounded)
{
    struct world_call *call = begin();
    world_position(call, "e1", 1);
    world_end(call, STATUS_OK, NULL);
    for (size_t i = 0; i < CALL_RESUMES_MAX; i++) {
        world_advance(&world, 1);
        struct world_call *stream = world_find_call(&world, "GET");
        CHECK(stream != NULL && !client.is_released);
        world_end(stream, STATUS_UNAVAILABLE, "upstream.down");
    }
    world_run(&world);
    CHECK(client.status_code == 503);
    world_release(&world);
}

TEST(resume_goes_on_with_what_makes_progress)
{
    struct world_call *call = begin();
    world_position(call, "e", 1);
    world_end(call, STATUS_OK, NULL);
    for (size_t i = 0; i < 3 * CALL_RESUMES_MAX; i++) {
        world_advance(&world, 1);
        struct world_call *stream = world_find_call(&world, "GET");
        world_position(stream, "f", -1);
        world_end(stream, STATUS_OK, NULL);
    }
    world_advance(&world, 1);
    finish(world_find_call(&world, "GET"));
    CHECK(client.status_code == 200);
    world_release(&world);
}

/* The client leaves or the gateway closes while nothing is under way. */
TEST(resume_may_be_cancelled_before_it_begins)
{
    for (int i = 0; i < 2; i++) {
        struct world_call *call = begin();
        world_position(call, "e1", 5000);
        world_end(call, STATUS_OK, NULL);
        if (i == 0) {
            client.exchange.on_gone(&client.exchange);
        } else {
            gateway_close(&world.gateway);
        }
        world_run(&world);
        world_advance(&world, CALL_RESUME_MS_MAX);
        CHECK(world_count_calls(&world, "GET") == 0);
        CHECK(client.is_released);
        world_release(&world);
    }
}

/* -- sessions that are over ---------------------------------------------------------------- */

TEST(expired_session_is_opened_anew_once)
{
    struct world_call *call = begin();
    world_end(call, STATUS_NOT_FOUND, "upstream.session");
    world_run(&world);
    CHECK(world_count_calls(&world, "initialize") == 2);
    struct world_call *second = world_find_call(&world, "tools/call");
    CHECK(second != NULL && !has_field(second, "Mcp-Session-Id"));
    CHECK(world_count_records(&world, "\"intent\"", "bank.see") == 2);
    CHECK(world_count_records(&world, "\"outcome\"", "upstream.session") == 1);
    world_end(second, STATUS_NOT_FOUND, "upstream.session");
    world_run(&world);
    CHECK(world_count_calls(&world, "tools/call") == 2 && client.status_code == 503);
    CHECK(world_count_records(&world, "\"outcome\"", "upstream.session") == 2);
    world_release(&world);
}

TEST(expired_session_call_is_judged_anew)
{
    struct world_call *call = begin();
    gateway_switch(&world.gateway, world_snapshot("", ALL_REVISIONS));
    world_end(call, STATUS_NOT_FOUND, "upstream.session");
    world_run(&world);
    CHECK(world_count_calls(&world, "tools/call") == 1);
    CHECK(client.is_replied && strstr(client.body, "denied by policy") != NULL);
    CHECK(world_count_records(&world, "authz.deny", "bank.see") == 1);
    world_release(&world);
}

TEST(expired_session_list_is_asked_anew_once)
{
    struct world_call *call = begin();
    world_message(call, RESULT);
    world_end(call, STATUS_OK, NULL);
    world_run(&world);
    world.held_method = "tools/list";
    for (int i = 0; i < 2; i++) {
        world_post(&world, &client, BANK, LEGACY_LIST, "tools/list", NULL, NULL);
        world_run(&world);
        world_end(world_find_call(&world, "tools/list"), STATUS_NOT_FOUND, "upstream.session");
        world_run(&world);
        struct world_call *opening = world_find_call(&world, "tools/list");
        CHECK(opening != NULL && !client.is_released);
        world.held_method = i == 0 ? NULL : "tools/list";
        if (i == 1) {
            world_end(opening, STATUS_NOT_FOUND, "upstream.session");
        }
        world_run(&world);
        CHECK(client.status_code == (i == 0 ? 200 : 503));
        world.held_method = "tools/list";
    }
    world_release(&world);
}
