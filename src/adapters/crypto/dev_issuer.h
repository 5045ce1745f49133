/* dev_issuer.h: the built-in issuer for development and tests.
 *
 * Keeps private keys as PEM files (mode 0600) in a folder of the state directory, publishes the
 * public half as a key set, and mints access tokens. It answers no network request: whoever can
 * read the files is the issuer. Only loopback listeners may trust it.
 */
#ifndef AEGIS_ADAPTERS_CRYPTO_DEV_ISSUER_H
#define AEGIS_ADAPTERS_CRYPTO_DEV_ISSUER_H

#include "base/buf.h"
#include "base/diag.h"
#include "core/ports/crypto.h"

#define DEV_ISSUER_URL "urn:aegis:development" /* default "iss" */
#define DEV_ISSUER_AUDIENCE "aegis"            /* default "aud" */
#define DEV_ISSUER_ALGORITHMS (JWS_MASK(JWS_RS256) | JWS_MASK(JWS_ES256))
#define DEV_ISSUER_TTL_S_DEFAULT 3600
#define DEV_ISSUER_TTL_S_MAX (366 * 24 * 3600)

struct dev_issuer;

/* Load the keys of a state directory: STATE_DIR/issuer/es256.pem, rs256.pem.
 *
 * state_dir   created (0700) when absent
 * algorithms  part of DEV_ISSUER_ALGORITHMS: keys to make when they are absent; existing ones are
 *             always loaded
 *
 * Returns STATUS_OK; STATUS_IO with issuer.io or key.io; STATUS_INVALID with issuer.key (no key of
 * the right type), issuer.mode (others may write in a folder), key.encoding (no private key) or
 * key.mode (readable by others).
 */
NODISCARD enum status dev_issuer_open(struct slice state_dir, uint32_t algorithms,
                                      struct dev_issuer **out, struct diag *diag);

/* The same from one PEM file, which must exist; its type decides the algorithm. */
NODISCARD enum status dev_issuer_open_file(struct slice path, struct dev_issuer **out,
                                           struct diag *diag);

void dev_issuer_free(struct dev_issuer *issuer); /* NULL is fine */

/* Mask of the algorithms it can sign with. */
uint32_t dev_issuer_algorithms(const struct dev_issuer *issuer);

/* Append the JWKS document of all keys. STATUS_LIMIT, STATUS_INTERNAL. */
NODISCARD enum status dev_issuer_jwks(const struct dev_issuer *issuer, struct buf *buf);

struct dev_claim {
    struct slice name;
    struct slice json; /* a valid JSON value */
};

/* What a token says; texts are UTF-8, borrowed. */
struct dev_token {
    enum jws_algorithm algorithm;
    struct slice issuer, subject, audience;
    const struct slice *roles; /* the claim "roles", left out when there are none */
    size_t role_count;
    const struct dev_claim *claims; /* further claims, written as they are */
    size_t claim_count;
    int64_t issued_at_s, expires_at_s;
};

/* Append a signed access token (typ at+jwt, with exp, iat, jti and kid).
 * STATUS_NOT_FOUND with issuer.key without a key of that algorithm; STATUS_LIMIT; STATUS_INTERNAL.
 */
NODISCARD enum status dev_issuer_mint(const struct dev_issuer *issuer,
                                      const struct dev_token *token, struct buf *buf,
                                      struct diag *diag);

/* Append a token of header and payload as they are given (not yet encoded), for tests that need odd
 * tokens. */
NODISCARD enum status dev_issuer_sign(const struct dev_issuer *issuer, enum jws_algorithm algorithm,
                                      struct slice header, struct slice payload, struct buf *buf);

#endif
