#include "core/identity/issuer_preset.h"

#include <assert.h>

#define TEXT(text) SLICE_INIT(text)
#define AMR(value, strength)                                                                       \
    {                                                                                              \
        ISSUER_EVIDENCE_AMR, SLICE_INIT(value), strength                                           \
    }
#define ACR(value, strength)                                                                       \
    {                                                                                              \
        ISSUER_EVIDENCE_ACR, SLICE_INIT(value), strength                                           \
    }
#define APP(claim, question, value)                                                                \
    {                                                                                              \
        {SLICE_INIT(claim), question, SLICE_INIT(value)}, PRINCIPAL_APP, true                      \
    }
#define AGENT(claim, question, value, is_service)                                                  \
    {                                                                                              \
        {SLICE_INIT(claim), question, SLICE_INIT(value)}, PRINCIPAL_AGENT, is_service              \
    }

static const struct slice SUBJECT_SUB[] = {TEXT("sub")};
static const struct issuer_role_source ROLES_ROLES[] = {{.claim = TEXT("roles")}};

/* RFC 8176 §2 and the OpenID Connect Extended Authentication Profile name these values; what an
 * issuer means by any other is its own. */
static const struct issuer_evidence REGISTERED_EVIDENCE[] = {
    AMR("mfa", AUTH_MFA),
    ACR("phr", AUTH_PHISHING_RESISTANT),
    ACR("phrh", AUTH_PHISHING_RESISTANT),
};

/* RFC 9068 §2.2: without a person the subject is the client. */
static const struct issuer_marker COMMON_MARKERS[] = {
    APP("sub", CLAIM_IS_CLIENT, ""),
    APP("idtyp", CLAIM_IS, "app"),
    APP("gty", CLAIM_IS, "client-credentials"),
};

/* Microsoft Entra ID. Person or application: only tokens with a person have 'scp'. The subject
 * 'sub' is another one for each application, 'oid' is the same in the whole tenant. */
static const struct slice ENTRA_ISSUERS[] = {
    TEXT("https://login.microsoftonline.com/" ISSUER_TENANT_PLACE "/v2.0")};
static const struct slice ENTRA_SUBJECTS[] = {TEXT("oid")};
static const struct issuer_marker ENTRA_MARKERS[] = {
    APP("idtyp", CLAIM_IS, "app"),
    APP("scp", CLAIM_IS_ABSENT, ""),
    AGENT("xms_act_fct", CLAIM_HAS_WORD, "11", false),
    AGENT("xms_sub_fct", CLAIM_HAS_WORD, "13", true),
};
/* Tokens of version 1 only; 'acr' says nothing about a second factor. Which 'acrs' do is the
 * tenant's to say. */
static const struct issuer_evidence ENTRA_EVIDENCE[] = {
    AMR("mfa", AUTH_MFA),
    AMR("ngcmfa", AUTH_MFA),
};

/* Okta, custom authorization servers. 'sub' is the login name, which changes hands. */
static const struct slice OKTA_SUBJECTS[] = {TEXT("uid"), TEXT("cid")};
static const struct issuer_marker OKTA_MARKERS[] = {APP("uid", CLAIM_IS_ABSENT, "")};
static const struct issuer_evidence OKTA_EVIDENCE[] = {
    ACR("urn:okta:loa:1fa:any", AUTH_1FA),
    ACR("urn:okta:loa:1fa:pwd", AUTH_1FA),
    ACR("urn:okta:loa:2fa:any", AUTH_MFA),
    /* "if possible" is what was asked for, not what was done. */
    ACR("urn:okta:loa:2fa:any:ifpossible", AUTH_1FA),
    ACR("phr", AUTH_PHISHING_RESISTANT),
    ACR("phrh", AUTH_PHISHING_RESISTANT),
    AMR("mfa", AUTH_MFA),
};

/* Auth0. People and machines share the names of 'sub'. Customers cannot set 'roles' at the top, so
 * roles come from a claim with a namespace, which the configuration names. */
