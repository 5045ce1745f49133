/* Tokens of every algorithm, signed here with OpenSSL and checked by the whole of identity.h. */
#include "adapters/crypto/openssl_crypto.h"
#include "base/base64.h"
#include "core/identity/identity.h"
#include "core/identity/jws.h"
#include "support/check.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>

#define NOW_S 1800000000
#define KEY_TYPES (CRYPTO_KEY_ED25519 + 1)
#define TEXT_BYTES_MAX ((size_t)2 << 20)
#define ARENA_BYTES_MAX ((size_t)16 << 20)
#define ISSUER "https://idp.example.test"
#define AUDIENCE "https://gw.example.test/mcp"
#define CLAIMS_OF(issuer, audience, more)                                                          \
    "{\"iss\":\"" issuer "\",\"aud\":" audience ",\"sub\":\"alice\"" more "}"
#define CLAIMS(more) CLAIMS_OF(ISSUER, "\"" AUDIENCE "\"", ",\"exp\":1800000600" more)

static const uint8_t SEED[16] = {6};

/* One key of each type, and whoever trusts all of them. */
struct fixture {
    struct openssl_crypto *crypto;
    const struct port_crypto *port;
    struct json_parser parser;
    EVP_PKEY *const *keys; /* by type */
    struct jwks *sets[2];
    struct identity_snapshot *snapshot;
};

/* -- keys ---------------------------------------------------------------------------------- */

/* Made once: that of RSA takes as long as a thousand tokens. */
static EVP_PKEY *const *all_keys(void)
{
    static EVP_PKEY *keys[KEY_TYPES];
    if (keys[0] == NULL) {
        keys[CRYPTO_KEY_RSA] = EVP_RSA_gen(2048);
        keys[CRYPTO_KEY_P256] = EVP_EC_gen("P-256");
        keys[CRYPTO_KEY_P384] = EVP_EC_gen("P-384");
        keys[CRYPTO_KEY_P521] = EVP_EC_gen("P-521");
        keys[CRYPTO_KEY_ED25519] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    }
    return keys;
}

static void append_number(EVP_PKEY *key, const char *name, size_t width, struct buf *out)
{
    BIGNUM *number = NULL;
    uint8_t bytes[512];
    CHECK(EVP_PKEY_get_bn_param(key, name, &number) == 1);
    size_t len = width > 0 ? width : (size_t)BN_num_bytes(number);
    CHECK(BN_bn2binpad(number, bytes, (int)len) == (int)len);
    base64_encode(out, slice_of(bytes, len), BASE64_URL_UNPADDED);
    BN_free(number);
}

static void append_point(EVP_PKEY *key, const char *curve, size_t width, struct buf *out)
{
    buf_append(out, SLICE("\"kty\":\"EC\",\"crv\":\""));
    buf_append(out, slice_view_cstr(curve));
    buf_append(out, SLICE("\",\"x\":\""));
    append_number(key, OSSL_PKEY_PARAM_EC_PUB_X, width, out);
    buf_append(out, SLICE("\",\"y\":\""));
    append_number(key, OSSL_PKEY_PARAM_EC_PUB_Y, width, out);
}

/* The members of a public JWK, up to the quote that ends the last. */
static void append_members(EVP_PKEY *key, enum crypto_key_type type, struct buf *out)
{
    uint8_t raw[CRYPTO_ED25519_BYTES];
    size_t len = sizeof(raw);
    switch (type) {
    case CRYPTO_KEY_RSA:
        buf_append(out, SLICE("\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\""));
        append_number(key, OSSL_PKEY_PARAM_RSA_N, 0, out);
        break;
    case CRYPTO_KEY_P256:
        append_point(key, "P-256", 32, out);
        break;
    case CRYPTO_KEY_P384:
        append_point(key, "P-384", 48, out);
        break;
    case CRYPTO_KEY_P521:
        append_point(key, "P-521", 66, out);
        break;
    case CRYPTO_KEY_ED25519:
        CHECK(EVP_PKEY_get_raw_public_key(key, raw, &len) == 1);
        buf_append(out, SLICE("\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\""));
        base64_encode(out, slice_of(raw, len), BASE64_URL_UNPADDED);
        break;
    }
}

