/* Children of stdio servers: which sessions share one, and that this is all that they share. */
#include "core/gateway/server_child.h"

#include "core/gateway/server_session.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>
#include <string.h>

#define TIMEOUT_MS 1000
#define ANSWER(members) "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{" members "}}"
#define MODERN_ANSWER(members) ANSWER("\"resultType\":\"complete\"," members)
#define INITIALIZE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{}}}"
#define LEGACY_SEE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"tools/call\",\"params\":{\"name\":\"see\","    \
    "\"arguments\":{},\"_meta\":{\"progressToken\":\"p\"}}}"
#define SEE(capabilities)                                                                          \
    "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"tools/call\",\"params\":{\"name\":\"see\","    \
    "\"arguments\":{},\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","      \
    "\"progressToken\":\"p\",\"io.modelcontextprotocol/clientCapabilities\":" capabilities "}}}"
#define CALLERS 3

static struct world world;
static struct gateway_server servers[2];
static struct principal *callers[CALLERS];
static struct world_client clients[CALLERS];
static char session[512];

static void begin(enum mcp_revision revision, bool server_is_modern)
{
    static const char *const NAMES[CALLERS] = {"ann", "bob", "cem"};
    world_init(&world, PERMIT_ALL);
    memcpy(servers, world.snapshot->servers, sizeof(servers));
    servers[0].is_stdio = true;
    servers[0].revision = revision;
    servers[0].timeout_ms = TIMEOUT_MS;
    world.snapshot->servers = servers;
    world.server_is_modern = server_is_modern;
    world.held_method = "tools/call";
    principal_unref(world.snapshot->local_principal);
    for (size_t i = 0; i < CALLERS; i++) {
        struct principal claims = {.issuer = SLICE("dev"), .subject = slice_view_cstr(NAMES[i])};
        CHECK(principal_new(&claims, &world.crypto.port, &callers[i], NULL) == STATUS_OK);
    }
    world.snapshot->local_principal = callers[0];
}

static void release(void)
{
    world.snapshot->local_principal = principal_ref(callers[0]);
    for (size_t i = 0; i < CALLERS; i++) {
        principal_unref(callers[i]);
    }
    world_release(&world);
}

/* All ask for the same under the same id, with the same token for progress. */
static struct world_call *call_with(size_t caller, const char *capabilities)
{
    char body[1024];
    world.snapshot->local_principal = callers[caller];
    (void)snprintf(body, sizeof(body), SEE("%s"), capabilities);
    world_post(&world, &clients[caller], BANK, body, "tools/call", "see", NULL);
    world_run(&world);
    return world_find_call(&world, "tools/call");
}

static struct world_call *call_as(size_t caller)
{
    return call_with(caller, "{}");
}

static struct world_call *call_as_legacy(size_t caller)
{
    world.snapshot->local_principal = callers[caller];
    world_post(&world, &clients[caller], BANK, INITIALIZE, NULL, NULL, NULL);
    world_run(&world);
    memcpy(session, clients[caller].session_id, sizeof(session));
    world_post(&world, &clients[caller], BANK, LEGACY_SEE, NULL, NULL, session);
    world_run(&world);
    return world_find_call(&world, "tools/call");
}

static bool has(const struct world_client *client, const char *text)
{
    return strstr(client->body, text) != NULL;
}

static void progress(struct world_call *call, const char *text)
{
    char message[512];
    (void)snprintf(message, sizeof(message),
                   "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
                   "\"progressToken\":%%ID,\"progress\":1,\"message\":\"%s\"}}",
                   text);
    world_message(call, message);
    world_run(&world);
}

static void finish(struct world_call *call, const char *text)
{
    char message[512];
    (void)snprintf(message, sizeof(message),
                   "{\"jsonrpc\":\"2.0\",\"id\":%%ID,\"result\":{\"resultType\":\"complete\","
                   "\"content\":[{\"type\":\"text\",\"text\":\"%s\"}]}}",
                   text);
    world_message(call, message);
    world_end(call, STATUS_OK, NULL);
    world_run(&world);
}

