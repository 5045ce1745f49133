/* What modern servers ask of legacy clients, on one loop and on two. */
#include "core/gateway/input_rounds.h"

#include "core/gateway/asking.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>

#define INITIALIZE_OF(revision, capabilities)                                                      \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"" revision "\",\"capabilities\":" capabilities ",\"clientInfo\":{}}}"
#define ALL "{\"sampling\":{\"tools\":{}},\"roots\":{},\"elicitation\":{\"form\":{},\"url\":{}}}"
#define INITIALIZE INITIALIZE_OF("2025-11-25", ALL)
#define SEE "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"see\"}}"
#define PROMPT                                                                                     \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"prompts/get\",\"params\":{\"name\":\"see\"}}"
#define ASK_IN(requests, state)                                                                    \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"input_required\"" requests state \
    "}}"
#define ASK(requests) ASK_IN(",\"inputRequests\":{" requests "}", ",\"requestState\":\"u:1\"")
#define FORM                                                                                       \
    "{\"method\":\"elicitation/create\",\"params\":{\"mode\":\"form\",\"message\":\"Which?\","     \
    "\"requestedSchema\":{\"type\":\"object\",\"properties\":{\"env\":{\"type\":\"string\"}}}}}"
#define PAGE                                                                                       \
    "{\"method\":\"elicitation/create\",\"params\":{\"mode\":\"url\",\"message\":\"Pay\",\"url\":" \
    "\"https://pay.example/a\"}}"
#define SAMPLE                                                                                     \
    "{\"method\":\"sampling/createMessage\",\"params\":{\"messages\":[{\"role\":\"user\","         \
    "\"content\":{\"type\":\"text\",\"text\":\"hi\"}}],\"maxTokens\":9}}"
#define ROOTS "{\"method\":\"roots/list\"}"
#define OK                                                                                         \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\",\"content\":[{"       \
    "\"type\":\"text\",\"text\":\"ok\"}]}}"
#define RESULT_OF(id, result) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":" result "}"
#define ERROR_OF(id)                                                                               \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"error\":{\"code\":-1,\"message\":\"rejected\"}}"
#define SAMPLED                                                                                    \
    "{\"role\":\"assistant\",\"content\":{\"type\":\"text\",\"text\":\"yo\"},\"model\":\"m\"}"
#define ACCEPTED "{\"action\":\"accept\",\"content\":{\"env\":\"staging\"}}"
#define ROOT_LIST "{\"roots\":[{\"uri\":\"file:///home/ann\"},{\"uri\":\"file:///etc\"}]}"
#define FORBID(action)                                                                             \
    PERMIT_ALL "forbid(principal, action in Aegis::Action::\"" action "\", resource);"
#define SESSION_BYTES 512

static struct world worlds[WORLD_LOOPS];
static struct world_client client, second;
static char session[SESSION_BYTES];

static void run(void)
{
    for (int i = 0; i < 3; i++) {
        world_run(&worlds[0]);
        world_run(&worlds[1]);
    }
}

static void post(struct world_client *by, size_t loop, const char *body)
{
    world_post(&worlds[loop], by, BANK, body, NULL, NULL, session);
    run();
}

/* A client with a session on loop 0, whose request runs at the server. */
static void begin_with(const char *policies, const char *initialize, const char *request)
{
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        world_init(&worlds[i], policies);
        worlds[i].server_is_modern = true;
    }
    world_pair(&worlds[0], &worlds[1]);
    worlds[0].held_method = strstr(request, "prompts/get") != NULL ? "prompts/get" : "tools/call";
    world_post(&worlds[0], &client, BANK, initialize, NULL, NULL, NULL);
    run();
    memcpy(session, client.session_id, sizeof(session));
    post(&client, 0, request);
}

static void begin(void)
{
    begin_with(PERMIT_ALL, INITIALIZE, SEE);
}

static void release(void)
{
    world_release(&worlds[0]);
    world_release(&worlds[1]);
}