static struct jwks *parse_keys(struct fixture *f, struct slice text)
{
    struct arena scratch;
    struct jwks *keys = NULL;
    arena_init(&scratch, ARENA_BYTES_MAX, NULL);
    struct jwks_source source = {&f->parser, f->port, text, &scratch};
    CHECK(jwks_parse(&source, &keys, NULL, NULL) == STATUS_OK);
    arena_release(&scratch);
    return keys;
}

/* Each key as "kN" for all algorithms of its type, RSA also as "ps" for PS256 alone. */
static struct jwks *publish(struct fixture *f)
{
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX, NULL);
    buf_append(&text, SLICE("{\"keys\":[{"));
    append_members(f->keys[CRYPTO_KEY_RSA], CRYPTO_KEY_RSA, &text);
    buf_append(&text, SLICE("\",\"kid\":\"ps\",\"alg\":\"PS256\"}"));
    for (size_t i = 0; i < KEY_TYPES; i++) {
        char kid[32];
        buf_append(&text, SLICE(",{"));
        append_members(f->keys[i], (enum crypto_key_type)i, &text);
        (void)snprintf(kid, sizeof(kid), "\",\"kid\":\"k%zu\"}", i);
        buf_append(&text, slice_view_cstr(kid));
    }
    buf_append(&text, SLICE("]}"));
    struct jwks *keys = parse_keys(f, buf_view(&text));
    buf_release(&text);
    return keys;
}

#define VECTOR_KEYS                                                                                \
    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k-ES256\",\"alg\":\"ES256\","          \
    "\"use\":\"sig\",\"x\":\"Ac0-Wdgs64Fdrp84cBxpU982fVtfCUEpG_I-PPOX7MY\","                       \
    "\"y\":\"-S4Zgj27t4I8wK2GtSzt4xOUqFN-ew7HUJhbjyNAPJk\"},{\"kty\":\"OKP\","                     \
    "\"crv\":\"Ed25519\",\"kid\":\"k-EdDSA\",\"alg\":\"EdDSA\",\"use\":\"sig\","                   \
    "\"x\":\"cR1PCBkjxdPJl6YA7S-Y68yaaexmtDfWBK2ywKqNjfo\"}]}"

/* Two issuers with keys of their own: the second has the published vectors' keys. */
static void setup(struct fixture *f)
{
    static const struct slice audiences[] = {SLICE_INIT(AUDIENCE)};
    static const struct issuer_entry entries[] = {
        {.name = SLICE_INIT("own"),
         .issuer = SLICE_INIT(ISSUER "/own"),
         .audiences = audiences,
         .audience_count = 1,
         .algorithms = JWS_MASK_ALL,
         .typ = ISSUER_TYP_ACCESS_TOKEN},
        {.name = SLICE_INIT("vectors"),
         .issuer = SLICE_INIT(ISSUER),
         .audiences = audiences,
         .audience_count = 1,
         .algorithms = JWS_MASK_ALL,
         .typ = ISSUER_TYP_ACCESS_TOKEN},
    };
    const struct identity_config config = {entries, COUNT_OF(entries)};
    *f = (struct fixture){0};
    json_parser_init(&f->parser, &(struct json_limits)JSON_LIMITS_DEFAULT, SEED);
    CHECK(openssl_crypto_new(&f->crypto) == STATUS_OK);
    f->port = openssl_crypto_port(f->crypto);
    f->keys = all_keys();
    f->sets[0] = publish(f);
    f->sets[1] = parse_keys(f, SLICE(VECTOR_KEYS));
    CHECK(identity_snapshot_new(&config, f->sets, 1, &f->snapshot, NULL) == STATUS_OK);
}

