/* Tokens as each provider writes them, the principal that they make, and the tokens that look like
 * them and are refused. Every token is signed well: what decides is what it says. */
#include "core/identity/identity.h"
#include "core/identity/issuer_hint.h"
#include "support/check.h"
#include "support/token_fixture.h"

#include <stdio.h>
#include <string.h>

#define ARENA_BYTES_MAX ((size_t)1 << 20)
#define TEXT_BYTES_MAX 65536
#define T1 "3f1e0000-0000-0000-0000-000000000001"
#define T2 "3f1e0000-0000-0000-0000-000000000002"
#define T3 "3f1e0000-0000-0000-0000-000000000003"
#define CONSUMERS "9188040d-6c67-4c5b-b112-36a304b66dad"
#define MICROSOFT "https://login.microsoftonline.com/"
#define API "5d1c9a70-2f55-4f0e-9b0e-7a4f6d2b9c11"
#define PINGONE "https://auth.pingone.example/69910000/as"

static const uint8_t SEED[16] = {9};

#define TEXTS(name, ...) static const struct slice name[] = {__VA_ARGS__}
#define T(text) SLICE_INIT(text)

TEXTS(AUD_ENTRA, T(API), T("api://aegis"));
TEXTS(AUD_API, T("api://aegis"));
TEXTS(AUD_URL, T("https://gw.example.com/mcp"));
TEXTS(AUD_GOOGLE, T("77.apps.googleusercontent.com"));
TEXTS(TENANT_1, T(T1));
TEXTS(TENANTS, T(T1), T(T2), T(CONSUMERS));
TEXTS(ORGANISATIONS, T("org_9ybs"));
TEXTS(DOMAINS, T("acme.example"));
TEXTS(OKTA_ALIASES, T("https://acme.okta.example/oauth2/aus1f0"));
TEXTS(GOOGLE_ALIASES, T("accounts.google.com"));
TEXTS(AUTH0_OTHERS, T("https://acme.eu.auth0.example/userinfo"));
TEXTS(PF_SUBJECTS, T("employee"), T("sub"));

static const struct issuer_role_source AUTH0_ROLES[] = {
    {.claim = T("https://aegis.example/roles")},
    {.claim = T("permissions"), .prefix = T("perm:")},
};
static const struct issuer_role_source KEYCLOAK_ROLES[] = {
    {.claim = T("realm_access.roles")},
    {.claim = T("/resource_access/my.app/roles"), .prefix = T("client:")},
};
static const struct issuer_role_value STAFF[] = {{T("true"), T("Staff")}};
static const struct issuer_role_value LEVELS[] = {{T("7"), T("Senior")}, {T("8"), T("Principal")}};
static const struct issuer_role_source MIXED_ROLES[] = {
    {.claim = T("roles")},
    {.claim = T("scope"), .kind = ISSUER_ROLES_WORDS, .prefix = T("scope:")},
    {.claim = T("teams"), .kind = ISSUER_ROLES_JSON, .prefix = T("team:")},
    {.claim = T("staff"), .kind = ISSUER_ROLES_BOOL, .values = STAFF, .value_count = 1},
    {.claim = T("/hr/level~1grade"), .values = LEVELS, .value_count = 2},
};
static const struct issuer_evidence CONTEXTS[] = {
    {ISSUER_EVIDENCE_ACRS, T("c1"), AUTH_MFA},
    {ISSUER_EVIDENCE_ACRS, T("c9"), AUTH_PHISHING_RESISTANT}};
static const struct issuer_evidence POLICIES[] = {
    {ISSUER_EVIDENCE_ACR, T("Multi_Factor"), AUTH_MFA},
    {ISSUER_EVIDENCE_ACR, T("urn:corp:mfa"), AUTH_MFA},
    {ISSUER_EVIDENCE_AMR, T("otp"), AUTH_MFA}};

#define NAMED(entry_name, id)                                                                      \
    .name = T(entry_name), .preset = ISSUER_PRESET_##id,                                           \
    .algorithms = JWS_MASK(JWS_RS256) | JWS_MASK(JWS_ES256), .skew_s = 60
#define AUDIENCES(list) .audiences = (list), .audience_count = COUNT_OF(list)
#define ACCEPT(list) .tenants = (list), .tenant_count = COUNT_OF(list)
#define ROLES(list) .role_sources = (list), .role_source_count = COUNT_OF(list)
#define EVIDENCE(list) .evidence = (list), .evidence_count = COUNT_OF(list)
#define ALIASES(list) .aliases = (list), .alias_count = COUNT_OF(list)

static const struct issuer_entry ENTRIES[] = {
    {NAMED("entra", ENTRA), .issuer = T(MICROSOFT T3 "/v2.0"), .version = T("2.0"),
     AUDIENCES(AUD_ENTRA), .tenants = (const struct slice[]){T(T3)}, .tenant_count = 1,
     EVIDENCE(CONTEXTS)},
    {NAMED("entra-1", ENTRA), .issuer = T("https://sts.windows.net/" T1 "/"), .version = T("1.0"),
     AUDIENCES(AUD_ENTRA), ACCEPT(TENANT_1)},
    {NAMED("entra-many", ENTRA), .issuer = T(MICROSOFT "{tenantid}/v2.0"), .version = T("2.0"),
     AUDIENCES(AUD_ENTRA), ACCEPT(TENANTS)},
    {NAMED("okta", OKTA), .issuer = T("https://id.acme.example/oauth2/aus1f0"),
     ALIASES(OKTA_ALIASES), AUDIENCES(AUD_API)},
    {NAMED("auth0", AUTH0), .issuer = T("https://acme.eu.auth0.example/"), AUDIENCES(AUD_URL),
     ACCEPT(ORGANISATIONS), ROLES(AUTH0_ROLES), .amr_claim = T("https://aegis.example/amr"),
     .is_audience_strict = true, .other_audiences = AUTH0_OTHERS, .other_audience_count = 1},
    {NAMED("auth0-open", AUTH0), .issuer = T("https://open.auth0.example/"), AUDIENCES(AUD_URL)},
    {NAMED("pingone", PINGONE), .issuer = T(PINGONE), AUDIENCES(AUD_URL), EVIDENCE(POLICIES)},
    {NAMED("pf", PINGFEDERATE), .issuer = T("https://sso.corp.example"), AUDIENCES(AUD_URL),
     EVIDENCE(POLICIES), .tenant_claim = T("tenant"), .subjects = PF_SUBJECTS,
     .subject_count = COUNT_OF(PF_SUBJECTS)},
    {NAMED("google", GOOGLE), .issuer = T("https://accounts.google.com"), ALIASES(GOOGLE_ALIASES),
     AUDIENCES(AUD_GOOGLE), ACCEPT(DOMAINS)},
    {NAMED("keycloak", KEYCLOAK), .issuer = T("https://kc.example/realms/r"), AUDIENCES(AUD_API),
     ROLES(KEYCLOAK_ROLES)},
    {NAMED("mixed", OIDC), .issuer = T("https://mixed.example"), AUDIENCES(AUD_API),
     ROLES(MIXED_ROLES)},
};

