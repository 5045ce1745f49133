#include "cedar/cedar.h"

#include "support/check.h"
#include "support/corpus.h"

#include <stdio.h>

#define TEXT_BYTES_MAX ((size_t)64 << 20)

static struct cedar_diagnostics diagnostics, warnings;

static bool parses(struct slice text, enum cedar_form form)
{
    struct cedar_schema_source source = {{SLICE("test"), text}, form};
    struct cedar_schema *schema = NULL;
    enum status status = cedar_schema_parse(&source, 1, &schema, &diagnostics, &warnings);
    CHECK((status == STATUS_OK) == (diagnostics.count == 0));
    if (status == STATUS_OK) {
        cedar_schema_free(schema);
    }
    return status == STATUS_OK;
}

/* -- rows ---------------------------------------------------------------------------------- */

TEST(schema_text_is_accepted_or_refused)
{
    static const struct {
        const char *text;
        bool is_good;
    } rows[] = {
        {"", true},
        {"entity A;", true},
        {"entity entity; entity principal;", true},
        {"entity A in A;", true},
        {"entity A, B in [A, B] = {x: Long, y?: Set<B>,} tags {z: A};", true},
        {"entity A enum [\"a\", \"a\"];", true},
        {"action v appliesTo {principal: A, resource: A,}; entity A;", true},
        {"@a @b(\"x\") namespace N { @c entity A; }", true},
        {"type T = {a: U}; type U = Set<Long>;", true},
        {"entity A {a: Long, a: String};", true},
        {"entity A", false},
        {"entity A;;", false},
        {"entity in;", false},
        {"entity __cedar;", false},
        {"entity Action;", false},
        {"entity A in B;", false},
        {"entity A in [B,];", false},
        {"entity A enum [];", false},
        {"entity A {x: __cedar::Set};", false},
        {"entity A {x: Set<>};", false},
        {"type A = B; type B = A;", false},
        {"type A = {x: A};", false},
        {"type A = Set<A>;", false},
        {"type Long = String;", false},
        {"entity A; entity A;", false},
        {"entity A; namespace N { type A = Long; }", false},
        {"action a; namespace N { action a; }", false},
        {"action a in b; action b in a;", false},
        {"action a in a;", false},
        {"action a in [];", false},
        {"action a appliesTo {};", false},
        {"action a appliesTo {principal: A}; entity A;", false},
        {"action a appliesTo {principal: [], resource: A}; entity A;", false},
        {"action a appliesTo {principal: A, resource: A, context: A}; entity A;", false},
        {"action a appliesTo {principal: A, resource: A, context: T}; entity A; type T = Long;",
         false},
        {"namespace N { namespace M {} }", false},
        {"namespace N {} namespace N {}", false},
        {"namespace N {};", false},
        {"namespace __cedar {}", false},
        {"@a @a entity A;", false},
        {"entity \xC3\xA9;", false},
        {"entity A {x?y: Long};", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].text,
                  parses(slice_view_cstr(rows[i].text), CEDAR_FORM_TEXT) == rows[i].is_good);
    }
}

#define JSON_SCHEMA(entities, actions)                                                             \
    "{\"\":{\"entityTypes\":{" entities "},\"actions\":{" actions "}}}"