static void teardown(struct fixture *f)
{
    identity_snapshot_unref(f->snapshot);
    jwks_unref(f->sets[0]);
    jwks_unref(f->sets[1]);
    openssl_crypto_free(f->crypto);
}

/* -- tokens -------------------------------------------------------------------------------- */

static const EVP_MD *digest_of(enum jws_algorithm algorithm)
{
    switch (algorithm) {
    case JWS_RS256:
    case JWS_PS256:
    case JWS_ES256:
        return EVP_sha256();
    case JWS_RS384:
    case JWS_PS384:
    case JWS_ES384:
        return EVP_sha384();
    case JWS_RS512:
    case JWS_PS512:
    case JWS_ES512:
        return EVP_sha512();
    case JWS_EDDSA:
    case JWS_ALGORITHM_COUNT:
        break;
    }
    return NULL;
}

/* ASN.1 to r || s. */
static size_t raw_signature(const uint8_t *der, size_t len, size_t width, uint8_t *out)
{
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)len);
    CHECK(signature != NULL);
    CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, (int)width) == (int)width);
    CHECK(BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + width, (int)width) == (int)width);
    ECDSA_SIG_free(signature);
    return 2 * width;
}

static size_t sign(const struct fixture *f, enum jws_algorithm algorithm, struct slice input,
                   uint8_t out[1024])
{
    static const size_t WIDTHS[] = {
        [CRYPTO_KEY_P256] = 32, [CRYPTO_KEY_P384] = 48, [CRYPTO_KEY_P521] = 66};
    enum crypto_key_type type = jws_key_type(algorithm);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *padding = NULL;
    uint8_t text[1024];
    size_t len = sizeof(text);
    CHECK(EVP_DigestSignInit(context, &padding, digest_of(algorithm), NULL, f->keys[type]) == 1);
    if (algorithm == JWS_PS256 || algorithm == JWS_PS384 || algorithm == JWS_PS512) {
        CHECK(EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) == 1);
        CHECK(EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, RSA_PSS_SALTLEN_DIGEST) == 1);
    }
    CHECK(EVP_DigestSign(context, text, &len, input.ptr, input.len) == 1);
    EVP_MD_CTX_free(context);
    if (type < COUNT_OF(WIDTHS) && WIDTHS[type] > 0) {
        return raw_signature(text, len, WIDTHS[type], out);
    }
    memcpy(out, text, len);
    return len;
}

static void append_input(struct buf *out, struct slice header, struct slice claims)
{
    base64_encode(out, header, BASE64_URL_UNPADDED);
    buf_append_byte(out, '.');
    base64_encode(out, claims, BASE64_URL_UNPADDED);
}

/* "Bearer " and a token of that header and claims, signed with algorithm whatever they say. */
static void mint(const struct fixture *f, enum jws_algorithm algorithm, const char *header,
                 struct slice claims, struct buf *out)
{
    uint8_t signature[1024];
    buf_clear(out);
    buf_append(out, SLICE("Bearer "));
    size_t start = out->len;
    append_input(out, slice_view_cstr(header), claims);
    size_t len = sign(f, algorithm, slice_sub(buf_view(out), start, out->len), signature);
    buf_append_byte(out, '.');
    base64_encode(out, slice_of(signature, len), BASE64_URL_UNPADDED);
}

/* A good one. */
static void mint_plain(const struct fixture *f, enum jws_algorithm algorithm, struct buf *out)
{
    char header[128];
    (void)snprintf(header, sizeof(header), "{\"alg\":\"%.*s\",\"typ\":\"at+jwt\",\"kid\":\"k%u\"}",
                   SLICE_ARG(jws_algorithm_name(algorithm)), (unsigned)jws_key_type(algorithm));
    mint(f, algorithm, header,
         SLICE(CLAIMS_OF(ISSUER "/own", "\"" AUDIENCE "\"", ",\"exp\":1800000600")), out);
}

