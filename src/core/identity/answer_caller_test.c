/* Callers whose token only its issuer can read, through all of identity_authenticate. */
#include "core/identity/identity.h"

#include "support/check.h"
#include "support/corpus.h"
#include "support/token_fixture.h"

#define ARENA_BYTES ((size_t)4 << 20)
#define ASKED "https://asked.example"
#define GOOD(extra)                                                                                \
    "{\"active\":true,\"sub\":\"alice\",\"aud\":\"aegis\",\"client_id\":\"app\","                  \
    "\"token_type\":\"Bearer\",\"exp\":1000600" extra "}"
#define GOOGLE(extra)                                                                              \
    "{\"azp\":\"ours\",\"aud\":\"ours\",\"sub\":\"110\",\"exp\":\"1000600\","                      \
    "\"email_verified\":\"true\"" extra "}"
#define FOUR "\"b\",\"b\",\"b\",\"b\","
#define MANY FOUR FOUR FOUR FOUR FOUR FOUR FOUR FOUR
#define JKT "\"jkt\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""

static const struct slice AEGIS[] = {SLICE_INIT("aegis")};
static const struct slice OURS[] = {SLICE_INIT("ours")};
static const struct slice APP[] = {SLICE_INIT("app")};
static const struct slice ACME[] = {SLICE_INIT("acme.example")};

static const struct issuer_entry ENTRIES[] = {
    {.name = SLICE_INIT("signing"),
     .issuer = SLICE_INIT(TOKEN_ISSUER),
     .audiences = AEGIS,
     .audience_count = 1,
     .algorithms = JWS_MASK(JWS_ES256),
     .inquiry = {.asked = ISSUER_ASKED_ALWAYS, .prefix = SLICE_INIT("signing-"), .keep_s = 60}},
    {.kind = ISSUER_OF_ANSWERS,
     .name = SLICE_INIT("asked"),
     .issuer = SLICE_INIT(ASKED),
     .audiences = AEGIS,
     .audience_count = 1,
     .algorithms = JWS_MASK(JWS_ES256),
     .inquiry = {.asked = ISSUER_ASKED_OPAQUE, .keep_s = 60}},
    {.kind = ISSUER_OF_ANSWERS,
     .name = SLICE_INIT("pinned"),
     .issuer = SLICE_INIT("https://pinned.example"),
     .audiences = AEGIS,
     .audience_count = 1,
     .algorithms = JWS_MASK(JWS_ES256),
     .proofs = ISSUER_PROOFS_REQUIRED,
     .inquiry = {.asked = ISSUER_ASKED_OPAQUE,
                 .prefix = SLICE_INIT("pinned-"),
                 .clients = APP,
                 .client_count = 1,
                 .allows_untyped = true}},
    {.kind = ISSUER_OF_ANSWERS,
     .name = SLICE_INIT("strict"),
     .issuer = SLICE_INIT("https://strict.example"),
     .audiences = AEGIS,
     .audience_count = 1,
     .is_audience_strict = true,
     .max_age_s = 100,
     .algorithms = JWS_MASK(JWS_ES256),
     .inquiry = {.asked = ISSUER_ASKED_OPAQUE, .prefix = SLICE_INIT("strict-"), .keep_s = 60}},
    {.kind = ISSUER_OF_ANSWERS,
     .name = SLICE_INIT("google"),
     .preset = ISSUER_PRESET_GOOGLE,
     .issuer = SLICE_INIT("https://accounts.google.com"),
     .audiences = OURS,
     .audience_count = 1,
     .algorithms = JWS_MASK(JWS_ES256),
     .tenants = ACME,
     .tenant_count = 1,
     .inquiry = {.asked = ISSUER_ASKED_OPAQUE,
                 .form = INTROSPECTION_TOKENINFO,
                 .prefix = SLICE_INIT("ya29."),
                 .clients = OURS,
                 .client_count = 1,
                 .keep_s = 60}},
};

struct fixture {
    struct fake_crypto crypto;
    struct arena arena;
    struct identity_cache *cache;
    struct identity_snapshot *snapshot;
    struct jwks *keys[COUNT_OF(ENTRIES)];
    struct identity_miss miss;
    int64_t now_s;
};

