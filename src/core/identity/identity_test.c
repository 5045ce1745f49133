#include "core/identity/identity.h"

#include "core/identity/jws.h"
#include "support/check.h"
#include "support/token_fixture.h"

#define ARENA_BYTES_MAX ((size_t)1 << 20)
#define TOKEN_TEXT_BYTES_MAX 65536

static const uint8_t SEED[16] = {3};
static const struct slice AUDIENCES[] = {SLICE_INIT("aegis"), SLICE_INIT("api://aegis")};
static const struct slice ROLES[] = {SLICE_INIT("admin"), SLICE_INIT("reader")};
static const struct slice OID[] = {SLICE_INIT("oid")};
static const struct slice T1[] = {SLICE_INIT("t1")};
static const struct issuer_role_source ACCESS_ROLES[] = {{.claim = SLICE_INIT("access.roles")}};
static const struct issuer_attribute ATTRIBUTES[] = {
    {SLICE_INIT("city"), SLICE_INIT("address.city"), PRINCIPAL_TEXT},
    {SLICE_INIT("level"), SLICE_INIT("https://corp.example/level"), PRINCIPAL_LONG},
    {SLICE_INIT("staff"), SLICE_INIT("staff"), PRINCIPAL_BOOL},
    {SLICE_INIT("teams"), SLICE_INIT("teams"), PRINCIPAL_SET},
};

/* One entry for each policy that the tests need. */
static const struct issuer_entry ENTRIES[] = {
    {.name = SLICE_INIT("corp"),
     .issuer = SLICE_INIT(TOKEN_ISSUER),
     .audiences = AUDIENCES,
     .audience_count = COUNT_OF(AUDIENCES),
     .algorithms = JWS_MASK(JWS_ES256) | JWS_MASK(JWS_RS256),
     .skew_s = 60,
     .attributes = ATTRIBUTES,
     .attribute_count = COUNT_OF(ATTRIBUTES)},
    {.name = SLICE_INIT("strict"),
     .issuer = SLICE_INIT("https://strict.example"),
     .audiences = AUDIENCES,
     .audience_count = 1,
     .algorithms = JWS_MASK(JWS_ES256),
     .typ = ISSUER_TYP_ACCESS_TOKEN,
     .subjects = OID,
     .subject_count = 1,
     .tenant_claim = SLICE_INIT("tid"),
     .tenants = T1,
     .tenant_count = 1,
     .role_sources = ACCESS_ROLES,
     .role_source_count = 1,
     .group_claim = SLICE_INIT("grp"),
     .roles = ROLES,
     .role_count = COUNT_OF(ROLES)},
    {.name = SLICE_INIT("down"),
     .issuer = SLICE_INIT("https://down.example"),
     .audiences = AUDIENCES,
     .audience_count = 1,
     .algorithms = JWS_MASK(JWS_ES256)},
    {.name = SLICE_INIT("open"),
     .issuer = SLICE_INIT("https://open.example"),
     .algorithms = JWS_MASK(JWS_ES256) | JWS_MASK(JWS_RS256),
     .allows_missing_kid = true},
    {.name = SLICE_INIT("google"),
     .issuer = SLICE_INIT("https://id.example"),
     .audiences = AUDIENCES,
     .audience_count = 1,
     .algorithms = JWS_MASK(JWS_ES256),
     .typ = ISSUER_TYP_ID_TOKEN},
};

struct fixture {
    struct fake_crypto crypto;
    struct json_parser parser;
    struct jwks *keys[COUNT_OF(ENTRIES)];
    struct identity_snapshot *snapshot;
    struct identity_cache *cache;
    struct slice resource;
    size_t token_bytes_max;
    int64_t now_s;
};

/* All issuers sign with key "k1", and "open" has one key of each type without a name. */
static enum status fixture_all_keys(struct fixture *fixture)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < COUNT_OF(ENTRIES) && status == STATUS_OK; i++) {
        struct buf text;
        bool is_open = slice_eq(ENTRIES[i].name, SLICE("open"));
        buf_init(&text, TOKEN_TEXT_BYTES_MAX, NULL);
        buf_append(&text, SLICE("{\"keys\":["));
        token_append_jwk(&text, JWS_ES256, 1, is_open ? "" : ",\"kid\":\"k1\"");
        buf_append(&text, SLICE(","));
        token_append_jwk(&text, JWS_RS256, 0x81, is_open ? "" : ",\"kid\":\"r1\"");
        if (is_open) {
            buf_append(&text, SLICE(","));
            token_append_jwk(&text, JWS_RS256, 0x82, "");
        } else {
            buf_append(&text, SLICE(","));
            token_append_jwk(&text, JWS_ES256, 2, ",\"kid\":\"two\"");
            buf_append(&text, SLICE(","));
            token_append_jwk(&text, JWS_ES256, 1, ",\"kid\":\"two\"");
        }
        buf_append(&text, SLICE("]}"));
        status = buf_status(&text);
        if (status == STATUS_OK && !slice_eq(ENTRIES[i].name, SLICE("down"))) {
            status = token_parse_keys(&fixture->parser, &fixture->crypto, buf_view(&text),
                                      &fixture->keys[i]);
        }
        buf_release(&text);
    }
    return status;
}

static enum status fixture_init(struct fixture *fixture)
{
    const struct identity_config config = {ENTRIES, COUNT_OF(ENTRIES)};
    *fixture = (struct fixture){.now_s = TOKEN_NOW_S};
    fake_crypto_init(&fixture->crypto);
    json_parser_init(&fixture->parser, &(struct json_limits)JSON_LIMITS_DEFAULT, SEED);
    enum status status = fixture_all_keys(fixture);
    if (status == STATUS_OK) {
        status = identity_snapshot_new(&config, fixture->keys, 1, &fixture->snapshot, NULL);
    }
    return status;
}

static void fixture_release(struct fixture *fixture)
{
    identity_cache_free(fixture->cache);
    identity_snapshot_unref(fixture->snapshot);
    for (size_t i = 0; i < COUNT_OF(ENTRIES); i++) {
        jwks_unref(fixture->keys[i]);
    }
    CHECK(fixture->crypto.keys == 0);
}