TEST(schema_json_is_accepted_or_refused)
{
    static const struct {
        const char *text;
        bool is_good;
    } rows[] = {
        {"{}", true},
        {JSON_SCHEMA("", ""), true},
        {"{\"N\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"T\"}}},\"actions\":{},"
         "\"commonTypes\":{\"T\":{\"type\":\"Record\",\"attributes\":{}}}}}",
         true},
        {JSON_SCHEMA("\"A\":{}",
                     "\"a\":{\"appliesTo\":{\"principalTypes\":[],\"resourceTypes\":[\"A\"]}}"),
         true},
        {"[]", false},
        {"{\"entityTypes\":{},\"actions\":{}}", false},
        {"{\"N N\":{\"entityTypes\":{},\"actions\":{}}}", false},
        {"{\"\":{\"entityTypes\":{}}}", false},
        {JSON_SCHEMA("\"A B\":{}", ""), false},
        {JSON_SCHEMA("\"A\":{\"shape\":{\"type\":\"Long\"}}", ""), false},
        {JSON_SCHEMA("\"A\":{\"enum\":[]}", ""), false},
        {JSON_SCHEMA("\"A\":{\"enum\":[\"a\"],\"tags\":{\"type\":\"Long\"}}", ""), false},
        {JSON_SCHEMA("\"A\":{\"tags\":{\"type\":\"Long\",\"name\":\"A\"}}", ""), false},
        {JSON_SCHEMA("\"A\":{},\"A\":{}", ""), false},
        {JSON_SCHEMA("", "\"a\":{\"attributes\":{\"x\":1}}"), false},
        {JSON_SCHEMA("", "\"a\":{\"memberOf\":[{\"id\":\"b\"}]}"), false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].text,
                  parses(slice_view_cstr(rows[i].text), CEDAR_FORM_JSON) == rows[i].is_good);
    }
}

TEST(schema_tells_all_errors_with_places_and_suggestions)
{
    CHECK(!parses(SLICE("entity User in Grup;\nentity Group {\n  a: Usr\n};\n"), CEDAR_FORM_TEXT));
    CHECK(diagnostics.count == 2);
    CHECK(diagnostics.items[0].line == 1 && diagnostics.items[0].column == 16);
    CHECK(str_eq(diagnostics.items[0].help, "did you mean 'Group'?"));
    CHECK(diagnostics.items[1].line == 3 && diagnostics.items[1].column == 6);
    CHECK(str_eq(diagnostics.items[1].help, "did you mean 'User'?"));
    CHECK(!parses(SLICE("entity A\nentity B;\nentity C in;\n"), CEDAR_FORM_TEXT));
    CHECK(diagnostics.count == 2);
    CHECK(diagnostics.items[0].line == 2 && diagnostics.items[1].line == 3);
}

/* -- translation --------------------------------------------------------------------------- */

static bool translate(struct slice text, enum cedar_form form, enum cedar_schema_style style,
                      struct buf *out)
{
    struct cedar_schema_source source = {{SLICE("test"), text}, form};
    buf_clear(out);
    return cedar_schema_translate(&source, style, out, &diagnostics) == STATUS_OK;
}

#define NOTHING "\"entityTypes\":{},\"actions\":{}"

