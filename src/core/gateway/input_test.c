#include "core/gateway/input_rounds.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>

#define ALL_CAPABILITIES "{\"sampling\":{},\"roots\":{},\"elicitation\":{\"form\":{},\"url\":{}}}"
#define META_WITH(capabilities)                                                                    \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                       \
    "\"io.modelcontextprotocol/clientCapabilities\":" capabilities "}"
#define ASK(requests, state)                                                                       \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"input_required\","               \
    "\"inputRequests\":{" requests "}" state "}}"
#define FORM                                                                                       \
    "{\"method\":\"elicitation/create\",\"params\":{\"message\":\"Which?\",\"requestedSchema\":{"  \
    "\"type\":\"object\",\"properties\":{\"env\":{\"type\":\"string\"}}}}}"
#define SAMPLE                                                                                     \
    "{\"method\":\"sampling/createMessage\",\"params\":{\"messages\":[{\"role\":\"user\","         \
    "\"content\":{\"type\":\"text\",\"text\":\"hi\"}}],\"maxTokens\":9}}"
#define ROOTS "{\"method\":\"roots/list\"}"
#define OK                                                                                         \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"ok\"}" \
    "]}}"
#define ACCEPT "{\"action\":\"accept\",\"content\":{\"env\":\"test\"}}"
#define NO_ROOTS PERMIT_ALL "forbid(principal, action in Aegis::Action::\"roots\", resource);"
#define NO_FORMS PERMIT_ALL "forbid(principal, action in Aegis::Action::\"elicitation\", resource);"
#define NO_SAMPLING                                                                                \
    PERMIT_ALL "@reason(\"models stay out of it\") forbid(principal, action in "                   \
               "Aegis::Action::\"sampling\", resource);"

static struct world world;
static struct world_client client;
static char state[WORLD_TEXT_BYTES]; /* what the client got, to be echoed */

static void set_up(const char *policies)
{
    world_init(&world, policies);
    world.server_is_modern = true;
    world.held_method = "tools/call";
}

static bool has(const char *text)
{
    return strstr(client.body, text) != NULL;
}

/* A call of a tool of a server; extra: members of the parameters, with a comma before each. */
static void call_of(const char *target, const char *tool, const char *extra)
{
    char body[4 * WORLD_TEXT_BYTES];
    snprintf(
        body, sizeof(body),
        "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"tools/call\",\"params\":{\"name\":\"%s\","
        "\"arguments\":{}%s," META_WITH(ALL_CAPABILITIES) "}}",
        tool, extra);
    world_post(&world, &client, target, body, "tools/call", tool, NULL);
    world_run(&world);
}

/* The server of the open call says that. */
static void server_says(const char *json)
{
    struct world_call *call = world_find_call(&world, "tools/call");
    CHECK_ROW(json, call != NULL);
    if (call != NULL) {
        world_message(call, json);
    }
    if (call != NULL && call->is_open) {
        world_end(call, STATUS_OK, NULL);
    }
    world_run(&world);
}

static bool server_got(const char *text)
{
    const struct world_call *call = &world.calls[world.call_count - 1];
    return strcmp(call->method, "tools/call") == 0 && strstr(call->body, text) != NULL;
}

static void keep_state(void)
{
    const char *at = strstr(client.body, "\"requestState\":\"");
    CHECK(at != NULL);
    at = at == NULL ? "" : at + strlen("\"requestState\":\"");
    snprintf(state, sizeof(state), "%.*s", (int)strcspn(at, "\""), at);
    CHECK(strncmp(state, "aegis1.", 7) == 0);
}

/* The client comes back with answers, members of an object. */
static void come_back(const char *answers)
{
    char extra[2 * WORLD_TEXT_BYTES];
    snprintf(extra, sizeof(extra), ",\"inputResponses\":{%s},\"requestState\":\"%s\"", answers,
             state);
    call_of(BANK, "see", extra);
}

/* The first round up to the client's turn. */
static void ask(const char *policies, const char *question)
{
    set_up(policies);
    call_of(BANK, "see", "");
    server_says(question);
    keep_state();
}

static size_t records(const char *text, const char *other)
{
    return world_count_records(&world, text, other);
}

/* -- what a server is told ------------------------------------------------------------------ */

