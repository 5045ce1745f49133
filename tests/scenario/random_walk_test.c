/* Random walks: several clients on two loops, and whatever may happen next happens. The seed of a
 * walk that fails is printed by the harness. */
#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>

#define INITIALIZE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-06-18\",\"capabilities\":{\"roots\":{},\"elicitation\":{}},\"clientInfo\":{}}}"
#define LEGACY_SEE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"see\"}}"
#define CANCELLED                                                                                  \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}"
#define LIST "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META "}}"

#define CALL_WITH(members)                                                                         \
    "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"tools/call\",\"params\":{\"name\":\"see\","    \
    "\"arguments\":{}" members ",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":"          \
    "\"2026-07-28\",\"io.modelcontextprotocol/clientCapabilities\":{\"roots\":{},"                 \
    "\"elicitation\":{}}}}}"
#define FORM                                                                                       \
    "\"method\":\"elicitation/create\",\"params\":{\"message\":\"Which?\",\"requestedSchema\":{"   \
    "\"type\":\"object\",\"properties\":{\"env\":{\"type\":\"string\"}}}}"
#define ACCEPTED "{\"action\":\"accept\",\"content\":{\"env\":\"test\"}}"

enum {
    WALKS = 400,
    STEPS = 60,
    CLIENTS = 6,
    ROOM = 24, /* calls and records that one request may need, at most */
};

static struct world worlds[WORLD_LOOPS];
static struct world_client clients[CLIENTS];
static char session[512];

static size_t pick(size_t count)
{
    return (size_t)(check_random() % count);
}

static bool is_free(const struct world_client *client)
{
    return client->world == NULL || client->is_released;
}

/* The worlds remember a bounded number of things. */
static bool has_room(const struct world *world)
{
    return world->call_count + ROOM < WORLD_CALLS_MAX &&
           world->record_count + ROOM < WORLD_RECORDS_MAX &&
           world->handover_count + 1 < WORLD_HANDOVERS_MAX;
}

/* Of a client, in its newest or its newest but one question to come. */
static void answer_question(struct world *world, struct world_client *client)
{
    char body[WORLD_TEXT_BYTES];
    (void)snprintf(body, sizeof(body), "{\"jsonrpc\":\"2.0\",\"id\":%zu,\"result\":" ACCEPTED "}",
                   1 + pick(3));
    world_post(world, client, BANK, body, NULL, NULL, session);
}

/* Any client comes back with what any of them was asked, perhaps again. */
static void come_back(void)
{
    struct world_client *client = &clients[pick(CLIENTS)];
    const char *at = strstr(clients[pick(CLIENTS)].body, "\"requestState\":\"");
    char body[WORLD_TEXT_BYTES];
    if (at == NULL || !is_free(client) || !has_room(&worlds[0]) || !has_room(&worlds[1])) {
        return;
    }
    at += strlen("\"requestState\":\"");
    (void)snprintf(body, sizeof(body),
                   CALL_WITH(",\"inputResponses\":{\"1\":" ACCEPTED "},\"requestState\":\"%.*s\""),
                   (int)strcspn(at, "\""), at);
    world_post(&worlds[pick(WORLD_LOOPS)], client, BANK, body, "tools/call", "see", NULL);
}

/* A server asks in one way or the other, whether it may or not. */
static void ask(struct world *world)
{
    static const char *const QUESTIONS[] = {
        "{\"jsonrpc\":\"2.0\",\"id\":\"s\"," FORM "}",
        "{\"jsonrpc\":\"2.0\",\"id\":\"t\",\"method\":\"roots/list\"}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
        "cancelled\",\"params\":{\"requestId\":\"s\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"input_required\","
        "\"inputRequests\":{\"1\":{" FORM "}}}}"};
    size_t question = pick(COUNT_OF(QUESTIONS));
    struct world_call *call = world_find_call(world, "tools/call");
    if (call == NULL || !has_room(&worlds[0]) || !has_room(&worlds[1])) {
        return;
    }
    world_message(call, QUESTIONS[question]);
    if (call->is_open && question == COUNT_OF(QUESTIONS) - 1) {
        world_end(call, STATUS_OK, NULL);
    }
}

