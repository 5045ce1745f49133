#include "core/gateway/carried.h"

#include "core/gateway/question.h"

#include "support/check.h"
#include "support/corpus.h"

#include <stdio.h>

#define TEST_BYTES ((size_t)16 << 20)
#define TEXT_BYTES ((size_t)64 << 10)
#define TOLD(text)                                                                                 \
    "{\"type\":\"text\",\"text\":\"" text " (decision 0102030405060708090a0b0c0d0e0f10)\"}"
#define WITHHELD TOLD("a resource is withheld")
#define TEXT "{\"type\":\"text\",\"text\":\"see file:///secret/a\"}"
#define LINK(uri) "{\"type\":\"resource_link\",\"name\":\"n\",\"uri\":\"" uri "\"}"
#define CONTENT(uri) "{\"type\":\"resource\",\"resource\":{\"uri\":\"" uri "\",\"text\":\"t\"}}"
#define USE "{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"n\",\"input\":{\"content\":[]}}"
#define OUTCOME(content) "{\"type\":\"tool_result\",\"toolUseId\":\"1\",\"content\":[" content "]}"
#define MESSAGE(content) "{\"role\":\"user\",\"content\":" content "}"
#define OPEN "file:///open/a"
#define SECRET "file:///secret/a"
#define POLICIES                                                                                   \
    "@id(\"yes\") permit(principal, action == Aegis::Action::\"resources/read\", resource) when {" \
    " resource.path like \"/open/*\" || resource.path like \"/late/*\" };"                         \
    "@id(\"no\") @reason(\"too \\\"secret\\\"\") forbid(principal, action in "                     \
    "Aegis::Action::\"resource\", resource) when { resource.path like \"/open/no*\" };"            \
    "@id(\"late\") forbid(principal, action, resource) when { resource.path like \"/late/*\" && "  \
    "context.time.now > datetime(\"1970-01-02\") };"

struct stand {
    struct arena arena, scratch;
    struct cedar_policy_set *policies;
    struct json_tape tape;
    struct carried_rules rules;
    struct carried_value value;
    struct carried carried;
};

static struct cedar_diagnostics diagnostics;

/* The endpoint shows no pages. */
static bool ask(void *context, struct slice uri, struct policy_question *out)
{
    static const struct principal ANN = {.issuer = SLICE_INIT("dev"), .subject = SLICE_INIT("ann")};
    const struct stand *stand = context;
    *out = (struct policy_question){.policies = stand->policies,
                                    .principal = &ANN,
                                    .server = SLICE("files"),
                                    .server_trust = SLICE("internal"),
                                    .method = SLICE("resources/read"),
                                    .primitive = MCP_RESOURCE,
                                    .name = uri,
                                    .definition = {NULL, JSON_NONE},
                                    .arguments = {&stand->tape, JSON_NONE},
                                    .peer_ip = SLICE("127.0.0.1"),
                                    .now_s = 1000000};
    return !slice_eq(slice_sub(uri, 0, 3), SLICE("ui:"));
}