/* The server of the open call says that, and ends its answer. */
static void server_says(const char *json)
{
    struct world_call *call = world_find_call(&worlds[0], worlds[0].held_method);
    CHECK_ROW(json, call != NULL);
    if (call != NULL) {
        world_message(call, json);
    }
    if (call != NULL && call->is_open) {
        world_end(call, STATUS_OK, NULL);
    }
    run();
}

/* One question, under the key "k". */
static void server_asks(const char *question)
{
    char text[1024];
    (void)snprintf(text, sizeof(text),
                   "{\"jsonrpc\":\"2.0\",\"id\":%%ID,\"result\":{\"resultType\":"
                   "\"input_required\",\"inputRequests\":{\"k\":%s},\"requestState\":\"u:1\"}}",
                   question);
    server_says(text);
}

static bool server_got(const char *text)
{
    const struct world_call *call = &worlds[0].calls[worlds[0].call_count - 1];
    return strcmp(call->method, worlds[0].held_method) == 0 && strstr(call->body, text) != NULL;
}

static size_t rounds(void)
{
    return world_count_calls(&worlds[0], worlds[0].held_method);
}

static bool has(const char *text)
{
    return strstr(client.body, text) != NULL;
}

static size_t records(const char *text, const char *other)
{
    return world_count_records(&worlds[0], text, other);
}

/* -- what the server is told ---------------------------------------------------------------- */

