/* What servers are told without anybody waiting: requests taken back, sessions that are over. */
#include "core/gateway/server_reply.h"

#include "core/gateway/server_session.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>

#define INITIALIZE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{}}}"
#define SEE "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"see\"}}"
#define CANCEL                                                                                     \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":2}}"

enum trouble {
    TAKEN_BACK,
    DISCONNECT,
    DEADLINE,
    SILENCE,
    FAULT,
    DOWN,
    SESSION_END,
};

static struct world world;
static struct gateway_server servers[2];
static struct world_client client, other;
static char session[512];

static void begin(bool server_is_modern, bool is_stdio)
{
    world_init(&world, PERMIT_ALL);
    memcpy(servers, world.snapshot->servers, sizeof(servers));
    servers[0].is_stdio = is_stdio;
    servers[0].revision = server_is_modern ? MCP_2026_07_28 : MCP_2025_11_25;
    world.snapshot->servers = servers;
    world.server_is_modern = server_is_modern;
}

/* A legacy server names the session that is being opened with it. */
static void name_session(const char *id)
{
    if (world.server_is_modern) {
        return;
    }
    world.held_method = "initialize";
    world_run(&world);
    struct world_call *opening = world_find_call(&world, "initialize");
    opening->sink.on_session(&opening->sink, slice_view_cstr(id));
}

/* A call of a legacy or of a modern client that the server has not answered. */
static struct world_call *call_of_client(bool client_is_modern)
{
    if (client_is_modern) {
        world_post(&world, &client, BANK, CALL_SEE, "tools/call", "see", NULL);
        name_session("s1");
    } else {
        world_post(&world, &client, BANK, INITIALIZE, NULL, NULL, NULL);
        name_session("s1");
        world.held_method = NULL;
        world_run(&world);
        memcpy(session, client.session_id, sizeof(session));
        world_post(&world, &client, BANK, SEE, NULL, NULL, session);
    }
    world.held_method = "tools/call";
    world_run(&world);
    struct world_call *call = world_find_call(&world, "tools/call");
    CHECK(call != NULL);
    return call;
}

static void make(enum trouble trouble, struct world_call *call)
{
    switch (trouble) {
    case TAKEN_BACK:
        world_post(&world, &other, BANK, CANCEL, NULL, NULL, session);
        break;
    case DISCONNECT:
        client.exchange.on_gone(&client.exchange);
        break;
    case DEADLINE:
        world_advance(&world, world.gateway.limits.operation_deadline_ms);
        break;
    case SILENCE:
        world_end(call, STATUS_TIMEOUT, "upstream.timeout");
        break;
    case FAULT:
        world_message(call, "{\"jsonrpc\":\"2.0\",\"id\":\"foreign\",\"result\":{}}");
        break;
    case DOWN:
        world_end(call, STATUS_UNAVAILABLE, "upstream.down");
        break;
    case SESSION_END:
        world_ask(&world, &other, "DELETE", BANK, session);
        break;
    }
    world_run(&world);
}

static struct world_call *find(const char *method)
{
    for (size_t i = 0; i < world.call_count; i++) {
        if (strcmp(world.calls[i].method, method) == 0) {
            return &world.calls[i];
        }
    }
    return NULL;
}