static enum status authenticate(struct fixture *fixture, struct slice authorization,
                                struct principal **out, struct diag *diag)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX, NULL);
    struct identity_request request = {.snapshot = fixture->snapshot,
                                       .cache = fixture->cache,
                                       .crypto = &fixture->crypto.port,
                                       .parser = &fixture->parser,
                                       .authorization = authorization,
                                       .resource = fixture->resource,
                                       .token_bytes_max = fixture->token_bytes_max,
                                       .now_s = fixture->now_s,
                                       .arena = &arena};
    enum status status = identity_authenticate(&request, out, diag);
    arena_release(&arena);
    return status;
}

/* Sign header and payload with key "k1" (or "r1" when the header says RS256) and authenticate. */
static enum status present(struct fixture *fixture, const char *header, const char *payload,
                           struct principal **out, struct diag *diag)
{
    struct buf token;
    bool is_rsa = memmem(header, strlen(header), "RS256", 5) != NULL;
    struct fake_key key = is_rsa ? token_key(JWS_RS256, 0x81) : token_key(JWS_ES256, 1);
    buf_init(&token, TOKEN_TEXT_BYTES_MAX, NULL);
    token_append(&token, &key, slice_view_cstr(header), slice_view_cstr(payload));
    CHECK(buf_status(&token) == STATUS_OK);
    enum status status = authenticate(fixture, buf_view(&token), out, diag);
    buf_release(&token);
    return status;
}

struct row {
    const char *name, *header, *payload, *code; /* code NULL: accepted */
};

static void check_rows(const struct row *rows, size_t count)
{
    struct fixture fixture;
    CHECK(fixture_init(&fixture) == STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        struct principal *principal = NULL;
        struct diag diag = {0};
        enum status status = present(&fixture, rows[i].header, rows[i].payload, &principal, &diag);
        CHECK_ROW(rows[i].name, str_eq(diag.code, rows[i].code));
        CHECK_ROW(rows[i].name, (status == STATUS_OK) == (rows[i].code == NULL));
        CHECK_ROW(rows[i].name, (principal != NULL) == (rows[i].code == NULL));
        principal_unref(principal);
    }
    fixture_release(&fixture);
}

#define H(fields) "{\"typ\":\"at+jwt\"," fields "}"
#define K1 "\"alg\":\"ES256\",\"kid\":\"k1\""
#define KID64 "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
#define KID256 KID64 KID64 KID64 KID64
#define KID257 KID256 "k"