TEST(asked_servers_are_told_what_the_client_can_be_asked)
{
    static const struct {
        const char *name, *policies, *initialize, *told;
    } rows[] = {
        {"all", PERMIT_ALL, INITIALIZE,
         "{\"roots\":{},\"sampling\":{\"tools\":{}},\"elicitation\":{\"form\":{},\"url\":{}}}"},
        {"a policy", FORBID("sampling"), INITIALIZE,
         "{\"roots\":{},\"elicitation\":{\"form\":{},\"url\":{}}}"},
        {"no pages then", PERMIT_ALL, INITIALIZE_OF("2025-06-18", ALL),
         "{\"roots\":{},\"sampling\":{},\"elicitation\":{\"form\":{}}}"},
        {"no forms then", PERMIT_ALL, INITIALIZE_OF("2025-03-26", ALL),
         "{\"roots\":{},\"sampling\":{}}"},
        {"nothing", PERMIT_ALL, INITIALIZE_OF("2025-11-25", "{}"), "{}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512];
        begin_with(rows[i].policies, rows[i].initialize, SEE);
        (void)snprintf(text, sizeof(text), "clientCapabilities\":%s}", rows[i].told);
        CHECK_ROW(rows[i].name, server_got(text));
        server_says(OK);
        CHECK_ROW(rows[i].name, client.is_replied && has("\"text\":\"ok\""));
        release();
    }
}

/* -- rounds --------------------------------------------------------------------------------- */

TEST(asked_of_a_client_and_answered_in_the_next_round)
{
    static const struct {
        const char *name, *question, *asked, *answer, *response;
    } rows[] = {
        {"form", FORM, "\"method\":\"elicitation/create\",\"params\":{\"mode\":\"form\"", ACCEPTED,
         ACCEPTED},
        {"declined", FORM, "elicitation/create", "{\"action\":\"decline\"}",
         "{\"action\":\"decline\"}"},
        {"page", PAGE, "https://pay.example/a\",\"elicitationId\":\"", "{\"action\":\"accept\"}",
         "{\"action\":\"accept\"}"},
        {"sampling", SAMPLE, "sampling/createMessage", SAMPLED, SAMPLED},
        {"roots", ROOTS, "roots/list", ROOT_LIST, ROOT_LIST},
    };
    for (size_t i = 0; i < COUNT_OF(rows) * WORLD_LOOPS; i++) {
        char text[1024];
        size_t row = i / WORLD_LOOPS;
        begin();
        server_asks(rows[row].question);
        CHECK_ROW(rows[row].name, client.stream_begun && has(rows[row].asked));
        CHECK_ROW(rows[row].name, !has("u:1") && !has("input_required") && rounds() == 1);
        (void)snprintf(text, sizeof(text), RESULT_OF("1", "%s"), rows[row].answer);
        post(&second, i % WORLD_LOOPS, text);
        CHECK_ROW(rows[row].name, second.status_code == 202 && second.body[0] == '\0');
        (void)snprintf(text, sizeof(text), "\"inputResponses\":{\"k\":%s},\"requestState\":\"u:1\"",
                       rows[row].response);
        CHECK_ROW(rows[row].name, rounds() == 2 && server_got(text));
        server_says(OK);
        CHECK_ROW(rows[row].name, client.stream_ended && has("\"text\":\"ok\"") && has("\"id\":1"));
        CHECK_ROW(rows[row].name, records("\"intent\"", "") == 2);
        CHECK_ROW(rows[row].name, records("\"outcome\"", "input_required") == 1);
        CHECK_ROW(rows[row].name, records("\"direction\":\"server\"", "authz.allow") == 1);
        release();
    }
}

TEST(asked_several_at_once_waits_for_all_answers)
{
    begin();
    server_says(ASK("\"a\":" FORM ",\"b\":" SAMPLE ",\"c\":" ROOTS));
    CHECK(has("\"id\":1,") && has("\"id\":2,") && has("\"id\":3,"));
    /* The one added last is asked first. */
    post(&second, 1, RESULT_OF("1", ROOT_LIST));
    post(&second, 0, RESULT_OF("3", ACCEPTED));
    CHECK(rounds() == 1);
    post(&second, 0, RESULT_OF("2", SAMPLED));
    CHECK(rounds() == 2 && server_got("\"a\":" ACCEPTED) && server_got("\"b\":" SAMPLED));
    CHECK(server_got("\"c\":" ROOT_LIST));
    server_says(OK);
    release();
}

TEST(asked_in_part_is_answered_for_the_rest)
{
    begin_with(FORBID("roots"), INITIALIZE, SEE);
    server_says(ASK("\"a\":" FORM ",\"b\":" ROOTS));
    CHECK(!has("roots/list") && records("authz.deny", "roots/list") == 1);
    post(&second, 0, RESULT_OF("1", ACCEPTED));
    CHECK(server_got("\"inputResponses\":{\"b\":{\"roots\":[]},\"a\":" ACCEPTED "}"));
    server_says(OK);
    release();
}

TEST(asked_again_the_client_hears_it_again)
{
    begin();
    server_says(ASK("\"a\":" FORM));
    post(&second, 0, RESULT_OF("1", ACCEPTED));
    server_says(ASK_IN(",\"inputRequests\":{\"z\":" ROOTS "}", ""));
    post(&second, 0, RESULT_OF("2", ROOT_LIST));
    CHECK(server_got("\"inputResponses\":{\"z\":" ROOT_LIST "}") && !server_got("requestState"));
    CHECK(!server_got(ACCEPTED));
    server_says(OK);
    CHECK(has("\"text\":\"ok\"") && records("\"intent\"", "") == 3);
    release();
}

/* Nothing to answer: the server wants to be asked later (MCP 2026-07-28, load shedding). */
TEST(asked_nothing_the_gateway_comes_back_later)
{
    begin();
    server_says(ASK_IN("", ",\"requestState\":\"later\""));
    CHECK(rounds() == 1 && !client.stream_begun && !client.is_replied);
    world_advance(&worlds[0], INPUT_PAUSE_MS - 1);
    CHECK(rounds() == 1);
    world_advance(&worlds[0], 1);
    run();
    CHECK(rounds() == 2 && server_got("\"requestState\":\"later\"") && !server_got("inputRes"));
    server_says(OK);
    CHECK(client.is_replied && has("\"text\":\"ok\""));
    release();
}

TEST(asked_without_end_is_bounded)
{
    begin();
    for (size_t i = 0; i <= worlds[0].gateway.limits.question_rounds; i++) {
        CHECK(!client.is_replied && rounds() == i + 1);
        server_says(ASK_IN("", ",\"requestState\":\"later\""));
        world_advance(&worlds[0], INPUT_PAUSE_MS);
        run();
    }
    CHECK(client.status_code == 502 && has("\"code\":50201") &&
          rounds() == worlds[0].gateway.limits.question_rounds + 1);
    release();
}

/* -- refusals ------------------------------------------------------------------------------- */

TEST(asked_in_vain_ends_the_call_or_says_no)
{
    static const struct {
        const char *name, *policies, *question, *answer, *response; /* NULL: the call ends */
    } rows[] = {
        {"a form, an error", PERMIT_ALL, FORM, ERROR_OF("1"), "{\"action\":\"decline\"}"},
        {"roots, an error", PERMIT_ALL, ROOTS, ERROR_OF("1"), "{\"roots\":[]}"},
        {"sampling, an error", PERMIT_ALL, SAMPLE, ERROR_OF("1"), NULL},
        {"a form, another shape", PERMIT_ALL, FORM, RESULT_OF("1", SAMPLED),
         "{\"action\":\"decline\"}"},
        {"sampling, another shape", PERMIT_ALL, SAMPLE, RESULT_OF("1", ACCEPTED), NULL},
        {"a form, denied", FORBID("elicitation/create.result"), FORM, RESULT_OF("1", ACCEPTED),
         "{\"action\":\"decline\"}"},
        {"roots, denied", FORBID("roots/list.result"), ROOTS, RESULT_OF("1", ROOT_LIST),
         "{\"roots\":[]}"},
        {"sampling, denied",
         PERMIT_ALL "@reason(\"not that model\") forbid(principal, action == Aegis::Action::"
                    "\"sampling/createMessage.result\", resource);",
         SAMPLE, RESULT_OF("1", SAMPLED), NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[1024];
        begin_with(rows[i].policies, INITIALIZE, SEE);
        server_asks(rows[i].question);
        post(&second, 0, rows[i].answer);
        CHECK_ROW(rows[i].name, second.status_code == 202);
        if (rows[i].response != NULL) {
            (void)snprintf(text, sizeof(text), "\"inputResponses\":{\"k\":%s}", rows[i].response);
            CHECK_ROW(rows[i].name, rounds() == 2 && server_got(text));
            server_says(OK);
            CHECK_ROW(rows[i].name, has("\"text\":\"ok\""));
        } else {
            bool is_denied = strstr(rows[i].policies, "@reason") != NULL;
            CHECK_ROW(rows[i].name,
                      rounds() == 1 && client.stream_ended && has("\"isError\":true"));
            CHECK_ROW(rows[i].name, has(is_denied ? "not that model" : "did not answer"));
            CHECK_ROW(rows[i].name, records("\"unanswered\"", "") == 1);
        }
        release();
    }
}

TEST(asked_of_a_client_that_cannot_be_asked)
{
    /* A page, which clients of then do not know. */
    begin_with(PERMIT_ALL, INITIALIZE_OF("2025-06-18", ALL), SEE);
    server_says(ASK("\"a\":" PAGE));
    CHECK(!client.stream_begun && rounds() == 2);
    CHECK(server_got("\"inputResponses\":{\"a\":{\"action\":\"decline\"}}"));
    CHECK(records("authz.deny", "question.undeclared") == 1);
    server_says(OK);
    CHECK(client.is_replied && has("\"text\":\"ok\""));
    release();
    /* A sampled message cannot say no. */
    begin_with(PERMIT_ALL, INITIALIZE_OF("2025-11-25", "{}"), PROMPT);
    server_says(ASK("\"a\":" SAMPLE));
    CHECK(!client.stream_begun && rounds() == 1 && client.is_replied && has("\"code\":40301"));
    release();
}

TEST(asked_forms_have_no_mode_for_clients_that_know_none)
{
    begin_with(PERMIT_ALL, INITIALIZE_OF("2025-06-18", ALL), SEE);
    server_says(ASK("\"a\":" FORM));
    CHECK(has("elicitation/create") && !has("\"mode\""));
    post(&second, 0, RESULT_OF("1", ACCEPTED));
    CHECK(server_got("\"a\":" ACCEPTED));
    server_says(OK);
    release();
}

TEST(asked_for_what_a_policy_took_away)
{
    static const char NEEDS[] =
        "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"error\":{\"code\":-32021,\"message\":\"m\",\"data\":{"
        "\"requiredCapabilities\":{\"roots\":{}}}}}";
    begin_with(FORBID("roots"), INITIALIZE, SEE);
    server_says(NEEDS);
    CHECK(client.is_replied && client.status_code == 200 && has("\"isError\":true"));
    CHECK(!has("-32021") && records("authz.deny", "roots/list") == 1);
    release();
    begin_with(PERMIT_ALL, INITIALIZE_OF("2025-11-25", "{}"), SEE);
    server_says(NEEDS);
    CHECK(client.is_replied && client.status_code == 200 && has("-32021"));
    release();
}

/* -- waits ---------------------------------------------------------------------------------- */

TEST(asked_ends_in_time)
{
    static const struct {
        const char *question, *response;
    } rows[] = {{FORM, "{\"action\":\"decline\"}"}, {SAMPLE, NULL}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin();
        server_asks(rows[i].question);
        world_advance(&worlds[0], worlds[0].gateway.limits.question_timeout_ms - 1);
        CHECK(rounds() == 1 && records("limit.hit", "") == 0);
        world_advance(&worlds[0], 1);
        run();
        CHECK(has("notifications/cancelled\",\"params\":{\"requestId\":1}"));
        CHECK(records("limit.hit", "question.timeout") == 1);
        CHECK(rounds() == (rows[i].response != NULL ? 2 : 1));
        CHECK(client.stream_ended == (rows[i].response == NULL));
        post(&second, 0, RESULT_OF("1", ACCEPTED));
        CHECK(second.status_code == 202 && records("wire.reject", "response.unknown") == 1);
        if (rows[i].response != NULL) {
            CHECK(server_got(rows[i].response));
            server_says(OK);
        }
        CHECK(client.is_released);
        release();
    }
}

TEST(asked_takes_one_answer)
{
    begin();
    server_says(ASK("\"a\":" FORM ",\"b\":" ROOTS));
    post(&second, 0, RESULT_OF("2", ACCEPTED));
    post(&second, 0, RESULT_OF("2", "{\"action\":\"decline\"}"));
    post(&second, 0, RESULT_OF("7", ROOT_LIST));
    CHECK(second.status_code == 202 && rounds() == 1);
    CHECK(records("wire.reject", "response.unknown") == 2);
    post(&second, 0, RESULT_OF("1", ROOT_LIST));
    CHECK(server_got("\"a\":" ACCEPTED) && !server_got("decline"));
    server_says(OK);
    release();
}

/* While the client thinks, its request is taken back, its session ends, the gateway closes, the
 * operation takes too long. */
TEST(asked_may_end_while_the_client_thinks)
{
    static const char CANCEL[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
                                 "\"params\":{\"requestId\":1}}";
    static const struct gateway_limits LIMITS = GATEWAY_LIMITS_DEFAULT;
    for (int i = 0; i < 4; i++) {
        struct world_client ending = {0};
        begin();
        worlds[0].gateway.limits.question_timeout_ms = 2 * LIMITS.operation_deadline_ms;
        server_says(ASK("\"a\":" FORM ",\"b\":" ROOTS));
        if (i == 0) {
            post(&ending, 0, CANCEL);
        } else if (i == 1) {
            world_ask(&worlds[0], &ending, "DELETE", BANK, session);
        } else if (i == 2) {
            gateway_close(&worlds[0].gateway);
        } else {
            world_advance(&worlds[0], LIMITS.operation_deadline_ms);
        }
        run();
        CHECK(client.is_released && rounds() == 1);
        CHECK((i == 2) == (records("wire.reject", "") + records("upstream.protocol", "") == 0));
        release();
    }
}

/* An answer on its way when that happens. */
TEST(asked_may_end_while_the_answer_is_recorded)
{
    for (int i = 0; i < 3; i++) {
        struct world_client ending = {0};
        begin();
        server_says(ASK("\"a\":" FORM));
        worlds[0].holds_records = true;
        post(&second, 0, RESULT_OF("1", ACCEPTED));
        CHECK(rounds() == 1);
        if (i == 0) {
            world_ask(&worlds[0], &ending, "DELETE", BANK, session);
        } else if (i == 1) {
            gateway_close(&worlds[0].gateway);
        } else {
            second.exchange.on_gone(&second.exchange);
        }
        worlds[0].holds_records = false;
        run();
        CHECK(second.is_released && rounds() == (i == 2 ? 2 : 1));
        if (i == 2) {
            CHECK(server_got("\"a\":" ACCEPTED));
            server_says(OK);
        }
        CHECK(client.is_released);
        release();
    }
}

TEST(asked_without_a_record_of_the_question_is_not_asked)
{
    begin();
    worlds[0].journal_fails = true;
    server_says(ASK("\"a\":" FORM));
    CHECK(!client.stream_begun && client.is_replied && client.status_code == 503 && !has("Which"));
    worlds[0].journal_fails = false;
    release();
}

/* What was permitted when the call began is asked of the policies again in the next round. */
TEST(asked_rounds_are_judged_by_the_policies_of_their_time)
{
    begin();
    server_says(ASK("\"a\":" FORM));
    gateway_switch(&worlds[0].gateway,
                   world_snapshot("permit(principal, action in Aegis::Action::\"elicitation\", "
                                  "resource);",
                                  ALL_REVISIONS));
    post(&second, 0, RESULT_OF("1", ACCEPTED));
    CHECK(rounds() == 1 && client.stream_ended && has("\"isError\":true"));
    CHECK(records("authz.deny", "tools/call") == 1);
    release();
}

/* Adapters that complete everything twice. */
TEST(asked_by_way_of_faulty_adapters)
{
    begin();
    worlds[0].repeats = worlds[1].repeats = true;
    server_says(ASK("\"a\":" FORM));
    post(&second, 1, RESULT_OF("1", ACCEPTED));
    CHECK(rounds() == 2 && server_got("\"a\":" ACCEPTED));
    server_says(OK);
    CHECK(client.stream_ended && has("\"text\":\"ok\"") && records("\"outcome\"", "") == 2);
    release();
}

/* Before its stream began it cannot come back. */
TEST(asked_of_a_client_that_is_gone_is_refused)
{
    begin();
    client.exchange.on_gone(&client.exchange);
    server_says(ASK("\"a\":" FORM));
    CHECK(records("limit.hit", "client.gone") == 1 && rounds() == 2);
    CHECK(server_got("\"a\":{\"action\":\"decline\"}"));
    server_says(OK);
    CHECK(client.is_released && !client.is_replied);
    release();
}

/* One allocation fails: the server hears the answer or a "no", or the call ends. */
TEST(asked_survives_each_allocation_that_fails)
{
    bool has_begun = true;
    for (size_t n = 0; has_begun; n++) {
        begin();
        check_begin_shortage(n, false);
        server_says(ASK("\"a\":" FORM));
        post(&second, 1, RESULT_OF("1", ACCEPTED));
        has_begun = check_end_shortage();
        CHECK(second.is_released && rounds() <= 2);
        CHECK(has_begun || server_got("\"a\":" ACCEPTED));
        if (world_find_call(&worlds[0], "tools/call") != NULL) {
            server_says(OK);
        }
        world_advance(&worlds[0], worlds[0].gateway.limits.operation_deadline_ms);
        run();
        CHECK(client.is_released);
        release();
    }
}