/* Of a part of a schema is told what it tells itself, and not what the rest of it could mend. */
TEST(schema_parts_are_translated)
{
    static const struct {
        const char *text;
        enum cedar_form form;
        const char *other; /* NULL: it is refused */
    } rows[] = {
        {"entity A in [B];", CEDAR_FORM_TEXT,
         "{\"\":{\"entityTypes\":{\"A\":{\"memberOfTypes\":[\"B\"]}},\"actions\":{}}}"},
        {"namespace N { entity A {x: T}; }", CEDAR_FORM_TEXT,
         "{\"N\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"x\":"
         "{\"type\":\"EntityOrCommon\",\"name\":\"T\"}}}}},\"actions\":{}}}"},
        {"entity A; namespace N {entity A;}", CEDAR_FORM_TEXT,
         "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{}},"
         "\"N\":{\"entityTypes\":{\"A\":{}},\"actions\":{}}}"},
        {"type T = U; type U = T;", CEDAR_FORM_TEXT,
         "{\"\":{\"commonTypes\":{\"T\":{\"type\":\"EntityOrCommon\",\"name\":\"U\"},"
         "\"U\":{\"type\":\"EntityOrCommon\",\"name\":\"T\"}}," NOTHING "}}"},
        {"action a in b;", CEDAR_FORM_TEXT,
         "{\"\":{\"entityTypes\":{},\"actions\":{\"a\":{\"appliesTo\":{\"principalTypes\":[],"
         "\"resourceTypes\":[]},\"memberOf\":[{\"id\":\"b\"}]}}}}"},
        {"{\"\":{\"entityTypes\":{\"A\":{\"memberOfTypes\":[\"B\"]}},\"actions\":{}}}",
         CEDAR_FORM_JSON, "entity A in [B];\n"},
        {"{\"\":{\"commonTypes\":{\"T\":{\"type\":\"U\"}}," NOTHING "}}", CEDAR_FORM_JSON,
         "type T = U;\n"},
        {"entity A; entity A;", CEDAR_FORM_TEXT, NULL},
        {"action a; action a;", CEDAR_FORM_TEXT, NULL},
        {"namespace N {} namespace N {}", CEDAR_FORM_TEXT, NULL},
        {"namespace __cedar {}", CEDAR_FORM_TEXT, NULL},
        {"type Long = String;", CEDAR_FORM_TEXT, NULL},
        {"entity Action;", CEDAR_FORM_TEXT, NULL},
        {"action a appliesTo {principal: [], resource: A};", CEDAR_FORM_TEXT, NULL},
        {"{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"T\"}}},\"actions\":{}}}",
         CEDAR_FORM_JSON, NULL},
    };
    struct buf out;
    buf_init(&out, TEXT_BYTES_MAX, NULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice text = slice_view_cstr(rows[i].text);
        bool is_text = rows[i].form == CEDAR_FORM_TEXT;
        bool is_done =
            translate(text, rows[i].form, is_text ? CEDAR_SCHEMA_JSON : CEDAR_SCHEMA_TEXT, &out);
        CHECK_ROW(rows[i].text, is_done == (rows[i].other != NULL));
        CHECK_ROW(rows[i].text,
                  !is_done || slice_eq(buf_view(&out), slice_view_cstr(rows[i].other)));
        CHECK_ROW(rows[i].text, !translate(text, rows[i].form, CEDAR_SCHEMA_JSON_RESOLVED, &out));
    }
    buf_release(&out);
}

/* -- corpora ------------------------------------------------------------------------------- */

static bool translates_to(struct slice text, enum cedar_schema_style style,
                          const struct corpus_line *line, const char *member)
{
    json_ref expected = json_member(&line->tape, 0, slice_view_cstr(member));
    struct buf out;
    buf_init(&out, TEXT_BYTES_MAX, NULL);
    bool is_same = translate(text, CEDAR_FORM_TEXT, style, &out) &&
                   corpus_same_json(buf_view(&out), &line->tape, expected);
    if (!is_same) {
        printf("%s: %.*s\n", line->id, SLICE_ARG(buf_view(&out)));
    }
    buf_release(&out);
    return is_same;
}

TEST(schema_text_is_that_of_the_official_engine)
{
    struct buf out;
    buf_init(&out, TEXT_BYTES_MAX, NULL);
    CHECK(translate(SLICE("namespace N {} namespace M {} namespace N::M {} namespace N1::M {} "
                          "namespace N::A::M {} entity User = {@note a: User};"),
                    CEDAR_FORM_TEXT, CEDAR_SCHEMA_TEXT, &out));
    CHECK(slice_eq(buf_view(&out), SLICE("entity User = {\n  @note(\"\")\n  a: User\n};\n\n"
                                         "namespace M {\n}\n\nnamespace N::M {\n}\n\n"
                                         "namespace N::A::M {\n}\n\nnamespace N1::M {\n}\n\n"
                                         "namespace N {\n}\n")));
    buf_release(&out);
}

/* Text to text, and what that says is still the same schema. */
static bool survives_text(struct slice text, const struct corpus_line *line)
{
    struct buf out;
    buf_init(&out, TEXT_BYTES_MAX, NULL);
    bool is_same = translate(text, CEDAR_FORM_TEXT, CEDAR_SCHEMA_TEXT, &out) &&
                   translates_to(buf_view(&out), CEDAR_SCHEMA_JSON_RESOLVED, line, "resolved");
    buf_release(&out);
    return is_same;
}

