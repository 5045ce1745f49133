#include "cedar/cedar.h"

#include "base/buf.h"
#include "support/check.h"
#include "support/corpus.h"

#include <stdio.h>

#define TEST_ARENA_BYTES ((size_t)64 << 20)

static bool no_entity(const void *context, const struct cedar_uid *uid,
                      struct cedar_entity_data *out)
{
    (void)context;
    (void)uid;
    (void)out;
    return false;
}

static const struct cedar_entities NO_ENTITIES = {.find = no_entity};
static struct cedar_diagnostics diagnostics;

static struct cedar_policy_set *parse(const char *text)
{
    struct cedar_source source = {SLICE("test"), slice_view_cstr(text)};
    struct cedar_policy_set *set = NULL;
    return cedar_policy_set_parse(&source, 1, false, &set, &diagnostics) == STATUS_OK ? set : NULL;
}

static bool parses(struct slice text)
{
    struct cedar_source source = {SLICE("test"), text};
    struct cedar_policy_set *set = NULL;
    enum status status = cedar_policy_set_parse(&source, 1, false, &set, &diagnostics);
    CHECK((status == STATUS_OK) == (diagnostics.count == 0));
    if (status == STATUS_OK) {
        cedar_policy_set_free(set);
    }
    return status == STATUS_OK;
}

static struct cedar_request request_with(struct cedar_value context)
{
    return (struct cedar_request){.principal = {SLICE("User"), SLICE("ann")},
                                  .action = {SLICE("Action"), SLICE("view")},
                                  .resource = {SLICE("File"), SLICE("a")},
                                  .context = context,
                                  .entities = &NO_ENTITIES};
}

/* 'A' allow, 'D' deny, 'E' deny with an error, 'P' does not parse. */
static char outcome(const char *text, bool strict)
{
    static const struct cedar_field FIELDS[] = {
        {SLICE_INIT("broken"), {.kind = CEDAR_ERROR}},
        {SLICE_INIT("n"), {.kind = CEDAR_LONG, .as.number = 5}},
        {SLICE_INIT("amount"), {.kind = CEDAR_DECIMAL, .as.number = 10005000}}};
    static const struct cedar_list LIST = {FIELDS, COUNT_OF(FIELDS)};
    struct cedar_policy_set *set = parse(text);
    struct cedar_response response;
    struct arena arena;
    if (set == NULL) {
        return 'P';
    }
    struct cedar_request request = request_with(cedar_record(&LIST));
    arena_init(&arena, TEST_ARENA_BYTES, NULL);
    CHECK(cedar_authorize(set, &request, &(struct cedar_options){strict}, &arena, &response) ==
          STATUS_OK);
    char result = response.decision == CEDAR_ALLOW ? 'A' : response.error_count > 0 ? 'E' : 'D';
    arena_release(&arena);
    cedar_policy_set_free(set);
    return result;
}