static enum status authenticate_with(const struct fixture *f, struct slice authorization,
                                     struct diag *diag)
{
    struct arena arena;
    struct principal *principal = NULL;
    arena_init(&arena, ARENA_BYTES_MAX, NULL);
    struct identity_request request = {.snapshot = f->snapshot,
                                       .crypto = f->port,
                                       .parser = &f->parser,
                                       .authorization = authorization,
                                       .now_s = NOW_S,
                                       .arena = &arena};
    enum status status = identity_authenticate(&request, &principal, diag);
    CHECK((principal != NULL) == (status == STATUS_OK));
    principal_unref(principal);
    arena_release(&arena);
    return status;
}

static bool is_accepted(const struct fixture *f, struct slice authorization)
{
    return authenticate_with(f, authorization, NULL) == STATUS_OK;
}

/* -- tests --------------------------------------------------------------------------------- */

TEST(algorithms_accept_their_tokens)
{
    struct fixture f;
    struct buf token;
    setup(&f);
    buf_init(&token, TEXT_BYTES_MAX, NULL);
    for (unsigned i = 0; i < JWS_ALGORITHM_COUNT; i++) {
        const char *name = (const char *)jws_algorithm_name((enum jws_algorithm)i).ptr;
        mint_plain(&f, (enum jws_algorithm)i, &token);
        CHECK_ROW(name, is_accepted(&f, buf_view(&token)));
    }
    mint(&f, JWS_EDDSA, "{\"alg\":\"Ed25519\",\"typ\":\"at+jwt\",\"kid\":\"k4\"}",
         SLICE(CLAIMS_OF(ISSUER "/own", "\"" AUDIENCE "\"", ",\"exp\":1800000600")), &token);
    CHECK(is_accepted(&f, buf_view(&token)));
    buf_release(&token);
    teardown(&f);
}

/* Signed with one, called another: never, not even with one key for both. */
TEST(algorithms_are_not_taken_for_each_other)
{
    struct fixture f;
    struct buf token;
    setup(&f);
    buf_init(&token, TEXT_BYTES_MAX, NULL);
    for (unsigned i = 0; i < JWS_ALGORITHM_COUNT; i++) {
        for (unsigned k = 0; k < JWS_ALGORITHM_COUNT; k++) {
            char header[128];
            (void)snprintf(header, sizeof(header),
                           "{\"alg\":\"%.*s\",\"typ\":\"at+jwt\",\"kid\":\"k%u\"}",
                           SLICE_ARG(jws_algorithm_name((enum jws_algorithm)k)),
                           (unsigned)jws_key_type((enum jws_algorithm)i));
            mint(&f, (enum jws_algorithm)i, header,
                 SLICE(CLAIMS_OF(ISSUER "/own", "\"" AUDIENCE "\"", ",\"exp\":1800000600")),
                 &token);
            CHECK_ROW(header, is_accepted(&f, buf_view(&token)) == (i == k));
        }
    }
    buf_release(&token);
    teardown(&f);
}

/* All bits of a token in turn; where a check is slow, one of each byte. */
static size_t flip_bits(const struct fixture *f, struct buf *token, bool is_slow)
{
    size_t accepted = 0;
    for (size_t i = SLICE("Bearer ").len; i < token->len; i++) {
        unsigned first = is_slow ? (unsigned)(check_random() % 8) : 0;
        for (unsigned bit = first; bit < (is_slow ? first + 1 : 8); bit++) {
            token->ptr[i] ^= (uint8_t)(1U << bit);
            accepted += is_accepted(f, buf_view(token));
            token->ptr[i] ^= (uint8_t)(1U << bit);
        }
    }
    return accepted;
}

