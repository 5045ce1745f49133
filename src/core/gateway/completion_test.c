/* completion/complete: judged like a use of what it refers to, and no address in pieces. */
#include "core/gateway/completion.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>

#define OFFERS                                                                                     \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\","                     \
    "\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"prompts\":{},\"resources\":{},"    \
    "\"completions\":{}}}}"
#define NO_OFFER                                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\","                     \
    "\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"prompts\":{},\"resources\":{}}}}"
#define VALUES(values)                                                                             \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\",\"completion\":{"     \
    "\"values\":[" values "],\"total\":7,\"hasMore\":true}}}"
#define TEMPLATES(text)                                                                            \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resourceTemplates\":[{\"uriTemplate\":\"" text  \
    "\",\"name\":\"n\"}]}}"
#define PROMPT_REF "{\"type\":\"ref/prompt\",\"name\":\"report\"}"
#define TEMPLATE_REF "{\"type\":\"ref/resource\",\"uri\":\"memo://{user}/{id}\"}"
#define ONE_REF "{\"type\":\"ref/resource\",\"uri\":\"memo://a/{id}\"}"
#define CLOSED                                                                                     \
    PERMIT_ALL "@id(\"no\") forbid(principal, action in Aegis::Action::\"resources/read\", "       \
               "resource) when { resource.path like \"*closed*\" };"

static struct world world;
static struct world_client client;

static const struct world_answer ANSWERS[] = {
    {0, "server/discover", OFFERS},
    {1, "server/discover", OFFERS},
    {0, "completion/complete",
     VALUES("\"open\",\"closed\",\"a/../b\",\"\\u0063losed\",\"half closed\"")},
    {0, "resources/templates/list", TEMPLATES("memo://a/{id}")},
    {1, "resources/templates/list", TEMPLATES("memo://b/{id}")},
};

static bool body_has(const char *text)
{
    return strstr(client.body, text) != NULL;
}

static void begin(const char *policies)
{
    world_init(&world, policies);
    world.server_is_modern = true;
    world.answers = ANSWERS;
    world.answer_count = COUNT_OF(ANSWERS);
}

static void complete(const char *target, const char *ref, const char *rest)
{
    char body[2048];
    snprintf(body, sizeof(body),
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"completion/complete\",\"params\":{\"ref\":"
             "%s,\"argument\":{\"name\":\"id\",\"value\":\"o\"}%s," META "}}",
             ref, rest);
    world_post(&world, &client, target, body, "completion/complete", NULL, NULL);
    world_run(&world);
}

static struct world_call *last_call(void)
{
    return &world.calls[world.call_count - 1];
}

TEST(completion_of_a_prompt_goes_through)
{
    begin(PERMIT_ALL);
    complete(BANK, PROMPT_REF, ",\"context\":{\"arguments\":{\"b\":\"c\"}},\"x\":1");
    CHECK(client.status_code == 200 && body_has("\"closed\"") && body_has("\"total\":7"));
    CHECK(body_has("\"resultType\":\"complete\""));
    CHECK(strstr(last_call()->body, "\"ref\":" PROMPT_REF) != NULL);
    CHECK(strstr(last_call()->body, "\"context\":{\"arguments\":{\"b\":\"c\"}}") != NULL);
    CHECK(strstr(last_call()->body, "\"x\"") == NULL);
    CHECK(strstr(last_call()->fields, "Mcp-Method: completion/complete") != NULL);
    CHECK(strstr(last_call()->fields, "Mcp-Name") == NULL);
    CHECK(world_count_records(&world, "\"intent\"", "bank.report") == 1);
    CHECK(world_count_records(&world, "\"outcome\"", "bank.report") == 1);
    CHECK(world_count_records(&world, "\"completion/complete\"", "\"prompt\"") == 1);
    world_release(&world);
}

TEST(completion_takes_the_name_of_all_endpoints)
{
    begin(PERMIT_ALL);
    complete("/mcp", "{\"type\":\"ref/prompt\",\"name\":\"bank__report\"}", "");
    CHECK(client.status_code == 200 && body_has("\"open\""));
    CHECK(strstr(last_call()->body, "\"ref\":" PROMPT_REF) != NULL);
    world_release(&world);
}

