/* identity.h: bearer token in, principal or refusal out.
 *
 * Owns the order of the checks: form, issuer, type, algorithm, key, signature, claims, mapping.
 * The issuer is read unverified only to pick a configured entry by exact match; keys, algorithms,
 * audiences and mapping hang on that entry, and nothing in a token causes a network request. Every
 * way that ends without a principal ends in a refusal.
 */
#ifndef AEGIS_CORE_IDENTITY_IDENTITY_H
#define AEGIS_CORE_IDENTITY_IDENTITY_H

#include "core/identity/identity_cache.h"
#include "core/identity/jwks.h"
#include "core/identity/principal.h"
#include "core/identity/token_window.h"

#define IDENTITY_ENTRIES_MAX 32
#define IDENTITY_ATTRIBUTES_MAX 64
#define IDENTITY_SKEW_S_DEFAULT 60
#define IDENTITY_SNAPSHOT_BYTES_MAX ((size_t)16 << 20)

enum issuer_typ_policy {
    ISSUER_TYP_ANY = 0,      /* "at+jwt", "JWT" or absent; the last two must look like access */
    ISSUER_TYP_ACCESS_TOKEN, /* "at+jwt" only (RFC 9068) */
    ISSUER_TYP_ID_TOKEN,     /* an issuer whose access tokens are opaque: ID tokens are accepted */
};

struct issuer_attribute {
    struct slice name;  /* of the attribute */
    struct slice claim; /* path, see claims_find */
    enum principal_attribute_type type;
};

/* What one configured issuer is trusted for. */
struct issuer_entry {
    struct slice name;             /* unique; part of the identity */
    struct slice issuer;           /* the exact "iss"; unique, never empty */
    const struct slice *audiences; /* one must be in "aud"; none: the resource of the request */
    size_t audience_count;
    uint32_t algorithms; /* mask of JWS_MASK() */
    enum issuer_typ_policy typ;
    bool allows_missing_kid;    /* then exactly one key of the algorithm must exist */
    int64_t skew_s;             /* 0..TOKEN_LEEWAY_S_MAX */
    struct slice subject_claim; /* empty: "sub" */
    struct slice tenant_claim;  /* empty: no tenants; else the claim is required */
    struct slice tenant;        /* the only tenant accepted; empty: any */
    struct slice role_claim;    /* empty: "roles" */
    struct slice group_claim;   /* empty: "groups" */
    const struct slice *roles;  /* the roles that exist; none: all that the token names */
    size_t role_count;
    const struct issuer_attribute *attributes;
    size_t attribute_count;
};

struct identity_config {
    const struct issuer_entry *entries;
    size_t entry_count;
};

struct identity_snapshot;

/* An immutable snapshot with one reference.
 *
 * config      copied
 * keys        entry_count sets, a reference is taken of each; NULL: that issuer has no keys yet and
 *             answers identity.no_keys
 * generation  another number for every snapshot of the process: cached results hang on it
 *
 * Returns STATUS_OK; STATUS_INVALID with identity.config when an entry breaks a rule above;
 * STATUS_LIMIT with identity.memory.
 */
NODISCARD enum status identity_snapshot_new(const struct identity_config *config,
                                            struct jwks *const *keys, uint64_t generation,
                                            struct identity_snapshot **out, struct diag *diag);

struct identity_snapshot *identity_snapshot_ref(struct identity_snapshot *snapshot);
void identity_snapshot_unref(struct identity_snapshot *snapshot); /* NULL is fine */

/* For building the successor with other keys. Borrowed from the snapshot. */
const struct identity_config *identity_snapshot_config(const struct identity_snapshot *snapshot);
struct jwks *identity_snapshot_keys(const struct identity_snapshot *snapshot, size_t index);

/* One request to authenticate; all borrowed. */
struct identity_request {
    const struct identity_snapshot *snapshot; /* NULL: nobody is trusted */
    struct identity_cache *cache;             /* NULL: none */
    const struct port_crypto *crypto;
    const struct json_parser *parser;
    struct slice authorization; /* value of the one Authorization field; empty when absent */
    struct slice resource;      /* RFC 8707 resource of the route; empty: audiences of the entry */
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
 *   token.size           longer than JWS_TOKEN_BYTES_MAX
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
 * STATUS_UNAVAILABLE with identity.no_keys: the issuer's keys could not be fetched yet
 * STATUS_LIMIT with identity.memory
 */
NODISCARD enum status identity_authenticate(const struct identity_request *request,
                                            struct principal **out, struct diag *diag);

#endif
