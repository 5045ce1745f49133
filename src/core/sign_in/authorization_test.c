#include "core/sign_in/authorization.h"

#include "support/check.h"
#include "support/fake_crypto.h"

#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
#define GOOD                                                                                       \
    "response_type=code&redirect_uri=https://client.test/cb&code_challenge_method=S256"            \
    "&code_challenge=" CHALLENGE

static const char *check_request(const char *query, struct arena *arena, struct sign_in_ticket *out)
{
    struct form form;
    struct diag diag = {0};
    CHECK_ROW(query, form_read(slice_view_cstr(query), arena, &form, &diag) == STATUS_OK);
    return authorization_check(&form, out, &diag) == STATUS_OK ? NULL : diag.code;
}

TEST(authorization_request_needs_pkce)
{
    static const struct {
        const char *name, *query, *code;
    } rows[] = {
        {"a good one", GOOD, NULL},
        {"all of it", GOOD "&state=s&resource=https://gw.test/mcp&response_mode=query", NULL},
        {"what we do not know", GOOD "&scope=all&prompt=none&nonce=n", NULL},
        {"nothing", "", "sign_in.response_type"},
        {"a token", "response_type=token", "sign_in.response_type"},
        {"a fragment", GOOD "&response_mode=fragment", "sign_in.response_type"},
        {"a form", GOOD "&response_mode=form_post", "sign_in.response_type"},
        {"no challenge", "response_type=code&code_challenge_method=S256", "sign_in.challenge"},
        {"no method", "response_type=code&code_challenge=" CHALLENGE, "sign_in.challenge"},
        {"plain", "response_type=code&code_challenge_method=plain&code_challenge=" CHALLENGE,
         "sign_in.challenge"},
        {"a short challenge", "response_type=code&code_challenge_method=S256&code_challenge=abc",
         "sign_in.challenge"},
        {"a long challenge", GOOD "x", "sign_in.challenge"},
        {"no base64",
         "response_type=code&code_challenge_method=S256&code_challenge="
         "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c%2F",
         "sign_in.challenge"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct sign_in_ticket ticket = {0};
        arena_init(&arena, 65536, NULL);
        CHECK_ROW(rows[i].name,
                  str_eq(check_request(rows[i].query, &arena, &ticket), rows[i].code));
        arena_release(&arena);
    }
}

TEST(authorization_request_has_limits)
{
    static const struct {
        const char *name;
        size_t bytes_max;
    } rows[] = {{"state", SIGN_IN_STATE_BYTES_MAX}, {"resource", SIGN_IN_RESOURCE_BYTES_MAX}};
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        struct arena arena;
        struct sign_in_ticket ticket = {0};
        char query[2048];
        size_t len = rows[i / 2].bytes_max + i % 2;
        size_t at = strlen(GOOD) + 2 + strlen(rows[i / 2].name);
        memcpy(query, GOOD "&", sizeof(GOOD));
        memcpy(query + sizeof(GOOD), rows[i / 2].name, strlen(rows[i / 2].name));
        query[at - 1] = '=';
        memset(query + at, 'x', len);
        query[at + len] = '\0';
        arena_init(&arena, 65536, NULL);
        CHECK_ROW(rows[i / 2].name, str_eq(check_request(query, &arena, &ticket),
                                           i % 2 == 0 ? NULL : "sign_in.parameter"));
        arena_release(&arena);
    }
}

TEST(authorization_goes_to_registered_addresses_only)
{
    static const struct {
        const char *query;
        bool is_good;
    } rows[] = {
        {"redirect_uri=https://client.test/cb", true},
        {"redirect_uri=http://127.0.0.1:5000/cb", true},
        {"", false},
        {"redirect_uri=", false},
        {"redirect_uri=https://client.test/cb/", false},
        {"redirect_uri=https://client.test/cb%23x", false},
        {"redirect_uri=https://evil.test/cb", false},
        {"redirect_uri=http://127.0.0.1:5000/other", false},
    };
    const struct sign_in_client client = {
        .uris = {SLICE("https://client.test/cb"), SLICE("http://127.0.0.1/cb")}, .uri_count = 2};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct form form;
        struct diag diag = {0};
        arena_init(&arena, 65536, NULL);
        CHECK(form_read(slice_view_cstr(rows[i].query), &arena, &form, &diag) == STATUS_OK);
        CHECK_ROW(rows[i].query, (authorization_check_client(&form, &client, &diag) == STATUS_OK) ==
                                     rows[i].is_good);
        CHECK_ROW(rows[i].query,
                  str_eq(diag.code, rows[i].is_good ? NULL : "sign_in.redirect_uri"));
        arena_release(&arena);
    }
}

TEST(pkce_ties_a_verifier_to_its_challenge)
{
    struct fake_crypto crypto;
    struct buf challenge;
    char verifier[PKCE_VERIFIER_BYTES_MAX + 1];
    fake_crypto_init(&crypto);
    memset(verifier, 'v', sizeof(verifier));
    for (size_t len = PKCE_VERIFIER_BYTES_MIN - 1; len <= sizeof(verifier); len++) {
        buf_init(&challenge, 256, NULL);
        pkce_write_challenge(&crypto.port, slice_of(verifier, len), &challenge);
        CHECK(challenge.len == PKCE_CHALLENGE_BYTES);
        bool is_length = len >= PKCE_VERIFIER_BYTES_MIN && len <= PKCE_VERIFIER_BYTES_MAX;
        CHECK(pkce_fits(&crypto.port, slice_of(verifier, len), buf_view(&challenge)) == is_length);
        verifier[0] = 'w';
        CHECK(!pkce_fits(&crypto.port, slice_of(verifier, len), buf_view(&challenge)));
        verifier[0] = 'v';
        CHECK(!pkce_fits(&crypto.port, slice_of(verifier, len), SLICE_EMPTY));
        buf_release(&challenge);
    }
}

TEST(provider_request_asks_for_ours)
{
    struct buf out;
    const struct sign_in_wishes none = {0};
    const struct sign_in_wishes wishes = {.acr_values = SLICE("a b"), .prompt = SLICE("login")};
    struct provider_request request = {.endpoint = SLICE("https://idp.test/authorize"),
                                       .client_id = SLICE("aegis"),
                                       .redirect_uri = SLICE("https://gw.test/sign-in/x/callback"),
                                       .state = SLICE("s"),
                                       .challenge = SLICE("c"),
                                       .wishes = &none};
    buf_init(&out, 4096, NULL);
    provider_request_write(&out, &request);
    CHECK(slice_eq(buf_view(&out),
                   SLICE("https://idp.test/authorize?response_type=code&client_id=aegis"
                         "&redirect_uri=https%3A%2F%2Fgw.test%2Fsign-in%2Fx%2Fcallback&state=s"
                         "&code_challenge=c&code_challenge_method=S256")));
    buf_clear(&out);
    request.endpoint = SLICE("https://idp.test/authorize?p=policy");
    request.scope = SLICE("openid api://aegis/call");
    request.resource = SLICE("https://gw.test");
    request.wishes = &wishes;
    provider_request_write(&out, &request);
    CHECK(slice_starts_with(buf_view(&out),
                            SLICE("https://idp.test/authorize?p=policy&response_type=code&")));
    CHECK(slice_ends_with(buf_view(&out), SLICE("&scope=openid%20api%3A%2F%2Faegis%2Fcall"
                                                "&resource=https%3A%2F%2Fgw.test"
                                                "&acr_values=a%20b&prompt=login")));
    buf_release(&out);
}
