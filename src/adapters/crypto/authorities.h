/* authorities.h: certificates of the authorities that vouch for clients, and their lists of what
 * they took back; both as PEM.
 *
 * Every certificate must be one of an authority: a client's own in such a file would be trusted as
 * its own issuer.
 */
#ifndef AEGIS_ADAPTERS_CRYPTO_AUTHORITIES_H
#define AEGIS_ADAPTERS_CRYPTO_AUTHORITIES_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/slice.h"
#include "core/ports/crypto.h"

#include <openssl/x509.h>

#define AUTHORITIES_MAX 256 /* of one file, and lists of one */
#define AUTHORITIES_BYTES_MAX ((size_t)4 << 20)

struct authorities {
    X509 *items[AUTHORITIES_MAX]; /* a reference each */
    size_t count;
};

struct revocation_lists {
    X509_CRL *items[AUTHORITIES_MAX]; /* a reference each */
    size_t count;
};

/* All certificates of a text. On failure there is nothing to release.
 *
 * STATUS_INVALID with
 *   authorities.malformed  something in it is no certificate
 *   authorities.none       there is none
 *   authorities.limit      too many
 *   authorities.client     one is not of an authority */
NODISCARD enum status authorities_parse(struct slice pem, struct authorities *out,
                                        struct diag *diag);

/* Likewise of a file; also STATUS_NOT_FOUND with authorities.file, and authorities.limit for one
 * that is too large. */
NODISCARD enum status authorities_read(const char *path, struct authorities *out,
                                       struct diag *diag);

/* SHA-256 of the DER of each certificate of a text, in the arena. Codes as of authorities_parse;
 * STATUS_LIMIT without memory. */
NODISCARD enum status authorities_hash(struct slice pem, struct arena *arena,
                                       const uint8_t (**out)[CRYPTO_SHA256_BYTES], size_t *count,
                                       struct diag *diag);

/* Likewise of revocation lists. */
NODISCARD enum status revocation_lists_read(const char *path, struct revocation_lists *out,
                                            struct diag *diag);

/* What a token may be bound to: the hash of the first certificate of a file, whoever's it is, and
 * its notAfter. As authorities_read, without authorities.client. */
NODISCARD enum status certificate_of_file(const char *path, uint8_t sha256[CRYPTO_SHA256_BYTES],
                                          int64_t *expires_at_s, struct diag *diag);

void authorities_release(struct authorities *authorities);
void revocation_lists_release(struct revocation_lists *revocations);

#endif