TEST(identity_refuses_headers)
{
    static const struct row rows[] = {
        {"good", TOKEN_HEADER, TOKEN_CLAIMS(""), NULL},
        {"good RS256", H("\"alg\":\"RS256\",\"kid\":\"r1\""), TOKEN_CLAIMS(""), NULL},
        {"second key of a kid", H("\"alg\":\"ES256\",\"kid\":\"two\""), TOKEN_CLAIMS(""), NULL},
        {"unknown parameters", H(K1 ",\"x5t\":\"AA\",\"x5c\":[\"AA\"]"), TOKEN_CLAIMS(""), NULL},
        {"alg none", H("\"alg\":\"none\",\"kid\":\"k1\""), TOKEN_CLAIMS(""), "token.alg"},
        {"alg None", H("\"alg\":\"None\",\"kid\":\"k1\""), TOKEN_CLAIMS(""), "token.alg"},
        {"alg HS256", H("\"alg\":\"HS256\",\"kid\":\"k1\""), TOKEN_CLAIMS(""), "token.alg"},
        {"alg in lower case", H("\"alg\":\"es256\",\"kid\":\"k1\""), TOKEN_CLAIMS(""), "token.alg"},
        {"alg is a list", H("\"alg\":[\"ES256\"],\"kid\":\"k1\""), TOKEN_CLAIMS(""),
         "token.header"},
        {"no alg", H("\"kid\":\"k1\""), TOKEN_CLAIMS(""), "token.alg"},
        {"alg twice", H("\"alg\":\"none\"," K1), TOKEN_CLAIMS(""), "token.duplicate"},
        {"alg twice, once escaped", H("\"\\u0061lg\":\"none\"," K1), TOKEN_CLAIMS(""),
         "token.duplicate"},
        {"alg of another type than the key", H("\"alg\":\"RS256\",\"kid\":\"k1\""),
         TOKEN_CLAIMS(""), "token.key"},
        {"crit", H(K1 ",\"crit\":[\"exp\"]"), TOKEN_CLAIMS(""), "token.header"},
        {"empty crit", H(K1 ",\"crit\":[]"), TOKEN_CLAIMS(""), "token.header"},
        {"b64 false", H(K1 ",\"b64\":false"), TOKEN_CLAIMS(""), "token.header"},
        {"b64 true", H(K1 ",\"b64\":true"), TOKEN_CLAIMS(""), "token.header"},
        {"zip", H(K1 ",\"zip\":\"DEF\""), TOKEN_CLAIMS(""), "token.header"},
        {"enc", H(K1 ",\"enc\":\"A128GCM\""), TOKEN_CLAIMS(""), "token.header"},
        {"epk", H(K1 ",\"epk\":{}"), TOKEN_CLAIMS(""), "token.header"},
        {"jwk", H(K1 ",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"}"), TOKEN_CLAIMS(""), "token.header"},
        {"jwk null", H(K1 ",\"jwk\":null"), TOKEN_CLAIMS(""), "token.header"},
        {"jku", H(K1 ",\"jku\":\"https://evil.example/keys\""), TOKEN_CLAIMS(""), "token.header"},
        {"x5u", H(K1 ",\"x5u\":\"https://evil.example/c\""), TOKEN_CLAIMS(""), "token.header"},
        {"nested", H(K1 ",\"cty\":\"JWT\""), TOKEN_CLAIMS(""), "token.header"},
        {"nonce of another API", H(K1 ",\"nonce\":\"x\""), TOKEN_CLAIMS(""), "token.header"},
        {"kid is a number", H("\"alg\":\"ES256\",\"kid\":1"), TOKEN_CLAIMS(""), "token.header"},
        {"kid as long as allowed", H("\"alg\":\"ES256\",\"kid\":\"" KID256 "\""), TOKEN_CLAIMS(""),
         "token.key"},
        {"kid too long", H("\"alg\":\"ES256\",\"kid\":\"" KID257 "\""), TOKEN_CLAIMS(""),
         "token.header"},
        {"kid is a path", H("\"alg\":\"ES256\",\"kid\":\"../../k1\""), TOKEN_CLAIMS(""),
         "token.key"},
        {"kid unknown", H("\"alg\":\"ES256\",\"kid\":\"k2\""), TOKEN_CLAIMS(""), "token.key"},
        {"kid empty", H("\"alg\":\"ES256\",\"kid\":\"\""), TOKEN_CLAIMS(""), "token.key"},
        {"no kid", H("\"alg\":\"ES256\""), TOKEN_CLAIMS(""), "token.key"},
        {"header too deep", H(K1 ",\"a\":[[[[[[[[1]]]]]]]]"), TOKEN_CLAIMS(""), "token.malformed"},
        {"header is a list", "[\"ES256\"]", TOKEN_CLAIMS(""), "token.malformed"},
        {"header is not JSON", "alg=ES256", TOKEN_CLAIMS(""), "token.malformed"},
        {"header with trailing text", TOKEN_HEADER " x", TOKEN_CLAIMS(""), "token.malformed"},
        {"typ is a number", "{\"typ\":1," K1 "}", TOKEN_CLAIMS(""), "token.header"},
        {"typ of a logout token", "{\"typ\":\"logout+jwt\"," K1 "}", TOKEN_CLAIMS(""),
         "token.kind"},
        {"typ of a proof", "{\"typ\":\"dpop+jwt\"," K1 "}", TOKEN_CLAIMS(",\"scope\":\"a\""),
         "token.kind"},
        {"typ of an assertion between servers", "{\"typ\":\"oauth-id-jag+jwt\"," K1 "}",
         TOKEN_CLAIMS(",\"scope\":\"a\""), "token.kind"},
        {"typ of a security event", "{\"typ\":\"secevent+jwt\"," K1 "}",
         TOKEN_CLAIMS(",\"scope\":\"a\""), "token.kind"},
        {"typ of an answer about a token", "{\"typ\":\"token-introspection+jwt\"," K1 "}",
         TOKEN_CLAIMS(",\"scope\":\"a\""), "token.kind"},
        {"typ of a request for a sign-in", "{\"typ\":\"oauth-authz-req+jwt\"," K1 "}",
         TOKEN_CLAIMS(",\"scope\":\"a\""), "token.kind"},
        {"typ of a client's assertion", "{\"typ\":\"client-authentication+jwt\"," K1 "}",
         TOKEN_CLAIMS(",\"scope\":\"a\""), "token.kind"},
        {"typ that only begins well", "{\"typ\":\"at+jwt2\"," K1 "}", TOKEN_CLAIMS(""),
         "token.kind"},
        {"typ with another prefix", "{\"typ\":\"text/at+jwt\"," K1 "}", TOKEN_CLAIMS(""),
         "token.kind"},
        {"typ empty", "{\"typ\":\"\"," K1 "}", TOKEN_CLAIMS(""), "token.kind"},
        {"typ with prefix and case", "{\"typ\":\"application/AT+JWT\"," K1 "}", TOKEN_CLAIMS(""),
         NULL},
    };
    check_rows(rows, COUNT_OF(rows));
}

#define PLAIN_HEADER "{\"typ\":\"JWT\"," K1 "}"
#define BASE "\"iss\":\"" TOKEN_ISSUER "\",\"sub\":\"alice\""
#define P(fields) "{" fields "}"

TEST(identity_refuses_claims)
{
    static const struct row rows[] = {
        {"no iss", TOKEN_HEADER, P("\"sub\":\"a\",\"aud\":\"aegis\",\"exp\":1000600"),
         "token.issuer"},
        {"iss is a list", TOKEN_HEADER,
         P("\"iss\":[\"" TOKEN_ISSUER "\"],\"sub\":\"a\",\"aud\":\"aegis\",\"exp\":1000600"),
         "token.issuer"},
        {"iss with a slash more", TOKEN_HEADER,
         P("\"iss\":\"" TOKEN_ISSUER "/\",\"sub\":\"a\",\"aud\":\"aegis\",\"exp\":1000600"),
         "token.issuer"},
        {"iss in another case", TOKEN_HEADER,
         P("\"iss\":\"https://ISSUER.example\",\"sub\":\"a\",\"aud\":\"aegis\",\"exp\":1000600"),
         "token.issuer"},
        {"iss empty", TOKEN_HEADER, P("\"iss\":\"\",\"sub\":\"a\""), "token.issuer"},
        {"iss with a NUL", TOKEN_HEADER,
         P("\"iss\":\"" TOKEN_ISSUER "\\u0000\",\"sub\":\"a\",\"aud\":\"aegis\",\"exp\":1000600"),
         "token.issuer"},
        {"iss twice", TOKEN_HEADER, P("\"iss\":\"https://strict.example\"," BASE),
         "token.duplicate"},
        {"no exp", TOKEN_HEADER, P(BASE ",\"aud\":\"aegis\""), "token.no_expiry"},
        {"exp null", TOKEN_HEADER, P(BASE ",\"aud\":\"aegis\",\"exp\":null"), "token.claim"},
        {"exp is a text", TOKEN_HEADER, P(BASE ",\"aud\":\"aegis\",\"exp\":\"1000600\""),
         "token.claim"},
        {"exp too large", TOKEN_HEADER, P(BASE ",\"aud\":\"aegis\",\"exp\":1e400"), "token.claim"},
        {"exp past 64 bits", TOKEN_HEADER, P(BASE ",\"aud\":\"aegis\",\"exp\":9223372036854775808"),
         "token.claim"},
        {"exp real", TOKEN_HEADER, P(BASE ",\"aud\":\"aegis\",\"exp\":1000600.999"), NULL},
        {"exp with an exponent", TOKEN_HEADER, P(BASE ",\"aud\":\"aegis\",\"exp\":1.0006E6"), NULL},
        {"exp as a negative exponent", TOKEN_HEADER,
         P(BASE ",\"aud\":\"aegis\",\"exp\":10006000e-1"), NULL},
        {"expired, within skew", TOKEN_HEADER, P(BASE ",\"aud\":\"aegis\",\"exp\":999941"), NULL},
        {"expired", TOKEN_HEADER, P(BASE ",\"aud\":\"aegis\",\"exp\":999940"), "token.expired"},
        {"expired by a fraction", TOKEN_HEADER, P(BASE ",\"aud\":\"aegis\",\"exp\":999940.9"),
         "token.expired"},
        {"expired long ago", TOKEN_HEADER, P(BASE ",\"aud\":\"aegis\",\"exp\":-1"),
         "token.expired"},
        {"nbf within skew", TOKEN_HEADER, TOKEN_CLAIMS(",\"nbf\":1000060"), NULL},
        {"nbf later", TOKEN_HEADER, TOKEN_CLAIMS(",\"nbf\":1000061"), "token.not_yet_valid"},
        {"nbf is a text", TOKEN_HEADER, TOKEN_CLAIMS(",\"nbf\":\"0\""), "token.claim"},
        {"iat later", TOKEN_HEADER, TOKEN_CLAIMS(",\"iat\":1000061"), "token.not_yet_valid"},
        {"iat is true", TOKEN_HEADER, TOKEN_CLAIMS(",\"iat\":true"), "token.claim"},
        {"no aud", TOKEN_HEADER, P(BASE ",\"exp\":1000600"), "token.audience"},
        {"aud null", TOKEN_HEADER, P(BASE ",\"aud\":null,\"exp\":1000600"), "token.audience"},
        {"aud empty list", TOKEN_HEADER, P(BASE ",\"aud\":[],\"exp\":1000600"), "token.audience"},
        {"aud of another", TOKEN_HEADER, P(BASE ",\"aud\":\"other\",\"exp\":1000600"),
         "token.audience"},
        {"aud prefix", TOKEN_HEADER, P(BASE ",\"aud\":\"aegis/\",\"exp\":1000600"),
         "token.audience"},
        {"aud in another case", TOKEN_HEADER, P(BASE ",\"aud\":\"Aegis\",\"exp\":1000600"),
         "token.audience"},
        {"aud empty text", TOKEN_HEADER, P(BASE ",\"aud\":\"\",\"exp\":1000600"), "token.claim"},
        {"aud is a number", TOKEN_HEADER, P(BASE ",\"aud\":1,\"exp\":1000600"), "token.claim"},
        {"aud list with a number", TOKEN_HEADER, P(BASE ",\"aud\":[\"aegis\",1],\"exp\":1000600"),
         "token.claim"},
        {"aud list", TOKEN_HEADER, P(BASE ",\"aud\":[\"x\",\"api://aegis\"],\"exp\":1000600"),
         NULL},
        {"no sub", TOKEN_HEADER,
         P("\"iss\":\"" TOKEN_ISSUER "\",\"aud\":\"aegis\",\"exp\":1000600"), "token.subject"},
        {"sub empty", TOKEN_HEADER,
         P("\"iss\":\"" TOKEN_ISSUER "\",\"sub\":\"\",\"aud\":\"aegis\",\"exp\":1000600"),
         "token.subject"},
        {"sub is a number", TOKEN_HEADER,
         P("\"iss\":\"" TOKEN_ISSUER "\",\"sub\":1,\"aud\":\"aegis\",\"exp\":1000600"),
         "token.subject"},
        {"sub with a NUL", TOKEN_HEADER,
         P("\"iss\":\"" TOKEN_ISSUER "\",\"sub\":\"a\\u0000b\",\"aud\":\"aegis\","
           "\"exp\":1000600"),
         "token.subject"},
        {"aud twice", TOKEN_HEADER, TOKEN_CLAIMS(",\"aud\":\"aegis\""), "token.duplicate"},
        {"sub with a line break", TOKEN_HEADER,
         P("\"iss\":\"" TOKEN_ISSUER "\",\"sub\":\"a\\nb\",\"aud\":\"aegis\",\"exp\":1000600"),
         "token.subject"},
        {"e-mail is no subject", TOKEN_HEADER,
         P("\"iss\":\"" TOKEN_ISSUER
           "\",\"email\":\"a@b\",\"upn\":\"a@b\",\"aud\":\"aegis\",\"exp\":1000600"),
         "token.subject"},
        {"two clients", TOKEN_HEADER, TOKEN_CLAIMS(",\"azp\":\"a\",\"client_id\":\"b\""),
         "token.client"},
        {"one client twice", TOKEN_HEADER, TOKEN_CLAIMS(",\"azp\":\"a\",\"client_id\":\"a\""),
         NULL},
        {"client is a number", TOKEN_HEADER, TOKEN_CLAIMS(",\"cid\":7"), "token.claim"},
        {"bound to a key", TOKEN_HEADER, TOKEN_CLAIMS(",\"cnf\":{\"jkt\":\"x\"}"), "token.binding"},
        {"security event", TOKEN_HEADER, TOKEN_CLAIMS(",\"events\":{}"), "token.kind"},
        {"scope with two spaces", TOKEN_HEADER, TOKEN_CLAIMS(",\"scope\":\"a  b\""), "token.claim"},
        {"scope is an object", TOKEN_HEADER, TOKEN_CLAIMS(",\"scope\":{}"), "token.claim"},
        {"roles is an object", TOKEN_HEADER, TOKEN_CLAIMS(",\"roles\":{}"), "token.claim"},
        {"a role is a number", TOKEN_HEADER, TOKEN_CLAIMS(",\"roles\":[\"a\",1]"), "token.claim"},
        {"a group is empty", TOKEN_HEADER, TOKEN_CLAIMS(",\"groups\":[\"\"]"), "token.claim"},
        {"groups left out", TOKEN_HEADER,
         TOKEN_CLAIMS(",\"_claim_names\":{\"groups\":\"src1\"},\"_claim_sources\":{}"), NULL},
        {"roles left out", TOKEN_HEADER,
         TOKEN_CLAIMS(",\"_claim_names\":{\"roles\":\"src1\"},\"_claim_sources\":{}"),
         "token.overage"},
        {"other claims left out", TOKEN_HEADER,
         TOKEN_CLAIMS(",\"_claim_names\":{\"photo\":\"src1\"},\"hasgroups\":false"), NULL},
        {"attribute of another type", TOKEN_HEADER,
         TOKEN_CLAIMS(",\"https://corp.example/level\":\"3\""), "token.claim"},
        {"flag of another type", TOKEN_HEADER, TOKEN_CLAIMS(",\"staff\":1"), "token.claim"},
        {"payload too deep", TOKEN_HEADER, TOKEN_CLAIMS(",\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]"),
         "token.malformed"},
        {"payload is a list", TOKEN_HEADER, "[1]", "token.malformed"},
        {"payload is a token", TOKEN_HEADER, "eyJhbGciOiJub25lIn0.e30.", "token.malformed"},
        {"lone surrogate", TOKEN_HEADER, TOKEN_CLAIMS(",\"a\":\"\\ud800\""), "token.malformed"},
    };
    check_rows(rows, COUNT_OF(rows));
}

TEST(identity_tells_access_tokens_from_id_tokens)
{
    static const struct row rows[] = {
        {"no right in it", PLAIN_HEADER, TOKEN_CLAIMS(""), "token.kind"},
        {"no typ, no right", "{" K1 "}", TOKEN_CLAIMS(""), "token.kind"},
        {"scope", PLAIN_HEADER, TOKEN_CLAIMS(",\"scope\":\"mcp\""), NULL},
        {"scp list, no typ", "{" K1 "}", TOKEN_CLAIMS(",\"scp\":[\"mcp\"]"), NULL},
        {"roles", PLAIN_HEADER, TOKEN_CLAIMS(",\"roles\":[\"admin\"]"), NULL},
        {"permissions", PLAIN_HEADER, TOKEN_CLAIMS(",\"permissions\":[]"), NULL},
        {"nonce", PLAIN_HEADER, TOKEN_CLAIMS(",\"scope\":\"mcp\",\"nonce\":\"n\""), "token.kind"},
        {"at_hash", PLAIN_HEADER, TOKEN_CLAIMS(",\"scope\":\"mcp\",\"at_hash\":\"n\""),
         "token.kind"},
        {"c_hash", PLAIN_HEADER, TOKEN_CLAIMS(",\"scope\":\"mcp\",\"c_hash\":\"n\""), "token.kind"},
        {"strict issuer, JWT", PLAIN_HEADER,
         P("\"iss\":\"https://strict.example\",\"oid\":\"a\",\"tid\":\"t1\",\"aud\":\"aegis\","
           "\"exp\":1000600,\"scope\":\"mcp\""),
         "token.kind"},
        {"ID token where wanted", PLAIN_HEADER,
         P("\"iss\":\"https://id.example\",\"sub\":\"a\",\"aud\":\"aegis\",\"exp\":1000600,"
           "\"nonce\":\"n\""),
         NULL},
        {"access token where an ID token is wanted", TOKEN_HEADER,
         P("\"iss\":\"https://id.example\",\"sub\":\"a\",\"aud\":\"aegis\",\"exp\":1000600"),
         "token.kind"},
    };
    check_rows(rows, COUNT_OF(rows));
}

#define STRICT(fields)                                                                             \
    P("\"iss\":\"https://strict.example\",\"aud\":\"aegis\",\"exp\":1000600," fields)
#define OPEN P("\"iss\":\"https://open.example\",\"sub\":\"a\",\"aud\":\"gw\",\"exp\":1000600")

TEST(identity_obeys_the_entry_of_the_issuer)
{
    static const struct row rows[] = {
        {"good", TOKEN_HEADER, STRICT("\"oid\":\"a\",\"tid\":\"t1\""), NULL},
        {"sub is not the subject here", TOKEN_HEADER, STRICT("\"sub\":\"a\",\"tid\":\"t1\""),
         "token.subject"},
        {"no tenant where one is required", TOKEN_HEADER, STRICT("\"oid\":\"a\""), "token.tenant"},
        {"another tenant", TOKEN_HEADER, STRICT("\"oid\":\"a\",\"tid\":\"t2\""), "token.tenant"},
        {"tenant is a number", TOKEN_HEADER, STRICT("\"oid\":\"a\",\"tid\":1"), "token.tenant"},
        {"algorithm of other issuers", H("\"alg\":\"RS256\",\"kid\":\"r1\""),
         STRICT("\"oid\":\"a\",\"tid\":\"t1\""), "token.alg"},
        {"audience of other issuers", TOKEN_HEADER,
         P("\"iss\":\"https://strict.example\",\"aud\":\"api://aegis\",\"exp\":1000600,"
           "\"oid\":\"a\",\"tid\":\"t1\""),
         "token.audience"},
        {"skew of other issuers", TOKEN_HEADER,
         P("\"iss\":\"https://strict.example\",\"aud\":\"aegis\",\"exp\":1000000,"
           "\"oid\":\"a\",\"tid\":\"t1\""),
         "token.expired"},
        {"keys unknown so far", TOKEN_HEADER,
         P("\"iss\":\"https://down.example\",\"sub\":\"a\",\"aud\":\"aegis\",\"exp\":1000600"),
         "identity.no_keys"},
        {"no audience and no resource", H("\"alg\":\"ES256\""), OPEN, "token.audience"},
        {"no kid, two keys", H("\"alg\":\"RS256\""), OPEN, "token.key"},
    };
    check_rows(rows, COUNT_OF(rows));
}

TEST(identity_takes_the_resource_as_audience_where_none_is_configured)
{
    static const struct {
        const char *name, *resource, *code;
    } rows[] = {
        {"the resource", "gw", NULL},
        {"another resource", "gw2", "token.audience"},
        {"none", "", "token.audience"},
    };
    struct fixture fixture;
    CHECK(fixture_init(&fixture) == STATUS_OK);
    CHECK(identity_cache_new(8, &fixture.cache) == STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct principal *principal = NULL;
        struct diag diag = {0};
        fixture.resource = slice_view_cstr(rows[i].resource);
        (void)!present(&fixture, H("\"alg\":\"ES256\""), OPEN, &principal, &diag);
        CHECK_ROW(rows[i].name, str_eq(diag.code, rows[i].code));
        CHECK_ROW(rows[i].name, (principal != NULL) == (rows[i].code == NULL));
        principal_unref(principal);
    }
    fixture_release(&fixture);
}

TEST(identity_refuses_authorization_fields)
{
    static const struct {
        const char *name, *text, *code;
    } rows[] = {
        {"absent", "", "token.missing"},
        {"blank", "  ", "token.missing"},
        {"no token", "Bearer", "token.missing"},
        {"only spaces", "Bearer   ", "token.missing"},
        {"basic", "Basic YTpi", "token.malformed"},
        {"proof of possession", "DPoP eyJ.eyJ.AA", "token.malformed"},
        {"no scheme", "eyJhbGciOiJFUzI1NiJ9.e30.AA", "token.malformed"},
        {"scheme run together", "BearereyJ.e30.AA", "token.malformed"},
        {"opaque", "Bearer abcdef", "token.malformed"},
        {"two parts", "Bearer e30.e30", "token.malformed"},
        {"no signature", "Bearer e30.e30.", "token.malformed"},
        {"no header", "Bearer .e30.AA", "token.malformed"},
        {"no payload", "Bearer eyJhbGciOiJFUzI1NiJ9..AA", "token.malformed"},
        {"four parts", "Bearer e30.e30.AA.AA", "token.malformed"},
        {"encrypted", "Bearer e30.AA.AA.AA.AA", "token.malformed"},
        {"two tokens", "Bearer e30.e30.AA,Bearer e30.e30.AA", "token.malformed"},
        {"a space inside", "Bearer e30.e30 .AA", "token.alg"},
        {"padding", "Bearer e30=.e30.AA", "token.malformed"},
        {"standard alphabet", "Bearer e3+/.e30.AA", "token.malformed"},
        {"impossible length", "Bearer e30aa.e30.AA", "token.malformed"},
        {"unused bits set", "Bearer e31.e30.AA", "token.malformed"},
        {"JSON form", "Bearer {\"payload\":\"\"}", "token.malformed"},
    };
    struct fixture fixture;
    CHECK(fixture_init(&fixture) == STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct principal *principal = NULL;
        struct diag diag = {0};
        enum status status =
            authenticate(&fixture, slice_view_cstr(rows[i].text), &principal, &diag);
        CHECK_ROW(rows[i].name, status == STATUS_UNAUTHENTICATED && principal == NULL);
        CHECK_ROW(rows[i].name, str_eq(diag.code, rows[i].code));
    }
    CHECK(fixture.crypto.verifications == 0);
    fixture_release(&fixture);
}

/* A token of exactly the given number of bytes: the unused claim "pad" takes the rest. */
static enum status present_size(struct fixture *fixture, size_t bytes, struct diag *diag)
{
    struct fake_key key = token_key(JWS_ES256, 1);
    struct principal *principal = NULL;
    struct buf payload, token;
    buf_init(&payload, TOKEN_TEXT_BYTES_MAX, NULL);
    buf_init(&token, TOKEN_TEXT_BYTES_MAX, NULL);
    for (size_t pad = bytes * 3 / 4 - 400;; pad++) {
        buf_clear(&payload);
        buf_clear(&token);
        buf_append(&payload, SLICE("{\"iss\":\"" TOKEN_ISSUER "\",\"sub\":\"a\",\"exp\":1000600,"
                                   "\"aud\":\"aegis\",\"pad\":\""));
        for (size_t i = 0; i < pad; i++) {
            buf_append_byte(&payload, 'x');
        }
        buf_append(&payload, SLICE("\"}"));
        token_append(&token, &key, SLICE(TOKEN_HEADER), buf_view(&payload));
        if (token.len >= bytes + SLICE("Bearer ").len) {
            break;
        }
    }
    CHECK(token.len - SLICE("Bearer ").len - bytes <= 1);
    enum status status = authenticate(fixture, buf_view(&token), &principal, diag);
    principal_unref(principal);
    buf_release(&payload);
    buf_release(&token);
    return status;
}

TEST(identity_limits_the_size_of_a_token)
{
    struct fixture fixture;
    struct diag diag = {0};
    CHECK(fixture_init(&fixture) == STATUS_OK);
    CHECK(present_size(&fixture, JWS_TOKEN_BYTES_MAX, &diag) == STATUS_OK);
    CHECK(present_size(&fixture, JWS_TOKEN_BYTES_MAX + 1, &diag) == STATUS_UNAUTHENTICATED);
    CHECK(str_eq(diag.code, "token.size"));
    fixture.token_bytes_max = 2000;
    CHECK(present_size(&fixture, 2000, &diag) == STATUS_OK);
    fixture.token_bytes_max = 1999;
    CHECK(present_size(&fixture, 2000, &diag) == STATUS_UNAUTHENTICATED);
    fixture_release(&fixture);
}

TEST(identity_without_a_snapshot_trusts_nobody)
{
    struct fixture fixture;
    struct principal *principal = NULL;
    struct diag diag = {0};
    CHECK(fixture_init(&fixture) == STATUS_OK);
    identity_snapshot_unref(fixture.snapshot);
    fixture.snapshot = NULL;
    CHECK(present(&fixture, TOKEN_HEADER, TOKEN_CLAIMS(""), &principal, &diag) ==
          STATUS_UNAUTHENTICATED);
    CHECK(principal == NULL && str_eq(diag.code, "token.issuer"));
    fixture_release(&fixture);
}

TEST(identity_maps_claims_to_a_principal)
{
    struct fixture fixture;
    struct principal *alice = NULL;
    CHECK(fixture_init(&fixture) == STATUS_OK);
    enum status status = present(
        &fixture, TOKEN_HEADER,
        TOKEN_CLAIMS(",\"azp\":\"cli\",\"scope\":\"a b\",\"roles\":[\"admin\",\"x y\"],"
                     "\"groups\":\"one\",\"email\":\"a@b.example\",\"name\":7,"
                     "\"address\":{\"city\":\"Z\\u00fcrich\"},\"staff\":true,"
                     "\"https://corp.example/level\":3,\"teams\":[\"red\"],\"secret\":\"no\""),
        &alice, NULL);
    CHECK(status == STATUS_OK && alice != NULL);
    if (alice != NULL) {
        CHECK(slice_eq(alice->issuer, SLICE("corp")) && slice_eq(alice->subject, SLICE("alice")));
        CHECK(slice_eq(alice->client_id, SLICE("cli")) && alice->tenant.len == 0);
        CHECK(alice->role_count == 2 && slice_eq(alice->roles[1], SLICE("x y")));
        CHECK(alice->group_count == 1 && slice_eq(alice->groups[0], SLICE("one")));
        CHECK(alice->scope_count == 2 && slice_eq(alice->scopes[1], SLICE("b")));
        CHECK(slice_eq(alice->email, SLICE("a@b.example")) && alice->name.len == 0);
        CHECK(alice->attribute_count == 4 && alice->expires_at_s == 1000600);
        CHECK(slice_eq(alice->attributes[0].text, SLICE("Z\xc3\xbcrich")));
        CHECK(alice->attributes[1].number == 3 && alice->attributes[2].flag);
        CHECK(slice_eq(alice->attributes[3].items[0], SLICE("red")));
        CHECK(slice_eq(alice->key_id, SLICE("k1")) && alice->fingerprint.len == 16);
        CHECK(!alice->is_service && alice->references == 1);
    }
    principal_unref(alice);
    fixture_release(&fixture);
}

/* Only a client that says so is sent a claims challenge. */
TEST(identity_knows_clients_that_take_claims_challenges)
{
    static const struct {
        const char *claims;
        bool takes;
    } rows[] = {
        {TOKEN_CLAIMS(",\"xms_cc\":[\"cp1\"]"), true},
        {TOKEN_CLAIMS(",\"xms_cc\":[\"other\",\"cp1\"]"), true},
        {TOKEN_CLAIMS(",\"xms_cc\":\"cp1\""), true},
        {TOKEN_CLAIMS(""), false},
        {TOKEN_CLAIMS(",\"xms_cc\":[]"), false},
        {TOKEN_CLAIMS(",\"xms_cc\":[\"cp10\"]"), false},
        {TOKEN_CLAIMS(",\"xms_cc\":{\"cp1\":true}"), false},
        {TOKEN_CLAIMS(",\"xms_cc\":true"), false},
    };
    struct fixture fixture;
    CHECK(fixture_init(&fixture) == STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct principal *found = NULL;
        CHECK_ROW(rows[i].claims,
                  present(&fixture, TOKEN_HEADER, rows[i].claims, &found, NULL) == STATUS_OK);
        CHECK_ROW(rows[i].claims, found != NULL && found->takes_claims_challenge == rows[i].takes);
        principal_unref(found);
    }
    fixture_release(&fixture);
}

TEST(identity_keeps_configured_roles_and_knows_services)
{
    struct fixture fixture;
    struct principal *found = NULL;
    CHECK(fixture_init(&fixture) == STATUS_OK);
    CHECK(present(&fixture, TOKEN_HEADER,
                  STRICT("\"oid\":\"a\",\"tid\":\"t1\",\"idtyp\":\"app\","
                         "\"access\":{\"roles\":[\"root\",\"reader\"]},\"grp\":[\"admin\"]"),
                  &found, NULL) == STATUS_OK);
    if (found != NULL) {
        CHECK(found->role_count == 1 && slice_eq(found->roles[0], SLICE("reader")));
        CHECK(found->group_count == 1 && slice_eq(found->groups[0], SLICE("admin")));
        CHECK(slice_eq(found->tenant, SLICE("t1")) && found->is_service);
    }
    principal_unref(found);
    CHECK(present(&fixture, TOKEN_HEADER, TOKEN_CLAIMS(",\"client_id\":\"alice\""), &found, NULL) ==
          STATUS_OK);
    CHECK(found != NULL && found->is_service);
    principal_unref(found);
    fixture_release(&fixture);
}

/* Every byte of a good token, changed to other bytes: nothing is accepted. With one exception that
 * RFC 9110 §11.1 gives: the case of the scheme. */
TEST(identity_accepts_no_mutation_of_a_good_token)
{
    struct fixture fixture;
    struct buf token;
    struct fake_key key = token_key(JWS_ES256, 1);
    size_t accepted = 0, tried = 0;
    size_t scheme_bytes = SLICE("Bearer ").len;
    CHECK(fixture_init(&fixture) == STATUS_OK);
    buf_init(&token, TOKEN_TEXT_BYTES_MAX, NULL);
    token_append(&token, &key, SLICE(TOKEN_HEADER), SLICE(TOKEN_CLAIMS("")));
    for (size_t i = scheme_bytes; i < token.len; i++) {
        uint8_t original = token.ptr[i];
        for (size_t k = 0; k < 20; k++) {
            static const char alphabet[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            struct principal *principal = NULL;
            token.ptr[i] =
                k < 12 ? (uint8_t)alphabet[check_random() % 64] : (uint8_t)(check_random() % 256);
            if (token.ptr[i] != original) {
                tried++;
                accepted += authenticate(&fixture, buf_view(&token), &principal, NULL) == STATUS_OK;
                principal_unref(principal);
            }
        }
        token.ptr[i] = original;
    }
    CHECK(tried > 3000 && accepted == 0);
    buf_release(&token);
    fixture_release(&fixture);
}

TEST(identity_cached_result_is_bound_to_resource_and_snapshot)
{
    const struct identity_config config = {ENTRIES, COUNT_OF(ENTRIES)};
    struct fixture fixture;
    struct identity_snapshot *next = NULL;
    struct principal *first = NULL, *second = NULL;
    CHECK(fixture_init(&fixture) == STATUS_OK);
    CHECK(identity_cache_new(8, &fixture.cache) == STATUS_OK);
    CHECK(present(&fixture, TOKEN_HEADER, TOKEN_CLAIMS(""), &first, NULL) == STATUS_OK);
    CHECK(present(&fixture, TOKEN_HEADER, TOKEN_CLAIMS(""), &second, NULL) == STATUS_OK);
    CHECK(first == second && fixture.crypto.verifications == 1);
    principal_unref(second);
    fixture.resource = SLICE("https://gw.example/a");
    CHECK(present(&fixture, TOKEN_HEADER, TOKEN_CLAIMS(""), &second, NULL) == STATUS_OK);
    CHECK(first != second && fixture.crypto.verifications == 2);
    principal_unref(second);
    /* A snapshot without the key: what was verified under the old one is worth nothing. */
    struct jwks *none[COUNT_OF(ENTRIES)] = {NULL};
    CHECK(identity_snapshot_new(&config, none, 2, &next, NULL) == STATUS_OK);
    identity_snapshot_unref(fixture.snapshot);
    fixture.snapshot = next;
    CHECK(present(&fixture, TOKEN_HEADER, TOKEN_CLAIMS(""), &second, NULL) == STATUS_UNAVAILABLE);
    CHECK(second == NULL);
    principal_unref(first);
    fixture_release(&fixture);
}

TEST(identity_cached_result_ends_with_the_token)
{
    struct fixture fixture;
    struct principal *principal = NULL;
    struct diag diag = {0};
    CHECK(fixture_init(&fixture) == STATUS_OK);
    CHECK(identity_cache_new(8, &fixture.cache) == STATUS_OK);
    CHECK(present(&fixture, TOKEN_HEADER, TOKEN_CLAIMS(""), &principal, NULL) == STATUS_OK);
    principal_unref(principal);
    fixture.now_s = 1000600 + 60;
    CHECK(present(&fixture, TOKEN_HEADER, TOKEN_CLAIMS(""), &principal, &diag) ==
          STATUS_UNAUTHENTICATED);
    CHECK(principal == NULL && str_eq(diag.code, "token.expired"));
    fixture_release(&fixture);
}

TEST(identity_snapshot_refuses_unsafe_entries)
{
    static const struct slice empty[] = {SLICE_INIT("")};
    struct issuer_entry good = ENTRIES[0];
    struct issuer_entry rows[8];
    static const char *const names[] = {"no name",           "no issuer",  "no algorithm",
                                        "unknown algorithm", "large skew", "negative skew",
                                        "empty audience",    "empty role"};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rows[i] = good;
    }
    rows[0].name = SLICE_EMPTY;
    rows[1].issuer = SLICE_EMPTY;
    rows[2].algorithms = 0;
    rows[3].algorithms = JWS_MASK(JWS_ALGORITHM_COUNT);
    rows[4].skew_s = TOKEN_LEEWAY_S_MAX + 1;
    rows[5].skew_s = -1;
    rows[6].audiences = empty;
    rows[6].audience_count = 1;
    rows[7].roles = empty;
    rows[7].role_count = 1;
    struct jwks *none[2] = {NULL};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct identity_snapshot *snapshot = NULL;
        struct diag diag = {0};
        struct identity_config config = {&rows[i], 1};
        CHECK_ROW(names[i],
                  identity_snapshot_new(&config, none, 1, &snapshot, &diag) == STATUS_INVALID);
        CHECK_ROW(names[i], str_eq(diag.code, "identity.config"));
    }
    struct issuer_entry twice[2] = {good, good};
    struct identity_snapshot *snapshot = NULL;
    twice[1].name = SLICE("other");
    struct identity_config config = {twice, 2};
    CHECK(identity_snapshot_new(&config, none, 1, &snapshot, NULL) == STATUS_INVALID);
}

