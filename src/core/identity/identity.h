/* identity.h: bearer token or key in, principal or refusal out.
 *
 * Owns the order of the checks: form, issuer, type, algorithm, key, signature, claims, mapping.
 * The issuer is read unverified only to pick a configured entry by exact match; keys, algorithms,
 * audiences and mapping hang on that entry, and nothing in a token causes a network request. Every
 * way that ends without a principal ends in a refusal.
 */
#ifndef AEGIS_CORE_IDENTITY_IDENTITY_H
#define AEGIS_CORE_IDENTITY_IDENTITY_H

#include "core/identity/identity_cache.h"
#include "core/identity/identity_snapshot.h"
#include "core/identity/token_hash.h"

/* One request to authenticate; all borrowed. */
struct identity_request {
    const struct identity_snapshot *snapshot; /* NULL: nobody is trusted */
    struct identity_cache *cache;             /* NULL: none */
    struct token_hashes *hashes;              /* NULL: none */
    const struct port_crypto *crypto;
    const struct json_parser *parser;
    struct slice authorization; /* value of the one Authorization field; empty when absent */
    struct slice resource;      /* RFC 8707 resource of the route; empty: audiences of the entry */
    size_t token_bytes_max;     /* 0: JWS_TOKEN_BYTES_MAX, which is also the most there is */
    int64_t now_s;              /* wall clock, not negative */
    struct arena *arena;        /* for decoding, may be dropped after the call */
};

/* Who is calling?
 *
 * out   one reference, set on STATUS_OK only
 * diag  for the log: names the rule, never a part of the token
 *
 * Returns STATUS_OK, or
 * STATUS_UNAUTHENTICATED with
 *   token.missing        no Authorization field
 *   token.malformed      not Bearer, not a compact JWS, not canonical base64url, not JSON
 *   token.size           longer than token_bytes_max
 *   token.duplicate      a JSON name twice
 *   token.header         a header parameter that we refuse
 *   token.alg            an algorithm that is unknown or not allowed for this issuer
 *   token.issuer         no entry for "iss"
 *   token.kind           not an access token
 *   token.key            no key of this issuer fits
 *   token.signature      the signature is wrong
 *   token.no_expiry, token.expired, token.not_yet_valid   the time window
 *   token.audience       meant for somebody else
 *   token.binding        bound to a proof (cnf) that a bearer cannot give
 *   token.claim          a claim of the wrong type or size
 *   token.client         two client ids
 *   token.tenant         tenant missing or not accepted
 *   token.subject        no subject
 *   token.overage        groups or roles were left out by the issuer
 *   key.unknown          has the form of a key (api_key.h) and is on no list
 *   key.expired
 * STATUS_UNAVAILABLE with identity.no_keys: the issuer's keys could not be fetched yet
 * STATUS_LIMIT with identity.memory
 */
NODISCARD enum status identity_authenticate(const struct identity_request *request,
                                            struct principal **out, struct diag *diag);

#endif
