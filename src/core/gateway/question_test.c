#include "core/gateway/question.h"

#include "support/check.h"
#include "support/corpus.h"

#define TEST_BYTES ((size_t)4 << 20)

/* Everything that a judgement needs, and what came out. */
struct stand {
    struct arena arena, scratch;
    struct cedar_policy_set *policies;
    struct json_tape asked, result;
    struct question question;
    struct buf out;
    struct question_judgement judgement;
};

static struct cedar_diagnostics diagnostics;

static struct json_tape *parse(struct stand *stand, const char *text, struct json_tape *tape)
{
    CHECK_ROW(text, json_parse(corpus_parser(), slice_view_cstr(text), &stand->arena, tape, NULL) ==
                        STATUS_OK);
    return tape;
}

static void set_up(struct stand *stand, const char *policies, const char *method,
                   const char *params)
{
    static const struct principal ANN = {.issuer = SLICE_INIT("dev"), .subject = SLICE_INIT("ann")};
    struct cedar_source source = {SLICE("test"), slice_view_cstr(policies)};
    *stand = (struct stand){0};
    arena_init(&stand->arena, TEST_BYTES, NULL);
    arena_init(&stand->scratch, TEST_BYTES, NULL);
    buf_init(&stand->out, TEST_BYTES, NULL);
    CHECK_ROW(policies, cedar_policy_set_parse(&source, 1, true, &stand->policies, &diagnostics) ==
                            STATUS_OK);
    stand->question = (struct question){
        .method = mcp_question_find(slice_view_cstr(method)),
        .scene = {.policies = stand->policies,
                  .principal = &ANN,
                  .server = SLICE("jira"),
                  .server_trust = SLICE("third-party"),
                  .peer_ip = SLICE("127.0.0.1"),
                  .now_s = 1000000},
        .client = {.has_sampling = true,
                   .has_sampling_tools = true,
                   .has_roots = true,
                   .has_form = true,
                   .has_url = true},
    };
    CHECK_ROW(method, stand->question.method != NULL);
    if (params != NULL) {
        stand->question.params = (struct json_place){parse(stand, params, &stand->asked), 0};
    }
}

static void tear_down(struct stand *stand)
{
    cedar_policy_set_free(stand->policies);
    buf_release(&stand->out);
    arena_release(&stand->scratch);
    arena_release(&stand->arena);
}

static void judge(struct stand *stand)
{
    CHECK(question_judge(&stand->question, &stand->scratch, &stand->arena, &stand->out,
                         &stand->judgement) == STATUS_OK);
}

static void judge_answer(struct stand *stand, const char *result)
{
    CHECK(question_judge_answer(
              &stand->question, (struct json_place){parse(stand, result, &stand->result), 0},
              &stand->scratch, &stand->arena, &stand->out, &stand->judgement) == STATUS_OK);
}

#define PERMIT "permit(principal, action, resource);"
#define PERMIT_IF(condition) "permit(principal, action, resource) when {" condition "};"
#define SAMPLE "\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":\"hi\"}}]"
#define SCHEMA                                                                                     \
    "\"requestedSchema\":{\"type\":\"object\",\"properties\":{\"env\":{\"type\":\"string\"}}}"
#define FORM "{\"message\":\"Which env?\"," SCHEMA "}"
#define URL(url) "{\"mode\":\"url\",\"message\":\"Sign in\",\"url\":\"" url "\"}"

/* -- questions ------------------------------------------------------------------------------ */

