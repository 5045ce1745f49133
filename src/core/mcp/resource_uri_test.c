#include "core/mcp/resource_uri.h"
#include "core/mcp/uri_template.h"

#include "support/check.h"

#include <stdio.h>

#define TEST_ARENA_BYTES ((size_t)1 << 20)

TEST(resource_uri_gives_one_form)
{
    static const struct {
        const char *text, *normal, *host, *path;
    } rows[] = {
        {"file:///srv/a%20b.txt", "file:///srv/a%20b.txt", "", "/srv/a b.txt"},
        {"FILE://LocalHost/srv/%61", "file:///srv/a", "", "/srv/a"},
        {"file:///C:/Users/x", "file:///C:/Users/x", "", "/C:/Users/x"},
        {"file:///srv/%c3%a9", "file:///srv/%C3%A9", "", "/srv/\xC3\xA9"},
        {"file:///srv/100%25", "file:///srv/100%25", "", "/srv/100%"},
        {"HTTPS://Docs.Example:443/A?b=%2f#c", "https://docs.example/A?b=%2F#c", "docs.example",
         "/A"},
        {"http://docs.example", "http://docs.example/", "docs.example", "/"},
        {"https://docs.example:80/", "https://docs.example:80/", "docs.example:80", "/"},
        {"http://[::1]:80/", "http://[::1]/", "[::1]", "/"},
        {"https://docs.example/a?x=../..#/..", "https://docs.example/a?x=../..#/..", "docs.example",
         "/a"},
        {"demo://Resource/static/a.md", "demo://Resource/static/a.md", "Resource", "/static/a.md"},
        {"postgres://me@db:5432/t/schema", "postgres://me@db:5432/t/schema", "me@db:5432",
         "/t/schema"},
        {"memo://insights", "memo://insights", "insights", ""},
        {"urn:x:y", "urn:x:y", "", "x:y"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct resource_uri uri;
        struct resource_uri again;
        arena_init(&arena, TEST_ARENA_BYTES, NULL);
        CHECK_ROW(rows[i].text, resource_uri_read(slice_view_cstr(rows[i].text), &arena, &uri,
                                                  NULL) == STATUS_OK);
        CHECK_ROW(rows[i].text, slice_eq(uri.text, slice_view_cstr(rows[i].normal)));
        CHECK_ROW(rows[i].text, slice_eq(uri.host, slice_view_cstr(rows[i].host)));
        CHECK_ROW(rows[i].text, slice_eq(uri.path, slice_view_cstr(rows[i].path)));
        CHECK_ROW(rows[i].text, resource_uri_read(uri.text, &arena, &again, NULL) == STATUS_OK &&
                                    slice_eq(again.text, uri.text) &&
                                    slice_eq(again.path, uri.path));
        arena_release(&arena);
    }
}

TEST(resource_uri_refuses_two_readings)
{
    static const char *const ROWS[] = {
        "",
        "a",
        "/srv/a",
        "//host/a",
        "1a://x",
        "a_b://x",
        "file:/srv/a",
        "file:srv",
        "https:docs.example/a",
        "https:///docs.example/a",
        "https://docs.example./a",
        "https://docs.example:/a",
        "https://docs.example:443000/a",
        "https://docs.example:4a/a",
        "https://me@docs.example/a",
        "https://docs%2eexample/a",
        "https://[::1/a",
        "https://docs.example\\@evil/a",
        "file://server/a",
        "file://127.0.0.1/a",
        "file:///srv/../a",
        "file:///srv/./a",
        "file:///srv/%2e%2E/a",
        "file:///srv/..;x/a",
        "file:///srv/..../a",
        "file:///srv//a",
        "file:////srv/a",
        "file:///srv/a%2fb",
        "file:///srv/a%5Cb",
        "file:///srv/%252e",
        "file:///srv/%25%32%65",
        "file:///srv/%00",
        "file:///srv/%0a",
        "file:///srv/%7f",
        "file:///srv/%",
        "file:///srv/%2",
        "file:///srv/%zz",
        "file:///srv/%c0%ae",
        "file:///srv/%ed%a0%80",
        "file:///srv/%ef%bc%8f",
        "file:///srv/%e2%80%ae",
        "file:///srv/\xC3\xA9",
        "file:///srv/a b",
        "file:///srv/a.txt.",
        "file:///srv/a%20",
        "file:///srv/a:$DATA",
        "file:///srv/c:/a",
        "file:///srv/$x",
        "file:///srv/{path}",
        "file:///srv/a\"b",
        "demo://x/../y",
        "demo://x//y",
        "demo://x y/z",
        "demo:..",
        "https://docs.example/a?b=%0d",
        "https://docs.example/a?b=%",
        "https://docs.example/a#b#c",
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct arena arena;
        struct resource_uri uri;
        struct diag diag = {0};
        arena_init(&arena, TEST_ARENA_BYTES, NULL);
        CHECK_ROW(ROWS[i], resource_uri_read(slice_view_cstr(ROWS[i]), &arena, &uri, &diag) ==
                               STATUS_INVALID);
        CHECK_ROW(ROWS[i], str_eq(diag.code, "resource.uri"));
        arena_release(&arena);
    }
}

TEST(resource_uri_has_a_length_limit)
{
    static char text[RESOURCE_URI_BYTES_MAX + 2];
    for (size_t over = 0; over < 2; over++) {
        struct arena arena;
        struct resource_uri uri;
        size_t len = (size_t)snprintf(text, sizeof(text), "x:");
        while (len < RESOURCE_URI_BYTES_MAX + over) {
            text[len++] = 'a';
        }
        arena_init(&arena, TEST_ARENA_BYTES, NULL);
        CHECK(resource_uri_read(slice_of(text, len), &arena, &uri, NULL) ==
              (over == 0 ? STATUS_OK : STATUS_INVALID));
        arena_release(&arena);
    }
}

/* Whatever is accepted is a fixed point, without dots or hidden separators. */
TEST(resource_uri_accepts_fixed_points_only)
{
    static const char *const PIECES[] = {"%2e", ".", "..", "/",        "%2f",    "%25",
                                         "%32", "a", ";",  "%5c",      "%c3%a9", "%41",
                                         ":",   "?", "#",  "%ef%bc%8e"};
    for (int round = 0; round < 20000; round++) {
        struct arena arena;
        struct resource_uri uri;
        struct resource_uri again;
        char text[128];
        size_t len = (size_t)snprintf(text, sizeof(text), "%s",
                                      check_random() % 2 == 0 ? "file:///" : "https://h/");
        for (uint64_t left = check_random() % 8; left > 0; left--) {
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s",
                                    PIECES[check_random() % COUNT_OF(PIECES)]);
        }
        arena_init(&arena, TEST_ARENA_BYTES, NULL);
        if (resource_uri_read(slice_of(text, len), &arena, &uri, NULL) == STATUS_OK) {
            CHECK_ROW(text, resource_uri_read(uri.text, &arena, &again, NULL) == STATUS_OK);
            CHECK_ROW(text, slice_eq(again.text, uri.text) && slice_eq(again.path, uri.path));
        }
        arena_release(&arena);
    }
}