/* (if (if x has a.b then y else y) has a.b then y else y) has a.b ...: twice the work a level. */
TEST(cedar_bounds_what_nested_paths_stand_for)
{
    static const struct {
        int levels;
        bool is_good;
    } rows[] = {{1, true}, {8, true}, {20, false}, {60, false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf text;
        buf_init(&text, 65536, NULL);
        buf_append(&text, SLICE("permit(principal, action, resource) when { "));
        for (int k = 0; k < rows[i].levels; k++) {
            buf_append(&text, SLICE("(if "));
        }
        buf_append(&text, SLICE("context has a.b"));
        for (int k = 0; k < rows[i].levels; k++) {
            buf_append(&text, SLICE(" then context else context) has a.b"));
        }
        buf_append(&text, SLICE(" };"));
        CHECK(parses(buf_view(&text)) == rows[i].is_good);
        buf_release(&text);
    }
}

TEST(cedar_decides)
{
    static const struct {
        const char *text;
        char lenient, strict;
    } rows[] = {
        {"", 'D', 'D'},
        {"permit(principal, action, resource);", 'A', 'A'},
        {"permit(principal, action, resource); forbid(principal, action, resource);", 'D', 'D'},
        {"forbid(principal, action, resource); permit(principal, action, resource);", 'D', 'D'},
        {"permit(principal == User::\"ann\", action, resource);", 'A', 'A'},
        {"permit(principal == User::\"bob\", action, resource);", 'D', 'D'},
        {"permit(principal is User, action == Action::\"view\", resource is File);", 'A', 'A'},
        {"permit(principal is Admin, action, resource);", 'D', 'D'},
        {"permit(principal in User::\"ann\", action, resource);", 'A', 'A'},
        {"permit(principal, action in [], resource);", 'D', 'D'},
        {"permit(principal == ?principal, action, resource);", 'D', 'D'},
        {"permit(principal, action, resource) when { context.n == 5 };", 'A', 'A'},
        {"permit(principal, action, resource) unless { context.n == 5 };", 'D', 'D'},
        {"permit(principal, action, resource) when { context.gone == 5 };", 'E', 'E'},
        {"permit(principal, action, resource) when { context has gone.x || true };", 'A', 'A'},
        {"permit(principal, action, resource) when { false && 1 };", 'D', 'D'},
        {"permit(principal, action, resource) when { true && 1 };", 'E', 'E'},
        {"permit(principal, action, resource) when { true || 1 };", 'A', 'A'},
        {"permit(principal, action, resource) when { 9223372036854775807 + 1 == 0 };", 'E', 'E'},
        {"permit(principal, action, resource) when { -9223372036854775808 < 0 };", 'A', 'A'},
        {"permit(principal, action, resource) when { --9223372036854775808 < 0 };", 'E', 'E'},
        {"permit(principal, action, resource) when { 1 == \"1\" };", 'D', 'D'},
        {"permit(principal, action, resource) when { 1 < \"1\" };", 'E', 'E'},
        {"permit(principal, action, resource) when { [1,2,2] == [2,1] };", 'A', 'A'},
        {"permit(principal, action, resource) when { {a:1,b:2} == {b:2,a:1} };", 'A', 'A'},
        {"permit(principal, action, resource) when { \"x*y\" like \"x\\*y\" };", 'A', 'A'},
        {"permit(principal, action, resource) when { principal.name == \"x\" };", 'E', 'E'},
        {"permit(principal, action, resource) when { principal has name };", 'D', 'D'},
        /* A value that is there but not representable: present for has, an error for all else. */
        {"permit(principal, action, resource) when { context has broken };", 'A', 'A'},
        {"permit(principal, action, resource) when { context.broken == 1 };", 'E', 'E'},
        {"permit(principal, action, resource) when { !(context.broken == 1) };", 'E', 'E'},
        {"permit(principal, action, resource) when { [context] == [1] };", 'D', 'D'},
        {"permit(principal, action, resource);"
         "forbid(principal, action, resource) when { context.broken > 1000 };",
         'A', 'E'},
        {"permit(principal, action, resource);"
         "forbid(principal, action, resource) when { context.amount > 1000 };",
         'A', 'E'},
        {"permit(principal, action, resource);"
         "forbid(principal, action, resource) when { "
         "context.amount.greaterThan(decimal(\"1000.0\")) };",
         'D', 'D'},
        {"permit(principal, action, resource) when { ip(\"10.1.2.3\").isInRange("
         "ip(\"10.0.0.0/8\")) };",
         'A', 'A'},
        {"permit(principal, action, resource) when { ip() == 1 };", 'E', 'E'},
        {"permit(principal, action, resource) when { datetime(\"2026-11-24\") < "
         "datetime(\"2026-11-24\").offset(duration(\"1ms\")) };",
         'A', 'A'},
        {"permit(principal, action, resource) when { 1 < 2 < 3 };", 'P', 'P'},
        {"permit(principal, action, resource) when { !!!!!true };", 'P', 'P'},
        {"permit(principal = User::\"a\", action, resource);", 'P', 'P'},
        {"permit(principal, resource, action);", 'P', 'P'},
        {"permit(principal, action == User::\"a\", resource);", 'P', 'P'},
        {"permit(principal, action, resource)", 'P', 'P'},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].text, outcome(rows[i].text, false) == rows[i].lenient);
        CHECK_ROW(rows[i].text, outcome(rows[i].text, true) == rows[i].strict);
    }
}

