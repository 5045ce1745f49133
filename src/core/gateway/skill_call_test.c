/* Skills and folders through the gateway: who gets which, and what a server cannot say. */
#include "core/gateway/operation.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>
#include <string.h>

#define SKILLS "\"io.modelcontextprotocol/skills\":"
#define OFFER(skills)                                                                              \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\","                     \
    "\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{},\"resources\":{},"      \
    "\"extensions\":{" SKILLS skills "}}}}"
#define LEGACY_OFFER(skills)                                                                       \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"protocolVersion\":\"2025-11-25\","              \
    "\"capabilities\":{\"resources\":{},\"extensions\":{" SKILLS skills "}},"                      \
    "\"serverInfo\":{\"name\":\"s\",\"version\":\"1\"}}}"
#define RESULT(members)                                                                            \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\"," members "}}"
#define FILE_OF(uri) "{\"uri\":\"" uri "\",\"digest\":\"sha256:00\",\"size\":1}"
#define ENTRY(path, name, files)                                                                   \
    "{\"uri\":\"skill://" path "/SKILL.md\",\"frontmatter\":{\"name\":\"" name                     \
    "\",\"description\":\"d\",\"license\":\"x\"},\"resources\":[" FILE_OF("skill://" path          \
                                                                          "/SKILL.md") files "]}"
#define OPEN_SKILL ENTRY("team/open", "open", "," FILE_OF("skill://team/open/notes/a.md"))
#define PART_SKILL ENTRY("team/part", "part", "," FILE_OF("skill://team/part/closed.md"))
#define CHILD(uri, type) "{\"uri\":\"" uri "\",\"name\":\"n\",\"mimeType\":\"" type "\",\"x\":1}"
#define FOLDER "inode/directory"
#define CLOSED                                                                                     \
    PERMIT_ALL "@id(\"closed\") @reason(\"closed files stay closed\") forbid(principal, action "   \
               "in Aegis::Action::\"resources/read\", resource) when { "                           \
               "resource.path like \"*closed*\" };"

static struct world world;
static struct world_client client;
static struct gateway_server servers[2];

static void begin(const char *policies, const struct world_answer *answers, size_t count)
{
    world_init(&world, policies);
    memcpy(servers, world.snapshot->servers, sizeof(servers));
    servers[0].extensions = servers[1].extensions = MCP_EXTENSION_SKILLS;
    world.snapshot->servers = servers;
    world.server_is_modern = true;
    world.answers = answers;
    world.answer_count = count;
}

static void post(const char *endpoint, const char *method, const char *params, const char *name)
{
    char body[1024];
    (void)snprintf(body, sizeof(body),
                   "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{%s" META "}}",
                   method, params);
    world_post(&world, &client, endpoint, body, method, name, NULL);
    world_run(&world);
}

static void ask(const char *method, const char *uri)
{
    char params[512] = "";
    if (uri != NULL) {
        (void)snprintf(params, sizeof(params), "\"uri\":\"%s\",", uri);
    }
    post(BANK, method, params, NULL);
}

static bool says(const char *text)
{
    return strstr(client.body, text) != NULL;
}

static const char *heard(const char *method)
{
    for (size_t i = world.call_count; i > 0; i--) {
        if (strcmp(world.calls[i - 1].method, method) == 0) {
            return world.calls[i - 1].body;
        }
    }
    return "";
}

/* -- what is no method ------------------------------------------------------------------------ */

#define GET_OPEN RESULT("\"skill\":" OPEN_SKILL)
#define READ_FOLDER RESULT("\"resources\":[" CHILD("skill://team/open/a.md", "text/plain") "]")
#define ALL_OF(offer)                                                                              \
    {                                                                                              \
        {0, "server/discover", offer}, {0, "skills/list", RESULT("\"skills\":[" OPEN_SKILL "]")},  \
            {0, "skills/get", GET_OPEN},                                                           \
        {                                                                                          \
            0, "resources/directory/read", READ_FOLDER                                             \
        }                                                                                          \
    }

