#include "core/identity/jwks.h"

#include "base/base64.h"
#include "support/check.h"
#include "support/token_fixture.h"

#define SCRATCH_BYTES_MAX ((size_t)16 << 20)

static const uint8_t SEED[16] = {7};

struct outcome {
    enum status status;
    struct jwks *keys;
    struct jwks_report report;
    struct diag diag;
};

static struct outcome parse(struct fake_crypto *crypto, struct slice text)
{
    struct outcome outcome = {0};
    struct json_parser parser;
    struct arena scratch;
    json_parser_init(&parser, &(struct json_limits)JSON_LIMITS_DEFAULT, SEED);
    arena_init(&scratch, SCRATCH_BYTES_MAX, NULL);
    struct jwks_source source = {&parser, &crypto->port, text, &scratch};
    outcome.status = jwks_parse(&source, &outcome.keys, &outcome.report, &outcome.diag);
    arena_release(&scratch);
    return outcome;
}

/* A document of one good key named "good" and the given one. */
static void write_pair(struct buf *buf, const char *jwk)
{
    buf_append(buf, SLICE("{\"keys\":["));
    token_append_jwk(buf, JWS_ES256, 1, ",\"kid\":\"good\"");
    buf_append(buf, SLICE(","));
    buf_append(buf, slice_view_cstr(jwk));
    buf_append(buf, SLICE("]}"));
}

#define X32 "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"
#define OFF "_wEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"
#define X48 X32 "BAQEBAQEBAQEBAQEBAQEB"
#define X66 X48 "AQEBAQEBAQEBAQEBAQEBAQEB"
#define POINT(curve, x, extra)                                                                     \
    "{\"kty\":\"EC\",\"crv\":\"" curve "\",\"x\":\"" x "\",\"y\":\"" x "\"" extra "}"
#define EC(extra) POINT("P-256", X32, extra)
#define ED(x, extra) "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" x "\"" extra "}"

