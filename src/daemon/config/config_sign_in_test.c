#include "daemon/config/config.h"

#include "support/check.h"

#include <stdio.h>

#define ARENA_BYTES ((size_t)16 << 20)
#define HEAD "version: 1\nidentity:\n- name: idp\n  audience: aegis\n"
#define OIDC HEAD "  issuer: https://idp\n  jwks: https://idp/keys\n"
#define ENDPOINTS ", authorization_endpoint: 'https://idp/a', token_endpoint: 'https://idp/t'"
#define SIGN_IN "  sign_in: {client_id: c, client_secret: {env: S}"

struct loaded {
    struct arena arena;
    struct config *config;
    struct config_report report;
};

static enum status load(struct loaded *loaded, const char *text)
{
    struct config_source source = {
        .file = SLICE("aegis.yaml"), .text = slice_view_cstr(text), .skips_files = true};
    *loaded = (struct loaded){0};
    arena_init(&loaded->arena, ARENA_BYTES, NULL);
    return config_load_text(&source, &loaded->arena, &loaded->config, &loaded->report);
}

TEST(config_front_door_refuses_each_mistake_at_its_place)
{
    static const struct {
        const char *name, *text;
        uint32_t line, column;
        const char *code;
    } rows[] = {
        {"no client", OIDC "  sign_in: {client_secret: {env: S}" ENDPOINTS "}\n", 7, 12,
         "config.missing_key"},
        {"no secret", OIDC "  sign_in: {client_id: c" ENDPOINTS "}\n", 7, 12, "config.missing_key"},
        {"a secret inline", OIDC "  sign_in: {client_id: c, client_secret: hunter2" ENDPOINTS "}\n",
         7, 42, "config.type"},
        {"a secret as env",
         OIDC "  sign_in: {client_id: c, client_secret: {env: hunter-2}" ENDPOINTS "}\n", 7, 48,
         "config.secret_inline"},
        {"two secrets",
         OIDC "  sign_in: {client_id: c, client_secret: {env: S, file: s}" ENDPOINTS "}\n", 7, 42,
         "config.conflict"},
        {"no endpoint for codes", OIDC SIGN_IN ", token_endpoint: 'https://idp/t'}\n", 7, 12,
         "config.missing_key"},
        {"no endpoint for tokens", OIDC SIGN_IN ", authorization_endpoint: 'https://idp/a'}\n", 7,
         12, "config.missing_key"},
        {"plain endpoint",
         OIDC SIGN_IN
         ", authorization_endpoint: 'https://idp/a', token_endpoint: 'http://idp/t'}\n",
         7, 109, "config.exposed"},
        {"no URL", OIDC SIGN_IN ", authorization_endpoint: 'https://idp/a', token_endpoint: idp}\n",
         7, 109, "config.url"},
        {"scopes in one text", OIDC SIGN_IN ENDPOINTS ", scopes: a b}\n", 7, 134, "config.value"},
        {"an optional scope of two words", OIDC SIGN_IN ENDPOINTS ", optional_scopes: {a: b c}}\n",
         7, 143, "config.value"},
        {"an optional scope without a name", OIDC SIGN_IN ENDPOINTS ", optional_scopes: {'': b}}\n",
         7, 143, "config.value"},
        {"an optional scope that is nothing",
         OIDC SIGN_IN ENDPOINTS ", optional_scopes: {a: ''}}\n", 7, 147, "config.value"},
        {"optional scopes in a list", OIDC SIGN_IN ENDPOINTS ", optional_scopes: [a]}\n", 7, 143,
         "config.type"},
        {"another token", OIDC SIGN_IN ENDPOINTS ", hand_on: refresh_token}\n", 7, 135,
         "config.value"},
        {"whose name it is", OIDC SIGN_IN ENDPOINTS ", names_issuer: 'https://idp'}\n", 7, 140,
         "config.type"},
        {"an unknown key", OIDC SIGN_IN ENDPOINTS ", scope: a}\n", 7, 126, "config.unknown_key"},
        {"two tenants",
         HEAD "  preset: entra\n  tenants: [11111111-1111-1111-1111-111111111111,"
              " 22222222-2222-2222-2222-222222222222]\n" SIGN_IN "}\n",
         7, 12, "config.conflict"},
        {"at a list of keys",
         "version: 1\nidentity:\n- name: idp\n  preset: api-keys\n"
         "  keys: k\n" SIGN_IN "}\n",
         6, 12, "config.conflict"},
        {"at the development issuer", HEAD "  preset: development\n" SIGN_IN "}\n", 6, 12,
         "config.conflict"},
        {"no mapping", OIDC "  sign_in: true\n", 7, 12, "config.type"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct loaded loaded;
        CHECK_ROW(rows[i].name, load(&loaded, rows[i].text) == STATUS_INVALID);
        CHECK_ROW(rows[i].name, loaded.report.count == 1);
        const struct config_problem *problem = loaded.report.problems;
        bool is_exact = loaded.report.count == 1 && problem->line == rows[i].line &&
                        problem->column == rows[i].column && str_eq(problem->code, rows[i].code);
        CHECK_ROW(rows[i].name, is_exact);
        if (!is_exact) {
            config_report_print(stdout, &loaded.report);
        }
        arena_release(&loaded.arena);
    }
}

TEST(config_front_door_knows_where_providers_are)
{
    static const struct {
        const char *text, *authorization, *token;
    } rows[] = {
        {OIDC SIGN_IN ENDPOINTS "}\n", "https://idp/a", "https://idp/t"},
        {HEAD "  preset: entra\n  tenant: 11111111-1111-1111-1111-111111111111\n" SIGN_IN "}\n",
         "https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111/oauth2/v2.0/"
         "authorize",
         "https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111/oauth2/v2.0/"
         "token"},
        {HEAD "  preset: okta\n  issuer: https://o/oauth2/default\n" SIGN_IN "}\n",
         "https://o/oauth2/default/v1/authorize", "https://o/oauth2/default/v1/token"},
        {HEAD "  preset: auth0\n  issuer: https://o/\n" SIGN_IN "}\n", "https://o/authorize",
         "https://o/oauth/token"},
        {HEAD "  preset: pingone\n  issuer: https://o/as\n" SIGN_IN "}\n", "https://o/as/authorize",
         "https://o/as/token"},
        {HEAD "  preset: pingfederate\n  issuer: https://o\n  jwks: https://o/k\n" SIGN_IN "}\n",
         "https://o/as/authorization.oauth2", "https://o/as/token.oauth2"},
        {HEAD "  preset: google\n  tenants: [acme.example]\n" SIGN_IN "}\n",
         "https://accounts.google.com/o/oauth2/v2/auth", "https://oauth2.googleapis.com/token"},
        {HEAD "  preset: keycloak\n  issuer: https://o/realms/r\n" SIGN_IN "}\n",
         "https://o/realms/r/protocol/openid-connect/auth",
         "https://o/realms/r/protocol/openid-connect/token"},
        {HEAD "  preset: okta\n  issuer: https://o/oauth2/a\n" SIGN_IN ENDPOINTS "}\n",
         "https://idp/a", "https://idp/t"},
        {OIDC SIGN_IN "}\n", "", ""}, /* the issuer's metadata say */
        {HEAD "  issuer: https://idp\n" SIGN_IN "}\n", "", ""},
        {OIDC SIGN_IN ", authorization_endpoint: 'http://127.0.0.1:1/a',"
                      " token_endpoint: 'http://127.0.0.1:1/t'}\n",
         "http://127.0.0.1:1/a", "http://127.0.0.1:1/t"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct loaded loaded;
        CHECK_ROW(rows[i].text, load(&loaded, rows[i].text) == STATUS_OK);
        if (loaded.config != NULL) {
            const struct config_sign_in *sign_in = &loaded.config->issuers[0].sign_in;
            CHECK_ROW(rows[i].text, slice_eq(sign_in->authorization_endpoint.text,
                                             slice_view_cstr(rows[i].authorization)));
            CHECK_ROW(rows[i].text,
                      slice_eq(sign_in->token_endpoint.text, slice_view_cstr(rows[i].token)));
            CHECK_ROW(rows[i].text, slice_eq(sign_in->client_secret.env, SLICE("S")));
        } else {
            config_report_print(stdout, &loaded.report);
        }
        arena_release(&loaded.arena);
    }
}

/* What its metadata would promise of a provider can be said where they are not read. */
TEST(config_front_door_says_that_answers_name_the_provider)
{
    static const struct {
        const char *text;
        bool names_issuer;
    } rows[] = {
        {OIDC SIGN_IN ENDPOINTS "}\n", false},
        {OIDC SIGN_IN ENDPOINTS ", names_issuer: false}\n", false},
        {OIDC SIGN_IN ENDPOINTS ", names_issuer: true}\n", true},
        {OIDC SIGN_IN ", names_issuer: true}\n", true},
        {HEAD "  preset: keycloak\n  issuer: https://o/realms/r\n" SIGN_IN
              ", names_issuer: true}\n",
         true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct loaded loaded;
        CHECK_ROW(rows[i].text, load(&loaded, rows[i].text) == STATUS_OK);
        CHECK_ROW(rows[i].text,
                  loaded.config->issuers[0].sign_in.names_issuer == rows[i].names_issuer);
        arena_release(&loaded.arena);
    }
}

/* Keys in a file: no metadata are read, so both have to be said. */
TEST(config_front_door_needs_endpoints_without_metadata)
{
    struct loaded loaded;
    CHECK(load(&loaded, HEAD "  issuer: https://idp\n  jwks: keys.json\n" SIGN_IN "}\n") ==
          STATUS_INVALID);
    CHECK(loaded.report.count == 2);
    CHECK(str_eq(loaded.report.problems[0].code, "config.missing_key"));
    CHECK(str_eq(loaded.report.problems[1].code, "config.missing_key"));
    arena_release(&loaded.arena);
}

/* Strangers name the addresses of documents, so those of this machine are for this machine. */
TEST(config_documents_of_clients_may_lie_where_it_says)
{
    static const struct {
        const char *name, *text;
        const char *code; /* NULL: it is good */
    } rows[] = {
        {"nothing", "client_documents: {}\n", NULL},
        {"a private network", "client_documents: {networks: [10.0.0.0/8, 'fd00::/8']}\n", NULL},
        {"this machine, for itself", "client_documents: {networks: [127.0.0.0/8, '::1/128']}\n",
         NULL},
        {"this machine, for others",
         "client_documents: {networks: 127.0.0.1/32}\nlisten: {address: '0.0.0.0:8080', "
         "public_url: 'https://gw.test', tls: {cert: c, key: k}}\n",
         "config.exposed"},
        {"this machine, in another form",
         "client_documents: {networks: '::1/128'}\nlisten: {public_url: 'https://gw.test'}\n",
         "config.exposed"},
        {"everything",
         "client_documents: {networks: 0.0.0.0/0}\nlisten: {public_url: "
         "'https://gw.test'}\n",
         "config.exposed"},
        {"everything of both",
         "client_documents: {networks: '::/0'}\nlisten: {public_url: "
         "'https://gw.test'}\n",
         "config.exposed"},
        {"a private network, for others",
         "client_documents: {networks: 10.0.0.0/8}\nlisten: {public_url: 'https://gw.test'}\n",
         NULL},
        {"no network", "client_documents: {networks: example.com}\n", "config.value"},
        {"an unknown key", "client_documents: {hosts: a}\n", "config.unknown_key"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct loaded loaded;
        char text[512];
        (void)snprintf(text, sizeof(text), "version: 1\n%s", rows[i].text);
        enum status status = load(&loaded, text);
        CHECK_ROW(rows[i].name, status == (rows[i].code == NULL ? STATUS_OK : STATUS_INVALID));
        CHECK_ROW(rows[i].name,
                  rows[i].code == NULL || (loaded.report.count == 1 &&
                                           str_eq(loaded.report.problems->code, rows[i].code)));
        arena_release(&loaded.arena);
    }
}
