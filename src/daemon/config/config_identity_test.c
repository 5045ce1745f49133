/* What presets make of an entry, and the entries that are refused. */
#include "core/ports/http_client.h"
#include "daemon/config/config.h"

#include "core/identity/issuer_entry.h"
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARENA_BYTES ((size_t)16 << 20)
#define GUID "3f1e0000-0000-0000-0000-00000000abcd"
#define GUID_2 "9188040d-6c67-4c5b-b112-36a304b66dad"
#define ENTRY(fields) "version: 1\nidentity:\n- {name: a, " fields "}\n"
#define ENTRA(fields) ENTRY("preset: entra, audience: b" fields)

struct loaded {
    struct arena arena;
    struct config *config;
    struct config_report report;
    enum status status;
};

static void load_text(struct loaded *loaded, const char *text)
{
    struct config_source source = {.file = SLICE("aegis.yaml"),
                                   .folder = SLICE("/etc/aegis"),
                                   .text = slice_view_cstr(text),
                                   .skips_files = true};
    *loaded = (struct loaded){0};
    arena_init(&loaded->arena, ARENA_BYTES, NULL);
    loaded->status = config_load_text(&source, &loaded->arena, &loaded->config, &loaded->report);
}

/* One line each for the common case: where the issuer and its keys are then. */
TEST(presets_fill_in_issuer_and_keys)
{
    static const struct {
        const char *text, *issuer, *keys;
        size_t aliases, tenants;
    } rows[] = {
        {ENTRA(", tenant: 3F1E0000-0000-0000-0000-00000000ABCD"),
         "https://login.microsoftonline.com/" GUID "/v2.0",
         "https://login.microsoftonline.com/" GUID "/discovery/v2.0/keys", 0, 1},
        {ENTRA(", tenant: " GUID ", token_version: 1"), "https://sts.windows.net/" GUID "/",
         "https://login.microsoftonline.com/" GUID "/discovery/keys", 0, 1},
        {ENTRA(", tenants: [" GUID ", " GUID_2 "]"),
         "https://login.microsoftonline.com/{tenantid}/v2.0",
         "https://login.microsoftonline.com/common/discovery/v2.0/keys", 0, 2},
        {ENTRA(", tenant: any"), "https://login.microsoftonline.com/{tenantid}/v2.0",
         "https://login.microsoftonline.com/common/discovery/v2.0/keys", 0, 0},
        {ENTRA(", cloud: us, tenant: " GUID), "https://login.microsoftonline.us/" GUID "/v2.0",
         "https://login.microsoftonline.us/" GUID "/discovery/v2.0/keys", 0, 1},
        {ENTRA(", cloud: china, tenant: any"),
         "https://login.partner.microsoftonline.cn/{tenantid}/v2.0",
         "https://login.partner.microsoftonline.cn/common/discovery/v2.0/keys", 0, 0},
        {ENTRA(", tenant: " GUID ", jwks: 'https://k.example/keys', issuer: "
               "'https://{tenantid}.ciamlogin.com/{tenantid}/v2.0'"),
         "https://" GUID ".ciamlogin.com/" GUID "/v2.0", "https://k.example/keys", 0, 1},
        {ENTRY("preset: okta, issuer: 'https://acme.okta.com/oauth2/default', audience: b"),
         "https://acme.okta.com/oauth2/default", "https://acme.okta.com/oauth2/default/v1/keys", 0,
         0},
        {ENTRY("preset: okta, issuer: 'https://id.acme.example/oauth2/aus1', audience: b, "
               "accepted_issuers: ['https://acme.okta.com/oauth2/aus1']"),
         "https://id.acme.example/oauth2/aus1", "https://id.acme.example/oauth2/aus1/v1/keys", 1,
         0},
        {ENTRY("preset: auth0, issuer: 'https://acme.eu.auth0.com/', audience: b, "
               "tenants: [org_1, org_2]"),
         "https://acme.eu.auth0.com/", "https://acme.eu.auth0.com/.well-known/jwks.json", 0, 2},
        {ENTRY("preset: pingone, issuer: 'https://auth.pingone.eu/" GUID "/as', audience: b"),
         "https://auth.pingone.eu/" GUID "/as", "https://auth.pingone.eu/" GUID "/as/jwks", 0, 0},
        {ENTRY("preset: pingfederate, issuer: 'https://sso.corp.example', audience: b"),
         "https://sso.corp.example", "https://sso.corp.example/pf/JWKS", 0, 0},
        {ENTRY("preset: google, tenant: acme.example, audience: b"), "https://accounts.google.com",
         "https://www.googleapis.com/oauth2/v3/certs", 1, 1},
        {ENTRY("preset: keycloak, issuer: 'https://kc.example/realms/r', audience: b"),
         "https://kc.example/realms/r", "https://kc.example/realms/r/protocol/openid-connect/certs",
         0, 0},
        {ENTRY("issuer: 'https://as.example', jwks: 'https://as.example/jwks', audience: b, "
               "tenant: corp"),
         "https://as.example", "https://as.example/jwks", 0, 1},
        {ENTRY("preset: development, tenant: any"), CONFIG_DEVELOPMENT_ISSUER, "", 0, 0},
        {ENTRY("preset: api-keys, keys: k, tenant: any"), "urn:aegis:keys:a", "", 0, 0},
        {ENTRY("preset: api-keys, keys: k, tenants: [x, y]"), "urn:aegis:keys:a", "", 0, 2},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct loaded loaded;
        load_text(&loaded, rows[i].text);
        config_report_print(stdout, &loaded.report);
        CHECK_ROW(rows[i].text, loaded.config != NULL);
        if (loaded.config != NULL) {
            const struct config_issuer *issuer = &loaded.config->issuers[0];
            CHECK_ROW(rows[i].text, slice_eq(issuer->issuer, slice_view_cstr(rows[i].issuer)));
            CHECK_ROW(rows[i].text, slice_eq(issuer->jwks_url.text, slice_view_cstr(rows[i].keys)));
            CHECK_ROW(rows[i].text, issuer->accepted_issuers.count == rows[i].aliases);
            CHECK_ROW(rows[i].text, issuer->tenants.count == rows[i].tenants);
        }
        arena_release(&loaded.arena);
    }
}

