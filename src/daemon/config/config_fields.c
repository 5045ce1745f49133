#include "daemon/config/config_fields.h"

#include "core/mcp/extensions.h"
#include "core/ports/crypto.h"
#include "daemon/config/config_check.h"

#include <assert.h>

#define OBJECT(fields, type, place, check)                                                         \
    {                                                                                              \
        fields, COUNT_OF(fields), sizeof(type), place, check                                       \
    }
#define NO_PLACE SIZE_MAX
#define AT(type, member) .offset = offsetof(struct type, member)

/* Lists are written through a pointer and the count right behind it (config_read.c). */
static_assert(offsetof(struct config, issuer_count) ==
                  offsetof(struct config, issuers) + sizeof(void *),
              "issuers and their count are neighbours");
static_assert(offsetof(struct config, server_count) ==
                  offsetof(struct config, servers) + sizeof(void *),
              "servers and their count are neighbours");
static_assert(offsetof(struct config_server, env_count) ==
                  offsetof(struct config_server, env) + sizeof(void *),
              "variables and their count are neighbours");
static_assert(offsetof(struct config_issuer, step_up_count) ==
                  offsetof(struct config_issuer, step_up) + sizeof(void *),
              "kinds of sign-in and their count are neighbours");
static_assert(offsetof(struct config_sign_in, optional_scope_count) ==
                  offsetof(struct config_sign_in, optional_scopes) + sizeof(void *),
              "optional scopes and their count are neighbours");
static_assert(offsetof(struct config_mapping, attribute_count) ==
                  offsetof(struct config_mapping, attributes) + sizeof(void *),
              "attributes and their count are neighbours");
static_assert(offsetof(struct config_mapping, role_count) ==
                      offsetof(struct config_mapping, roles) + sizeof(void *) &&
                  offsetof(struct config_role_source, value_count) ==
                      offsetof(struct config_role_source, values) + sizeof(void *),
              "roles and values and their counts are neighbours");
static_assert(offsetof(struct config, view_count) ==
                  offsetof(struct config, views) + sizeof(void *),
              "views and their count are neighbours");
static_assert(offsetof(struct config_view, rename_count) ==
                      offsetof(struct config_view, renames) + sizeof(void *) &&
                  offsetof(struct config_view, description_count) ==
                      offsetof(struct config_view, descriptions) + sizeof(void *),
              "names and texts and their counts are neighbours");
static_assert(sizeof(enum issuer_preset_id) == sizeof(int), "choices are stored as int");

/* clang-format off */
static const struct config_choice audit_modes[] = {
    {SLICE_INIT("strict"), CONFIG_AUDIT_STRICT},
    {SLICE_INIT("off"), CONFIG_AUDIT_OFF},
    {{0}, 0},
};

static const struct config_choice presets[] = {
    {SLICE_INIT("oidc"), ISSUER_PRESET_OIDC},
    {SLICE_INIT("development"), ISSUER_PRESET_DEVELOPMENT},
    {SLICE_INIT("entra"), ISSUER_PRESET_ENTRA},
    {SLICE_INIT("okta"), ISSUER_PRESET_OKTA},
    {SLICE_INIT("auth0"), ISSUER_PRESET_AUTH0},
    {SLICE_INIT("pingone"), ISSUER_PRESET_PINGONE},
    {SLICE_INIT("pingfederate"), ISSUER_PRESET_PINGFEDERATE},
    {SLICE_INIT("google"), ISSUER_PRESET_GOOGLE},
    {SLICE_INIT("keycloak"), ISSUER_PRESET_KEYCLOAK},
    {SLICE_INIT("api-keys"), ISSUER_PRESET_API_KEYS},
    {SLICE_INIT("mtls"), ISSUER_PRESET_MTLS},
    {{0}, 0},
};

static const struct config_choice callers[] = {
    {SLICE_INIT("service"), CONFIG_CALLERS_SERVICE},
    {SLICE_INIT("user"), CONFIG_CALLERS_USER},
    {{0}, 0},
};

static const struct config_choice clouds[] = {
    {SLICE_INIT("global"), CONFIG_CLOUD_GLOBAL},
    {SLICE_INIT("us"), CONFIG_CLOUD_US},
    {SLICE_INIT("china"), CONFIG_CLOUD_CHINA},
    {{0}, 0},
};

static const struct config_choice token_kinds[] = {
    {SLICE_INIT("access_token"), ISSUER_TYP_ANY},
    {SLICE_INIT("at+jwt"), ISSUER_TYP_ACCESS_TOKEN},
    {SLICE_INIT("id_token"), ISSUER_TYP_ID_TOKEN},
    {{0}, 0},
};

static const struct config_choice role_kinds[] = {
    {SLICE_INIT("list"), ISSUER_ROLES_LIST},
    {SLICE_INIT("words"), ISSUER_ROLES_WORDS},
    {SLICE_INIT("json"), ISSUER_ROLES_JSON},
    {SLICE_INIT("bool"), ISSUER_ROLES_BOOL},
    {{0}, 0},
};

