#include "core/identity/introspection.h"

#include "support/check.h"
#include "support/corpus.h"

#include <stdio.h>

#define ARENA_BYTES ((size_t)1 << 20)

TEST(introspection_is_for_opaque_tokens)
{
    static const struct {
        const char *token;
        bool is_text, is_opaque;
    } rows[] = {
        {"a", true, true},
        {"0123456789abcdefABCDEF", true, true},
        {"2YotnFZFEjr1zCsicMWpAA==", true, true},
        {"a-._~+/Z", true, true},
        {"a.b", true, true},
        {"a.b.c.d", true, true},
        {"a.b.c.d.e.f", true, true},
        {"a.b.c=", true, true},
        {"a.b.c~", true, true},
        {"a.b.c", true, false},
        {"..", true, false},
        {"eyJhbGciOiJub25lIn0.e30.", true, false},
        {"eyJhbGciOiJkaXIifQ..a.b.c", true, false},
        {"", false, false},
        {"=", false, false},
        {"a=b", false, false},
        {"a b", false, false},
        {"a,b", false, false},
        {"a\"b", false, false},
        {"a\nb", false, false},
        {"a\x7f", false, false},
        {"\xc3\xa4", false, false},
        {"a%20b", false, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice token = slice_view_cstr(rows[i].token);
        CHECK_ROW(rows[i].token, introspection_is_token_text(token) == rows[i].is_text);
        CHECK_ROW(rows[i].token, introspection_is_opaque(token) == rows[i].is_opaque);
    }
    CHECK(!introspection_is_opaque(slice_of((const uint8_t *)"a\0b", 3)));
}

TEST(introspection_prefixes_of_signed_tokens)
{
    static const struct {
        const char *prefix;
        bool may_begin;
    } rows[] = {
        {"", true},    {"e", true},   {"ey", true},     {"eyJhbGci", true}, {"ew0", true},
        {"e30", true}, {"e-a", true}, {"e_a", true},    {"ev0", false},     {"eA", false},
        {"fy", false}, {"Ey", false}, {"ya29.", false}, {"live-", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].prefix, introspection_may_begin_jwt(slice_view_cstr(rows[i].prefix)) ==
                                      rows[i].may_begin);
    }
}