/* One byte more or less anywhere, and other bytes that some decoders read as the same. */
static size_t edit_bytes(const struct fixture *f, const struct buf *token)
{
    static const char INSERTED[] = "=.+/ \t\r\n%A";
    struct slice whole = buf_view(token);
    struct buf edited;
    size_t accepted = 0;
    buf_init(&edited, TEXT_BYTES_MAX, NULL);
    for (size_t i = SLICE("Bearer ").len; i <= whole.len; i++) {
        for (size_t k = 0; k < sizeof(INSERTED); k++) {
            buf_clear(&edited);
            buf_append(&edited, slice_sub(whole, 0, i));
            /* The last row inserts nothing and leaves a byte out. */
            buf_append(&edited, slice_sub(slice_view_cstr(INSERTED), k, k + 1));
            buf_append(&edited, slice_sub(whole, k + 1 < sizeof(INSERTED) ? i : i + 1, whole.len));
            /* Space around a field value is no part of it (RFC 9110 §5.5). */
            bool is_outside = (i == SLICE("Bearer ").len || i == whole.len) &&
                              (INSERTED[k] == ' ' || INSERTED[k] == '\t');
            bool is_same = is_outside || slice_eq(buf_view(&edited), whole);
            accepted += !is_same && is_accepted(f, buf_view(&edited));
        }
    }
    buf_release(&edited);
    return accepted;
}

/* The parts of two good tokens of one key, in every other combination. */
static size_t mix_parts(const struct fixture *f, enum jws_algorithm algorithm,
                        const struct buf *token)
{
    char header[128];
    struct buf other, mixed;
    size_t accepted = 0;
    buf_init(&other, TEXT_BYTES_MAX, NULL);
    buf_init(&mixed, TEXT_BYTES_MAX, NULL);
    (void)snprintf(header, sizeof(header), "{\"alg\":\"%.*s\",\"kid\":\"k%u\",\"typ\":\"at+jwt\"}",
                   SLICE_ARG(jws_algorithm_name(algorithm)), (unsigned)jws_key_type(algorithm));
    mint(f, algorithm, header,
         SLICE(CLAIMS_OF(ISSUER "/own", "\"" AUDIENCE "\"", ",\"exp\":1800000601")), &other);
    CHECK(is_accepted(f, buf_view(&other)));
    struct slice parts[2][3];
    for (size_t i = 0; i < 2; i++) {
        struct slice rest = slice_sub(buf_view(i == 0 ? token : &other), 7, TEXT_BYTES_MAX);
        for (size_t k = 0; k < 3; k++) {
            size_t dot = slice_find_byte(rest, '.');
            parts[i][k] = slice_sub(rest, 0, dot);
            rest = slice_sub(rest, dot + 1, rest.len);
        }
    }
    for (unsigned order = 0; order < 216; order++) {
        unsigned picks[3] = {order % 6, order / 6 % 6, order / 36};
        buf_clear(&mixed);
        buf_append(&mixed, SLICE("Bearer "));
        for (size_t k = 0; k < 3; k++) {
            buf_append(&mixed, k > 0 ? SLICE(".") : SLICE_EMPTY);
            buf_append(&mixed, parts[picks[k] / 3][picks[k] % 3]);
        }
        bool is_same = slice_eq(buf_view(&mixed), buf_view(token)) ||
                       slice_eq(buf_view(&mixed), buf_view(&other));
        accepted += !is_same && is_accepted(f, buf_view(&mixed));
    }
    buf_release(&other);
    buf_release(&mixed);
    return accepted;
}

TEST(algorithms_accept_no_mutation_of_a_token)
{
    struct fixture f;
    struct buf token;
    setup(&f);
    buf_init(&token, TEXT_BYTES_MAX, NULL);
    for (unsigned i = 0; i < JWS_ALGORITHM_COUNT; i++) {
        enum jws_algorithm algorithm = (enum jws_algorithm)i;
        const char *name = (const char *)jws_algorithm_name(algorithm).ptr;
        mint_plain(&f, algorithm, &token);
        CHECK_ROW(name, is_accepted(&f, buf_view(&token)));
        CHECK_ROW(name,
                  flip_bits(&f, &token, algorithm == JWS_ES384 || algorithm == JWS_ES512) == 0);
        CHECK_ROW(name, edit_bytes(&f, &token) == 0);
        CHECK_ROW(name, mix_parts(&f, algorithm, &token) == 0);
        CHECK_ROW(name, is_accepted(&f, buf_view(&token)));
    }
    buf_release(&token);
    teardown(&f);
}

