/* Links and embedded resources in results and in questions, judged like reads: what each side gets,
 * and what is recorded. */
#include "core/gateway/operation.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>
#include <string.h>

#define VIEW "/views/dev/mcp"
#define RESULT_BEGIN "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{"
#define RESULT(members) RESULT_BEGIN members "}}"
#define LINK(uri) "{\"type\":\"resource_link\",\"name\":\"n\",\"uri\":\"" uri "\"}"
#define CONTENT(uri)                                                                               \
    "{\"type\":\"resource\",\"resource\":{\"uri\":\"" uri "\",\"text\":\"of " uri "\"}}"
#define TEXT "{\"type\":\"text\",\"text\":\"see memo:closed\"}"
#define MIXED                                                                                      \
    TEXT "," LINK("memo:open") "," CONTENT("memo:open") "," LINK("memo:closed") "," CONTENT(       \
        "memo:closed")
#define OUTCOME "{\"type\":\"tool_result\",\"toolUseId\":\"1\",\"content\":[" MIXED "]}"
#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":[" OUTCOME "]}]"
#define SAMPLE "\"method\":\"sampling/createMessage\",\"params\":{" MESSAGES ",\"maxTokens\":9}"
#define CLOSED                                                                                     \
    PERMIT_ALL "@id(\"closed\") @reason(\"closed memos stay closed\") forbid(principal, action "   \
               "in Aegis::Action::\"resources/read\", resource) when { resource.path == "          \
               "\"closed\" };"
#define NO_READ "permit(principal, action, resource) unless { context.primitive == \"resource\" };"
#define INITIALIZE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-11-25\",\"capabilities\":{\"sampling\":{\"tools\":{}}},\"clientInfo\":{}}}"
#define META_SAMPLING                                                                              \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                       \
    "\"io.modelcontextprotocol/clientCapabilities\":{\"sampling\":{\"tools\":{}}}}"

static struct world world;
static struct world_client client;
static struct world_answer answers[6];
static char session[512];

static void begin_with(const char *policies, const struct gateway_limits *limits, bool is_modern)
{
    world_init_with(&world, policies, limits);
    world.server_is_modern = is_modern;
    world.answers = answers;
    session[0] = '\0';
    if (!is_modern) {
        world_post(&world, &client, BANK, INITIALIZE, NULL, NULL, NULL);
        world_run(&world);
        memcpy(session, client.session_id, sizeof(session));
    }
}

static void begin(const char *policies, bool is_modern)
{
    const struct gateway_limits limits = GATEWAY_LIMITS_DEFAULT;
    begin_with(policies, &limits, is_modern);
}

/* What the bank answers to the method from now on. */
static void answer(const char *method, const char *json)
{
    size_t i = 0;
    while (i < world.answer_count && strcmp(answers[i].method, method) != 0) {
        i++;
    }
    CHECK(i < COUNT_OF(answers));
    answers[i] = (struct world_answer){0, method, json};
    world.answer_count += i == world.answer_count ? 1 : 0;
}

/* The bank answers to the method with that; name: of the tool or prompt, or the address. */
static void call(const char *target, const char *method, const char *name, const char *json)
{
    char body[2048];
    const char *member = strcmp(method, "resources/read") == 0 ? "uri" : "name";
    answer(method, json);
    snprintf(body, sizeof(body),
             "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"%s\",\"params\":{\"%s\":\"%s\"%s}}",
             method, member, name, session[0] != '\0' ? "" : "," META_SAMPLING);
    world_post(&world, &client, target, body, session[0] != '\0' ? NULL : method,
               session[0] != '\0' ? NULL : name, session[0] != '\0' ? session : NULL);
    world_run(&world);
}

static bool has(const char *text)
{
    return strstr(client.body, text) != NULL;
}

static size_t records(const char *text, const char *other)
{
    return world_count_records(&world, text, other);
}

static size_t times(const char *text)
{
    size_t count = 0;
    for (const char *at = strstr(client.body, text); at != NULL; at = strstr(at + 1, text)) {
        count++;
    }
    return count;
}

/* What is open is there as it came, what is closed is not, and the text is left alone. */
static bool shows_what_is_open(void)
{
    return has(TEXT "," LINK("memo:open") "," CONTENT("memo:open") ",") &&
           times("memo:closed") == 1 &&
           times("{\"type\":\"text\",\"text\":\"closed memos stay closed (decision ") == 2;
}