struct fixture {
    struct fake_crypto crypto;
    struct json_parser parser;
    struct jwks *keys[COUNT_OF(ENTRIES)];
    struct identity_snapshot *snapshot;
};

/* "k" is every tenant's, "consumers" that of one, "mute" does not say whose it is. All are the same
 * key, so that only what is said of it decides. */
static void make_keys(struct fixture *fixture, size_t index)
{
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX, NULL);
    buf_append(&text, SLICE("{\"keys\":["));
    bool is_first = slice_eq(ENTRIES[index].name, SLICE("entra-1"));
    token_append_jwk(&text, JWS_RS256, 0x81,
                     is_first ? ",\"kid\":\"k\""
                              : ",\"kid\":\"k\",\"issuer\":\"" MICROSOFT "{tenantid}/v2.0\"");
    buf_append(&text, SLICE(","));
    token_append_jwk(&text, JWS_RS256, 0x81,
                     ",\"kid\":\"consumers\",\"issuer\":\"" MICROSOFT CONSUMERS "/v2.0\"");
    buf_append(&text, SLICE(","));
    token_append_jwk(&text, JWS_RS256, 0x81, ",\"kid\":\"mute\"");
    buf_append(&text, SLICE("]}"));
    CHECK(token_parse_keys(&fixture->parser, &fixture->crypto, buf_view(&text),
                           &fixture->keys[index]) == STATUS_OK);
    buf_release(&text);
}

static void fixture_init(struct fixture *fixture)
{
    const struct identity_config config = {ENTRIES, COUNT_OF(ENTRIES)};
    struct diag diag = {0};
    *fixture = (struct fixture){0};
    fake_crypto_init(&fixture->crypto);
    json_parser_init(&fixture->parser, &(struct json_limits)JSON_LIMITS_DEFAULT, SEED);
    for (size_t i = 0; i < COUNT_OF(ENTRIES); i++) {
        make_keys(fixture, i);
    }
    enum status status =
        identity_snapshot_new(&config, fixture->keys, 1, &fixture->snapshot, &diag);
    CHECK_ROW(diag.message, status == STATUS_OK);
}

static void fixture_release(struct fixture *fixture)
{
    identity_snapshot_unref(fixture->snapshot);
    for (size_t i = 0; i < COUNT_OF(ENTRIES); i++) {
        jwks_unref(fixture->keys[i]);
    }
}

static struct principal *present(struct fixture *fixture, const char *header, const char *payload,
                                 struct diag *diag)
{
    struct fake_key key = token_key(JWS_RS256, 0x81);
    struct principal *principal = NULL;
    struct buf token;
    struct arena arena;
    buf_init(&token, TEXT_BYTES_MAX, NULL);
    arena_init(&arena, ARENA_BYTES_MAX, NULL);
    token_append(&token, &key, slice_view_cstr(header), slice_view_cstr(payload));
    struct identity_request request = {.snapshot = fixture->snapshot,
                                       .crypto = &fixture->crypto.port,
                                       .parser = &fixture->parser,
                                       .authorization = buf_view(&token),
                                       .now_s = TOKEN_NOW_S,
                                       .arena = &arena};
    (void)!identity_authenticate(&request, &principal, diag);
    arena_release(&arena);
    buf_release(&token);
    return principal;
}

static void append_list(struct buf *out, const char *name, const struct slice *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_append(out, i == 0 ? slice_view_cstr(name) : SLICE(","));
        buf_append(out, items[i]);
    }
}

/* A principal on one line, what is empty left out. */
static void describe(const struct principal *p, struct buf *out)
{
    const struct slice words[] = {p->issuer,  SLICE(":"), p->subject_claim, SLICE("@"),  p->tenant,
                                  SLICE("|"), p->subject, SLICE(" by "),    p->client_id};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        buf_append(out, words[i]);
    }
    buf_append(out, SLICE(" "));
    buf_append(out, principal_actor_name(p->actor));
    buf_append(out, p->is_service ? SLICE(" alone ") : SLICE(" "));
    buf_append(out, auth_strength_name(p->strength));
    append_list(out, " roles ", p->roles, p->role_count);
    append_list(out, " groups ", p->groups, p->group_count);
    buf_append(out, p->are_groups_unknown ? SLICE(" groups unknown") : SLICE_EMPTY);
    append_list(out, " scopes ", p->scopes, p->scope_count);
    append_list(out, " amr ", p->amr, p->amr_count);
    append_list(out, " acrs ", p->acrs, p->acrs_count);
    append_list(out, " actors ", p->actors, p->actor_count);
    buf_append(out, p->acr.len > 0 ? SLICE(" acr ") : SLICE_EMPTY);
    buf_append(out, p->acr);
    buf_append(out, p->has_auth_time ? SLICE(" timed") : SLICE_EMPTY);
}

#define RS256 "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"k\"}"
#define UNTYPED "{\"alg\":\"RS256\",\"kid\":\"k\"}"
#define ACCESS "{\"typ\":\"at+jwt\",\"alg\":\"RS256\",\"kid\":\"k\"}"
#define TIMES "\"iat\":999000,\"nbf\":999000,\"exp\":1000600,"
#define ENTRA_V2(tenant, fields)                                                                   \
    "{\"aud\":\"" API "\",\"iss\":\"" MICROSOFT tenant "/v2.0\"," TIMES                            \
    "\"ver\":\"2.0\",\"tid\":\"" tenant "\",\"oid\":\"8b7d\",\"sub\":\"pairwise-Aq3\"," fields "}"
#define ENTRA_V1(fields)                                                                           \
    "{\"aud\":\"api://aegis\",\"iss\":\"https://sts.windows.net/" T1 "/\"," TIMES                  \
    "\"ver\":\"1.0\",\"tid\":\"" T1 "\",\"oid\":\"8b7d\",\"sub\":\"x\"," fields "}"
