/* issuer_entry.h: what one configured issuer is trusted for.
 *
 * An entry stands for one issuer, or for that of many tenants: then ISSUER_TENANT_PLACE stands in
 * its text for the tenant, which has to be a GUID. The text of a token picks an entry before
 * anything is verified, so it is compared again with the verified tenant in that place, byte by
 * byte, and never as a pattern.
 */
#ifndef AEGIS_CORE_IDENTITY_ISSUER_ENTRY_H
#define AEGIS_CORE_IDENTITY_ISSUER_ENTRY_H

#include "core/identity/api_key.h"
#include "core/identity/issuer_preset.h"
#include "core/identity/jwks.h"

#define IDENTITY_ATTRIBUTES_MAX 64
#define IDENTITY_SUBJECTS_MAX 8
#define IDENTITY_ROLE_SOURCES_MAX 16
#define ISSUER_GUID_BYTES 36

struct issuer_attribute {
    struct slice name;  /* of the attribute */
    struct slice claim; /* path, see claims_find */
    enum principal_attribute_type type;
};

/* A kind of sign-in that policies ask for, and what the issuer calls it. */
struct issuer_sign_in {
    struct slice name, value;
};

/* Tokens that are bound to a key of their holder (proof.h). */
enum issuer_proof_policy {
    ISSUER_PROOFS_OPTIONAL = 0, /* a bound token needs a proof, another is a bearer token */
    ISSUER_PROOFS_REQUIRED,     /* all tokens must be bound */
    ISSUER_PROOFS_OFF,          /* bound tokens are refused */
};

/* How callers of an entry prove who they are. */
enum issuer_kind {
    ISSUER_OF_TOKENS = 0,   /* signed by an issuer */
    ISSUER_OF_KEYS,         /* a key of the entry's list */
    ISSUER_OF_CERTIFICATES, /* the connection's certificate, by one of the entry's authorities */
    ISSUER_OF_ANSWERS,      /* a token that the issuer is asked about; it has no keys here */
};

/* When an issuer is asked what a token is (introspection.h). */
enum issuer_asked {
    ISSUER_ASKED_NEVER = 0,
    ISSUER_ASKED_OPAQUE, /* about tokens that only it can read */
    ISSUER_ASKED_ALWAYS, /* about signed ones as well: its answer stands in place of their claims */
};

enum introspection_form {
    INTROSPECTION_RFC7662 = 0,
    INTROSPECTION_TOKENINFO, /* Google's */
};

/* How it is asked, and what must be true of its answers besides the rules for claims. */
struct issuer_inquiry {
    enum issuer_asked asked;
    enum introspection_form form;
    struct slice prefix;         /* of the opaque tokens it is asked about; empty: all others */
    const struct slice *clients; /* that tokens may be of, also without an audience; none: any */
    size_t client_count;
    bool allows_untyped; /* answers need no "token_type" */
    int64_t keep_s;      /* an answer counts for so long; 0: for one request */
    /* Groups that it leaves out of tokens are looked up, and count for so long; 0: they are not.
     * Only of Microsoft Entra, which is not asked about tokens (group_lookup.h). */
    int64_t groups_keep_s;
};

/* Where a list or a claim is empty, that of the preset counts. */
struct issuer_entry {
    enum issuer_kind kind;
    struct slice name; /* unique; part of the identity */
    enum issuer_preset_id preset;
    struct slice issuer;         /* the exact "iss", or with ISSUER_TENANT_PLACE */
    const struct slice *aliases; /* other values of "iss" of the same issuer */
    size_t alias_count;
    const struct slice *audiences; /* one must be in "aud"; none: the resource of the request */
    size_t audience_count;
    bool is_audience_strict; /* a token that names anybody else is refused, but for these */
    const struct slice *other_audiences;
    size_t other_audience_count;
    uint32_t algorithms;        /* mask of JWS_MASK() */
    enum issuer_typ_policy typ; /* unless the preset has one */
    struct slice version;       /* what "ver" must be; empty: anything */
    bool allows_missing_kid;    /* then exactly one key of the algorithm must exist */
    int64_t skew_s;             /* 0..TOKEN_LEEWAY_S_MAX */
    int64_t max_age_s;          /* of a token since it was issued; 0: any */
    const struct slice *subjects;
    size_t subject_count;
    struct slice tenant_claim;
    const struct slice *tenants; /* accepted; none: any. Without a claim the one constant tenant */
    size_t tenant_count;
    bool needs_tenant; /* any tenant, but some */
    const struct issuer_role_source *role_sources;
    size_t role_source_count;
    struct slice group_claim;
    const struct slice *roles; /* the roles that exist; none: all that the token names */
    size_t role_count;
    const struct issuer_attribute *attributes;
    size_t attribute_count;
    struct slice amr_claim, acr_claim;
    const struct issuer_evidence *evidence; /* besides the preset's */
    size_t evidence_count;
    const struct issuer_sign_in *sign_ins;
    size_t sign_in_count;
    enum issuer_proof_policy proofs;
    enum issuer_proof_policy certificates; /* likewise of tokens that are bound to a certificate */
    bool asks_nonce;                       /* in proofs */
    bool asks_by_claims;                   /* for another sign-in: Microsoft Entra ID */
    const struct api_key *keys;            /* of ISSUER_OF_KEYS, as api_keys_read has them */
    size_t key_count;
    /* Of ISSUER_OF_CERTIFICATES: SHA-256 of each certificate's DER. */
    const uint8_t (*authorities)[CRYPTO_SHA256_BYTES];
    size_t authority_count;
    bool is_of_people; /* their certificates: callers are users, not services */
    struct issuer_inquiry inquiry;
};

/* Does the issuer's text stand for many tenants? */
bool issuer_entry_has_tenants(const struct issuer_entry *entry);

/* Could a token with this "iss" be of the entry? Nothing is verified. */
bool issuer_entry_may_be(const struct issuer_entry *entry, struct slice issuer);

/* Is this "iss" the entry's, for a token of this verified tenant? */
bool issuer_entry_is(const struct issuer_entry *entry, struct slice issuer, struct slice tenant);

/* May a key sign for this "iss"? key_issuer is the key's own "issuer", empty without one. */
bool issuer_entry_key_may_sign(const struct issuer_entry *entry, struct slice key_issuer,
                               struct slice issuer);

/* Could one token be of both entries? Then one of them must go. */
bool issuer_entry_overlaps(const struct issuer_entry *a, const struct issuer_entry *b);

/* Could both be asked about one opaque token? Then one of them must go. */
bool issuer_entry_asks_alike(const struct issuer_entry *a, const struct issuer_entry *b);

/* "3f1e0000-0000-0000-0000-000000000000", in lower case as issuers write it. */
bool issuer_is_guid(struct slice text);

#endif
