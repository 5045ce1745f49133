/* What the gateway says of itself in a handshake: what its servers say, and nothing it has not. */
#include "core/gateway/server_session.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>
#include <string.h>

#define ALL "/mcp"
#define INITIALIZE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{}}}"
#define DISCOVER                                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"server/discover\",\"params\":{" META "}}"
#define INITIALIZED(members)                                                                       \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"protocolVersion\":\"2025-11-25\"," members      \
    ",\"serverInfo\":{\"name\":\"s\",\"version\":\"1\"}}}"
#define DISCOVERED(members)                                                                        \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\","                     \
    "\"supportedVersions\":[\"2026-07-28\"]," members "}}"
#define BANK_OFFERS                                                                                \
    "\"capabilities\":{\"tools\":{\"listChanged\":true},\"tasks\":{}},\"instructions\":\"ask \\\"" \
    "bank\\\"\""
#define SHOP_OFFERS "\"capabilities\":{\"prompts\":{},\"completions\":{}},\"instructions\":\"no\""

static struct world world;
static struct world_client client;

static const struct world_answer LEGACY_ANSWERS[] = {
    {0, "initialize", INITIALIZED(BANK_OFFERS)},
    {1, "initialize", INITIALIZED(SHOP_OFFERS)},
};
static const struct world_answer MODERN_ANSWERS[] = {
    {0, "server/discover", DISCOVERED(BANK_OFFERS)},
    {1, "server/discover", DISCOVERED(SHOP_OFFERS)},
};

static bool body_has(const char *text)
{
    return strstr(client.body, text) != NULL;
}

static void begin(bool servers_are_modern)
{
    world_init(&world, PERMIT_ALL);
    world.server_is_modern = servers_are_modern;
    world.answers = servers_are_modern ? MODERN_ANSWERS : LEGACY_ANSWERS;
    world.answer_count = COUNT_OF(LEGACY_ANSWERS);
}

static void shake(const char *target, bool is_modern)
{
    world_post(&world, &client, target, is_modern ? DISCOVER : INITIALIZE,
               is_modern ? "server/discover" : NULL, NULL, NULL);
    world_run(&world);
}

TEST(handshake_says_what_the_servers_say)
{
    static const struct {
        const char *name, *target, *capabilities;
        const char *changing;     /* of a server that can be listened to */
        const char *instructions; /* NULL: none */
    } rows[] = {
        {"one server", BANK, "\"capabilities\":{\"tools\":{}}",
         "\"capabilities\":{\"tools\":{\"listChanged\":true}}",
         "\"instructions\":\"ask \\\"bank\\\"\""},
        {"all of them", ALL, "\"capabilities\":{\"tools\":{},\"prompts\":{},\"completions\":{}}",
         "\"capabilities\":{\"tools\":{\"listChanged\":true},\"prompts\":{},\"completions\":{}}",
         NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows) * 4; i++) {
        size_t row = i / 4;
        begin(i % 2 == 1);
        shake(rows[row].target, i / 2 % 2 == 1);
        CHECK_ROW(rows[row].name, client.status_code == 200);
        CHECK_ROW(rows[row].name,
                  body_has(i % 2 == 1 ? rows[row].changing : rows[row].capabilities));
        CHECK_ROW(rows[row].name, rows[row].instructions == NULL
                                      ? !body_has("instructions")
                                      : body_has(rows[row].instructions));
        CHECK_ROW(rows[row].name, world.gateway.operation_count == 0);
        world_release(&world);
    }
}

/* One that is down takes its part away; where it is all there is, nothing can be said. */
TEST(handshake_without_a_server)
{
    for (size_t i = 0; i < 4; i++) {
        bool is_modern = i % 2 == 1;
        bool is_all = i / 2 == 1;
        begin(true);
        world.held_method = is_modern ? "server/discover" : "initialize";
        shake(is_all ? ALL : BANK, is_modern);
        CHECK(!client.is_replied);
        world_end(&world.calls[0], STATUS_UNAVAILABLE, "upstream.down");
        world.held_method = NULL;
        world_run(&world);
        CHECK(client.is_replied && (client.session_id[0] != 0) == (is_all && !is_modern));
        CHECK(is_all ? client.status_code == 200 &&
                           body_has("\"capabilities\":{\"prompts\":{},\"completions\":{}}")
                     : body_has("upstream_down") && !body_has("capabilities"));
        world_release(&world);
    }
}