static void set_up(struct stand *stand, const char *text)
{
    struct cedar_source source = {SLICE("test"), SLICE(POLICIES)};
    *stand = (struct stand){0};
    arena_init(&stand->arena, TEST_BYTES, NULL);
    arena_init(&stand->scratch, TEST_BYTES, NULL);
    CHECK(cedar_policy_set_parse(&source, 1, true, &stand->policies, &diagnostics) == STATUS_OK);
    CHECK_ROW(text, json_parse(corpus_parser(), slice_view_cstr(text), &stand->arena, &stand->tape,
                               NULL) == STATUS_OK);
    stand->rules =
        (struct carried_rules){.ask = ask,
                               .context = stand,
                               .resources_max = 8,
                               .decision = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
    stand->value.place = (struct json_place){&stand->tape, 0};
}

static void tear_down(struct stand *stand)
{
    cedar_policy_set_free(stand->policies);
    arena_release(&stand->scratch);
    arena_release(&stand->arena);
}

static enum status judge(struct stand *stand)
{
    return carried_judge(&stand->rules, &stand->value, &stand->scratch, &stand->arena,
                         &stand->carried);
}

static size_t count(const struct stand *stand, bool is_allowed)
{
    size_t found = 0;
    for (const struct question_judgement *at = stand->carried.judged; at != NULL; at = at->next) {
        found += at->is_allowed == is_allowed ? 1 : 0;
    }
    return found;
}

/* expected NULL: what came. */
static bool says(const struct stand *stand, const char *expected)
{
    return slice_eq(stand->carried.text,
                    expected == NULL ? SLICE_EMPTY : slice_view_cstr(expected));
}

/* What holds no resource costs no judgement and stays what it is. */
TEST(carried_is_in_blocks_that_say_so)
{
    static const struct {
        const char *text;
        bool is_in;
    } rows[] = {
        {"[]", false},
        {"[" TEXT "]", false},
        {"{\"type\":\"image\",\"data\":\"\",\"mimeType\":\"image/png\"}", false},
        {"[1,null,\"resource\",[],{}]", false},
        {"[{\"type\":\"resources\"},{\"type\":\"Resource\"},{\"type\":1},{\"uri\":\"a:b\"}]",
         false},
        {"[" MESSAGE(TEXT) "," MESSAGE("[" TEXT "," USE "]") "]", false},
        {"[" MESSAGE(OUTCOME(TEXT)) "]", false},
        {"[" LINK(OPEN) "]", true},
        {"[" TEXT "," CONTENT(OPEN) "]", true},
        {LINK(OPEN), true},
        {"[{\"type\":\"\\u0072esource\"}]", true},
        {"[" MESSAGE(CONTENT(OPEN)) "]", true},
        {"[" MESSAGE("[" TEXT "," LINK(OPEN) "]") "]", true},
        {"[" MESSAGE("[" OUTCOME(TEXT "," LINK(OPEN)) "]") "]", true},
        {"[{\"role\":\"user\",\"\\u0063ontent\":" LINK(OPEN) "}]", true},
        {"[[[[[[" TEXT "]]]]]]", false},
        {"[[[[[[[" TEXT "]]]]]]]", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct stand stand;
        set_up(&stand, rows[i].text);
        CHECK_ROW(rows[i].text, carried_is_in(&stand.value) == rows[i].is_in);
        if (!rows[i].is_in) {
            CHECK_ROW(rows[i].text, judge(&stand) == STATUS_OK && stand.carried.text.len == 0);
            CHECK_ROW(rows[i].text, stand.carried.judged == NULL);
        }
        tear_down(&stand);
    }
}

/* Each resource is judged once; what does not pass is replaced, and nothing else is touched. */
TEST(carried_is_judged_like_a_read)
{
    static const struct {
        const char *text, *expected; /* NULL: what came */
        size_t allowed, denied;
        const char *target, *code; /* of the first one that is denied */
    } rows[] = {
        {"[" LINK(OPEN) "," CONTENT(OPEN) "]", NULL, 2, 0, NULL, NULL},
        {"[" LINK("file:///late/a") "]", NULL, 1, 0, NULL, NULL},
        {"[" CONTENT("file:///late/a") "]", "[" WITHHELD "]", 0, 1, "file:///late/a",
         "policy_denied"},
        {"[" TEXT "," LINK(SECRET) ",{\"type\":\"audio\",\"x\":1.50}]",
         "[" TEXT "," WITHHELD ",{\"type\":\"audio\",\"x\":1.50}]", 0, 1, SECRET, "policy_denied"},
        {"[" CONTENT(SECRET) "]", "[" WITHHELD "]", 0, 1, SECRET, "policy_denied"},
        {"[ " LINK("file:///open/no") " , " TEXT " ]", "[" TOLD("too \\\"secret\\\"") "," TEXT "]",
         0, 1, "file:///open/no", "policy_denied"},
        {"[" CONTENT("FILE://localhost/%73ecret/a") "]", "[" WITHHELD "]", 0, 1, SECRET,
         "policy_denied"},
        {"[" CONTENT("file:///open/../secret/a") "]", "[" WITHHELD "]", 0, 1,
         "file:///open/../secret/a", "resource.uri"},
        {"[" LINK("open") "]", "[" WITHHELD "]", 0, 1, "open", "resource.uri"},
        {"[" LINK("ui://page") "]", "[" WITHHELD "]", 0, 1, "ui://page", "target.unknown"},
        {"[{\"type\":\"resource\",\"uri\":\"" OPEN "\"}]", "[" WITHHELD "]", 0, 1, "",
         "resource.uri"},
        {"[{\"type\":\"resource_link\",\"resource\":{\"uri\":\"" OPEN "\"}}]", "[" WITHHELD "]", 0,
         1, "", "resource.uri"},
        {"[{\"type\":\"resource\",\"resource\":\"" OPEN "\"}]", "[" WITHHELD "]", 0, 1, "",
         "resource.uri"},
        {"[{\"type\":\"resource_link\",\"uri\":[\"" OPEN "\"]}]", "[" WITHHELD "]", 0, 1, "",
         "resource.uri"},
        {LINK(SECRET), WITHHELD, 0, 1, SECRET, "policy_denied"},
        {"[" MESSAGE(CONTENT(SECRET)) "," MESSAGE(TEXT) "]",
         "[" MESSAGE(WITHHELD) "," MESSAGE(TEXT) "]", 0, 1, SECRET, "policy_denied"},
        {"[" MESSAGE("[" USE "," OUTCOME(TEXT "," LINK(SECRET) "," CONTENT(OPEN)) "]") "]",
         "[" MESSAGE("[" USE "," OUTCOME(TEXT "," WITHHELD "," CONTENT(OPEN)) "]") "]", 1, 1,
         SECRET, "policy_denied"},
        {"[[[[[[[" TEXT "]]]]]]]", "[[[[[[[" WITHHELD "]]]]]]]", 0, 1, "", "resource.many"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct stand stand;
        set_up(&stand, rows[i].text);
        CHECK_ROW(rows[i].text, carried_is_in(&stand.value) && judge(&stand) == STATUS_OK);
        CHECK_ROW(rows[i].text, says(&stand, rows[i].expected));
        CHECK_ROW(rows[i].text, count(&stand, true) == rows[i].allowed);
        CHECK_ROW(rows[i].text, count(&stand, false) == rows[i].denied);
        const struct question_judgement *denied = stand.carried.judged;
        while (denied != NULL && denied->is_allowed) {
            denied = denied->next;
        }
        if (rows[i].code != NULL) {
            CHECK_ROW(rows[i].text, denied != NULL && strcmp(denied->code, rows[i].code) == 0);
            CHECK_ROW(rows[i].text, denied != NULL && denied->reason.len > 0);
            CHECK_ROW(rows[i].text,
                      denied != NULL && slice_eq(denied->target, slice_view_cstr(rows[i].target)));
        }
        tear_down(&stand);
    }
}

/* The contents of a read: what was asked for is judged already, anything else is another read. */
TEST(carried_contents_of_a_read_are_what_was_read)
{
#define ENTRY(uri) "{\"uri\":\"" uri "\",\"text\":\"t\"}"
#define GONE                                                                                       \
    "{\"uri\":\"" SECRET "\",\"mimeType\":\"text/plain\",\"text\":\"a resource is withheld "       \
    "(decision 0102030405060708090a0b0c0d0e0f10)\"}"
    static const struct {
        const char *text, *expected;
        bool is_in;
        size_t allowed, denied;
    } rows[] = {
        {"[]", NULL, false, 0, 0},
        {"[" ENTRY(SECRET) "]", NULL, false, 0, 0},
        {"[" ENTRY(SECRET) "," ENTRY(SECRET) "]", NULL, false, 0, 0},
        {"[" ENTRY("FILE:///secret/%61") "]", NULL, true, 0, 0},
        {"[" ENTRY(SECRET) "," ENTRY(OPEN) "]", NULL, true, 1, 0},
        {"[" ENTRY("file:///secret/b") "," ENTRY(SECRET) "]", "[" GONE "," ENTRY(SECRET) "]", true,
         0, 1},
        {"[" ENTRY("ui://page") "]", "[" GONE "]", true, 0, 1},
        {"[" ENTRY("../b") "]", "[" GONE "]", true, 0, 1},
        {"[{\"text\":\"t\"}]", "[" GONE "]", true, 0, 1},
        {"[{\"uri\":null,\"text\":\"t\"}]", "[" GONE "]", true, 0, 1},
        {"[{\"resource\":{\"uri\":\"" SECRET "\"}}]", "[" GONE "]", true, 0, 1},
        {"[" CONTENT(OPEN) "]", "[" GONE "]", true, 0, 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct stand stand;
        set_up(&stand, rows[i].text);
        stand.value.requested = SLICE(SECRET);
        CHECK_ROW(rows[i].text, carried_is_in(&stand.value) == rows[i].is_in);
        CHECK_ROW(rows[i].text, judge(&stand) == STATUS_OK);
        CHECK_ROW(rows[i].text, says(&stand, rows[i].expected));
        CHECK_ROW(rows[i].text, count(&stand, true) == rows[i].allowed);
        CHECK_ROW(rows[i].text, count(&stand, false) == rows[i].denied);
        tear_down(&stand);
    }
}

/* A value of so many allowed links, and a text. */
static void write_links(char *text, size_t link_count)
{
    size_t len = (size_t)snprintf(text, TEXT_BYTES, "[");
    for (size_t i = 0; i < link_count; i++) {
        len += (size_t)snprintf(text + len, TEXT_BYTES - len, LINK(OPEN) ",");
    }
    (void)snprintf(text + len, TEXT_BYTES - len, TEXT "]");
}

TEST(carried_has_a_bound)
{
    static const struct {
        size_t limit, links, withheld;
    } rows[] = {{8, 7, 0}, {8, 8, 0}, {8, 9, 1}, {8, 100, 92}, {0, 1, 1}, {0, 0, 0}, {1, 3, 2}};
    static char text[TEXT_BYTES];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct stand stand;
        write_links(text, rows[i].links);
        set_up(&stand, text);
        stand.rules.resources_max = rows[i].limit;
        CHECK(judge(&stand) == STATUS_OK);
        CHECK(count(&stand, true) == rows[i].links - rows[i].withheld);
        CHECK(count(&stand, false) == (rows[i].withheld > 0 ? 1U : 0U));
        struct slice left = stand.carried.text;
        size_t told = 0;
        for (size_t at = 0; at + strlen(WITHHELD) <= left.len; at++) {
            told += slice_eq(slice_sub(left, at, at + strlen(WITHHELD)), SLICE(WITHHELD)) ? 1 : 0;
        }
        CHECK(told == rows[i].withheld);
        tear_down(&stand);
    }
}

TEST(carried_without_rules_is_withheld)
{
    struct stand stand;
    set_up(&stand, "[" LINK(OPEN) "]");
    stand.rules.ask = NULL;
    CHECK(judge(&stand) == STATUS_OK && count(&stand, false) == 1);
    CHECK(slice_eq(stand.carried.text, SLICE("[" WITHHELD "]")));
    tear_down(&stand);
    set_up(&stand, "[" LINK(OPEN) "," CONTENT(OPEN) "]");
    cedar_policy_set_free(stand.policies);
    stand.policies = NULL;
    CHECK(judge(&stand) == STATUS_OK && count(&stand, false) == 2 && count(&stand, true) == 0);
    tear_down(&stand);
}

/* Without memory nothing passes that would not with it. */
static bool judge_once(void *context)
{
    struct stand stand;
    (void)context;
    check_pause_failures(true);
    set_up(&stand, "[" LINK(OPEN) "," CONTENT(OPEN) "," CONTENT(SECRET) "," LINK("x:y") "," LINK(
                       "../a") "," LINK("file:///open/no") "]");
    stand.rules.resources_max = 5;
    check_pause_failures(false);
    enum status status = judge(&stand);
    bool is_done = status == STATUS_OK && count(&stand, true) == 2 && count(&stand, false) == 4;
    CHECK(status == STATUS_OK || status == STATUS_LIMIT);
    CHECK(status != STATUS_OK || stand.carried.text.len > 0);
    check_pause_failures(true);
    tear_down(&stand);
    check_pause_failures(false);
    return is_done;
}

TEST(carried_survives_any_failed_allocation)
{
    check_every_allocation(judge_once, NULL);
}