#define PERSON "\"azp\":\"c2a4\",\"azpacr\":\"0\",\"scp\":\"mcp.call mcp.list\",\"idtyp\":\"user\","
#define OKTA(issuer, fields)                                                                       \
    "{\"ver\":1,\"jti\":\"AT.p0\",\"iss\":\"" issuer "\",\"aud\":\"api://aegis\"," TIMES           \
    "\"cid\":\"0oa7\"," fields "}"
#define OKTA_CUSTOM "https://id.acme.example/oauth2/aus1f0"
#define AUTH0(issuer, fields)                                                                      \
    "{\"iss\":\"" issuer "\",\"aud\":[\"https://gw.example.com/mcp\",\"" issuer                    \
    "userinfo\"]," TIMES fields "}"
#define AUTH0_ACME "https://acme.eu.auth0.example/"
#define AUTH0_OPEN "https://open.auth0.example/"
#define PING(fields)                                                                               \
    "{\"client_id\":\"f6c7\",\"iss\":\"" PINGONE "\",\"jti\":\"54ff\"," TIMES                      \
    "\"aud\":[\"https://gw.example.com/mcp\"],\"scope\":\"mcp:call\",\"env\":\"6991\"," fields "}"
#define PF(fields)                                                                                 \
    "{\"iss\":\"https://sso.corp.example\",\"aud\":\"https://gw.example.com/mcp\"," TIMES fields   \
    "\"client_id\":\"mcp-desktop\",\"scope\":\"mcp.call\"}"
#define GOOGLE(issuer, fields)                                                                     \
    "{\"iss\":\"" issuer "\",\"azp\":\"77.apps.googleusercontent.com\","                           \
    "\"aud\":\"77.apps.googleusercontent.com\",\"sub\":\"110169\"," TIMES fields "}"
#define ACME "\"hd\":\"acme.example\",\"email\":\"dana@acme.example\",\"email_verified\":true"
#define KEYCLOAK(fields)                                                                           \
    "{\"iss\":\"https://kc.example/realms/r\",\"aud\":\"api://aegis\",\"sub\":\"f:1:dana\"," TIMES \
    "\"azp\":\"desktop\"," fields "}"
#define MIXED(fields)                                                                              \
    "{\"iss\":\"https://mixed.example\",\"aud\":\"api://aegis\",\"sub\":\"dana\"," TIMES fields "}"

