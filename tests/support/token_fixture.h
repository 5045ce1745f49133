/* token_fixture.h: an issuer, its keys and tokens for tests of the core, on the fake crypto. */
#ifndef AEGIS_TESTS_SUPPORT_TOKEN_FIXTURE_H
#define AEGIS_TESTS_SUPPORT_TOKEN_FIXTURE_H

#include "base/base64.h"
#include "core/identity/identity.h"
#include "support/fake_crypto.h"

#define TOKEN_NOW_S 1000000
#define TOKEN_ISSUER "https://issuer.example"
#define TOKEN_HEADER "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}"
/* A good payload; extra goes before its end, like ",\"nbf\":1". */
#define TOKEN_CLAIMS(extra)                                                                        \
    "{\"iss\":\"" TOKEN_ISSUER "\",\"sub\":\"alice\",\"aud\":\"aegis\",\"exp\":1000600" extra "}"

/* The fake P-256 key whose coordinates are 32 times seed; RS256: modulus of 256 times seed. */
static inline struct fake_key token_key(enum jws_algorithm algorithm, uint8_t seed)
{
    struct fake_key key = {.algorithm = algorithm, .len = algorithm == JWS_ES256 ? 64 : 256};
    memset(key.bytes, seed, key.len);
    return key;
}

static inline void token_append_number(struct buf *buf, uint8_t seed, size_t len)
{
    uint8_t bytes[FAKE_KEY_BYTES_MAX];
    memset(bytes, seed, sizeof(bytes));
    base64_encode(buf, slice_of(bytes, len), BASE64_URL_UNPADDED);
}

/* One JWK; extra goes before its end, like ",\"use\":\"sig\"". */
static inline void token_append_jwk(struct buf *buf, enum jws_algorithm algorithm, uint8_t seed,
                                    const char *extra)
{
    if (algorithm == JWS_ES256) {
        buf_append(buf, SLICE("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\""));
        token_append_number(buf, seed, 32);
        buf_append(buf, SLICE("\",\"y\":\""));
        token_append_number(buf, seed, 32);
    } else {
        buf_append(buf, SLICE("{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\""));
        token_append_number(buf, seed, 256);
    }
    buf_append(buf, SLICE("\""));
    buf_append(buf, slice_view_cstr(extra));
    buf_append(buf, SLICE("}"));
}

/* A set of keys with one reference. Statuses of jwks_parse. */
NODISCARD static inline enum status token_parse_keys(const struct json_parser *parser,
                                                     struct fake_crypto *crypto, struct slice text,
                                                     struct jwks **out)
{
    struct arena scratch;
    arena_init(&scratch, (size_t)1 << 20, NULL);
    struct jwks_source source = {parser, &crypto->port, text, &scratch};
    enum status status = jwks_parse(&source, out, NULL, NULL);
    arena_release(&scratch);
    return status;
}

/* What the tokens of one issuer are checked with. */
struct token_issuer {
    struct fake_crypto crypto;
    struct identity_snapshot *snapshot;
    struct identity_cache *cache;
};

/* entry: what the entry has besides its name, issuer, audience and algorithm. Its one key is 'k1',
 * of seed 1. Statuses of jwks_parse, identity_snapshot_new and identity_cache_new. */
NODISCARD static inline enum status token_issuer_init(struct token_issuer *self,
                                                      const struct json_parser *parser,
                                                      struct issuer_entry entry)
{
    static const struct slice AUDIENCES[] = {SLICE_INIT("aegis")};
    struct jwks *keys = NULL;
    struct buf text;
    *self = (struct token_issuer){0};
    fake_crypto_init(&self->crypto);
    entry.name = SLICE("corp");
    entry.issuer = SLICE(TOKEN_ISSUER);
    entry.audiences = AUDIENCES;
    entry.audience_count = 1;
    entry.algorithms = JWS_MASK(JWS_ES256);
    buf_init(&text, 4096, NULL);
    buf_append(&text, SLICE("{\"keys\":["));
    token_append_jwk(&text, JWS_ES256, 1, ",\"kid\":\"k1\"");
    buf_append(&text, SLICE("]}"));
    enum status status = token_parse_keys(parser, &self->crypto, buf_view(&text), &keys);
    buf_release(&text);
    const struct identity_config config = {&entry, 1};
    if (status == STATUS_OK) {
        status = identity_snapshot_new(&config, &keys, 1, &self->snapshot, NULL);
    }
    jwks_unref(keys);
    return status == STATUS_OK ? identity_cache_new(IDENTITY_CACHE_ENTRIES_DEFAULT, &self->cache)
                               : status;
}

static inline void token_issuer_release(struct token_issuer *self)
{
    identity_cache_free(self->cache);
    identity_snapshot_unref(self->snapshot);
}

/* A request with that value of Authorization, now; all borrowed. */
static inline struct identity_request token_request(struct token_issuer *issuer,
                                                    const struct json_parser *parser,
                                                    struct slice authorization, struct arena *arena)
{
    return (struct identity_request){.snapshot = issuer->snapshot,
                                     .cache = issuer->cache,
                                     .crypto = &issuer->crypto.port,
                                     .parser = parser,
                                     .authorization = authorization,
                                     .now_s = TOKEN_NOW_S,
                                     .arena = arena};
}

/* Append "Bearer " and a token of header and payload signed with key. */
static inline void token_append(struct buf *buf, const struct fake_key *key, struct slice header,
                                struct slice payload)
{
    uint8_t signature[CRYPTO_SHA256_BYTES];
    buf_append(buf, SLICE("Bearer "));
    size_t start = buf->len;
    base64_encode(buf, header, BASE64_URL_UNPADDED);
    buf_append_byte(buf, '.');
    base64_encode(buf, payload, BASE64_URL_UNPADDED);
    fake_sign(key, slice_sub(buf_view(buf), start, buf->len), signature);
    buf_append_byte(buf, '.');
    base64_encode(buf, slice_of(signature, sizeof(signature)), BASE64_URL_UNPADDED);
}

#endif
