/* What a child asks while no call runs, or when the call it came with is over. */
#include "core/gateway/unasked.h"

#include "core/gateway/server_reply.h"
#include "core/gateway/server_session.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>
#include <string.h>

#define INITIALIZE(capabilities)                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-11-25\",\"capabilities\":" capabilities ",\"clientInfo\":{}}}"
#define ALL "{\"sampling\":{},\"roots\":{},\"elicitation\":{}}"
#define SEE "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"see\"}}"
#define MODERN_SEE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"see\","        \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                       \
    "\"io.modelcontextprotocol/clientCapabilities\":{\"roots\":{}}}}}"
#define QUESTION(method, params)                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"" method "\"" params "}"
#define ROOTS QUESTION("roots/list", "")
#define SAMPLING                                                                                   \
    QUESTION("sampling/createMessage",                                                             \
             ",\"params\":{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"text\","       \
             "\"text\":\"hi\"}}],\"maxTokens\":9}")
#define FORM                                                                                       \
    QUESTION("elicitation/create",                                                                 \
             ",\"params\":{\"message\":\"Which?\",\"requestedSchema\":{\"type\":\"object\","       \
             "\"properties\":{\"env\":{\"type\":\"string\"}}}}")
#define PAGE                                                                                       \
    QUESTION("elicitation/create",                                                                 \
             ",\"params\":{\"mode\":\"url\",\"message\":\"m\",\"elicitationId\":\"e\","            \
             "\"url\":\"https://pay.example/\"}")
#define ACCEPTED "{\"action\":\"accept\",\"content\":{\"env\":\"staging\"}}"
#define ANSWER "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":" ACCEPTED "}"
#define RESPONSE(outcome) "{\"jsonrpc\":\"2.0\",\"id\":\"s\"," outcome "}"
#define UNKNOWN "\"error\":{\"code\":-32601,\"message\":\"method not found\"}"
#define SESSION_BYTES 512

static struct world world;
static struct gateway_server servers[2];
static struct world_client listener, poster;
static char session[SESSION_BYTES];

static void begin_world(enum mcp_revision revision)
{
    world_init(&world, PERMIT_ALL);
    memcpy(servers, world.snapshot->servers, sizeof(servers));
    servers[0].is_stdio = true;
    servers[0].revision = revision;
    world.snapshot->servers = servers;
    world.held_method = "tools/call";
}

/* A legacy client has called its server, which runs as a child; returns the call. */
static struct world_call *begin(const char *initialize)
{
    begin_world(MCP_2025_11_25);
    world_post(&world, &poster, BANK, initialize, NULL, NULL, NULL);
    world_run(&world);
    memcpy(session, poster.session_id, sizeof(session));
    world_post(&world, &poster, BANK, SEE, NULL, NULL, session);
    world_run(&world);
    return world_find_call(&world, "tools/call");
}

static void finish(struct world_call *call)
{
    world_message(call, "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"content\":[]}}");
    world_end(call, STATUS_OK, NULL);
    world_run(&world);
    CHECK(poster.is_released);
}

static void listen_at_bank(void)
{
    world_ask(&world, &listener, "GET", BANK, session);
    world_run(&world);
    CHECK(listener.stream_begun);
}

static void answer(void)
{
    world_post(&world, &poster, BANK, ANSWER, NULL, NULL, session);
    world_run(&world);
    CHECK(poster.status_code == 202);
}

static void say(uint64_t child, const char *message)
{
    gateway_child_asks(&world.gateway, 0, child, slice_view_cstr(message));
    world_run(&world);
}

/* Has the server got that, and nothing else? NULL: nothing at all. */
static bool server_got(const char *response)
{
    const char *last = "";
    for (size_t i = 0; i < world.call_count; i++) {
        last = strcmp(world.calls[i].method, "response") == 0 ? world.calls[i].body : last;
    }
    return world_count_calls(&world, "response") == (response == NULL ? 0 : 1) &&
           (response == NULL || strcmp(last, response) == 0);
}