/* A slow server keeps nobody from the others. */
TEST(handshake_waits_no_longer_than_a_list)
{
    begin(true);
    world.held_method = "server/discover";
    shake(ALL, true);
    world_end(&world.calls[1], STATUS_UNAVAILABLE, "upstream.down");
    world_advance(&world, world.gateway.limits.list_timeout_ms + 1);
    world_run(&world);
    CHECK(client.is_replied && body_has("upstream_timeout"));
    CHECK(world.gateway.operation_count == 0);
    world_release(&world);
}

/* What is long is not kept for every caller. */
TEST(handshake_drops_long_instructions)
{
    static char json[WORLD_TEXT_BYTES];
    static const char HEAD[] = "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":"
                               "\"complete\",\"supportedVersions\":[\"2026-07-28\"],"
                               "\"capabilities\":{\"prompts\":{}},\"instructions\":\"";
    for (size_t over = 0; over < 2; over++) {
        size_t len = SERVER_SESSION_INSTRUCTIONS_BYTES_MAX - 2 + over; /* without the quotes */
        size_t at = sizeof(HEAD) - 1;
        memcpy(json, HEAD, at);
        memset(json + at, 'a', len);
        memcpy(json + at + len, "\"}}", sizeof("\"}}"));
        const struct world_answer answer = {0, "server/discover", json};
        begin(true);
        world.answers = &answer;
        world.answer_count = 1;
        shake(BANK, true);
        CHECK(client.status_code == 200 && body_has("\"prompts\":{}"));
        CHECK(body_has("\"instructions\":\"aaa") == (over == 0));
        world_release(&world);
    }
}

#define ONLY(revision) MCP_REVISION_BIT(revision)
#define INITIALIZE_WITH(version)                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"                         \
    "\"protocolVersion\":" version ",\"capabilities\":{},\"clientInfo\":{}}}"