/* A value that makes an address which is denied, or none, is not shown; nor how many there are. */
TEST(completion_of_a_template_shows_no_denied_address)
{
    static const struct {
        const char *name, *target, *ref, *rest;
        bool is_known;
    } rows[] = {
        {"one variable", BANK, ONE_REF, "", true},
        {"the other one is known", BANK, TEMPLATE_REF,
         ",\"context\":{\"arguments\":{\"user\":\"a\"}}", true},
        {"the other one is open", BANK, TEMPLATE_REF, "", false},
        {"found among all servers", "/mcp", ONE_REF, "", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(CLOSED);
        complete(rows[i].target, rows[i].ref, rows[i].rest);
        CHECK_ROW(rows[i].name, client.status_code == 200 && body_has("\"open\""));
        CHECK_ROW(rows[i].name, body_has("losed") != rows[i].is_known);
        CHECK_ROW(rows[i].name, body_has("\"total\"") != rows[i].is_known);
        CHECK_ROW(rows[i].name, body_has("\"hasMore\":true"));
        world_release(&world);
    }
}

TEST(completion_is_denied_like_the_use)
{
    static const struct {
        const char *name, *ref, *policies;
    } rows[] = {
        {"prompt", PROMPT_REF,
         PERMIT_ALL "forbid(principal, action in Aegis::Action::\"prompts/get\", resource);"},
        {"this prompt", PROMPT_REF,
         PERMIT_ALL "forbid(principal, action, resource == Aegis::Prompt::\"bank.report\");"},
        {"resources", ONE_REF,
         PERMIT_ALL "forbid(principal, action in Aegis::Action::\"resources/read\", resource);"},
        {"nothing is permitted", PROMPT_REF,
         "permit(principal, action in Aegis::Action::\"tools/call\", resource);"},
        {"an address", "{\"type\":\"ref/resource\",\"uri\":\"memo://a/closed\"}", CLOSED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(rows[i].policies);
        complete(BANK, rows[i].ref, "");
        CHECK_ROW(rows[i].name, client.status_code == 200 && body_has("40301"));
        CHECK_ROW(rows[i].name, world.call_count == 0);
        CHECK_ROW(rows[i].name, world_count_records(&world, "authz.deny", "policy_denied") == 1);
        CHECK_ROW(rows[i].name, world.record_count == 1);
        world_release(&world);
    }
}

TEST(completion_is_refused)
{
    static const struct {
        const char *name, *target, *ref;
        int http_status;
        const char *answer, *code;
    } rows[] = {
        {"an address with two readings", BANK,
         "{\"type\":\"ref/resource\",\"uri\":\"file:///a/../b\"}", 200, "40304", "resource_denied"},
        {"a template that does not close", BANK,
         "{\"type\":\"ref/resource\",\"uri\":\"file:///{a\"}", 200, "40304", "resource_denied"},
        {"a template of nobody", "/mcp", "{\"type\":\"ref/resource\",\"uri\":\"memo://c/{id}\"}",
         200, "-32602", "target.unknown"},
        {"a prompt of nobody", "/mcp", PROMPT_REF, 200, "-32602", "target.unknown"},
        {"no reference", BANK, "{}", 400, "-32602", "mcp.params"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(PERMIT_ALL);
        complete(rows[i].target, rows[i].ref, "");
        CHECK_ROW(rows[i].name,
                  client.status_code == rows[i].http_status && body_has(rows[i].answer));
        CHECK_ROW(rows[i].name, world_count_calls(&world, "completion/complete") == 0);
        CHECK_ROW(rows[i].name, world_count_records(&world, rows[i].code, "") == 1);
        world_release(&world);
    }
}

/* MCP, completion: a server that cannot is not asked. Who may not use the target learns less. */
TEST(completion_needs_the_capability)
{
    static const struct world_answer WITHOUT[] = {{0, "server/discover", NO_OFFER}};
    static const char *const POLICIES[] = {
        PERMIT_ALL,
        "permit(principal, action in Aegis::Action::\"tools/call\", resource);",
    };
    for (size_t i = 0; i < COUNT_OF(POLICIES); i++) {
        begin(POLICIES[i]);
        world.answers = WITHOUT;
        world.answer_count = COUNT_OF(WITHOUT);
        complete(BANK, PROMPT_REF, "");
        CHECK(i == 0 ? client.status_code == 404 && body_has("-32601") : body_has("40301"));
        CHECK(world_count_calls(&world, "completion/complete") == 0);
        CHECK(world.record_count == 1);
        world_release(&world);
    }
}

TEST(completion_that_is_no_list_breaks_the_protocol)
{
    static const char *const RESULTS[] = {
        "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\"}}",
        VALUES("\"a\",{\"value\":\"b\"}"),
    };
    for (size_t i = 0; i < COUNT_OF(RESULTS); i++) {
        const struct world_answer answers[] = {{0, "server/discover", OFFERS},
                                               {0, "completion/complete", RESULTS[i]}};
        begin(PERMIT_ALL);
        world.answers = answers;
        world.answer_count = COUNT_OF(answers);
        complete(BANK, PROMPT_REF, "");
        CHECK(client.status_code == 502 && body_has("50201") && !body_has("\"a\""));
        CHECK(world_count_records(&world, "\"outcome\"", "upstream.protocol") == 1);
        world_release(&world);
    }
}