static void init(struct fixture *self)
{
    const struct identity_config config = {ENTRIES, COUNT_OF(ENTRIES)};
    struct buf text;
    *self = (struct fixture){.now_s = TOKEN_NOW_S};
    fake_crypto_init(&self->crypto);
    arena_init(&self->arena, ARENA_BYTES, NULL);
    buf_init(&text, 4096, NULL);
    buf_append(&text, SLICE("{\"keys\":["));
    token_append_jwk(&text, JWS_ES256, 1, ",\"kid\":\"k1\"");
    buf_append(&text, SLICE("]}"));
    CHECK(token_parse_keys(corpus_parser(), &self->crypto, buf_view(&text), &self->keys[0]) ==
          STATUS_OK);
    buf_release(&text);
    CHECK(identity_snapshot_new(&config, self->keys, 1, &self->snapshot, NULL) == STATUS_OK);
    CHECK(identity_cache_new(IDENTITY_CACHE_ENTRIES_DEFAULT, &self->cache) == STATUS_OK);
}

static void release(struct fixture *self)
{
    identity_cache_free(self->cache);
    identity_snapshot_unref(self->snapshot);
    jwks_unref(self->keys[0]);
    arena_release(&self->arena);
}

/* "Bearer " and a token; answer NULL: nobody was asked. */
static enum status present(struct fixture *self, struct slice authorization,
                           const struct identity_answer *answer, struct principal **out,
                           struct diag *diag)
{
    struct identity_request request = {.snapshot = self->snapshot,
                                       .cache = self->cache,
                                       .crypto = &self->crypto.port,
                                       .parser = corpus_parser(),
                                       .authorization = authorization,
                                       .now_s = self->now_s,
                                       .answer = answer,
                                       .miss = &self->miss,
                                       .arena = &self->arena};
    return identity_authenticate(&request, out, diag);
}

static struct identity_answer answer_of(const char *entry, const char *text)
{
    return (struct identity_answer){.name = slice_view_cstr(entry),
                                    .is_yes = text != NULL,
                                    .text = slice_view_cstr(text),
                                    .asked_at_s = TOKEN_NOW_S};
}

TEST(answer_caller_has_to_be_asked_about)
{
    static const struct {
        const char *token, *entry; /* NULL: nobody is asked */
    } rows[] = {
        {"opaque", "asked"},    {"ya29.a0", "google"},      {"ya29.c.two-dots", "google"},
        {"pinned-1", "pinned"}, {"pinned-a.b.c", "pinned"}, {"signing-1", "signing"},
        {"ya2", "asked"},       {"Pinned-1", "asked"},      {"a.b.c", NULL},
        {"a.b.c.d.e", NULL},    {"pinned-1 2", NULL},       {"opaque,", NULL},
        {"pinned-\"", NULL},    {"aegis_0", "asked"},
    };
    struct fixture self;
    init(&self);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct slice parts[] = {SLICE("Bearer "), slice_view_cstr(rows[i].token)};
        struct slice text;
        struct principal *found = NULL;
        struct diag diag = {0};
        CHECK(arena_join(&self.arena, parts, COUNT_OF(parts), &text) == STATUS_OK);
        enum status status = present(&self, text, NULL, &found, &diag);
        bool is_asked = rows[i].entry != NULL;
        CHECK_ROW(rows[i].token, found == NULL && self.miss.is_unasked == is_asked);
        CHECK_ROW(rows[i].token,
                  status == (is_asked ? STATUS_UNAVAILABLE : STATUS_UNAUTHENTICATED));
        CHECK_ROW(rows[i].token,
                  str_eq(diag.code, is_asked ? "identity.unasked" : "token.malformed"));
        CHECK_ROW(rows[i].token, strstr(diag.message, rows[i].token) == NULL);
        if (is_asked) {
            CHECK_ROW(rows[i].token, slice_eq(self.miss.name, slice_view_cstr(rows[i].entry)));
            CHECK_ROW(rows[i].token, slice_eq(self.miss.about, parts[1]));
        }
    }
    release(&self);
}