static const struct {
    const char *name, *header, *payload, *principal;
} ACCEPTED[] = {
    {"entra v2, groups left out", RS256,
     ENTRA_V2(T3, PERSON "\"roles\":[\"Aegis.Operator\"],\"acrs\":[\"p1\",\"c1\"],"
                         "\"xms_cc\":[\"cp1\"],\"_claim_names\":{\"groups\":\"src1\"},"
                         "\"_claim_sources\":{\"src1\":{\"endpoint\":\"https://graph.example\"}},"
                         "\"preferred_username\":\"dana@contoso.example\",\"uti\":\"xJ\""),
     "entra:@" T3 "|8b7d by c2a4 user mfa roles Aegis.Operator groups unknown "
     "scopes mcp.call,mcp.list acrs p1,c1"},
    {"entra v2, a context that says nothing", RS256,
     ENTRA_V2(T3, PERSON "\"acrs\":[\"p1\"],\"groups\":[\"g1\"]"),
     "entra:@" T3 "|8b7d by c2a4 user 1fa groups g1 scopes mcp.call,mcp.list acrs p1"},
    {"entra v2, a context that cannot be phished", RS256, ENTRA_V2(T3, PERSON "\"acrs\":[\"c9\"]"),
     "entra:@" T3 "|8b7d by c2a4 user phishing_resistant scopes mcp.call,mcp.list acrs c9"},
    {"entra v2, groups left out in the implicit flow", RS256,
     ENTRA_V2(T3, PERSON "\"hasgroups\":\"true\""),
     "entra:@" T3 "|8b7d by c2a4 user none groups unknown scopes mcp.call,mcp.list"},
    {"entra v2, application", RS256,
     ENTRA_V2(T3, "\"azp\":\"c2a4\",\"azpacr\":\"1\",\"idtyp\":\"app\",\"roles\":[\"Sync\"]"),
     "entra:@" T3 "|8b7d by c2a4 app alone none roles Sync"},
    {"entra v2, application that is not marked", RS256,
     ENTRA_V2(T3, "\"azp\":\"c2a4\",\"roles\":[\"Sync\"]"),
     "entra:@" T3 "|8b7d by c2a4 app alone none roles Sync"},
    {"entra v2, agent on its own", RS256,
     ENTRA_V2(T3, "\"azp\":\"a9\",\"idtyp\":\"app\",\"roles\":[\"Sync\"],"
                  "\"xms_act_fct\":\"3 11 9\",\"xms_par_app_azp\":\"bp\""),
     "entra:@" T3 "|8b7d by a9 agent alone none roles Sync"},
    {"entra v2, agent for a person", RS256, ENTRA_V2(T3, PERSON "\"xms_act_fct\":\"11\""),
     "entra:@" T3 "|8b7d by c2a4 agent none scopes mcp.call,mcp.list"},
    {"entra v2, account of an agent", RS256,
     ENTRA_V2(T3, PERSON "\"xms_act_fct\":\"9 11\",\"xms_sub_fct\":\"13 9\""),
     "entra:@" T3 "|8b7d by c2a4 agent alone none scopes mcp.call,mcp.list"},
    {"entra v2, no agent: 111 is another number", RS256,
     ENTRA_V2(T3, PERSON "\"xms_act_fct\":\"111 1 13\",\"xms_sub_fct\":\"11 130\""),
     "entra:@" T3 "|8b7d by c2a4 user none scopes mcp.call,mcp.list"},
    {"entra v2, guest", RS256,
     ENTRA_V2(T3, PERSON "\"acct\":1,\"idp\":\"https://sts.windows.net/" T2 "/\""),
     "entra:@" T3 "|8b7d by c2a4 user none scopes mcp.call,mcp.list"},
    {"entra v1, second factor", RS256,
     ENTRA_V1("\"appid\":\"c2a4\",\"scp\":\"mcp.call\",\"acr\":\"1\",\"amr\":[\"pwd\",\"mfa\"],"
              "\"unique_name\":\"dana@contoso.example\""),
     "entra-1:@" T1 "|8b7d by c2a4 user mfa scopes mcp.call amr pwd,mfa acr 1"},
    {"entra v1, acr 1 is no second factor", RS256,
     ENTRA_V1("\"appid\":\"c2a4\",\"scp\":\"mcp.call\",\"acr\":\"1\",\"amr\":[\"pwd\"]"),
     "entra-1:@" T1 "|8b7d by c2a4 user 1fa scopes mcp.call amr pwd acr 1"},
    {"entra v1, groups left out", RS256,
     ENTRA_V1("\"appid\":\"c2a4\",\"scp\":\"mcp.call\",\"_claim_names\":{\"groups\":\"src1\"},"
              "\"_claim_sources\":{\"src1\":{\"endpoint\":\"https://graph.example\"}}"),
     "entra-1:@" T1 "|8b7d by c2a4 user none groups unknown scopes mcp.call"},
    {"entra v1, groups left out in the implicit flow", RS256,
     ENTRA_V1("\"appid\":\"c2a4\",\"scp\":\"mcp.call\",\"hasgroups\":true"),
     "entra-1:@" T1 "|8b7d by c2a4 user none groups unknown scopes mcp.call"},
    {"entra, second of several tenants", RS256, ENTRA_V2(T2, PERSON "\"groups\":[\"g\"]"),
     "entra-many:@" T2 "|8b7d by c2a4 user none groups g scopes mcp.call,mcp.list"},
    {"entra, key of one tenant for it", "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"consumers\"}",
     ENTRA_V2(CONSUMERS, PERSON "\"a\":1"),
     "entra-many:@" CONSUMERS "|8b7d by c2a4 user none scopes mcp.call,mcp.list"},

    {"okta, person", UNTYPED,
     OKTA(OKTA_CUSTOM, "\"uid\":\"00u9\",\"scp\":[\"mcp.call\"],\"auth_time\":999100,"
                       "\"acr\":\"urn:okta:loa:2fa:any\",\"sub\":\"dana@acme.example\","
                       "\"groups\":[\"MCP-Operators\",\"Everyone\"]"),
     "okta:@|00u9 by 0oa7 user mfa groups MCP-Operators,Everyone scopes mcp.call "
     "acr urn:okta:loa:2fa:any timed"},
    {"okta, by the other domain", UNTYPED,
     OKTA("https://acme.okta.example/oauth2/aus1f0",
          "\"uid\":\"00u9\",\"scp\":[\"a\"],\"acr\":\"urn:okta:loa:1fa:pwd\""),
     "okta:@|00u9 by 0oa7 user 1fa scopes a acr urn:okta:loa:1fa:pwd"},
    {"okta, second factor if possible", UNTYPED,
     OKTA(OKTA_CUSTOM, "\"uid\":\"00u9\",\"scp\":[\"a\"],"
                       "\"acr\":\"urn:okta:loa:2fa:any:ifpossible\""),
     "okta:@|00u9 by 0oa7 user 1fa scopes a acr urn:okta:loa:2fa:any:ifpossible"},
    {"okta, cannot be phished", UNTYPED,
     OKTA(OKTA_CUSTOM, "\"uid\":\"00u9\",\"scp\":[\"a\"],\"acr\":\"phr\""),
     "okta:@|00u9 by 0oa7 user phishing_resistant scopes a acr phr"},
    {"okta, application", UNTYPED, OKTA(OKTA_CUSTOM, "\"scp\":[\"mcp.call\"],\"sub\":\"0oa7\""),
     "okta:cid@|0oa7 by 0oa7 app alone none scopes mcp.call"},

    {"auth0, RFC 9068 dialect", ACCESS,
     AUTH0(AUTH0_ACME, "\"sub\":\"waad|8Kd\",\"jti\":\"k9\",\"client_id\":\"Zx2\","
                       "\"scope\":\"openid mcp:call\",\"org_id\":\"org_9ybs\","
                       "\"permissions\":[\"mcp:call\",\"files:read\"],"
                       "\"https://aegis.example/roles\":[\"operator\"],"
                       "\"https://aegis.example/amr\":[\"mfa\"]"),
     "auth0:@org_9ybs|waad|8Kd by Zx2 user mfa roles operator,perm:mcp:call,perm:files:read "
     "scopes openid,mcp:call amr mfa"},
    {"auth0, own dialect", RS256,
     AUTH0(AUTH0_ACME, "\"sub\":\"auth0|5f\",\"azp\":\"Zx2\",\"scope\":\"mcp:call\","
                       "\"org_id\":\"org_9ybs\""),
     "auth0:@org_9ybs|auth0|5f by Zx2 user none scopes mcp:call"},
    {"auth0, machine", RS256,
     AUTH0(AUTH0_OPEN, "\"sub\":\"Zx2@clients\",\"azp\":\"Zx2\",\"gty\":\"client-credentials\","
                       "\"permissions\":[\"mcp:call\"]"),
     "auth0-open:@|Zx2@clients by Zx2 app alone none roles perm:mcp:call"},

    {"pingone, person", RS256,
     PING("\"sub\":\"dana\",\"sid\":\"8663\",\"auth_time\":999100,\"acr\":\"Multi_Factor\","
          "\"org\":\"d422\",\"p1.userId\":\"8ca2\",\"p1.permissions\":[\"mcp:operate\"],"
          "\"memberOf\":[\"MCP Operators\"],\"may_act\":{\"sub\":\"45f6-gateway\"}"),
     "pingone:@6991|8ca2 by f6c7 user mfa roles perm:mcp:operate scopes mcp:call "
     "acr Multi_Factor timed"},
    {"pingone, somebody acts", ACCESS,
     PING("\"p1.userId\":\"8ca2\",\"acr\":\"Single_Factor\","
          "\"act\":{\"sub\":\"gateway\",\"act\":{\"client_id\":\"desktop\"}}"),
     "pingone:@6991|8ca2 by f6c7 user 1fa scopes mcp:call actors gateway,desktop "
     "acr Single_Factor"},
    {"pingone, somebody acts, as a text", ACCESS,
     PING("\"p1.userId\":\"8ca2\",\"act\":\"{\\\"sub\\\":\\\"gateway\\\"}\""),
     "pingone:@6991|8ca2 by f6c7 user none scopes mcp:call actors gateway"},
    {"pingone, worker", RS256, PING("\"roles\":[\"sync\"]"),
     "pingone:client_id@6991|f6c7 by f6c7 app alone none roles sync scopes mcp:call"},

    {"pingfederate, person", ACCESS,
     PF("\"sub\":\"u4711\",\"uid\":\"u4711\",\"acr\":\"urn:corp:mfa\",\"amr\":[\"pwd\",\"otp\"]"
        ","
        "\"groups\":[\"CN=MCP-Ops,OU=Groups,DC=corp,DC=example\"],\"tenant\":\"corp\","),
     "pf:@corp|u4711 by mcp-desktop user mfa groups CN=MCP-Ops,OU=Groups,DC=corp,DC=example "
     "scopes mcp.call amr pwd,otp acr urn:corp:mfa"},
    {"pingfederate, subject by another claim", ACCESS,
     PF("\"sub\":\"u4711\",\"employee\":\"u4711\","),
     "pf:employee@|u4711 by mcp-desktop user none scopes mcp.call"},
    {"pingfederate, client", ACCESS, PF("\"sub\":\"mcp-desktop\","),
     "pf:@|mcp-desktop by mcp-desktop app alone none scopes mcp.call"},

    {"google, person", RS256, GOOGLE("https://accounts.google.com", ACME),
     "google:@acme.example|110169 by 77.apps.googleusercontent.com user none"},
    {"google, without the scheme", RS256, GOOGLE("accounts.google.com", ACME),
     "google:@acme.example|110169 by 77.apps.googleusercontent.com user none"},

    {"keycloak, person", RS256,
     KEYCLOAK("\"typ\":\"Bearer\",\"scope\":\"profile\",\"acr\":\"1\",\"auth_time\":999100,"
              "\"realm_access\":{\"roles\":[\"admin\"]},\"resource_access\":{"
              "\"my.app\":{\"roles\":[\"editor\"]},\"account\":{\"roles\":[\"view\"]}}"),
     "keycloak:@|f:1:dana by desktop user 1fa roles admin,client:editor scopes profile "
     "acr 1 timed"},
    {"keycloak, sign-in without a level", RS256,
     KEYCLOAK("\"typ\":\"Bearer\",\"scope\":\"profile\",\"acr\":\"0\""),
     "keycloak:@|f:1:dana by desktop user none scopes profile acr 0"},
    {"keycloak, service account", RS256,
     KEYCLOAK("\"typ\":\"Bearer\",\"scope\":\"profile\",\"client_id\":\"desktop\","
              "\"preferred_username\":\"service-account-desktop\""),
     "keycloak:@|f:1:dana by desktop app alone none scopes profile"},

    {"roles of every kind", ACCESS,
     MIXED("\"roles\":\"one role\",\"scope\":\"a b\",\"teams\":\"[\\\"red\\\",\\\"blue\\\"]\","
           "\"staff\":true,\"hr\":{\"level/grade\":[\"6\",\"7\"]}"),
     "mixed:@|dana by  user none roles one "
     "role,scope:a,scope:b,team:red,team:blue,Staff,Senior "
     "scopes a,b"},
    {"roles that are not there", ACCESS,
     MIXED("\"roles\":null,\"teams\":\"[]\",\"staff\":false,\"hr\":{}"),
     "mixed:@|dana by  user none"},
    {"five act", ACCESS,
     MIXED("\"act\":{\"sub\":\"1\",\"act\":{\"sub\":\"2\",\"act\":{\"sub\":\"3\",\"act\":"
           "{\"sub\":\"4\",\"act\":{\"sub\":\"5\"}}}}}"),
     "mixed:@|dana by  user none actors 1,2,3,4,5"},
};

