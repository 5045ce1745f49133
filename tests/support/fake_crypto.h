/* fake_crypto.h: the port crypto without cryptography, for tests of the core.
 *
 * A signature is the fake hash over algorithm, key and input, so it breaks as a real one does when
 * any of the three changes. Every imported key is counted: a test ends with none left. */
#ifndef AEGIS_TESTS_SUPPORT_FAKE_CRYPTO_H
#define AEGIS_TESTS_SUPPORT_FAKE_CRYPTO_H

#include "base/arena.h"
#include "core/ports/crypto.h"

#include <string.h>

#define FAKE_KEY_BYTES_MAX 1024

struct fake_key {
    enum jws_algorithm algorithm; /* one of its type; of a key that signs: which one */
    uint8_t bytes[FAKE_KEY_BYTES_MAX];
    size_t len;
    int more_owners;
};

struct fake_crypto {
    struct port_crypto port;
    int keys;          /* alive */
    int hashes;        /* calls of sha256 */
    int verifications; /* calls of verify */
};

static inline void fake_hash_lane(uint64_t *lane, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        *lane = (*lane ^ bytes.ptr[i]) * 0x100000001B3U;
        *lane ^= *lane >> 29;
    }
    *lane = (*lane ^ bytes.len) * 0x9E3779B97F4A7C15U;
}

static inline void fake_hash_parts(const struct slice *parts, size_t count,
                                   uint8_t out[CRYPTO_SHA256_BYTES])
{
    for (size_t lane = 0; lane < CRYPTO_SHA256_BYTES / 8; lane++) {
        uint64_t state = 0xCBF29CE484222325U + lane;
        for (size_t i = 0; i < count; i++) {
            fake_hash_lane(&state, parts[i]);
        }
        memcpy(out + 8 * lane, &state, 8);
    }
}

static inline void fake_sha256(void *context, struct slice bytes, uint8_t out[CRYPTO_SHA256_BYTES])
{
    ((struct fake_crypto *)context)->hashes++;
    fake_hash_parts(&bytes, 1, out);
}

static inline void fake_sign(const struct fake_key *key, struct slice input,
                             uint8_t out[CRYPTO_SHA256_BYTES])
{
    uint8_t algorithm = (uint8_t)key->algorithm;
    const struct slice parts[] = {slice_of(&algorithm, 1), slice_of(key->bytes, key->len), input};
    fake_hash_parts(parts, COUNT_OF(parts), out);
}

static inline enum status fake_verify(void *context, enum jws_algorithm algorithm, const void *key,
                                      struct slice signed_input, struct slice signature)
{
    const struct fake_key *typed = key;
    struct fake_key signer = *typed;
    uint8_t expected[CRYPTO_SHA256_BYTES];
    ((struct fake_crypto *)context)->verifications++;
    signer.algorithm = algorithm;
    fake_sign(&signer, signed_input, expected);
    bool is_good = jws_key_type(typed->algorithm) == jws_key_type(algorithm) &&
                   slice_eq(signature, slice_of(expected, sizeof(expected)));
    return is_good ? STATUS_OK : STATUS_UNAUTHENTICATED;
}

static inline enum status fake_key_new(struct fake_crypto *crypto, const struct fake_key *fields,
                                       void **out)
{
    struct fake_key *key = base_alloc(sizeof(*key));
    if (key == NULL) {
        return STATUS_LIMIT;
    }
    *key = *fields;
    crypto->keys++;
    *out = key;
    return STATUS_OK;
}

static inline enum status fake_key_rsa(void *context, struct slice n, struct slice e, void **key)
{
    struct fake_key fields = {.algorithm = JWS_RS256, .len = n.len};
    if (n.len > sizeof(fields.bytes) || e.len == 0) {
        return STATUS_INVALID;
    }
    memcpy(fields.bytes, n.ptr, n.len);
    return fake_key_new(context, &fields, key);
}

/* Points whose first byte is 0xFF are "off the curve". */
static inline enum status fake_key_ec(void *context, enum crypto_key_type type, struct slice x,
                                      struct slice y, void **key)
{
    struct fake_key fields = {.algorithm = type == CRYPTO_KEY_P256   ? JWS_ES256
                                           : type == CRYPTO_KEY_P384 ? JWS_ES384
                                                                     : JWS_ES512,
                              .len = x.len + y.len};
    if (x.ptr[0] == 0xFF) {
        return STATUS_INVALID;
    }
    memcpy(fields.bytes, x.ptr, x.len);
    memcpy(fields.bytes + x.len, y.ptr, y.len);
    return fake_key_new(context, &fields, key);
}

static inline enum status fake_key_ed25519(void *context, struct slice x, void **key)
{
    struct fake_key fields = {.algorithm = JWS_EDDSA, .len = x.len};
    memcpy(fields.bytes, x.ptr, x.len);
    return fake_key_new(context, &fields, key);
}

static inline void *fake_key_ref(void *context, void *key)
{
    (void)context;
    ((struct fake_key *)key)->more_owners++;
    return key;
}

static inline void fake_key_free(void *context, void *key)
{
    struct fake_key *typed = key;
    if (typed != NULL && typed->more_owners-- > 0) {
        return;
    }
    ((struct fake_crypto *)context)->keys -= key != NULL;
    base_free(key);
}

/* Hides nothing: the text, and a fake hash over everything as its tag. */
static inline void fake_tag(const struct crypto_seal *seal, struct slice plain,
                            uint8_t out[CRYPTO_SHA256_BYTES])
{
    const struct slice parts[] = {slice_of(seal->key, CRYPTO_SEAL_KEY_BYTES),
                                  slice_of(seal->nonce, CRYPTO_SEAL_NONCE_BYTES), seal->bound,
                                  plain};
    fake_hash_parts(parts, COUNT_OF(parts), out);
}

static inline enum status fake_seal(void *context, const struct crypto_seal *seal,
                                    struct slice plain, uint8_t *out)
{
    uint8_t tag[CRYPTO_SHA256_BYTES];
    (void)context;
    fake_tag(seal, plain, tag);
    memcpy(out, plain.ptr, plain.len);
    memcpy(out + plain.len, tag, CRYPTO_SEAL_TAG_BYTES);
    return STATUS_OK;
}

static inline enum status fake_open(void *context, const struct crypto_seal *seal,
                                    struct slice sealed, uint8_t *out)
{
    uint8_t tag[CRYPTO_SHA256_BYTES];
    (void)context;
    if (sealed.len < CRYPTO_SEAL_TAG_BYTES) {
        return STATUS_UNAUTHENTICATED;
    }
    struct slice plain = slice_sub(sealed, 0, sealed.len - CRYPTO_SEAL_TAG_BYTES);
    fake_tag(seal, plain, tag);
    memcpy(out, plain.ptr, plain.len);
    return memcmp(tag, sealed.ptr + plain.len, CRYPTO_SEAL_TAG_BYTES) == 0 ? STATUS_OK
                                                                           : STATUS_UNAUTHENTICATED;
}

static inline void fake_crypto_init(struct fake_crypto *crypto)
{
    *crypto = (struct fake_crypto){.port = {.context = crypto,
                                            .sha256 = fake_sha256,
                                            .verify = fake_verify,
                                            .key_rsa = fake_key_rsa,
                                            .key_ec = fake_key_ec,
                                            .key_ed25519 = fake_key_ed25519,
                                            .key_ref = fake_key_ref,
                                            .key_free = fake_key_free,
                                            .seal = fake_seal,
                                            .open = fake_open}};
}

#endif