#define OKTA "preset: okta, audience: b, issuer: 'https://acme.okta.com/oauth2/x'"
#define DEV "preset: development"
#define KEYCLOAK "preset: keycloak, audience: b, issuer: 'https://kc.example/realms/r'"

TEST(presets_refuse)
{
    static const struct {
        const char *name, *text, *code;
    } rows[] = {
        {"ping is two products", ENTRY("preset: ping, issuer: 'https://a', audience: b"),
         "config.value"},
        {"no age", ENTRY(OKTA ", max_token_age_s: 0"), "config.range"},
        {"an age of years", ENTRY(OKTA ", max_token_age_s: 31536001"), "config.range"},
        {"an age of keys", ENTRY("preset: api-keys, keys: k, max_token_age_s: 60"),
         "config.conflict"},
        {"authorities of keys", ENTRY("preset: api-keys, keys: k, ca: ca.pem"), "config.conflict"},
        {"entra, no tenant", ENTRA(""), "config.missing_key"},
        {"entra, tenant is a domain", ENTRA(", tenant: contoso.onmicrosoft.com"), "config.value"},
        {"entra, tenant is common", ENTRA(", tenant: common"), "config.value"},
        {"entra, one of two is none", ENTRA(", tenants: [" GUID ", organizations]"),
         "config.value"},
        {"entra, any in a list", ENTRA(", tenants: [any]"), "config.value"},
        {"entra, tenant twice", ENTRA(", tenant: any, tenants: [" GUID "]"), "config.conflict"},
        {"entra, version 1, two tenants",
         ENTRA(", token_version: 1, tenants: [" GUID ", " GUID_2 "]"), "config.conflict"},
        {"entra, version 1, any", ENTRA(", token_version: 1, tenant: any"), "config.conflict"},
        {"entra, version 1, cloud", ENTRA(", token_version: 1, cloud: us, tenant: " GUID),
         "config.missing_key"},
        {"entra, version 3", ENTRA(", token_version: 3, tenant: " GUID), "config.range"},
        {"entra, cloud of old", ENTRA(", cloud: germany, tenant: " GUID), "config.value"},
        {"cloud elsewhere", ENTRY(OKTA ", cloud: us"), "config.conflict"},
        {"token_version elsewhere", ENTRY(OKTA ", token_version: 2"), "config.conflict"},
        {"namespace elsewhere", ENTRY(OKTA ", namespace: 'https://n/'"), "config.conflict"},
        {"okta, organisation's server",
         ENTRY("preset: okta, issuer: 'https://acme.okta.com', audience: b"), "config.value"},
        {"okta, organisation's server with a slash",
         ENTRY("preset: okta, issuer: 'https://acme.okta.com/', audience: b"), "config.value"},
        {"okta, no server's name",
         ENTRY("preset: okta, issuer: 'https://acme.okta.com/oauth2/', audience: b"),
         "config.value"},
        {"okta, no issuer", ENTRY("preset: okta, audience: b"), "config.missing_key"},
        {"okta, no tenant claim", ENTRY(OKTA ", tenants: [a, b]"), "config.conflict"},
        {"okta, any tenant of no claim", ENTRY(OKTA ", tenant: any"), "config.conflict"},
        {"auth0, no last slash",
         ENTRY("preset: auth0, issuer: 'https://acme.auth0.com', audience: b"), "config.value"},
        {"google, no domain", ENTRY("preset: google, audience: b"), "config.missing_key"},
        {"google, any domain", ENTRY("preset: google, audience: b, tenant: any"), "config.exposed"},
        {"google, no client", ENTRY("preset: google, tenant: a.example"), "config.missing_key"},
        {"e-mail as identity", ENTRY(DEV ", mapping: {subject: email}"), "config.exposed"},
        {"UPN as identity", ENTRY(DEV ", mapping: {subject: [sub, UPN]}"), "config.exposed"},
        {"user name as identity", ENTRY(DEV ", mapping: {subject: preferred_username}"),
         "config.exposed"},
        {"unique name as identity", ENTRY(DEV ", mapping: {subject: unique_name}"),
         "config.exposed"},
        {"subject with a bar", ENTRY(DEV ", mapping: {subject: 'a|b'}"), "config.value"},
        {"subject with an at", ENTRY(DEV ", mapping: {subject: 'https://a@b/sub'}"),
         "config.value"},
        {"nine subjects", ENTRY(DEV ", mapping: {subject: [a, b, c, d, e, f, g, h, i]}"),
         "config.range"},
        {"no role source", ENTRY(DEV ", mapping: {roles: []}"), "config.range"},
        {"seventeen role sources",
         ENTRY(DEV ", mapping: {roles: [a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a]}"),
         "config.range"},
        {"role source without a claim", ENTRY(DEV ", mapping: {roles: {kind: words}}"),
         "config.missing_key"},
        {"role source of no kind", ENTRY(DEV ", mapping: {roles: {claim: a, kind: csv}}"),
         "config.value"},
        {"flag without values", ENTRY(DEV ", mapping: {roles: {claim: a, kind: bool}}"),
         "config.missing_key"},
        {"prefix and values",
         ENTRY(DEV ", mapping: {roles: {claim: a, prefix: 'p:', values: {b: c}}}"),
         "config.conflict"},
        {"prefix without a colon", ENTRY(DEV ", mapping: {roles: {claim: a, prefix: perm}}"),
         "config.value"},
        {"prefix in a prefix", ENTRY(DEV ", mapping: {roles: {claim: a, prefix: 'a:b:'}}"),
         "config.value"},
        {"prefix of a colon", ENTRY(DEV ", mapping: {roles: {claim: a, prefix: ':'}}"),
         "config.value"},
        {"token kind", ENTRY(KEYCLOAK ", token_kind: refresh_token"), "config.value"},
        {"other audiences of no meaning", ENTRY(KEYCLOAK ", other_audiences: account"),
         "config.conflict"},
        {"evidence by another claim", ENTRY(KEYCLOAK ", mfa: {scope: [a]}"), "config.unknown_key"},
        {"evidence as a text", ENTRY(KEYCLOAK ", mfa: gold"), "config.type"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct loaded loaded;
        load_text(&loaded, rows[i].text);
        CHECK_ROW(rows[i].name, loaded.status == STATUS_INVALID && loaded.report.count == 1);
        bool is_right =
            loaded.report.count == 1 && str_eq(loaded.report.problems[0].code, rows[i].code);
        CHECK_ROW(rows[i].name, is_right);
        if (!is_right) {
            config_report_print(stdout, &loaded.report);
        }
        arena_release(&loaded.arena);
    }
}

TEST(presets_fill_in_roles_that_depend_on_the_entry)
{
    struct loaded loaded;
    load_text(&loaded,
              "version: 1\nidentity:\n"
              "- {name: a, preset: auth0, issuer: 'https://a.auth0.com/', audience: b, "
              "namespace: 'https://n/', strict_audience: true}\n"
              "- {name: k, " KEYCLOAK "}\n"
              "- {name: m, " DEV ", issuer: x, mapping: {roles: [r, {claim: scope, kind: words, "
              "prefix: 'scope:'}, {claim: staff, kind: bool, values: {true: Staff}}]}}\n");
    config_report_print(stdout, &loaded.report);
    CHECK(loaded.config != NULL);
    if (loaded.config != NULL) {
        const struct config_mapping *auth0 = &loaded.config->issuers[0].mapping;
        CHECK(auth0->role_count == 2 && auth0->roles[0].prefix.len == 0);
        CHECK(slice_eq(auth0->roles[0].claim, SLICE("https://n/roles")));
        CHECK(slice_eq(auth0->roles[1].prefix, SLICE("perm:")));
        CHECK(loaded.config->issuers[0].other_audiences.count == 1);
        CHECK(slice_eq(auth0->groups, SLICE("https://n/groups")));
        CHECK(slice_eq(auth0->amr, SLICE("https://n/amr")));
        const struct config_mapping *keycloak = &loaded.config->issuers[1].mapping;
        CHECK(keycloak->role_count == 2);
        CHECK(slice_eq(keycloak->roles[1].claim, SLICE("/resource_access/b/roles")));
        CHECK(slice_eq(keycloak->roles[1].prefix, SLICE("client:")));
        const struct config_mapping *mixed = &loaded.config->issuers[2].mapping;
        CHECK(mixed->role_count == 3 && slice_eq(mixed->roles[0].claim, SLICE("r")));
        CHECK(mixed->roles[1].kind == ISSUER_ROLES_WORDS);
        CHECK(mixed->roles[2].value_count == 1 &&
              slice_eq(mixed->roles[2].values[0].name, SLICE("true")));
    }
    arena_release(&loaded.arena);
}

/* The file that people copy from has an entry for each preset but the built-in ones. */
TEST(presets_have_an_example_that_is_accepted)
{
    struct loaded loaded = {0};
    bool is_there[ISSUER_PRESET_COUNT] = {[ISSUER_PRESET_DEVELOPMENT] = true,
                                          [ISSUER_PRESET_API_KEYS] =
                                              true, /* these two need a file */
                                          [ISSUER_PRESET_MTLS] = true};
    arena_init(&loaded.arena, ARENA_BYTES, NULL);
    loaded.status = config_load(SLICE("packaging/identity.example.yaml"), &loaded.arena,
                                &loaded.config, &loaded.report);
    config_report_print(stdout, &loaded.report);
    CHECK(loaded.config != NULL);
    for (size_t i = 0; loaded.config != NULL && i < loaded.config->issuer_count; i++) {
        is_there[loaded.config->issuers[i].preset] = true;
    }
    for (size_t i = 0; i < ISSUER_PRESET_COUNT; i++) {
        CHECK_ROW((const char *)issuer_preset((enum issuer_preset_id)i)->name.ptr, is_there[i]);
    }
    arena_release(&loaded.arena);
}

/* -- authorities of an issuer ---------------------------------------------------------------- */

#define PEM "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"

static char authorities[] = "/tmp/aegis-authorities-XXXXXX";

static void load_with_authorities(struct loaded *loaded, const char *text, size_t bytes)
{
    char config[256];
    (void)snprintf(authorities, sizeof(authorities), "/tmp/aegis-authorities-XXXXXX");
    int fd = mkstemp(authorities);
    FILE *file = fdopen(fd, "wb");
    size_t len = strlen(text);
    CHECK(file != NULL && fwrite(text, 1, len, file) == len);
    for (; file != NULL && len < bytes; len++) {
        CHECK(fputc('\n', file) != EOF);
    }
    CHECK(file != NULL && fclose(file) == 0);
    (void)snprintf(config, sizeof(config),
                   "version: 1\nidentity:\n- {name: a, audience: b, issuer: 'https://i', ca: %s}\n",
                   text[0] == '\0' ? "/nowhere/ca.pem" : authorities);
    *loaded = (struct loaded){.report = {.is_lenient = true}};
    arena_init(&loaded->arena, ARENA_BYTES, NULL);
    struct slice kept = SLICE_EMPTY;
    CHECK(arena_copy(&loaded->arena, slice_view_cstr(config), &kept) == STATUS_OK);
    struct config_source source = {.file = SLICE("aegis.yaml"), .text = kept};
    loaded->status = config_load_text(&source, &loaded->arena, &loaded->config, &loaded->report);
}

/* Not even a lenient start goes on without them: the system's would be believed instead. */
TEST(issuer_authorities_are_read_or_the_configuration_is_none)
{
    static const struct {
        const char *name, *text;
        size_t bytes;
        const char *code; /* NULL: read */
    } rows[] = {
        {"a certificate", PEM, 0, NULL},
        {"something before it", "# ours\n" PEM, 0, NULL},
        {"as much as there may be", PEM, HTTP_CLIENT_AUTHORITIES_BYTES_MAX, NULL},
        {"too much", PEM, HTTP_CLIENT_AUTHORITIES_BYTES_MAX + 1, "config.file_missing"},
        {"no certificate", "-----BEGIN PRIVATE KEY-----\n", 0, "config.value"},
        {"half of one", "-----BEGIN CERTIFICATE", 0, "config.value"},
        {"no file", "", 0, "config.file_missing"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct loaded loaded;
        load_with_authorities(&loaded, rows[i].text, rows[i].bytes);
        bool is_read = rows[i].code == NULL;
        CHECK_ROW(rows[i].name, loaded.status == (is_read ? STATUS_OK : STATUS_INVALID));
        CHECK_ROW(rows[i].name, (loaded.config != NULL) == is_read);
        if (is_read && loaded.config != NULL) {
            struct slice text = loaded.config->issuers[0].authorities;
            CHECK_ROW(rows[i].name, slice_starts_with(text, slice_view_cstr(rows[i].text)));
        } else if (!is_read) {
            const struct config_problem *problem = &loaded.report.problems[0];
            CHECK_ROW(rows[i].name,
                      loaded.report.count == 1 && str_eq(problem->code, rows[i].code));
            CHECK_ROW(rows[i].name, problem->line == 3 && problem->column == 51);
        }
        arena_release(&loaded.arena);
        (void)unlink(authorities);
    }
}
