#include "core/sign_in/token_request.h"

#include "core/sign_in/authorization.h"
#include "support/check.h"
#include "support/fake_crypto.h"

#include <stdio.h>

#define VERIFIER "a-verifier-of-enough-characters-that-is-good-000"

static const char *read_request(const char *body, struct arena *arena, struct token_request *out)
{
    struct form form;
    struct diag diag = {0};
    CHECK_ROW(body, form_read(slice_view_cstr(body), arena, &form, &diag) == STATUS_OK);
    return token_request_read(&form, out, &diag) == STATUS_OK ? NULL : diag.code;
}

TEST(token_request_is_read)
{
    static const struct {
        const char *body, *code;
        enum token_grant grant;
    } rows[] = {
        {"grant_type=authorization_code&code=c&client_id=i", NULL, TOKEN_GRANT_CODE},
        {"grant_type=refresh_token&refresh_token=r&client_id=i", NULL, TOKEN_GRANT_REFRESH},
        {"", "sign_in.grant_type", 0},
        {"code=c&client_id=i", "sign_in.grant_type", 0},
        {"grant_type=password&username=u&password=p", "sign_in.grant_type", 0},
        {"grant_type=client_credentials&client_id=i", "sign_in.grant_type", 0},
        {"grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer", "sign_in.grant_type", 0},
        {"grant_type=authorization_code&client_id=i", "sign_in.parameter", 0},
        {"grant_type=authorization_code&code=c", "sign_in.parameter", 0},
        {"grant_type=refresh_token&code=c&client_id=i", "sign_in.parameter", 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct token_request request;
        arena_init(&arena, 65536, NULL);
        CHECK_ROW(rows[i].body, str_eq(read_request(rows[i].body, &arena, &request), rows[i].code));
        CHECK_ROW(rows[i].body, rows[i].code != NULL || request.grant == rows[i].grant);
        arena_release(&arena);
    }
}

TEST(token_request_must_be_that_of_the_code)
{
    static const struct {
        const char *name;
        int64_t now_s;
        const char *client, *redirect_uri, *verifier, *resource, *code;
    } rows[] = {
        {"the one", 0, "client", "https://c.test/cb", VERIFIER, "https://gw.test/mcp", NULL},
        {"without a resource", 59, "client", "https://c.test/cb", VERIFIER, "", NULL},
        {"too late", 60, "client", "https://c.test/cb", VERIFIER, "", "sign_in.code_expired"},
        {"another client", 0, "thief", "https://c.test/cb", VERIFIER, "", "sign_in.code_client"},
        {"no client", 0, "", "https://c.test/cb", VERIFIER, "", "sign_in.code_client"},
        {"another address", 0, "client", "https://c.test/cb/", VERIFIER, "",
         "sign_in.code_redirect_uri"},
        {"no address", 0, "client", "", VERIFIER, "", "sign_in.code_redirect_uri"},
        {"another verifier", 0, "client", "https://c.test/cb", "X" VERIFIER, "",
         "sign_in.verifier"},
        {"no verifier", 0, "client", "https://c.test/cb", "", "", "sign_in.verifier"},
        {"another resource", 0, "client", "https://c.test/cb", VERIFIER, "https://gw.test/x",
         "sign_in.code_resource"},
        {"a longer resource", 0, "client", "https://c.test/cb", VERIFIER, "https://gw.test/mcp/",
         "sign_in.code_resource"},
    };
    struct fake_crypto crypto;
    struct buf challenge;
    fake_crypto_init(&crypto);
    buf_init(&challenge, 256, NULL);
    pkce_write_challenge(&crypto.port, SLICE(VERIFIER), &challenge);
    const struct sign_in_ticket code = {.expires_s = 60,
                                        .client = SLICE("client"),
                                        .redirect_uri = SLICE("https://c.test/cb"),
                                        .challenge = buf_view(&challenge),
                                        .resource = SLICE("https://gw.test/mcp")};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct diag diag = {0};
        const struct token_request request = {.grant = TOKEN_GRANT_CODE,
                                              .redirect_uri = slice_view_cstr(rows[i].redirect_uri),
                                              .verifier = slice_view_cstr(rows[i].verifier),
                                              .resource = slice_view_cstr(rows[i].resource)};
        enum status status = token_request_check(&request, &code, slice_view_cstr(rows[i].client),
                                                 &crypto.port, rows[i].now_s, &diag);
        CHECK_ROW(rows[i].name, (status == STATUS_OK) == (rows[i].code == NULL));
        CHECK_ROW(rows[i].name, str_eq(diag.code, rows[i].code));
    }
    buf_release(&challenge);
}

TEST(token_request_to_the_provider_is_ours)
{
    struct buf out;
    struct provider_token_request request = {.grant = TOKEN_GRANT_CODE,
                                             .client_id = SLICE("aegis"),
                                             .client_secret = SLICE("s&t"),
                                             .token = SLICE("c"),
                                             .redirect_uri = SLICE("https://gw.test/cb"),
                                             .verifier = SLICE("v"),
                                             .scope = SLICE("openid")};
    buf_init(&out, 4096, NULL);
    provider_token_request_write(&out, &request);
    CHECK(slice_eq(buf_view(&out),
                   SLICE("grant_type=authorization_code&code=c&client_id=aegis&client_secret=s%26t"
                         "&redirect_uri=https%3A%2F%2Fgw.test%2Fcb&code_verifier=v")));
    buf_clear(&out);
    request.grant = TOKEN_GRANT_REFRESH;
    request.resource = SLICE("r");
    provider_token_request_write(&out, &request);
    CHECK(slice_eq(buf_view(&out), SLICE("grant_type=refresh_token&refresh_token=c&client_id=aegis"
                                         "&client_secret=s%26t&scope=openid&resource=r")));
    buf_release(&out);
}

