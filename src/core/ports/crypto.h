/* crypto.h: hashes, signature checks and sealed texts.
 *
 * A key is typed when it is imported, and verify takes the pair of algorithm and key: there is no
 * way to hand raw key bytes to a check, so a public key can never serve as an HMAC secret.
 */
#ifndef AEGIS_CORE_PORTS_CRYPTO_H
#define AEGIS_CORE_PORTS_CRYPTO_H

#include "base/slice.h"

#define CRYPTO_SHA256_BYTES 32
#define CRYPTO_SEAL_KEY_BYTES 32
#define CRYPTO_SEAL_NONCE_BYTES 12
#define CRYPTO_SEAL_TAG_BYTES 16

/* The signature algorithms that may ever be accepted (RFC 7518 §3.1, RFC 8037 §3.1). What is not
 * here, above all "none" and the HMAC family, cannot be expressed. */
enum jws_algorithm {
    JWS_RS256,
    JWS_RS384,
    JWS_RS512,
    JWS_PS256,
    JWS_PS384,
    JWS_PS512,
    JWS_ES256,
    JWS_ES384,
    JWS_ES512,
    JWS_EDDSA, /* with Ed25519 only */
    JWS_ALGORITHM_COUNT,
};

/* The keys that these algorithms take. */
enum crypto_key_type {
    CRYPTO_KEY_RSA,
    CRYPTO_KEY_P256,
    CRYPTO_KEY_P384,
    CRYPTO_KEY_P521,
    CRYPTO_KEY_ED25519,
};

#define CRYPTO_ED25519_BYTES 32

static inline enum crypto_key_type jws_key_type(enum jws_algorithm algorithm)
{
    switch (algorithm) {
    case JWS_ES256:
        return CRYPTO_KEY_P256;
    case JWS_ES384:
        return CRYPTO_KEY_P384;
    case JWS_ES512:
        return CRYPTO_KEY_P521;
    case JWS_EDDSA:
        return CRYPTO_KEY_ED25519;
    case JWS_RS256:
    case JWS_RS384:
    case JWS_RS512:
    case JWS_PS256:
    case JWS_PS384:
    case JWS_PS512:
    case JWS_ALGORITHM_COUNT:
        break;
    }
    return CRYPTO_KEY_RSA;
}

/* The bit of an algorithm in a mask. */
#define JWS_MASK(algorithm) (1U << (unsigned)(algorithm))
#define JWS_MASK_ALL (JWS_MASK(JWS_ALGORITHM_COUNT) - 1)

/* What a sealed text is tied to, all borrowed. */
struct crypto_seal {
    const uint8_t *key;   /* CRYPTO_SEAL_KEY_BYTES */
    const uint8_t *nonce; /* CRYPTO_SEAL_NONCE_BYTES, never twice with one key: random */
    struct slice bound; /* a text that must be the same when it is opened; not in the sealed one */
};

/* All functions are safe from any thread. Keys are immutable and outlive every check that uses
 * them. */
struct port_crypto {
    void *context;
    void (*sha256)(void *context, struct slice bytes, uint8_t out[CRYPTO_SHA256_BYTES]);
    /* STATUS_OK only for a good signature by a key of the algorithm's type; any other result is
     * STATUS_UNAUTHENTICATED. ECDSA signatures are r || s, each as long as a coordinate (RFC 7518
     * §3.4); PSS salts are as long as the digest (§3.5). */
    enum status (*verify)(void *context, enum jws_algorithm algorithm, const void *key,
                          struct slice signed_input, struct slice signature);
    /* Import a public key from big-endian numbers. STATUS_INVALID: not a usable key (a point off
     * the curve, a bad modulus), STATUS_LIMIT: no memory. *key is set on STATUS_OK only. key_ec
     * takes a point of one of the three curves, coordinates of exactly their length. */
    enum status (*key_rsa)(void *context, struct slice n, struct slice e, void **key);
    enum status (*key_ec)(void *context, enum crypto_key_type type, struct slice x, struct slice y,
                          void **key);
    enum status (*key_ed25519)(void *context, struct slice x, void **key);
    /* One more owner of a key, so that two sets can hold it; each ends with key_free. */
    void *(*key_ref)(void *context, void *key);
    void (*key_free)(void *context, void *key); /* NULL is fine */
    /* Hide plain and make it unforgeable (AES-256-GCM, NIST SP 800-38D). out takes plain.len +
     * CRYPTO_SEAL_TAG_BYTES bytes. STATUS_UNAVAILABLE: the library failed, out is not usable. */
    enum status (*seal)(void *context, const struct crypto_seal *seal, struct slice plain,
                        uint8_t *out);
    /* The way back; out takes CRYPTO_SEAL_TAG_BYTES less than sealed. STATUS_UNAUTHENTICATED for
     * anything that was not sealed just so: out is not usable then. */
    enum status (*open)(void *context, const struct crypto_seal *seal, struct slice sealed,
                        uint8_t *out);
};

#endif