static const struct config_choice algorithms[] = {
    {SLICE_INIT("RS256"), JWS_MASK(JWS_RS256)},   {SLICE_INIT("RS384"), JWS_MASK(JWS_RS384)},
    {SLICE_INIT("RS512"), JWS_MASK(JWS_RS512)},   {SLICE_INIT("PS256"), JWS_MASK(JWS_PS256)},
    {SLICE_INIT("PS384"), JWS_MASK(JWS_PS384)},   {SLICE_INIT("PS512"), JWS_MASK(JWS_PS512)},
    {SLICE_INIT("ES256"), JWS_MASK(JWS_ES256)},   {SLICE_INIT("ES384"), JWS_MASK(JWS_ES384)},
    {SLICE_INIT("ES512"), JWS_MASK(JWS_ES512)},   {SLICE_INIT("EdDSA"), JWS_MASK(JWS_EDDSA)},
    {SLICE_INIT("Ed25519"), JWS_MASK(JWS_EDDSA)},
    {{0}, 0},
};

static const struct config_choice hand_ons[] = {
    {SLICE_INIT("access_token"), CONFIG_HAND_ON_ACCESS_TOKEN},
    {SLICE_INIT("id_token"), CONFIG_HAND_ON_ID_TOKEN},
    {{0}, 0},
};

static const struct config_choice asked_tokens[] = {
    {SLICE_INIT("opaque"), CONFIG_ASKED_OPAQUE},
    {SLICE_INIT("both"), CONFIG_ASKED_BOTH},
    {SLICE_INIT("always"), CONFIG_ASKED_ALWAYS},
    {{0}, 0},
};

static const struct config_choice client_authentications[] = {
    {SLICE_INIT("basic"), CONFIG_CLIENT_BASIC},
    {SLICE_INIT("post"), CONFIG_CLIENT_POST},
    {{0}, 0},
};

static const struct config_choice proof_policies[] = {
    {SLICE_INIT("optional"), CONFIG_PROOFS_OPTIONAL},
    {SLICE_INIT("required"), CONFIG_PROOFS_REQUIRED},
    {SLICE_INIT("off"), CONFIG_PROOFS_OFF},
    {{0}, 0},
};

static const struct config_choice claim_types[] = {
    {SLICE_INIT("string"), CONFIG_CLAIM_TEXT},
    {SLICE_INIT("long"), CONFIG_CLAIM_LONG},
    {SLICE_INIT("bool"), CONFIG_CLAIM_BOOL},
    {SLICE_INIT("set"), CONFIG_CLAIM_SET},
    {{0}, 0},
};

static const struct config_choice extensions[] = {
    {SLICE_INIT(MCP_EXTENSION_TASKS_ID), MCP_EXTENSION_TASKS},
    {SLICE_INIT(MCP_EXTENSION_UI_ID), MCP_EXTENSION_UI},
    {SLICE_INIT(MCP_EXTENSION_SKILLS_ID), MCP_EXTENSION_SKILLS},
    {{0}, 0},
};

static const struct config_choice downs[] = {
    {SLICE_INIT("omit"), CONFIG_IF_DOWN_OMIT},
    {SLICE_INIT("refuse"), CONFIG_IF_DOWN_REFUSE},
    {{0}, 0},
};

static const struct config_choice transports[] = {
    {SLICE_INIT("streamable-http"), CONFIG_TRANSPORT_STREAMABLE},
    {SLICE_INIT("sse"), CONFIG_TRANSPORT_SSE},
    {{0}, 0},
};

static const struct config_choice client_certificates[] = {
    {SLICE_INIT("optional"), CONFIG_CLIENT_CERTIFICATES_OPTIONAL},
    {SLICE_INIT("required"), CONFIG_CLIENT_CERTIFICATES_REQUIRED},
    {{0}, 0},
};

static const struct config_choice trusts[] = {
    {SLICE_INIT("internal"), 0},
    {SLICE_INIT("partner"), 0},
    {SLICE_INIT("third-party"), 0},
    {{0}, 0},
};

static const struct config_field tls_fields[] = {
    {.name = SLICE_INIT("cert"), .kind = CONFIG_KIND_PATH, .is_required = true,
     AT(config_tls_server, cert), .doc = "PEM file with the certificate chain"},
    {.name = SLICE_INIT("key"), .kind = CONFIG_KIND_PATH, .is_required = true,
     AT(config_tls_server, key),
     .doc = "PEM file with the private key, readable by its owner only"},
    {.name = SLICE_INIT("client_ca"), .kind = CONFIG_KIND_PATHS, AT(config_tls_server, client_ca),
     .doc = "PEM files of the authorities whose certificates clients may show"},
    {.name = SLICE_INIT("client_certificates"), .kind = CONFIG_KIND_CHOICE,
     AT(config_tls_server, client_certificates), .choices = client_certificates,
     .doc = "with client_ca: optional (default), or required of every connection"},
    {.name = SLICE_INIT("client_crl"), .kind = CONFIG_KIND_PATH, AT(config_tls_server, client_crl),
     .doc = "PEM file of revocation lists; then every authority that issues needs one"},
};
static const struct config_object tls_object =
    OBJECT(tls_fields, struct config_tls_server, NO_PLACE, config_check_tls);

static const struct config_field listen_fields[] = {
    {.name = SLICE_INIT("address"), .kind = CONFIG_KIND_ADDRESS, AT(config_listen, address),
     .doc = "where clients connect; default 127.0.0.1:8080, port 0 picks a free one"},
    {.name = SLICE_INIT("public_url"), .kind = CONFIG_KIND_URL, AT(config_listen, public_url),
     .doc = "how clients reach the gateway; required when it listens beyond this machine"},
    {.name = SLICE_INIT("tls"), .kind = CONFIG_KIND_OBJECT, AT(config_listen, tls),
     .object = &tls_object, .doc = "serve TLS; required when it listens beyond this machine"},
    {.name = SLICE_INIT("scopes"), .kind = CONFIG_KIND_TEXTS, AT(config_listen, scopes),
     .doc = "scopes that clients are told to ask for at first; policies say what they allow"},
};
static const struct config_object listen_object =
    OBJECT(listen_fields, struct config_listen, NO_PLACE, config_check_listen);