/* One token through everything with the n-th allocation failing. */
static bool authenticate_under_failures(void *context)
{
    struct fixture fixture;
    struct principal *principal = NULL;
    struct diag diag = {0};
    struct slice authorization = *(const struct slice *)context;
    enum status status = fixture_init(&fixture);
    if (status == STATUS_OK) {
        status = identity_cache_new(8, &fixture.cache);
    }
    if (status == STATUS_OK) {
        status = authenticate(&fixture, authorization, &principal, &diag);
        CHECK(status == STATUS_OK || str_eq(diag.code, "identity.memory"));
    }
    CHECK(status == STATUS_OK || status == STATUS_LIMIT);
    CHECK((principal != NULL) == (status == STATUS_OK));
    principal_unref(principal);
    fixture_release(&fixture);
    return status == STATUS_OK;
}

TEST(identity_survives_every_failing_allocation)
{
    struct fake_key key = token_key(JWS_ES256, 1);
    struct buf token;
    buf_init(&token, TOKEN_TEXT_BYTES_MAX, NULL);
    token_append(&token, &key, SLICE(TOKEN_HEADER),
                 SLICE(TOKEN_CLAIMS(",\"roles\":[\"a\"],\"scope\":\"a b\",\"name\":\"\\u0041\"")));
    struct slice authorization = buf_view(&token);
    check_every_allocation(authenticate_under_failures, &authorization);
    buf_release(&token);
}
