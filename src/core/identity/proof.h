/* proof.h: does the caller have the key that its token is bound to (DPoP, RFC 9449)?
 *
 * A token with `cnf.jkt` is worth nothing without a proof: a small JWT, signed with that key for
 * this one request. Its header brings the key along, the one place where a key in a token is used,
 * because the thumbprint of that key is in the other token, which the issuer has signed. Judged on
 * every request, also when the verdict about the token is remembered.
 */
#ifndef AEGIS_CORE_IDENTITY_PROOF_H
#define AEGIS_CORE_IDENTITY_PROOF_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "core/ports/crypto.h"
#include "core/ports/replay.h"
#include "json/tape.h"

#define PROOF_WINDOW_S 60      /* how far `iat` may be from now, either way */
#define PROOF_ID_BYTES_MAX 256 /* of `jti` */
#define PROOF_BYTES_MAX 8192   /* of a whole proof */
#define PROOF_NONCE_S 120      /* how long one is given out; it is good for as long again */
#define PROOF_NONCE_BYTES 43   /* as text */
#define PROOF_NONCE_KEY_BYTES 32

/* What a proof must be about; all borrowed. */
struct proof_request {
    const struct json_parser *parser;
    const struct port_crypto *crypto;
    const struct port_replay *replay; /* NULL: it was taken before, for the same request */
    struct slice proof;               /* value of the DPoP field; empty: there is none */
    size_t proof_count;               /* of these fields */
    struct slice method;
    struct slice public_url, path; /* how clients reach us, not how they say they did */
    const uint8_t *token_hash;     /* SHA-256 of the access token */
    const uint8_t *thumbprint;     /* of the key that the token is bound to */
    const uint8_t *nonce_key;      /* PROOF_NONCE_KEY_BYTES; NULL: no nonce is asked for */
    int64_t now_s;
    struct arena *arena; /* for decoding, may be dropped after the call */
};

/* Returns STATUS_OK, or
 * STATUS_UNAUTHENTICATED with
 *   proof.missing, proof.repeated  not exactly one DPoP field
 *   proof.malformed                no JWT of type dpop+jwt, or one too long
 *   proof.alg                      an algorithm that is never accepted
 *   proof.key                      no public key that can be used, or a private one
 *   proof.signature                not signed with that key
 *   proof.method, proof.address    for another request
 *   proof.time                     too old, or from the future
 *   proof.id                       no `jti`
 *   proof.token                    for another access token
 *   proof.other_key                not the key that the token is bound to
 *   proof.nonce                    without the nonce that we want
 *   proof.replayed                 shown before
 * STATUS_LIMIT with proof.crowd (too many proofs to remember) or identity.memory. */
NODISCARD enum status proof_check(const struct proof_request *request, struct diag *diag);

/* Append the nonce of that second; it is good for PROOF_NONCE_S seconds at least. */
void proof_nonce_write(const struct port_crypto *crypto, const uint8_t key[PROOF_NONCE_KEY_BYTES],
                       int64_t now_s, struct buf *out);

/* SHA-256 over what RFC 7638 takes of a JWK. STATUS_INVALID: not a key that has one, STATUS_LIMIT
 * without memory. */
NODISCARD enum status proof_thumbprint(const struct port_crypto *crypto,
                                       const struct json_tape *tape, json_ref jwk,
                                       struct arena *arena, uint8_t out[CRYPTO_SHA256_BYTES]);

#endif