static const struct config_field control_fields[] = {
    {.name = SLICE_INIT("address"), .kind = CONFIG_KIND_ADDRESS, .is_required = true,
     AT(config_control, address), .doc = "where it is to listen; on loopback only"},
};
static const struct config_object control_object =
    OBJECT(control_fields, struct config_control, NO_PLACE, NULL);

static const struct config_field process_fields[] = {
    {.name = SLICE_INIT("user"), .kind = CONFIG_KIND_TEXT, AT(config_process, user),
     .doc = "of the worker when started as root; default aegis, or nobody without such a user"},
    {.name = SLICE_INIT("server_user"), .kind = CONFIG_KIND_TEXT, AT(config_process, server_user),
     .doc = "of stdio servers when started as root; default nobody"},
};
static const struct config_object process_object =
    OBJECT(process_fields, struct config_process, NO_PLACE, NULL);

static const struct config_field audit_fields[] = {
    {.name = SLICE_INIT("mode"), .kind = CONFIG_KIND_CHOICE, AT(config_audit, mode),
     .choices = audit_modes,
     .doc = "strict (default): no record, no answer; off: on loopback only"},
    {.name = SLICE_INIT("dir"), .kind = CONFIG_KIND_PATH, AT(config_audit, dir),
     .doc = "folder of the journal; default STATE_DIR/audit"},
};
static const struct config_object audit_object =
    OBJECT(audit_fields, struct config_audit, NO_PLACE, NULL);

static const struct config_field attribute_fields[] = {
    {.name = SLICE_INIT("claim"), .kind = CONFIG_KIND_TEXT, .is_required = true,
     AT(config_attribute, claim), .doc = "the claim to read; dots lead into objects"},
    {.name = SLICE_INIT("type"), .kind = CONFIG_KIND_CHOICE, AT(config_attribute, type),
     .choices = claim_types, .doc = "string (default), long, bool or set (of strings)"},
};
static const struct config_object attribute_object =
    OBJECT(attribute_fields, struct config_attribute, offsetof(struct config_attribute, place),
           config_check_attribute);

static const struct config_field role_source_fields[] = {
    {.name = SLICE_INIT("claim"), .kind = CONFIG_KIND_TEXT, .is_required = true,
     AT(config_role_source, claim), .doc = "the claim to read"},
    {.name = SLICE_INIT("kind"), .kind = CONFIG_KIND_CHOICE, AT(config_role_source, kind),
     .choices = role_kinds,
     .doc = "how it holds roles: list (default), words between spaces, json in a text, or bool"},
    {.name = SLICE_INIT("prefix"), .kind = CONFIG_KIND_TEXT, AT(config_role_source, prefix),
     .doc = "put before each role, like perm: or scope:"},
    {.name = SLICE_INIT("values"), .kind = CONFIG_KIND_VARIABLES, AT(config_role_source, values),
     .doc = "the role that each value means; other values mean none"},
};
const struct config_object config_object_role_source =
    OBJECT(role_source_fields, struct config_role_source, NO_PLACE, config_check_role_source);

static const struct config_field mapping_fields[] = {
    {.name = SLICE_INIT("subject"), .kind = CONFIG_KIND_TEXTS, AT(config_mapping, subject),
     .doc = "claims of the stable user id, the first that is there; default by preset"},
    {.name = SLICE_INIT("tenant"), .kind = CONFIG_KIND_TEXT, AT(config_mapping, tenant),
     .doc = "claim of the tenant id; default by preset"},
    {.name = SLICE_INIT("roles"), .kind = CONFIG_KIND_CUSTOM, .read = config_check_roles,
     AT(config_mapping, roles),
     .schema = "{\"oneOf\":[{\"type\":\"string\"},{\"$ref\":\"#/$defs/role_source\"},"
               "{\"type\":\"array\",\"items\":{\"oneOf\":[{\"type\":\"string\"},"
               "{\"$ref\":\"#/$defs/role_source\"}]}}]}",
     .doc = "claims of the roles: a claim, a mapping, or a list of these; default by preset"},
    {.name = SLICE_INIT("groups"), .kind = CONFIG_KIND_TEXT, AT(config_mapping, groups),
     .doc = "claim of the groups; default groups"},
    {.name = SLICE_INIT("amr"), .kind = CONFIG_KIND_TEXT, AT(config_mapping, amr),
     .doc = "claim of the authentication methods; default amr"},
    {.name = SLICE_INIT("acr"), .kind = CONFIG_KIND_TEXT, AT(config_mapping, acr),
     .doc = "claim of the authentication level; default acr"},
    {.name = SLICE_INIT("attributes"), .kind = CONFIG_KIND_NAMED_OBJECTS,
     AT(config_mapping, attributes), .value_max = 64, .object = &attribute_object,
     .doc = "further claims, by the name that policies use"},
};
static const struct config_object mapping_object =
    OBJECT(mapping_fields, struct config_mapping, NO_PLACE, config_check_mapping);