TEST(jwks_drops_what_cannot_check_a_signature)
{
    static const struct {
        const char *name, *jwk;
        size_t counter; /* offset in the report */
    } rows[] = {
        {"kept", EC(""), offsetof(struct jwks_report, kept)},
        {"kept with use", EC(",\"use\":\"sig\""), offsetof(struct jwks_report, kept)},
        {"kept with key_ops", EC(",\"key_ops\":[\"sign\",\"verify\"]"),
         offsetof(struct jwks_report, kept)},
        {"kept with alg", EC(",\"alg\":\"ES256\""), offsetof(struct jwks_report, kept)},
        {"kept with unknown members", EC(",\"x5c\":[\"AA\"],\"exp\":1"),
         offsetof(struct jwks_report, kept)},
        {"symmetric", "{\"kty\":\"oct\",\"k\":\"AAAA\"}", offsetof(struct jwks_report, symmetric)},
        {"private d", EC(",\"d\":\"AAAA\""), offsetof(struct jwks_report, with_secret)},
        {"private p", EC(",\"p\":\"AAAA\""), offsetof(struct jwks_report, with_secret)},
        {"k outside oct", EC(",\"k\":\"AAAA\""), offsetof(struct jwks_report, with_secret)},
        {"for encryption", EC(",\"use\":\"enc\""), offsetof(struct jwks_report, other_use)},
        {"use is a number", EC(",\"use\":1"), offsetof(struct jwks_report, other_use)},
        {"key_ops without verify", EC(",\"key_ops\":[\"sign\"]"),
         offsetof(struct jwks_report, other_use)},
        {"key_ops is a text", EC(",\"key_ops\":\"verify\""),
         offsetof(struct jwks_report, other_use)},
        {"key_ops is an object", EC(",\"key_ops\":{\"a\":\"verify\"}"),
         offsetof(struct jwks_report, other_use)},
        {"alg of another type", EC(",\"alg\":\"RS256\""),
         offsetof(struct jwks_report, unsupported)},
        {"alg HS256", EC(",\"alg\":\"HS256\""), offsetof(struct jwks_report, unsupported)},
        {"alg null", EC(",\"alg\":null"), offsetof(struct jwks_report, unsupported)},
        {"no kty", "{\"crv\":\"P-256\",\"x\":\"" X32 "\",\"y\":\"" X32 "\"}",
         offsetof(struct jwks_report, unsupported)},
        {"kept P-384", POINT("P-384", X48, ""), offsetof(struct jwks_report, kept)},
        {"kept P-384 with alg", POINT("P-384", X48, ",\"alg\":\"ES384\""),
         offsetof(struct jwks_report, kept)},
        {"kept P-521", POINT("P-521", X66, ",\"alg\":\"ES512\""),
         offsetof(struct jwks_report, kept)},
        {"kept Ed25519", ED(X32, ",\"alg\":\"EdDSA\""), offsetof(struct jwks_report, kept)},
        {"kept Ed25519 by its full name", ED(X32, ",\"alg\":\"Ed25519\""),
         offsetof(struct jwks_report, kept)},
        {"coordinates of another curve", POINT("P-384", X32, ""),
         offsetof(struct jwks_report, malformed)},
        {"coordinates of a larger curve", POINT("P-384", X66, ""),
         offsetof(struct jwks_report, malformed)},
        {"alg of another curve", POINT("P-384", X48, ",\"alg\":\"ES256\""),
         offsetof(struct jwks_report, unsupported)},
        {"alg with a curve's name", POINT("P-521", X66, ",\"alg\":\"ES521\""),
         offsetof(struct jwks_report, unsupported)},
        {"the curve of another use", POINT("secp256k1", X32, ",\"alg\":\"ES256K\""),
         offsetof(struct jwks_report, unsupported)},
        {"Ed25519 as EC", POINT("Ed25519", X32, ""), offsetof(struct jwks_report, unsupported)},
        {"P-256 as OKP", "{\"kty\":\"OKP\",\"crv\":\"P-256\",\"x\":\"" X32 "\"}",
         offsetof(struct jwks_report, unsupported)},
        {"Ed448", "{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" X32 "\"}",
         offsetof(struct jwks_report, unsupported)},
        {"X25519", "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" X32 "\"}",
         offsetof(struct jwks_report, unsupported)},
        {"Ed25519 of another length", ED(X48, ""), offsetof(struct jwks_report, malformed)},
        {"Ed25519 with alg ES256", ED(X32, ",\"alg\":\"ES256\""),
         offsetof(struct jwks_report, unsupported)},
        {"no y", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X32 "\"}",
         offsetof(struct jwks_report, malformed)},
        {"short x", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQEB\",\"y\":\"" X32 "\"}",
         offsetof(struct jwks_report, malformed)},
        {"padded x", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X32 "=\",\"y\":\"" X32 "\"}",
         offsetof(struct jwks_report, malformed)},
        {"off the curve", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" OFF "\",\"y\":\"" X32 "\"}",
         offsetof(struct jwks_report, malformed)},
        {"small modulus", "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" X32 "\"}",
         offsetof(struct jwks_report, malformed)},
        {"kid is a number", EC(",\"kid\":1"), offsetof(struct jwks_report, malformed)},
        {"not an object", "[]", offsetof(struct jwks_report, malformed)},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fake_crypto crypto;
        struct buf text;
        fake_crypto_init(&crypto);
        buf_init(&text, 65536, NULL);
        write_pair(&text, rows[i].jwk);
        struct outcome outcome = parse(&crypto, buf_view(&text));
        uint32_t counted = 0;
        memcpy(&counted, (const uint8_t *)&outcome.report + rows[i].counter, sizeof(counted));
        bool is_kept = rows[i].counter == offsetof(struct jwks_report, kept);
        CHECK_ROW(rows[i].name, outcome.status == STATUS_OK);
        CHECK_ROW(rows[i].name, counted == (is_kept ? 2 : 1));
        CHECK_ROW(rows[i].name, outcome.report.kept == (is_kept ? 2 : 1));
        jwks_unref(outcome.keys);
        CHECK_ROW(rows[i].name, crypto.keys == 0);
        buf_release(&text);
    }
}