TEST(presets_make_principals)
{
    struct fixture fixture;
    struct buf text;
    fixture_init(&fixture);
    buf_init(&text, TEXT_BYTES_MAX, NULL);
    for (size_t i = 0; i < COUNT_OF(ACCEPTED); i++) {
        struct diag diag = {0};
        struct principal *principal =
            present(&fixture, ACCEPTED[i].header, ACCEPTED[i].payload, &diag);
        buf_clear(&text);
        if (principal != NULL) {
            describe(principal, &text);
        } else {
            buf_append(&text, slice_view_cstr(diag.message));
        }
        bool is_equal = slice_eq(buf_view(&text), slice_view_cstr(ACCEPTED[i].principal));
        CHECK_ROW(ACCEPTED[i].name, is_equal);
        if (!is_equal) {
            printf("%.*s\n", SLICE_ARG(buf_view(&text)));
        }
        principal_unref(principal);
    }
    buf_release(&text);
    fixture_release(&fixture);
}

static const struct {
    const char *name, *header, *payload, *code;
} REFUSED[] = {
    {"entra, tenant not on the list", RS256,
     ENTRA_V2("3f1e0000-0000-0000-0000-00000000000f", PERSON "\"a\":1"), "token.issuer"},
    {"entra, 'tid' of another tenant than 'iss'", RS256,
     "{\"aud\":\"" API "\",\"iss\":\"" MICROSOFT T1 "/v2.0\"," TIMES "\"ver\":\"2.0\",\"tid\":\"" T2
     "\",\"oid\":\"8b7d\"," PERSON "\"a\":1}",
     "token.issuer"},
    {"entra, 'tid' of another tenant than the only one", RS256,
     "{\"aud\":\"" API "\",\"iss\":\"" MICROSOFT T3 "/v2.0\"," TIMES "\"ver\":\"2.0\",\"tid\":\"" T2
     "\",\"oid\":\"8b7d\"," PERSON "\"a\":1}",
     "token.tenant"},
    {"entra, no 'tid'", RS256,
     "{\"aud\":\"" API "\",\"iss\":\"" MICROSOFT T1 "/v2.0\"," TIMES
     "\"ver\":\"2.0\",\"oid\":\"8b7d\"," PERSON "\"a\":1}",
     "token.tenant"},
    {"entra, 'tid' in capitals", RS256,
     "{\"aud\":\"" API "\",\"iss\":\"" MICROSOFT
     "3F1E0000-0000-0000-0000-000000000001/v2.0\"," TIMES
     "\"ver\":\"2.0\",\"tid\":\"3F1E0000-0000-0000-0000-000000000001\","
     "\"oid\":\"8b7d\"," PERSON "\"a\":1}",
     "token.issuer"},
    {"entra, the template itself as issuer", RS256,
     "{\"aud\":\"" API "\",\"iss\":\"" MICROSOFT "{tenantid}/v2.0\"," TIMES
     "\"ver\":\"2.0\",\"tid\":\"{tenantid}\",\"oid\":\"8b7d\"," PERSON "\"a\":1}",
     "token.issuer"},
    {"entra, more behind the issuer", RS256,
     "{\"aud\":\"" API "\",\"iss\":\"" MICROSOFT T1 "/v2.0/x\"," TIMES
     "\"ver\":\"2.0\",\"tid\":\"" T1 "\",\"oid\":\"8b7d\"," PERSON "\"a\":1}",
     "token.issuer"},
    {"entra, another host", RS256,
     "{\"aud\":\"" API "\",\"iss\":\"https://login.microsoftonline.com.evil.example/" T1
     "/v2.0\"," TIMES "\"ver\":\"2.0\",\"tid\":\"" T1 "\",\"oid\":\"8b7d\"," PERSON "\"a\":1}",
     "token.issuer"},
    {"entra, v1 claims under the v2 issuer", RS256,
     "{\"aud\":\"" API "\",\"iss\":\"" MICROSOFT T3 "/v2.0\"," TIMES "\"ver\":\"1.0\",\"tid\":\"" T3
     "\",\"oid\":\"8b7d\"," PERSON "\"a\":1}",
     "token.claim"},
    {"entra, v1 token of a tenant configured for v2", RS256,
     "{\"aud\":\"" API "\",\"iss\":\"https://sts.windows.net/" T3 "/\"," TIMES
     "\"ver\":\"1.0\",\"tid\":\"" T3 "\",\"oid\":\"8b7d\",\"appid\":\"a\",\"scp\":\"a\"}",
     "token.issuer"},
    {"entra, no version", RS256,
     "{\"aud\":\"" API "\",\"iss\":\"" MICROSOFT T3 "/v2.0\"," TIMES "\"tid\":\"" T3
     "\",\"oid\":\"8b7d\"," PERSON "\"a\":1}",
     "token.claim"},
    {"entra, ID token of the same application", RS256,
     ENTRA_V2(T3, "\"nonce\":\"n\",\"roles\":[\"Aegis.Operator\"]"), "token.kind"},
    {"entra, ID token without a nonce", RS256,
     ENTRA_V2(T3, "\"roles\":[\"Aegis.Operator\"],\"groups\":[\"g\"]"), "token.kind"},
    {"entra, client but no right", RS256, ENTRA_V2(T3, "\"azp\":\"c2a4\",\"groups\":[\"g\"]"),
     "token.kind"},
    {"entra, token for Graph", "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"k\",\"nonce\":\"x\"}",
     ENTRA_V2(T3, PERSON "\"a\":1"), "token.header"},
    {"entra, audience of Graph", RS256,
     "{\"aud\":\"00000003-0000-0000-c000-000000000000\",\"iss\":\"" MICROSOFT T3 "/v2.0\"," TIMES
     "\"ver\":\"2.0\",\"tid\":\"" T3 "\",\"oid\":\"8b7d\"," PERSON "\"a\":1}",
     "token.audience"},
    {"entra, no oid", RS256,
     "{\"aud\":\"" API "\",\"iss\":\"" MICROSOFT T3 "/v2.0\"," TIMES "\"ver\":\"2.0\",\"tid\":\"" T3
     "\",\"sub\":\"s\",\"upn\":\"dana@contoso.example\"," PERSON "\"a\":1}",
     "token.subject"},
    {"entra, roles left out", RS256, ENTRA_V2(T3, PERSON "\"_claim_names\":{\"roles\":\"src1\"}"),
     "token.overage"},
    {"entra, marker of an agent as a number", RS256, ENTRA_V2(T3, PERSON "\"xms_act_fct\":11"),
     "token.claim"},
    {"entra, two clients", RS256, ENTRA_V2(T3, PERSON "\"appid\":\"other\""), "token.client"},
    {"entra, key of one tenant for another",
     "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"consumers\"}", ENTRA_V2(T1, PERSON "\"a\":1"),
     "token.key"},
    {"entra, key of one tenant for the only one",
     "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"consumers\"}", ENTRA_V2(T3, PERSON "\"a\":1"),
     "token.key"},
    {"entra, key that does not say whose it is",
     "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"mute\"}", ENTRA_V2(T1, PERSON "\"a\":1"),
     "token.key"},

    {"okta, organisation's server", UNTYPED,
     OKTA("https://id.acme.example", "\"uid\":\"00u9\",\"scp\":[\"a\"]"), "token.issuer"},
    {"okta, another authorization server", UNTYPED,
     OKTA("https://id.acme.example/oauth2/aus2", "\"uid\":\"00u9\",\"scp\":[\"a\"]"),
     "token.issuer"},
    {"okta, ID token", UNTYPED,
     "{\"iss\":\"" OKTA_CUSTOM "\",\"aud\":\"api://aegis\"," TIMES
     "\"sub\":\"00u9\",\"uid\":\"00u9\",\"groups\":[\"a\"],\"amr\":[\"mfa\"]}",
     "token.kind"},
    {"okta, login name only", UNTYPED,
     "{\"iss\":\"" OKTA_CUSTOM "\",\"aud\":\"api://aegis\"," TIMES
     "\"scp\":[\"a\"],\"client_id\":\"0oa7\",\"sub\":\"dana@acme.example\"}",
     "token.subject"},

    {"auth0, no organisation", ACCESS,
     AUTH0(AUTH0_ACME, "\"sub\":\"waad|8Kd\",\"client_id\":\"Zx2\",\"scope\":\"a\""),
     "token.tenant"},
    {"auth0, another organisation", ACCESS,
     AUTH0(AUTH0_ACME, "\"sub\":\"waad|8Kd\",\"client_id\":\"Zx2\",\"org_id\":\"org_other\""),
     "token.tenant"},
    {"auth0, organisation as a list", ACCESS,
     AUTH0(AUTH0_ACME, "\"sub\":\"waad|8Kd\",\"client_id\":\"Zx2\",\"org_id\":[\"org_9ybs\"]"),
     "token.tenant"},
    {"auth0, issuer without its slash", ACCESS,
     "{\"iss\":\"https://acme.eu.auth0.example\",\"aud\":\"https://gw.example.com/mcp\"," TIMES
     "\"sub\":\"waad|8Kd\",\"client_id\":\"Zx2\",\"org_id\":\"org_9ybs\"}",
     "token.issuer"},
    {"auth0, for the user information only", ACCESS,
     "{\"iss\":\"" AUTH0_ACME "\",\"aud\":[\"" AUTH0_ACME "userinfo\"]," TIMES
     "\"sub\":\"waad|8Kd\",\"client_id\":\"Zx2\",\"org_id\":\"org_9ybs\"}",
     "token.audience"},
    {"auth0, for another API as well", ACCESS,
     "{\"iss\":\"" AUTH0_ACME "\",\"aud\":[\"https://gw.example.com/mcp\",\"" AUTH0_ACME
     "userinfo\",\"https://api.example\"]," TIMES
     "\"sub\":\"waad|8Kd\",\"client_id\":\"Zx2\",\"org_id\":\"org_9ybs\"}",
     "token.audience"},
    {"auth0, ID token", RS256,
     AUTH0(AUTH0_OPEN, "\"sub\":\"waad|8Kd\",\"sid\":\"s\",\"nonce\":\"n\","
                       "\"https://aegis.example/roles\":[\"operator\"]"),
     "token.kind"},
    {"auth0, role that looks like a permission", ACCESS,
     AUTH0(AUTH0_ACME, "\"sub\":\"waad|8Kd\",\"client_id\":\"Zx2\",\"org_id\":\"org_9ybs\","
                       "\"https://aegis.example/roles\":[\"perm:files:delete\"]"),
     "token.claim"},
    {"auth0, tenant with a bar", ACCESS,
     AUTH0(AUTH0_OPEN, "\"sub\":\"8Kd\",\"client_id\":\"Zx2\",\"org_id\":\"waad|org\""),
     "token.tenant"},

    {"pingone, ID token of the same key", RS256,
     "{\"iss\":\"" PINGONE "\",\"aud\":\"https://gw.example.com/mcp\"," TIMES
     "\"p1.userId\":\"8ca2\",\"env\":\"6991\",\"acr\":\"Multi_Factor\"}",
     "token.kind"},
    {"pingone, another environment", RS256,
     "{\"iss\":\"https://auth.pingone.example/69920000/as\",\"aud\":"
     "\"https://gw.example.com/mcp\"," TIMES "\"p1.userId\":\"8ca2\",\"scope\":\"a\"}",
     "token.issuer"},
    {"pingone, actor is a number", ACCESS, PING("\"p1.userId\":\"8ca2\",\"act\":7"), "token.claim"},
    {"pingone, actor is a text of no object", ACCESS,
     PING("\"p1.userId\":\"8ca2\",\"act\":\"gateway\""), "token.claim"},
    {"pingone, actor is a text of a list", ACCESS, PING("\"p1.userId\":\"8ca2\",\"act\":\"[1]\""),
     "token.claim"},

    {"pingfederate, employee is a number", ACCESS, PF("\"sub\":\"u4711\",\"employee\":4711,"),
     "token.subject"},

    {"google, no domain: a consumer's account", RS256,
     GOOGLE("https://accounts.google.com",
            "\"email\":\"dana@gmail.example\",\"email_verified\":true"),
     "token.tenant"},
    {"google, another domain", RS256,
     GOOGLE("https://accounts.google.com", "\"hd\":\"evil.example\",\"email_verified\":true"),
     "token.tenant"},
    {"google, domain in capitals", RS256,
     GOOGLE("https://accounts.google.com", "\"hd\":\"ACME.example\",\"email_verified\":true"),
     "token.tenant"},
    {"google, address not verified", RS256,
     GOOGLE("https://accounts.google.com", "\"hd\":\"acme.example\",\"email_verified\":false"),
     "token.claim"},
    {"google, nothing said of the address", RS256,
     GOOGLE("https://accounts.google.com", "\"hd\":\"acme.example\""), "token.claim"},
    {"google, another application", RS256,
     "{\"iss\":\"https://accounts.google.com\",\"aud\":\"78.apps.googleusercontent.com\","
     "\"sub\":\"110169\"," TIMES ACME "}",
     "token.audience"},
    {"google, access token", ACCESS, GOOGLE("https://accounts.google.com", ACME), "token.kind"},

    {"keycloak, ID token", RS256,
     KEYCLOAK("\"typ\":\"ID\",\"realm_access\":{\"roles\":[\"admin\"]}"), "token.claim"},
    {"keycloak, refresh token", RS256, KEYCLOAK("\"typ\":\"Refresh\",\"scope\":\"profile\""),
     "token.claim"},
    {"keycloak, offline token", RS256, KEYCLOAK("\"typ\":\"Offline\",\"scope\":\"profile\""),
     "token.claim"},
    {"keycloak, kind is not said", RS256, KEYCLOAK("\"scope\":\"profile\""), "token.claim"},
    {"keycloak, client's role among those of the realm", RS256,
     KEYCLOAK("\"typ\":\"Bearer\",\"realm_access\":{\"roles\":[\"client:editor\"]}"),
     "token.claim"},

    {"group that looks like a role is none", ACCESS, MIXED("\"roles\":[\"scope:admin\"]"),
     "token.claim"},
    {"teams are no JSON", ACCESS, MIXED("\"teams\":\"red,blue\""), "token.claim"},
    {"teams are JSON of another type", ACCESS, MIXED("\"teams\":\"{\\\"red\\\":1}\""),
     "token.claim"},
    {"teams end the list and go on", ACCESS, MIXED("\"teams\":\"[],\\\"x\\\":[1]\""),
     "token.claim"},
    {"flag is a text", ACCESS, MIXED("\"staff\":\"true\""), "token.claim"},
    {"words with two spaces", ACCESS, MIXED("\"scope\":\"a  b\""), "token.claim"},
    {"six act", ACCESS,
     MIXED("\"act\":{\"sub\":\"1\",\"act\":{\"sub\":\"2\",\"act\":{\"sub\":\"3\",\"act\":"
           "{\"sub\":\"4\",\"act\":{\"sub\":\"5\",\"act\":{\"sub\":\"6\"}}}}}}"),
     "token.claim"},
    {"nobody acts", ACCESS, MIXED("\"act\":{}"), "token.claim"},
    {"level is a number", ACCESS, MIXED("\"acr\":2"), "token.claim"},
    {"methods are an object", ACCESS, MIXED("\"amr\":{\"mfa\":true}"), "token.claim"},
    {"contexts are numbers", ACCESS, MIXED("\"acrs\":[1]"), "token.claim"},
    {"time of the sign-in is a text", ACCESS, MIXED("\"auth_time\":\"999100\""), "token.claim"},
    {"time of the sign-in is before all times", ACCESS, MIXED("\"auth_time\":-1"), "token.claim"},
    {"time of the sign-in is after all times", ACCESS, MIXED("\"auth_time\":253402300800"),
     "token.claim"},
};

