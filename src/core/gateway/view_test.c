/* Views: what they show, under which names, and that nothing else is reachable through them. */
#include "core/gateway/view.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>

#define VIEW "/views/dev/mcp"
#define BODY_BYTES 1024

static const struct view_pattern TOOLS[] = {{0, SLICE_INIT("s*")}, {1, SLICE_INIT("pay")}};
static const struct view_pattern RESOURCES[] = {{1, SLICE_INIT("")}};
static const struct view_text RENAMES[] = {{1, SLICE_INIT("pay"), SLICE_INIT("buy")}};
static const struct view_text DESCRIPTIONS[] = {
    {0, SLICE_INIT("see"), SLICE_INIT("Look \"here\".")}};
static const struct gateway_view DEV = {.name = SLICE_INIT("dev"),
                                        .tools = {TOOLS, COUNT_OF(TOOLS)},
                                        .resources = {RESOURCES, COUNT_OF(RESOURCES)},
                                        .renames = {RENAMES, COUNT_OF(RENAMES)},
                                        .descriptions = {DESCRIPTIONS, COUNT_OF(DESCRIPTIONS)}};

static struct world world;
static struct world_client client;
static struct gateway_view view;

static void begin(const char *policies)
{
    world_init(&world, policies);
    view = DEV;
    world.snapshot->views = &view;
    world.snapshot->view_count = 1;
}

static void ask(const char *target, const char *method, const char *member, const char *name)
{
    char body[BODY_BYTES];
    char params[BODY_BYTES / 2] = "";
    if (name != NULL) {
        CHECK(snprintf(params, sizeof(params), "\"%s\":\"%s\",", member, name) > 0);
    }
    CHECK(snprintf(body, sizeof(body),
                   "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{%s" META "}}",
                   method, params) < BODY_BYTES);
    world_post(&world, &client, target, body, method, name, NULL);
    world_run(&world);
}

static bool says(const char *text)
{
    return strstr(client.body, text) != NULL;
}

TEST(view_patterns_match_whole_names)
{
    static const struct {
        const char *pattern, *name;
        bool is_match;
    } rows[] = {
        {"see", "see", true},
        {"see", "seen", false},
        {"see", "se", false},
        {"*", "", true},
        {"*", "anything", true},
        {"s*", "see", true},
        {"s*", "pay", false},
        {"*e", "see", true},
        {"*e", "seen", false},
        {"s*e*n", "seen", true},
        {"s*e*n", "sen", true},
        {"s*e*n", "sn", false},
        {"a*b*c", "aXbXbXc", true},
        {"**", "x", true},
        {"", "", true},
        {"", "x", false},
        {"S*", "see", false},
        {"s?e", "see", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct view_pattern pattern = {3, slice_view_cstr(rows[i].pattern)};
        struct gateway_view one = {.tools = {&pattern, 1}};
        struct slice name = slice_view_cstr(rows[i].name);
        CHECK_ROW(rows[i].pattern, view_has(&one, MCP_TOOL, 3, name) == rows[i].is_match);
        CHECK_ROW(rows[i].pattern, !view_has(&one, MCP_TOOL, 2, name));
        CHECK_ROW(rows[i].pattern, !view_has(&one, MCP_PROMPT, 3, name));
    }
}

TEST(view_lists_its_tools_under_its_names)
{
    begin(PERMIT_ALL);
    ask(VIEW, "tools/list", NULL, NULL);
    CHECK(client.status_code == 200 && says("\"name\":\"bank__see\"") && says("\"name\":\"buy\""));
    CHECK(says("\"description\":\"Look \\\"here\\\".\""));
    CHECK(!says("bank__pay") && !says("shop__pay") && !says("shop__see"));
    world_release(&world);
}

TEST(view_lists_no_more_tools_than_its_limit)
{
    begin(PERMIT_ALL);
    view.max_tools = 1;
    ask(VIEW, "tools/list", NULL, NULL);
    CHECK(says("bank__see") && !says("buy") && !says("nextCursor"));
    world_release(&world);
}

TEST(view_calls_what_it_shows_and_nothing_else)
{
    static const struct {
        const char *name;
        bool is_called;
    } rows[] = {
        {"bank__see", true},  {"buy", true},        {"shop__pay", false}, {"bank__pay", false},
        {"shop__see", false}, {"pay", false},       {"see", false},       {"BUY", false},
        {"buy ", false},      {"bank__buy", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(PERMIT_ALL);
        ask(VIEW, "tools/call", "name", rows[i].name);
        size_t calls = rows[i].is_called ? 1 : 0;
        CHECK_ROW(rows[i].name, world_count_calls(&world, "tools/call") == calls);
        CHECK_ROW(rows[i].name, says(rows[i].is_called ? "\"text\":\"ok\"" : "-32602"));
        CHECK_ROW(rows[i].name, world_count_records(&world, "\"outcome\"", "") == calls);
        CHECK_ROW(rows[i].name, rows[i].is_called || world_count_records(&world, "authz.deny",
                                                                         "target.unknown") == 1);
        world_release(&world);
    }
}

/* The policies speak of the server's own names, whatever the view calls them. */
TEST(view_gives_nothing_that_policies_deny)
{
    begin(PERMIT_ALL "forbid(principal, action == Aegis::Action::\"shop.pay\", resource);");
    ask(VIEW, "tools/list", NULL, NULL);
    CHECK(says("bank__see") && !says("buy"));
    ask(VIEW, "tools/call", "name", "buy");
    CHECK(world_count_calls(&world, "tools/call") == 0 && says("isError"));
    CHECK(world_count_records(&world, "authz.deny", "shop.pay") == 1);
    world_release(&world);
}

TEST(view_has_resources_and_prompts_of_its_servers_only)
{
    begin(PERMIT_ALL);
    ask(VIEW, "prompts/list", NULL, NULL);
    CHECK(client.status_code == 200 && says("\"prompts\":[]"));
    CHECK(world_count_calls(&world, "prompts/list") == 0);
    ask(VIEW, "prompts/get", "name", "bank__greet");
    CHECK(says("-32602") && world_count_calls(&world, "prompts/get") == 0);
    world_release(&world);
}

TEST(view_that_is_not_there_is_no_endpoint)
{
    static const char *const TARGETS[] = {"/views/other/mcp", "/views//mcp",    "/views/dev",
                                          "/views/dev/mcp/",  "/views/DEV/mcp", "/views/dev/mcp?x"};
    for (size_t i = 0; i < COUNT_OF(TARGETS); i++) {
        begin(PERMIT_ALL);
        ask(TARGETS[i], "tools/list", NULL, NULL);
        CHECK_ROW(TARGETS[i], client.status_code == 404);
        world_release(&world);
    }
}

/* A reload takes the view away while its list is under way. */
TEST(view_that_goes_shows_nothing_any_more)
{
    begin(PERMIT_ALL);
    world.held_method = "tools/list";
    ask(VIEW, "tools/list", NULL, NULL);
    world.snapshot->view_count = 0;
    world.held_method = NULL;
    world_run(&world);
    CHECK(says("\"tools\":[]"));
    world_release(&world);
}