TEST(skills_are_there_where_both_say_so)
{
    static const struct world_answer OFFERED[] = ALL_OF(OFFER("{\"directoryRead\":true}"));
    static const struct world_answer WITHOUT_FOLDERS[] = ALL_OF(OFFER("{}"));
    static const struct world_answer NO_TRUE[] = ALL_OF(OFFER("{\"directoryRead\":1}"));
    static const struct world_answer NO_OBJECT[] = ALL_OF(OFFER("true"));
    static const struct {
        const char *name;
        uint32_t listed;
        const struct world_answer *answers;
        bool has_skills, has_folders;
        const char *told;
    } rows[] = {
        {"all", MCP_EXTENSION_SKILLS, OFFERED, true, true, SKILLS "{\"directoryRead\":true}}"},
        {"no folders", MCP_EXTENSION_SKILLS, WITHOUT_FOLDERS, true, false, SKILLS "{}}"},
        {"folders by a number", MCP_EXTENSION_SKILLS, NO_TRUE, true, false, SKILLS "{}}"},
        {"not offered", MCP_EXTENSION_SKILLS, NO_OBJECT, false, false, "\"resources\":{}}"},
        {"not listed", 0, OFFERED, false, false, "\"resources\":{}}"},
        {"another is listed", MCP_EXTENSION_UI | MCP_EXTENSION_TASKS, OFFERED, false, false,
         "\"resources\":{}}"},
    };
    static const struct {
        const char *method, *uri;
    } methods[] = {{"skills/list", NULL},
                   {"skills/get", "skill://team/open/SKILL.md"},
                   {"resources/directory/read", "skill://team/open"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(PERMIT_ALL, rows[i].answers, 4);
        servers[0].extensions = rows[i].listed;
        ask("server/discover", NULL);
        CHECK_ROW(rows[i].name, says(rows[i].told));
        for (size_t k = 0; k < COUNT_OF(methods); k++) {
            bool is_there = k == 2 ? rows[i].has_folders : rows[i].has_skills;
            ask(methods[k].method, methods[k].uri);
            CHECK_ROW(rows[i].name, client.status_code == (is_there ? 200 : 404));
            CHECK_ROW(rows[i].name, says("\"code\":-32601") == !is_there);
            CHECK_ROW(rows[i].name,
                      world_count_calls(&world, methods[k].method) == (is_there ? 1U : 0U));
            CHECK_ROW(rows[i].name, world_count_records(&world, methods[k].method,
                                                        "mcp.capability") == (is_there ? 0U : 1U));
        }
        world_release(&world);
    }
}

/* With whoever may never use it the refusal says nothing of what the server has. */
TEST(skills_denied_are_not_looked_for)
{
    static const struct world_answer ANSWERS[] = ALL_OF(OFFER("{\"directoryRead\":true}"));
    static const struct {
        const char *policies, *method, *uri;
    } rows[] = {
        {CLOSED, "skills/get", "skill://team/closed/SKILL.md"},
        {CLOSED, "resources/directory/read", "skill://team/closed"},
        {"permit(principal, action in Aegis::Action::\"tool\", resource);", "skills/get",
         "skill://team/open/SKILL.md"},
        {PERMIT_ALL "forbid(principal, action in Aegis::Action::\"skills/get\", resource);",
         "skills/get", "skill://team/open/SKILL.md"},
        {PERMIT_ALL "forbid(principal, action in Aegis::Action::\"resources/directory/read\", "
                    "resource);",
         "resources/directory/read", "skill://team/open"},
        {"permit(principal, action in Aegis::Action::\"skills/get\", resource);",
         "resources/directory/read", "skill://team/open"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(rows[i].policies, ANSWERS, COUNT_OF(ANSWERS));
        ask(rows[i].method, rows[i].uri);
        CHECK_ROW(rows[i].policies, says("\"code\":40301"));
        CHECK_ROW(rows[i].policies, world.call_count == 0);
        CHECK_ROW(rows[i].policies, world_count_records(&world, "authz.deny", rows[i].uri) == 1);
        world_release(&world);
    }
}

TEST(skills_have_addresses_with_one_reading)
{
    static const struct world_answer ANSWERS[] = ALL_OF(OFFER("{\"directoryRead\":true}"));
    static const struct {
        const char *method, *params;
        int status_code;
    } rows[] = {
        {"skills/get", "\"uri\":\"skill://team/x/../open/SKILL.md\",", 200},
        {"skills/get", "\"uri\":\"open\",", 200},
        {"skills/get", "\"name\":\"open\",", 400},
        {"skills/get", "\"uri\":7,", 400},
        {"skills/get", "\"URI\":\"skill://team/open/SKILL.md\",", 400},
        {"resources/directory/read", "\"uri\":\"skill://team/%2e%2e\",", 200},
        {"resources/directory/read", "", 400},
        {"resources/directory/read", "\"uri\":\"skill://team/open\",\"cursor\":7,", 400},
        {"resources/directory/read", "\"uri\":\"skill://team/open\",\"cursor\":null,", 400},
        {"skills/list", "\"cursor\":\"x\",", 200},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(PERMIT_ALL, ANSWERS, COUNT_OF(ANSWERS));
        post(BANK, rows[i].method, rows[i].params, NULL);
        CHECK_ROW(rows[i].params, client.status_code == rows[i].status_code && says("\"error\""));
        CHECK_ROW(rows[i].params, world.call_count == 0);
        world_release(&world);
    }
}

/* -- lists ------------------------------------------------------------------------------------ */

/* What is in a list can be had, whole. */
TEST(skills_are_listed_whole_or_not)
{
#define ODD ENTRY("team/odd", "even", "")
#define FAR ENTRY("team/far", "far", "," FILE_OF("skill://team/open/notes/a.md"))
#define CLOSED_SKILL ENTRY("team/closed", "closed", "")
#define LIVE                                                                                       \
    "{\"uri\":\"skill://live/SKILL.md\",\"frontmatter\":{\"name\":\"live\"},\"resources\":"        \
    "\"dynamic\",\"com.example/more\":1}"
    static const struct world_answer ANSWERS[] = {
        {0, "server/discover", OFFER("{}")},
        {0, "skills/list",
         RESULT("\"evil\":1,\"ttlMs\":9,\"skills\":[" OPEN_SKILL "," PART_SKILL "," CLOSED_SKILL
                "," ODD "," FAR ",7,{}," OPEN_SKILL "," LIVE "]")},
    };
    static const struct {
        const char *policies;
        const char *shown;
    } rows[] = {
        {CLOSED, "\"skills\":[" OPEN_SKILL "," LIVE "],\"ttlMs\":0,\"cacheScope\":\"private\""},
        {PERMIT_ALL,
         "\"skills\":[" OPEN_SKILL "," PART_SKILL "," CLOSED_SKILL "," LIVE "],\"ttlMs\":0"},
        {PERMIT_ALL "forbid(principal, action in Aegis::Action::\"skills/get\", resource) when { "
                    "resource.path like \"/open/*\" };",
         "\"skills\":[" PART_SKILL "," CLOSED_SKILL "," LIVE "]"},
        /* Who may read no file has no skill, whatever its entry would say. */
        {"permit(principal, action in Aegis::Action::\"skills/get\", resource);", "\"skills\":[]"},
        {"permit(principal, action in Aegis::Action::\"tool\", resource);", "\"skills\":[]"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(rows[i].policies, ANSWERS, COUNT_OF(ANSWERS));
        ask("skills/list", NULL);
        CHECK_ROW(rows[i].policies, client.status_code == 200 && says(rows[i].shown));
        CHECK_ROW(rows[i].policies, !says("evil"));
        CHECK_ROW(rows[i].policies, world_count_records(&world, "skills/list", "event") == 1);
        world_release(&world);
    }
}

/* -- one skill -------------------------------------------------------------------------------- */

TEST(skill_is_got_whole_or_not)
{
#define GOT(entry) RESULT("\"ttlMs\":9,\"skill\":" entry)
    static const struct {
        const char *policies, *uri, *json;
        const char *shown;
        const char *code; /* of the records; NULL: it was given */
    } rows[] = {
        {CLOSED, "skill://team/open/SKILL.md", GOT(OPEN_SKILL), OPEN_SKILL, NULL},
        {CLOSED, "SKILL://team/%6Fpen/SKILL.md", GOT(OPEN_SKILL), OPEN_SKILL, NULL},
        {PERMIT_ALL, "skill://team/part/SKILL.md", GOT(PART_SKILL), PART_SKILL, NULL},
        {CLOSED, "skill://team/part/SKILL.md", GOT(PART_SKILL), "closed files stay closed",
         "policy_denied"},
        {"permit(principal, action in Aegis::Action::\"skills/get\", resource);",
         "skill://team/open/SKILL.md", GOT(OPEN_SKILL), "\"code\":40301", "policy_denied"},
        {CLOSED, "skill://team/open/SKILL.md", GOT(PART_SKILL), "\"error\"", "upstream.protocol"},
        {CLOSED, "skill://team/open/SKILL.md", GOT("[" OPEN_SKILL "]"), "\"error\"",
         "upstream.protocol"},
        {CLOSED, "skill://team/odd/SKILL.md", GOT(ENTRY("team/odd", "even", "")), "\"error\"",
         "upstream.protocol"},
        {CLOSED, "skill://team/open/SKILL.md", RESULT("\"skills\":[" OPEN_SKILL "]"), "\"error\"",
         "upstream.protocol"},
        {CLOSED, "skill://team/none/SKILL.md",
         "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"error\":{\"code\":-32602,\"message\":\"no skill\"}}",
         "no skill", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct world_answer answers[] = {{0, "server/discover", OFFER("{}")},
                                               {0, "skills/get", rows[i].json}};
        bool is_withheld = rows[i].code != NULL && strcmp(rows[i].code, "policy_denied") == 0;
        begin(rows[i].policies, answers, COUNT_OF(answers));
        ask("skills/get", rows[i].uri);
        CHECK_ROW(rows[i].json, says(rows[i].shown));
        CHECK_ROW(rows[i].json, says("\"skill\":") == (rows[i].shown[0] == '{'));
        CHECK_ROW(rows[i].json, strstr(heard("skills/get"), "\"uri\":\"skill://team/") != NULL);
        CHECK_ROW(rows[i].json, strstr(world.calls[0].fields, "Mcp-Name") == NULL);
        CHECK_ROW(rows[i].json, world_count_records(&world, "\"intent\"", "skills/get") == 1);
        CHECK_ROW(rows[i].json, world_count_records(&world, "\"outcome\"", "skills/get") >= 1);
        CHECK_ROW(rows[i].json,
                  rows[i].code == NULL || world_count_records(&world, rows[i].code, "") == 1);
        CHECK_ROW(rows[i].json, world_count_records(&world, "\"method\":\"resources/read\"",
                                                    "authz.deny") == (is_withheld ? 1U : 0U));
        world_release(&world);
    }
}

/* -- folders ---------------------------------------------------------------------------------- */

#define OPEN_CHILD CHILD("skill://team/open/a.md", "text/plain")
#define CLOSED_CHILD CHILD("skill://team/open/closed.md", "text/plain")
#define OPEN_FOLDER CHILD("skill://team/open/more", FOLDER)
#define CLOSED_FOLDER CHILD("skill://team/open/closed", FOLDER)

TEST(directory_shows_what_may_be_used)
{
#define CHILDREN                                                                                   \
    OPEN_CHILD "," CLOSED_CHILD ",7,{}," OPEN_FOLDER "," CLOSED_FOLDER                             \
               "," CHILD("skill://team/open/../x", "a/b") "," OPEN_CHILD                           \
                                                          "," CHILD("ui://page", "text/html")
    static const struct {
        const char *policies, *shown;
    } rows[] = {
        {CLOSED, "\"resources\":[" OPEN_CHILD "," OPEN_FOLDER "],\"nextCursor\":\"p2\""},
        {PERMIT_ALL, "\"resources\":[" OPEN_CHILD "," CLOSED_CHILD "," OPEN_FOLDER "," CLOSED_FOLDER
                     "],\"nextCursor\":\"p2\",\"ttlMs\":0"},
        /* Folders are listed for those who may list them, files for those who may read them. */
        {"permit(principal, action in Aegis::Action::\"resources/directory/read\", resource);",
         "\"resources\":[" OPEN_FOLDER "," CLOSED_FOLDER "]"},
        {PERMIT_ALL "forbid(principal, action in Aegis::Action::\"resources/directory/read\", "
                    "resource) when { resource.path like \"*/more\" };"
                    "forbid(principal, action == Aegis::Action::\"resources/read\", resource) "
                    "when { resource.path like \"*/more\" };",
         "\"resources\":[" OPEN_CHILD "," CLOSED_CHILD "," CLOSED_FOLDER "]"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct world_answer answers[] = {
            {0, "server/discover", OFFER("{\"directoryRead\":true}")},
            {0, "resources/directory/read",
             RESULT("\"evil\":1,\"nextCursor\":\"p2\",\"resources\":[" CHILDREN "]")}};
        begin(rows[i].policies, answers, COUNT_OF(answers));
        post(BANK, "resources/directory/read",
             "\"uri\":\"skill://team/open\",\"cursor\":\"p\\u00311\",", NULL);
        CHECK_ROW(rows[i].policies, client.status_code == 200 && says(rows[i].shown));
        CHECK_ROW(rows[i].policies, !says("evil"));
        CHECK_ROW(rows[i].policies,
                  strstr(heard("resources/directory/read"),
                         "\"params\":{\"uri\":\"skill://team/open\",\"cursor\":\"p\\u00311\"") !=
                      NULL);
        CHECK_ROW(rows[i].policies, world_count_records(&world, "\"outcome\":\"ok\"",
                                                        "resources/directory/read") == 1);
        CHECK_ROW(rows[i].policies, world.record_count == 2);
        world_release(&world);
    }
}

TEST(directory_that_is_none)
{
    static const struct {
        const char *json, *shown, *outcome;
    } rows[] = {
        {RESULT("\"resources\":{}"), "\"error\"", "upstream.protocol"},
        {RESULT("\"contents\":[]"), "\"error\"", "upstream.protocol"},
        {RESULT("\"resources\":[" OPEN_CHILD "],\"nextCursor\":7"), "[" OPEN_CHILD "],\"ttlMs\"",
         "\"outcome\":\"ok\""},
        {RESULT("\"resources\":[]"), "\"resources\":[],", "\"outcome\":\"ok\""},
        {"{\"jsonrpc\":\"2.0\",\"id\":%ID,\"error\":{\"code\":-32602,\"message\":\"a file\"}}",
         "a file", "\"outcome\":\"error\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct world_answer answers[] = {
            {0, "server/discover", OFFER("{\"directoryRead\":true}")},
            {0, "resources/directory/read", rows[i].json}};
        begin(CLOSED, answers, COUNT_OF(answers));
        ask("resources/directory/read", "skill://team/open");
        CHECK_ROW(rows[i].json, says(rows[i].shown));
        CHECK_ROW(rows[i].json, world_count_records(&world, "outcome", rows[i].outcome) == 1);
        world_release(&world);
    }
}

/* A page of so many entries that others of the loop have their turn in between. */
TEST(directory_is_judged_in_turns)
{
    enum { ENTRIES = 300 };
    static char json[ENTRIES * 40 + 256];
    static char shown[64];
    size_t len = (size_t)snprintf(json, sizeof(json), "%s",
                                  "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resources\":[");
    for (size_t i = 0; i < ENTRIES; i++) {
        len += (size_t)snprintf(json + len, sizeof(json) - len, "%s{\"uri\":\"s:%s%zu\"}",
                                i == 0 ? "" : ",", i < ENTRIES - 1 ? "x" : "", i);
    }
    (void)snprintf(json + len, sizeof(json) - len, "]}}");
    (void)snprintf(shown, sizeof(shown), "\"resources\":[{\"uri\":\"s:%d\"}]", ENTRIES - 1);
    const struct world_answer answers[] = {
        {0, "server/discover", OFFER("{\"directoryRead\":true}")},
        {0, "resources/directory/read", json}};
    begin(PERMIT_ALL "forbid(principal, action, resource) when { resource.path like \"x*\" };",
          answers, COUNT_OF(answers));
    ask("resources/directory/read", "skill://team/open");
    CHECK(!client.is_replied);
    world_advance(&world, 0);
    world_run(&world);
    CHECK(says(shown));
    CHECK(world_count_records(&world, "\"outcome\":\"ok\"", "") == 1);
    world_release(&world);
}

/* -- eras and fields -------------------------------------------------------------------------- */

TEST(skills_of_the_older_era)
{
    static const struct world_answer ANSWERS[] = {
        {0, "initialize", LEGACY_OFFER("{\"directoryRead\":true}")},
        {0, "skills/list", RESULT("\"skills\":[" OPEN_SKILL "," PART_SKILL "]")},
        {0, "skills/get", GET_OPEN},
        {0, "resources/directory/read", READ_FOLDER}};
    static const struct {
        const char *version;
        bool is_there;
    } rows[] = {{"2025-11-25", true}, {"2025-06-18", false}, {"2024-11-05", false}};
    static const struct {
        const char *method, *params, *shown;
    } methods[] = {
        {"skills/list", "",
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"skills\":[" OPEN_SKILL "]}}"},
        {"skills/get", "\"uri\":\"skill://team/open/SKILL.md\"", "\"skill\":" OPEN_SKILL "}}"},
        {"resources/directory/read", "\"uri\":\"skill://team/open\"",
         "\"resources\":[" OPEN_CHILD "]}}"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char session[512];
        char body[512];
        begin(CLOSED, ANSWERS, COUNT_OF(ANSWERS));
        world.server_is_modern = false;
        (void)snprintf(body, sizeof(body),
                       "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
                       "\"protocolVersion\":\"%s\",\"capabilities\":{}}}",
                       rows[i].version);
        world_post(&world, &client, BANK, body, NULL, NULL, NULL);
        world_run(&world);
        CHECK_ROW(rows[i].version, says(SKILLS "{\"directoryRead\":true}") == rows[i].is_there);
        (void)snprintf(session, sizeof(session), "%s", client.session_id);
        for (size_t k = 0; k < COUNT_OF(methods); k++) {
            (void)snprintf(body, sizeof(body),
                           "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{%s}}",
                           methods[k].method, methods[k].params);
            world_post(&world, &client, BANK, body, NULL, NULL, session);
            world_run(&world);
            CHECK_ROW(rows[i].version, client.status_code == 200);
            CHECK_ROW(methods[k].method, says(methods[k].shown) == rows[i].is_there);
            CHECK_ROW(rows[i].version, says("\"code\":-32601") == !rows[i].is_there);
        }
        world_release(&world);
    }
}

/* No revision repeats the target of these in a field. One that does so must say the same. */
TEST(skills_may_be_named_in_a_field)
{
    static const struct world_answer ANSWERS[] = ALL_OF(OFFER("{}"));
    static const struct {
        const char *name;
        bool is_taken;
    } rows[] = {{NULL, true}, {"skill://team/open/SKILL.md", true}, {"skill://team/other", false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(PERMIT_ALL, ANSWERS, COUNT_OF(ANSWERS));
        post(BANK, "skills/get", "\"uri\":\"skill://team/open/SKILL.md\",", rows[i].name);
        CHECK(says("\"skill\":") == rows[i].is_taken);
        CHECK(says("\"code\":-32020") == !rows[i].is_taken);
        world_release(&world);
    }
}
