#include "wire/bearer_challenge.h"

#include "support/check.h"

#define ARENA_BYTES ((size_t)64 << 10)
#define META "https://a.example/.well-known/oauth-protected-resource"

static const struct row {
    const char *value;
    enum status status;
    const char *metadata, *scope, *error;
} ROWS[] = {
    {"Bearer", STATUS_OK, "", "", ""},
    {"bearer resource_metadata=\"" META "\"", STATUS_OK, META, "", ""},
    {"Bearer realm=\"x\", scope=\"a b\", error=\"insufficient_scope\"", STATUS_OK, "", "a b",
     "insufficient_scope"},
    {"Bearer scope=a", STATUS_OK, "", "a", ""},
    {"Bearer SCOPE = \"a\" , error = x", STATUS_OK, "", "a", "x"},
    {"Bearer scope=\"a\\\"b\\\\c\"", STATUS_OK, "", "a\"b\\c", ""},
    {"Bearer scope=\"\"", STATUS_OK, "", "", ""},
    {"Basic realm=\"Bearer scope=\\\"z\\\"\", Bearer scope=\"a\"", STATUS_OK, "", "a", ""},
    {"Negotiate dG9rZW4=, Bearer scope=\"a\"", STATUS_OK, "", "a", ""},
    {"Negotiate dG9r/+==, Bearer scope=\"a\"", STATUS_OK, "", "a", ""},
    {"DPoP algs=\"ES256\", Bearer scope=\"a\", Basic scope=\"z\"", STATUS_OK, "", "a", ""},
    {"Bearer scope=\"a\", Bearer scope=\"z\"", STATUS_OK, "", "a", ""},
    {", ,Bearer ,scope=\"a\",", STATUS_OK, "", "a", ""},
    {"", STATUS_NOT_FOUND, "", "", ""},
    {"Basic realm=\"x\"", STATUS_NOT_FOUND, "", "", ""},
    {"Basic scope=\"z\"", STATUS_NOT_FOUND, "", "", ""},
    {"Bearer scope=\"a\", scope=\"b\"", STATUS_INVALID, NULL, NULL, NULL},
    {"Bearer scope=\"\", scope=\"b\"", STATUS_INVALID, NULL, NULL, NULL},
    {"Bearer scope=\"a", STATUS_INVALID, NULL, NULL, NULL},
    {"Bearer scope=\"a\\", STATUS_INVALID, NULL, NULL, NULL},
    {"Bearer (x)", STATUS_INVALID, NULL, NULL, NULL},
    {"\"Bearer\"", STATUS_INVALID, NULL, NULL, NULL},
    {"Bearer max_age=\"\"", STATUS_INVALID, NULL, NULL, NULL},
    {"Bearer max_age=-1", STATUS_INVALID, NULL, NULL, NULL},
    {"Bearer max_age=1.5", STATUS_INVALID, NULL, NULL, NULL},
    {"Bearer max_age=\"1 \"", STATUS_INVALID, NULL, NULL, NULL},
    {"Bearer max_age=99999999999999999999", STATUS_INVALID, NULL, NULL, NULL},
    {"Bearer max_age=1, max_age=1", STATUS_INVALID, NULL, NULL, NULL},
    {"Bearer acr_values=a, acr_values=b", STATUS_INVALID, NULL, NULL, NULL},
    {"Bearer claims=a, claims=a", STATUS_INVALID, NULL, NULL, NULL},
};

static bool is_text(struct slice text, const char *expected)
{
    return expected == NULL || slice_eq(text, slice_view_cstr(expected));
}

TEST(bearer_challenge_finds_the_bearer_challenge)
{
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        const struct row *row = &ROWS[i];
        struct arena arena;
        struct bearer_challenge challenge;
        struct diag diag = {0};
        arena_init(&arena, ARENA_BYTES, NULL);
        CHECK_ROW(row->value, bearer_challenge_read(slice_view_cstr(row->value), &arena, &challenge,
                                                    &diag) == row->status);
        CHECK_ROW(row->value, is_text(challenge.resource_metadata, row->metadata));
        CHECK_ROW(row->value, is_text(challenge.scope, row->scope));
        CHECK_ROW(row->value, is_text(challenge.error, row->error));
        arena_release(&arena);
    }
}

