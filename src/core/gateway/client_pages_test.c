/* Notices that a page is done, which a client was asked to open. */
#include "core/gateway/client_pages.h"

#include "core/gateway/server_session.h"
#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>

#define INITIALIZE(revision)                                                                       \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"" revision                                                                                  \
    "\",\"capabilities\":{\"elicitation\":{\"form\":{},\"url\":{}}},\"clientInfo\":{}}}"
#define SEE "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"see\"}}"
#define PAGE(id)                                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"elicitation/create\",\"params\":{\"mode\":"    \
    "\"url\",\"message\":\"Pay\",\"url\":\"https://pay.example/a\",\"elicitationId\":\"" id "\"}}"
#define FORM                                                                                       \
    "{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"elicitation/create\",\"params\":{\"message\":" \
    "\"Which?\",\"elicitationId\":\"e\",\"requestedSchema\":{\"type\":\"object\",\"properties\":"  \
    "{}}}}"
#define COMPLETE(params)                                                                           \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/elicitation/complete\",\"params\":" params "}"
#define DONE(id) COMPLETE("{\"elicitationId\":\"" id "\"}")

#define PAGES_MAX 64

static struct world world;
static struct world_client client, listener, opener;
static char session[sizeof(client.session_id)];

static struct world_call *begin_with(const char *policies, const char *initialize)
{
    world_init(&world, policies);
    world.server_session = "up";
    world.held_method = "tools/call";
    world_post(&world, &opener, "/mcp", initialize, NULL, NULL, NULL);
    world_run(&world);
    memcpy(session, opener.session_id, sizeof(session));
    world_post(&world, &client, BANK, SEE, NULL, NULL, session);
    world_run(&world);
    struct world_call *call = world_find_call(&world, "tools/call");
    CHECK(call != NULL);
    return call;
}

static void say(struct world_call *call, const char *message)
{
    world_message(call, message);
    world_run(&world);
    world_advance(&world, 0);
    world_run(&world);
}

static size_t heard(const struct world_client *by)
{
    size_t count = 0;
    for (const char *at = by->body; (at = strstr(at, "elicitation/complete")) != NULL; at++) {
        count++;
    }
    return count;
}

static size_t unknown(void)
{
    return world_count_records(&world, "elicitation.unknown", "notifications/elicitation/complete");
}

TEST(client_pages_are_told_of_once)
{
    struct world_call *call = begin_with(PERMIT_ALL, INITIALIZE("2025-11-25"));
    say(call, PAGE("e"));
    CHECK(strstr(client.body, "\"elicitationId\":\"e\"") != NULL && heard(&client) == 0);
    say(call, COMPLETE("{\"elicitationId\":\"e\",\"url\":\"https://evil\",\"_meta\":{}}"));
    CHECK(strstr(client.body, DONE("e")) != NULL && heard(&client) == 1 && unknown() == 0);
    say(call, DONE("e"));
    say(call, DONE("e"));
    CHECK(heard(&client) == 1 && unknown() == 1 && call->is_open);
    CHECK(world_count_records(&world, "elicitation.unknown", "bank") == 1);
    world_release(&world);
}

TEST(client_pages_that_were_not_asked_for_are_unknown)
{
    static const char DENY[] =
        PERMIT_ALL "forbid(principal, action == Aegis::Action::\"elicitation/create\", resource);";
    static const struct {
        const char *name, *policies, *initialize, *question, *notice;
    } rows[] = {
        {"nothing was asked", PERMIT_ALL, INITIALIZE("2025-11-25"), NULL, DONE("e")},
        {"another", PERMIT_ALL, INITIALIZE("2025-11-25"), PAGE("e"), DONE("E")},
        {"longer", PERMIT_ALL, INITIALIZE("2025-11-25"), PAGE("e"), DONE("ee")},
        {"a form", PERMIT_ALL, INITIALIZE("2025-11-25"), FORM, DONE("e")},
        {"denied", DENY, INITIALIZE("2025-11-25"), PAGE("e"), DONE("e")},
        {"a revision without pages", PERMIT_ALL, INITIALIZE("2025-06-18"), PAGE("e"), DONE("e")},
        {"no text", PERMIT_ALL, INITIALIZE("2025-11-25"), PAGE("e"),
         COMPLETE("{\"elicitationId\":[\"e\"]}")},
        {"no id", PERMIT_ALL, INITIALIZE("2025-11-25"), PAGE("e"), COMPLETE("{\"id\":\"e\"}")},
        {"nothing", PERMIT_ALL, INITIALIZE("2025-11-25"), PAGE("e"),
         "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/elicitation/complete\"}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world_call *call = begin_with(rows[i].policies, rows[i].initialize);
        if (rows[i].question != NULL) {
            say(call, rows[i].question);
        }
        say(call, rows[i].notice);
        CHECK_ROW(rows[i].name, heard(&client) == 0 && unknown() == 1 && call->is_open);
        world_release(&world);
    }
}

/* The stream of a server's session: its own pages, and a client that listens. */
TEST(client_pages_are_of_one_server)
{
    struct world_call *call = begin_with(PERMIT_ALL, INITIALIZE("2025-11-25"));
    say(call, PAGE("e"));
    world_ask(&world, &listener, "GET", "/mcp", session);
    world_run(&world);
    for (uint32_t server = 2; server-- > 0;) {
        for (size_t i = 0; i < world.call_count; i++) {
            if (world.calls[i].is_standing && world.calls[i].server == server) {
                say(&world.calls[i], DONE("e"));
                say(&world.calls[i], DONE("e"));
            }
        }
        CHECK(heard(&listener) == (server == 0 ? 1 : 0));
        CHECK(unknown() == (server == 0 ? 2 : 1));
    }
    CHECK(world_count_calls(&world, "GET") == 2 && heard(&client) == 0);
    world_release(&world);
}

TEST(client_pages_are_bounded)
{
    char text[512];
    struct world_call *call = begin_with(PERMIT_ALL, INITIALIZE("2025-11-25"));
    struct client_session *known = world.gateway.sessions->client;
    for (int i = 0; i <= PAGES_MAX; i++) {
        struct json_tape tape;
        struct arena arena;
        (void)snprintf(text, sizeof(text), "{\"elicitationId\":\"%d\"}", i);
        arena_init(&arena, sizeof(text) * 1024, NULL);
        CHECK(json_parse(&world.gateway.parser, slice_view_cstr(text), &arena, &tape, NULL) ==
              STATUS_OK);
        struct question question = {.method = mcp_question_find(SLICE("elicitation/create")),
                                    .params = {&tape, 0}};
        client_pages_note(known, 0, &question);
        client_pages_note(known, 0, &question);
        arena_release(&arena);
    }
    CHECK(known->page_count == PAGES_MAX);
    say(call, DONE("0")); /* the oldest */
    CHECK(heard(&client) == 0);
    say(call, DONE("1"));
    (void)snprintf(text, sizeof(text), DONE("%d"), PAGES_MAX);
    say(call, text);
    CHECK(heard(&client) == 2 && known->page_count == PAGES_MAX - 2);
    world_release(&world);
}

TEST(client_pages_survive_each_allocation_that_fails)
{
    bool has_begun = true;
    for (size_t n = 0; has_begun; n++) {
        struct world_call *call = begin_with(PERMIT_ALL, INITIALIZE("2025-11-25"));
        check_begin_shortage(n, false);
        say(call, PAGE("e"));
        if (call->is_open) {
            say(call, DONE("e"));
        }
        has_begun = check_end_shortage();
        CHECK(has_begun || heard(&client) == 1);
        world_release(&world);
    }
}
