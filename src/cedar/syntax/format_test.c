/* The formatter where the corpora do not reach: comments, widths, limits, and what it refuses. */
#include "cedar/cedar.h"
#include "cedar/syntax/format.h"
#include "cedar/syntax/text_width.h"

#include "support/check.h"

#include <stdio.h>

static struct cedar_diagnostics diagnostics;

static enum status format(const char *text, const struct cedar_format_options *options,
                          struct buf *out)
{
    struct cedar_source source = {SLICE("test"), slice_view_cstr(text)};
    return cedar_format(&source, options, out, &diagnostics);
}

static bool formats_to(const char *text, const struct cedar_format_options *options,
                       const char *expected)
{
    struct buf out;
    buf_init(&out, 1 << 20, NULL);
    bool ok = format(text, options, &out) == STATUS_OK &&
              slice_eq(buf_view(&out), slice_view_cstr(expected));
    if (!ok) {
        fprintf(stderr, "expected:\n%s\nfound:\n%.*s\n", expected, SLICE_ARG(buf_view(&out)));
    }
    buf_release(&out);
    return ok;
}

TEST(cedar_format_keeps_comments)
{
    static const struct {
        const char *name, *text, *expected;
    } rows[] = {
        {"nothing", "", "\n"},
        {"only comments", " // a \n\n //b", "\n// a\n//b\n"},
        {"behind the end", "permit(principal,action,resource);// a\n\n// b\n",
         "permit (principal, action, resource); // a\n// b\n"},
        {"between policies",
         "permit(principal,action,resource); // a\n// b\nforbid(principal,action,resource);",
         "permit (principal, action, resource); // a\n\n"
         "// b\nforbid (principal, action, resource);\n"},
        {"white space of Unicode at the end", "// a\xC2\xA0\xE2\x80\x83\n", "\n// a\n"},
        {"an empty comment", "//\npermit(principal,action,resource);",
         "//\npermit (principal, action, resource);\n"},
        {"a carriage return ends a comment", "permit(principal,action,resource) // a\r// b\n;",
         "permit (principal, action, resource) // a\n// b\n;\n"},
        {"a comment in front of an operator",
         "permit(principal,action,resource) when { context.b\n// c\n== \"a\" };",
         "permit (principal, action, resource)\nwhen\n{\n  context.b \n  // c\n  == \"a\"\n};\n"},
        {"behind an operator", "permit(principal,action,resource) when { true && // c\nfalse };",
         "permit (principal, action, resource)\nwhen\n{\n  true && // c\n  false\n};\n"},
        {"behind a comma that goes",
         "permit(principal,action,resource) when { [1, // a\n2 // b\n, // c\n] == [] };",
         "permit (principal, action, resource)\nwhen\n{\n  [1, // a\n   2 // b\n"
         "  // c\n  ] == []\n};\n"},
        {"in a scope whose last comma goes", "permit(principal,action,resource // a\n, // b\n);",
         "permit (principal, action, resource // a\n// b\n);\n"},
        {"slashes in a string are no comment",
         "permit(principal,action,resource) when { \"// a \" == \"\" };",
         "permit (principal, action, resource)\nwhen { \"// a \" == \"\" };\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].name, formats_to(rows[i].text, NULL, rows[i].expected));
        CHECK_ROW(rows[i].name, formats_to(rows[i].expected, NULL, rows[i].expected));
    }
}

/* The official formatter drops the break, and a second run takes the comment for one of the string.
 */
TEST(cedar_format_joins_a_comment_to_a_string)
{
    static const char FIRST[] = "permit (principal, action, resource)\nwhen\n{\n"
                                "  User::\"a\"  // c\n  // d\n  in resource &&\n"
                                "  \"b\"\n  // e\n  like\n  \"*\"\n};\n";
    static const char SECOND[] = "permit (principal, action, resource)\nwhen\n{\n"
                                 "  User::\"a\" // c\n  // d\n  in resource &&\n"
                                 "  \"b\"\n  // e\n  like\n  \"*\"\n};\n";
    CHECK(
        formats_to("permit(principal,action,resource) when { User::\"a\"\n// c\n// d\n in resource "
                   "&& \"b\"\n// e\nlike \"*\" };",
                   NULL, FIRST));
    CHECK(formats_to(FIRST, NULL, SECOND));
}

TEST(cedar_format_takes_width_and_indent)
{
    static const char TEXT[] = "permit(principal == ?principal,action,resource) "
                               "when { {a: 1, b: [2, 3]} has a };";
    static const struct {
        const char *name;
        struct cedar_format_options options;
        const char *expected;
    } rows[] = {
        {"all on a line",
         {35, 4},
         "permit (\n    principal == ?principal,\n    action,\n    resource\n)\n"
         "when { { a: 1, b: [2, 3] } has a };\n"},
        {"one column less",
         {34, 4},
         "permit (\n    principal == ?principal,\n    action,\n    resource\n)\n"
         "when\n{ { a: 1, b: [2, 3] } has a };\n"},
        {"braces on lines of their own",
         {29, 4},
         "permit (\n    principal == ?principal,\n    action,\n    resource\n)\n"
         "when\n{\n    { a: 1, b: [2, 3] } has a\n};\n"},
        {"no indent",
         {29, 0},
         "permit (\nprincipal == ?principal,\naction,\nresource\n)\n"
         "when\n{\n{ a: 1, b: [2, 3] } has a\n};\n"},
        {"no width",
         {0, 1},
         "permit\n(\n principal\n ==\n  ?principal,\n action,\n resource\n)\n"
         "when\n{\n {\n  a: 1,\n  b: [2,\n   3]\n }\n has\n a\n};\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].name, formats_to(TEXT, &rows[i].options, rows[i].expected));
    }
}

TEST(cedar_format_counts_columns)
{
    CHECK(text_width(SLICE("")) == 0);
    CHECK(text_width(SLICE("a\n~")) == 3);
    CHECK(text_width(SLICE("\xC3\xA9")) == 1);         /* e with an accent */
    CHECK(text_width(SLICE("e\xCC\x81")) == 1);        /* the same, of two characters */
    CHECK(text_width(SLICE("\xE7\x8C\xAB")) == 2);     /* a Chinese character */
    CHECK(text_width(SLICE("\xF0\x9F\x90\x88")) == 2); /* an emoji */
    CHECK(text_width(SLICE("\xF4\x8F\xBF\xBF")) == 1); /* the last character of all */
}

TEST(cedar_format_refuses_what_does_not_parse)
{
    static const char *const TEXTS[] = {
        "permit",
        "permit(principal,action,resource)",
        "permit(principal,action,resource) when { };",
        "permit(principal,action,resource) when { unheard(1) };",
        "permit(principal,action,resource) when { 'a' };",
        "\xFF",
    };
    for (size_t i = 0; i < COUNT_OF(TEXTS); i++) {
        struct buf out;
        buf_init(&out, 1 << 20, NULL);
        CHECK_ROW(TEXTS[i], format(TEXTS[i], NULL, &out) == STATUS_INVALID);
        CHECK_ROW(TEXTS[i], diagnostics.count > 0 && out.len == 0);
        buf_release(&out);
    }
}

/* -- what must be the same ----------------------------------------------------------------- */

TEST(cedar_format_compares_what_it_made)
{
    static const char BEFORE[] = "@a(\"b\") permit(principal,action,resource) // c\n"
                                 "when { 1 + 2 == 3 };";
    static const struct {
        const char *name, *after;
        bool is_same;
    } rows[] = {
        {"itself", BEFORE, true},
        {"layout", "@a(\"b\")\npermit(principal, action, resource)// c\nwhen{1+2==3};", true},
        {"parentheses", "@a(\"b\") permit(principal,action,resource) // c\nwhen {((1)+2)==3};",
         true},
        {"annotation", "@a(\"c\") permit(principal,action,resource) // c\nwhen {1+2==3};", false},
        {"no annotation", "permit(principal,action,resource) // c\nwhen {1+2==3};", false},
        {"effect", "@a(\"b\") forbid(principal,action,resource) // c\nwhen {1+2==3};", false},
        {"scope", "@a(\"b\") permit(principal is A,action,resource) // c\nwhen {1+2==3};", false},
        {"condition", "@a(\"b\") permit(principal,action,resource) // c\nunless {1+2==3};", false},
        {"shape", "@a(\"b\") permit(principal,action,resource) // c\nwhen {2+1==3};", false},
        {"no condition", "@a(\"b\") permit(principal,action,resource) // c\n;", false},
        {"one more",
         "@a(\"b\") permit(principal,action,resource) // c\nwhen {1+2==3};"
         "permit(principal,action,resource);",
         false},
        {"none", "// c\n", false},
        {"comment", "@a(\"b\") permit(principal,action,resource) // d\nwhen {1+2==3};", false},
        {"no comment", "@a(\"b\") permit(principal,action,resource) when {1+2==3};", false},
        {"one comment more", "@a(\"b\") permit(principal,action,resource) // c\nwhen {1+2==3};//",
         false},
        {"does not parse", "@a(\"b\") permit(principal,action,resource) // c\nwhen {1+2==};",
         false},
    };
    struct cedar_source source = {SLICE("test"), slice_view_cstr(BEFORE)};
    struct cedar_policy_set *set = NULL;
    CHECK(cedar_policy_set_parse(&source, 1, false, &set, &diagnostics) == STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        enum status status =
            format_compare(set, &source, slice_view_cstr(rows[i].after), &diagnostics);
        CHECK_ROW(rows[i].name, status == (rows[i].is_same ? STATUS_OK : STATUS_INTERNAL));
        CHECK_ROW(rows[i].name, diagnostics.count == (rows[i].is_same ? 0 : 1));
    }
    cedar_policy_set_free(set);
}

/* -- limits -------------------------------------------------------------------------------- */

TEST(cedar_format_appends_all_or_nothing)
{
    struct buf out;
    buf_init(&out, 40, NULL);
    buf_append(&out, SLICE("ab"));
    CHECK(format("permit(principal,action,resource);", NULL, &out) == STATUS_OK);
    CHECK(slice_eq(buf_view(&out), SLICE("abpermit (principal, action, resource);\n")));
    CHECK(format("permit(principal,action,resource);", NULL, &out) == STATUS_LIMIT);
    CHECK(out.len == 40);
    buf_release(&out);
}

/* The time rises with the text, not with its square: each comment ends at the first of its ends. */
TEST(cedar_format_of_nothing_but_comments)
{
    enum { COMMENTS = 1 << 17 };
    struct buf text;
    struct buf out;
    buf_init(&text, CEDAR_SOURCE_BYTES_MAX, NULL);
    buf_init(&out, CEDAR_SOURCE_BYTES_MAX, NULL);
    for (size_t i = 0; i < COMMENTS; i++) {
        buf_append(&text, SLICE("//\r"));
    }
    struct cedar_source source = {SLICE("test"), buf_view(&text)};
    CHECK(cedar_format(&source, NULL, &out, &diagnostics) == STATUS_OK);
    CHECK(out.len == 1 + text.len);
    CHECK(slice_starts_with(buf_view(&out), SLICE("\n//\n//\n")));
    buf_release(&text);
    buf_release(&out);
}