/* Signatures of other shapes than RFC 7518 §3.4 says. */
TEST(algorithms_refuse_other_forms_of_a_signature)
{
    struct fixture f;
    struct buf token;
    setup(&f);
    buf_init(&token, TEXT_BYTES_MAX, NULL);
    for (unsigned i = 0; i < JWS_ALGORITHM_COUNT; i++) {
        const char *name = (const char *)jws_algorithm_name((enum jws_algorithm)i).ptr;
        mint_plain(&f, (enum jws_algorithm)i, &token);
        size_t end = token.len;
        while (token.ptr[end - 1] != '.') {
            end--;
        }
        struct slice signed_part = slice_sub(buf_view(&token), 0, end);
        for (size_t len = 0; len <= 300; len++) {
            static const uint8_t zeros[300];
            struct buf other;
            buf_init(&other, TEXT_BYTES_MAX, NULL);
            buf_append(&other, signed_part);
            base64_encode(&other, slice_of(zeros, len), BASE64_URL_UNPADDED);
            CHECK_ROW(name, !is_accepted(&f, buf_view(&other)));
            buf_release(&other);
        }
    }
    buf_release(&token);
    teardown(&f);
}

TEST(algorithms_refuse_ecdsa_as_asn1)
{
    struct fixture f;
    struct buf token;
    uint8_t der[256];
    size_t len = sizeof(der);
    setup(&f);
    buf_init(&token, TEXT_BYTES_MAX, NULL);
    append_input(&token, SLICE("{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}"),
                 SLICE(CLAIMS_OF(ISSUER "/own", "\"" AUDIENCE "\"", ",\"exp\":1800000600")));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    CHECK(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, f.keys[CRYPTO_KEY_P256]) == 1);
    CHECK(EVP_DigestSign(context, der, &len, token.ptr, token.len) == 1);
    EVP_MD_CTX_free(context);
    struct buf whole;
    buf_init(&whole, TEXT_BYTES_MAX, NULL);
    buf_append(&whole, SLICE("Bearer "));
    buf_append(&whole, buf_view(&token));
    buf_append_byte(&whole, '.');
    base64_encode(&whole, slice_of(der, len), BASE64_URL_UNPADDED);
    CHECK(!is_accepted(&f, buf_view(&whole)));
    buf_release(&whole);
    buf_release(&token);
    teardown(&f);
}