static bool has_place(size_t from, size_t to)
{
    for (size_t i = 0; i < diagnostics.count; i++) {
        const struct cedar_diagnostic *diagnostic = &diagnostics.items[i];
        bool is_here = diagnostic->from == from && diagnostic->to == to;
        for (size_t k = 0; k < diagnostic->label_count; k++) {
            is_here =
                is_here || (diagnostic->labels[k].from == from && diagnostic->labels[k].to == to);
        }
        if (is_here) {
            return true;
        }
    }
    return false;
}

/* We tell all errors of a source, the recorded run some of them: its places must be among ours. */
static void check_places(const struct corpus_line *line, json_ref error)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref place = JSON_NONE;
    json_iter_init(&iter, &line->tape, json_member(&line->tape, error, SLICE("at")));
    while (json_iter_next(&iter, &key, &place)) {
        struct json_iter bounds;
        json_ref bound = JSON_NONE;
        int64_t at[2] = {-1, -1};
        json_iter_init(&bounds, &line->tape, place);
        for (int i = 0; i < 2 && json_iter_next(&bounds, &key, &bound); i++) {
            CHECK_ROW(line->id, json_integer(&line->tape, bound, &at[i]) == STATUS_OK);
        }
        bool is_found = has_place((size_t)at[0], (size_t)at[1]);
        CHECK_ROW(line->id, is_found);
        for (size_t i = 0; !is_found && i < diagnostics.count; i++) {
            printf("  expected %d..%d, got %zu..%zu %s\n", (int)at[0], (int)at[1],
                   diagnostics.items[i].from, diagnostics.items[i].to,
                   diagnostics.items[i].message);
        }
    }
}

static void check_text_snippet(const struct corpus_line *line, void *context)
{
    struct slice text = corpus_text(line, 0, "src");
    bool is_good = corpus_flag(line, 0, "ok");
    json_ref expected = json_member(&line->tape, 0, SLICE("warnings"));
    (void)context;
    CHECK_ROW(line->id, parses(text, CEDAR_FORM_TEXT) == is_good);
    if (is_good) {
        size_t count = expected == JSON_NONE ? 0 : json_count(&line->tape, expected);
        CHECK_ROW(line->id, warnings.count == count);
        CHECK_ROW(line->id, translates_to(text, CEDAR_SCHEMA_JSON, line, "json"));
        CHECK_ROW(line->id, translates_to(text, CEDAR_SCHEMA_JSON_RESOLVED, line, "resolved"));
        CHECK_ROW(line->id, survives_text(text, line));
        return;
    }
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref error = JSON_NONE;
    json_iter_init(&iter, &line->tape, json_member(&line->tape, 0, SLICE("errors")));
    while (json_iter_next(&iter, &key, &error)) {
        check_places(line, error);
    }
}

TEST(corpus_schema_texts)
{
    corpus_each_line("cedar-tests/snippets/schemas.jsonl", check_text_snippet, NULL);
}

static void check_json_snippet(const struct corpus_line *line, void *context)
{
    struct slice text = corpus_text(line, 0, "src");
    bool is_good = corpus_flag(line, 0, "ok");
    struct json_tape tape;
    struct arena arena;
    struct buf out;
    struct diag diag = {0};
    (void)context;
    arena_init(&arena, TEXT_BYTES_MAX, NULL);
    buf_init(&out, TEXT_BYTES_MAX, NULL);
    /* The recorded run read the text with a parser that lets the last of two members win. */
    bool is_json = json_parse(corpus_parser(), text, &arena, &tape, &diag) == STATUS_OK;
    CHECK_ROW(line->id, parses(text, CEDAR_FORM_JSON) == (is_good && is_json));
    if (is_good && is_json) {
        CHECK_ROW(line->id, translate(text, CEDAR_FORM_JSON, CEDAR_SCHEMA_TEXT, &out));
        CHECK_ROW(line->id, slice_eq(buf_view(&out), corpus_text(line, 0, "text")));
    } else if (is_good) {
        CHECK_ROW(line->id, str_eq(diag.code, "json.duplicate"));
    }
    buf_release(&out);
    arena_release(&arena);
}

TEST(corpus_schema_json)
{
    corpus_each_line("cedar-tests/snippets/json-schemas.jsonl", check_json_snippet, NULL);
}