/* Each of the four has one record, of a read of its server, under the decision about the call. */
static bool four_are_recorded(void)
{
    return records("\"resources/read\"", "\"direction\":\"server\"") == 4 &&
           records("\"resources/read\"", "\"primitive\":\"resource\"") == 4 &&
           records("authz.allow", "\"target\":\"memo:open\"") == 2 &&
           records("authz.deny", "\"target\":\"memo:closed\"") == 2 &&
           records("\"policies\":[\"closed\"]", "\"code\":\"policy_denied\"") == 2;
}

TEST(carried_by_results_of_both_eras)
{
    static const struct {
        const char *method, *name, *json;
    } rows[] = {
        {"tools/call", "see", RESULT("\"content\":[" MIXED "]")},
        {"tools/call", "see", RESULT("\"isError\":true,\"content\" : [ " MIXED " ]")},
        {"prompts/get", "report",
         RESULT("\"messages\":[{\"role\":\"user\",\"content\":" TEXT "},"
                "{\"role\":\"user\",\"content\":[" MIXED "]}]")},
    };
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        const char *json = rows[i / 2].json;
        bool is_prompt = rows[i / 2].method[0] == 'p';
        begin(CLOSED, i % 2 == 0);
        size_t before = world.record_count;
        call(BANK, rows[i / 2].method, rows[i / 2].name, json);
        CHECK_ROW(json, client.status_code == 200);
        if (is_prompt) {
            CHECK_ROW(json,
                      times(TEXT) == 2 && times("memo:closed") == 2 && has(CONTENT("memo:open")));
        } else {
            CHECK_ROW(json, shows_what_is_open());
        }
        CHECK_ROW(json, four_are_recorded());
        /* Beside them the intent and the outcome, all of one decision. */
        CHECK_ROW(json, world.record_count == before + 6);
        CHECK_ROW(json, records("\"outcome\":\"ok\"", "") == 1);
        world_release(&world);
    }
}

/* The id that the caller is told is that of the records. */
TEST(carried_tells_the_decision)
{
    static const char TOLD[] = "closed memos stay closed (decision ";
    char id[2 * AUDIT_DECISION_ID_BYTES + 1] = "";
    begin(CLOSED, true);
    call(BANK, "tools/call", "see", RESULT("\"content\":[" LINK("memo:closed") "]"));
    const char *at = strstr(client.body, TOLD);
    CHECK(at != NULL);
    (void)snprintf(id, sizeof(id), "%s", at == NULL ? "" : at + strlen(TOLD));
    CHECK(strlen(id) == sizeof(id) - 1);
    CHECK(records(id, "\"target\":\"memo:closed\"") == 1 && records(id, "\"outcome\"") == 1);
    CHECK(records(id, "") == 3);
    world_release(&world);
}