static const struct config_field evidence_fields[] = {
    {.name = SLICE_INIT("amr"), .kind = CONFIG_KIND_TEXTS, AT(config_evidence, amr),
     .doc = "methods, of which one is enough"},
    {.name = SLICE_INIT("acr"), .kind = CONFIG_KIND_TEXTS, AT(config_evidence, acr),
     .doc = "levels"},
    {.name = SLICE_INIT("acrs"), .kind = CONFIG_KIND_TEXTS, AT(config_evidence, acrs),
     .doc = "authentication contexts of Entra, like c1"},
};
static const struct config_object evidence_object =
    OBJECT(evidence_fields, struct config_evidence, NO_PLACE, NULL);

static const struct config_field secret_fields[] = {
    {.name = SLICE_INIT("env"), .kind = CONFIG_KIND_TEXT, AT(config_secret_source, env),
     .doc = "environment variable of the gateway that holds the secret"},
    {.name = SLICE_INIT("file"), .kind = CONFIG_KIND_PATH, AT(config_secret_source, file),
     .doc = "file that holds the secret, readable by its owner only"},
    {.name = SLICE_INIT("vault"), .kind = CONFIG_KIND_UNSUPPORTED,
     .doc = "use 'env' or 'file'"},
};
static const struct config_object secret_object =
    OBJECT(secret_fields, struct config_secret_source, NO_PLACE, NULL);

static const struct config_field sign_in_fields[] = {
    {.name = SLICE_INIT("client_id"), .kind = CONFIG_KIND_TEXT, .is_required = true,
     AT(config_sign_in, client_id), .doc = "the gateway's own client at the provider"},
    {.name = SLICE_INIT("client_secret"), .kind = CONFIG_KIND_OBJECT, .is_required = true,
     AT(config_sign_in, client_secret), .object = &secret_object,
     .doc = "where its secret is: {env: NAME} or {file: PATH}"},
    {.name = SLICE_INIT("authorization_endpoint"), .kind = CONFIG_KIND_URL,
     AT(config_sign_in, authorization_endpoint),
     .doc = "where people sign in; default by preset, else what the issuer's metadata say"},
    {.name = SLICE_INIT("token_endpoint"), .kind = CONFIG_KIND_URL,
     AT(config_sign_in, token_endpoint),
     .doc = "where codes become tokens; default by preset, else what the issuer's metadata say"},
    {.name = SLICE_INIT("scopes"), .kind = CONFIG_KIND_TEXTS, AT(config_sign_in, scopes),
     .doc = "scopes to ask for, whatever the client wants; one text or a list"},
    {.name = SLICE_INIT("optional_scopes"), .kind = CONFIG_KIND_VARIABLES,
     AT(config_sign_in, optional_scopes),
     .doc = "by name a scope that clients get if they ask for it: what the provider calls it"},
    {.name = SLICE_INIT("resource"), .kind = CONFIG_KIND_TEXT, AT(config_sign_in, resource),
     .doc = "resource to ask for, at a provider that knows RFC 8707"},
    {.name = SLICE_INIT("names_issuer"), .kind = CONFIG_KIND_BOOL, AT(config_sign_in, names_issuer),
     .doc = "its answers carry 'iss' (RFC 9207), one without is refused; default false, or what its metadata promise"},
    {.name = SLICE_INIT("hand_on"), .kind = CONFIG_KIND_CHOICE, AT(config_sign_in, hands_on),
     .choices = hand_ons,
     .doc = "which token clients show: access_token (default) or id_token"},
};
static const struct config_object sign_in_object =
    OBJECT(sign_in_fields, struct config_sign_in, offsetof(struct config_sign_in, place),
           config_check_sign_in);

static const struct config_field introspection_fields[] = {
    {.name = SLICE_INIT("endpoint"), .kind = CONFIG_KIND_URL, AT(config_introspection, endpoint),
     .doc = "where it is asked; default by preset, for preset oidc by the issuer's metadata"},
    {.name = SLICE_INIT("client_id"), .kind = CONFIG_KIND_TEXT, AT(config_introspection, client_id),
     .doc = "the gateway's own client at the issuer; not for preset google"},
    {.name = SLICE_INIT("client_secret"), .kind = CONFIG_KIND_OBJECT,
     AT(config_introspection, client_secret), .object = &secret_object,
     .doc = "where its secret is: {env: NAME} or {file: PATH}"},
    {.name = SLICE_INIT("client_authentication"), .kind = CONFIG_KIND_CHOICE,
     AT(config_introspection, authentication), .choices = client_authentications,
     .doc = "how the secret is shown: basic (default) or post"},
    {.name = SLICE_INIT("tokens"), .kind = CONFIG_KIND_CHOICE, AT(config_introspection, tokens),
     .choices = asked_tokens,
     .doc = "opaque (default): only such tokens; both: signed ones as well, verified here; always: "
            "signed ones are verified and asked about"},
    {.name = SLICE_INIT("prefix"), .kind = CONFIG_KIND_TEXT, AT(config_introspection, prefix),
     .doc = "what its opaque tokens begin with; needed where several issuers are asked"},
    {.name = SLICE_INIT("clients"), .kind = CONFIG_KIND_TEXTS, AT(config_introspection, clients),
     .doc = "client ids that tokens may be of; needed where answers have no 'aud'"},
    {.name = SLICE_INIT("untyped"), .kind = CONFIG_KIND_BOOL, AT(config_introspection, untyped),
     .doc = "accept answers without 'token_type', which may be about refresh tokens; default false"},
    {.name = SLICE_INIT("internal_client"), .kind = CONFIG_KIND_BOOL,
     AT(config_introspection, internal_client),
     .doc = "of preset google: the client is internal, so that only the tenant's accounts get tokens"},
    {.name = SLICE_INIT("cache_s"), .kind = CONFIG_KIND_NUMBER, AT(config_introspection, cache_s),
     .value_default = 60, .value_min = 0, .value_max = 300,
     .doc = "how long an answer counts; default 60, 0: for one request"},
};
static const struct config_object introspection_object =
    OBJECT(introspection_fields, struct config_introspection,
           offsetof(struct config_introspection, place), config_check_introspection);

