/* What legacy servers ask of modern clients, on one loop and on two. */
#include "core/gateway/held_call.h"

#include "core/gateway/server_session.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>

#define CAN_ALL "{\"sampling\":{},\"roots\":{},\"elicitation\":{\"form\":{},\"url\":{}}}"
#define SAMPLING                                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"sampling/createMessage\",\"params\":{"         \
    "\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":\"hi\"}}],"          \
    "\"maxTokens\":9}}"
#define ROOTS_AS(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"roots/list\"}"
#define ROOTS ROOTS_AS("\"s\"")
#define FORM                                                                                       \
    "{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"elicitation/create\",\"params\":{"             \
    "\"message\":\"Which?\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{\"env\":{"    \
    "\"type\":\"string\"}}}}}"
#define PAGE                                                                                       \
    "{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"elicitation/create\",\"params\":{\"mode\":"    \
    "\"url\",\"message\":\"Pay\",\"url\":\"https://pay.example/a\",\"elicitationId\":\"e1\"}}"
#define SAMPLED                                                                                    \
    "{\"role\":\"assistant\",\"content\":{\"type\":\"text\",\"text\":\"yo\"},\"model\":\"m\"}"
#define ACCEPTED "{\"action\":\"accept\",\"content\":{\"env\":\"staging\"}}"
#define ROOT_LIST "{\"roots\":[{\"uri\":\"file:///home/ann\"},{\"uri\":\"file:///etc\"}]}"
#define FORBID(action)                                                                             \
    PERMIT_ALL "forbid(principal, action in Aegis::Action::\"" action "\", resource);"
#define STATE_BYTES 1024

static struct world worlds[WORLD_LOOPS];
static struct world_client client, second, third;
static char state[STATE_BYTES];
static const char *capabilities;

static void run(void)
{
    for (int i = 0; i < 3; i++) {
        world_run(&worlds[0]);
        world_run(&worlds[1]);
    }
}

/* A call under that id (a lexeme); extra: members of the parameters and of _meta, with a comma
 * before each. */
static void call_as(struct world_client *by, size_t loop, const char *id, const char *extra,
                    const char *meta)
{
    char body[WORLD_TEXT_BYTES];
    int len =
        snprintf(body, sizeof(body),
                 "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"tools/call\",\"params\":{\"name\":"
                 "\"see\",\"arguments\":{}%s,\"_meta\":{"
                 "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
                 "\"io.modelcontextprotocol/clientCapabilities\":%s%s}}}",
                 id, extra, capabilities, meta);
    CHECK(len > 0 && (size_t)len < sizeof(body));
    world_post(&worlds[loop], by, BANK, body, "tools/call", "see", NULL);
    run();
}

/* A modern client whose call runs at a legacy server. */
static struct world_call *begin_with(const char *policies, const struct gateway_limits *limits)
{
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        world_init_with(&worlds[i], policies, limits);
    }
    world_pair(&worlds[0], &worlds[1]);
    worlds[0].held_method = worlds[1].held_method = "tools/call";
    capabilities = capabilities == NULL ? CAN_ALL : capabilities;
    call_as(&client, 0, "1", "", "");
    struct world_call *call = world_find_call(&worlds[0], "tools/call");
    CHECK(call != NULL);
    return call;
}

static struct world_call *begin(void)
{
    static const struct gateway_limits LIMITS = GATEWAY_LIMITS_DEFAULT;
    return begin_with(PERMIT_ALL, &LIMITS);
}

static struct world_call *begin_under(const char *policies)
{
    static const struct gateway_limits LIMITS = GATEWAY_LIMITS_DEFAULT;
    return begin_with(policies, &LIMITS);
}

/* Which looks for completions that found nobody. */
static void release(void)
{
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        world_release(&worlds[i]);
    }
    capabilities = NULL;
}

static void ask(struct world_call *call, const char *question)
{
    world_message(call, question);
    run();
}

static void finish(struct world_call *call)
{
    world_message(call, "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"content\":[]}}");
    world_end(call, STATUS_OK, NULL);
    run();
}