TEST(server_child_is_shared_by_modern_sessions_alone)
{
    static const struct {
        const char *name;
        enum mcp_revision revision;
        bool server_is_modern, clients_are_legacy, is_shared;
    } rows[] = {
        {"legacy server", MCP_2025_11_25, false, false, false},
        {"legacy server, old clients", MCP_2025_11_25, false, true, false},
        {"found to be legacy", MCP_REVISION_NONE, false, false, false},
        {"found to be legacy, old clients", MCP_REVISION_NONE, false, true, false},
        {"modern server", MCP_2026_07_28, true, false, true},
        {"modern server, old clients", MCP_2026_07_28, true, true, true},
        {"found to be modern", MCP_REVISION_NONE, true, false, true},
        {"found to be modern, old clients", MCP_REVISION_NONE, true, true, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world_call *calls[CALLERS];
        begin(rows[i].revision, rows[i].server_is_modern);
        for (size_t caller = 0; caller < CALLERS; caller++) {
            calls[caller] = (rows[i].clients_are_legacy ? call_as_legacy : call_as)(caller);
            CHECK_ROW(rows[i].name, calls[caller] != NULL && calls[caller]->child != 0);
        }
        for (size_t caller = 1; caller < CALLERS; caller++) {
            bool is_same = calls[caller]->child == calls[0]->child;
            CHECK_ROW(rows[i].name, is_same == rows[i].is_shared);
            CHECK_ROW(rows[i].name, calls[caller]->id != calls[0]->id);
            CHECK_ROW(rows[i].name, calls[caller]->has_others == rows[i].is_shared);
        }
        CHECK_ROW(rows[i].name, !calls[0]->has_others); /* nobody else was there yet */
        CHECK_ROW(rows[i].name, world.gateway.session_count == CALLERS);
        release();
    }
}

/* A session of each caller, and of each session of a legacy client, but one child. */
TEST(server_child_knows_its_callers_by_ids_of_ours)
{
    begin(MCP_2026_07_28, true);
    struct world_call *of_ann = call_with(0, "{\"elicitation\":{}}");
    struct world_call *of_bob = call_with(1, "{\"sampling\":{}}");
    struct world_call *of_cem = call_as_legacy(2);
    CHECK(strstr(of_ann->body, "elicitation") != NULL && strstr(of_ann->body, "sampl") == NULL);
    CHECK(strstr(of_bob->body, "sampling") != NULL && strstr(of_bob->body, "elicit") == NULL);
    CHECK(strstr(of_cem->body, "sampling") == NULL && strstr(of_cem->body, "elicit") == NULL);
    progress(of_bob, "for bob");
    progress(of_ann, "for ann");
    finish(of_cem, "cem's");
    finish(of_bob, "bob's");
    finish(of_ann, "ann's");
    static const char *const OWN[CALLERS][2] = {
        {"for ann", "ann's"}, {"for bob", "bob's"}, {"cem's", "cem's"}};
    for (size_t i = 0; i < CALLERS; i++) {
        for (size_t j = 0; j < CALLERS; j++) {
            CHECK(has(&clients[i], OWN[j][0]) == (i == j));
            CHECK(has(&clients[i], OWN[j][1]) == (i == j));
        }
        CHECK(has(&clients[i], "\"id\":\"q\"") && !clients[i].is_aborted);
    }
    release();
}

/* What names another's call is not taken on one's own, whoever the server gave it to. */
TEST(server_child_messages_of_others_are_refused)
{
    static const struct {
        const char *name, *begin, *end; /* around the id of the other call */
        bool is_dropped;                /* rather than the end of the call that got it */
    } rows[] = {
        {"answer", "\"id\":", ",\"result\":{\"content\":[]}", false},
        {"error", "\"id\":", ",\"error\":{\"code\":-1,\"message\":\"x\"}", false},
        {"question", "\"id\":", ",\"method\":\"roots/list\",\"params\":{\"secret\":1}", false},
        {"progress", "\"method\":\"notifications/progress\",\"params\":{\"progressToken\":",
         ",\"progress\":1,\"message\":\"secret\"}", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char message[512];
        begin(MCP_2026_07_28, true);
        struct world_call *of_ann = call_as(0);
        struct world_call *of_bob = call_as(1);
        (void)snprintf(message, sizeof(message), "{\"jsonrpc\":\"2.0\",%s%lld%s}", rows[i].begin,
                       (long long)of_ann->id, rows[i].end);
        world_message(of_bob, message);
        world_run(&world);
        CHECK_ROW(rows[i].name, of_bob->is_open == rows[i].is_dropped);
        CHECK_ROW(rows[i].name, of_ann->is_open && !clients[0].is_replied);
        CHECK_ROW(rows[i].name, !has(&clients[0], "secret") && !has(&clients[1], "secret"));
        finish(of_ann, "ann's");
        CHECK_ROW(rows[i].name, has(&clients[0], "ann's") && !has(&clients[1], "ann's"));
        release();
    }
}

TEST(server_child_call_ends_without_the_others)
{
    static const struct {
        const char *name;
        enum status status; /* of bob's call; OK: he leaves */
        const char *code;
    } rows[] = {
        {"its client leaves", STATUS_OK, NULL},
        {"silence", STATUS_TIMEOUT, "upstream.timeout"},
        {"a protocol error", STATUS_INVALID, "upstream.protocol"},
        {"too much", STATUS_LIMIT, "upstream.too_large"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(MCP_2026_07_28, true);
        struct world_call *of_ann = call_as(0);
        struct world_call *of_bob = call_as(1);
        if (rows[i].status == STATUS_OK) {
            clients[1].exchange.on_gone(&clients[1].exchange);
        } else {
            world_end(of_bob, rows[i].status, rows[i].code);
        }
        world_run(&world);
        for (size_t call = 0; call < world.call_count; call++) {
            char id[64];
            bool is_cancel = strcmp(world.calls[call].method, "notifications/cancelled") == 0;
            (void)snprintf(id, sizeof(id), "{\"requestId\":%lld}", (long long)of_bob->id);
            CHECK_ROW(rows[i].name, !is_cancel || strstr(world.calls[call].body, id) != NULL);
        }
        CHECK_ROW(rows[i].name, of_ann->is_open && world.closed_children == 0);
        finish(of_ann, "ann's");
        CHECK_ROW(rows[i].name, has(&clients[0], "ann's"));
        release();
    }
}

/* On a child that is shared each request says whose it is. */
TEST(server_child_knows_its_callers)
{
    begin(MCP_2026_07_28, true);
    struct world_call *first = call_as(0);
    uint64_t ann = first->caller;
    finish(first, "ann's");
    uint64_t bob = call_as(1)->caller;
    CHECK(ann != 0 && bob != 0 && ann != bob);
    CHECK(call_with(0, "{\"roots\":{}}")->caller == ann);
    release();
    begin(MCP_2025_11_25, false);
    CHECK(call_as(0)->caller == 0);
    release();
}

/* The end of the child is the end of all calls, with a reason, and all come back to one. */
TEST(server_child_ends_for_all)
{
    begin(MCP_REVISION_NONE, true);
    struct world_call *calls[CALLERS];
    for (size_t i = 0; i < CALLERS; i++) {
        calls[i] = call_as(i);
    }
    uint64_t child = calls[0]->child;
    for (size_t i = 0; i < CALLERS; i++) {
        world_end(calls[i], STATUS_UNAVAILABLE, "upstream.down");
    }
    gateway_child_gone(&world.gateway, 0, child);
    world_run(&world);
    for (size_t i = 0; i < CALLERS; i++) {
        CHECK(clients[i].status_code == 503 && has(&clients[i], "\"code\":\"upstream_down\""));
    }
    CHECK(world_count_calls(&world, "server/discover") == CALLERS);
    for (size_t i = 0; i < CALLERS; i++) {
        struct world_call *again = call_as(i);
        CHECK(again->child == child && again->has_others);
        finish(again, "back");
        CHECK(has(&clients[i], "back"));
    }
    CHECK(world_count_calls(&world, "server/discover") == 2 * (size_t)CALLERS);
    CHECK(world.closed_children == 0 && world_count_calls(&world, "initialize") == 0);
    release();
}

/* Two are asked for their versions at once; of what is found to be shared, one is enough. */
TEST(server_child_of_two_that_were_asked_at_once_one_stays)
{
    begin(MCP_REVISION_NONE, true);
    world.held_method = "server/discover";
    (void)call_as(0);
    struct world_call *first = world_find_call(&world, "server/discover");
    (void)call_as(1);
    struct world_call *second = world_find_call(&world, "server/discover");
    CHECK(first != second && first->child != second->child);
    uint64_t child = second->child;
    world.held_method = "tools/call";
    world_message(second, MODERN_ANSWER("\"supportedVersions\":[\"2026-07-28\"],"
                                        "\"capabilities\":{\"tools\":{}}"));
    world_end(second, STATUS_OK, NULL);
    world_run(&world);
    CHECK(world.closed_children == 1);
    for (size_t i = 0, found = 0; i < world.call_count; i++) {
        bool is_call = strcmp(world.calls[i].method, "tools/call") == 0;
        found += is_call ? 1 : 0;
        CHECK(!is_call || world.calls[i].child == child);
        CHECK(i + 1 < world.call_count || found == 2);
    }
    CHECK(call_as(2)->child == child && world.closed_children == 1);
    release();
}

TEST(server_child_goes_with_the_last_session)
{
    begin(MCP_2026_07_28, true);
    finish(call_as(0), "ann's");
    world_advance(&world, world.gateway.limits.session_idle_ms / 2 + 1);
    uint64_t child = world.gateway.sessions->child;
    finish(call_as(1), "bob's");
    world_advance(&world, world.gateway.limits.session_idle_ms / 2);
    CHECK(world.gateway.session_count == 1 && world.closed_children == 0);
    struct world_call *next = call_as(0);
    CHECK(next->child == child && next->has_others);
    finish(next, "ann's");
    world_advance(&world, world.gateway.limits.session_idle_ms);
    CHECK(world.gateway.session_count == 0 && world.closed_children == 1);
    next = call_as(2);
    CHECK(next->child != child && !next->has_others);
    release();
}

/* A program that turns out to be another one gets its handshake in a child of its own. */
TEST(server_child_is_left_for_a_handshake)
{
    begin(MCP_REVISION_NONE, true);
    struct world_call *of_ann = call_as(0);
    struct world_call *of_bob = call_as(1);
    uint64_t child = of_ann->child;
    world_end(of_ann, STATUS_UNAVAILABLE, "upstream.down");
    world_end(of_bob, STATUS_UNAVAILABLE, "upstream.down");
    gateway_child_gone(&world.gateway, 0, child);
    world_run(&world);
    world.server_is_modern = false;
    of_bob = call_as(1);
    CHECK(of_bob->child != child && !of_bob->has_others && world.closed_children == 0);
    of_ann = call_as(0);
    CHECK(of_ann->child != child && of_ann->child != of_bob->child && world.closed_children == 1);
    release();
}