static const struct config_field graph_fields[] = {
    {.name = SLICE_INIT("client_id"), .kind = CONFIG_KIND_TEXT, .is_required = true,
     AT(config_graph, client_id),
     .doc = "the gateway's own client, which may read group memberships at Microsoft Graph"},
    {.name = SLICE_INIT("client_secret"), .kind = CONFIG_KIND_OBJECT, .is_required = true,
     AT(config_graph, client_secret), .object = &secret_object,
     .doc = "where its secret is: {env: NAME} or {file: PATH}"},
    {.name = SLICE_INIT("cache_s"), .kind = CONFIG_KIND_NUMBER, AT(config_graph, cache_s),
     .value_default = 600, .value_min = 60, .value_max = 900,
     .doc = "how long groups that were looked up count; default 600"},
    {.name = SLICE_INIT("endpoint"), .kind = CONFIG_KIND_URL, AT(config_graph, endpoint),
     .doc = "Microsoft Graph; default by cloud, like https://graph.microsoft.com"},
    {.name = SLICE_INIT("login"), .kind = CONFIG_KIND_URL, AT(config_graph, login),
     .doc = "where the client gets its tokens; default by cloud, like https://login.microsoftonline.com"},
};
static const struct config_object graph_object =
    OBJECT(graph_fields, struct config_graph, offsetof(struct config_graph, place),
           config_check_graph);