TEST(presets_refuse_tokens)
{
    struct fixture fixture;
    fixture_init(&fixture);
    for (size_t i = 0; i < COUNT_OF(REFUSED); i++) {
        struct diag diag = {0};
        struct principal *principal =
            present(&fixture, REFUSED[i].header, REFUSED[i].payload, &diag);
        CHECK_ROW(REFUSED[i].name, principal == NULL && str_eq(diag.code, REFUSED[i].code));
        if (!str_eq(diag.code, REFUSED[i].code)) {
            printf("%s: %s\n", diag.code, diag.message);
        }
        principal_unref(principal);
    }
    fixture_release(&fixture);
}

/* A person reads why a token of a known provider finds no issuer; the code stays the same. */
TEST(presets_hint_at_why_an_issuer_is_unknown)
{
    static const struct {
        const char *issuer, *hint;
    } rows[] = {
        {"https://acme.eu.auth0.example", "last '/'"},
        {"https://id.acme.example", "custom authorization server"},
        {"https://id.acme.example/", "custom authorization server"},
        {MICROSOFT "3f1e0000-0000-0000-0000-00000000000f/v2.0", "tenant that is not accepted"},
        {"https://sts.windows.net/" T3 "/", "token_version"},
        {"https://nobody.example", "is not configured"},
        {"", "is not configured"},
    };
    struct fixture fixture;
    fixture_init(&fixture);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *hint = issuer_hint(fixture.snapshot, slice_view_cstr(rows[i].issuer));
        bool is_right = strstr(hint, rows[i].hint) != NULL;
        CHECK_ROW(rows[i].issuer, is_right);
    }
    fixture_release(&fixture);
}