TEST(algorithms_accept_the_published_vectors)
{
    static const char *const TOKENS[] = {
        "Bearer eyJhbGciOiJFUzI1NiIsImtpZCI6ImstRVMyNTYiLCJ0eXAiOiJhdCtqd3QifQ.eyJpc3MiOiJodHRwczov"
        "L2lkcC5leGFtcGxlLnRlc3QiLCJhdWQiOiJodHRwczovL2d3LmV4YW1wbGUudGVzdC9tY3AiLCJzdWIiOiJhbGljZ"
        "SIsImNsaWVudF9pZCI6ImMxIiwiaWF0IjoxNzk1NDI0NDAwLCJleHAiOjQxMDI0NDQ4MDAsImp0aSI6InYxIn0.rT"
        "1xVKLiplW4zM6OujCPtrtmpyxywRTLKQS3O_8YACHXTTmsfLp6pHqaIkrl4lc2CAlP6ScXxLtLqxTe1fZ8bA",
        "Bearer eyJhbGciOiJFZERTQSIsImtpZCI6ImstRWREU0EiLCJ0eXAiOiJhdCtqd3QifQ.eyJpc3MiOiJodHRwczov"
        "L2lkcC5leGFtcGxlLnRlc3QiLCJhdWQiOiJodHRwczovL2d3LmV4YW1wbGUudGVzdC9tY3AiLCJzdWIiOiJhbGljZ"
        "SIsImNsaWVudF9pZCI6ImMxIiwiaWF0IjoxNzk1NDI0NDAwLCJleHAiOjQxMDI0NDQ4MDAsImp0aSI6InYxIn0.xW"
        "xA9zgeoaCZgaQ2J4wMlmPpQ458qjGR7ZLLMildP53dVzqudf30tOlt7jfKJikeIqM-st_YLIf-YSAJkiPiBQ",
    };
    struct fixture f;
    setup(&f);
    for (size_t i = 0; i < COUNT_OF(TOKENS); i++) {
        struct buf token;
        buf_init(&token, TEXT_BYTES_MAX, NULL);
        buf_append(&token, slice_view_cstr(TOKENS[i]));
        CHECK(is_accepted(&f, buf_view(&token)));
        CHECK(flip_bits(&f, &token, true) == 0);
        buf_release(&token);
    }
    teardown(&f);
}

#define HEADER(more) "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"" more "}"
#define OWN(more) CLAIMS_OF(ISSUER "/own", "\"" AUDIENCE "\"", more)
#define GOOD OWN(",\"exp\":1800000600")