static const struct config_field issuer_fields[] = {
    {.name = SLICE_INIT("name"), .kind = CONFIG_KIND_TEXT, .is_required = true,
     AT(config_issuer, name), .doc = "unique short name, for policies, log and audit"},
    {.name = SLICE_INIT("preset"), .kind = CONFIG_KIND_CHOICE, AT(config_issuer, preset),
     .choices = presets, .doc = "kind of identity provider; fills in issuer, keys and claims"},
    {.name = SLICE_INIT("issuer"), .kind = CONFIG_KIND_TEXT, AT(config_issuer, issuer),
     .doc = "the exact 'iss' of its tokens"},
    {.name = SLICE_INIT("accepted_issuers"), .kind = CONFIG_KIND_TEXTS,
     AT(config_issuer, accepted_issuers),
     .doc = "other exact 'iss' of the same issuer, as with custom domains"},
    {.name = SLICE_INIT("tenant"), .kind = CONFIG_KIND_TEXT, AT(config_issuer, tenant),
     .doc = "the one accepted tenant, or any"},
    {.name = SLICE_INIT("tenants"), .kind = CONFIG_KIND_TEXTS, AT(config_issuer, tenants),
     .doc = "accepted tenants, organisations (auth0) or domains (google)"},
    {.name = SLICE_INIT("cloud"), .kind = CONFIG_KIND_CHOICE, AT(config_issuer, cloud),
     .choices = clouds, .doc = "of preset entra: global (default), us or china"},
    {.name = SLICE_INIT("token_version"), .kind = CONFIG_KIND_NUMBER,
     AT(config_issuer, token_version), .value_default = 2, .value_min = 1, .value_max = 2,
     .doc = "of preset entra: the version of its access tokens; default 2"},
    {.name = SLICE_INIT("namespace"), .kind = CONFIG_KIND_TEXT, AT(config_issuer, namespace),
     .doc = "of preset auth0: before its custom claims, like https://aegis.example/"},
    {.name = SLICE_INIT("token_kind"), .kind = CONFIG_KIND_CHOICE, AT(config_issuer, token_kind),
     .choices = token_kinds,
     .doc = "access_token (default; one without 'typ' must look like one), at+jwt or id_token"},
    {.name = SLICE_INIT("audience"), .kind = CONFIG_KIND_TEXTS, AT(config_issuer, audience),
     .doc = "accepted 'aud'; one text or a list"},
    {.name = SLICE_INIT("strict_audience"), .kind = CONFIG_KIND_BOOL,
     AT(config_issuer, strict_audience),
     .doc = "refuse tokens that are meant for somebody else as well; default false"},
    {.name = SLICE_INIT("other_audiences"), .kind = CONFIG_KIND_TEXTS,
     AT(config_issuer, other_audiences),
     .doc = "whom strict_audience lets a token name besides; auth0: its user information"},
    {.name = SLICE_INIT("jwks"), .kind = CONFIG_KIND_CUSTOM, .read = config_check_jwks,
     .offset = 0, .schema = "{\"type\":\"string\"}",
     .doc = "key set: an https URL or a file; default by preset, else what its metadata says"},
    {.name = SLICE_INIT("keys"), .kind = CONFIG_KIND_PATH, AT(config_issuer, keys_path),
     .doc = "of preset api-keys: the list of keys, made by aegis token key"},
    {.name = SLICE_INIT("client_ca"), .kind = CONFIG_KIND_PATH, AT(config_issuer, client_ca),
     .doc = "of preset mtls: PEM file of the authorities whose certificates are callers"},
    {.name = SLICE_INIT("callers"), .kind = CONFIG_KIND_CHOICE, AT(config_issuer, callers),
     .choices = callers, .doc = "of preset mtls: what its callers are, service (default) or user"},
    {.name = SLICE_INIT("exposed"), .kind = CONFIG_KIND_BOOL, AT(config_issuer, is_exposed),
     .doc = "of preset development: accept its tokens although other machines can come, for tests; default false"},
    {.name = SLICE_INIT("metadata_url"), .kind = CONFIG_KIND_URL, AT(config_issuer, metadata_url),
     .doc = "where its metadata is, if not where RFC 8414 and OpenID Connect say"},
    {.name = SLICE_INIT("hosts"), .kind = CONFIG_KIND_TEXTS, AT(config_issuer, hosts),
     .doc = "hosts besides the issuer's own that its metadata may name for its keys"},
    {.name = SLICE_INIT("networks"), .kind = CONFIG_KIND_TEXTS, AT(config_issuer, networks),
     .doc = "networks like 10.1.0.0/16 that may be connected to although they are not public"},
    {.name = SLICE_INIT("ca"), .kind = CONFIG_KIND_PATH, AT(config_issuer, ca),
     .doc = "PEM file of the authorities that its addresses are verified by, instead of the system's"},
    {.name = SLICE_INIT("algorithms"), .kind = CONFIG_KIND_MASK, AT(config_issuer, algorithms),
     .choices = algorithms,
     .value_default = JWS_MASK(JWS_RS256) | JWS_MASK(JWS_PS256) | JWS_MASK(JWS_ES256),
     .doc = "accepted signature algorithms; default RS256, PS256 and ES256"},
    {.name = SLICE_INIT("skew_s"), .kind = CONFIG_KIND_NUMBER, AT(config_issuer, skew_s),
     .value_default = 60, .value_min = 0, .value_max = 300,
     .doc = "tolerated clock difference in seconds; default 60"},
    {.name = SLICE_INIT("max_token_age_s"), .kind = CONFIG_KIND_NUMBER,
     AT(config_issuer, max_token_age_s), .value_default = 0, .value_min = 1,
     .value_max = 31536000,
     .doc = "most seconds since a token was issued ('iat', then required), whatever it says; default any"},
    {.name = SLICE_INIT("roles"), .kind = CONFIG_KIND_TEXTS, AT(config_issuer, roles),
     .doc = "roles that policies may name"},
    {.name = SLICE_INIT("mapping"), .kind = CONFIG_KIND_OBJECT, AT(config_issuer, mapping),
     .object = &mapping_object, .doc = "which claims become which part of the principal"},
    {.name = SLICE_INIT("sign_in"), .kind = CONFIG_KIND_OBJECT, AT(config_issuer, sign_in),
     .object = &sign_in_object,
     .doc = "let clients sign in here that the provider does not know"},
    {.name = SLICE_INIT("introspection"), .kind = CONFIG_KIND_OBJECT,
     AT(config_issuer, introspection), .object = &introspection_object,
     .doc = "ask the issuer about tokens that only it can read (RFC 7662; Google's tokeninfo)"},
    {.name = SLICE_INIT("graph"), .kind = CONFIG_KIND_OBJECT, AT(config_issuer, graph),
     .object = &graph_object,
     .doc = "of preset entra: look up groups that tokens lack at Microsoft Graph"},
    {.name = SLICE_INIT("dpop"), .kind = CONFIG_KIND_CHOICE, AT(config_issuer, proofs),
     .choices = proof_policies,
     .doc = "tokens bound to a key: optional (default), required, or off: then they are refused"},
    {.name = SLICE_INIT("mtls"), .kind = CONFIG_KIND_CHOICE, AT(config_issuer, certificates),
     .choices = proof_policies,
     .doc = "likewise of tokens bound to a certificate of the client: optional, required or off"},
    {.name = SLICE_INIT("dpop_nonce"), .kind = CONFIG_KIND_BOOL, AT(config_issuer, asks_nonce),
     .value_default = 0, .doc = "proofs need a nonce of the gateway; default false"},
    {.name = SLICE_INIT("step_up"), .kind = CONFIG_KIND_VARIABLES, AT(config_issuer, step_up),
     .doc = "what the issuer calls the sign-ins that policies name in @step_up"},
    {.name = SLICE_INIT("mfa"), .kind = CONFIG_KIND_OBJECT, AT(config_issuer, mfa),
     .object = &evidence_object, .doc = "values that prove a second factor, besides the preset's"},
    {.name = SLICE_INIT("phishing_resistant"), .kind = CONFIG_KIND_OBJECT,
     AT(config_issuer, phishing_resistant), .object = &evidence_object,
     .doc = "values that prove a factor that cannot be phished"},
};
static const struct config_object issuer_object =
    OBJECT(issuer_fields, struct config_issuer, offsetof(struct config_issuer, place),
           config_check_issuer);

static const struct config_field service_fields[] = {
    {.name = SLICE_INIT("header"), .kind = CONFIG_KIND_TEXT, AT(config_service, header),
     .doc = "header field that carries the secret, for a url"},
    {.name = SLICE_INIT("env"), .kind = CONFIG_KIND_TEXT, AT(config_service, env),
     .doc = "variable that carries the secret, for a command"},
    {.name = SLICE_INIT("prefix"), .kind = CONFIG_KIND_TEXT, AT(config_service, prefix),
     .doc = "text before the secret, like \"Bearer \""},
    {.name = SLICE_INIT("from"), .kind = CONFIG_KIND_OBJECT, .is_required = true,
     AT(config_service, from), .object = &secret_object,
     .doc = "where the secret is: {env: NAME} or {file: PATH}"},
};
const struct config_object config_object_service =
    OBJECT(service_fields, struct config_service, NO_PLACE, NULL);