/* Who may read nothing gets nothing in other ways. */
TEST(carried_needs_what_a_read_needs)
{
    static const struct {
        const char *policies, *block, *code;
    } rows[] = {
        {NO_READ, LINK("memo:open"), "policy_denied"},
        {NO_READ, CONTENT("memo:open"), "policy_denied"},
        {CLOSED, CONTENT("file:///a/../b"), "resource.uri"},
        {CLOSED, LINK("ui://page"), "target.unknown"},
        {CLOSED, CONTENT("ui://page"), "target.unknown"},
        {CLOSED, "{\"type\":\"resource\"}", "resource.uri"},
        {PERMIT_ALL "forbid(principal, action, resource) when { resource.labels.contains(\"x\") ||"
                    " context.method == \"resources/read\" && context.arguments.a == 1 };",
         CONTENT("memo:open"), "policy_denied"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char json[1024];
        snprintf(json, sizeof(json), "%s\"content\":[%s]}}", RESULT_BEGIN, rows[i].block);
        begin(rows[i].policies, true);
        call(BANK, "tools/call", "see", json);
        CHECK_ROW(rows[i].block, client.status_code == 200 && !has(rows[i].block));
        CHECK_ROW(rows[i].block, has("{\"type\":\"text\",\"text\":\"a resource is withheld (dec"));
        CHECK_ROW(rows[i].block, records("authz.deny", rows[i].code) == 1);
        CHECK_ROW(rows[i].block, world.record_count == 3);
        world_release(&world);
    }
}

/* What holds none, or in a place where none is, costs no record and stays as it is. */
TEST(carried_leaves_everything_else)
{
    static const char *const MEMBERS[] = {
        "\"content\":[" TEXT "]",
        "\"content\":[]",
        "\"content\":[" TEXT "],\"structuredContent\":{\"link\":" LINK("memo:closed") "}",
        "\"content\":[{\"type\":\"image\",\"data\":\"\",\"mimeType\":\"a/"
        "b\",\"uri\":\"memo:closed\"}]",
        "\"content\":[" TEXT "],\"_meta\":{\"a\":" CONTENT("memo:closed") "}",
        "\"messages\":[" LINK("memo:closed") "],\"content\":[]",
    };
    for (size_t i = 0; i < COUNT_OF(MEMBERS); i++) {
        char json[1024];
        snprintf(json, sizeof(json), "%s%s}}", RESULT_BEGIN, MEMBERS[i]);
        begin(CLOSED, true);
        call(BANK, "tools/call", "see", json);
        CHECK_ROW(MEMBERS[i], client.status_code == 200 && has(MEMBERS[i]));
        CHECK_ROW(MEMBERS[i], world.record_count == 2 && records("resources/read", "") == 0);
        world_release(&world);
    }
}

/* An answer to a read has contents of what was read; of anything else as far as that may be read.
 */
TEST(carried_by_the_answer_to_a_read)
{
#define ENTRY(uri) "{\"uri\":\"" uri "\",\"text\":\"of " uri "\"}"
    static const struct {
        const char *contents;
        bool shows_open, shows_closed;
        size_t records; /* beside intent and outcome */
    } rows[] = {
        {"[" ENTRY("memo:open") "]", true, false, 0},
        {"[" ENTRY("MEMO:op%65n") "]", false, false, 0},
        {"[" ENTRY("memo:open") "," ENTRY("memo:other") "]", true, false, 1},
        {"[" ENTRY("memo:open") "," ENTRY("memo:closed") "]", true, false, 1},
        {"[" ENTRY("memo:closed") "]", false, false, 1},
        {"[" ENTRY("memo:x/../closed") "]", false, false, 1},
        {"[{\"text\":\"of memo:closed\"}]", false, false, 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char json[1024];
        snprintf(json, sizeof(json), "%s\"contents\":%s}}", RESULT_BEGIN, rows[i].contents);
        begin(CLOSED, i % 2 == 0);
        size_t before = world.record_count;
        call(BANK, "resources/read", "memo:open", json);
        CHECK_ROW(rows[i].contents, client.status_code == 200);
        CHECK_ROW(rows[i].contents, has("of memo:open") == rows[i].shows_open);
        CHECK_ROW(rows[i].contents, has("closed\"}") == rows[i].shows_closed);
        CHECK_ROW(rows[i].contents, world.record_count == before + 2 + rows[i].records);
        world_release(&world);
    }
}

TEST(carried_has_the_bound_of_the_limits)
{
    for (size_t bound = 0; bound <= 5; bound++) {
        struct gateway_limits limits = GATEWAY_LIMITS_DEFAULT;
        limits.result_resources = bound;
        begin_with(CLOSED, &limits, true);
        call(BANK, "tools/call", "see", RESULT("\"content\":[" MIXED "]"));
        CHECK(has("memo:open\"") == (bound > 0) && has(CONTENT("memo:open")) == (bound > 1));
        CHECK(records("resources/read", "") == (bound >= 4 ? 4 : bound + 1));
        CHECK(records("resource.many", "") == (bound >= 4 ? 0U : 1U));
        CHECK(times("memo:closed") == 1);
        world_release(&world);
    }
}

/* On a stream what came before is gone; the answer is judged all the same. */
TEST(carried_at_the_end_of_a_stream)
{
    begin(CLOSED, true);
    world.held_method = "tools/call";
    world_post(&world, &client, BANK,
               "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":"
               "\"see\",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
               "\"io.modelcontextprotocol/clientCapabilities\":{},\"progressToken\":\"p\"}}}",
               "tools/call", "see", NULL);
    world_run(&world);
    struct world_call *open = world_find_call(&world, "tools/call");
    CHECK(open != NULL);
    world_message(open, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
                        "\"progressToken\":%ID,\"progress\":1}}");
    world_message(open, RESULT("\"content\":[" MIXED "]"));
    world_end(open, STATUS_OK, NULL);
    world_run(&world);
    CHECK(client.stream_ended && has("notifications/progress"));
    CHECK(shows_what_is_open() && four_are_recorded());
    world_release(&world);
}

/* No record, no answer. */
TEST(carried_without_a_record_is_no_answer)
{
    for (size_t lost = 0; lost < 4; lost++) {
        begin(CLOSED, true);
        world.held_method = "tools/call";
        call(BANK, "tools/call", "see", "");
        struct world_call *open = world_find_call(&world, "tools/call");
        world.holds_records = true;
        CHECK(open != NULL);
        world_message(open, RESULT("\"content\":[" MIXED "]"));
        world_end(open, STATUS_OK, NULL);
        world_run(&world);
        /* All four are under way at once; one of them is lost. */
        size_t pending = 0;
        const size_t count = world.record_count;
        for (size_t i = 0; i < count; i++) {
            struct world_record *record = &world.records[i];
            if (record->is_pending) {
                enum status status = pending++ == lost ? STATUS_UNAVAILABLE : STATUS_OK;
                record->is_pending = false;
                record->done(record->user, record->ticket, status);
            }
        }
        CHECK(pending == 4);
        world.holds_records = false;
        world_run(&world);
        CHECK(client.status_code == 503 && has("audit_unavailable") && !has("memo:open"));
        world_release(&world);
    }
}

/* A view without resources of the server carries none. */
TEST(carried_in_a_view_as_far_as_it_shows)
{
    static const struct view_pattern TOOLS[] = {{0, SLICE_INIT("*")}};
    static const struct view_pattern RESOURCES[] = {{0, SLICE_INIT("")}, {1, SLICE_INIT("")}};
    for (size_t i = 0; i < 3; i++) {
        struct gateway_view view = {.name = SLICE("dev"), .tools = {TOOLS, 1}};
        view.resources = (struct view_patterns){RESOURCES + (i == 1 ? 0 : 1), i == 2 ? 0 : 1};
        begin(PERMIT_ALL, true);
        world.snapshot->views = &view;
        world.snapshot->view_count = 1;
        call(VIEW, "tools/call", "bank__see", RESULT("\"content\":[" MIXED "]"));
        CHECK(client.status_code == 200 && has("see memo:closed"));
        CHECK(has(CONTENT("memo:open")) == (i == 1));
        CHECK(records("target.unknown", "resources/read") == (i == 1 ? 0U : 4U));
        world_release(&world);
    }
}

/* On the endpoint of all servers it is a resource of the server that says it. */
TEST(carried_is_of_the_server_that_says_it)
{
    static const char *const POLICIES[] = {
        PERMIT_ALL "forbid(principal, action in Aegis::Action::\"resource\", resource in "
                   "Aegis::Server::\"bank\");",
        PERMIT_ALL "forbid(principal, action in Aegis::Action::\"resource\", resource in "
                   "Aegis::Server::\"shop\");",
    };
    for (size_t i = 0; i < COUNT_OF(POLICIES); i++) {
        begin(POLICIES[i], true);
        call("/mcp", "tools/call", "bank__see", RESULT("\"content\":[" MIXED "]"));
        CHECK(client.status_code == 200 && has(CONTENT("memo:closed")) == (i == 1));
        CHECK(records("\"server\":\"bank\"", "\"target\":\"memo:") == 4);
        world_release(&world);
    }
}

/* -- tasks --------------------------------------------------------------------------------- */

#define STATE(status) "\"taskId\":\"t-5\",\"status\":\"" status "\",\"ttl\":60000"
#define EXTENSION "\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}"
#define META_TASKS                                                                                 \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                       \
    "\"io.modelcontextprotocol/clientCapabilities\":{" EXTENSION "}}"

/* A task is made, and asked about with the method. */
static void ask_about_task(const char *method, bool is_modern)
{
    static char id[1024], body[2048];
    const char *meta = is_modern ? "," META_TASKS : "";
    const char *session_id = is_modern ? NULL : session;
    snprintf(body, sizeof(body),
             "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"see\","
             "\"task\":{}%s}}",
             meta);
    world_post(&world, &client, BANK, body, is_modern ? "tools/call" : NULL,
               is_modern ? "see" : NULL, session_id);
    world_run(&world);
    const char *at = strstr(client.body, "\"taskId\":\"");
    CHECK(at != NULL);
    at = at == NULL ? "" : at + strlen("\"taskId\":\"");
    snprintf(id, sizeof(id), "%.*s", (int)strcspn(at, "\""), at);
    snprintf(body, sizeof(body),
             "{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"%s\",\"params\":{\"taskId\":\"%s\"%s}}",
             method, id, meta);
    world_post(&world, &client, BANK, body, is_modern ? method : NULL, is_modern ? id : NULL,
               session_id);
    world_run(&world);
}

/* A result that comes late is judged like one that comes at once. */
TEST(carried_by_the_result_of_a_task)
{
    static const struct gateway_server SERVERS[] = {
        {.name = SLICE_INIT("bank"), .timeout_ms = 1000, .extensions = MCP_EXTENSION_TASKS},
        {.name = SLICE_INIT("shop"), .timeout_ms = 1000}};
    static const char *const POLICIES[] = {CLOSED, NO_READ};
    for (size_t i = 0; i < 2 * COUNT_OF(POLICIES); i++) {
        bool is_modern = i % 2 == 0;
        world_init(&world, POLICIES[i / 2]);
        world.snapshot->servers = SERVERS;
        world.server_is_modern = is_modern;
        world.answers = answers;
        answer("initialize",
               RESULT("\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{"
                      "},\"tasks\":{\"requests\":{\"tools\":{\"call\":{}}}}}"));
        answer("server/discover",
               RESULT("\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\"],"
                      "\"capabilities\":{\"tools\":{}," EXTENSION "}"));
        answer("tools/list",
               RESULT("\"tools\":[{\"name\":\"see\",\"inputSchema\":{\"type\":\"object\"},"
                      "\"execution\":{\"taskSupport\":\"optional\"}}]"));
        answer("tools/call", is_modern ? RESULT("\"resultType\":\"task\"," STATE("working"))
                                       : RESULT("\"task\":{" STATE("working") "}"));
        answer("tasks/result", RESULT("\"content\":[" MIXED "]"));
        answer("tasks/get", RESULT(STATE("completed") ",\"result\":{\"content\":[" MIXED "]}"));
        if (!is_modern) {
            world_post(&world, &client, BANK, INITIALIZE, NULL, NULL, NULL);
            world_run(&world);
            memcpy(session, client.session_id, sizeof(session));
        }
        ask_about_task(is_modern ? "tasks/get" : "tasks/result", is_modern);
        CHECK(client.status_code == 200 && has(TEXT));
        CHECK(i / 2 == 0 ? shows_what_is_open() && four_are_recorded()
                         : times("memo:") == 1 && records("authz.deny", "\"memo:") == 4);
        world_release(&world);
    }
}

/* -- questions ------------------------------------------------------------------------------ */

/* What a server wants a model to read passes like a result. */
TEST(carried_by_questions_of_both_eras)
{
    for (size_t i = 0; i < 4; i++) {
        bool is_modern = i % 2 == 0;
        bool is_closed = i / 2 == 0;
        begin(is_closed ? CLOSED : NO_READ, is_modern);
        if (is_modern) {
            call(BANK, "tools/call", "see",
                 RESULT("\"resultType\":\"input_required\",\"inputRequests\":{\"a\":{" SAMPLE
                        "}},\"requestState\":\"s\""));
        } else {
            world.held_method = "tools/call";
            call(BANK, "tools/call", "see", "");
            struct world_call *open = world_find_call(&world, "tools/call");
            CHECK(open != NULL);
            world_message(open, "{\"jsonrpc\":\"2.0\",\"id\":\"s\"," SAMPLE "}");
            world_run(&world);
        }
        CHECK(has("sampling/createMessage") && has("tool_result"));
        CHECK(is_closed ? shows_what_is_open() : times("memo:") == 1);
        CHECK(is_closed ? four_are_recorded() : records("authz.deny", "\"target\":\"memo:") == 4);
        CHECK(records("authz.allow", "\"primitive\":\"sampling\"") == 1);
        world_release(&world);
    }
}