/* Signed well by a key that is trusted, and still no token for us. */
TEST(algorithms_refuse_tokens_with_good_signatures)
{
    static const struct {
        const char *header, *claims, *code;
        enum jws_algorithm signer;
    } ROWS[] = {
        {HEADER(",\"crit\":[\"exp2\"]"), GOOD, "token.header", JWS_ES256},
        {HEADER(",\"b64\":false"), GOOD, "token.header", JWS_ES256},
        {HEADER(",\"b64\":true"), GOOD, "token.header", JWS_ES256},
        {HEADER(",\"zip\":\"DEF\""), GOOD, "token.header", JWS_ES256},
        {HEADER(",\"jwk\":{}"), GOOD, "token.header", JWS_ES256},
        {HEADER(",\"jku\":\"https://a.example/\""), GOOD, "token.header", JWS_ES256},
        {HEADER(",\"x5u\":\"https://a.example/\""), GOOD, "token.header", JWS_ES256},
        {HEADER(",\"nonce\":\"n\""), GOOD, "token.header", JWS_ES256},
        {HEADER(",\"cty\":\"JWT\""), GOOD, "token.header", JWS_ES256},
        {HEADER(",\"kid\":\"k1\""), GOOD, "token.duplicate", JWS_ES256},
        {"{\"alg\":\"none\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}", GOOD, "token.alg", JWS_ES256},
        {"{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}", GOOD, "token.alg", JWS_ES256},
        {"{\"alg\":\"es256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}", GOOD, "token.alg", JWS_ES256},
        {"{\"alg\":\"ES256K\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}", GOOD, "token.alg", JWS_ES256},
        {"{\"alg\":\"Ed448\",\"typ\":\"at+jwt\",\"kid\":\"k4\"}", GOOD, "token.alg", JWS_EDDSA},
        {"{\"alg\":[\"ES256\"],\"typ\":\"at+jwt\",\"kid\":\"k1\"}", GOOD, "token.header",
         JWS_ES256},
        {"{\"typ\":\"at+jwt\",\"kid\":\"k1\"}", GOOD, "token.alg", JWS_ES256},
        {"{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"ps\"}", GOOD, "token.key", JWS_RS256},
        {"{\"alg\":\"PS384\",\"typ\":\"at+jwt\",\"kid\":\"ps\"}", GOOD, "token.key", JWS_PS384},
        {"{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"k2\"}", GOOD, "token.key", JWS_ES384},
        {"{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"k-ES256\"}", GOOD, "token.key",
         JWS_ES256},
        {"{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}", GOOD, "token.key", JWS_ES256},
        {HEADER(""), CLAIMS(""), "token.key", JWS_ES256}, /* of the other issuer */
        {HEADER(""), CLAIMS_OF(ISSUER "/own/", "\"" AUDIENCE "\"", ",\"exp\":1800000600"),
         "token.issuer", JWS_ES256},
        {HEADER(""), CLAIMS_OF(ISSUER "/OWN", "\"" AUDIENCE "\"", ",\"exp\":1800000600"),
         "token.issuer", JWS_ES256},
        {HEADER(""), CLAIMS_OF(ISSUER "/own", "[]", ",\"exp\":1800000600"), "token.audience",
         JWS_ES256},
        {HEADER(""), CLAIMS_OF(ISSUER "/own", "\"" AUDIENCE "/\"", ",\"exp\":1800000600"),
         "token.audience", JWS_ES256},
        {HEADER(""), OWN(",\"exp\":1800000600,\"aud\":\"b\""), "token.duplicate", JWS_ES256},
        {HEADER(""), OWN(""), "token.no_expiry", JWS_ES256},
        {HEADER(""), OWN(",\"exp\":\"1800000600\""), "token.claim", JWS_ES256},
        {HEADER(""), OWN(",\"exp\":1e400"), "token.claim", JWS_ES256},
        {HEADER(""), OWN(",\"exp\":1799999900"), "token.expired", JWS_ES256},
        {HEADER(""), OWN(",\"exp\":1800000600,\"nbf\":1800000100"), "token.not_yet_valid",
         JWS_ES256},
        {HEADER(""), OWN(",\"exp\":1800000600,\"iss\":\"a\""), "token.duplicate", JWS_ES256},
        {HEADER(""), "[]", "token.malformed", JWS_ES256},
        {HEADER(""), "", "token.malformed", JWS_ES256},
    };
    struct fixture f;
    struct buf token;
    setup(&f);
    buf_init(&token, TEXT_BYTES_MAX, NULL);
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct diag diag = {0};
        mint(&f, ROWS[i].signer, ROWS[i].header, slice_view_cstr(ROWS[i].claims), &token);
        enum status status = authenticate_with(&f, buf_view(&token), &diag);
        CHECK_ROW(ROWS[i].header, status == STATUS_UNAUTHENTICATED);
        CHECK_ROW(ROWS[i].claims, str_eq(diag.code, ROWS[i].code));
    }
    buf_release(&token);
    teardown(&f);
}

static void mint_large(const struct fixture *f, struct slice more, size_t count, struct slice end,
                       struct buf *out)
{
    struct buf claims;
    buf_init(&claims, TEXT_BYTES_MAX, NULL);
    buf_append(&claims, SLICE("{\"iss\":\"" ISSUER "/own\",\"x\":"));
    for (size_t i = 0; i < count; i++) {
        buf_append(&claims, more);
    }
    buf_append(&claims, end);
    mint(f, JWS_ES256, HEADER(""), buf_view(&claims), out);
    buf_release(&claims);
}

TEST(algorithms_refuse_tokens_too_large_or_deep)
{
    struct fixture f;
    struct buf token;
    struct diag diag = {0};
    setup(&f);
    buf_init(&token, TEXT_BYTES_MAX, NULL);
    mint_large(&f, SLICE("11111111"), 100000, SLICE("}"), &token);
    CHECK(authenticate_with(&f, buf_view(&token), &diag) == STATUS_UNAUTHENTICATED);
    CHECK(str_eq(diag.code, "token.size"));
    mint_large(&f, SLICE("["), 3000, SLICE("]}"), &token);
    CHECK(authenticate_with(&f, buf_view(&token), &diag) == STATUS_UNAUTHENTICATED);
    CHECK(str_eq(diag.code, "token.malformed"));
    buf_release(&token);
    teardown(&f);
}