TEST(input_offers_what_policies_leave)
{
    static const struct {
        const char *policies, *told;
    } rows[] = {
        {PERMIT_ALL, "{\"roots\":{},\"sampling\":{},\"elicitation\":{\"form\":{},\"url\":{}}}"},
        {NO_ROOTS, "{\"sampling\":{},\"elicitation\":{\"form\":{},\"url\":{}}}"},
        {NO_FORMS, "{\"roots\":{},\"sampling\":{}}"},
        {NO_SAMPLING, "{\"roots\":{},\"elicitation\":{\"form\":{},\"url\":{}}}"},
        {"permit(principal, action in Aegis::Action::\"tools/call\", resource);", "{}"},
        {"permit(principal, action, resource) when {context has arguments ||"
         "(context has elicitation && context.elicitation.mode == \"url\")};",
         "{\"elicitation\":{\"url\":{}}}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512];
        set_up(rows[i].policies);
        call_of(BANK, "see", "");
        snprintf(text, sizeof(text), "clientCapabilities\":%s}", rows[i].told);
        CHECK_ROW(rows[i].policies, server_got(text));
        server_says(OK);
        CHECK_ROW(rows[i].policies, has("\"text\":\"ok\""));
        world_release(&world);
    }
}

/* -- rounds --------------------------------------------------------------------------------- */

TEST(input_goes_to_the_client_and_back)
{
    ask(PERMIT_ALL, ASK("\"a\":" FORM, ",\"requestState\":\"u:1\""));
    CHECK(client.status_code == 200 && has("\"resultType\":\"input_required\""));
    CHECK(has("\"inputRequests\":{\"a\":" FORM "}") && !has("u:1"));
    CHECK(records("\"primitive\":\"elicitation\"", "\"direction\":\"server\"") == 1);
    CHECK(records("\"outcome\"", "input_required") == 1);
    come_back("\"a\":" ACCEPT);
    CHECK(server_got("\"inputResponses\":{\"a\":" ACCEPT "},\"requestState\":\"u:1\""));
    CHECK(records("elicitation/create", "\"direction\":\"client\"") == 1);
    server_says(OK);
    CHECK(has("\"text\":\"ok\"") && has("\"resultType\":\"complete\""));
    CHECK(records("authz.deny", "") == 0 && records("\"intent\"", "") == 2);
    world_release(&world);
}

TEST(input_without_a_state_of_the_server_sends_none)
{
    ask(PERMIT_ALL, ASK("\"a\":" ROOTS, ""));
    come_back("\"a\":{\"roots\":[{\"uri\":\"file:///srv\"}]}");
    CHECK(server_got("\"inputResponses\":{\"a\":{\"roots\":[{\"uri\":\"file:///srv\"}]}}"));
    CHECK(!server_got("requestState"));
    world_release(&world);
}

TEST(input_of_a_state_alone_only_comes_back)
{
    set_up(PERMIT_ALL);
    call_of(BANK, "see", "");
    server_says("{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"input_required\","
                "\"requestState\":\"later\"}}");
    keep_state();
    CHECK(!has("inputRequests"));
    come_back("");
    CHECK(server_got("\"requestState\":\"later\"") && !server_got("inputResponses"));
    world_release(&world);
}

TEST(input_missing_is_asked_again_by_the_server)
{
    ask(PERMIT_ALL, ASK("\"a\":" FORM ",\"b\":" ROOTS, ""));
    come_back("\"a\":" ACCEPT);
    CHECK(server_got("\"inputResponses\":{\"a\":" ACCEPT "},") && !server_got("\"b\""));
    world_release(&world);
}

TEST(input_says_who_asks_on_the_common_endpoint)
{
    set_up(PERMIT_ALL);
    call_of("/mcp", "bank__see", "");
    server_says(ASK("\"a\":" FORM, ""));
    CHECK(has("\"message\":\"bank: Which?\""));
    world_release(&world);
}

/* -- refused questions ---------------------------------------------------------------------- */

TEST(input_refused_in_part_is_answered_at_the_next_round)
{
    ask(NO_ROOTS, ASK("\"a\":" FORM ",\"b\":" ROOTS, ",\"requestState\":\"u:2\""));
    CHECK(has("\"inputRequests\":{\"a\":" FORM "}") && !has("roots/list"));
    CHECK(records("authz.deny", "") == 1 && records("authz.deny", "roots/list") == 1);
    come_back("\"a\":" ACCEPT);
    CHECK(server_got("\"inputResponses\":{\"a\":" ACCEPT ",\"b\":{\"roots\":[]}},"
                     "\"requestState\":\"u:2\""));
    world_release(&world);
}

TEST(input_refused_whole_is_answered_at_once)
{
    set_up(NO_FORMS "forbid(principal, action in Aegis::Action::\"roots\", resource);");
    call_of(BANK, "see", "");
    server_says(ASK("\"a\":" FORM ",\"b\":" ROOTS, ",\"requestState\":\"u:3\""));
    CHECK(!client.is_replied && world_count_calls(&world, "tools/call") == 2);
    CHECK(server_got("\"inputResponses\":{\"a\":{\"action\":\"decline\"},\"b\":{\"roots\":[]}},"
                     "\"requestState\":\"u:3\""));
    CHECK(records("authz.deny", "") == 2 && records("\"intent\"", "") == 2);
    server_says(OK);
    CHECK(has("\"text\":\"ok\"") && !has("Which?"));
    CHECK(records("\"outcome\"", "\"ok\"") == 1);
    world_release(&world);
}

TEST(input_refused_sampling_ends_the_call)
{
    set_up(NO_SAMPLING);
    call_of(BANK, "see", "");
    server_says(ASK("\"a\":" SAMPLE ",\"b\":" FORM, ""));
    CHECK(client.status_code == 200 && has("\"isError\":true") && has("models stay out of it"));
    CHECK(!has("inputRequests") && world_count_calls(&world, "tools/call") == 1);
    CHECK(records("authz.deny", "") == 1 && records("authz.deny", "\"sampling\"") == 1);
    CHECK(records("\"outcome\"", "") == 1);
    world_release(&world);
}

/* What the client never said that it can be asked. */
TEST(input_undeclared_is_answered_at_once)
{
    set_up(PERMIT_ALL);
    world_post(&world, &client, BANK, CALL_SEE, "tools/call", "see", NULL);
    world_run(&world);
    server_says(ASK("\"a\":" FORM, ""));
    CHECK(server_got("\"inputResponses\":{\"a\":{\"action\":\"decline\"}}"));
    CHECK(records("authz.deny", "question.undeclared") == 1);
    server_says(OK);
    CHECK(has("\"text\":\"ok\""));
    world_release(&world);
}

TEST(input_rounds_have_a_bound)
{
    set_up(NO_ROOTS);
    call_of(BANK, "see", "");
    for (size_t i = 0; i <= world.gateway.limits.question_rounds; i++) {
        CHECK(!client.is_replied);
        server_says(ASK("\"b\":" ROOTS, ",\"requestState\":\"again\""));
    }
    CHECK(client.status_code == 502 && has("\"code\":50201"));
    CHECK(world_count_calls(&world, "tools/call") == world.gateway.limits.question_rounds + 1);
    world_release(&world);
}

TEST(input_rounds_have_a_bound_with_the_client_too)
{
    set_up(PERMIT_ALL);
    call_of(BANK, "see", "");
    for (size_t i = 0; i < world.gateway.limits.question_rounds; i++) {
        server_says(ASK("\"b\":" ROOTS, ",\"requestState\":\"again\""));
        keep_state();
        world.record_count = 0; /* only so many are kept in a test */
        world.call_count = 0;
        come_back("");
    }
    server_says(ASK("\"b\":" ROOTS, ",\"requestState\":\"again\""));
    CHECK(client.status_code == 502 && has("\"code\":50201"));
    world_release(&world);
}

TEST(input_that_breaks_the_protocol_fails_the_call)
{
#define RESULT(members)                                                                            \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"input_required\"" members "}}"
    static const char *const rows[] = {
        RESULT(""),
        RESULT(",\"inputRequests\":[]"),
        RESULT(",\"inputRequests\":{},\"requestState\":7"),
        RESULT(",\"requestState\":null"),
        RESULT(",\"inputRequests\":{\"a\":7}"),
        RESULT(",\"inputRequests\":{\"a\":{}}"),
        RESULT(",\"inputRequests\":{\"a\":{\"method\":\"tools/call\"}}"),
        RESULT(",\"inputRequests\":{\"a\":{\"method\":\"Roots/list\"}}"),
        RESULT(",\"inputRequests\":{\"a\":{\"method\":\"roots/list\",\"Params\":{}}}"),
        RESULT(",\"inputRequests\":{\"a\":{\"method\":\"roots/list\",\"id\":1}}"),
        RESULT(",\"inputRequests\":{\"a\":" ROOTS ",\"b\":" ROOTS ",\"c\":" ROOTS ",\"d\":" ROOTS
               ",\"e\":" ROOTS ",\"f\":" ROOTS ",\"g\":" ROOTS ",\"h\":" ROOTS ",\"i\":" ROOTS
               ",\"j\":" ROOTS ",\"k\":" ROOTS ",\"l\":" ROOTS ",\"m\":" ROOTS ",\"n\":" ROOTS
               ",\"o\":" ROOTS ",\"p\":" ROOTS ",\"q\":" ROOTS "}"),
    };
#undef RESULT
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        set_up(PERMIT_ALL);
        call_of(BANK, "see", "");
        server_says(rows[i]);
        CHECK_ROW(rows[i], client.status_code == 502 && has("\"code\":50201") && !has("roots"));
        CHECK_ROW(rows[i], records("\"outcome\"", "upstream.protocol") == 1);
        world_release(&world);
    }
}