static bool has(const struct world_client *by, const char *text)
{
    return strstr(by->body, text) != NULL;
}

static bool is_asked(const struct world_client *by)
{
    return by->is_released && has(by, "\"resultType\":\"input_required\"");
}

/* What the client got is to be echoed. */
static void keep_state(const struct world_client *by)
{
    const char *at = strstr(by->body, "\"requestState\":\"");
    CHECK(at != NULL);
    at = at == NULL ? "" : at + strlen("\"requestState\":\"");
    (void)snprintf(state, sizeof(state), "%.*s", (int)strcspn(at, "\""), at);
    CHECK(strncmp(state, "aegis1.0.", 9) == 0);
}

/* The client comes back with answers, members of an object. */
static void come_back(struct world_client *by, size_t loop, const char *answers)
{
    char extra[WORLD_TEXT_BYTES];
    (void)snprintf(extra, sizeof(extra), ",\"inputResponses\":{%s},\"requestState\":\"%s\"",
                   answers, state);
    call_as(by, loop, "\"again\"", extra, "");
}

/* The question is with the client, the call is held. */
static struct world_call *hold(const char *question)
{
    struct world_call *call = begin();
    ask(call, question);
    CHECK(is_asked(&client) && call->is_open);
    keep_state(&client);
    return call;
}

static size_t count(const char *method)
{
    return world_count_calls(&worlds[0], method);
}

/* Has the server got that answer to its question, and is it the only one? */
static bool server_got(const char *outcome)
{
    char text[2 * STATE_BYTES];
    bool is_found = false;
    int len = snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":\"s\",%s", outcome);
    CHECK(len > 0 && (size_t)len < sizeof(text));
    for (size_t i = 0; i < worlds[0].call_count; i++) {
        is_found = is_found || strstr(worlds[0].calls[i].body, text) != NULL;
    }
    return is_found && count("response") == 1;
}

static size_t records(const char *text, const char *other)
{
    return world_count_records(&worlds[0], text, other);
}

static bool is_refused(const struct world_client *by, const char *code)
{
    return has(by, "\"code\":-32602") && records("authz.deny", code) == 1;
}

/* -- what the server is told ---------------------------------------------------------------- */