/* One token must never be of two entries. */
TEST(presets_refuse_entries_that_share_tokens)
{
    static const struct slice ONE[] = {T("https://one.example")};
    static const struct slice THIRD[] = {T(T3)};
    static const struct issuer_entry many = {
        NAMED("many", ENTRA), .issuer = T(MICROSOFT "{tenantid}/v2.0"), ACCEPT(TENANTS)};
    static const struct issuer_entry plain = {NAMED("plain", OIDC),
                                              .issuer = T("https://one.example")};
    struct issuer_entry any = many;
    struct issuer_entry other = many;
    struct issuer_entry open = many;
    struct issuer_entry alias = plain;
    struct issuer_entry twice = plain;
    any.name = SLICE("any");
    any.tenant_count = 0;
    any.needs_tenant = true;
    other.name = SLICE("other");
    other.tenants = THIRD;
    other.tenant_count = 1;
    open.tenant_count = 0;
    alias.name = SLICE("alias");
    alias.issuer = SLICE("https://two.example");
    alias.aliases = ONE;
    alias.alias_count = 1;
    twice.name = SLICE("twice");
    const struct {
        const char *name;
        struct issuer_entry entries[2];
        size_t count;
        bool is_good;
    } rows[] = {
        {"tenants apart", {many, other}, 2, true},
        {"any tenant, and some of them", {many, any}, 2, false},
        {"the same issuer twice", {plain, twice}, 2, false},
        {"the issuer of another as an alias", {plain, alias}, 2, false},
        {"an alias that is the issuer of a later one", {alias, plain}, 2, false},
        {"nobody said which tenants", {open}, 1, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct jwks *none[2] = {NULL};
        struct identity_snapshot *snapshot = NULL;
        struct diag diag = {0};
        const struct identity_config config = {rows[i].entries, rows[i].count};
        enum status status = identity_snapshot_new(&config, none, 1, &snapshot, &diag);
        CHECK_ROW(rows[i].name, (status == STATUS_OK) == rows[i].is_good);
        CHECK_ROW(rows[i].name, rows[i].is_good || str_eq(diag.code, "identity.config"));
        identity_snapshot_unref(snapshot);
    }
}

/* A token with everything in it; fixture and token are made once. */
struct lack {
    struct fixture fixture;
    struct buf token;
};

static bool authenticate_within(struct lack *lack, size_t bytes)
{
    struct arena arena;
    struct principal *principal = NULL;
    struct diag diag = {0};
    arena_init(&arena, bytes, NULL);
    struct identity_request request = {.snapshot = lack->fixture.snapshot,
                                       .crypto = &lack->fixture.crypto.port,
                                       .parser = &lack->fixture.parser,
                                       .authorization = buf_view(&lack->token),
                                       .now_s = TOKEN_NOW_S,
                                       .arena = &arena};
    enum status status = identity_authenticate(&request, &principal, &diag);
    CHECK(status == STATUS_OK || str_eq(diag.code, "identity.memory"));
    CHECK((principal != NULL) == (status == STATUS_OK));
    CHECK(principal == NULL || (principal->role_count == 6 && principal->actor_count == 1 &&
                                principal->strength == AUTH_PHISHING_RESISTANT));
    principal_unref(principal);
    arena_release(&arena);
    return status == STATUS_OK;
}

/* However little memory there is, nobody comes of it, or the same caller. */
TEST(presets_survive_every_lack_of_memory)
{
    struct lack lack;
    struct fake_key key = token_key(JWS_RS256, 0x81);
    size_t successes = 0;
    size_t failures = 0;
    fixture_init(&lack.fixture);
    buf_init(&lack.token, TEXT_BYTES_MAX, NULL);
    token_append(&lack.token, &key, SLICE(ACCESS),
                 SLICE(MIXED("\"roles\":\"one\",\"scope\":\"a b\",\"teams\":\"[\\\"red\\\"]\","
                             "\"staff\":true,\"hr\":{\"level/grade\":[\"7\"]},\"acr\":\"phr\","
                             "\"amr\":[\"mfa\"],\"act\":\"{\\\"sub\\\":\\\"x\\\"}\"")));
    for (size_t bytes = 0; bytes < (size_t)64 * 1024; bytes += 61) {
        bool is_good = authenticate_within(&lack, bytes);
        successes += is_good;
        failures += !is_good;
    }
    CHECK(successes > 0 && failures > 0);
    buf_release(&lack.token);
    fixture_release(&lack.fixture);
}