TEST(uri_template_matches_its_expansions)
{
    static const struct {
        const char *uri_template, *uri;
        bool matches;
    } rows[] = {
        {"demo://text/{id}", "demo://text/1", true},
        {"demo://text/{id}", "demo://text/", true},
        {"demo://text/{id}", "demo://text/a%20b", true},
        {"demo://text/{id}", "demo://text/1/2", false},
        {"demo://text/{id}", "demo://text/1?x", false},
        {"demo://text/{id}", "demo://blob/1", false},
        {"demo://text/{id}/end", "demo://text/a/end", true},
        {"demo://text/{id}/end", "demo://text/a/ending", false},
        {"{a}-{b}", "x-y-z", true},
        {"file:///srv/{+path}", "file:///srv/a/b?c#d", true},
        {"file:///srv/{+path}", "file:///etc/a", false},
        {"file:///srv{/seg*}", "file:///srv/a/b", true},
        {"file:///srv{/seg*}", "file:///srv", true},
        {"file:///srv{/seg*}", "file:///srva", false},
        {"x://h/{#frag}", "x://h/#/a", true},
        {"x://h/a{?q,r*}", "x://h/a?q=1&r=2", true},
        {"x://h/a{?q}", "x://h/a", true},
        {"x://h/a{?q}", "x://h/aq=1", false},
        {"x://h/a?z=1{&q}", "x://h/a?z=1&q=2", true},
        {"x://h/a{.ext}", "x://h/a.txt", true},
        {"x://h/a{;p}", "x://h/a;p=1", true},
        {"x://h/plain", "x://h/plain", true},
        {"x://h/plain", "x://h/plains", false},
        {"", "x://h", false},
        {"x://h/{", "x://h/{", false},
        {"x://h/{}", "x://h/", false},
        {"x://h/{id", "x://h/1", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct uri_search search;
        arena_init(&arena, TEST_ARENA_BYTES, NULL);
        CHECK(uri_search_init(&search, slice_view_cstr(rows[i].uri), &arena) == STATUS_OK);
        CHECK_ROW(rows[i].uri_template,
                  uri_template_matches(&search, slice_view_cstr(rows[i].uri_template)) ==
                      rows[i].matches);
        /* A search keeps nothing of the template before. */
        CHECK_ROW(rows[i].uri_template,
                  uri_template_matches(&search, slice_view_cstr(rows[i].uri_template)) ==
                      rows[i].matches);
        arena_release(&arena);
    }
}

/* Templates of a hostile server cost what the budget allows and then match nothing. */
TEST(uri_template_search_has_a_budget)
{
    static char uri[RESOURCE_URI_BYTES_MAX + 1];
    struct arena arena;
    struct uri_search search;
    memset(uri, 'a', sizeof(uri) - 1);
    arena_init(&arena, TEST_ARENA_BYTES, NULL);
    CHECK(uri_search_init(&search, slice_of(uri, sizeof(uri) - 1), &arena) == STATUS_OK);
    CHECK(uri_template_matches(&search, SLICE("{a}")));
    for (int i = 0; i < 1000 && search.steps_left > 0; i++) {
        (void)uri_template_matches(&search, SLICE("{a}aaaaaaaaaaaaaaaaaaaa{b}aaaaaaaaaaaa{c}"));
    }
    CHECK(search.steps_left == 0);
    CHECK(!uri_template_matches(&search, SLICE("{a}")));
    arena_release(&arena);
}

/* "id" is "a b", "path" is "x/y", "empty" is empty, "odd" is a character of three bytes. */
static bool find_variable(void *context, struct slice name, struct slice *value)
{
    static const struct {
        struct slice name, value;
    } variables[] = {
        {SLICE_INIT("id"), SLICE_INIT("a b")},
        {SLICE_INIT("path"), SLICE_INIT("x/y")},
        {SLICE_INIT("empty"), SLICE_INIT("")},
        {SLICE_INIT("odd"), SLICE_INIT("\xE2\x82\xAC")},
    };
    (void)context;
    for (size_t i = 0; i < COUNT_OF(variables); i++) {
        if (slice_eq(variables[i].name, name)) {
            *value = variables[i].value;
            return true;
        }
    }
    return false;
}

TEST(uri_template_expands_what_is_known)
{
    static const struct {
        const char *uri_template, *uri; /* NULL: not known in full */
    } rows[] = {
        {"", ""},
        {"m://plain", "m://plain"},
        {"m://{id}", "m://a%20b"},
        {"m://{id}/{path}", "m://a%20b/x%2Fy"},
        {"m://{+path}", "m://x/y"},
        {"m://{+id}", "m://a%20b"},
        {"m://h{#path}", "m://h#x/y"},
        {"m://h{.id}", "m://h.a%20b"},
        {"m://h{/path}", "m://h/x%2Fy"},
        {"m://h{;id}{;empty}", "m://h;id=a%20b;empty"},
        {"m://h{?id}{&empty}", "m://h?id=a%20b&empty="},
        {"m://{odd}", "m://%E2%82%AC"},
        {"m://{empty}", "m://"},
        {"m://{other}", NULL},
        {"m://{id}/{other}", NULL},
        {"m://{id,path}", NULL},
        {"m://{id:3}", NULL},
        {"m://{id*}", NULL},
        {"m://{}", NULL},
        {"m://{+}", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out;
        struct slice text = slice_view_cstr(rows[i].uri_template);
        buf_init(&out, 1024, NULL);
        CHECK_ROW(rows[i].uri_template, uri_template_is_sound(text));
        CHECK_ROW(rows[i].uri_template,
                  uri_template_expand(text, find_variable, NULL, &out) == (rows[i].uri != NULL));
        CHECK_ROW(rows[i].uri_template,
                  rows[i].uri == NULL || slice_eq(buf_view(&out), slice_view_cstr(rows[i].uri)));
        buf_release(&out);
    }
}

TEST(uri_template_that_is_not_sound)
{
    static const char *const ROWS[] = {
        "m://{", "m://}",  "m://{a",    "m://a}",    "m://{{a}}",           "m://{a}}",  "m://{a}{",
        "m:// ", "m://\t", "m://\"{a}", "m://<{a}>", "m://\xE2\x82\xAC{a}", "m://{a|b}",
    };
    static char longest[URI_TEMPLATE_BYTES_MAX + 2];
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        CHECK_ROW(ROWS[i], !uri_template_is_sound(slice_view_cstr(ROWS[i])));
    }
    for (size_t i = 0; i < URI_TEMPLATE_BYTES_MAX; i++) {
        longest[i] = 'a';
    }
    CHECK(uri_template_is_sound(slice_view_cstr(longest)));
    longest[URI_TEMPLATE_BYTES_MAX] = 'a';
    CHECK(!uri_template_is_sound(slice_view_cstr(longest)));
}

TEST(uri_template_that_is_too_long_matches_nothing)
{
    for (size_t over = 0; over < 2; over++) {
        static char text[URI_TEMPLATE_BYTES_MAX + 1];
        struct arena arena;
        struct uri_search search;
        struct slice longest = slice_of(text, URI_TEMPLATE_BYTES_MAX + over);
        memset(text, 'a', sizeof(text));
        arena_init(&arena, TEST_ARENA_BYTES, NULL);
        CHECK(uri_search_init(&search, longest, &arena) == STATUS_OK);
        CHECK(uri_template_matches(&search, longest) == (over == 0));
        arena_release(&arena);
    }
}