/* A legacy server hears it once, so there is a session for each set. */
TEST(held_calls_have_a_session_for_each_set_of_capabilities)
{
    static const struct {
        const char *policies, *declared, *told;
    } rows[] = {
        {PERMIT_ALL, CAN_ALL,
         "\"capabilities\":{\"roots\":{},\"sampling\":{},\"elicitation\":{\"form\":{},\"url\":{}}"
         "}"},
        {FORBID("sampling"), CAN_ALL,
         "\"capabilities\":{\"roots\":{},\"elicitation\":{\"form\":{},\"url\":{}}}"},
        {PERMIT_ALL, "{\"roots\":{}}", "\"capabilities\":{\"roots\":{}}"},
        {PERMIT_ALL, "{}", "\"capabilities\":{}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t told = 0;
        capabilities = rows[i].declared;
        (void)begin_under(rows[i].policies);
        for (size_t k = 0; k < worlds[0].call_count; k++) {
            told += strstr(worlds[0].calls[k].body, rows[i].told) != NULL ? 1 : 0;
        }
        CHECK_ROW(rows[i].told, told == 1);
        CHECK(count("initialize") == 1 && worlds[0].gateway.session_count == 1);
        call_as(&second, 0, "2", "", "");
        CHECK(count("initialize") == 1);
        capabilities = "{\"sampling\":{}}";
        call_as(&third, 0, "3", "", "");
        CHECK(count("initialize") == 2 && worlds[0].gateway.session_count == 2);
        release();
    }
}

/* -- rounds --------------------------------------------------------------------------------- */

TEST(held_calls_ask_and_go_on)
{
    static const struct {
        const char *name, *question, *asked, *answer;
    } rows[] = {
        {"form", FORM, "{\"1\":{\"method\":\"elicitation/create\",\"params\":{", ACCEPTED},
        {"declined", FORM, "elicitation/create", "{\"action\":\"decline\"}"},
        {"page", PAGE, "\"url\":\"https://pay.example/a\"}}", "{\"action\":\"accept\"}"},
        {"sampling", SAMPLING, "sampling/createMessage", SAMPLED},
        {"roots", ROOTS, "{\"1\":{\"method\":\"roots/list\"}}", ROOT_LIST},
    };
    for (size_t i = 0; i < COUNT_OF(rows) * WORLD_LOOPS; i++) {
        char text[1024];
        size_t row = i / WORLD_LOOPS;
        struct world_call *call = hold(rows[row].question);
        CHECK_ROW(rows[row].name, has(&client, rows[row].asked) && !has(&client, "\"s\""));
        CHECK_ROW(rows[row].name, !has(&client, "elicitationId") && call->is_excused);
        CHECK_ROW(rows[row].name, records("\"outcome\"", "input_required") == 1);
        (void)snprintf(text, sizeof(text), "\"1\":%s", rows[row].answer);
        come_back(&second, i % WORLD_LOOPS, text);
        (void)snprintf(text, sizeof(text), "\"result\":%s}", rows[row].answer);
        CHECK_ROW(rows[row].name, server_got(text) && count("tools/call") == 1);
        CHECK_ROW(rows[row].name, !call->is_excused && !second.is_replied);
        finish(call);
        CHECK_ROW(rows[row].name, second.status_code == 200 && has(&second, "\"id\":\"again\""));
        CHECK_ROW(rows[row].name, has(&second, "\"content\":[],\"resultType\":\"complete\""));
        CHECK_ROW(rows[row].name, records("\"intent\"", "") == 2 && records("authz.deny", "") == 0);
        CHECK_ROW(rows[row].name, records("\"outcome\"", "\"ok\"") == 1);
        CHECK_ROW(rows[row].name, records("\"direction\":\"client\"", "authz.allow") == 3);
        release();
    }
}

TEST(held_calls_ask_all_that_is_open_and_again_what_is_left)
{
    struct world_call *call = begin();
    worlds[0].holds_records = true;
    world_message(call, ROOTS_AS("7"));
    world_message(call, FORM);
    CHECK(!client.is_replied);
    worlds[0].holds_records = false;
    run();
    CHECK(is_asked(&client) && has(&client, "roots/list") && has(&client, "elicitation/create"));
    keep_state(&client);
    const char *form = strstr(client.body, "\"1\":{\"method\":\"elicitation") != NULL ? "1" : "2";
    char answer[256];
    (void)snprintf(answer, sizeof(answer), "\"%s\":" ACCEPTED, form);
    come_back(&second, 1, answer);
    CHECK(server_got("\"result\":" ACCEPTED) && is_asked(&second));
    CHECK(has(&second, "roots/list") && !has(&second, "elicitation/create"));
    keep_state(&second);
    (void)snprintf(answer, sizeof(answer), "\"%s\":" ROOT_LIST, form[0] == '1' ? "2" : "1");
    come_back(&third, 0, answer);
    CHECK(count("response") == 2 && !third.is_replied);
    finish(call);
    CHECK(has(&third, "\"content\":[]") && records("\"intent\"", "") == 3);
    CHECK(records("\"outcome\"", "") == 3 && records("\"outcome\"", "input_required") == 2);
    release();
}

TEST(held_calls_ask_again_when_the_server_does)
{
    struct world_call *call = hold(FORM);
    come_back(&second, 0, "\"1\":" ACCEPTED);
    ask(call, ROOTS_AS("8"));
    CHECK(is_asked(&second) && has(&second, "{\"2\":{\"method\":\"roots/list\"}}"));
    keep_state(&second);
    come_back(&third, 1, "\"2\":" ROOT_LIST);
    finish(call);
    CHECK(has(&third, "\"content\":[]"));
    release();
}

/* The server fails after it got its answer. */
TEST(held_calls_fail_with_their_server)
{
    struct world_call *call = hold(FORM);
    come_back(&second, 0, "\"1\":" ACCEPTED);
    world_end(call, STATUS_OK, NULL);
    run();
    CHECK(second.status_code == 502 && has(&second, "\"code\":50201"));
    release();
}

/* Progress goes to who is connected, under the token of his own request. */
TEST(held_calls_tell_progress_to_the_request_that_is_open)
{
    static const char PROGRESS[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\","
                                   "\"params\":{\"progressToken\":%ID,\"progress\":1}}";
    char extra[STATE_BYTES * 2];
    (void)begin();
    call_as(&second, 0, "2", "", ",\"progressToken\":\"old\"");
    struct world_call *call = world_find_call(&worlds[0], "tools/call");
    ask(call, PROGRESS);
    CHECK(second.stream_begun && has(&second, "\"progressToken\":\"old\""));
    ask(call, FORM);
    CHECK(second.stream_ended && is_asked(&second));
    keep_state(&second);
    ask(call, PROGRESS);
    (void)snprintf(extra, sizeof(extra),
                   ",\"inputResponses\":{\"1\":" ACCEPTED "},\"requestState\":\"%s\"", state);
    call_as(&third, 0, "3", extra, ",\"progressToken\":\"new\"");
    ask(call, PROGRESS);
    CHECK(third.stream_begun && has(&third, "\"progressToken\":\"new\"") && !has(&third, "old"));
    finish(call);
    CHECK(third.stream_ended && has(&third, "\"content\":[]"));
    release();
}

/* A child's question does not say which call it is for. It goes to the newest, and from there to
 * another that still runs. */
TEST(held_calls_of_a_child_hand_a_question_on)
{
    static const struct gateway_server CHILDREN[] = {
        {.name = SLICE_INIT("bank"), .timeout_ms = 1000, .is_stdio = true},
        {.name = SLICE_INIT("shop"), .timeout_ms = 1000, .is_stdio = true}};
    for (size_t i = 0; i < WORLD_LOOPS; i++) {
        world_init(&worlds[i], PERMIT_ALL);
        worlds[i].snapshot->servers = CHILDREN;
        worlds[i].gateway.place.loop_count = 1;
        worlds[i].held_method = "tools/call";
    }
    world_pair(&worlds[0], &worlds[1]);
    worlds[0].gateway.place.loop_count = 1;
    capabilities = CAN_ALL;
    call_as(&client, 0, "1", "", "");
    struct world_call *first = world_find_call(&worlds[0], "tools/call");
    call_as(&second, 0, "2", "", "");
    struct world_call *newest = world_find_call(&worlds[0], "tools/call");
    ask(newest, FORM);
    CHECK(is_asked(&second) && !client.is_replied);
    finish(newest);
    CHECK(is_asked(&client) && has(&client, "elicitation/create"));
    keep_state(&client);
    come_back(&third, 0, "\"1\":" ACCEPTED);
    CHECK(server_got("\"result\":" ACCEPTED));
    finish(first);
    CHECK(has(&third, "\"content\":[]"));
    release();
}

/* -- refusals ------------------------------------------------------------------------------- */

TEST(held_calls_are_not_for_questions_that_are_refused)
{
    static const struct {
        const char *name, *policies, *declared, *question, *outcome;
    } rows[] = {
        {"denied sampling", FORBID("sampling"), CAN_ALL, SAMPLING, "\"error\":{\"code\":-32601,"},
        {"denied form",
         PERMIT_ALL "forbid(principal, action == Aegis::Action::\"elicitation/create\", resource) "
                    "when { context.elicitation.message like \"Wh*\" };",
         CAN_ALL, FORM, "\"result\":{\"action\":\"decline\"}"},
        {"undeclared", PERMIT_ALL, "{\"roots\":{}}", SAMPLING, "\"error\":{\"code\":-32601,"},
        {"undeclared mode", PERMIT_ALL, "{\"elicitation\":{}}", PAGE,
         "\"error\":{\"code\":-32602,"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        capabilities = rows[i].declared;
        struct world_call *call = begin_under(rows[i].policies);
        ask(call, rows[i].question);
        CHECK_ROW(rows[i].name, count("response") == 1 && !client.is_replied);
        const char *reply = worlds[0].calls[worlds[0].call_count - 1].body;
        bool is_denied = i == 0 && strstr(reply, "\"code\":-1,") != NULL;
        CHECK_ROW(rows[i].name, is_denied || strstr(reply, rows[i].outcome) != NULL);
        finish(call);
        CHECK_ROW(rows[i].name, has(&client, "\"content\":[]") && records("authz.deny", "") == 1);
        release();
    }
}

TEST(held_calls_take_answers_that_do_not_pass)
{
    static const struct {
        const char *name, *policies, *question, *answer, *outcome;
    } rows[] = {
        {"form", FORBID("elicitation/create.result"), FORM, ACCEPTED,
         "\"result\":{\"action\":\"decline\"}"},
        {"roots", FORBID("roots/list.result"), ROOTS, ROOT_LIST, "\"result\":{\"roots\":[]}"},
        {"sampling", FORBID("sampling/createMessage.result"), SAMPLING, SAMPLED,
         "\"error\":{\"code\":-1,"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512];
        struct world_call *call = begin_under(rows[i].policies);
        ask(call, rows[i].question);
        keep_state(&client);
        (void)snprintf(text, sizeof(text), "\"1\":%s", rows[i].answer);
        come_back(&second, 0, text);
        CHECK_ROW(rows[i].name, server_got(rows[i].outcome) && !second.is_replied);
        finish(call);
        CHECK_ROW(rows[i].name, has(&second, "\"content\":[]"));
        release();
    }
}

/* An answer that breaks the protocol goes nowhere, and the call waits on. */
TEST(held_calls_wait_for_an_answer_that_fits)
{
    struct world_call *call = hold(FORM);
    come_back(&second, 0, "\"1\":" SAMPLED);
    CHECK(second.is_replied && has(&second, "\"code\":-32602") && count("response") == 0);
    come_back(&third, 0, "\"1\":" ACCEPTED);
    CHECK(server_got("\"result\":" ACCEPTED));
    finish(call);
    CHECK(has(&third, "\"content\":[]"));
    release();
}

TEST(held_calls_drop_answers_to_what_was_not_asked)
{
    struct world_call *call = hold(FORM);
    come_back(&second, 0, "\"2\":" ROOT_LIST ",\"s\":" ROOT_LIST);
    CHECK(count("response") == 0 && is_asked(&second) && records("question.unsolicited", "") == 1);
    keep_state(&second);
    come_back(&third, 0, "\"1\":" ACCEPTED);
    CHECK(server_got("\"result\":" ACCEPTED));
    finish(call);
    release();
}

TEST(held_calls_are_known_by_their_newest_state_alone)
{
    char old[STATE_BYTES];
    struct world_call *call = hold(FORM);
    memcpy(old, state, sizeof(old));
    state[strlen(state) - 1] = state[strlen(state) - 1] == 'A' ? 'B' : 'A';
    come_back(&second, 0, "\"1\":" ACCEPTED);
    CHECK(is_refused(&second, "state.unknown"));
    memcpy(state, old, sizeof(old));
    state[strlen("aegis1.")] = '1';
    come_back(&second, 0, "\"1\":" ACCEPTED);
    CHECK(has(&second, "\"code\":-32602") && worlds[1].record_count == 1);
    memcpy(state, old, sizeof(old));
    come_back(&second, 0, "\"1\":" ACCEPTED);
    CHECK(server_got("\"result\":" ACCEPTED));
    come_back(&third, 0, "\"1\":{\"action\":\"decline\"}");
    CHECK(is_refused(&third, "held.gone") && count("response") == 1);
    finish(call);
    CHECK(has(&second, "\"content\":[]"));
    come_back(&third, 1, "\"1\":" ACCEPTED);
    CHECK(has(&third, "\"code\":-32602") && count("tools/call") == 1);
    release();
}

TEST(held_calls_are_bounded)
{
    struct gateway_limits limits = GATEWAY_LIMITS_DEFAULT;
    for (int i = 0; i < 3; i++) {
        limits.held_calls = i == 0 ? 1 : 1024;
        limits.principal_held_calls = i == 1 ? 1 : 64;
        limits.question_rounds = i == 2 ? 1 : 16;
        struct world_call *call = begin_with(PERMIT_ALL, &limits);
        ask(call, FORM);
        CHECK(is_asked(&client));
        keep_state(&client);
        if (i == 2) {
            come_back(&second, 0, "\"1\":" ACCEPTED);
            ask(call, ROOTS);
            CHECK(records("limit.hit", "question.rounds") == 1 && !second.is_replied);
        } else {
            call_as(&second, 0, "2", "", "");
            ask(world_find_call(&worlds[0], "tools/call"), ROOTS);
            CHECK(records("limit.hit", "question.held_calls") == 1 && !second.is_replied);
            CHECK(server_got("\"result\":{\"roots\":[]}"));
        }
        finish(world_find_call(&worlds[0], "tools/call"));
        CHECK(has(&second, "\"content\":[]"));
        release();
    }
}

/* -- waits ---------------------------------------------------------------------------------- */

TEST(held_calls_end_in_time)
{
    struct world_call *call = hold(FORM);
    world_advance(&worlds[0], worlds[0].gateway.limits.question_timeout_ms - 1);
    CHECK(call->is_open && worlds[0].gateway.operation_count == 1);
    world_advance(&worlds[0], 1);
    run();
    CHECK(call->is_cancelled && worlds[0].gateway.operation_count == 0);
    CHECK(records("limit.hit", "question.timeout") == 1 && count("response") == 0);
    come_back(&second, 0, "\"1\":" ACCEPTED);
    CHECK(has(&second, "\"code\":-32602") && count("tools/call") == 1);
    release();
}

/* The server does not wait for answers: what it says is kept for the client. */
TEST(held_calls_keep_what_the_server_says_meanwhile)
{
    for (int fails = 0; fails < 2; fails++) {
        struct world_call *call = hold(FORM);
        if (fails != 0) {
            world_end(call, STATUS_UNAVAILABLE, "upstream.down");
            run();
        } else {
            finish(call);
        }
        CHECK(worlds[0].gateway.operation_count == 1);
        come_back(&second, 1, "\"1\":" ACCEPTED);
        CHECK(count("response") == 0 && count("tools/call") == 1);
        CHECK(fails != 0 ? second.status_code == 503 : has(&second, "\"content\":[]"));
        CHECK(records("question.unsolicited", "") == 0 && records("\"outcome\"", "") == 2);
        release();
    }
}

/* The same, and nobody comes. */
TEST(held_calls_do_not_keep_it_for_ever)
{
    struct world_call *call = hold(FORM);
    finish(call);
    world_advance(&worlds[0], worlds[0].gateway.limits.question_timeout_ms);
    CHECK(worlds[0].gateway.operation_count == 0);
    release();
}

/* While a round is recorded: its client goes, the gateway closes, the call ends, the journal fails.
 */
TEST(held_calls_may_end_while_their_round_is_recorded)
{
    for (int i = 0; i < 4; i++) {
        struct world_call *call = begin();
        world_message(call, FORM);
        CHECK(world_step(&worlds[0])); /* the judgement is recorded */
        worlds[0].holds_records = true;
        if (i == 0) {
            client.exchange.on_gone(&client.exchange);
        } else if (i == 1) {
            gateway_close(&worlds[0].gateway);
        } else if (i == 2) {
            finish(call);
        } else {
            worlds[0].journal_fails = true;
        }
        worlds[0].holds_records = false;
        run();
        CHECK(client.is_released == (i != 3) && client.is_replied == (i == 2));
        if (i == 2) {
            CHECK(is_asked(&client) && worlds[0].gateway.operation_count == 1);
            keep_state(&client);
            come_back(&third, 0, "");
            CHECK(has(&third, "\"content\":[]"));
        } else if (i == 3) {
            CHECK(server_got("\"result\":{\"action\":\"decline\"}"));
            worlds[0].journal_fails = false;
            finish(call);
            CHECK(has(&client, "\"content\":[]"));
        }
        release();
    }
}

/* The client leaves while a question is recorded, and the journal takes nothing more: what it has
 * taken is waited for. */
TEST(held_calls_are_not_over_before_their_records)
{
    struct world_call *call = begin();
    worlds[0].holds_records = true;
    world_message(call, FORM);
    worlds[0].journal_refuses = true;
    client.exchange.on_gone(&client.exchange);
    run();
    CHECK(call->is_cancelled && worlds[0].gateway.operation_count == 1);
    worlds[0].holds_records = false;
    run();
    CHECK(worlds[0].gateway.operation_count == 0 && client.is_released);
    release();
}

/* While the answers are recorded: their client goes, the gateway closes, the call ends, another one
 * brings answers, time is up. */
TEST(held_calls_may_end_while_answers_are_recorded)
{
    for (int i = 0; i < 5; i++) {
        struct world_call *call = hold(FORM);
        worlds[0].holds_records = true;
        come_back(&second, 0, "\"1\":" ACCEPTED);
        CHECK(count("response") == 0 && !second.is_replied);
        if (i == 0) {
            second.exchange.on_gone(&second.exchange);
        } else if (i == 1) {
            gateway_close(&worlds[0].gateway);
        } else if (i == 2) {
            world_end(call, STATUS_UNAVAILABLE, "upstream.down");
        } else if (i == 3) {
            come_back(&third, 0, "\"1\":" ACCEPTED);
        } else {
            world_advance(&worlds[0], worlds[0].gateway.limits.question_timeout_ms);
        }
        worlds[0].holds_records = false;
        run();
        CHECK(count("response") == (i == 3 ? 1 : 0));
        if (i == 0) {
            CHECK(second.is_released && call->is_open);
            come_back(&third, 0, "\"1\":" ACCEPTED);
            CHECK(server_got("\"result\":" ACCEPTED));
            finish(call);
            CHECK(has(&third, "\"content\":[]"));
        } else if (i == 3) {
            CHECK(is_refused(&third, "held.gone"));
            finish(call);
            CHECK(has(&second, "\"content\":[]"));
        } else if (i == 4) {
            CHECK(call->is_cancelled && second.status_code == 503);
            CHECK(records("\"outcome\"", "held.gone") == 1);
        }
        CHECK(second.is_released);
        release();
    }
}

/* MCP 2026-07-28: a closed stream means cancel, in the newest round as in the first. */
TEST(held_calls_end_with_the_client_that_goes_on)
{
    struct world_call *call = hold(FORM);
    come_back(&second, 0, "\"1\":" ACCEPTED);
    second.exchange.on_gone(&second.exchange);
    run();
    CHECK(call->is_cancelled && second.is_released && worlds[0].gateway.operation_count == 0);
    CHECK(records("\"outcome\"", "client.gone") == 1);
    release();
}

TEST(held_calls_of_a_client_that_cannot_take_the_questions)
{
    (void)begin();
    call_as(&second, 0, "2", "", ",\"progressToken\":1");
    struct world_call *call = world_find_call(&worlds[0], "tools/call");
    ask(call, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
              "\"progressToken\":%ID,\"progress\":1}}");
    CHECK(second.stream_begun);
    second.is_slow = true;
    ask(call, FORM);
    world_advance(&worlds[0], 0);
    run();
    CHECK(second.is_aborted && call->is_cancelled);
    CHECK(worlds[0].gateway.operation_count == 1); /* the first call */
    release();
}

TEST(held_calls_are_judged_by_the_policies_of_their_time)
{
    struct world_call *call = hold(FORM);
    gateway_switch(&worlds[0].gateway, world_snapshot(FORBID("tools/call"), ALL_REVISIONS));
    come_back(&second, 0, "\"1\":" ACCEPTED);
    CHECK(has(&second, "\"isError\":true") && count("response") == 0 && call->is_open);
    gateway_switch(&worlds[0].gateway, world_snapshot(PERMIT_ALL, ALL_REVISIONS));
    come_back(&third, 0, "\"1\":" ACCEPTED);
    CHECK(server_got("\"result\":" ACCEPTED));
    finish(call);
    CHECK(has(&third, "\"content\":[]"));
    release();
}

TEST(held_calls_go_on_when_the_server_takes_its_question_back)
{
    struct world_call *call = hold(FORM);
    ask(call, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
              "\"requestId\":\"s\"}}");
    come_back(&second, 0, "\"1\":" ACCEPTED);
    CHECK(count("response") == 0 && !second.is_replied);
    finish(call);
    CHECK(has(&second, "\"content\":[]"));
    release();
}

TEST(held_calls_end_with_the_gateway)
{
    struct world_call *call = hold(FORM);
    gateway_close(&worlds[0].gateway);
    CHECK(call->is_cancelled);
    release();
}

/* Another call of the caller fails, and a new session is opened: what is held goes on in its own.
 */
TEST(held_calls_stay_in_their_session)
{
    struct world_call *call = hold(FORM);
    server_session_take_id(worlds[0].gateway.sessions, SLICE("one"));
    call_as(&second, 0, "2", "", "");
    world_end(world_find_call(&worlds[0], "tools/call"), STATUS_TIMEOUT, "upstream.timeout");
    run();
    call_as(&third, 0, "3", "", "");
    CHECK(count("initialize") == 2 && worlds[0].gateway.session_count == 2);
    server_session_take_id(worlds[0].gateway.sessions, SLICE("two"));
    finish(world_find_call(&worlds[0], "tools/call"));
    come_back(&second, 0, "\"1\":" ACCEPTED);
    CHECK(server_got("\"result\":" ACCEPTED));
    const struct world_call *reply = &worlds[0].calls[worlds[0].call_count - 1];
    CHECK(strcmp(reply->method, "response") == 0 && strstr(reply->fields, ": one\n") != NULL);
    finish(call);
    CHECK(has(&second, "\"content\":[]") && worlds[0].gateway.session_count == 1);
    release();
}

/* Adapters that complete everything twice, and what was cancelled as well. */
TEST(held_calls_survive_faulty_adapters)
{
    for (int is_late = 0; is_late < 2; is_late++) {
        struct world_call *call = begin();
        worlds[0].repeats = worlds[1].repeats = true;
        ask(call, FORM);
        CHECK(is_asked(&client));
        keep_state(&client);
        if (is_late != 0) {
            world_advance(&worlds[0], worlds[0].gateway.limits.question_timeout_ms);
            run();
            CHECK(worlds[0].gateway.operation_count == 0);
            release();
            continue;
        }
        come_back(&second, 1, "\"1\":" ACCEPTED);
        CHECK(server_got("\"result\":" ACCEPTED));
        finish(call);
        CHECK(has(&second, "\"content\":[]") && records("\"outcome\"", "") == 2);
        release();
    }
}

/* One allocation fails: the server hears the answer or a "no", or the call ends. */
TEST(held_calls_survive_each_allocation_that_fails)
{
    bool has_begun = true;
    for (size_t n = 0; has_begun; n++) {
        struct world_call *call = begin();
        second = (struct world_client){0};
        check_begin_shortage(n, false);
        ask(call, FORM);
        if (is_asked(&client)) {
            keep_state(&client);
            come_back(&second, 1, "\"1\":" ACCEPTED);
        }
        has_begun = check_end_shortage();
        CHECK(count("response") <= 1);
        CHECK(has_begun || server_got("\"result\":" ACCEPTED));
        if (call->is_open) {
            finish(call);
        }
        world_advance(&worlds[0], worlds[0].gateway.limits.question_timeout_ms);
        run();
        CHECK(client.is_released && worlds[0].gateway.operation_count == 0);
        release();
    }
}