TEST(provider_tokens_are_read_up_to_their_bound)
{
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    static const uint8_t SEED[16];
    struct json_parser parser;
    json_parser_init(&parser, &LIMITS, SEED);
    for (size_t over = 0; over < 2; over++) {
        static char json[SIGN_IN_TOKEN_BYTES_MAX + 128];
        struct arena arena;
        struct json_tape tape;
        struct provider_tokens tokens;
        struct diag diag = {0};
        arena_init(&arena, 4 * sizeof(json), NULL);
        (void)snprintf(json, sizeof(json), "{\"token_type\":\"Bearer\",\"access_token\":\"%0*d\"}",
                       (int)(SIGN_IN_TOKEN_BYTES_MAX + over), 1);
        CHECK(json_parse(&parser, slice_view_cstr(json), &arena, &tape, NULL) == STATUS_OK);
        enum status status = provider_tokens_read(&tape, 200, &arena, &tokens, &diag);
        CHECK(status == (over == 0 ? STATUS_OK : STATUS_INVALID));
        CHECK(str_eq(diag.code, over == 0 ? NULL : "sign_in.provider_answer"));
        arena_release(&arena);
    }
}

TEST(provider_tokens_are_read)
{
    static const struct {
        const char *json;
        int http_status;
        const char *code;
        const char *answer; /* with an ID token: the access token of the client */
    } rows[] = {
        {"{\"access_token\":\"a\",\"token_type\":\"Bearer\"}", 200, NULL,
         "{\"token_type\":\"Bearer\",\"access_token\":\"a\"}"},
        {"{\"access_token\":\"a\",\"token_type\":\"bearer\",\"expires_in\":\"60\",\"scope\":\"x\","
         "\"refresh_token\":\"r\",\"id_token\":\"i\",\"ext_expires_in\":1}",
         200, NULL,
         "{\"token_type\":\"Bearer\",\"access_token\":\"a\",\"expires_in\":60,"
         "\"refresh_token\":\"sealed\",\"scope\":\"x\"}"},
        {"{\"access_token\":\"a\",\"token_type\":\"DPoP\"}", 200, "sign_in.provider_answer", NULL},
        {"{\"access_token\":\"a\"}", 200, "sign_in.provider_answer", NULL},
        {"{\"token_type\":\"Bearer\"}", 200, "sign_in.provider_answer", NULL},
        {"{\"access_token\":\"\",\"token_type\":\"Bearer\"}", 200, "sign_in.provider_answer", NULL},
        {"{\"access_token\":1,\"token_type\":\"Bearer\"}", 200, "sign_in.provider_answer", NULL},
        {"{\"access_token\":\"a\\n\",\"token_type\":\"Bearer\"}", 200, "sign_in.provider_answer",
         NULL},
        {"{\"access_token\":\"a\",\"token_type\":\"Bearer\",\"expires_in\":\"soon\"}", 200,
         "sign_in.provider_answer", NULL},
        {"{\"access_token\":\"a\",\"token_type\":\"Bearer\",\"expires_in\":-1}", 200,
         "sign_in.provider_answer", NULL},
        {"{\"access_token\":\"a\",\"token_type\":\"Bearer\"}", 500, "sign_in.provider_answer",
         NULL},
        {"{\"access_token\":\"a\",\"token_type\":\"Bearer\",\"error\":\"x\"}", 200,
         "sign_in.provider_answer", NULL},
        {"{\"error\":\"invalid_grant\"}", 400, "sign_in.provider_grant", NULL},
        {"{\"error\":\"invalid_client\"}", 401, "sign_in.provider_answer", NULL},
        {"[]", 200, "sign_in.provider_answer", NULL},
    };
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    static const uint8_t SEED[16];
    struct json_parser parser;
    json_parser_init(&parser, &LIMITS, SEED);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct json_tape tape;
        struct provider_tokens tokens;
        struct diag diag = {0};
        struct buf out;
        arena_init(&arena, 65536, NULL);
        buf_init(&out, 4096, NULL);
        CHECK(json_parse(&parser, slice_view_cstr(rows[i].json), &arena, &tape, NULL) == STATUS_OK);
        enum status status =
            provider_tokens_read(&tape, rows[i].http_status, &arena, &tokens, &diag);
        CHECK_ROW(rows[i].json, (status == STATUS_OK) == (rows[i].code == NULL));
        CHECK_ROW(rows[i].json, str_eq(diag.code, rows[i].code));
        if (status == STATUS_OK) {
            provider_tokens_write(&out, &tokens, false,
                                  tokens.refresh_token.len > 0 ? SLICE("sealed") : SLICE_EMPTY);
            CHECK_ROW(rows[i].json, slice_eq(buf_view(&out), slice_view_cstr(rows[i].answer)));
        }
        buf_release(&out);
        arena_release(&arena);
    }
}
