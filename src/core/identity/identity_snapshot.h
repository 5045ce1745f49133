/* identity_snapshot.h: whom the gateway trusts, and with which keys.
 *
 * Immutable behind an atomic reference count: a reload or a key rotation makes a new snapshot with
 * another generation. Keys hang on their entry and are never shared between entries.
 */
#ifndef AEGIS_CORE_IDENTITY_IDENTITY_SNAPSHOT_H
#define AEGIS_CORE_IDENTITY_IDENTITY_SNAPSHOT_H

#include "core/identity/api_key.h"
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

/* A kind of sign-in that policies ask for, and what the issuer calls it. */
struct issuer_sign_in {
    struct slice name, value;
};

/* How callers of an entry prove who they are. */
enum issuer_kind {
    ISSUER_OF_TOKENS = 0, /* signed by an issuer */
    ISSUER_OF_KEYS,       /* a key of the entry's list */
};

/* What one configured issuer is trusted for. */
struct issuer_entry {
    enum issuer_kind kind;
    struct slice name;             /* unique; part of the identity */
    struct slice issuer;           /* the exact "iss"; unique, never empty */
    const struct slice *audiences; /* one must be in "aud"; none: the resource of the request */
    size_t audience_count;
    uint32_t algorithms; /* mask of JWS_MASK() */
    enum issuer_typ_policy typ;
    bool allows_missing_kid;    /* then exactly one key of the algorithm must exist */
    int64_t skew_s;             /* 0..TOKEN_LEEWAY_S_MAX */
    struct slice subject_claim; /* empty: "sub" */
    struct slice tenant_claim;  /* empty: no tenants */
    struct slice tenant;        /* the only tenant accepted; empty: any, and none */
    struct slice role_claim;    /* empty: "roles" */
    struct slice group_claim;   /* empty: "groups" */
    const struct slice *roles;  /* the roles that exist; none: all that the token names */
    size_t role_count;
    const struct issuer_attribute *attributes;
    size_t attribute_count;
    const struct issuer_sign_in *sign_ins;
    size_t sign_in_count;
    bool asks_by_claims;        /* for another sign-in: Microsoft Entra ID */
    const struct api_key *keys; /* of ISSUER_OF_KEYS, as api_keys_read has them */
    size_t key_count;
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

/* The entry of tokens whose issuer is exactly this text, or NULL. index may be NULL. */
const struct issuer_entry *identity_snapshot_find(const struct identity_snapshot *snapshot,
                                                  struct slice issuer, size_t *index);

/* The stored key of that id and hash, in whichever list it is, and its entry; NULL: there is none.
 */
const struct api_key *identity_snapshot_key(const struct identity_snapshot *snapshot,
                                            struct slice id,
                                            const uint8_t hash[CRYPTO_SHA256_BYTES],
                                            const struct issuer_entry **entry);

/* Can anybody of that entry be told from a stranger now? Not, as long as its keys are unknown. */
bool identity_snapshot_is_ready(const struct identity_snapshot *snapshot, size_t index);

/* The entry of that name, or NULL. */
const struct issuer_entry *identity_snapshot_named(const struct identity_snapshot *snapshot,
                                                   struct slice name);

uint64_t identity_snapshot_generation(const struct identity_snapshot *snapshot);

#endif