static void post(void)
{
    struct world_client *client = &clients[pick(CLIENTS)];
    struct world *world = &worlds[pick(WORLD_LOOPS)];
    if (!is_free(client) || !has_room(&worlds[0]) || !has_room(&worlds[1])) {
        return;
    }
    switch (pick(6)) {
    case 0:
        world_post(world, client, BANK, CALL_SEE, "tools/call", "see", NULL);
        break;
    case 3:
        world_post(world, client, BANK, CALL_WITH(""), "tools/call", "see", NULL);
        break;
    case 4:
        answer_question(world, client);
        break;
    case 1:
        world_post(world, client, "/mcp", LIST, "tools/list", NULL, NULL);
        break;
    case 2:
        world_post(world, client, BANK, LEGACY_SEE, NULL, NULL, session);
        break;
    default:
        world_post(world, client, BANK, CANCELLED, NULL, NULL, session);
        break;
    }
}

static void leave(void)
{
    struct world_client *client = &clients[pick(CLIENTS)];
    if (!is_free(client) && client->exchange.on_gone != NULL) {
        client->exchange.on_gone(&client->exchange);
    }
}

static void end_a_call(struct world *world)
{
    static const struct {
        enum status status;
        const char *code;
    } ENDS[] = {{STATUS_OK, NULL},
                {STATUS_UNAVAILABLE, "upstream.down"},
                {STATUS_TIMEOUT, "upstream.timeout"},
                {STATUS_INVALID, "upstream.protocol"}};
    size_t end = pick(COUNT_OF(ENDS));
    for (size_t i = 0; i < world->call_count; i++) {
        if (world->calls[i].is_open && pick(2) == 0) {
            world_end(&world->calls[i], ENDS[end].status, ENDS[end].code);
            return;
        }
    }
}

static void change_a_journal(struct world *world)
{
    world->journal_refuses = pick(4) == 0;
    world->journal_fails = pick(4) == 0;
    world->holds_records = pick(4) == 0;
}

static void take_a_step(void)
{
    struct world *world = &worlds[pick(WORLD_LOOPS)];
    switch (pick(20)) {
    case 10:
    case 11:
        ask(world);
        break;
    case 12:
        come_back();
        break;
    case 0:
    case 1:
    case 2:
        post();
        break;
    case 3:
        leave();
        break;
    case 4:
        end_a_call(world);
        break;
    case 5:
        change_a_journal(world);
        break;
    case 6:
        world_advance(world, (int64_t)pick(3000));
        break;
    case 7:
        world_advance(world, pick(20) == 0 ? 2000000 : 0);
        break;
    case 8:
        gateway_switch(&world->gateway,
                       world_snapshot(pick(2) == 0 ? PERMIT_ALL : "", ALL_REVISIONS));
        break;
    case 9:
        world->server_is_modern = pick(2) == 0;
        break;
    default:
        (void)world_step(world);
        break;
    }
}

static void begin_walk(void)
{
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        struct gateway_limits limits = GATEWAY_LIMITS_DEFAULT;
        limits.operations = 1 + pick(6);
        limits.sessions = 1 + pick(3);
        world_init_with(&worlds[i], PERMIT_ALL, &limits);
        worlds[i].repeats = pick(2) == 0;
    }
    world_pair(&worlds[0], &worlds[1]);
    memset(clients, 0, sizeof(clients));
    world_post(&worlds[0], &clients[0], BANK, INITIALIZE, NULL, NULL, NULL);
    world_run(&worlds[0]);
    memcpy(session, clients[0].session_id, sizeof(session));
}

static void run_all(void)
{
    while (world_step(&worlds[0]) || world_step(&worlds[1])) {
    }
}

/* Everything that still can comes to its end, or the gateways close over it. */
static void end_walk(bool closes)
{
    for (size_t i = 0; i < WORLD_LOOPS && !closes; i++) {
        worlds[i].journal_refuses = worlds[i].journal_fails = worlds[i].holds_records = false;
    }
    for (size_t i = 0; i < WORLD_LOOPS && closes; i++) {
        gateway_close(&worlds[i].gateway);
        worlds[i].holds_records = false;
    }
    run_all();
    for (size_t i = 0; i < WORLD_LOOPS && !closes; i++) {
        /* What waits for a client waits no longer. */
        world_advance(&worlds[i], worlds[i].gateway.limits.operation_deadline_ms);
        run_all();
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        CHECK(is_free(&clients[i]));
    }
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        CHECK(worlds[i].gateway.operation_count == 0);
        world_release(&worlds[i]);
    }
}

TEST(random_walks_end_well)
{
    for (int walk = 0; walk < WALKS; walk++) {
        begin_walk();
        for (int i = 0; i < STEPS; i++) {
            take_a_step();
        }
        end_walk(walk % 2 != 0);
    }
}
