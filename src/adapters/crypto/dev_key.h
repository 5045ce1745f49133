/* dev_key.h: one private key of the development issuer, in one PEM file.
 *
 * key_file.h writes and reads it, with its rules and codes.
 */
#ifndef AEGIS_ADAPTERS_CRYPTO_DEV_KEY_H
#define AEGIS_ADAPTERS_CRYPTO_DEV_KEY_H

#include "base/buf.h"
#include "base/diag.h"
#include "core/ports/crypto.h"

#define DEV_KEY_SIGNATURE_BYTES_MAX 1024 /* RSA of 8192 bits */

struct dev_key;

/* Make a new key at path, mode 0600. A file that is there stays as it is.
 * STATUS_IO with key.io; STATUS_INTERNAL with issuer.key or key.encoding. */
NODISCARD enum status dev_key_create(const char *path, enum jws_algorithm algorithm,
                                     struct diag *diag);

/* STATUS_NOT_FOUND without a file (no diag); STATUS_IO with key.io; STATUS_INVALID with
 * key.mode, key.encoding or issuer.key; STATUS_LIMIT. */
NODISCARD enum status dev_key_load(const char *path, struct dev_key **out, struct diag *diag);

void dev_key_free(struct dev_key *key); /* NULL is fine */

enum jws_algorithm dev_key_algorithm(const struct dev_key *key);

/* The key's name: its thumbprint (RFC 7638), base64url. */
struct slice dev_key_id(const struct dev_key *key);

/* Append the public half as a JWK. STATUS_LIMIT or STATUS_INTERNAL. */
NODISCARD enum status dev_key_jwk(const struct dev_key *key, struct buf *buf);

/* Sign as RFC 7518 says for the algorithm. STATUS_INTERNAL. */
NODISCARD enum status dev_key_sign(const struct dev_key *key, struct slice input,
                                   uint8_t out[DEV_KEY_SIGNATURE_BYTES_MAX], size_t *len);

#endif
