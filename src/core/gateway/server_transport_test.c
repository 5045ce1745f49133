/* How a server with an address is reached: POST first, then HTTP with SSE (MCP 2024-11-05). */
#include "core/gateway/server_session.h"

#include "support/check.h"
#include "support/fake_world.h"

#define INITIALIZE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{}}}"

static struct world world;
static struct gateway_server servers[2];
static struct world_client client;

static void begin(enum server_transport transport, enum mcp_revision revision)
{
    world_init(&world, PERMIT_ALL);
    memcpy(servers, world.snapshot->servers, sizeof(servers));
    servers[0].transport = transport;
    servers[0].revision = revision;
    world.snapshot->servers = servers;
}

/* A modern client's call. */
static void call(void)
{
    world_post(&world, &client, BANK, CALL_SEE, "tools/call", "see", NULL);
    world_run(&world);
}

/* The server refuses what comes by POST; returns the next handshake, or NULL. */
static struct world_call *refuse_posts(int http_status)
{
    bool is_legacy =
        servers[0].revision != MCP_REVISION_NONE && !mcp_revision_is_modern(servers[0].revision);
    world.held_method = is_legacy ? "initialize" : "server/discover";
    call();
    struct world_call *asked = world_find_call(&world, "server/discover");
    if (asked != NULL) {
        world_refuse(asked, http_status);
        world.held_method = "initialize";
        world_run(&world);
    }
    asked = world_find_call(&world, "initialize");
    if (asked != NULL && asked->child == 0) {
        world_refuse(asked, http_status);
        world_run(&world);
        asked = world_find_call(&world, "initialize");
    }
    return asked;
}

static void finish(void)
{
    world.held_method = NULL;
    world_run(&world);
}

TEST(server_transport_falls_back_to_a_stream)
{
    static const struct {
        int http_status;
        enum server_transport transport;
        enum mcp_revision revision;
        bool has_stream;
    } rows[] = {
        {400, SERVER_TRANSPORT_ANY, MCP_REVISION_NONE, true},
        {404, SERVER_TRANSPORT_ANY, MCP_REVISION_NONE, true},
        {405, SERVER_TRANSPORT_ANY, MCP_REVISION_NONE, true},
        {405, SERVER_TRANSPORT_ANY, MCP_2024_11_05, true},
        {401, SERVER_TRANSPORT_ANY, MCP_REVISION_NONE, false},
        {403, SERVER_TRANSPORT_ANY, MCP_REVISION_NONE, false},
        {406, SERVER_TRANSPORT_ANY, MCP_REVISION_NONE, false},
        {500, SERVER_TRANSPORT_ANY, MCP_REVISION_NONE, false},
        {200, SERVER_TRANSPORT_ANY, MCP_REVISION_NONE, false},
        {404, SERVER_TRANSPORT_STREAMABLE, MCP_REVISION_NONE, false},
        {404, SERVER_TRANSPORT_ANY, MCP_2026_07_28, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(rows[i].transport, rows[i].revision);
        const struct world_call *handshake = refuse_posts(rows[i].http_status);
        CHECK((handshake != NULL) == rows[i].has_stream);
        if (rows[i].has_stream) {
            uint64_t child = handshake->child;
            CHECK(child != 0 && handshake->fields[0] == '\0');
            world.held_method = "tools/call";
            world_run(&world);
            CHECK(world_find_call(&world, "tools/call")->child == child);
            finish();
        }
        CHECK(client.status_code == (rows[i].has_stream ? 200 : 502));
        CHECK(world_count_calls(&world, "DELETE") == 0);
        world_release(&world);
        CHECK(world.closed_children == (rows[i].has_stream ? 1 : 0));
    }
}

/* Legacy clients meet servers in their own era first, and the same order ends it. */
TEST(server_transport_falls_back_for_legacy_clients)
{
    begin(SERVER_TRANSPORT_ANY, MCP_REVISION_NONE);
    world.held_method = "initialize";
    world_post(&world, &client, BANK, INITIALIZE, NULL, NULL, NULL);
    world_run(&world);
    world_refuse(world_find_call(&world, "initialize"), 405);
    world.held_method = "server/discover";
    world_run(&world);
    CHECK(world_count_calls(&world, "initialize") == 1);
    world_refuse(world_find_call(&world, "server/discover"), 405);
    world.held_method = "tools/list";
    world_run(&world);
    CHECK(world_count_calls(&world, "initialize") == 2);
    CHECK(world_find_call(&world, "tools/list")->child != 0);
    finish();
    CHECK(client.status_code == 200);
    world_release(&world);
}

/* A body that is no message says the same as none. */
TEST(server_transport_falls_back_after_other_words)
{
    static const char *const BODIES[] = {
        "{\"detail\":\"Method Not Allowed\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,\"message\":\"Bad\"}}",
    };
    for (size_t i = 0; i < COUNT_OF(BODIES); i++) {
        begin(SERVER_TRANSPORT_ANY, MCP_2025_11_25);
        world.held_method = "initialize";
        call();
        struct world_call *handshake = world_find_call(&world, "initialize");
        handshake->sink.http_status = 405;
        world_message(handshake, BODIES[i]);
        struct world_call *next = world_find_call(&world, "initialize");
        CHECK_ROW(BODIES[i], next != NULL && next != handshake && next->child != 0);
        finish();
        CHECK_ROW(BODIES[i], client.status_code == 200);
        world_release(&world);
    }
}

TEST(server_transport_that_is_known_is_not_looked_for)
{
    begin(SERVER_TRANSPORT_SSE, MCP_REVISION_NONE);
    world.held_method = "initialize";
    call();
    CHECK(world.call_count == 1 && world.calls[0].child != 0);
    world_refuse(&world.calls[0], 404);
    world_run(&world);
    CHECK(client.status_code == 502 && world.call_count == 1);
    world_release(&world);
}

/* What was no stream either is asked from the start the next time. */
TEST(server_transport_is_looked_for_again)
{
    begin(SERVER_TRANSPORT_ANY, MCP_2025_11_25);
    world_refuse(refuse_posts(404), 404);
    world_run(&world);
    CHECK(client.status_code == 502 && world.closed_children == 1);
    world_advance(&world, SERVER_SESSION_RETRY_MS);
    call();
    CHECK(world_find_call(&world, "initialize")->child == 0);
    finish();
    CHECK(client.status_code == 200);
    world_release(&world);
}

TEST(server_transport_is_kept_when_the_stream_ends)
{
    begin(SERVER_TRANSPORT_ANY, MCP_2025_11_25);
    uint64_t child = refuse_posts(404)->child;
    finish();
    gateway_child_gone(&world.gateway, 0, child);
    world.held_method = "initialize";
    call();
    CHECK(world_find_call(&world, "initialize")->child == child);
    finish();
    CHECK(client.status_code == 200);
    world_release(&world);
}