/* A question where nothing is asked would reach whoever reads it as one, past every policy: of a
 * server of either era, and by names that some readers fold. */
TEST(input_hidden_in_a_result_fails_the_call)
{
#define ASKING "{\"a\":" ROOTS "}"
    static const struct {
        const char *members;
        bool passes;
    } rows[] = {
        {",\"requestState\":\"s\"", true},
        {",\"inputRequest\":" ASKING, true},
        {",\"structuredContent\":{\"inputRequests\":" ASKING "}", true},
        {",\"inputRequests\":" ASKING, false},
        {",\"inputRequests\":{}", false},
        {",\"inputRequests\":null", false},
        {",\"inputRequest\\u0073\":" ASKING, false},
        {",\"InputRequests\":" ASKING ",\"ResultType\":\"input_required\"", false},
        {",\"ResultType\":\"complete\"", false},
        {",\"resulttype\":\"input_required\"", false},
        {",\"re\xC5\xBFultType\":\"input_required\"", false},
        {",\"inputRequests\\u0000\":" ASKING, false},
    };
#undef ASKING
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (int is_modern = 0; is_modern < 2; is_modern++) {
            char json[1024];
            set_up(PERMIT_ALL);
            world.server_is_modern = is_modern != 0;
            snprintf(json, sizeof(json),
                     "{\"jsonrpc\":\"2.0\",\"id\":%%ID,\"result\":{%s\"content\":[]%s}}",
                     is_modern != 0 ? "\"resultType\":\"complete\"," : "", rows[i].members);
            call_of(BANK, "see", "");
            server_says(json);
            CHECK_ROW(rows[i].members, client.status_code == (rows[i].passes ? 200 : 502));
            CHECK_ROW(rows[i].members, has("\"code\":50201") != rows[i].passes);
            CHECK_ROW(rows[i].members,
                      records("\"outcome\"", "upstream.protocol") == (rows[i].passes ? 0 : 1));
            world_release(&world);
        }
    }
}