TEST(handshake_agrees_on_a_listed_revision)
{
    static const struct {
        const char *name;
        uint32_t spoken;
        const char *asked, *agreed; /* NULL: refused */
    } rows[] = {
        {"the oldest", ALL_REVISIONS, "\"2024-11-05\"", "2024-11-05"},
        {"with batches", ALL_REVISIONS, "\"2025-03-26\"", "2025-03-26"},
        {"the newest", ALL_REVISIONS, "\"2025-11-25\"", "2025-11-25"},
        {"unknown", ALL_REVISIONS, "\"2024-10-07\"", "2025-11-25"},
        {"to come", ALL_REVISIONS, "\"v999\"", "2025-11-25"},
        {"modern", ALL_REVISIONS, "\"2026-07-28\"", "2025-11-25"},
        {"no text", ALL_REVISIONS, "20250618", "2025-11-25"},
        {"not listed", ONLY(MCP_2025_03_26) | ONLY(MCP_2025_06_18), "\"2025-11-25\"", "2025-06-18"},
        {"not listed and older", ONLY(MCP_2025_11_25), "\"2024-11-05\"", "2025-11-25"},
        {"none is listed", MCP_REVISIONS_MODERN, "\"2025-11-25\"", NULL},
        {"none is listed, and no text", MCP_REVISIONS_MODERN, "[]", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char body[512], agreed[64];
        begin(true);
        gateway_switch(&world.gateway, world_snapshot(PERMIT_ALL, rows[i].spoken));
        snprintf(body, sizeof(body), INITIALIZE_WITH("%s"), rows[i].asked);
        world_post(&world, &client, BANK, body, NULL, NULL, NULL);
        world_run(&world);
        snprintf(agreed, sizeof(agreed), "\"protocolVersion\":\"%s\"",
                 rows[i].agreed == NULL ? "" : rows[i].agreed);
        CHECK_ROW(rows[i].name, rows[i].agreed == NULL
                                    ? client.status_code == 400 && body_has("-32022") &&
                                          body_has("\"supported\":[\"2026-07-28\"]") &&
                                          world.call_count == 0
                                    : client.status_code == 200 && body_has(agreed));
        world_release(&world);
    }
}

/* A client that knows both eras has to learn which handshake there is. */
TEST(handshake_names_what_is_spoken)
{
    static const char UNKNOWN[] =
        "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"server/discover\",\"params\":{\"_meta\":{"
        "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
        "\"io.modelcontextprotocol/clientCapabilities\":{}}}}";
    begin(true);
    gateway_switch(&world.gateway,
                   world_snapshot(PERMIT_ALL, ONLY(MCP_2025_06_18) | ONLY(MCP_2025_11_25)));
    world_post(&world, &client, BANK, UNKNOWN, "server/discover", NULL, NULL);
    world_run(&world);
    CHECK(client.status_code == 400 && body_has("-32022"));
    CHECK(body_has("\"supported\":[\"2025-06-18\",\"2025-11-25\"]"));
    CHECK(body_has("\"requested\":\"2026-07-28\""));
    CHECK(world.call_count == 0 && world_count_records(&world, "mcp.version", "") == 1);
    world_release(&world);
}

TEST(handshake_of_a_revision_that_was_taken_off_the_list)
{
    char session[512];
    begin(true);
    shake(BANK, false);
    memcpy(session, client.session_id, sizeof(session));
    gateway_switch(&world.gateway, world_snapshot(PERMIT_ALL, ONLY(MCP_2025_11_25)));
    world_post(&world, &client, BANK, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", NULL,
               NULL, session);
    world_run(&world);
    CHECK(client.status_code == 400 && body_has("-32022"));
    world_release(&world);
}

#define REFUSED_VERSION(supported)                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"error\":{\"code\":-32022,\"message\":\"no\",\"data\":{"     \
    "\"supported\":" supported ",\"requested\":\"2026-07-28\"}}}"

/* How often a server that refuses our version is asked, and whether it gets a handshake then. */
TEST(handshake_with_a_server_that_refuses_the_version)
{
    static const struct {
        const char *name, *refusal;
        size_t discover_count, initialize_count;
    } rows[] = {
        {"it speaks it after all", REFUSED_VERSION("[\"2025-11-25\",\"2026-07-28\"]"), 2, 1},
        {"another one only", REFUSED_VERSION("[\"2031-01-01\"]"), 1, 1},
        {"none", REFUSED_VERSION("[]"), 1, 1},
        {"no list", REFUSED_VERSION("\"2026-07-28\""), 1, 1},
        {"no data", "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"error\":{\"code\":-32022,\"message\":\"\"}}",
         1, 1},
        {"another error",
         "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"error\":{\"code\":-32601,\"message\":\"\",\"data\":{"
         "\"supported\":[\"2026-07-28\"]}}}",
         1, 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct world_answer answer = {0, "server/discover", rows[i].refusal};
        begin(false);
        world.answers = &answer;
        world.answer_count = 1;
        shake(BANK, true);
        CHECK_ROW(rows[i].name, client.status_code == 200 && body_has("capabilities"));
        CHECK_ROW(rows[i].name,
                  world_count_calls(&world, "server/discover") == rows[i].discover_count);
        CHECK_ROW(rows[i].name,
                  world_count_calls(&world, "initialize") == rows[i].initialize_count);
        world_release(&world);
    }
}

/* What a client tells is taken and recorded; what is none of its business is recorded as refused,
 * and taken all the same, because nothing answers it. */
TEST(handshake_is_followed_by_notifications)
{
    static const struct {
        const char *method;
        bool is_taken;
    } rows[] = {
        {"notifications/initialized", true},
        {"notifications/cancelled", true},
        {"notifications/progress", true},
        {"notifications/roots/list_changed", true},
        {"notifications/tools/list_changed", false},
        {"notifications/message", false},
        {"notifications/roots/List_changed", false},
        {"notifications/unknown", false},
    };
    char session[512];
    begin(false);
    shake(BANK, false);
    memcpy(session, client.session_id, sizeof(session));
    size_t calls = world.call_count;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char body[256];
        snprintf(body, sizeof(body), "{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":{}}",
                 rows[i].method);
        world_post(&world, &client, BANK, body, NULL, NULL, session);
        world_run(&world);
        CHECK_ROW(rows[i].method, client.status_code == 202 && client.body[0] == '\0');
        CHECK_ROW(rows[i].method, world_count_records(&world, rows[i].method, "") == 1);
        CHECK_ROW(rows[i].method, world_count_records(&world, rows[i].method, "mcp.method") ==
                                      (rows[i].is_taken ? 0 : 1));
    }
    CHECK(world.call_count == calls);
    world_release(&world);
}