TEST(question_is_rewritten)
{
    static const struct {
        const char *method, *params, *expected; /* of the parameters; NULL: none */
    } rows[] = {
        {"roots/list", NULL, ""},
        {"roots/list", "{\"_meta\":{\"x\":1},\"y\":2}", ""},
        {"sampling/createMessage", "{" SAMPLE ",\"maxTokens\":9}", "{" SAMPLE ",\"maxTokens\":9}"},
        {"sampling/createMessage",
         "{ \"maxTokens\" : 9, " SAMPLE ",\"includeContext\":\"allServers\",\"temperature\":1.0}",
         "{\"maxTokens\":9," SAMPLE ",\"includeContext\":\"none\",\"temperature\":1.0}"},
        {"sampling/createMessage", "{" SAMPLE ",\"maxTokens\":9,\"includeContext\":\"thisServer\"}",
         "{" SAMPLE ",\"maxTokens\":9,\"includeContext\":\"none\"}"},
        {"sampling/createMessage",
         "{\"task\":{\"ttl\":1}," SAMPLE ",\"_meta\":{},\"maxTokens\":9,\"MaxTokens\":99}",
         "{" SAMPLE ",\"maxTokens\":9}"},
        {"sampling/createMessage",
         "{" SAMPLE ",\"maxTokens\":9,\"tools\":[{\"name\":\"a\"}],\"toolChoice\":{}}",
         "{" SAMPLE ",\"maxTokens\":9,\"tools\":[{\"name\":\"a\"}],\"toolChoice\":{}}"},
        {"elicitation/create", FORM, FORM},
        {"elicitation/create", "{\"mode\":\"form\",\"message\":\"m\"," SCHEMA ",\"task\":{}}",
         "{\"mode\":\"form\",\"message\":\"m\"," SCHEMA "}"},
        {"elicitation/create", "{\"message\":\"m\"," SCHEMA ",\"url\":\"https://x.example/\"}",
         "{\"message\":\"m\"," SCHEMA "}"},
        {"elicitation/create", URL("HTTPS://Login.example:443/%61?b=1"),
         URL("https://login.example/a?b=1")},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct stand stand;
        set_up(&stand, PERMIT, rows[i].method, rows[i].params);
        judge(&stand);
        CHECK_ROW(rows[i].expected, stand.judgement.is_allowed && stand.judgement.code == NULL);
        CHECK_ROW(rows[i].expected,
                  slice_eq(buf_view(&stand.out), slice_view_cstr(rows[i].expected)));
        tear_down(&stand);
    }
}

TEST(question_without_tools_capability_loses_tools)
{
    struct stand stand;
    set_up(&stand, PERMIT, "sampling/createMessage",
           "{\"tools\":[{\"name\":\"a\"}]," SAMPLE
           ",\"toolChoice\":{\"mode\":\"auto\"},\"maxTokens\":9}");
    stand.question.client.has_sampling_tools = false;
    judge(&stand);
    CHECK(slice_eq(buf_view(&stand.out), SLICE("{" SAMPLE ",\"maxTokens\":9}")));
    tear_down(&stand);
}

TEST(question_says_who_asks_among_several)
{
    struct stand stand;
    set_up(&stand, PERMIT, "elicitation/create", "{\"message\":\"a \\\"b\\\"\\n\"," SCHEMA "}");
    stand.question.names_server = true;
    judge(&stand);
    CHECK(
        slice_eq(buf_view(&stand.out), SLICE("{\"message\":\"jira: a \\\"b\\\"\\n\"," SCHEMA "}")));
    tear_down(&stand);
}