static const struct config_field server_tls_fields[] = {
    {.name = SLICE_INIT("ca"), .kind = CONFIG_KIND_PATH, .is_required = true, .offset = 0,
     .doc = "PEM file of the certification authorities to trust instead of the system's"},
};
static const struct config_object server_tls_object =
    OBJECT(server_tls_fields, struct slice, NO_PLACE, NULL);

static const struct config_field server_fields[] = {
    {.name = SLICE_INIT("name"), .kind = CONFIG_KIND_TEXT, .is_required = true,
     AT(config_server, name),
     .doc = "unique name: 1 to 32 of a-z, 0-9, - and single _ inside, first a letter or digit; `__` joins it to a tool"},
    {.name = SLICE_INIT("url"), .kind = CONFIG_KIND_URL, AT(config_server, url),
     .doc = "its endpoint; either this or command"},
    {.name = SLICE_INIT("command"), .kind = CONFIG_KIND_TEXTS, AT(config_server, command),
     .doc = "program and arguments of a stdio server; no shell"},
    {.name = SLICE_INIT("env"), .kind = CONFIG_KIND_VARIABLES, AT(config_server, env),
     .doc = "variables of the child, besides PATH, HOME and LANG; no secrets"},
    {.name = SLICE_INIT("trust"), .kind = CONFIG_KIND_NAMED, AT(config_server, trust),
     .choices = trusts, .doc = "internal, partner or third-party (default), for policies"},
    {.name = SLICE_INIT("labels"), .kind = CONFIG_KIND_TEXTS, AT(config_server, labels),
     .doc = "free labels, for policies"},
    {.name = SLICE_INIT("scopes"), .kind = CONFIG_KIND_TEXTS, AT(config_server, scopes),
     .doc = "scopes that clients of its own endpoint are told to ask for as well"},
    {.name = SLICE_INIT("revision"), .kind = CONFIG_KIND_CUSTOM, AT(config_server, revision),
     .read = config_check_revision, .schema = "{\"type\":\"string\"}",
     .doc = "protocol revision to speak; default: find out"},
    {.name = SLICE_INIT("transport"), .kind = CONFIG_KIND_CHOICE, AT(config_server, transport),
     .choices = transports,
     .doc = "streamable-http, or sse for HTTP with SSE (2024-11-05); default: find out"},
    {.name = SLICE_INIT("if_down"), .kind = CONFIG_KIND_CHOICE, AT(config_server, if_down),
     .choices = downs,
     .doc = "what a list of several servers does without it: omit it (default) or refuse"},
    {.name = SLICE_INIT("deny_as"), .kind = CONFIG_KIND_CUSTOM, AT(config_server, deny_as_error),
     .read = config_check_deny_as, .schema = "{\"enum\":[\"result\",\"error\"]}",
     .doc = "how a denied tool call is answered: result (default) or error"},
    {.name = SLICE_INIT("extensions"), .kind = CONFIG_KIND_MASK, AT(config_server, extensions),
     .choices = extensions,
     .doc = "extensions of the protocol that may be used with it; default none"},
    {.name = SLICE_INIT("credential"), .kind = CONFIG_KIND_CUSTOM, AT(config_server, credential),
     .read = config_check_credential,
     .schema = "{\"oneOf\":[{\"const\":\"none\"},{\"type\":\"object\",\"required\":[\"service\"],"
               "\"additionalProperties\":false,\"properties\":{\"service\":"
               "{\"$ref\":\"#/$defs/service\"}}}]}",
     .doc = "what the gateway shows to the server: none (default) or a service credential"},
    {.name = SLICE_INIT("tls"), .kind = CONFIG_KIND_OBJECT, AT(config_server, tls_ca),
     .object = &server_tls_object, .doc = "how an https server is verified"},
    {.name = SLICE_INIT("timeout_ms"), .kind = CONFIG_KIND_NUMBER, AT(config_server, timeout_ms),
     .value_default = 0, .value_min = 10, .value_max = 3600000,
     .doc = "time without a byte; default limits.upstream_timeout_ms"},
    {.name = SLICE_INIT("inspect"), .kind = CONFIG_KIND_UNSUPPORTED,
     .doc = "remove it; check arguments in policies with 'context.arguments'"},
};
static const struct config_object server_object =
    OBJECT(server_fields, struct config_server, offsetof(struct config_server, place),
           config_check_server);

static const struct config_field view_fields[] = {
    {.name = SLICE_INIT("name"), .kind = CONFIG_KIND_TEXT, .is_required = true,
     AT(config_view, name), .doc = "its name in addresses"},
    {.name = SLICE_INIT("tools"), .kind = CONFIG_KIND_TEXTS, AT(config_view, tools),
     .doc = "tools it shows, like jira.create_issue or jira.*"},
    {.name = SLICE_INIT("prompts"), .kind = CONFIG_KIND_TEXTS, AT(config_view, prompts),
     .doc = "prompts it shows, like wiki.summary or wiki.*"},
    {.name = SLICE_INIT("resources"), .kind = CONFIG_KIND_TEXTS, AT(config_view, resources),
     .doc = "servers whose resources it shows"},
    {.name = SLICE_INIT("rename"), .kind = CONFIG_KIND_VARIABLES, AT(config_view, renames),
     .doc = "other names of tools, like jira.create_issue: open_ticket"},
    {.name = SLICE_INIT("describe"), .kind = CONFIG_KIND_VARIABLES, AT(config_view, descriptions),
     .doc = "other descriptions of tools, by names like jira.create_issue"},
    {.name = SLICE_INIT("max_tools"), .kind = CONFIG_KIND_NUMBER, AT(config_view, max_tools),
     .value_default = 0, .value_min = 0, .value_max = 100000,
     .doc = "most tools in its list; 0 (default): any number"},
};
static const struct config_object view_object =
    OBJECT(view_fields, struct config_view, offsetof(struct config_view, place),
           config_check_view);