TEST(answer_caller_is_who_the_answer_says)
{
    struct fixture self;
    struct principal *found = NULL;
    struct identity_answer answer = answer_of(
        "asked", GOOD(",\"scope\":\"a b\",\"roles\":[\"Readers\"],\"iss\":\"" ASKED "\""));
    init(&self);
    CHECK(present(&self, SLICE("Bearer opaque"), &answer, &found, NULL) == STATUS_OK);
    CHECK(found != NULL && slice_eq(found->issuer, SLICE("asked")) && !self.miss.is_unasked);
    CHECK(slice_eq(found->subject, SLICE("alice")) && slice_eq(found->client_id, SLICE("app")));
    CHECK(found->scope_count == 2 && found->role_count == 1 && found->key_id.len == 0);
    CHECK(found->expires_at_s == 1000600 && !found->is_service);
    principal_unref(found);
    answer = answer_of("google", GOOGLE(",\"email\":\"a@acme.example\",\"scope\":\"openid\""));
    CHECK(present(&self, SLICE("Bearer ya29.a"), &answer, &found, NULL) == STATUS_OK);
    CHECK(slice_eq(found->subject, SLICE("110")) && slice_eq(found->tenant, ACME[0]));
    CHECK(slice_eq(found->client_id, SLICE("ours")));
    CHECK(found->expires_at_s == 1000600 && found->scope_count == 1);
    principal_unref(found);
    release(&self);
}