TEST(question_that_breaks_the_protocol_is_refused)
{
    static const struct {
        const char *method, *params, *code;
    } rows[] = {
        {"roots/list", "[]", "question.params"},
        {"sampling/createMessage", NULL, "question.params"},
        {"sampling/createMessage", "[]", "question.params"},
        {"sampling/createMessage", "{}", "question.params"},
        {"sampling/createMessage", "{" SAMPLE "}", "question.params"},
        {"sampling/createMessage", "{" SAMPLE ",\"maxTokens\":0}", "question.params"},
        {"sampling/createMessage", "{" SAMPLE ",\"maxTokens\":\"9\"}", "question.params"},
        {"sampling/createMessage", "{" SAMPLE ",\"maxTokens\":9.5}", "question.params"},
        {"sampling/createMessage", "{\"messages\":{},\"maxTokens\":9}", "question.params"},
        {"sampling/createMessage", "{\"messages\":[{\"role\":\"system\"}],\"maxTokens\":9}",
         "question.params"},
        {"sampling/createMessage", "{" SAMPLE ",\"maxTokens\":9,\"includeContext\":\"all\"}",
         "question.params"},
        {"sampling/createMessage", "{" SAMPLE ",\"maxTokens\":9,\"tools\":[{}]}",
         "question.params"},
        {"elicitation/create", "{" SCHEMA "}", "question.params"},
        {"elicitation/create", "{\"message\":7," SCHEMA "}", "question.params"},
        {"elicitation/create", "{\"mode\":\"page\",\"message\":\"m\"," SCHEMA "}",
         "question.params"},
        {"elicitation/create", "{\"message\":\"m\"}", "form.shape"},
        {"elicitation/create",
         ("{\"message\":\"m\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{"
          "\"password\":{\"type\":\"string\"}}}}"),
         "form.secret"},
        {"elicitation/create", "{\"message\":\"Your password?\"," SCHEMA "}", "form.secret"},
        {"elicitation/create", "{\"mode\":\"url\",\"message\":\"m\"}", "question.params"},
        {"elicitation/create", URL("http://login.example/"), "question.url"},
        {"elicitation/create", URL("javascript:alert(1)"), "question.url"},
        {"elicitation/create", URL("https://bank.example@evil.example/"), "resource.uri"},
        {"elicitation/create", URL("https:evil.example"), "resource.uri"},
        {"elicitation/create", URL("https://login.example/../a"), "resource.uri"},
        {"elicitation/create", URL("login.example"), "resource.uri"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct stand stand;
        set_up(&stand, PERMIT, rows[i].method, rows[i].params);
        judge(&stand);
        CHECK_ROW(rows[i].params, !stand.judgement.is_allowed && stand.judgement.is_malformed);
        CHECK_ROW(rows[i].params, str_eq(stand.judgement.code, rows[i].code));
        CHECK_ROW(rows[i].params, stand.out.len == 0 && stand.judgement.reason.len > 0);
        tear_down(&stand);
    }
}

/* Policies, and what they say about a question. */
static const struct {
    const char *policies, *method, *params;
    bool is_allowed;
} JUDGED[] = {
    {"", "roots/list", NULL, false},
    {"", "sampling/createMessage", "{" SAMPLE ",\"maxTokens\":9}", false},
    {"", "elicitation/create", FORM, false},
    {PERMIT PERMIT_IF("principal.nothing"), "roots/list", NULL, true},
    {PERMIT "forbid(principal, action, resource) when {principal.nothing};", "roots/list", NULL,
     false},
    {"permit(principal, action == Aegis::Action::\"roots/list\", resource);", "roots/list", NULL,
     true},
    {"permit(principal, action in Aegis::Action::\"roots\", resource);", "roots/list", NULL, true},
    {"permit(principal, action in Aegis::Action::\"sampling\", resource);", "roots/list", NULL,
     false},
    {"permit(principal, action in Aegis::Action::\"tools/call\", resource);", "roots/list", NULL,
     false},
    {"permit(principal, action, resource == Aegis::Server::\"jira\");", "roots/list", NULL, true},
    {"permit(principal, action, resource is Aegis::Tool);", "roots/list", NULL, false},
    {"permit(principal == Aegis::User::\"dev|ann\", action, resource);", "roots/list", NULL, true},
    {PERMIT_IF("resource.trust == Aegis::Trust::\"third-party\" && context.server == resource"),
     "roots/list", NULL, true},
    {PERMIT_IF("context.direction == \"server_to_client\" && context.target == \"jira\" &&"
               "context.method == \"roots/list\" && context.primitive == \"roots\""),
     "roots/list", NULL, true},
    {PERMIT_IF("context has arguments"), "roots/list", NULL, false},
    {PERMIT_IF("context has sampling || context has elicitation || context has result"),
     "roots/list", NULL, false},
    {PERMIT_IF("context.sampling.maxTokens <= 9 && context.sampling.tools.isEmpty() &&"
               "!(context.sampling has includeContext)"),
     "sampling/createMessage", "{" SAMPLE ",\"maxTokens\":9}", true},
    {PERMIT_IF("context.sampling.maxTokens < 9"), "sampling/createMessage",
     "{" SAMPLE ",\"maxTokens\":9}", false},
    {PERMIT_IF("context.sampling.includeContext == \"allServers\""), "sampling/createMessage",
     "{" SAMPLE ",\"maxTokens\":9,\"includeContext\":\"allServers\"}", true},
    {PERMIT_IF("context.sampling.tools == [\"a\",\"b\"]"), "sampling/createMessage",
     "{" SAMPLE ",\"maxTokens\":9,\"tools\":[{\"name\":\"b\"},{\"name\":\"a\"}]}", true},
    {PERMIT_IF("context.sampling.hints.contains(\"small\")"), "sampling/createMessage",
     "{" SAMPLE ",\"maxTokens\":9,\"modelPreferences\":{\"hints\":[{\"name\":\"small\"}]}}", true},
    {PERMIT "forbid(principal, action, resource) when {context.sampling.hints.contains(\"x\")};",
     "sampling/createMessage", "{" SAMPLE ",\"maxTokens\":9,\"modelPreferences\":{\"hints\":[{}]}}",
     false},
    {PERMIT_IF("context.elicitation.mode == \"form\" && context.elicitation.fields == [\"env\"]"
               "&& context.elicitation.message like \"Which*\""),
     "elicitation/create", FORM, true},
    {PERMIT_IF("context.elicitation has url"), "elicitation/create", FORM, false},
    {PERMIT_IF("context.elicitation.host == \"login.example\" &&"
               "context.elicitation.url like \"https://login.example/*\""),
     "elicitation/create", URL("https://LOGIN.example/a"), true},
    {PERMIT_IF("context.elicitation.host == \"login.example\""), "elicitation/create",
     URL("https://login.example.evil.example/"), false},
    {PERMIT_IF("context.elicitation has fields"), "elicitation/create",
     URL("https://login.example/a"), false},
};

TEST(question_is_judged_by_policies)
{
    for (size_t i = 0; i < COUNT_OF(JUDGED); i++) {
        struct stand stand;
        set_up(&stand, JUDGED[i].policies, JUDGED[i].method, JUDGED[i].params);
        judge(&stand);
        CHECK_ROW(JUDGED[i].policies, stand.judgement.is_allowed == JUDGED[i].is_allowed);
        CHECK_ROW(JUDGED[i].policies,
                  str_eq(stand.judgement.code, JUDGED[i].is_allowed ? NULL : "policy_denied"));
        CHECK_ROW(JUDGED[i].policies, JUDGED[i].is_allowed || stand.out.len == 0);
        /* A server that may ask is offered the capability. */
        struct mcp_client_capabilities left =
            question_reduce(&stand.question.scene, &stand.question.client, &stand.scratch);
        bool is_offered = left.has_sampling || left.has_roots || left.has_form || left.has_url;
        CHECK_ROW(JUDGED[i].policies, !JUDGED[i].is_allowed || is_offered);
        tear_down(&stand);
    }
}

TEST(question_without_policies_is_refused)
{
    struct stand stand;
    set_up(&stand, PERMIT, "roots/list", NULL);
    stand.question.scene.policies = NULL;
    judge(&stand);
    CHECK(!stand.judgement.is_allowed && str_eq(stand.judgement.code, "policy_denied"));
    tear_down(&stand);
}

TEST(question_reduces_capabilities)
{
    static const struct {
        const char *policies;
        bool sampling, roots, form, url;
    } rows[] = {
        {"", false, false, false, false},
        {PERMIT, true, true, true, true},
        {"permit(principal, action in Aegis::Action::\"sampling\", resource);", true, false, false,
         false},
        {"permit(principal, action == Aegis::Action::\"roots/list\", resource);", false, true,
         false, false},
        {PERMIT_IF("context.elicitation.mode == \"form\""), false, false, true, false},
        {PERMIT_IF("context.elicitation.mode == \"url\" &&"
                   "context.elicitation.host == \"login.example\""),
         false, false, false, true},
        {PERMIT_IF("context.sampling.maxTokens < 100"), true, false, false, false},
        {PERMIT_IF("context.server.trust == Aegis::Trust::\"internal\""), false, false, false,
         false},
        {PERMIT "forbid(principal, action in Aegis::Action::\"sampling\", resource)"
                "unless {context.server.trust == Aegis::Trust::\"internal\"};",
         false, true, true, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct stand stand;
        set_up(&stand, rows[i].policies, "roots/list", NULL);
        struct mcp_client_capabilities left =
            question_reduce(&stand.question.scene, &stand.question.client, &stand.scratch);
        CHECK_ROW(rows[i].policies, left.has_sampling == rows[i].sampling);
        CHECK_ROW(rows[i].policies, left.has_sampling_tools == rows[i].sampling);
        CHECK_ROW(rows[i].policies, left.has_roots == rows[i].roots);
        CHECK_ROW(rows[i].policies, left.has_form == rows[i].form);
        CHECK_ROW(rows[i].policies, left.has_url == rows[i].url);
        struct mcp_client_capabilities none = {0};
        left = question_reduce(&stand.question.scene, &none, &stand.scratch);
        CHECK_ROW(rows[i].policies, mcp_capabilities_is_empty(&left));
        tear_down(&stand);
    }
}

/* -- refusals ------------------------------------------------------------------------------- */

TEST(question_refused_is_answered_for_the_client)
{
    static const struct {
        const char *method, *params, *capabilities, *expected;
    } rows[] = {
        {"sampling/createMessage", "{" SAMPLE ",\"maxTokens\":9}", "{\"sampling\":{}}",
         "\"error\":{\"code\":-1,\"message\":\"User rejected sampling request\"}"},
        {"sampling/createMessage", "{" SAMPLE ",\"maxTokens\":9}", "{}",
         "\"error\":{\"code\":-32601,\"message\":\"method not found\"}"},
        {"roots/list", NULL, "{\"roots\":{}}", "\"result\":{\"roots\":[]}"},
        {"roots/list", NULL, "{}", "\"error\":{\"code\":-32601,\"message\":\"method not found\"}"},
        {"elicitation/create", FORM, "{\"elicitation\":{}}", "\"result\":{\"action\":\"decline\"}"},
        {"elicitation/create", FORM, "{}",
         "\"error\":{\"code\":-32601,\"message\":\"method not found\"}"},
        {"elicitation/create", URL("https://a.example/"), "{\"elicitation\":{}}",
         "\"error\":{\"code\":-32602,\"message\":\"the client does not handle this mode\"}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct stand stand;
        struct json_tape capabilities;
        set_up(&stand, "", rows[i].method, rows[i].params);
        stand.question.client =
            mcp_capabilities_read(parse(&stand, rows[i].capabilities, &capabilities), 0);
        judge(&stand);
        CHECK_ROW(rows[i].expected, !stand.judgement.is_allowed && stand.out.len == 0);
        question_write_refusal(&stand.question, &stand.judgement, &stand.out);
        CHECK_ROW(rows[i].expected,
                  slice_eq(buf_view(&stand.out), slice_view_cstr(rows[i].expected)));
        tear_down(&stand);
    }
}

TEST(question_is_described_for_the_audit)
{
    struct stand stand;
    struct audit_record record = {0};
    set_up(&stand, "@id(\"no\") forbid(principal, action, resource);", "elicitation/create", FORM);
    judge(&stand);
    question_describe(&stand.question, &stand.judgement, false, &record);
    CHECK(record.type == AUDIT_AUTHZ_DENY && record.phase == AUDIT_EVENT);
    CHECK(record.decision == AUDIT_DECISION_DENY && slice_eq(record.direction, SLICE("server")));
    CHECK(slice_eq(record.primitive, SLICE("elicitation")));
    CHECK(slice_eq(record.method, SLICE("elicitation/create")));
    CHECK(slice_eq(record.target, SLICE("jira")) && slice_eq(record.server, SLICE("jira")));
    CHECK(record.policy_count == 1 && slice_eq(record.policies[0], SLICE("no")));
    CHECK(slice_eq(record.code, SLICE("policy_denied")));
    tear_down(&stand);
}

/* -- answers -------------------------------------------------------------------------------- */

#define ENV                                                                                        \
    "{\"message\":\"m\",\"requestedSchema\":{\"type\":\"object\",\"required\":[\"env\"],"          \
    "\"properties\":{\"env\":{\"type\":\"string\",\"enum\":[\"test\"]}}}}"
#define SAMPLING "{" SAMPLE ",\"maxTokens\":9}"
#define SAMPLING_TOOLS "{" SAMPLE ",\"maxTokens\":9,\"tools\":[{\"name\":\"a\"}]}"
#define TEXT "\"content\":{\"type\":\"text\",\"text\":\"yes\"}"

TEST(question_answer_is_written_anew)
{
    static const struct {
        const char *method, *params, *result, *expected;
    } rows[] = {
        {"elicitation/create", ENV, "{\"action\":\"decline\"}", "{\"action\":\"decline\"}"},
        {"elicitation/create", ENV,
         "{\"action\":\"cancel\",\"content\":{\"env\":\"live\"},\"x\":1}",
         "{\"action\":\"cancel\"}"},
        {"elicitation/create", ENV, "{\"action\":\"accept\",\"content\":{\"env\":\"test\"}}",
         "{\"action\":\"accept\",\"content\":{\"env\":\"test\"}}"},
        {"elicitation/create", ENV,
         "{\"_meta\":{},\"content\":{\"n\":1,\"env\":\"test\",\"z\":[]},\"action\":\"accept\"}",
         "{\"action\":\"accept\",\"content\":{\"env\":\"test\"}}"},
        {"elicitation/create", URL("https://a.example/"),
         "{\"action\":\"accept\",\"content\":{\"secret\":\"x\"}}", "{\"action\":\"accept\"}"},
        {"sampling/createMessage", SAMPLING,
         "{\"role\":\"assistant\"," TEXT ",\"model\":\"m\",\"stopReason\":\"endTurn\",\"x\":1}",
         "{\"role\":\"assistant\"," TEXT ",\"model\":\"m\",\"stopReason\":\"endTurn\"}"},
        {"sampling/createMessage", SAMPLING_TOOLS,
         ("{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"1\"}],"
          "\"model\":\"m\"}"),
         ("{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"1\"}],"
          "\"model\":\"m\"}")},
        {"roots/list", NULL, "{\"roots\":[]}", "{\"roots\":[]}"},
        {"roots/list", NULL,
         ("{\"roots\":[{\"uri\":\"file:///a/%62\",\"name\":\"A\",\"_meta\":{}},"
          "{\"uri\":\"FILE://localhost/c\"}]}"),
         "{\"roots\":[{\"uri\":\"file:///a/b\",\"name\":\"A\"},{\"uri\":\"file:///c\"}]}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct stand stand;
        set_up(&stand, PERMIT, rows[i].method, rows[i].params);
        judge_answer(&stand, rows[i].result);
        CHECK_ROW(rows[i].result, stand.judgement.is_allowed && stand.judgement.stripped == NULL);
        CHECK_ROW(rows[i].result,
                  slice_eq(buf_view(&stand.out), slice_view_cstr(rows[i].expected)));
        tear_down(&stand);
    }
}

TEST(question_answer_of_another_shape_is_refused)
{
    static const struct {
        const char *method, *params, *result, *code;
    } rows[] = {
        {"elicitation/create", ENV, "[]", "question.answer"},
        {"elicitation/create", ENV, "12345", "question.answer"},
        {"elicitation/create", ENV, "{}", "question.answer"},
        {"elicitation/create", ENV, "{\"action\":\"Accept\"}", "question.answer"},
        {"elicitation/create", ENV, "{\"action\":true}", "question.answer"},
        {"elicitation/create", ENV, "{\"roots\":[]}", "question.answer"},
        {"elicitation/create", ENV, "{\"action\":\"accept\"}", "form.content"},
        {"elicitation/create", ENV, "{\"action\":\"accept\",\"content\":{}}", "form.content"},
        {"elicitation/create", ENV, "{\"action\":\"accept\",\"content\":{\"env\":\"live\"}}",
         "form.content"},
        {"elicitation/create", ENV, "{\"action\":\"accept\",\"content\":[\"test\"]}",
         "form.content"},
        {"sampling/createMessage", SAMPLING, "{\"action\":\"accept\"}", "question.answer"},
        {"sampling/createMessage", SAMPLING, "{\"role\":\"assistant\"," TEXT "}",
         "question.answer"},
        {"sampling/createMessage", SAMPLING, "{\"role\":\"assistant\",\"model\":\"m\"}",
         "question.answer"},
        {"sampling/createMessage", SAMPLING, "{\"role\":\"tool\"," TEXT ",\"model\":\"m\"}",
         "question.answer"},
        {"sampling/createMessage", SAMPLING,
         "{\"role\":\"assistant\",\"content\":{\"type\":\"tool_use\"},\"model\":\"m\"}",
         "question.answer"},
        {"sampling/createMessage", SAMPLING,
         "{\"role\":\"assistant\",\"content\":[\"x\"],\"model\":\"m\"}", "question.answer"},
        {"sampling/createMessage", SAMPLING,
         "{\"role\":\"assistant\"," TEXT ",\"model\":\"m\",\"stopReason\":1}", "question.answer"},
        {"roots/list", NULL, "{}", "question.answer"},
        {"roots/list", NULL, "{\"roots\":{}}", "question.answer"},
        {"roots/list", NULL, "{\"roots\":[\"file:///a\"]}", "question.answer"},
        {"roots/list", NULL, "{\"roots\":[{\"name\":\"a\"}]}", "question.answer"},
        {"roots/list", NULL, "{\"roots\":[{\"uri\":\"file:///a\",\"name\":{}}]}",
         "question.answer"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct stand stand;
        set_up(&stand, PERMIT, rows[i].method, rows[i].params);
        judge_answer(&stand, rows[i].result);
        CHECK_ROW(rows[i].result, !stand.judgement.is_allowed && stand.judgement.is_malformed);
        CHECK_ROW(rows[i].result, str_eq(stand.judgement.code, rows[i].code));
        CHECK_ROW(rows[i].result, stand.out.len == 0);
        tear_down(&stand);
    }
}

TEST(question_answer_is_judged_by_policies)
{
    static const struct {
        const char *policies, *method, *params, *result;
        bool is_allowed;
    } rows[] = {
        {"", "elicitation/create", ENV, "{\"action\":\"accept\",\"content\":{\"env\":\"test\"}}",
         false},
        {"permit(principal, action == Aegis::Action::\"elicitation/create\", resource);",
         "elicitation/create", ENV, "{\"action\":\"accept\",\"content\":{\"env\":\"test\"}}",
         false},
        {"permit(principal, action in Aegis::Action::\"elicitation/create\", resource);",
         "elicitation/create", ENV, "{\"action\":\"accept\",\"content\":{\"env\":\"test\"}}", true},
        {"permit(principal, action == Aegis::Action::\"elicitation/create.result\", resource);",
         "elicitation/create", ENV, "{\"action\":\"accept\",\"content\":{\"env\":\"test\"}}", true},
        {PERMIT_IF("context.result.action == \"accept\" && context.elicitation.fields == [\"env\"]"
                   "&& context.direction == \"client_to_server\""),
         "elicitation/create", ENV, "{\"action\":\"accept\",\"content\":{\"env\":\"test\"}}", true},
        {PERMIT_IF("context.result.model == \"small\" && context.sampling.maxTokens == 9"),
         "sampling/createMessage", SAMPLING,
         "{\"role\":\"assistant\"," TEXT ",\"model\":\"small\"}", true},
        {PERMIT_IF("context.result.model == \"small\""), "sampling/createMessage", SAMPLING,
         "{\"role\":\"assistant\"," TEXT ",\"model\":\"large\"}", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct stand stand;
        set_up(&stand, rows[i].policies, rows[i].method, rows[i].params);
        judge_answer(&stand, rows[i].result);
        CHECK_ROW(rows[i].policies, stand.judgement.is_allowed == rows[i].is_allowed);
        CHECK_ROW(rows[i].policies, !stand.judgement.is_malformed);
        CHECK_ROW(rows[i].policies, rows[i].is_allowed == (stand.out.len > 0));
        tear_down(&stand);
    }
}

/* The example of the mission: local file systems stay away from third parties. */
TEST(question_roots_are_stripped_one_by_one)
{
    static const char POLICIES[] =
        PERMIT "@id(\"home\") forbid(principal, action == Aegis::Action::\"roots/list.result\","
               "resource is Aegis::Root) when {context.server.trust == Aegis::Trust::"
               "\"third-party\" && resource.path like \"/home/*\"};";
    static const struct {
        const char *target, *code;
    } stripped[] = {
        {"file:///home/ann", "policy_denied"},
        {"file:///srv/../etc", "resource.uri"},
        {"https://a.example/", "resource.uri"},
        {"nothing", "resource.uri"},
    };
    struct stand stand;
    set_up(&stand, POLICIES, "roots/list", NULL);
    judge_answer(&stand, "{\"roots\":[{\"uri\":\"file:///srv/a\"},{\"uri\":\"file:///%68ome/ann\"},"
                         "{\"uri\":\"file:///srv/../etc\"},{\"uri\":\"https://a.example/\"},"
                         "{\"uri\":\"nothing\"},{\"uri\":\"file:///srv/b\",\"name\":\"b\"}]}");
    CHECK(stand.judgement.is_allowed);
    CHECK(slice_eq(buf_view(&stand.out), SLICE("{\"roots\":[{\"uri\":\"file:///srv/a\"},"
                                               "{\"uri\":\"file:///srv/b\",\"name\":\"b\"}]}")));
    const struct question_judgement *one = stand.judgement.stripped;
    for (size_t i = 0; i < COUNT_OF(stripped); i++) {
        struct audit_record record = {0};
        CHECK_ROW(stripped[i].target, one != NULL && !one->is_allowed);
        if (one == NULL) {
            break;
        }
        question_describe(&stand.question, one, true, &record);
        CHECK_ROW(stripped[i].target, slice_eq(record.target, slice_view_cstr(stripped[i].target)));
        CHECK_ROW(stripped[i].target, slice_eq(record.code, slice_view_cstr(stripped[i].code)));
        CHECK_ROW(stripped[i].target, slice_eq(record.direction, SLICE("client")));
        CHECK_ROW(stripped[i].target, record.policy_count == (i == 0 ? 1U : 0U));
        one = one->next;
    }
    CHECK(one == NULL);
    tear_down(&stand);
}

/* The members of a question, and of an answer. */
TEST(question_members_have_a_bound)
{
    for (size_t i = 0; i < 4; i++) {
        bool is_answer = i >= 2;
        bool is_too_much = i % 2 == 1;
        struct stand stand;
        struct buf text;
        buf_init(&text, TEST_BYTES, NULL);
        buf_append(&text, is_answer ? SLICE("{\"action\":\"accept\",\"content\":{\"env\":\"a\"}")
                                    : SLICE("{\"message\":\"Which env?\"," SCHEMA));
        for (size_t more = 2; more < QUESTION_MEMBERS_MAX + (is_too_much ? 1 : 0); more++) {
            buf_append(&text, SLICE(",\"m"));
            buf_append_u64(&text, more);
            buf_append(&text, SLICE("\":1"));
        }
        buf_append(&text, slice_of("}", 2)); /* with its NUL */
        set_up(&stand, PERMIT, "elicitation/create", is_answer ? FORM : (const char *)text.ptr);
        judge(&stand);
        CHECK(stand.judgement.is_allowed == (is_answer || !is_too_much));
        if (is_answer) {
            stand.judgement = (struct question_judgement){0};
            judge_answer(&stand, (const char *)text.ptr);
            CHECK(stand.judgement.is_allowed == !is_too_much);
        }
        buf_release(&text);
        tear_down(&stand);
    }
}

TEST(question_roots_have_a_bound)
{
    for (size_t roots = QUESTION_ROOTS_MAX; roots <= QUESTION_ROOTS_MAX + 1; roots++) {
        struct stand stand;
        struct buf text;
        set_up(&stand, PERMIT, "roots/list", NULL);
        buf_init(&text, TEST_BYTES, NULL);
        buf_append(&text, SLICE("{\"roots\":["));
        for (size_t i = 0; i < roots; i++) {
            buf_append(&text, i == 0 ? SLICE_EMPTY : SLICE(","));
            buf_append(&text, SLICE("{\"uri\":\"file:///a\"}"));
        }
        buf_append(&text, slice_of("]}", 3)); /* with its NUL */
        judge_answer(&stand, (const char *)text.ptr);
        CHECK(stand.judgement.is_allowed == (roots == QUESTION_ROOTS_MAX));
        buf_release(&text);
        tear_down(&stand);
    }
}

/* -- memory --------------------------------------------------------------------------------- */

static bool judge_both_ways(void *context)
{
    static const char *const ANSWER =
        "{\"roots\":[{\"uri\":\"file:///a\",\"name\":\"a\"},{\"uri\":\"x\"}]}";
    struct stand stand;
    (void)context;
    check_pause_failures(true);
    set_up(&stand, PERMIT, "elicitation/create", URL("https://a.example/%61"));
    stand.question.names_server = true;
    parse(&stand, ANSWER, &stand.result);
    check_pause_failures(false);
    enum status asked =
        question_judge(&stand.question, &stand.scratch, &stand.arena, &stand.out, &stand.judgement);
    CHECK(asked == STATUS_OK || (asked == STATUS_LIMIT && !stand.judgement.is_allowed));
    bool is_done = asked == STATUS_OK && stand.judgement.is_allowed;
    stand.question.method = mcp_question_find(SLICE("roots/list"));
    stand.question.params = (struct json_place){0};
    enum status answered =
        question_judge_answer(&stand.question, (struct json_place){&stand.result, 0},
                              &stand.scratch, &stand.arena, &stand.out, &stand.judgement);
    CHECK(answered == STATUS_OK || (answered == STATUS_LIMIT && !stand.judgement.is_allowed));
    is_done = is_done && answered == STATUS_OK && stand.judgement.is_allowed;
    check_pause_failures(true);
    tear_down(&stand);
    check_pause_failures(false);
    return is_done;
}

TEST(question_survives_any_failed_allocation)
{
    check_every_allocation(judge_both_ways, NULL);
}
