#include "daemon/sign_in/flow.h"

#include "adapters/crypto/openssl_crypto.h"
#include "support/check.h"

#include <stdio.h>

#define ARENA_BYTES ((size_t)64 << 10)
#define STATE "sssssssssssssssssssssssssssssssssssssssssss"

static struct flow a_flow(void)
{
    struct flow flow = {.issuer = SLICE("https://as.example"),
                        .authorization_endpoint = SLICE("https://as.example/auth"),
                        .client_id = SLICE("c 1&x=y"),
                        .resource = SLICE("https://a.example/mcp"),
                        .scope = SLICE("a b"),
                        .max_age_s = -1,
                        .redirect_uri = SLICE("http://127.0.0.1:5/callback/1"),
                        .redirect_path = SLICE("/callback/1")};
    (void)snprintf(flow.state, sizeof(flow.state), "%s", STATE);
    /* RFC 7636, appendix B. */
    (void)snprintf(flow.verifier, sizeof(flow.verifier), "%s",
                   "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    return flow;
}

TEST(flow_address_has_all_that_was_decided)
{
    static const struct {
        const char *endpoint, *separator;
    } rows[] = {{"https://as.example/auth", "?"},
                {"https://as.example/auth?tenant=1", "&"},
                {"https://as.example/auth?", ""}};
    struct openssl_crypto *crypto = NULL;
    CHECK(openssl_crypto_new(&crypto) == STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct flow flow = a_flow();
        struct buf out, expected;
        flow.authorization_endpoint = slice_view_cstr(rows[i].endpoint);
        buf_init(&out, 4096, NULL);
        buf_init(&expected, 4096, NULL);
        flow_write_address(&flow, openssl_crypto_port(crypto), &out);
        buf_append(&expected, slice_view_cstr(rows[i].endpoint));
        buf_append(&expected, slice_view_cstr(rows[i].separator));
        buf_append(&expected,
                   SLICE("response_type=code&client_id=c%201%26x%3Dy"
                         "&redirect_uri=http%3A%2F%2F127.0.0.1%3A5%2Fcallback%2F1&state=" STATE
                         "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
                         "&code_challenge_method=S256&resource=https%3A%2F%2Fa.example%2Fmcp"
                         "&scope=a%20b"));
        CHECK_ROW(rows[i].endpoint, slice_eq(buf_view(&out), buf_view(&expected)));
        buf_release(&out);
        buf_release(&expected);
    }
    openssl_crypto_free(crypto);
}

TEST(flow_address_asks_for_the_sign_in_that_is_wanted)
{
    static const struct {
        const char *scope, *acr_values, *claims;
        int64_t max_age_s;
        const char *end;
    } rows[] = {
        {"", "", "", -1, "example%2Fmcp"},
        {"", "", "", 0, "example%2Fmcp&max_age=0"},
        {"a", "", "", 60, "&scope=a&max_age=60"},
        {"", "urn:x&y phr", "", -1, "example%2Fmcp&acr_values=urn%3Ax%26y%20phr"},
        {"a", "b", "{\"c\":1}", 5, "&scope=a&acr_values=b&claims=%7B%22c%22%3A1%7D&max_age=5"},
    };
    struct openssl_crypto *crypto = NULL;
    CHECK(openssl_crypto_new(&crypto) == STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct flow flow = a_flow();
        struct buf out;
        flow.scope = slice_view_cstr(rows[i].scope);
        flow.acr_values = slice_view_cstr(rows[i].acr_values);
        flow.claims = slice_view_cstr(rows[i].claims);
        flow.max_age_s = rows[i].max_age_s;
        CHECK_ROW(rows[i].end, flow_wants_sign_in(&flow) == (i > 0));
        buf_init(&out, 4096, NULL);
        flow_write_address(&flow, openssl_crypto_port(crypto), &out);
        CHECK_ROW(rows[i].end, slice_ends_with(buf_view(&out), slice_view_cstr(rows[i].end)));
        buf_release(&out);
    }
    openssl_crypto_free(crypto);
}

#define P "/callback/1?state=" STATE
#define ISS "&iss=https%3A%2F%2Fas.example"

TEST(flow_judges_what_comes_back)
{
    static const struct {
        const char *target;
        bool states_issuer;
        enum flow_verdict verdict;
        const char *code, *error;
    } rows[] = {
        {P "&code=x", false, FLOW_DONE, "x", ""},
        {P "&code=x" ISS, true, FLOW_DONE, "x", ""},
        {P ISS "&code=a%2Bb+c", false, FLOW_DONE, "a+b c", ""},
        {P "&other=1&code=x&more", false, FLOW_DONE, "x", ""},
        {P "&error=access_denied&error_description=no%21", false, FLOW_DONE, "", "access_denied"},
        {P "&code=x", true, FLOW_WRONG, "", ""},
        {P "&error=x", true, FLOW_WRONG, "", ""},
        {P "&code=x&iss=https%3A%2F%2Fas.example%2F", false, FLOW_WRONG, "", ""},
        {P "&code=x&iss=https%3A%2F%2Fevil.example", true, FLOW_WRONG, "", ""},
        {P "&code=x&iss=", false, FLOW_WRONG, "", ""},
        {P "&code=x&iss", false, FLOW_WRONG, "", ""},
        {P, false, FLOW_STRANGER, "", ""},
        {P "&code=", false, FLOW_STRANGER, "", ""},
        {P "&code=x&error=y", false, FLOW_STRANGER, "", ""},
        {P "&code=x&code=x", false, FLOW_STRANGER, "", ""},
        {P "&code=x&state=" STATE, false, FLOW_STRANGER, "", ""},
        {P "x&code=x", false, FLOW_STRANGER, "", ""},
        {P "&code=%", false, FLOW_STRANGER, "", ""},
        {P "&code=%2", false, FLOW_STRANGER, "", ""},
        {P "&code=%zz", false, FLOW_STRANGER, "", ""},
        {"/callback/1?code=x", false, FLOW_STRANGER, "", ""},
        {"/callback/1?state=&code=x", false, FLOW_STRANGER, "", ""},
        {"/callback/1?state=S&code=x", false, FLOW_STRANGER, "", ""},
        {"/callback/1", false, FLOW_STRANGER, "", ""},
        {"/callback/2?state=" STATE "&code=x", false, FLOW_STRANGER, "", ""},
        {"/callback?state=" STATE "&code=x", false, FLOW_STRANGER, "", ""},
        {"/callback/1/?state=" STATE "&code=x", false, FLOW_STRANGER, "", ""},
        {"http://127.0.0.1/callback/1?state=" STATE "&code=x", false, FLOW_STRANGER, "", ""},
        {"*", false, FLOW_STRANGER, "", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct flow flow = a_flow();
        struct arena arena;
        struct flow_redirect out;
        struct diag diag = {0};
        enum flow_verdict verdict;
        arena_init(&arena, ARENA_BYTES, NULL);
        flow.states_issuer = rows[i].states_issuer;
        enum status status =
            flow_judge(&flow, slice_view_cstr(rows[i].target), &arena, &verdict, &out, &diag);
        CHECK_ROW(rows[i].target, verdict == rows[i].verdict);
        CHECK_ROW(rows[i].target, (status == STATUS_OK) == (rows[i].verdict != FLOW_WRONG));
        CHECK_ROW(rows[i].target, slice_eq(out.code, slice_view_cstr(rows[i].code)));
        CHECK_ROW(rows[i].target, slice_eq(out.error, slice_view_cstr(rows[i].error)));
        arena_release(&arena);
    }
}

TEST(flow_reads_no_address_that_is_too_long)
{
    for (size_t over = 0; over < 2; over++) {
        struct flow flow = a_flow();
        struct arena arena;
        struct buf target;
        struct flow_redirect out;
        enum flow_verdict verdict;
        arena_init(&arena, ARENA_BYTES, NULL);
        buf_init(&target, ARENA_BYTES, NULL);
        buf_append(&target, SLICE(P "&code="));
        while (target.len < FLOW_TARGET_BYTES_MAX + over) {
            buf_append_byte(&target, 'c');
        }
        CHECK(flow_judge(&flow, buf_view(&target), &arena, &verdict, &out, NULL) == STATUS_OK);
        CHECK(verdict == (over == 0 ? FLOW_DONE : FLOW_STRANGER));
        CHECK((out.code.len > 0) == (over == 0));
        buf_release(&target);
        arena_release(&arena);
    }
}

TEST(flow_scopes_are_sets)
{
    static const struct {
        const char *a, *b, *both;
        bool has;
    } rows[] = {
        {"", "", "", true},          {"a", "", "a", true},       {"", "a", "a", false},
        {"a b", "b a", "a b", true}, {"a", "b", "a b", false},   {"a  b ", " b c", "a b c", false},
        {"ab", "a", "ab a", false},  {"a", "ab", "a ab", false}, {"a a", "a", "a", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice a = slice_view_cstr(rows[i].a), b = slice_view_cstr(rows[i].b);
        struct buf out;
        buf_init(&out, 256, NULL);
        flow_unite_scopes(a, b, &out);
        CHECK_ROW(rows[i].both, slice_eq(buf_view(&out), slice_view_cstr(rows[i].both)));
        CHECK_ROW(rows[i].both, flow_has_scopes(a, b) == rows[i].has);
        buf_release(&out);
    }
}