TEST(server_reply_takes_back_what_nobody_waits_for)
{
    static const struct {
        const char *name;
        bool client_is_modern, server_is_modern, is_stdio;
        enum trouble trouble;
        size_t told;
    } rows[] = {
        {"the client's notification", false, false, false, TAKEN_BACK, 1},
        {"the client's notification, to a modern server", false, true, false, TAKEN_BACK, 0},
        {"a legacy client's disconnect", false, false, false, DISCONNECT, 0},
        {"a modern client's disconnect", true, false, false, DISCONNECT, 1},
        {"a modern client's disconnect, to a modern server", true, true, false, DISCONNECT, 0},
        {"to a modern program", true, true, true, DISCONNECT, 1},
        {"to a legacy program", true, false, true, DISCONNECT, 1},
        {"the time of the operation", false, false, false, DEADLINE, 1},
        {"a silent server", false, false, false, SILENCE, 1},
        {"a silent modern server", true, true, false, SILENCE, 0},
        {"a server that broke a rule", false, false, false, FAULT, 1},
        {"a server that went down", false, false, false, DOWN, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char id[64];
        begin(rows[i].server_is_modern, rows[i].is_stdio);
        struct world_call *call = call_of_client(rows[i].client_is_modern);
        (void)snprintf(id, sizeof(id), "\"params\":{\"requestId\":%lld}}", (long long)call->id);
        make(rows[i].trouble, call);
        CHECK_ROW(rows[i].name,
                  world_count_calls(&world, "notifications/cancelled") == rows[i].told);
        const struct world_call *told = find("notifications/cancelled");
        CHECK_ROW(rows[i].name, told == NULL || (strstr(told->body, id) != NULL && told->id == 0 &&
                                                 told->server == 0));
        CHECK_ROW(rows[i].name,
                  told == NULL || rows[i].is_stdio || rows[i].server_is_modern ||
                      (strstr(told->fields, "Mcp-Session-Id: s1\n") != NULL &&
                       strstr(told->fields, "MCP-Protocol-Version: 2025-11-25\n") != NULL));
        world_release(&world);
    }
}

/* MCP 2025-11-25, cancellation: initialize is not cancelled. */
TEST(server_reply_takes_no_handshake_back)
{
    begin(false, false);
    world.held_method = "initialize";
    world_post(&world, &client, BANK, CALL_SEE, "tools/call", "see", NULL);
    world_run(&world);
    world_end(world_find_call(&world, "initialize"), STATUS_TIMEOUT, "upstream.timeout");
    world_run(&world);
    CHECK(client.status_code == 504);
    CHECK(world_count_calls(&world, "notifications/cancelled") == 0);
    CHECK(world_count_calls(&world, "DELETE") == 0);
    world_release(&world);
}

TEST(server_reply_of_what_was_answered_is_not_sent)
{
    begin(false, false);
    struct world_call *call = call_of_client(true);
    world_message(call, "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"content\":[]}}");
    client.exchange.on_gone(&client.exchange);
    world_run(&world);
    CHECK(call->is_cancelled && world_count_calls(&world, "notifications/cancelled") == 0);
    world_release(&world);
}

/* A server that does not take them gets no more, and the calls end all the same. */
TEST(server_reply_is_bounded)
{
    begin(false, false);
    struct world_call *call = call_of_client(true);
    client.exchange.on_gone(&client.exchange);
    world.held_method = "notifications/cancelled";
    world_run(&world);
    uint32_t *count = &world.gateway.sessions->reply_count;
    CHECK(*count == 1 && call->is_cancelled);
    *count = SERVER_REPLIES_MAX;
    server_reply_cancel(world.gateway.sessions, 1);
    CHECK(world_count_calls(&world, "notifications/cancelled") == 1);
    *count = SERVER_REPLIES_MAX - 1;
    server_reply_cancel(world.gateway.sessions, 1);
    CHECK(world_count_calls(&world, "notifications/cancelled") == 2);
    *count = 2;
    world_release(&world);
}

/* -- the end of a session ------------------------------------------------------------------ */

static const struct world_call *farewell(void)
{
    const struct world_call *call = find("DELETE");
    CHECK(call == NULL || (call->is_delete && call->id == 0 && call->body[0] == '\0'));
    return call;
}

TEST(server_reply_ends_the_session_of_a_client_that_left)
{
    begin(false, false);
    world_end(call_of_client(false), STATUS_UNAVAILABLE, "upstream.down");
    world.held_method = "DELETE";
    world_run(&world);
    CHECK(farewell() == NULL);
    world_ask(&world, &other, "DELETE", BANK, session);
    world_run(&world);
    /* Nobody waits for the server. */
    CHECK(other.status_code == 200 && world.gateway.session_count == 0);
    CHECK(farewell() != NULL && farewell()->is_open && world.gateway.farewell_count == 1);
    CHECK(strstr(farewell()->fields, "Mcp-Session-Id: s1\n") != NULL);
    world_end(world_find_call(&world, "DELETE"), STATUS_INVALID, "upstream.status");
    CHECK(world.gateway.farewell_count == 0);
    world_release(&world);
}

TEST(server_reply_ends_sessions_with_calls_and_idle_ones)
{
    for (int is_idle = 0; is_idle < 2; is_idle++) {
        begin(false, false);
        struct world_call *call = call_of_client(is_idle != 0);
        if (is_idle != 0) {
            world_message(call, "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"content\":[]}}");
            world_end(call, STATUS_OK, NULL);
            world_run(&world);
            world_advance(&world, world.gateway.limits.session_idle_ms);
        } else {
            make(SESSION_END, call);
            CHECK(client.is_released);
        }
        CHECK(world_count_calls(&world, "DELETE") == 1 && world.gateway.session_count == 0);
        world_release(&world);
    }
}

TEST(server_reply_ends_no_session_that_has_no_name_or_is_gone)
{
    static const char *const NAMES[] = {"modern", "program", "nameless", "lost"};
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        begin(i == 0, i == 1);
        if (i == 2) {
            world_post(&world, &client, BANK, CALL_SEE, "tools/call", "see", NULL);
            world.held_method = "tools/call";
            world_run(&world);
        } else {
            (void)call_of_client(true);
        }
        struct world_call *call = world_find_call(&world, "tools/call");
        if (i == 1) {
            /* Nobody gives ids over standard streams. */
            buf_clear(&world.gateway.sessions->session_id);
        }
        world_end(call, i == 3 ? STATUS_NOT_FOUND : STATUS_UNAVAILABLE,
                  i == 3 ? "upstream.session" : "upstream.down");
        world_run(&world);
        world.held_method = NULL;
        world_run(&world);
        world_advance(&world, 2 * world.gateway.limits.session_idle_ms);
        CHECK_ROW(NAMES[i],
                  world_count_calls(&world, "DELETE") == 0 && world.gateway.session_count == 0);
        world_release(&world);
    }
}