/* Large numbers cost time with every signature, small ones and odd exponents are no secret. */
TEST(jwks_bounds_rsa_keys)
{
    static const struct {
        const char *name;
        size_t bytes;    /* of the modulus */
        uint8_t highest; /* of these, the first */
        struct slice exponent;
        bool is_kept;
    } rows[] = {
        {"2048 bits", 256, 0x80, SLICE_INIT("\1\0\1"), true},
        {"2047 bits", 256, 0x7F, SLICE_INIT("\1\0\1"), false},
        {"1024 bits", 128, 0x80, SLICE_INIT("\1\0\1"), false},
        {"8193 bits", 1025, 0x01, SLICE_INIT("\1\0\1"), false},
        {"16384 bits", 2048, 0x80, SLICE_INIT("\1\0\1"), false},
        {"nothing", 0, 0, SLICE_INIT("\1\0\1"), false},
        {"exponent 3", 256, 0x80, SLICE_INIT("\3"), true},
        {"exponent 3 with a zero before", 256, 0x80, SLICE_INIT("\0\3"), true},
        {"exponent of 32 bits", 256, 0x80, SLICE_INIT("\xFF\xFF\xFF\xFF"), true},
        {"exponent of 33 bits", 256, 0x80, SLICE_INIT("\1\0\0\0\1"), false},
        {"exponent 1", 256, 0x80, SLICE_INIT("\1"), false},
        {"exponent 2", 256, 0x80, SLICE_INIT("\2"), false},
        {"exponent 65536", 256, 0x80, SLICE_INIT("\1\0\0"), false},
        {"exponent 0", 256, 0x80, SLICE_INIT("\0"), false},
        {"no exponent", 256, 0x80, SLICE_INIT(""), false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        static uint8_t modulus[2048];
        struct fake_crypto crypto;
        struct buf text, jwk;
        fake_crypto_init(&crypto);
        memset(modulus, 0x5B, sizeof(modulus));
        modulus[0] = rows[i].highest;
        buf_init(&jwk, 65536, NULL);
        buf_init(&text, 65536, NULL);
        buf_append(&jwk, SLICE("{\"kty\":\"RSA\",\"e\":\""));
        base64_encode(&jwk, rows[i].exponent, BASE64_URL_UNPADDED);
        buf_append(&jwk, SLICE("\",\"n\":\""));
        base64_encode(&jwk, slice_of(modulus, rows[i].bytes), BASE64_URL_UNPADDED);
        buf_append(&jwk, SLICE("\"}"));
        buf_append_byte(&jwk, '\0');
        write_pair(&text, (const char *)jwk.ptr);
        struct outcome outcome = parse(&crypto, buf_view(&text));
        CHECK_ROW(rows[i].name, outcome.status == STATUS_OK);
        CHECK_ROW(rows[i].name, outcome.report.kept == (rows[i].is_kept ? 2 : 1));
        CHECK_ROW(rows[i].name, outcome.report.malformed == (rows[i].is_kept ? 0 : 1));
        jwks_unref(outcome.keys);
        buf_release(&jwk);
        buf_release(&text);
    }
}

TEST(jwks_refuses_documents)
{
    static const struct {
        const char *name, *text, *code;
    } rows[] = {
        {"empty", "", "jwks.malformed"},
        {"not JSON", "<html>", "jwks.malformed"},
        {"an array", "[]", "jwks.malformed"},
        {"no keys", "{}", "jwks.malformed"},
        {"keys is an object", "{\"keys\":{}}", "jwks.malformed"},
        {"a member twice", "{\"keys\":[],\"keys\":[]}", "jwks.malformed"},
        {"no key at all", "{\"keys\":[]}", "jwks.empty"},
        {"no usable key", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}", "jwks.empty"},
        {"trailing text", "{\"keys\":[" EC("") "]}x", "jwks.malformed"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fake_crypto crypto;
        fake_crypto_init(&crypto);
        struct outcome outcome = parse(&crypto, slice_view_cstr(rows[i].text));
        CHECK_ROW(rows[i].name, outcome.status == STATUS_INVALID && outcome.keys == NULL);
        CHECK_ROW(rows[i].name, str_eq(outcome.diag.code, rows[i].code));
        CHECK_ROW(rows[i].name, crypto.keys == 0);
    }
}

static struct outcome parse_many(struct fake_crypto *crypto, size_t count, size_t padding)
{
    struct buf text;
    buf_init(&text, 2 * JWKS_BYTES_MAX, NULL);
    buf_append(&text, SLICE("{\"keys\":["));
    for (size_t i = 0; i < count; i++) {
        buf_append(&text, i > 0 ? SLICE(",") : SLICE_EMPTY);
        token_append_jwk(&text, JWS_ES256, (uint8_t)(i % 200), "");
    }
    buf_append(&text, SLICE("]}"));
    while (text.len < padding) {
        buf_append_byte(&text, ' ');
    }
    struct outcome outcome = parse(crypto, buf_view(&text));
    buf_release(&text);
    return outcome;
}

TEST(jwks_limits_at_the_bound_and_one_past)
{
    static const struct {
        const char *name;
        size_t count, bytes;
        const char *code;
    } rows[] = {
        {"as many as allowed", JWKS_KEYS_MAX, 0, NULL},
        {"one too many", JWKS_KEYS_MAX + 1, 0, "jwks.limit"},
        {"as long as allowed", 1, JWKS_BYTES_MAX, NULL},
        {"one byte too long", 1, JWKS_BYTES_MAX + 1, "jwks.limit"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fake_crypto crypto;
        fake_crypto_init(&crypto);
        struct outcome outcome = parse_many(&crypto, rows[i].count, rows[i].bytes);
        CHECK_ROW(rows[i].name, str_eq(outcome.diag.code, rows[i].code));
        CHECK_ROW(rows[i].name, (outcome.status == STATUS_OK) == (rows[i].code == NULL));
        jwks_unref(outcome.keys);
        CHECK_ROW(rows[i].name, crypto.keys == 0);
    }
}

TEST(jwks_find_by_kid_and_algorithm)
{
    struct fake_crypto crypto;
    struct buf text;
    const void *found[JWKS_CANDIDATES_MAX];
    fake_crypto_init(&crypto);
    buf_init(&text, 65536, NULL);
    buf_append(&text, SLICE("{\"keys\":["));
    token_append_jwk(&text, JWS_ES256, 1, ",\"kid\":\"a\"");
    buf_append(&text, SLICE(","));
    token_append_jwk(&text, JWS_RS256, 0x81, ",\"kid\":\"a\"");
    for (uint8_t i = 0; i < 4; i++) {
        buf_append(&text, SLICE(","));
        token_append_jwk(&text, JWS_ES256, (uint8_t)(10 + i), ",\"kid\":\"many\"");
    }
    buf_append(&text, SLICE(","));
    token_append_jwk(&text, JWS_ES256, 2, "");
    buf_append(&text, SLICE("]}"));
    struct outcome outcome = parse(&crypto, buf_view(&text));
    CHECK(outcome.status == STATUS_OK && jwks_count(outcome.keys) == 7);
    const struct jwks *keys = outcome.keys;
    CHECK(jwks_find(keys, &SLICE("a"), JWS_ES256, found) == 1);
    CHECK(((const struct fake_key *)found[0])->algorithm == JWS_ES256);
    CHECK(jwks_find(keys, &SLICE("a"), JWS_RS256, found) == 1);
    CHECK(((const struct fake_key *)found[0])->algorithm == JWS_RS256);
    CHECK(jwks_find(keys, &SLICE("A"), JWS_RS256, found) == 0);
    CHECK(jwks_find(keys, &SLICE(""), JWS_ES256, found) == 0);
    CHECK(jwks_find(keys, &SLICE("many"), JWS_ES256, found) == 4);
    CHECK(jwks_find(keys, NULL, JWS_RS256, found) == 1);
    CHECK(jwks_find(keys, NULL, JWS_ES256, found) == 6);
    jwks_unref(jwks_ref(outcome.keys));
    jwks_unref(outcome.keys);
    CHECK(crypto.keys == 0);
    buf_release(&text);
}

/* Every algorithm against every kind of key: a key takes what its type allows, and once it names
 * an algorithm, that alone. */
TEST(jwks_find_takes_the_pair_of_algorithm_and_key)
{
    static const struct {
        const char *name, *jwk;
        uint32_t algorithms;
    } rows[] = {
        {"P-256", POINT("P-256", X32, ""), JWS_MASK(JWS_ES256)},
        {"P-384", POINT("P-384", X48, ""), JWS_MASK(JWS_ES384)},
        {"P-521", POINT("P-521", X66, ""), JWS_MASK(JWS_ES512)},
        {"Ed25519", ED(X32, ",\"alg\":\"Ed25519\""), JWS_MASK(JWS_EDDSA)},
        {"RSA", NULL,
         JWS_MASK(JWS_RS256) | JWS_MASK(JWS_RS384) | JWS_MASK(JWS_RS512) | JWS_MASK(JWS_PS256) |
             JWS_MASK(JWS_PS384) | JWS_MASK(JWS_PS512)},
        {"RSA for PS256", ",\"alg\":\"PS256\"", JWS_MASK(JWS_PS256)},
        {"RSA for RS512", ",\"alg\":\"RS512\"", JWS_MASK(JWS_RS512)},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fake_crypto crypto;
        struct buf text;
        const void *found[JWKS_CANDIDATES_MAX];
        fake_crypto_init(&crypto);
        buf_init(&text, 65536, NULL);
        buf_append(&text, SLICE("{\"keys\":["));
        if (rows[i].jwk != NULL && rows[i].jwk[0] == '{') {
            buf_append(&text, slice_view_cstr(rows[i].jwk));
        } else {
            token_append_jwk(&text, JWS_RS256, 0x81, rows[i].jwk == NULL ? "" : rows[i].jwk);
        }
        buf_append(&text, SLICE("]}"));
        struct outcome outcome = parse(&crypto, buf_view(&text));
        CHECK_ROW(rows[i].name, outcome.status == STATUS_OK);
        for (unsigned k = 0; outcome.status == STATUS_OK && k < JWS_ALGORITHM_COUNT; k++) {
            uint32_t count = jwks_find(outcome.keys, NULL, (enum jws_algorithm)k, found);
            CHECK_ROW(rows[i].name, count == ((rows[i].algorithms & JWS_MASK(k)) != 0 ? 1 : 0));
        }
        jwks_unref(outcome.keys);
        buf_release(&text);
    }
}

static struct jwks *keys_named(struct fake_crypto *crypto, const char *const *kids)
{
    struct buf text;
    buf_init(&text, 65536, NULL);
    buf_append(&text, SLICE("{\"keys\":["));
    for (size_t i = 0; kids[i] != NULL; i++) {
        buf_append(&text, i > 0 ? SLICE(",") : SLICE_EMPTY);
        /* "-": without a name */
        buf_append(&text,
                   SLICE("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X32 "\",\"y\":\"" X32 "\""));
        if (kids[i][0] != '-') {
            buf_append(&text, SLICE(",\"kid\":\""));
            buf_append(&text, slice_view_cstr(kids[i]));
            buf_append_byte(&text, '"');
        }
        buf_append_byte(&text, '}');
    }
    buf_append(&text, SLICE("]}"));
    struct outcome outcome = parse(crypto, buf_view(&text));
    CHECK(outcome.status == STATUS_OK);
    buf_release(&text);
    return outcome.keys;
}

/* What a series of documents leaves: each is read at its time and merged into what was. */
TEST(jwks_merge_keeps_keys_that_are_missing_for_a_moment)
{
    enum { T = 1000000, LATER = T + JWKS_ABSENT_MS };
    static const struct {
        const char *name;
        const char *documents[4][4];
        int64_t times_ms[4];
        const char *kept, *gone;
        bool is_settled;
    } rows[] = {
        {"nothing is missing", {{"a"}, {"a", "b"}}, {T, LATER}, "a", "c", true},
        {"missing once", {{"a"}, {"b"}}, {T, LATER}, "a", "c", false},
        {"missing twice within the time",
         {{"a"}, {"b"}, {"b"}},
         {T, T, LATER - 1},
         "a",
         "c",
         false},
        {"missing twice", {{"a"}, {"b"}, {"b"}}, {T, T, LATER}, "b", "a", true},
        {"missing twice, the first read long before",
         {{"a"}, {"b"}, {"b"}},
         {0, T, LATER - 1},
         "a",
         "c",
         false},
        {"back in between", {{"a"}, {"b"}, {"a"}, {"b"}}, {T, T, T + 1, LATER}, "a", "c", false},
        {"each in its time", {{"a"}, {"b"}, {"c"}, {"c"}}, {T, T, T + 1, LATER}, "b", "a", false},
        {"without a name", {{"-"}, {"b"}}, {T, T}, "b", "-", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fake_crypto crypto;
        const void *found[JWKS_CANDIDATES_MAX];
        fake_crypto_init(&crypto);
        struct jwks *keys = keys_named(&crypto, rows[i].documents[0]);
        for (size_t k = 1; k < 4 && rows[i].documents[k][0] != NULL; k++) {
            struct jwks *newer = keys_named(&crypto, rows[i].documents[k]);
            struct jwks *merged = NULL;
            CHECK(jwks_merge(newer, keys, rows[i].times_ms[k], &merged) == STATUS_OK);
            jwks_unref(newer);
            jwks_unref(keys);
            keys = merged;
        }
        struct slice kept = slice_view_cstr(rows[i].kept), gone = slice_view_cstr(rows[i].gone);
        CHECK_ROW(rows[i].name, jwks_find(keys, &kept, JWS_ES256, found) == 1);
        CHECK_ROW(rows[i].name, jwks_find(keys, &gone, JWS_ES256, found) == 0);
        CHECK_ROW(rows[i].name, jwks_is_settled(keys) == rows[i].is_settled);
        jwks_unref(keys);
        CHECK_ROW(rows[i].name, crypto.keys == 0);
    }
}

/* Under one name the newer key counts alone, and one of another type is another key. */
TEST(jwks_merge_replaces_a_key_under_its_name)
{
    struct fake_crypto crypto;
    struct buf text;
    const void *found[JWKS_CANDIDATES_MAX];
    struct jwks *merged = NULL;
    fake_crypto_init(&crypto);
    buf_init(&text, 65536, NULL);
    buf_append(&text, SLICE("{\"keys\":["));
    token_append_jwk(&text, JWS_ES256, 9, ",\"kid\":\"a\"");
    buf_append(&text, SLICE("]}"));
    struct outcome newer = parse(&crypto, buf_view(&text));
    buf_clear(&text);
    buf_append(&text, SLICE("{\"keys\":["));
    token_append_jwk(&text, JWS_ES256, 1, ",\"kid\":\"a\"");
    buf_append(&text, SLICE(","));
    token_append_jwk(&text, JWS_RS256, 0x81, ",\"kid\":\"a\"");
    buf_append(&text, SLICE("]}"));
    struct outcome older = parse(&crypto, buf_view(&text));
    CHECK(jwks_merge(newer.keys, older.keys, 0, &merged) == STATUS_OK);
    jwks_unref(older.keys);
    jwks_unref(newer.keys);
    CHECK(jwks_count(merged) == 2);
    CHECK(jwks_find(merged, &SLICE("a"), JWS_ES256, found) == 1);
    CHECK(((const struct fake_key *)found[0])->bytes[0] == 9);
    CHECK(jwks_find(merged, &SLICE("a"), JWS_RS256, found) == 1);
    jwks_unref(merged);
    CHECK(crypto.keys == 0);
    buf_release(&text);
}

static bool merge_under_failures(void *context)
{
    static const char *const a[] = {"a", NULL}, *const b[] = {"b", NULL};
    struct fake_crypto *crypto = context;
    struct jwks *merged = NULL;
    check_pause_failures(true);
    struct jwks *older = keys_named(crypto, a);
    struct jwks *newer = keys_named(crypto, b);
    check_pause_failures(false);
    enum status status = jwks_merge(newer, older, 0, &merged);
    CHECK(status == STATUS_OK || (status == STATUS_LIMIT && merged == NULL));
    jwks_unref(merged);
    jwks_unref(older);
    jwks_unref(newer);
    CHECK(crypto->keys == 0);
    return status == STATUS_OK;
}

TEST(jwks_merge_survives_every_failing_allocation)
{
    struct fake_crypto crypto;
    fake_crypto_init(&crypto);
    check_every_allocation(merge_under_failures, &crypto);
}

static bool parse_under_failures(void *context)
{
    struct fake_crypto *crypto = context;
    struct outcome outcome = parse(
        crypto, SLICE("{\"keys\":[" EC(",\"kid\":\"a\"") "," EC(",\"kid\":\"\\u0062\"") "]}"));
    CHECK(outcome.status == STATUS_OK || str_eq(outcome.diag.code, "jwks.limit"));
    jwks_unref(outcome.keys);
    CHECK(crypto->keys == 0);
    return outcome.status == STATUS_OK;
}

TEST(jwks_survives_every_failing_allocation)
{
    struct fake_crypto crypto;
    fake_crypto_init(&crypto);
    check_every_allocation(parse_under_failures, &crypto);
}