TEST(cedar_may_allow_is_three_valued)
{
    static const struct {
        const char *text;
        bool may;
    } rows[] = {
        {"", false},
        {"permit(principal, action, resource);", true},
        {"permit(principal, action, resource) when { context.n == 1 };", true},
        {"permit(principal, action, resource) when { context.n == 1 && false };", true},
        {"permit(principal, action, resource) when { false && context.n == 1 };", false},
        {"permit(principal == User::\"bob\", action, resource) when { context.n == 1 };", false},
        {"permit(principal, action, resource); forbid(principal, action, resource);", false},
        {"permit(principal, action, resource);"
         "forbid(principal, action, resource) when { context.n > 1000 };",
         true},
        {"permit(principal, action, resource);"
         "forbid(principal, action, resource) when { true || context.n > 1000 };",
         false},
        {"permit(principal, action, resource);"
         "forbid(principal, action, resource) when { principal.gone == context.n };",
         false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cedar_policy_set *set = parse(rows[i].text);
        struct arena arena;
        arena_init(&arena, TEST_ARENA_BYTES, NULL);
        struct cedar_request request = request_with((struct cedar_value){.kind = CEDAR_UNKNOWN});
        enum cedar_answer answer = CEDAR_NEVER;
        CHECK(cedar_may_allow(set, &request, &(struct cedar_options){true}, &arena, &answer) ==
              STATUS_OK);
        CHECK_ROW(rows[i].text, (answer != CEDAR_NEVER) == rows[i].may);
        arena_release(&arena);
        cedar_policy_set_free(set);
    }
}

TEST(cedar_reports_all_errors_with_their_places)
{
    CHECK(!parses(SLICE("permit(principal, action, resource);\n"
                        "permit(principal action, resource);\n"
                        "@id(\"x\") forbid(principal, action, resource) when { 1 + };\n"
                        "nothing;\n")));
    CHECK(diagnostics.count == 3);
    CHECK(diagnostics.items[0].line == 2 && diagnostics.items[0].column == 18);
    CHECK(diagnostics.items[1].line == 3 && diagnostics.items[1].column == 57);
    CHECK(diagnostics.items[2].line == 4 && diagnostics.items[2].column == 8);
}

TEST(cedar_nesting_has_a_limit_and_no_stack)
{
    struct buf text;
    static const size_t DEPTHS[] = {40, 5000, 200000};
    for (size_t i = 0; i < COUNT_OF(DEPTHS); i++) {
        buf_init(&text, (size_t)16 << 20, NULL);
        buf_append(&text, SLICE("permit(principal, action, resource) when { "));
        for (size_t k = 0; k < DEPTHS[i]; k++) {
            buf_append_byte(&text, '(');
        }
        buf_append(&text, SLICE("true"));
        for (size_t k = 0; k < DEPTHS[i]; k++) {
            buf_append_byte(&text, ')');
        }
        buf_append(&text, SLICE(" };"));
        CHECK(parses(buf_view(&text)) == (i == 0));
        buf_release(&text);
    }
}

static void check_policy_snippet(const struct corpus_line *line, void *context)
{
    (void)context;
    struct slice text = corpus_text(line, 0, "src");
    CHECK_ROW(line->id, parses(text) == corpus_flag(line, 0, "ok"));
}

static void check_expression_snippet(const struct corpus_line *line, void *context)
{
    struct buf text;
    (void)context;
    buf_init(&text, (size_t)1 << 20, NULL);
    buf_append(&text, SLICE("permit(principal, action, resource) when { "));
    buf_append(&text, corpus_text(line, 0, "expr"));
    buf_append(&text, SLICE(" };"));
    CHECK_ROW(line->id, parses(buf_view(&text)) == corpus_flag(line, 0, "ok"));
    buf_release(&text);
}

TEST(corpus_cedar_snippets)
{
    (void)corpus_each_line("cedar-tests/snippets/policies.jsonl", check_policy_snippet, NULL);
    (void)corpus_each_line("cedar-tests/snippets/edge.jsonl", check_policy_snippet, NULL);
    (void)corpus_each_line("cedar-tests/snippets/exprs.jsonl", check_expression_snippet, NULL);
}

static void check_extension_vector(const struct corpus_line *line, void *context)
{
    struct slice function = corpus_text(line, 0, "fn");
    struct slice text = corpus_text(line, 0, "arg");
    struct cedar_ip ip;
    int64_t number = 0;
    size_t *seen = context;
    enum status status = STATUS_INTERNAL;
    if (slice_eq(function, SLICE("decimal"))) {
        status = cedar_decimal_parse(text, &number);
    } else if (slice_eq(function, SLICE("ip"))) {
        status = cedar_ip_parse(text, &ip);
    } else if (slice_eq(function, SLICE("datetime"))) {
        status = cedar_datetime_parse(text, &number);
    } else if (slice_eq(function, SLICE("duration"))) {
        status = cedar_duration_parse(text, &number);
    } else {
        return;
    }
    (*seen)++;
    char row[128];
    snprintf(row, sizeof(row), "%s: %.*s(\"%.*s\")", line->id, SLICE_ARG(function),
             SLICE_ARG(text));
    CHECK_ROW(row, (status == STATUS_OK) == corpus_flag(line, 0, "ok"));
}

TEST(corpus_cedar_extension_vectors)
{
    size_t seen = 0;
    size_t lines =
        corpus_each_line("cedar-tests/vectors/ext-vectors.jsonl", check_extension_vector, &seen);
    CHECK(lines == 0 || seen > 0);
}