static const struct issuer_role_source AUTH0_ROLES[] = {
    {.claim = TEXT("permissions"), .prefix = TEXT("perm:")}};
static const struct issuer_marker AUTH0_MARKERS[] = {
    APP("sub", CLAIM_ENDS, "@clients"),
    APP("gty", CLAIM_IS, "client-credentials"),
};
static const struct issuer_evidence AUTH0_EVIDENCE[] = {
    AMR("mfa", AUTH_MFA),
    ACR("http://schemas.openid.net/pape/policies/2007/06/multi-factor", AUTH_MFA),
};

/* PingOne. 'sub' may be mapped to a user name; 'acr' is the name of a sign-on policy. */
static const struct slice PINGONE_SUBJECTS[] = {TEXT("p1.userId"), TEXT("client_id")};
static const struct issuer_role_source PINGONE_ROLES[] = {
    {.claim = TEXT("roles")},
    {.claim = TEXT("p1.permissions"), .prefix = TEXT("perm:")},
};
static const struct issuer_marker PINGONE_MARKERS[] = {APP("p1.userId", CLAIM_IS_ABSENT, "")};

/* PingFederate: an attribute contract of the customer. */
static const struct slice PINGFEDERATE_SUBJECTS[] = {TEXT("sub"), TEXT("client_id")};
static const struct issuer_marker PINGFEDERATE_MARKERS[] = {
    APP("sub", CLAIM_IS_ABSENT, ""),
    APP("sub", CLAIM_IS_CLIENT, ""),
};

/* Google: access tokens are opaque, so these are ID tokens; both spellings of the issuer occur. */
static const struct slice GOOGLE_ISSUERS[] = {TEXT("https://accounts.google.com"),
                                              TEXT("accounts.google.com")};
static const struct claim_question GOOGLE_REQUIRED[] = {
    {TEXT("email_verified"), CLAIM_IS_TRUE, {0}}};
static const struct issuer_marker GOOGLE_MARKERS[] = {
    APP("email", CLAIM_ENDS, ".gserviceaccount.com")};

/* Keycloak marks the kind of a token in its claims, not in its header. */
static const struct claim_question KEYCLOAK_REQUIRED[] = {
    {TEXT("typ"), CLAIM_IS_AMONG, SLICE_INIT("Bearer DPoP")}};
static const struct issuer_role_source KEYCLOAK_ROLES[] = {{.claim = TEXT("realm_access.roles")}};
static const struct issuer_marker KEYCLOAK_MARKERS[] = {
    APP("preferred_username", CLAIM_STARTS, "service-account-")};

/* Certificates of connections, by the claims of certificate_map.h. None has 'sub'. */
static const struct slice MTLS_SUBJECTS[] = {TEXT("uri"), TEXT("dns")};
static const struct issuer_marker MTLS_MARKERS[] = {APP("sub", CLAIM_IS_ABSENT, "")};

#define SUBJECTS(items) .subjects = (items), .subject_count = COUNT_OF(items)
#define ROLES(items) .roles = (items), .role_count = COUNT_OF(items)
#define MARKERS(items) .markers = (items), .marker_count = COUNT_OF(items)
#define EVIDENCE(items) .evidence = (items), .evidence_count = COUNT_OF(items)
#define ISSUERS(items) .issuers = (items), .issuer_count = COUNT_OF(items)
#define REQUIRED(items) .required = (items), .required_count = COUNT_OF(items)
#define CLAIMS(tenant_claim)                                                                       \
    .tenant = SLICE_INIT(tenant_claim), .groups = SLICE_INIT("groups"), .amr = SLICE_INIT("amr"),  \
    .acr = SLICE_INIT("acr")