static const struct config_field client_documents_fields[] = {
    {.name = SLICE_INIT("networks"), .kind = CONFIG_KIND_TEXTS,
     AT(config_client_documents, networks),
     .doc = "networks like 10.1.0.0/16 that they may lie in although they are not public"},
    {.name = SLICE_INIT("ca"), .kind = CONFIG_KIND_PATH, AT(config_client_documents, ca),
     .doc = "PEM file of the certification authorities to trust instead of the system's"},
};
static const struct config_object client_documents_object =
    OBJECT(client_documents_fields, struct config_client_documents, NO_PLACE,
           config_check_client_documents);

static const struct config_field root_fields[] = {
    {.name = SLICE_INIT("version"), .kind = CONFIG_KIND_CUSTOM, .is_required = true, .offset = 0,
     .read = config_check_version, .schema = "{\"const\":1}", .doc = "write 'version: 1'"},
    {.name = SLICE_INIT("listen"), .kind = CONFIG_KIND_OBJECT, AT(config, listen),
     .object = &listen_object, .doc = "where MCP clients connect"},
    {.name = SLICE_INIT("control"), .kind = CONFIG_KIND_OBJECT, AT(config, control),
     .object = &control_object, .doc = "the control plane; not there yet, so nothing listens"},
    {.name = SLICE_INIT("process"), .kind = CONFIG_KIND_OBJECT, AT(config, process),
     .object = &process_object, .doc = "the users that processes run as"},
    {.name = SLICE_INIT("store"), .kind = CONFIG_KIND_CUSTOM, AT(config, store_path),
     .read = config_check_store,
     .schema = "{\"type\":\"string\",\"pattern\":\"^sqlite:///\"}",
     .doc = "sqlite:///PATH; not used yet: the index is a file beside the journal"},
    {.name = SLICE_INIT("state_dir"), .kind = CONFIG_KIND_PATH, AT(config, state_dir),
     .doc = "folder for all that the gateway writes; default /var/lib/aegis"},
    {.name = SLICE_INIT("policies"), .kind = CONFIG_KIND_PATHS, AT(config, policies),
     .doc = "Cedar policies: files, or folders of *.cedar; without any, all is denied"},
    {.name = SLICE_INIT("revocations"), .kind = CONFIG_KIND_PATH, AT(config, revocations),
     .doc = "file of the tokens, people, sessions, clients and keys that are shut out; looked at four times a second"},
    {.name = SLICE_INIT("audit"), .kind = CONFIG_KIND_OBJECT, AT(config, audit),
     .object = &audit_object, .doc = "the journal"},
    {.name = SLICE_INIT("identity"), .kind = CONFIG_KIND_OBJECTS, AT(config, issuers),
     .value_max = CONFIG_ISSUERS_MAX, .object = &issuer_object,
     .doc = "who may issue tokens; without any, every call is refused"},
    {.name = SLICE_INIT("client_documents"), .kind = CONFIG_KIND_OBJECT,
     AT(config, client_documents), .object = &client_documents_object,
     .doc = "fetching the documents of clients whose id is an address; see sign_in"},
    {.name = SLICE_INIT("servers"), .kind = CONFIG_KIND_OBJECTS, AT(config, servers),
     .value_max = CONFIG_SERVERS_MAX, .object = &server_object,
     .doc = "the MCP servers behind the gateway"},
    {.name = SLICE_INIT("origins"), .kind = CONFIG_KIND_TEXTS, AT(config, origins),
     .doc = "web origins that may call from a browser, like https://console.example.com"},
    {.name = SLICE_INIT("hosts"), .kind = CONFIG_KIND_TEXTS, AT(config, hosts),
     .doc = "accepted Host fields; default those of address and public_url"},
    {.name = SLICE_INIT("revisions"), .kind = CONFIG_KIND_TEXTS, AT(config, revisions),
     .doc = "protocol revisions that clients may use; default: all that Aegis speaks"},
    {.name = SLICE_INIT("threads"), .kind = CONFIG_KIND_NUMBER, AT(config, threads),
     .value_default = 0, .value_min = 0, .value_max = 256,
     .doc = "data loops; 0 (default): one per core that the process may use"},
    {.name = SLICE_INIT("limits"), .kind = CONFIG_KIND_CUSTOM, AT(config, limits),
     .read = config_check_limits, .schema = "{\"$ref\":\"#/$defs/limits\"}",
     .doc = "other values for limits; the table: aegis check --limits"},
    {.name = SLICE_INIT("views"), .kind = CONFIG_KIND_OBJECTS, AT(config, views),
     .value_max = CONFIG_VIEWS_MAX, .object = &view_object,
     .doc = "curated endpoints /views/NAME/mcp"},
};
/* clang-format on */
const struct config_object config_object_root =
    OBJECT(root_fields, struct config, NO_PLACE, config_check_root);