TEST(bearer_challenge_says_what_would_help)
{
    static const struct {
        const char *value;
        enum bearer_want want;
        const char *acr_values, *claims;
        int64_t max_age_s;
    } rows[] = {
        {"Bearer", BEARER_WANTS_TOKEN, "", "", -1},
        {"Bearer error=\"invalid_token\"", BEARER_WANTS_TOKEN, "", "", -1},
        {"Bearer error=\"insufficient\"", BEARER_WANTS_TOKEN, "", "", -1},
        {"Bearer error=\"INSUFFICIENT_SCOPE\"", BEARER_WANTS_TOKEN, "", "", -1},
        {"Basic error=\"insufficient_scope\", Bearer", BEARER_WANTS_TOKEN, "", "", -1},
        {"Basic max_age=7, Bearer, DPoP max_age=8", BEARER_WANTS_TOKEN, "", "", -1},
        {"Bearer error=\"insufficient_scope\", scope=a", BEARER_WANTS_SCOPE, "", "", -1},
        {"Bearer error=\"insufficient_user_authentication\", acr_values=\"a b\", max_age=\"5\"",
         BEARER_WANTS_SIGN_IN, "a b", "", 5},
        {"Bearer max_age=0, error=insufficient_user_authentication", BEARER_WANTS_SIGN_IN, "", "",
         0},
        {"Bearer realm=\"\", error=\"insufficient_claims\", claims=\"e30=\"", BEARER_WANTS_SIGN_IN,
         "", "e30=", -1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct bearer_challenge challenge;
        struct diag diag = {0};
        arena_init(&arena, ARENA_BYTES, NULL);
        CHECK_ROW(rows[i].value, bearer_challenge_read(slice_view_cstr(rows[i].value), &arena,
                                                       &challenge, &diag) == STATUS_OK);
        CHECK_ROW(rows[i].value, bearer_challenge_want(&challenge) == rows[i].want);
        CHECK_ROW(rows[i].value, is_text(challenge.acr_values, rows[i].acr_values));
        CHECK_ROW(rows[i].value, is_text(challenge.claims, rows[i].claims));
        CHECK_ROW(rows[i].value, challenge.max_age_s == rows[i].max_age_s);
        arena_release(&arena);
    }
}

/* Whatever the bytes are, and wherever they end. */
TEST(bearer_challenge_survives_every_cut_and_byte)
{
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct slice value = slice_view_cstr(ROWS[i].value);
        for (size_t at = 0; at < value.len; at++) {
            struct arena arena;
            struct bearer_challenge challenge;
            struct diag diag = {0};
            uint8_t changed[256];
            memcpy(changed, value.ptr, value.len);
            changed[at] = (uint8_t)check_random();
            arena_init(&arena, ARENA_BYTES, NULL);
            (void)!bearer_challenge_read(slice_sub(value, 0, at), &arena, &challenge, &diag);
            (void)!bearer_challenge_read(slice_of(changed, value.len), &arena, &challenge, &diag);
            CHECK(challenge.scope.len <= value.len);
            arena_release(&arena);
        }
    }
}

TEST(bearer_challenge_has_a_limit)
{
    enum { BYTES = 16384 };
    static uint8_t text[BYTES + 1];
    struct arena arena;
    struct bearer_challenge challenge;
    struct diag diag = {0};
    memset(text, ' ', sizeof(text));
    memcpy(text, "Bearer", 6);
    arena_init(&arena, ARENA_BYTES, NULL);
    CHECK(bearer_challenge_read(slice_of(text, BYTES), &arena, &challenge, &diag) == STATUS_OK);
    CHECK(bearer_challenge_read(slice_of(text, BYTES + 1), &arena, &challenge, &diag) ==
          STATUS_LIMIT);
    arena_release(&arena);
}
