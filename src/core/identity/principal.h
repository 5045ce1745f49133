/* principal.h: who is calling.
 *
 * An immutable value in one heap block behind an atomic reference count, so that caches, sessions
 * and operations can hold it without copies. Identity is the tuple (issuer entry, tenant, subject):
 * e-mail and name are for display and never decide. It holds no part of the token.
 */
#ifndef AEGIS_CORE_IDENTITY_PRINCIPAL_H
#define AEGIS_CORE_IDENTITY_PRINCIPAL_H

#include "base/arena.h"
#include "base/diag.h"
#include "core/identity/binding.h"
#include "core/ports/crypto.h"

#define PRINCIPAL_FINGERPRINT_BYTES 16

/* Who acts. An agent may act for a person, so this is another question than is_service. */
enum principal_actor {
    PRINCIPAL_USER = 0,
    PRINCIPAL_APP,
    PRINCIPAL_AGENT, /* an identity that its provider made for an agent */
};

/* What is proved about the sign-in, from nothing upwards. */
enum auth_strength {
    AUTH_NONE = 0,
    AUTH_1FA,
    AUTH_MFA,
    AUTH_PHISHING_RESISTANT,
};

enum principal_attribute_type {
    PRINCIPAL_TEXT,
    PRINCIPAL_LONG,
    PRINCIPAL_BOOL,
    PRINCIPAL_SET, /* of texts */
};

struct principal_attribute {
    struct slice name;
    enum principal_attribute_type type;
    struct slice text; /* PRINCIPAL_TEXT */
    int64_t number;    /* PRINCIPAL_LONG */
    bool flag;         /* PRINCIPAL_BOOL */
    const struct slice *items;
    size_t item_count; /* PRINCIPAL_SET */
};

struct principal {
    uint32_t references;  /* atomic; only ref and unref touch it */
    struct slice issuer;  /* name of the issuer entry; never empty */
    struct slice tenant;  /* empty when the issuer has none */
    struct slice subject; /* never empty */
    /* The claim the subject was taken from, unless it is the one that the issuer's preset takes
     * first. Part of the identity: the same text in another claim is somebody else. */
    struct slice subject_claim;
    struct slice client_id;
    struct slice email, name; /* for display */
    bool is_service;          /* a client acting for itself, no person behind it */
    enum principal_actor actor;
    bool are_groups_unknown;     /* the issuer left groups out; then group_count is 0 */
    bool takes_claims_challenge; /* Microsoft Entra ID, xms_cc: its client knows what to do */
    const struct slice *roles, *groups, *scopes;
    size_t role_count, group_count, scope_count;
    const struct slice *servers; /* that it may reach, whatever policies say; none: all */
    size_t server_count;
    /* Evidence of the sign-in, as the issuer wrote it, and what it amounts to. */
    const struct slice *amr, *acrs;
    size_t amr_count, acrs_count;
    struct slice acr;
    bool has_auth_time;
    int64_t auth_time_s;
    enum auth_strength strength;
    const struct slice
        *actors; /* who acts for the subject (RFC 8693 §4.1), the present one first */
    size_t actor_count;
    const struct principal_attribute *attributes;
    size_t attribute_count;
    struct token_binding binding; /* checked at every request */
    int64_t expires_at_s;         /* INT64_MAX for principals without a token */
    int64_t issued_at_s;          /* 0: nobody says */
    struct slice fingerprint;     /* first hex digits of SHA-256(token), for logs; may be empty */
    struct slice key_id;          /* kid of the key that signed; may be empty */
    struct slice token_id, session_id; /* jti, sid; may be empty */
    bool has_api_key;                  /* there is no token: key_id is of a key (api_key.h) */
    /* SHA-256 over the hashes of issuer, tenant, subject with its claim, and client: equal for
     * equal callers across tokens, and what sessions are bound to. Filled by principal_new. */
    uint8_t digest[CRYPTO_SHA256_BYTES];
};

/* A copy of fields, with all it points to, in one block and with one reference.
 * STATUS_UNAUTHENTICATED with token.subject when issuer or subject is empty: that is nobody.
 * STATUS_LIMIT with identity.memory. */
NODISCARD enum status principal_new(const struct principal *fields,
                                    const struct port_crypto *crypto, struct principal **out,
                                    struct diag *diag);

/* May it have anything to do with that server? Policies decide about the rest. */
bool principal_reaches(const struct principal *principal, struct slice server);

/* What policies call it: "issuer|subject", and before the bar what else tells people apart:
 * ":claim" for a subject from another claim than the preset's own, "@tenant". No issuer's name has
 * ':' or '@', no claim of a subject '@' or '|', no tenant '|': two identities never share an id. In
 * arena; STATUS_LIMIT without memory. */
NODISCARD enum status principal_id(const struct principal *principal, struct arena *arena,
                                   struct slice *out);

/* "none", "1fa", "mfa", "phishing_resistant". Static. */
struct slice auth_strength_name(enum auth_strength strength);

/* "user", "app", "agent". Static. */
struct slice principal_actor_name(enum principal_actor actor);

struct principal *principal_ref(struct principal *principal);
void principal_unref(struct principal *principal); /* NULL is fine */

#endif
