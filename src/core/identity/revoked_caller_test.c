/* Callers who were shut out, through all of identity_authenticate. */
#include "core/identity/identity.h"

#include "support/check.h"
#include "support/corpus.h"
#include "support/token_fixture.h"

#include <stdio.h>

#define ARENA_BYTES ((size_t)1 << 20)
#define COUNT_MAX 16
#define IDS ",\"iat\":999000,\"jti\":\"t1\",\"sid\":\"s1\",\"azp\":\"app\""

static struct fake_crypto crypto;
static struct identity_snapshot *snapshot;
static struct identity_cache *cache;
static struct buf token;

static void begin(const char *payload)
{
    static const struct slice AUDIENCE = SLICE_INIT("aegis");
    static const struct issuer_entry ENTRY = {.name = SLICE_INIT("corp"),
                                              .issuer = SLICE_INIT(TOKEN_ISSUER),
                                              .audiences = &AUDIENCE,
                                              .audience_count = 1,
                                              .algorithms = JWS_MASK(JWS_ES256)};
    const struct fake_key key = token_key(JWS_ES256, 1);
    struct jwks *keys = NULL;
    struct buf text;
    fake_crypto_init(&crypto);
    buf_init(&text, 4096, NULL);
    buf_append(&text, SLICE("{\"keys\":["));
    token_append_jwk(&text, JWS_ES256, 1, ",\"kid\":\"k1\"");
    buf_append(&text, SLICE("]}"));
    CHECK(token_parse_keys(corpus_parser(), &crypto, buf_view(&text), &keys) == STATUS_OK);
    const struct identity_config config = {&ENTRY, 1};
    CHECK(identity_snapshot_new(&config, &keys, 1, &snapshot, NULL) == STATUS_OK);
    CHECK(identity_cache_new(IDENTITY_CACHE_ENTRIES_DEFAULT, &cache) == STATUS_OK);
    jwks_unref(keys);
    buf_release(&text);
    buf_init(&token, 4096, NULL);
    token_append(&token, &key, SLICE(TOKEN_HEADER), slice_view_cstr(payload));
}

static void end(void)
{
    buf_release(&token);
    identity_cache_free(cache);
    identity_snapshot_unref(snapshot);
}

/* Is the token accepted under that list, one that was remembered like another? */
static bool is_in(const char *list_text, struct principal **out)
{
    struct revocations *list = NULL;
    struct principal *found[2] = {NULL, NULL};
    bool is_accepted[2];
    CHECK_ROW(list_text, revocations_read(corpus_parser(), slice_view_cstr(list_text), COUNT_MAX,
                                          &list, NULL) == STATUS_OK);
    for (size_t i = 0; i < 2; i++) {
        struct diag diag = {0};
        struct arena arena;
        arena_init(&arena, ARENA_BYTES, NULL);
        struct identity_request request = {.snapshot = snapshot,
                                           .revocations = list,
                                           .cache = i == 0 ? cache : NULL,
                                           .crypto = &crypto.port,
                                           .parser = corpus_parser(),
                                           .authorization = buf_view(&token),
                                           .now_s = TOKEN_NOW_S,
                                           .arena = &arena};
        is_accepted[i] = identity_authenticate(&request, &found[i], &diag) == STATUS_OK;
        CHECK_ROW(list_text, str_eq(diag.code, is_accepted[i] ? NULL : "token.revoked"));
        CHECK_ROW(list_text, (found[i] != NULL) == is_accepted[i]);
        arena_release(&arena);
    }
    CHECK_ROW(list_text, is_accepted[0] == is_accepted[1]);
    if (out != NULL) {
        *out = found[0];
    } else {
        principal_unref(found[0]);
    }
    principal_unref(found[1]);
    revocations_unref(list);
    return is_accepted[0];
}

TEST(revoked_callers_are_refused_although_they_are_remembered)
{
    static const char *const LISTS[] = {
        "{\"issuer\":\"corp\",\"jti\":\"t1\"}",
        "{\"issuer\":\"corp\",\"subject\":\"alice\"}",
        "{\"issuer\":\"corp\",\"subject\":\"alice\",\"issued_before\":999001}",
        "{\"issuer\":\"corp\",\"session\":\"s1\"}",
        "{\"issuer\":\"corp\",\"client\":\"app\"}",
        "{\"issuer\":\"corp\",\"issued_before\":999001}",
    };
    begin(TOKEN_CLAIMS(IDS));
    for (size_t i = 0; i < COUNT_OF(LISTS); i++) {
        CHECK_ROW(LISTS[i], is_in("# nobody", NULL));
        CHECK_ROW(LISTS[i], !is_in(LISTS[i], NULL));
    }
    end();
}

TEST(revoked_callers_are_those_of_the_list_alone)
{
    static const char *const LISTS[] = {
        "{\"issuer\":\"corp\",\"jti\":\"t2\"}",
        "{\"issuer\":\"corp\",\"subject\":\"bob\"}",
        "{\"issuer\":\"other\",\"subject\":\"alice\"}",
        "{\"issuer\":\"https://issuer.example\",\"subject\":\"alice\"}",
        "{\"issuer\":\"corp\",\"subject\":\"alice\",\"issued_before\":999000}",
        "{\"issuer\":\"corp\",\"subject\":\"alice\",\"expires_at\":1000000}",
        "{\"issuer\":\"corp\",\"issued_before\":999000}",
        "{\"key\":\"k1\"}",
    };
    begin(TOKEN_CLAIMS(IDS));
    for (size_t i = 0; i < COUNT_OF(LISTS); i++) {
        CHECK_ROW(LISTS[i], is_in(LISTS[i], NULL));
    }
    end();
}

/* The digits that the audit shows are what an operator has at hand. */
TEST(revoked_callers_may_be_named_by_the_hash_of_their_token)
{
    char list[128];
    struct principal *alice = NULL;
    begin(TOKEN_CLAIMS(IDS));
    CHECK(is_in("", &alice));
    (void)snprintf(list, sizeof(list), "{\"token\":\"%.*s\"}", SLICE_ARG(alice->fingerprint));
    CHECK(!is_in(list, NULL));
    principal_unref(alice);
    end();
}

/* What a token does not say, or says oddly, keeps nobody out by accident, and in by none. */
TEST(revoked_callers_without_ids)
{
    static const char LIST[] = "{\"issuer\":\"corp\",\"jti\":\"t1\"}\n"
                               "{\"issuer\":\"corp\",\"session\":\"s1\"}\n"
                               "{\"issuer\":\"corp\",\"client\":\"app\"}\n";
    static const char *const PAYLOADS[] = {
        TOKEN_CLAIMS(""),
        TOKEN_CLAIMS(",\"jti\":1,\"sid\":[\"s1\"]"),
        TOKEN_CLAIMS(",\"jti\":\"t1\\u0000\",\"sid\":\"\""),
    };
    for (size_t i = 0; i < COUNT_OF(PAYLOADS); i++) {
        begin(PAYLOADS[i]);
        CHECK_ROW(PAYLOADS[i], is_in(LIST, NULL));
        CHECK_ROW(PAYLOADS[i], !is_in("{\"issuer\":\"corp\",\"issued_before\":1}", NULL));
        end();
    }
}