/* A legacy server cannot say what it asks so, and what it means by these names goes nowhere. */
TEST(input_that_a_legacy_server_puts_into_a_result_fails_the_call)
{
    set_up(PERMIT_ALL);
    world.server_is_modern = false;
    call_of(BANK, "see", "");
    server_says(ASK("\"a\":" ROOTS, ""));
    CHECK(client.status_code == 502 && has("\"code\":50201") && !has("roots"));
    world_release(&world);
}

/* What the server says of our request is not about the client's. */
TEST(error_about_the_revision_or_the_fields_is_not_the_clients)
{
    static const struct {
        const char *error;
        bool passes;
    } rows[] = {
        {"\"code\":-32022,\"message\":\"\",\"data\":{\"supported\":[\"2030-01-01\"]}", false},
        {"\"code\":-32020,\"message\":\"\"", false},
        {"\"code\":-32602,\"message\":\"\"", true},
        {"\"code\":-32019,\"message\":\"\"", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char json[512];
        set_up(PERMIT_ALL);
        call_of(BANK, "see", "");
        snprintf(json, sizeof(json), "{\"jsonrpc\":\"2.0\",\"id\":%%ID,\"error\":{%s}}",
                 rows[i].error);
        server_says(json);
        CHECK_ROW(rows[i].error, client.status_code == (rows[i].passes ? 200 : 502));
        CHECK_ROW(rows[i].error, has("2030") == false && has("50201") != rows[i].passes);
        world_release(&world);
    }
}

/* A list is no call: its server may not ask. */
TEST(input_is_refused_where_it_may_not_be)
{
    static const struct world_answer ANSWERS[] = {{0, "resources/list", ASK("\"a\":" ROOTS, "")}};
    set_up(PERMIT_ALL);
    world.answers = ANSWERS;
    world.answer_count = 1;
    world_post(&world, &client, BANK,
               "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/list\",\"params\":{" META_WITH(
                   ALL_CAPABILITIES) "}}",
               "resources/list", NULL, NULL);
    world_run(&world);
    CHECK(!has("roots/list") && has("\"code\":50201"));
    world_release(&world);
}

/* -- refused answers ------------------------------------------------------------------------ */

/* Each is refused as one that is not known, reaches no server and leaves one record. */
TEST(input_state_of_another_call_is_refused)
{
    static const struct {
        const char *name, *target, *tool;
        int64_t later_ms;
        bool is_forged, is_servers;
    } rows[] = {
        {"forged", BANK, "see", 0, true, false},
        {"the server's own", BANK, "see", 0, false, true},
        {"other tool", BANK, "pay", 0, false, false},
        {"other server", "/servers/shop/mcp", "see", 0, false, false},
        {"expired", BANK, "see", INPUT_STATE_LIFETIME_S * 1000, false, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char extra[2 * WORLD_TEXT_BYTES];
        ask(PERMIT_ALL, ASK("\"a\":" FORM, ",\"requestState\":\"u:1\""));
        size_t calls = world_count_calls(&world, "tools/call");
        world_advance(&world, rows[i].later_ms);
        if (rows[i].is_forged) {
            state[20] = state[20] == 'A' ? 'B' : 'A';
        }
        snprintf(extra, sizeof(extra),
                 ",\"inputResponses\":{\"a\":" ACCEPT "},\"requestState\":\"%s\"",
                 rows[i].is_servers ? "u:1" : state);
        call_of(rows[i].target, rows[i].tool, extra);
        CHECK_ROW(rows[i].name, has("\"code\":-32602") && has("\"id\":\"q\""));
        CHECK_ROW(rows[i].name, world_count_calls(&world, "tools/call") == calls);
        CHECK_ROW(rows[i].name, records("authz.deny", "") == 1);
        CHECK_ROW(rows[i].name, records("authz.deny", "state.unknown") == 1);
        world_release(&world);
    }
}

TEST(input_state_lives_to_its_last_second)
{
    ask(PERMIT_ALL, ASK("\"a\":" FORM, ""));
    world_advance(&world, INPUT_STATE_LIFETIME_S * 1000 - 1000);
    come_back("\"a\":" ACCEPT);
    CHECK(server_got("\"inputResponses\":{\"a\":" ACCEPT "}"));
    world_release(&world);
}

TEST(input_nobody_asked_for_is_dropped)
{
    set_up(PERMIT_ALL);
    call_of(BANK, "see", ",\"inputResponses\":{\"b\":{\"roots\":[]}}");
    CHECK(!server_got("inputResponses"));
    server_says(ASK("\"a\":" FORM, ""));
    CHECK(records("authz.deny", "") == 1 && records("question.unsolicited", "\"client\"") == 1);
    keep_state();
    come_back("\"a\":" ACCEPT ",\"b\":{\"roots\":[{\"uri\":\"file:///home\"}]}");
    CHECK(server_got("\"inputResponses\":{\"a\":" ACCEPT "}") && !server_got("file:///home"));
    CHECK(records("authz.deny", "question.unsolicited") == 2);
    world_release(&world);
    set_up(PERMIT_ALL);
    call_of(BANK, "see", ",\"inputResponses\":{\"a\":" ACCEPT "}");
    server_says(OK);
    CHECK(has("\"text\":\"ok\"") && !server_got("accept"));
    CHECK(records("question.unsolicited", "") == 1);
    world_release(&world);
}

/* An answer that is there before the question waits for it, and is judged against it. */
TEST(input_given_early_waits_for_its_question)
{
    set_up(PERMIT_ALL);
    call_of(BANK, "see", ",\"inputResponses\":{\"a\":" ACCEPT ",\"z\":7}");
    CHECK(!server_got("inputResponses"));
    server_says(ASK("\"a\":" FORM, ",\"requestState\":\"u:1\""));
    CHECK(!client.is_replied && records("question.unsolicited", "") == 1);
    CHECK(server_got("\"inputResponses\":{\"a\":" ACCEPT "},\"requestState\":\"u:1\""));
    CHECK(records("\"intent\"", "") == 2 && records("elicitation/create", "authz.allow") == 2);
    server_says(OK);
    CHECK(has("\"text\":\"ok\""));
    world_release(&world);
    /* What is left is asked, and the early answer waits in the state. */
    set_up(PERMIT_ALL);
    call_of(BANK, "see", ",\"inputResponses\":{\"a\":" ACCEPT "}");
    server_says(ASK("\"a\":" FORM ",\"b\":" ROOTS, ""));
    CHECK(has("\"inputRequests\":{\"b\":" ROOTS "}"));
    keep_state();
    come_back("\"b\":{\"roots\":[]}");
    CHECK(server_got("\"inputResponses\":{\"b\":{\"roots\":[]},\"a\":" ACCEPT "}"));
    world_release(&world);
}

TEST(input_given_early_passes_only_if_it_may)
{
    static const struct {
        const char *policies, *answer, *question, *expected;
    } rows[] = {
        {PERMIT_ALL, "12345", ASK("\"a\":" FORM, ""), "\"code\":-32602"},
        {PERMIT_ALL, "{\"action\":\"accept\",\"content\":{\"env\":7}}", ASK("\"a\":" FORM, ""),
         "\"code\":-32602"},
        {PERMIT_ALL, "{\"roots\":[]}", ASK("\"a\":" FORM, ""), "\"code\":-32602"},
        {NO_SAMPLING, "{\"role\":\"assistant\"}", ASK("\"a\":" SAMPLE, ""),
         "models stay out of it"},
        {PERMIT_ALL, "{\"role\":\"assistant\"}", ASK("\"a\":" SAMPLE, ""), "\"code\":-32602"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[1024];
        set_up(rows[i].policies);
        snprintf(text, sizeof(text), ",\"inputResponses\":{\"a\":%s}", rows[i].answer);
        call_of(BANK, "see", text);
        server_says(rows[i].question);
        CHECK_ROW(rows[i].answer, has(rows[i].expected));
        CHECK_ROW(rows[i].answer, world_count_calls(&world, "tools/call") == 1);
        CHECK_ROW(rows[i].answer, records("authz.deny", "") == 1);
        CHECK_ROW(rows[i].answer, records("\"outcome\"", "input_required") == 1);
        world_release(&world);
    }
}

TEST(input_that_does_not_fit_is_refused)
{
    static const char *const rows[] = {
        "\"a\":12345",
        "\"a\":{\"roots\":[]}",
        "\"a\":{\"action\":\"accept\",\"content\":{\"env\":7}}",
        "\"a\":{\"action\":\"accept\",\"content\":\"test\"}",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ask(PERMIT_ALL, ASK("\"a\":" FORM, ""));
        come_back(rows[i]);
        CHECK_ROW(rows[i], has("\"code\":-32602"));
        CHECK_ROW(rows[i], world_count_calls(&world, "tools/call") == 1);
        CHECK_ROW(rows[i], records("authz.deny", "") == 1);
        CHECK_ROW(rows[i], records("authz.deny", "elicitation/create") == 1);
        world_release(&world);
    }
}

TEST(input_of_another_type_is_refused)
{
    static const char *const rows[] = {",\"inputResponses\":null", ",\"inputResponses\":[]",
                                       ",\"requestState\":7", ",\"requestState\":null"};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        set_up(PERMIT_ALL);
        call_of(BANK, "see", rows[i]);
        CHECK_ROW(rows[i], has("\"code\":-32602"));
        CHECK_ROW(rows[i], world_count_calls(&world, "tools/call") == 0);
        CHECK_ROW(rows[i], records("", "") == 1);
        world_release(&world);
    }
}

TEST(input_denied_is_answered_with_no)
{
    ask(PERMIT_ALL "forbid(principal, action == Aegis::Action::\"elicitation/create.result\","
                   "resource) when {context.result.action == \"accept\"};",
        ASK("\"a\":" FORM, ""));
    come_back("\"a\":" ACCEPT);
    CHECK(server_got("\"inputResponses\":{\"a\":{\"action\":\"decline\"}}"));
    CHECK(records("authz.deny", "") == 1 && records("authz.deny", "\"client\"") == 1);
    world_release(&world);
}

TEST(input_denied_sampling_ends_the_call)
{
    ask(PERMIT_ALL "@reason(\"not this model\") forbid(principal, action =="
                   "Aegis::Action::\"sampling/createMessage.result\", resource)"
                   "when {context.result.model == \"large\"};",
        ASK("\"a\":" SAMPLE, ""));
    come_back("\"a\":{\"role\":\"assistant\",\"model\":\"large\",\"content\":{\"type\":\"text\","
              "\"text\":\"yes\"}}");
    CHECK(has("\"isError\":true") && has("not this model"));
    CHECK(world_count_calls(&world, "tools/call") == 1 && records("authz.deny", "") == 1);
    world_release(&world);
}

TEST(input_roots_are_stripped)
{
    ask(PERMIT_ALL "forbid(principal, action, resource is Aegis::Root)"
                   "when {resource.path like \"/home/*\"};",
        ASK("\"a\":" ROOTS, ""));
    come_back("\"a\":{\"roots\":[{\"uri\":\"file:///home/ann\"},{\"uri\":\"file:///srv\"},"
              "{\"uri\":\"https://a.example/\"}]}");
    CHECK(server_got("\"inputResponses\":{\"a\":{\"roots\":[{\"uri\":\"file:///srv\"}]}}"));
    CHECK(records("authz.deny", "") == 2);
    CHECK(records("authz.deny", "\"file:///home/ann\"") == 1);
    CHECK(records("authz.allow", "\"direction\":\"client\",\"primitive\":\"roots\"") == 1);
    world_release(&world);
}

/* Policies changed while the person was thinking. */
TEST(input_is_judged_anew_at_its_return)
{
    ask(PERMIT_ALL, ASK("\"a\":" FORM, ""));
    gateway_switch(&world.gateway, world_snapshot(NO_FORMS, ALL_REVISIONS));
    come_back("\"a\":" ACCEPT);
    CHECK(server_got("\"inputResponses\":{\"a\":{\"action\":\"decline\"}}"));
    world_release(&world);
    ask(PERMIT_ALL, ASK("\"a\":" FORM, ""));
    gateway_switch(&world.gateway, world_snapshot("", ALL_REVISIONS));
    come_back("\"a\":" ACCEPT);
    CHECK(has("\"isError\":true") && world_count_calls(&world, "tools/call") == 1);
    world_release(&world);
}

/* -- errors that ask ------------------------------------------------------------------------ */

/* Modern servers have no such error. */
TEST(input_by_error_of_a_modern_server_is_refused)
{
    set_up(PERMIT_ALL);
    call_of(BANK, "see", "");
    server_says("{\"jsonrpc\":\"2.0\",\"id\":%ID,\"error\":{\"code\":-32042,\"message\":\"open\","
                "\"data\":{\"elicitations\":[{\"mode\":\"url\",\"message\":\"m\",\"url\":"
                "\"https://x.example/\"}]}}}");
    CHECK(has("\"isError\":true") && !has("x.example") && !has("-32042"));
    CHECK(records("authz.deny", "") == 1 && records("authz.deny", "question.url_error") == 1);
    CHECK(records("\"outcome\"", "\"error\"") == 1);
    world_release(&world);
}

#define PAGES(pages)                                                                               \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"error\":{\"code\":-32042,\"message\":\"open\","             \
    "\"data\":{"                                                                                   \
    "\"elicitations\":[" pages "]}}}"
#define PAGE(host)                                                                                 \
    "{\"mode\":\"url\",\"message\":\"m\",\"elicitationId\":\"e\",\"url\":\"https://" host "/in\"}"

static void fail_with_pages(const char *policies, const char *json)
{
    set_up(policies);
    world.server_is_modern = false;
    call_of(BANK, "see", "");
    server_says(json);
}

/* A legacy server wants a page opened before it is called again: so it is. */
TEST(input_by_error_of_a_legacy_server_is_asked)
{
    fail_with_pages(PERMIT_ALL, PAGES(PAGE("x.example") "," PAGE("y.example")));
    CHECK(has("\"resultType\":\"input_required\"") && !has("elicitationId") && !has("-32042"));
    CHECK(has("\"1\":{\"method\":\"elicitation/create\",\"params\":{\"mode\":\"url\","));
    CHECK(has("https://x.example/in") && has("https://y.example/in"));
    CHECK(records("authz.allow", "\"direction\":\"server\"") == 2);
    keep_state();
    come_back("\"1\":{\"action\":\"accept\"},\"2\":{\"action\":\"accept\"}");
    CHECK(world_count_calls(&world, "tools/call") == 2);
    CHECK(!server_got("inputResponses") && !server_got("requestState"));
    server_says(PAGES(PAGE("z.example")));
    CHECK(has("https://z.example/in"));
    keep_state();
    come_back("\"1\":{\"action\":\"accept\"}");
    server_says(OK);
    CHECK(has("\"text\":\"ok\"") && records("\"intent\"", "") == 3);
    world_release(&world);
}

TEST(input_by_error_without_a_yes_is_not_repeated)
{
    static const struct {
        const char *policies, *answers;
    } rows[] = {
        {PERMIT_ALL, "\"1\":{\"action\":\"decline\"}"},
        {PERMIT_ALL, "\"1\":{\"action\":\"cancel\"}"},
        {PERMIT_ALL, "\"2\":{\"action\":\"accept\"}"},
        {PERMIT_ALL, ""},
        {PERMIT_ALL "forbid(principal, action == Aegis::Action::\"elicitation/create.result\", "
                    "resource);",
         "\"1\":{\"action\":\"accept\"}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fail_with_pages(rows[i].policies, PAGES(PAGE("x.example")));
        keep_state();
        come_back(rows[i].answers);
        CHECK_ROW(rows[i].answers, has("\"isError\":true") && has("did not answer"));
        CHECK_ROW(rows[i].answers, world_count_calls(&world, "tools/call") == 1);
        /* Why an answer did not pass is in its own record. */
        CHECK_ROW(rows[i].answers,
                  records("\"unanswered\"", "") + records("authz.deny", "\"primitive\":\"eli") ==
                      1);
        world_release(&world);
    }
}

/* As many questions, and as many pages, as a round may have, and one more. */
TEST(input_of_one_round_has_a_bound)
{
    static const char *const QUESTIONS[] = {
        ASK("\"a\":" ROOTS ",\"b\":" ROOTS, ""),
        ASK("\"a\":" ROOTS ",\"b\":" ROOTS ",\"c\":" ROOTS, "")};
    static const char *const PAGES_OF[] = {
        PAGES(PAGE("x.example") "," PAGE("y.example")),
        PAGES(PAGE("x.example") "," PAGE("y.example") "," PAGE("z.example"))};
    for (size_t i = 0; i < 4; i++) {
        bool is_over = i % 2 == 1;
        set_up(PERMIT_ALL);
        world.server_is_modern = i < 2;
        world.gateway.limits.round_questions = 2;
        call_of(BANK, "see", "");
        server_says((i < 2 ? QUESTIONS : PAGES_OF)[i % 2]);
        CHECK(has("\"resultType\":\"input_required\"") == !is_over);
        CHECK(records("\"outcome\"", "upstream.protocol") == (i == 1 ? 1 : 0));
        CHECK(records("authz.deny", "question.url_error") == (i == 3 ? 1 : 0));
        world_release(&world);
    }
}

TEST(input_by_error_has_a_bound_of_rounds)
{
    set_up(PERMIT_ALL);
    world.server_is_modern = false;
    world.gateway.limits.question_rounds = 2;
    call_of(BANK, "see", "");
    for (size_t i = 0; i < 2; i++) {
        server_says(PAGES(PAGE("x.example")));
        CHECK(has("https://x.example/in"));
        keep_state();
        come_back("\"1\":{\"action\":\"accept\"}");
    }
    server_says(PAGES(PAGE("x.example")));
    CHECK(has("\"isError\":true") && !has("x.example"));
    CHECK(records("authz.deny", "question.url_error") == 1);
    world_release(&world);
}

TEST(input_by_error_that_is_refused_shows_no_address)
{
    static const struct {
        const char *name, *policies, *json, *code;
    } rows[] = {
        {"denied", NO_FORMS, PAGES(PAGE("x.example")), "policy_denied"},
        {"one of two is no page", PERMIT_ALL, PAGES(PAGE("x.example") ",{\"mode\":\"form\"}"),
         "question.url_error"},
        {"not encrypted", PERMIT_ALL,
         PAGES("{\"mode\":\"url\",\"message\":\"m\",\"url\":\"http://x.example/\"}"),
         "question.url"},
        {"none", PERMIT_ALL, PAGES(""), "question.url_error"},
        {"no list", PERMIT_ALL,
         "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"error\":{\"code\":-32042,\"message\":\"x.example\"}}",
         "question.url_error"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fail_with_pages(rows[i].policies, rows[i].json);
        CHECK_ROW(rows[i].name, has("\"isError\":true") && !has("x.example") && !has("-32042"));
        CHECK_ROW(rows[i].name, records("authz.deny", rows[i].code) == 1);
        world_release(&world);
    }
}

#define LACKS(capability)                                                                          \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"error\":{\"code\":-32021,\"message\":\"m\",\"data\":{"      \
    "\"requiredCapabilities\":{" capability "}}}}"

TEST(input_capability_taken_by_policy_is_a_denial)
{
    set_up(NO_SAMPLING);
    call_of(BANK, "see", "");
    server_says(LACKS("\"sampling\":{}"));
    CHECK(has("\"isError\":true") && has("models stay out of it") && !has("-32021"));
    CHECK(records("authz.deny", "") == 1 && records("authz.deny", "sampling/createMessage") == 1);
    world_release(&world);
}

TEST(input_capability_the_client_lacks_is_its_own)
{
    set_up(NO_SAMPLING);
    call_of(BANK, "see", "");
    server_says(LACKS("\"sampling\":{\"tools\":{}},\"extensions\":{\"x/y\":{}}"));
    CHECK(has("models stay out of it"));
    world_release(&world);
    set_up(PERMIT_ALL);
    call_of(BANK, "see", "");
    server_says(LACKS("\"extensions\":{\"x/y\":{}}"));
    CHECK(client.status_code == 400 && has("\"code\":-32021") && has("x/y"));
    CHECK(records("authz.deny", "") == 0);
    world_release(&world);
}

/* -- the journal ---------------------------------------------------------------------------- */

TEST(input_without_a_record_goes_nowhere)
{
    set_up(PERMIT_ALL);
    call_of(BANK, "see", "");
    world.journal_refuses = true;
    server_says(ASK("\"a\":" FORM, ""));
    CHECK(client.status_code == 503 && has("\"code\":50302") && !has("Which?"));
    world_release(&world);
    ask(PERMIT_ALL, ASK("\"a\":" FORM, ""));
    world.journal_fails = true;
    come_back("\"a\":" ACCEPT);
    CHECK(client.status_code == 503 && world_count_calls(&world, "tools/call") == 1);
    world_release(&world);
}
