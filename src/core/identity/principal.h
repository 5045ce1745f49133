/* principal.h: who is calling.
 *
 * An immutable value in one heap block behind an atomic reference count, so that caches, sessions
 * and operations can hold it without copies. Identity is the tuple (issuer entry, tenant, subject):
 * e-mail and name are for display and never decide. It holds no part of the token.
 */
#ifndef AEGIS_CORE_IDENTITY_PRINCIPAL_H
#define AEGIS_CORE_IDENTITY_PRINCIPAL_H

#include "base/diag.h"
#include "core/ports/crypto.h"

#define PRINCIPAL_FINGERPRINT_BYTES 16

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
    struct slice client_id;
    struct slice email, name;    /* for display */
    bool is_service;             /* a client acting for itself, no person behind it */
    bool takes_claims_challenge; /* Microsoft Entra ID, xms_cc: its client knows what to do */
    const struct slice *roles, *groups, *scopes;
    size_t role_count, group_count, scope_count;
    const struct slice *servers; /* that it may reach, whatever policies say; none: all */
    size_t server_count;
    const struct principal_attribute *attributes;
    size_t attribute_count;
    int64_t expires_at_s;     /* INT64_MAX for principals without a token */
    struct slice fingerprint; /* first hex digits of SHA-256(token), for logs; may be empty */
    struct slice key_id;      /* kid of the key that signed; may be empty */
    /* SHA-256 over the hashes of issuer, tenant, subject and client: equal for equal callers across
     * tokens, and what sessions are bound to. Filled by principal_new. */
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

struct principal *principal_ref(struct principal *principal);
void principal_unref(struct principal *principal); /* NULL is fine */

#endif