/* MCP 2025-11-25: the client's "no" to each of them. */
TEST(unasked_is_refused_for_the_client)
{
    static const struct {
        const char *name, *initialize, *question, *response, *method;
    } rows[] = {
        {"sampling", INITIALIZE(ALL), SAMPLING,
         RESPONSE("\"error\":{\"code\":-1,\"message\":\"User rejected sampling request\"}"),
         "sampling/createMessage"},
        {"sampling, not declared", INITIALIZE("{\"roots\":{}}"), SAMPLING, RESPONSE(UNKNOWN),
         "sampling/createMessage"},
        {"roots", INITIALIZE(ALL), ROOTS, RESPONSE("\"result\":{\"roots\":[]}"), "roots/list"},
        {"roots, not declared", INITIALIZE("{}"), ROOTS, RESPONSE(UNKNOWN), "roots/list"},
        {"a form", INITIALIZE(ALL), FORM, RESPONSE("\"result\":{\"action\":\"decline\"}"),
         "elicitation/create"},
        {"a page, not declared", INITIALIZE(ALL), PAGE,
         RESPONSE("\"error\":{\"code\":-32602,\"message\":"
                  "\"the client does not handle this mode\"}"),
         "elicitation/create"},
        {"what no revision has", INITIALIZE(ALL), QUESTION("files/delete", ""), RESPONSE(UNKNOWN),
         "files/delete"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world_call *call = begin(rows[i].initialize);
        uint64_t child = call->child;
        finish(call);
        say(child, rows[i].question);
        CHECK_ROW(rows[i].name, server_got(rows[i].response));
        CHECK_ROW(rows[i].name,
                  world_count_records(&world, "question.unasked", rows[i].method) == 1);
        CHECK_ROW(rows[i].name, world_count_records(&world, "question.unasked", "\"ann\"") == 1);
        CHECK_ROW(rows[i].name, world.gateway.operation_count == 0);
        world_release(&world);
    }
}

TEST(unasked_is_nothing_that_is_no_question)
{
    static const struct {
        const char *name, *message, *response;
        size_t records;
    } rows[] = {
        {"a ping", QUESTION("ping", ""), RESPONSE("\"result\":{}"), 0},
        {"an unknown member", QUESTION("roots/list", ",\"extra\":1"), NULL, 1},
        {"parameters that are none", QUESTION("roots/list", ",\"params\":[]"), NULL, 1},
        {"an id that is none", "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"roots/list\"}", NULL,
         1},
        {"another protocol", "{\"id\":\"s\",\"method\":\"roots/list\"}", NULL, 1},
        {"a notice", "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}", NULL, 0},
        {"an answer", "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}", NULL, 0},
        {"an array", "[" ROOTS "]", NULL, 0},
        {"no JSON", "{", NULL, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world_call *call = begin(INITIALIZE(ALL));
        uint64_t child = call->child;
        finish(call);
        size_t before = world.record_count;
        say(child, rows[i].message);
        CHECK_ROW(rows[i].name, server_got(rows[i].response));
        CHECK_ROW(rows[i].name, world.record_count == before + rows[i].records);
        CHECK_ROW(rows[i].name,
                  world_count_records(&world, "upstream.protocol", "") == rows[i].records);
        world_release(&world);
    }
}

/* Whose child it is decides, and that somebody listens. */
TEST(unasked_goes_to_who_listens)
{
    struct world_call *call = begin(INITIALIZE(ALL));
    uint64_t child = call->child;
    finish(call);
    listen_at_bank();
    say(child + 1, FORM);
    CHECK(server_got(NULL) && strstr(listener.body, "elicitation/create") == NULL);
    say(child, FORM);
    CHECK(server_got(NULL) && strstr(listener.body, "elicitation/create") != NULL);
    answer();
    CHECK(server_got(RESPONSE("\"result\":" ACCEPTED)));
    CHECK(world_count_records(&world, "question.unasked", "") == 0);
    world_release(&world);
}

/* Callers share it: the record names none of them. */
TEST(unasked_of_a_shared_child_is_nobodys)
{
    begin_world(MCP_2026_07_28);
    world.server_is_modern = true;
    world_post(&world, &poster, BANK, MODERN_SEE, "tools/call", "see", NULL);
    world_run(&world);
    struct world_call *call = world_find_call(&world, "tools/call");
    CHECK(call != NULL && world.gateway.sessions->shares_child);
    say(call->child, ROOTS);
    CHECK(server_got(RESPONSE(UNKNOWN)) && call->is_open);
    CHECK(world_count_records(&world, "question.unasked", "roots/list") == 1);
    CHECK(world_count_records(&world, "question.unasked", "\"ann\"") == 0);
    world_release(&world);
}

/* A request of our own runs beside no call, and the child takes it for one. */
TEST(unasked_beside_an_answer_to_the_gateway)
{
    struct world_call *call = begin(INITIALIZE(ALL));
    finish(call);
    world.held_method = "logging/setLevel";
    server_reply_request(world.gateway.sessions, SLICE("logging/setLevel"), SLICE("level"),
                         SLICE("info"));
    call = world_find_call(&world, "logging/setLevel");
    CHECK(call != NULL);
    world_message(call, ROOTS);
    world_run(&world);
    CHECK(server_got(RESPONSE("\"result\":{\"roots\":[]}")));
    CHECK(world_count_records(&world, "question.unasked", "roots/list") == 1);
    world_message(call, "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{}}");
    world_end(call, STATUS_OK, NULL);
    world_run(&world);
    CHECK(server_got(RESPONSE("\"result\":{\"roots\":[]}")));
    world_release(&world);
}

/* -- the call is over ---------------------------------------------------------------------- */

/* The client has seen it, and may go on to answer it: on its own stream, if it has one. */
TEST(unasked_outlives_the_last_call_of_who_listens)
{
    struct world_call *call = begin(INITIALIZE(ALL));
    listen_at_bank();
    world_message(call, FORM);
    world_run(&world);
    CHECK(strstr(poster.body, "elicitation/create") != NULL);
    finish(call);
    CHECK(strstr(poster.body, "notifications/cancelled") == NULL && server_got(NULL));
    CHECK(strstr(listener.body, "jsonrpc") == NULL);
    answer();
    CHECK(server_got(RESPONSE("\"result\":" ACCEPTED)));
    CHECK(world_count_records(&world, "authz.allow", "elicitation/create") == 2);
    CHECK(world_count_records(&world, "question.over", "") == 0);
    world_advance(&world, 0);
    CHECK(world.gateway.operation_count == 0);
    world_release(&world);
}

TEST(unasked_is_refused_when_its_last_call_is_over)
{
    struct world_call *call = begin(INITIALIZE(ALL));
    world_message(call, FORM);
    world_run(&world);
    finish(call);
    CHECK(strstr(poster.body, "notifications/cancelled") != NULL);
    CHECK(server_got(RESPONSE("\"result\":{\"action\":\"decline\"}")));
    CHECK(world_count_records(&world, "question.over", "elicitation/create") == 1);
    answer();
    CHECK(world_count_calls(&world, "response") == 1);
    world_release(&world);
}

/* Another child does not know what this one has asked, and may ask under the same id. */
TEST(unasked_ends_with_the_child)
{
    for (int is_over = 0; is_over < 2; is_over++) {
        struct world_call *call = begin(INITIALIZE(ALL));
        uint64_t child = call->child;
        listen_at_bank();
        world_message(call, FORM);
        world_run(&world);
        if (is_over != 0) {
            finish(call);
        } else {
            world_end(call, STATUS_UNAVAILABLE, "upstream.down");
        }
        gateway_child_gone(&world.gateway, 0, child);
        world_run(&world);
        CHECK((strstr(listener.body, "notifications/cancelled") != NULL) == (is_over != 0));
        CHECK((strstr(poster.body, "notifications/cancelled") != NULL) == (is_over == 0));
        answer();
        CHECK(server_got(NULL) && world_count_records(&world, "question.over", "") == 0);
        world_advance(&world, 0);
        CHECK(world.gateway.operation_count == 0);
        world_release(&world);
    }
}

/* As many as a stream of a session carries; the next one is refused. */
TEST(unasked_on_one_stream_is_bounded)
{
    struct world_call *call = begin(INITIALIZE(ALL));
    uint64_t child = call->child;
    listen_at_bank();
    world_message(call, FORM);
    world_run(&world);
    for (int i = 0; i < SERVER_STREAM_QUESTIONS_MAX; i++) {
        say(child, FORM);
    }
    CHECK(server_got(NULL));
    say(child, FORM);
    CHECK(server_got(RESPONSE("\"result\":{\"action\":\"decline\"}")));
    CHECK(world_count_records(&world, "question.many", "elicitation/create") == 1);
    finish(call);
    CHECK(world_count_calls(&world, "response") == 2);
    CHECK(world_count_records(&world, "question.over", "elicitation/create") == 1);
    world_release(&world);
}

/* With one place left, the question of a call that is over takes it. */
TEST(unasked_bound_has_room_for_a_question_that_stays)
{
    struct world_call *call = begin(INITIALIZE(ALL));
    uint64_t child = call->child;
    listen_at_bank();
    world_message(call, FORM);
    world_run(&world);
    for (int i = 0; i < SERVER_STREAM_QUESTIONS_MAX - 1; i++) {
        say(child, FORM);
    }
    finish(call);
    CHECK(server_got(NULL) && world_count_records(&world, "question.over", "") == 0);
    world_release(&world);
}