/* One that is opened anew is left to the server while others have calls in it. */
TEST(server_reply_leaves_a_session_to_the_calls_of_others)
{
    for (int has_other = 0; has_other < 2; has_other++) {
        begin(false, false);
        struct world_call *first = call_of_client(true);
        if (has_other != 0) {
            world_post(&world, &other, BANK, CALL_SEE, "tools/call", "see", NULL);
            world_run(&world);
        }
        world_end(first, STATUS_TIMEOUT, "upstream.timeout");
        world_run(&world);
        world_post(&world, &client, BANK, CALL_SEE, "tools/call", "see", NULL);
        world_run(&world);
        CHECK(world_count_calls(&world, "initialize") == 2);
        CHECK(world_count_calls(&world, "DELETE") == (has_other != 0 ? 0 : 1));
        world_release(&world);
    }
}

TEST(server_reply_keeps_to_its_farewells)
{
    begin(false, false);
    world_end(call_of_client(false), STATUS_UNAVAILABLE, "upstream.down");
    world_run(&world);
    world.gateway.farewell_count = SERVER_FAREWELLS_MAX;
    world_ask(&world, &other, "DELETE", BANK, session);
    world_run(&world);
    CHECK(other.status_code == 200 && farewell() == NULL);
    world.gateway.farewell_count = 0;
    world_release(&world);
}

/* The gateway does not stay for them. */
TEST(server_reply_is_forgotten_with_the_gateway)
{
    begin(false, false);
    world_end(call_of_client(false), STATUS_UNAVAILABLE, "upstream.down");
    world.held_method = "DELETE";
    world_run(&world);
    world_ask(&world, &other, "DELETE", BANK, session);
    world_run(&world);
    const struct world_call *call = farewell();
    CHECK(call != NULL && call->is_open);
    world_release(&world);
    CHECK(call->is_cancelled);
}

/* -- roots ---------------------------------------------------------------------------------- */

#define ROOTS_CHANGED "notifications/roots/list_changed"

static void begin_session(const char *capabilities)
{
    char body[512];
    snprintf(body, sizeof(body),
             "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
             "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{%s},\"clientInfo\":{}}}",
             capabilities);
    world_post(&world, &client, BANK, body, NULL, NULL, NULL);
    world_run(&world);
    memcpy(session, client.session_id, sizeof(session));
}

static void change_roots(void)
{
    world_post(&world, &client, BANK,
               "{\"jsonrpc\":\"2.0\",\"method\":\"" ROOTS_CHANGED "\",\"params\":{\"x\":1}}", NULL,
               NULL, session);
    world_run(&world);
}

TEST(server_hears_of_roots_that_change_if_it_may_ask_for_them)
{
    static const struct {
        const char *name, *capabilities, *policies;
        bool server_is_modern;
        size_t told;
    } rows[] = {
        {"they may change", "\"roots\":{\"listChanged\":true}", PERMIT_ALL, false, 1},
        {"they do not change", "\"roots\":{}", PERMIT_ALL, false, 0},
        {"there are none", "\"sampling\":{}", PERMIT_ALL, false, 0},
        {"the policies rule them out", "\"roots\":{\"listChanged\":true}",
         PERMIT_ALL "forbid(principal, action in Aegis::Action::\"roots\", resource);", false, 0},
        {"the server is of another era", "\"roots\":{\"listChanged\":true}", PERMIT_ALL, true, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        world_init(&world, rows[i].policies);
        world.server_is_modern = rows[i].server_is_modern;
        /* Another session of the same caller has nothing to do with it. */
        begin_session("\"roots\":{\"listChanged\":true}");
        begin_session(rows[i].capabilities);
        change_roots();
        CHECK_ROW(rows[i].name, client.status_code == 202);
        CHECK_ROW(rows[i].name, world_count_calls(&world, ROOTS_CHANGED) == rows[i].told);
        CHECK_ROW(rows[i].name, world_count_records(&world, ROOTS_CHANGED, "authz.allow") == 1);
        CHECK_ROW(rows[i].name, rows[i].told == 0 || strstr(world.calls[world.call_count - 1].body,
                                                            "params") == NULL);
        world_release(&world);
    }
}