static const struct issuer_preset PRESETS[] = {
    [ISSUER_PRESET_OIDC] = {.name = TEXT("oidc"),
                            CLAIMS(""),
                            SUBJECTS(SUBJECT_SUB),
                            ROLES(ROLES_ROLES),
                            MARKERS(COMMON_MARKERS),
                            EVIDENCE(REGISTERED_EVIDENCE)},
    [ISSUER_PRESET_DEVELOPMENT] = {.name = TEXT("development"),
                                   CLAIMS("tenant"),
                                   SUBJECTS(SUBJECT_SUB),
                                   ROLES(ROLES_ROLES),
                                   MARKERS(COMMON_MARKERS),
                                   EVIDENCE(REGISTERED_EVIDENCE)},
    [ISSUER_PRESET_ENTRA] = {.name = TEXT("entra"),
                             CLAIMS("tid"),
                             .needs_client = true,
                             .needs_tenant = true,
                             .keys_name_issuer = true,
                             ISSUERS(ENTRA_ISSUERS),
                             SUBJECTS(ENTRA_SUBJECTS),
                             ROLES(ROLES_ROLES),
                             MARKERS(ENTRA_MARKERS),
                             EVIDENCE(ENTRA_EVIDENCE)},
    [ISSUER_PRESET_OKTA] = {.name = TEXT("okta"),
                            CLAIMS(""),
                            .keys = TEXT("/v1/keys"),
                            .needs_client = true,
                            SUBJECTS(OKTA_SUBJECTS),
                            ROLES(ROLES_ROLES),
                            MARKERS(OKTA_MARKERS),
                            EVIDENCE(OKTA_EVIDENCE)},
    [ISSUER_PRESET_AUTH0] = {.name = TEXT("auth0"),
                             CLAIMS("org_id"),
                             .keys = TEXT(".well-known/jwks.json"),
                             .needs_client = true,
                             SUBJECTS(SUBJECT_SUB),
                             ROLES(AUTH0_ROLES),
                             MARKERS(AUTH0_MARKERS),
                             EVIDENCE(AUTH0_EVIDENCE)},
    [ISSUER_PRESET_PINGONE] = {.name = TEXT("pingone"),
                               CLAIMS("env"),
                               .keys = TEXT("/jwks"),
                               .needs_client = true,
                               SUBJECTS(PINGONE_SUBJECTS),
                               ROLES(PINGONE_ROLES),
                               MARKERS(PINGONE_MARKERS)},
    [ISSUER_PRESET_PINGFEDERATE] = {.name = TEXT("pingfederate"),
                                    CLAIMS(""),
                                    .keys = TEXT("/pf/JWKS"),
                                    SUBJECTS(PINGFEDERATE_SUBJECTS),
                                    ROLES(ROLES_ROLES),
                                    MARKERS(PINGFEDERATE_MARKERS)},
    [ISSUER_PRESET_GOOGLE] = {.name = TEXT("google"),
                              CLAIMS("hd"),
                              .keys = TEXT("https://www.googleapis.com/oauth2/v3/certs"),
                              .keys_are_elsewhere = true,
                              .typ = ISSUER_TYP_ID_TOKEN,
                              .needs_tenant = true,
                              ISSUERS(GOOGLE_ISSUERS),
                              SUBJECTS(SUBJECT_SUB),
                              ROLES(ROLES_ROLES),
                              REQUIRED(GOOGLE_REQUIRED),
                              MARKERS(GOOGLE_MARKERS)},
    [ISSUER_PRESET_KEYCLOAK] = {.name = TEXT("keycloak"),
                                CLAIMS(""),
                                .keys = TEXT("/protocol/openid-connect/certs"),
                                SUBJECTS(SUBJECT_SUB),
                                ROLES(KEYCLOAK_ROLES),
                                REQUIRED(KEYCLOAK_REQUIRED),
                                MARKERS(KEYCLOAK_MARKERS)},
    [ISSUER_PRESET_API_KEYS] = {.name = TEXT("api-keys")},
    [ISSUER_PRESET_MTLS] = {.name = TEXT("mtls"), SUBJECTS(MTLS_SUBJECTS), MARKERS(MTLS_MARKERS)},
};
static_assert(COUNT_OF(PRESETS) == ISSUER_PRESET_COUNT, "every preset has its row");

const struct issuer_preset *issuer_preset(enum issuer_preset_id id)
{
    assert(id < ISSUER_PRESET_COUNT);
    return &PRESETS[id];
}