/* What is sent, by form and way of authentication. RFC 6749 §2.3.1, RFC 7662 §2.1. */
TEST(introspection_questions)
{
    static const struct {
        const char *name;
        struct introspection_client client;
        const char *body, *authorization;
    } rows[] = {
        {"basic",
         {INTROSPECTION_RFC7662, true, SLICE_INIT("s6BhdRkqt3"),
          SLICE_INIT("7Fjfp0ZBr1KtDRbnfVdmIw")},
         "token=a%2Bb%2F%3D&token_type_hint=access_token",
         "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3"},
        /* "a%3Ab:c%20d%25" */
        {"basic with odd bytes",
         {INTROSPECTION_RFC7662, true, SLICE_INIT("a:b"), SLICE_INIT("c d%")},
         "token=a%2Bb%2F%3D&token_type_hint=access_token",
         "Basic YSUzQWI6YyUyMGQlMjU="},
        {"post",
         {INTROSPECTION_RFC7662, false, SLICE_INIT("a:b"), SLICE_INIT("c&d")},
         "token=a%2Bb%2F%3D&token_type_hint=access_token&client_id=a%3Ab&client_secret=c%26d",
         ""},
        {"tokeninfo", {INTROSPECTION_TOKENINFO, true, {0}, {0}}, "access_token=a%2Bb%2F%3D", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf body, authorization;
        buf_init(&body, 4096, NULL);
        buf_init(&authorization, 4096, NULL);
        introspection_write_body(&body, &rows[i].client, SLICE("a+b/="));
        introspection_write_authorization(&authorization, &rows[i].client);
        CHECK_ROW(rows[i].name, slice_eq(buf_view(&body), slice_view_cstr(rows[i].body)));
        CHECK_ROW(rows[i].name,
                  slice_eq(buf_view(&authorization), slice_view_cstr(rows[i].authorization)));
        buf_release(&body);
        buf_release(&authorization);
    }
}

TEST(introspection_answers)
{
    enum outcome { YES, NO, NONE };
    static const struct {
        const char *name;
        enum introspection_form form;
        int http_status;
        const char *type, *body;
        enum outcome outcome;
    } rows[] = {
        {"yes", 0, 200, "application/json", "{\"active\":true}", YES},
        {"yes with more", 0, 200, "Application/JSON; charset=utf-8", "{\"a\":{},\"active\":true}",
         YES},
        {"no", 0, 200, "application/json", "{\"active\":false}", NO},
        {"no with more", 0, 200, "application/json", "{\"active\":false,\"sub\":\"a\"}", NO},
        {"a text", 0, 200, "application/json", "{\"active\":\"true\"}", NONE},
        {"a number", 0, 200, "application/json", "{\"active\":1}", NONE},
        {"null", 0, 200, "application/json", "{\"active\":null}", NONE},
        {"an object", 0, 200, "application/json", "{\"active\":{\"active\":true}}", NONE},
        {"nothing", 0, 200, "application/json", "{}", NONE},
        {"another name", 0, 200, "application/json", "{\"Active\":true}", NONE},
        {"twice", 0, 200, "application/json", "{\"active\":true,\"active\":true}", NONE},
        {"twice with an escape", 0, 200, "application/json",
         "{\"active\":false,\"\\u0061ctive\":true}", NONE},
        {"a list", 0, 200, "application/json", "[{\"active\":true}]", NONE},
        {"true", 0, 200, "application/json", "true", NONE},
        {"empty", 0, 200, "application/json", "", NONE},
        {"cut off", 0, 200, "application/json", "{\"active\":true", NONE},
        {"more behind", 0, 200, "application/json", "{\"active\":true}{}", NONE},
        {"no UTF-8", 0, 200, "application/json", "{\"active\":true,\"a\":\"\xff\"}", NONE},
        {"deep", 0, 200, "application/json",
         "{\"active\":true,\"a\":[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]}", NONE},
        {"no type", 0, 200, "", "{\"active\":true}", NONE},
        {"a page", 0, 200, "text/html", "{\"active\":true}", NONE},
        {"almost JSON", 0, 200, "application/json5", "{\"active\":true}", NONE},
        {"a signed one", 0, 200, "application/token-introspection+jwt", "{\"active\":true}", NONE},
        {"created", 0, 201, "application/json", "{\"active\":true}", NONE},
        {"elsewhere", 0, 302, "application/json", "{\"active\":true}", NONE},
        {"bad request", 0, 400, "application/json", "{\"active\":true}", NONE},
        {"an error that says no", 0, 400, "application/json", "{\"error\":\"invalid_token\"}",
         NONE},
        {"unauthorized", 0, 401, "application/json", "{\"active\":true}", NONE},
        {"forbidden", 0, 403, "application/json", "{\"active\":true}", NONE},
        {"not found", 0, 404, "application/json", "{\"active\":false}", NONE},
        {"slow down", 0, 429, "application/json", "{\"active\":true}", NONE},
        {"failed", 0, 500, "application/json", "{\"active\":true}", NONE},

        {"info", INTROSPECTION_TOKENINFO, 200, "application/json", "{\"aud\":\"a\"}", YES},
        {"info that denies itself", INTROSPECTION_TOKENINFO, 200, "application/json",
         "{\"error\":\"invalid_token\"}", NONE},
        {"unknown", INTROSPECTION_TOKENINFO, 400, "application/json",
         "{\"error\":\"invalid_token\"}", NO},
        {"another error", INTROSPECTION_TOKENINFO, 400, "application/json",
         "{\"error\":\"invalid_request\"}", NONE},
        {"an error that is none", INTROSPECTION_TOKENINFO, 400, "application/json",
         "{\"aud\":\"a\"}", NONE},
        {"an error of another status", INTROSPECTION_TOKENINFO, 404, "application/json",
         "{\"error\":\"invalid_token\"}", NONE},
        {"info as a page", INTROSPECTION_TOKENINFO, 200, "text/html", "{\"aud\":\"a\"}", NONE},
        {"info in a list", INTROSPECTION_TOKENINFO, 200, "application/json", "[]", NONE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct introspection_reply reply = {
            rows[i].http_status, slice_view_cstr(rows[i].type), slice_view_cstr(rows[i].body)};
        struct arena arena;
        struct diag diag = {0};
        bool is_active = rows[i].outcome != YES;
        arena_init(&arena, ARENA_BYTES, NULL);
        enum status status =
            introspection_read(corpus_parser(), rows[i].form, &reply, &arena, &is_active, &diag);
        if (rows[i].outcome == NONE) {
            CHECK_ROW(rows[i].name, status == STATUS_UNAVAILABLE);
            CHECK_ROW(rows[i].name, str_eq(diag.code, "identity.answer"));
        } else {
            CHECK_ROW(rows[i].name, status == STATUS_OK);
            CHECK_ROW(rows[i].name, is_active == (rows[i].outcome == YES));
        }
        arena_release(&arena);
    }
}

static bool read_under_failures(void *context)
{
    const struct introspection_reply reply = {200, SLICE("application/json"),
                                              SLICE("{\"active\":true,\"sub\":\"alice\"}")};
    struct arena arena;
    struct diag diag = {0};
    bool is_active = false;
    (void)context;
    arena_init(&arena, ARENA_BYTES, NULL);
    enum status status = introspection_read(corpus_parser(), INTROSPECTION_RFC7662, &reply, &arena,
                                            &is_active, &diag);
    arena_release(&arena);
    CHECK(status == STATUS_OK || (status == STATUS_LIMIT && !is_active));
    return status == STATUS_OK;
}

TEST(introspection_answer_without_memory)
{
    check_every_allocation(read_under_failures, NULL);
}
