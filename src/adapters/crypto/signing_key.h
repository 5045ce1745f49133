/* signing_key.h: an Ed25519 key that signs, and the public keys that check.
 *
 * The private half is a file of its own (key_file.h) and never leaves this module. Public halves
 * stand in one file, a PEM block each, oldest first: a new key is added behind the old ones, so
 * what they signed can still be checked.
 */
#ifndef AEGIS_ADAPTERS_CRYPTO_SIGNING_KEY_H
#define AEGIS_ADAPTERS_CRYPTO_SIGNING_KEY_H

#include "base/diag.h"

#define SIGNING_PUBLIC_BYTES 32
#define SIGNING_SIGNATURE_BYTES 64
#define SIGNING_KEYS_MAX 16

struct signing_key;

/* Public keys, as RFC 8032 §5.1.5 encodes them. Zero: none. */
struct signing_public {
    uint8_t keys[SIGNING_KEYS_MAX][SIGNING_PUBLIC_BYTES];
    size_t count;
};

/* Load the private key at path, or make it when it is absent. STATUS_IO key.io; STATUS_INVALID
 * key.mode, key.encoding or key.type (not Ed25519); STATUS_LIMIT; STATUS_INTERNAL. */
NODISCARD enum status signing_key_open(const char *path, struct signing_key **out,
                                       struct diag *diag);
void signing_key_free(struct signing_key *key); /* NULL is fine */

/* The public half; lives as long as the key. */
const uint8_t *signing_key_public(const struct signing_key *key);

/* Ed25519 (RFC 8032 §5.1.6). From one thread at a time. STATUS_INTERNAL. */
NODISCARD enum status signing_key_sign(const struct signing_key *key, struct slice message,
                                       uint8_t out[SIGNING_SIGNATURE_BYTES]);

/* Add a public half to the file at path, unless it is there; the file is made, readable by all,
 * when it is absent. STATUS_IO key.io; STATUS_INVALID key.encoding; STATUS_LIMIT key.count. */
NODISCARD enum status signing_public_publish(const uint8_t key[SIGNING_PUBLIC_BYTES],
                                             const char *path, struct diag *diag);

/* STATUS_NOT_FOUND without a file (no diag); STATUS_IO key.io; STATUS_INVALID key.encoding (no
 * Ed25519 public keys in PEM); STATUS_LIMIT key.count. */
NODISCARD enum status signing_public_load(const char *path, struct signing_public *out,
                                          struct diag *diag);

/* False for anything but a good signature by that key. */
bool signing_public_verify(const uint8_t key[SIGNING_PUBLIC_BYTES], struct slice message,
                           const uint8_t signature[SIGNING_SIGNATURE_BYTES]);

#endif
