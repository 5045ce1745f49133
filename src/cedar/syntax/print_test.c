/* What the printer makes of conditions; the corpora judge the rest (form_test.c). */
#include "cedar/cedar.h"

#include "support/check.h"

#define TEXT_BYTES_MAX ((size_t)1 << 20)

static struct cedar_diagnostics diagnostics;

/* Each is read, and printed as the other; what is printed is printed as itself. */
static const struct {
    const char *text, *printed;
} CONDITIONS[] = {
    {"1", "1"},
    {"-1", "(-1)"},
    {"- 1", "(-1)"},
    {"-(1)", "-(1)"},
    {"--1", "-((-1))"},
    {"-9223372036854775808", "(-9223372036854775808)"},
    {"!!true", "!(!true)"},
    {"1+2+3", "1 + 2 + 3"},
    {"1+(2+3)", "1 + (2 + 3)"},
    {"1+2-3", "(1 + 2) - 3"},
    {"(1+2)*3", "(1 + 2) * 3"},
    {"true&&true&&true", "true && true && true"},
    {"(true&&true)&&true", "true && true && true"},
    {"true&&(true&&true)", "true && (true && true)"},
    {"true||true&&true", "true || (true && true)"},
    {"1>2", "1 > 2"},
    {"1>=2||1!=2", "(1 >= 2) || (1 != 2)"},
    {"principal in resource", "principal in resource"},
    {"principal is A :: B in resource", "principal is A::B in resource"},
    {"principal has a . b", "principal has a.b"},
    {"principal has \"a\"", "principal has a"},
    {"principal has \"a b\"", "principal has \"a b\""},
    {"principal has \"if\"", "principal has \"if\""},
    {"principal[\"a\"]", "principal.a"},
    {"principal[\"a.b\"]", "principal[\"a.b\"]"},
    {"(if true then 1 else 2) == 1", "(if true then 1 else 2) == 1"},
    {"if true then (1) else [2,]", "if true then 1 else [2]"},
    {"{ \"a\" : 1 , b : {} , }", "{a: 1, b: {}}"},
    {"{\"a b\":1}", "{\"a b\": 1}"},
    {"ip(\"::1\").isIpv6()", "ip(\"::1\").isIpv6()"},
    {"(1+1).contains([1])", "(1 + 1).contains([1])"},
    {"[1].contains(1+1)", "[1].contains(1 + 1)"},
    {"\"a*\" like \"a\\**\"", "\"a*\" like \"a\\**\""},
    {"\"a\" like \"\\x2a\"", "\"a\" like \"*\""},
    {"\"\\n\\r\\t\\0\\'\\\"\\\\\"", "\"\\n\\r\\t\\0\\'\\\"\\\\\""},
    {"\"\\u{7f}\\u{a0}\\u{202e}\"", "\"\\u{7f}\\u{a0}\\u{202e}\""},
    {"\"é\\u{301}\" == \"\\u{301}\"", "\"é\xCC\x81\" == \"\\u{301}\""},
    {"\"\" like \"e\\u{301}\"", "\"\" like \"e\\u{301}\""},
    {"U::\"\\u{1f680}\" == U::\"a\\u{2028}\"", "U::\"🚀\" == U::\"a\\u{2028}\""},
};

static void check_printed(const char *text, const char *printed)
{
    struct buf policy;
    struct buf expected;
    struct cedar_policy_set *set = NULL;
    buf_init(&policy, TEXT_BYTES_MAX, NULL);
    buf_init(&expected, TEXT_BYTES_MAX, NULL);
    buf_append(&policy, SLICE("permit(principal,action,resource) when {"));
    buf_append(&policy, slice_view_cstr(text));
    buf_append(&policy, SLICE("};"));
    buf_append(&expected, SLICE("permit(principal, action, resource) when { "));
    buf_append(&expected, slice_view_cstr(printed));
    buf_append(&expected, SLICE(" };"));
    struct cedar_source source = {SLICE("t"), buf_view(&policy)};
    bool ok = cedar_policy_set_parse(&source, 1, false, &set, &diagnostics) == STATUS_OK;
    CHECK_ROW(text, ok);
    if (ok) {
        buf_clear(&policy);
        CHECK_ROW(text, cedar_policy_to_text(set, 0, &policy) == STATUS_OK);
        CHECK_ROW(text, slice_eq(buf_view(&policy), buf_view(&expected)));
    }
    cedar_policy_set_free(set);
    buf_release(&policy);
    buf_release(&expected);
}

TEST(cedar_prints_conditions)
{
    for (size_t i = 0; i < COUNT_OF(CONDITIONS); i++) {
        check_printed(CONDITIONS[i].text, CONDITIONS[i].printed);
        check_printed(CONDITIONS[i].printed, CONDITIONS[i].printed);
    }
}

TEST(cedar_prints_scopes_and_sets)
{
    static const char TEXT[] =
        "@a @b(\"\") @c(\"x\\ny\") permit(principal == U :: \"u\" , action in [A::Action::\"a\" ,"
        "Action::\"b\",], resource is R in ?resource,);"
        "forbid(principal is U, action in [Action::\"c\"], resource) when {true} unless {false};"
        "permit(principal in (G::\"g\"), action in [], resource == ?resource);";
    static const char PRINTED[] =
        "@a\n@b(\"\")\n@c(\"x\\ny\")\npermit(principal == U::\"u\", action in [A::Action::\"a\", "
        "Action::\"b\"], resource is R in ?resource);\n\n"
        "forbid(principal is U, action in Action::\"c\", resource) when { true } unless { false };"
        "\n\npermit(principal in G::\"g\", action in [], resource == ?resource);";
    struct cedar_source source = {SLICE("t"), slice_view_cstr(TEXT)};
    struct cedar_policy_set *set = NULL;
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX, NULL);
    CHECK(cedar_policy_set_parse(&source, 1, false, &set, &diagnostics) == STATUS_OK);
    CHECK(cedar_policy_set_to_text(set, &text) == STATUS_OK);
    CHECK(slice_eq(buf_view(&text), slice_view_cstr(PRINTED)));
    buf_release(&text);
    buf_init(&text, 10, NULL);
    CHECK(cedar_policy_set_to_text(set, &text) == STATUS_LIMIT);
    CHECK(cedar_policy_set_to_json(set, &text) == STATUS_LIMIT);
    buf_release(&text);
    cedar_policy_set_free(set);
}