TEST(answer_caller_is_refused)
{
    static const struct {
        const char *name, *token, *entry, *answer, *code;
    } rows[] = {
        {"good", "opaque", "asked", GOOD(""), NULL},
        {"its own issuer", "opaque", "asked", GOOD(",\"iss\":\"" ASKED "\""), NULL},
        {"a type in other letters", "opaque", "asked",
         "{\"sub\":\"a\",\"aud\":[\"b\",\"aegis\"],\"token_type\":\"bEARER\",\"exp\":1000600}",
         NULL},
        {"bound", "pinned-1", "pinned", GOOD(",\"cnf\":{" JKT "}"), "token.binding"},
        {"not active", "opaque", "asked", NULL, "token.inactive"},
        {"another issuer", "opaque", "asked", GOOD(",\"iss\":\"" TOKEN_ISSUER "\""),
         "token.issuer"},
        {"an empty issuer", "opaque", "asked", GOOD(",\"iss\":\"\""), "token.issuer"},
        {"an issuer that is null", "opaque", "asked", GOOD(",\"iss\":null"), "token.issuer"},
        {"no audience", "opaque", "asked",
         "{\"sub\":\"a\",\"token_type\":\"Bearer\",\"exp\":1000600}", "token.audience"},
        {"an audience of null", "opaque", "asked",
         "{\"sub\":\"a\",\"aud\":null,\"token_type\":\"Bearer\",\"exp\":1000600}",
         "token.audience"},
        {"another audience", "opaque", "asked",
         "{\"sub\":\"a\",\"aud\":\"Aegis\",\"token_type\":\"Bearer\",\"exp\":1000600}",
         "token.audience"},
        {"no type", "opaque", "asked", "{\"sub\":\"a\",\"aud\":\"aegis\",\"exp\":1000600}",
         "token.kind"},
        {"another type", "opaque", "asked",
         "{\"sub\":\"a\",\"aud\":\"aegis\",\"token_type\":\"N_A\",\"exp\":1000600}", "token.kind"},
        {"DPoP without a key", "opaque", "asked",
         "{\"sub\":\"a\",\"aud\":\"aegis\",\"token_type\":\"DPoP\",\"exp\":1000600}",
         "token.binding"},
        {"bound to a key", "opaque", "asked", GOOD(",\"cnf\":{" JKT "}"), "token.binding"},
        {"bound to nothing", "opaque", "asked", GOOD(",\"cnf\":{}"), "token.binding"},
        {"bound to a text", "opaque", "asked", GOOD(",\"cnf\":\"k\""), "token.binding"},
        {"an event", "opaque", "asked", GOOD(",\"events\":{}"), "token.kind"},
        {"two clients", "opaque", "asked", GOOD(",\"azp\":\"b\""), "token.client"},
        {"no end", "opaque", "asked", "{\"sub\":\"a\",\"aud\":\"aegis\",\"token_type\":\"Bearer\"}",
         "token.no_expiry"},
        {"its end", "opaque", "asked",
         "{\"sub\":\"a\",\"aud\":\"aegis\",\"token_type\":\"Bearer\",\"exp\":1000000}",
         "token.expired"},
        {"an end as a text", "opaque", "asked",
         "{\"sub\":\"a\",\"aud\":\"aegis\",\"token_type\":\"Bearer\",\"exp\":\"1000600\"}",
         "token.claim"},
        {"later", "opaque", "asked", GOOD(",\"nbf\":1000001"), "token.not_yet_valid"},
        {"issued later", "opaque", "asked", GOOD(",\"iat\":1000001"), "token.not_yet_valid"},
        {"no subject", "opaque", "asked",
         "{\"aud\":\"aegis\",\"username\":\"alice\",\"token_type\":\"Bearer\",\"exp\":1000600}",
         "token.subject"},
        {"an audience in a list in a list", "opaque", "asked",
         "{\"sub\":\"a\",\"aud\":[[\"aegis\"]],\"token_type\":\"Bearer\",\"exp\":1000600}",
         "token.claim"},
        {"an audience that is true", "opaque", "asked",
         "{\"sub\":\"a\",\"aud\":true,\"token_type\":\"Bearer\",\"exp\":1000600}", "token.claim"},
        {"more audiences than are looked at", "opaque", "asked",
         "{\"sub\":\"a\",\"aud\":[" MANY "\"aegis\"],\"token_type\":\"Bearer\","
         "\"exp\":1000600}",
         "token.claim"},
        {"two audiences", "opaque", "asked", GOOD(",\"aud\":\"b\""), "token.duplicate"},
        {"a scope that is a number", "opaque", "asked", GOOD(",\"scope\":7"), "token.claim"},
        {"an end that is true", "opaque", "asked",
         "{\"sub\":\"a\",\"aud\":\"aegis\",\"token_type\":\"Bearer\",\"exp\":true}", "token.claim"},
        {"an end of null", "opaque", "asked",
         "{\"sub\":\"a\",\"aud\":\"aegis\",\"token_type\":\"Bearer\",\"exp\":null}", "token.claim"},
        {"an end behind all numbers", "opaque", "asked",
         "{\"sub\":\"a\",\"aud\":\"aegis\",\"token_type\":\"Bearer\",\"exp\":1e400}",
         "token.claim"},
        {"an end before all time", "opaque", "asked",
         "{\"sub\":\"a\",\"aud\":\"aegis\",\"token_type\":\"Bearer\",\"exp\":-1}", "token.expired"},
        {"an empty subject", "opaque", "asked",
         "{\"sub\":\"\",\"aud\":\"aegis\",\"token_type\":\"Bearer\",\"exp\":1000600}",
         "token.subject"},
        {"a subject that is a number", "opaque", "asked",
         "{\"sub\":7,\"aud\":\"aegis\",\"token_type\":\"Bearer\",\"exp\":1000600}",
         "token.subject"},
        {"young enough", "strict-1", "strict", GOOD(",\"iat\":999901"), NULL},
        {"too old", "strict-1", "strict", GOOD(",\"iat\":999900"), "token.too_old"},
        {"of an age that nobody says", "strict-1", "strict", GOOD(""), "token.no_issue_time"},
        {"for somebody else as well", "strict-1", "strict",
         "{\"sub\":\"a\",\"aud\":[\"aegis\",\"b\"],\"token_type\":\"Bearer\",\"exp\":1000600,"
         "\"iat\":999999}",
         "token.audience"},
        {"unbound where all are bound", "pinned-1", "pinned", GOOD(""), "token.unbound"},
        {"another client", "pinned-1", "pinned",
         "{\"sub\":\"a\",\"client_id\":\"b\",\"exp\":1000600,\"cnf\":{" JKT "}}", "token.client"},
        {"no client", "pinned-1", "pinned", "{\"sub\":\"a\",\"exp\":1000600,\"cnf\":{" JKT "}}",
         "token.client"},
        {"the client and another audience", "pinned-1", "pinned",
         "{\"sub\":\"a\",\"client_id\":\"app\",\"aud\":\"b\",\"exp\":1000600,\"cnf\":{" JKT "}}",
         "token.audience"},
        {"of Google", "ya29.a", "google", GOOGLE(""), NULL},
        {"of another application", "ya29.a", "google",
         "{\"azp\":\"b\",\"aud\":\"b\",\"sub\":\"1\",\"exp\":\"1000600\",\"email_verified\":"
         "\"true\"}",
         "token.client"},
        {"of ours for another", "ya29.a", "google",
         "{\"azp\":\"ours\",\"aud\":\"b\",\"sub\":\"1\",\"exp\":\"1000600\","
         "\"email_verified\":\"true\"}",
         "token.audience"},
        {"of Google for a type", "ya29.a", "google", GOOGLE(",\"token_type\":\"x\""), "token.kind"},
        {"an end with more behind", "ya29.a", "google",
         "{\"azp\":\"ours\",\"aud\":\"ours\",\"sub\":\"1\",\"exp\":\"1000600e9\","
         "\"email_verified\":\"true\"}",
         "token.claim"},
#define ENDS(exp)                                                                                  \
    "{\"azp\":\"ours\",\"aud\":\"ours\",\"sub\":\"1\",\"exp\":" exp ",\"email_verified\":"         \
    "\"true\"}"
        {"an end with a space", "ya29.a", "google", ENDS("\" 1000600\""), "token.claim"},
        {"an end with a sign", "ya29.a", "google", ENDS("\"+1000600\""), "token.claim"},
        {"an end in parts", "ya29.a", "google", ENDS("\"1000600.5\""), "token.claim"},
        {"an end in other digits", "ya29.a", "google", ENDS("\"0xF4498\""), "token.claim"},
        {"a text that is over", "ya29.a", "google", ENDS("\"1000000\""), "token.expired"},
        {"seconds that are left", "ya29.a", "google",
         "{\"azp\":\"ours\",\"aud\":\"ours\",\"sub\":\"1\",\"expires_in\":\"600\","
         "\"email_verified\":\"true\"}",
         "token.no_expiry"},
        {"an address that is not verified", "ya29.a", "google",
         "{\"azp\":\"ours\",\"aud\":\"ours\",\"sub\":\"1\",\"exp\":\"1000600\","
         "\"email_verified\":\"false\"}",
         "token.claim"},
        {"an address that is verified somehow", "ya29.a", "google",
         "{\"azp\":\"ours\",\"aud\":\"ours\",\"sub\":\"1\",\"exp\":\"1000600\","
         "\"email_verified\":\"1\"}",
         "token.claim"},
        {"without its application", "ya29.a", "google",
         "{\"aud\":\"ours\",\"sub\":\"1\",\"exp\":\"1000600\",\"email_verified\":\"true\"}",
         "token.client"},
        {"an end of nothing", "ya29.a", "google",
         "{\"azp\":\"ours\",\"aud\":\"ours\",\"sub\":\"1\",\"exp\":\"\",\"email_verified\":"
         "\"true\"}",
         "token.claim"},
        {"an address that is anybody's", "ya29.a", "google",
         "{\"azp\":\"ours\",\"aud\":\"ours\",\"sub\":\"1\",\"exp\":\"1000600\"}", "token.claim"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture self;
        struct slice text;
        struct principal *found = NULL;
        struct diag diag = {0};
        const struct slice parts[] = {SLICE("Bearer "), slice_view_cstr(rows[i].token)};
        struct identity_answer answer = answer_of(rows[i].entry, rows[i].answer);
        init(&self);
        CHECK(arena_join(&self.arena, parts, COUNT_OF(parts), &text) == STATUS_OK);
        enum status status = present(&self, text, &answer, &found, &diag);
        CHECK_ROW(rows[i].name,
                  status == (rows[i].code == NULL ? STATUS_OK : STATUS_UNAUTHENTICATED));
        CHECK_ROW(rows[i].name, (found != NULL) == (rows[i].code == NULL));
        CHECK_ROW(rows[i].name, str_eq(diag.code, rows[i].code));
        principal_unref(found);
        release(&self);
    }
}

/* The answer of an issuer that the token is not for, as after a reload, is none. */
TEST(answer_caller_of_another_entry)
{
    struct fixture self;
    struct principal *found = NULL;
    struct diag diag = {0};
    struct identity_answer answer = answer_of("pinned", GOOD(""));
    init(&self);
    CHECK(present(&self, SLICE("Bearer opaque"), &answer, &found, &diag) == STATUS_UNAVAILABLE);
    CHECK(found == NULL && str_eq(diag.code, "identity.unasked") && self.miss.is_unasked);
    release(&self);
}

#define ENDING "{\"sub\":\"a\",\"aud\":\"aegis\",\"token_type\":\"Bearer\",\"exp\":1000030}"

TEST(answer_caller_is_remembered_as_long_as_the_answer_counts)
{
    static const struct {
        const char *name, *token, *entry;
        int64_t asked_at_s, now_s;
        bool is_known;
        const char *answer;
    } rows[] = {
        {"before the token's own end", "opaque", "asked", TOKEN_NOW_S, TOKEN_NOW_S + 29, true,
         ENDING},
        {"at the token's own end", "opaque", "asked", TOKEN_NOW_S, TOKEN_NOW_S + 30, false, ENDING},
        {"at once", "opaque", "asked", TOKEN_NOW_S, TOKEN_NOW_S, true, GOOD("")},
        {"in the last second", "opaque", "asked", TOKEN_NOW_S, TOKEN_NOW_S + 59, true, GOOD("")},
        {"at the end", "opaque", "asked", TOKEN_NOW_S, TOKEN_NOW_S + 60, false, GOOD("")},
        {"an older answer", "opaque", "asked", TOKEN_NOW_S - 50, TOKEN_NOW_S + 9, true, GOOD("")},
        {"an older answer at its end", "opaque", "asked", TOKEN_NOW_S - 50, TOKEN_NOW_S + 10, false,
         GOOD("")},
        {"too old", "opaque", "asked", TOKEN_NOW_S - 60, TOKEN_NOW_S, false, GOOD("")},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture self;
        struct principal *found = NULL;
        struct identity_answer answer = answer_of(rows[i].entry, rows[i].answer);
        answer.asked_at_s = rows[i].asked_at_s;
        init(&self);
        CHECK_ROW(rows[i].name,
                  present(&self, SLICE("Bearer opaque"), &answer, &found, NULL) == STATUS_OK);
        principal_unref(found);
        found = NULL;
        self.now_s = rows[i].now_s;
        enum status status = present(&self, SLICE("Bearer opaque"), NULL, &found, NULL);
        CHECK_ROW(rows[i].name, (status == STATUS_OK) == rows[i].is_known);
        principal_unref(found);
        release(&self);
    }
}

/* A signed token is verified before anybody is asked, and keeps what it is bound to. */
TEST(answer_caller_with_a_signed_token)
{
    static const struct {
        const char *name, *claims, *answer;
        uint8_t seed;
        const char *code; /* NULL: accepted */
    } rows[] = {
        {"good", TOKEN_CLAIMS(""), GOOD(""), 1, NULL},
        {"unasked", TOKEN_CLAIMS(""), "", 1, "identity.unasked"},
        {"not active", TOKEN_CLAIMS(""), NULL, 1, "token.inactive"},
        {"another key", TOKEN_CLAIMS(""), "", 2, "token.signature"},
        {"over", "{\"iss\":\"" TOKEN_ISSUER "\",\"exp\":1000000}", "", 1, "token.expired"},
        {"of a sign-in", TOKEN_CLAIMS(",\"nonce\":\"n\""), "", 1, "token.kind"},
        {"an event", TOKEN_CLAIMS(",\"events\":{}"), "", 1, "token.kind"},
        {"another issuer's answer", TOKEN_CLAIMS(""), GOOD(",\"iss\":\"" ASKED "\""), 1,
         "token.issuer"},
        {"bound, and the answer is not", TOKEN_CLAIMS(",\"cnf\":{" JKT "}"), GOOD(""), 1,
         "token.binding"},
        {"an answer that is bound", TOKEN_CLAIMS(""), GOOD(",\"cnf\":{" JKT "}"), 1,
         "token.binding"},
        {"an answer without an end", TOKEN_CLAIMS(""),
         "{\"sub\":\"a\",\"aud\":\"aegis\",\"token_type\":\"Bearer\"}", 1, NULL},
        {"an answer that is over", TOKEN_CLAIMS(""),
         "{\"sub\":\"a\",\"aud\":\"aegis\",\"token_type\":\"Bearer\",\"exp\":999999}", 1,
         "token.expired"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture self;
        struct buf token;
        struct principal *found = NULL;
        struct diag diag = {0};
        struct fake_key key = token_key(JWS_ES256, rows[i].seed);
        struct identity_answer answer = answer_of("signing", rows[i].answer);
        bool is_asked = rows[i].answer == NULL || rows[i].answer[0] != '\0';
        init(&self);
        buf_init(&token, 4096, NULL);
        token_append(&token, &key, SLICE(TOKEN_HEADER), slice_view_cstr(rows[i].claims));
        (void)!present(&self, buf_view(&token), is_asked ? &answer : NULL, &found, &diag);
        CHECK_ROW(rows[i].name, (found != NULL) == (rows[i].code == NULL));
        CHECK_ROW(rows[i].name, str_eq(diag.code, rows[i].code));
        CHECK_ROW(rows[i].name, self.miss.is_unasked == str_eq(rows[i].code, "identity.unasked"));
        CHECK_ROW(rows[i].name, found == NULL || found->expires_at_s == 1000600);
        principal_unref(found);
        buf_release(&token);
        release(&self);
    }
}

/* Who is asked must be plain. */
TEST(answer_entries_that_are_no_good)
{
    static const struct {
        const char *name;
        enum issuer_kind kinds[2];
        const char *prefixes[2];
        enum issuer_asked asked[2];
        const char *issuer;
        bool is_good;
    } rows[] = {
        {"a prefix and none",
         {ISSUER_OF_ANSWERS, ISSUER_OF_ANSWERS},
         {"a--", ""},
         {1, 1},
         ASKED,
         true},
        {"two prefixes",
         {ISSUER_OF_ANSWERS, ISSUER_OF_ANSWERS},
         {"a--", "b--"},
         {1, 2},
         ASKED,
         true},
        {"one is not asked", {ISSUER_OF_ANSWERS, ISSUER_OF_TOKENS}, {"", ""}, {1, 0}, ASKED, true},
        {"two without a prefix",
         {ISSUER_OF_ANSWERS, ISSUER_OF_ANSWERS},
         {"", ""},
         {1, 1},
         ASKED,
         false},
        {"equal prefixes",
         {ISSUER_OF_ANSWERS, ISSUER_OF_TOKENS},
         {"a--", "a--"},
         {1, 2},
         ASKED,
         false},
        {"one prefix in the other",
         {ISSUER_OF_ANSWERS, ISSUER_OF_ANSWERS},
         {"a--", "a--b"},
         {1, 1},
         ASKED,
         false},
        {"the other way round",
         {ISSUER_OF_ANSWERS, ISSUER_OF_ANSWERS},
         {"a--b", "a--"},
         {1, 1},
         ASKED,
         false},
        {"nobody to ask", {ISSUER_OF_ANSWERS, ISSUER_OF_TOKENS}, {"", ""}, {0, 0}, ASKED, false},
        {"a prefix of signed tokens",
         {ISSUER_OF_ANSWERS, ISSUER_OF_TOKENS},
         {"eyJ", ""},
         {1, 0},
         ASKED,
         false},
        {"many tenants",
         {ISSUER_OF_ANSWERS, ISSUER_OF_TOKENS},
         {"", ""},
         {1, 0},
         ASKED "/{tenantid}",
         false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct issuer_entry entries[2];
        struct jwks *no_keys[2] = {NULL, NULL};
        struct identity_snapshot *snapshot = NULL;
        for (size_t k = 0; k < 2; k++) {
            entries[k] = (struct issuer_entry){
                .kind = rows[i].kinds[k],
                .name = k == 0 ? SLICE("one") : SLICE("two"),
                .issuer = k == 0 ? slice_view_cstr(rows[i].issuer) : SLICE("https://two.example"),
                .needs_tenant = true,
                .algorithms = JWS_MASK(JWS_ES256),
                .inquiry = {.asked = rows[i].asked[k],
                            .prefix = slice_view_cstr(rows[i].prefixes[k])}};
        }
        const struct identity_config config = {entries, 2};
        enum status status = identity_snapshot_new(&config, no_keys, 1, &snapshot, NULL);
        CHECK_ROW(rows[i].name, (status == STATUS_OK) == rows[i].is_good);
        identity_snapshot_unref(snapshot);
    }
}

static bool authenticate_under_failures(void *context)
{
    struct fixture *self = context;
    struct principal *found = NULL;
    struct diag diag = {0};
    struct identity_answer answer =
        answer_of("asked", GOOD(",\"scope\":\"a b\",\"roles\":[\"R\\u0041\"]"));
    arena_release(&self->arena);
    enum status status = present(self, SLICE("Bearer opaque"), &answer, &found, &diag);
    CHECK(status == STATUS_OK || (status == STATUS_LIMIT && found == NULL));
    principal_unref(found);
    return status == STATUS_OK;
}

TEST(answer_caller_without_memory)
{
    struct fixture self;
    init(&self);
    identity_cache_free(self.cache); /* nobody is remembered */
    self.cache = NULL;
    check_every_allocation(authenticate_under_failures, &self);
    release(&self);
}
