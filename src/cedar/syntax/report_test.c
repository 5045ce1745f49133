/* What a person sees of an error: place, line, underline, suggestion. */
#include "cedar/syntax/report.h"

#include "support/check.h"

static struct cedar_diagnostics diagnostics;

static struct slice render(const char *text, bool is_colored, struct buf *out)
{
    struct cedar_source source = {SLICE("p.cedar"), slice_view_cstr(text)};
    struct cedar_policy_set *set = NULL;
    buf_init(out, 1 << 20, NULL);
    if (cedar_policy_set_parse(&source, 1, true, &set, &diagnostics) == STATUS_OK) {
        cedar_policy_set_free(set);
    }
    for (size_t i = 0; i < diagnostics.count; i++) {
        cedar_diagnostic_render(&diagnostics.items[i], source.text, is_colored, out);
    }
    CHECK(buf_status(out) == STATUS_OK);
    return buf_view(out);
}

TEST(cedar_diagnostics_show_the_place)
{
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"permit(principal, action, resource);", ""},
        {"permit(principal, action resource);",
         "p.cedar:1:26: error: 'resource' cannot stand here\n"
         " 1 | permit(principal, action resource);\n"
         "   |                          ^^^^^^^^ expected "
         "',', ')', '==', 'in' or 'is'\n"},
        {"permit(principal, action, resource)", "p.cedar:1:36: error: the source ends too early\n"
                                                " 1 | permit(principal, action, resource)\n"
                                                "   |                                    ^ "
                                                "expected ';', 'when' or 'unless'\n"},
        {"@a\n@b\n@a permit(principal, action, resource);",
         "p.cedar:3:1: error: the annotation '@a' appears twice\n"
         " 3 | @a permit(principal, action, resource);\n"
         "   | ^^\n"
         " 1 | @a\n"
         "   | -- first here\n"},
        {"permit(princpal, action, resource);", "p.cedar:1:8: error: a scope has no 'princpal'\n"
                                                " 1 | permit(princpal, action, resource);\n"
                                                "   |        ^^^^^^^^\n"
                                                "   = help: did you mean 'principal'?\n"},
        /* Columns count bytes, the underline counts characters; a control character is shown. */
        {"permit(principal, action, resource) when { \"é\x01\" == x };",
         "p.cedar:1:53: error: there is no variable 'x'\n"
         " 1 | permit(principal, action, resource) when { \"é?\" == x };\n"
         "   |                                                    ^\n"
         "   = help: variables are principal, action, resource and context; a string needs double "
         "quotes\n"},
        {"permit(principal, action, resource) when { \"\\q\" };",
         "p.cedar:1:44: error: the string has an escape that does not exist\n"
         " 1 | permit(principal, action, resource) when { \"\\q\" };\n"
         "   |                                            ^^^^\n"
         "   |                                             -- this one\n"
         "   = help: escapes are \\n \\r \\t \\\\ \\0 \\' \\\" \\x7F and \\u{10FFFF}\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out;
        struct slice shown = render(rows[i].text, false, &out);
        CHECK_ROW(rows[i].text, slice_eq(shown, slice_view_cstr(rows[i].shown)));
        buf_release(&out);
    }
}

TEST(cedar_diagnostics_are_colored_only_when_asked)
{
    struct buf out;
    struct slice shown = render("permit(principal, action resource);", false, &out);
    CHECK(slice_find_byte(shown, 0x1B) == shown.len);
    buf_release(&out);
    shown = render("permit(principal, action resource);", true, &out);
    CHECK(slice_find_byte(shown, 0x1B) < shown.len);
    buf_release(&out);
}

TEST(cedar_diagnostics_go_on_in_every_policy)
{
    struct buf out;
    (void)render("permit(principal, action resource);\n"
                 "forbid(principal, action, resource) when { 1 + };\n"
                 "permit(principal, action, resource) when { foo(1) && [1].contains() };\n"
                 "@id(\"x\") permit(principal, action, resource);\n"
                 "permit(principal == ?resource, action == User::\"a\", resource) when { } ;\n"
                 "@id(\"x\") permit(principal, action, resource);\n",
                 false, &out);
    static const uint32_t LINES[] = {1, 2, 3, 3, 5, 5, 5};
    CHECK(diagnostics.count == COUNT_OF(LINES));
    for (size_t i = 0; i < COUNT_OF(LINES) && i < diagnostics.count; i++) {
        CHECK(diagnostics.items[i].line == LINES[i]);
    }
    buf_release(&out);
}

TEST(cedar_diagnostics_have_a_limit)
{
    struct buf text;
    buf_init(&text, 1 << 20, NULL);
    for (size_t i = 0; i < CEDAR_DIAGNOSTICS_MAX + 5; i++) {
        buf_append(&text, SLICE("permit;\n"));
    }
    struct cedar_source source = {SLICE("p"), buf_view(&text)};
    struct cedar_policy_set *set = NULL;
    CHECK(cedar_policy_set_parse(&source, 1, true, &set, &diagnostics) == STATUS_INVALID);
    CHECK(diagnostics.count == CEDAR_DIAGNOSTICS_MAX && diagnostics.is_cut);
    buf_release(&text);
}

TEST(report_nearest_finds_misspellings)
{
    static const struct slice WORDS[] = {SLICE_INIT("contains"), SLICE_INIT("containsAll"),
                                         SLICE_INIT("ip")};
    static const struct {
        const char *text, *nearest;
    } rows[] = {
        {"contain", "contains"},
        {"contians", "contains"},
        {"containsall", "containsAll"},
        {"CONTAINS", "contains"},
        {"Ip", "ip"},
        {"pi", "ip"},
        {"something", ""},
        {"", ""},
        {"containsA", "contains"},
        {"a word of more than forty characters is none", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice found = report_nearest(slice_view_cstr(rows[i].text), WORDS, COUNT_OF(WORDS));
        CHECK_ROW(rows[i].text, slice_eq(found, slice_view_cstr(rows[i].nearest)));
    }
}
