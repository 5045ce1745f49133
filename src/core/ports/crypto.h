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

/* The signature algorithms that may ever be accepted (RFC 7518 §3.1). What is not here, above all
 * "none" and the HMAC family, cannot be expressed. */
enum jws_algorithm {
    JWS_RS256,
    JWS_ES256,
    JWS_ALGORITHM_COUNT,
};

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
     * STATUS_UNAUTHENTICATED. ES256 signatures are the 64 bytes r || s (RFC 7518 §3.4). */
    enum status (*verify)(void *context, enum jws_algorithm algorithm, const void *key,
                          struct slice signed_input, struct slice signature);
    /* Import a public key from big-endian numbers. STATUS_INVALID: not a usable key (a point off
     * the curve, a bad modulus), STATUS_LIMIT: no memory. *key is set on STATUS_OK only. */
    enum status (*key_rsa)(void *context, struct slice n, struct slice e, void **key);
    enum status (*key_ec_p256)(void *context, struct slice x, struct slice y, void **key);
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
