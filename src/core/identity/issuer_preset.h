/* issuer_preset.h: what the tokens of an identity provider look like.
 *
 * One table has all that is known of a provider beforehand: where its issuer and keys are, which
 * claims are whose, what tells its access tokens from others, an application from a person, and a
 * second factor from a password. A configuration names a preset and says the rest.
 */
#ifndef AEGIS_CORE_IDENTITY_ISSUER_PRESET_H
#define AEGIS_CORE_IDENTITY_ISSUER_PRESET_H

#include "core/identity/claim_question.h"
#include "core/identity/principal.h"

/* Stands for the tenant in an issuer, as in the provider's own metadata. */
#define ISSUER_TENANT_PLACE "{tenantid}"

enum issuer_preset_id {
    ISSUER_PRESET_OIDC = 0,
    ISSUER_PRESET_DEVELOPMENT, /* built-in issuer, keys in state_dir; loopback only */
    ISSUER_PRESET_ENTRA,
    ISSUER_PRESET_OKTA,
    ISSUER_PRESET_AUTH0,
    ISSUER_PRESET_PINGONE,
    ISSUER_PRESET_PINGFEDERATE,
    ISSUER_PRESET_GOOGLE,
    ISSUER_PRESET_KEYCLOAK,
    ISSUER_PRESET_API_KEYS, /* a list of keys in place of an issuer */
    ISSUER_PRESET_MTLS,     /* authorities of certificates, likewise */
    ISSUER_PRESET_COUNT,
};

enum issuer_typ_policy {
    ISSUER_TYP_ANY = 0,      /* "at+jwt", "JWT" or absent; the last two must look like access */
    ISSUER_TYP_ACCESS_TOKEN, /* "at+jwt" only (RFC 9068) */
    ISSUER_TYP_ID_TOKEN,     /* an issuer whose access tokens are opaque: ID tokens are accepted */
};

/* How a claim holds roles. */
enum issuer_role_kind {
    ISSUER_ROLES_LIST = 0, /* an array of texts, or one text */
    ISSUER_ROLES_WORDS,    /* a text of words between single spaces, or an array */
    ISSUER_ROLES_JSON,     /* a text that holds an array of texts as JSON */
    ISSUER_ROLES_BOOL,     /* true or false */
};

/* What a value of a claim means here. */
struct issuer_role_value {
    struct slice value, role;
};

/* One claim that roles come from. With values only those are roles, by their names here; without,
 * every value is one, behind the prefix. */
struct issuer_role_source {
    struct slice claim; /* path, see claims_find */
    enum issuer_role_kind kind;
    struct slice prefix; /* like "perm:"; may be empty */
    const struct issuer_role_value *values;
    size_t value_count;
};

/* A token for which the question is answered yes acts as this. */
struct issuer_marker {
    struct claim_question question;
    enum principal_actor actor;
    bool is_service; /* and there is no person behind it */
};

enum issuer_evidence_claim { ISSUER_EVIDENCE_AMR = 0, ISSUER_EVIDENCE_ACR, ISSUER_EVIDENCE_ACRS };

/* What a value of amr, acr or acrs proves about the sign-in. */
struct issuer_evidence {
    enum issuer_evidence_claim claim;
    struct slice value;
    enum auth_strength strength;
};

struct issuer_preset {
    struct slice name;
    /* Issuers that are known beforehand; may hold ISSUER_TENANT_PLACE. None: configured. */
    const struct slice *issuers;
    size_t issuer_count;
    struct slice keys;       /* address of the keys, or what follows the issuer; empty: not known */
    bool keys_are_elsewhere; /* keys is a whole address */
    enum issuer_typ_policy typ;
    bool needs_client;     /* its access tokens name their client, its ID tokens do not */
    bool needs_tenant;     /* the configuration must say which tenants are accepted */
    bool keys_name_issuer; /* keys are shared by tenants and say whose tokens they may sign */
    const struct slice *subjects; /* claims, the first that is there wins */
    size_t subject_count;
    struct slice tenant;   /* claim; empty: no tenants */
    struct slice groups;   /* claim */
    struct slice amr, acr; /* claims */
    const struct issuer_role_source *roles;
    size_t role_count;
    const struct claim_question *required; /* all must be answered yes, or the token is refused */
    size_t required_count;
    const struct issuer_marker *markers;
    size_t marker_count;
    const struct issuer_evidence *evidence;
    size_t evidence_count;
};

/* Static. */
const struct issuer_preset *issuer_preset(enum issuer_preset_id id);

#endif
