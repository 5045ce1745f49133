/* Callers who were shut out, or whose tokens are too old, through all of identity_authenticate. */
#include "core/identity/identity.h"

#include "support/check.h"
#include "support/corpus.h"
#include "support/token_fixture.h"

#include <stdio.h>

#define ARENA_BYTES ((size_t)1 << 20)
#define COUNT_MAX 16
#define IDS ",\"iat\":999000,\"jti\":\"t1\",\"sid\":\"s1\",\"azp\":\"app\""

static struct token_issuer issuer;
static struct buf token;

static void begin_with(const char *payload, int64_t max_age_s)
{
    const struct issuer_entry entry = {.max_age_s = max_age_s};
    const struct fake_key key = token_key(JWS_ES256, 1);
    CHECK(token_issuer_init(&issuer, corpus_parser(), entry) == STATUS_OK);
    buf_init(&token, 4096, NULL);
    token_append(&token, &key, SLICE(TOKEN_HEADER), slice_view_cstr(payload));
}

static void begin(const char *payload)
{
    begin_with(payload, 0);
}

static void end(void)
{
    buf_release(&token);
    token_issuer_release(&issuer);
}

static enum status authenticate(const struct revocations *list, struct identity_cache *remembered,
                                int64_t now_s, struct principal **out, struct diag *diag)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES, NULL);
    struct identity_request request =
        token_request(&issuer, corpus_parser(), buf_view(&token), &arena);
    request.revocations = list;
    request.cache = remembered;
    request.now_s = now_s;
    enum status status = identity_authenticate(&request, out, diag);
    arena_release(&arena);
    return status;
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
        is_accepted[i] = authenticate(list, i == 0 ? issuer.cache : NULL, TOKEN_NOW_S, &found[i],
                                      &diag) == STATUS_OK;
        CHECK_ROW(list_text, str_eq(diag.code, is_accepted[i] ? NULL : "token.revoked"));
        CHECK_ROW(list_text, (found[i] != NULL) == is_accepted[i]);
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

/* What is remembered, and what a caller opens, ends with the age as well. */
TEST(tokens_are_no_older_than_their_issuer_s_may_be)
{
    enum { ISSUED = 999000, AGE = TOKEN_NOW_S - ISSUED, END = 1000600 };
    static const struct {
        const char *name, *payload;
        int64_t max_age_s, now_s;
        int64_t end_s;    /* of the principal; 0: refused */
        const char *code; /* NULL: accepted */
    } rows[] = {
        {"any age", TOKEN_CLAIMS(""), 0, TOKEN_NOW_S, END, NULL},
        {"one second left", TOKEN_CLAIMS(IDS), AGE + 1, TOKEN_NOW_S, TOKEN_NOW_S + 1, NULL},
        {"that old", TOKEN_CLAIMS(IDS), AGE, TOKEN_NOW_S, 0, "token.too_old"},
        {"older", TOKEN_CLAIMS(IDS), AGE - 1, TOKEN_NOW_S, 0, "token.too_old"},
        {"expires sooner", TOKEN_CLAIMS(IDS), 5000, TOKEN_NOW_S, END, NULL},
        {"has expired before", TOKEN_CLAIMS(IDS), 5000, END, 0, "token.expired"},
        {"no time", TOKEN_CLAIMS(""), 5000, TOKEN_NOW_S, 0, "token.no_issue_time"},
        {"a time of nothing", TOKEN_CLAIMS(",\"iat\":null"), 5000, TOKEN_NOW_S, 0, "token.claim"},
        {"a time of zero", TOKEN_CLAIMS(",\"iat\":0"), 5000, TOKEN_NOW_S, 0, "token.no_issue_time"},
        {"of the future", TOKEN_CLAIMS(",\"iat\":1000001"), 5000, TOKEN_NOW_S, 0,
         "token.not_yet_valid"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin_with(rows[i].payload, rows[i].max_age_s);
        for (int again = 0; again < 2; again++) {
            struct principal *found = NULL;
            struct diag diag = {0};
            enum status status = authenticate(NULL, issuer.cache, rows[i].now_s, &found, &diag);
            CHECK_ROW(rows[i].name, (status == STATUS_OK) == (rows[i].code == NULL));
            CHECK_ROW(rows[i].name, str_eq(diag.code, rows[i].code));
            CHECK_ROW(rows[i].name, found == NULL || found->expires_at_s == rows[i].end_s);
            principal_unref(found);
        }
        end();
    }
    struct principal *found = NULL;
    struct diag diag = {0};
    begin_with(TOKEN_CLAIMS(IDS), AGE + 1);
    CHECK(authenticate(NULL, issuer.cache, TOKEN_NOW_S, &found, &diag) == STATUS_OK);
    principal_unref(found);
    CHECK(authenticate(NULL, issuer.cache, TOKEN_NOW_S + 1, &found, &diag) ==
          STATUS_UNAUTHENTICATED);
    CHECK(found == NULL && str_eq(diag.code, "token.too_old"));
    end();
}
