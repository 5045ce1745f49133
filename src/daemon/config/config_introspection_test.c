#include "daemon/config/config.h"

#include "support/check.h"

#include <stdio.h>

#define ARENA_BYTES ((size_t)16 << 20)
#define HEAD "version: 1\nidentity:\n"
#define ENTRY(name, fields, asked)                                                                 \
    "- {name: " name ", audience: aegis, " fields ",\n  introspection: {" asked "}}\n"
#define CLIENT "client_id: c, client_secret: {env: S}"
#define OIDC(name, asked) ENTRY(name, "issuer: 'https://" name "'", asked)
#define KNOWN(preset, asked) ENTRY("a", "preset: " preset ", issuer: 'https://a/as'", asked)
#define ENDPOINT ", endpoint: 'https://a/i'"
#define GOOGLE(asked) ENTRY("a", "preset: google, tenants: [acme.example]", asked)

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

TEST(config_introspection_fills_in_what_presets_know)
{
    static const struct {
        const char *text, *endpoint, *prefix;
        size_t clients;
        bool signs;
    } rows[] = {
        {HEAD OIDC("a", CLIENT ENDPOINT), "https://a/i", "", 0, false},
        {HEAD OIDC("a", CLIENT ENDPOINT ", tokens: both"), "https://a/i", "", 0, true},
        {HEAD OIDC("a", CLIENT ENDPOINT ", tokens: always"), "https://a/i", "", 0, true},
        {HEAD OIDC("a", CLIENT ", endpoint: 'http://127.0.0.1:1/i'"), "http://127.0.0.1:1/i", "", 0,
         false},
        {HEAD OIDC("a", CLIENT), "", "", 0, false},
        {HEAD OIDC("a", CLIENT ", tokens: both"), "", "", 0, true},
        {HEAD ENTRY("a", "issuer: 'https://a', jwks: 'https://a/k'", CLIENT ", tokens: both"), "",
         "", 0, true},
        {HEAD KNOWN("pingfederate", CLIENT), "https://a/as/as/introspect.oauth2", "", 0, false},
        {HEAD KNOWN("pingone", CLIENT), "https://a/as/introspect", "", 0, false},
        {HEAD ENTRY("a", "preset: okta, issuer: 'https://a/oauth2/default'", CLIENT),
         "https://a/oauth2/default/v1/introspect", "", 0, false},
        {HEAD ENTRY("a", "preset: keycloak, issuer: 'https://a/realms/r/'", CLIENT),
         "https://a/realms/r/protocol/openid-connect/token/introspect", "", 0, false},
        {HEAD KNOWN("pingone", CLIENT ", prefix: 'p1.', clients: [x, y]"),
         "https://a/as/introspect", "p1.", 2, false},
        {HEAD GOOGLE("internal_client: true"), "https://oauth2.googleapis.com/tokeninfo", "ya29.",
         1, false},
        {HEAD GOOGLE("internal_client: true, cache_s: 60, tokens: both, clients: [x, y, z]"),
         "https://oauth2.googleapis.com/tokeninfo", "ya29.", 3, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct loaded loaded;
        CHECK_ROW(rows[i].text, load(&loaded, rows[i].text) == STATUS_OK);
        if (loaded.config != NULL) {
            const struct config_issuer *issuer = &loaded.config->issuers[0];
            const struct config_introspection *asked = &issuer->introspection;
            CHECK_ROW(rows[i].text, config_issuer_is_asked(issuer) && asked->cache_s == 60);
            CHECK_ROW(rows[i].text,
                      slice_eq(asked->endpoint.text, slice_view_cstr(rows[i].endpoint)));
            CHECK_ROW(rows[i].text, slice_eq(asked->prefix, slice_view_cstr(rows[i].prefix)));
            CHECK_ROW(rows[i].text, asked->clients.count == rows[i].clients);
            CHECK_ROW(rows[i].text, config_issuer_signs(issuer) == rows[i].signs);
            CHECK_ROW(rows[i].text,
                      config_introspection_is_found(issuer) == (asked->endpoint.text.len == 0));
        }
        arena_release(&loaded.arena);
    }
}

TEST(config_introspection_refuses_each_mistake_at_its_place)
{
    static const struct {
        const char *name, *text;
        uint32_t line, column;
        const char *code;
    } rows[] = {
        {"no client", HEAD OIDC("a", "client_secret: {env: S}" ENDPOINT), 4, 18,
         "config.missing_key"},
        {"no secret", HEAD OIDC("a", "client_id: c" ENDPOINT), 4, 18, "config.missing_key"},
        {"a secret inline", HEAD OIDC("a", "client_id: c, client_secret: hunter2" ENDPOINT), 4, 48,
         "config.type"},
        {"two secrets", HEAD OIDC("a", "client_id: c, client_secret: {env: S, file: s}" ENDPOINT),
         4, 48, "config.conflict"},
        {"no endpoint where no metadata are read",
         HEAD ENTRY("a", "issuer: 'https://a', jwks: k.json", CLIENT ", tokens: both"), 4, 18,
         "config.missing_key"},
        {"a plain endpoint", HEAD OIDC("a", CLIENT ", endpoint: 'http://a/i'"), 4, 68,
         "config.exposed"},
        {"an endpoint that is no URL", HEAD OIDC("a", CLIENT ", endpoint: a"), 4, 68, "config.url"},
        {"a short prefix", HEAD OIDC("a", CLIENT ENDPOINT ", prefix: ab"), 4, 91, "config.value"},
        {"a prefix of other bytes", HEAD OIDC("a", CLIENT ENDPOINT ", prefix: 'a,b'"), 4, 91,
         "config.value"},
        {"a prefix of signed tokens", HEAD OIDC("a", CLIENT ENDPOINT ", prefix: eyJ"), 4, 91,
         "config.exposed"},
        {"too long remembered", HEAD OIDC("a", CLIENT ENDPOINT ", cache_s: 301"), 4, 92,
         "config.range"},
        {"less than nothing", HEAD OIDC("a", CLIENT ENDPOINT ", cache_s: -1"), 4, 92,
         "config.range"},
        {"other tokens", HEAD OIDC("a", CLIENT ENDPOINT ", tokens: signed"), 4, 91, "config.value"},
        {"another way to show a secret",
         HEAD OIDC("a", CLIENT ENDPOINT ", client_authentication: none"), 4, 106, "config.value"},
        {"an unknown key", HEAD OIDC("a", CLIENT ENDPOINT ", token: x"), 4, 83,
         "config.unknown_key"},
        {"keys that nobody uses",
         HEAD ENTRY("a", "issuer: 'https://a', jwks: 'https://a/k'", CLIENT ENDPOINT), 3, 57,
         "config.conflict"},
        {"algorithms that nobody uses",
         HEAD ENTRY("a", "issuer: 'https://a', algorithms: [RS256]", CLIENT ENDPOINT), 3, 63,
         "config.conflict"},
        {"a preset that answers nothing",
         HEAD ENTRY("a", "preset: auth0, issuer: 'https://a/'", CLIENT), 4, 18, "config.conflict"},
        {"Entra",
         HEAD ENTRY("a", "preset: entra, tenant: 3f1e0000-0000-0000-0000-000000000000", CLIENT), 4,
         18, "config.conflict"},
        {"the development issuer", HEAD ENTRY("a", "preset: development", CLIENT), 4, 18,
         "config.conflict"},
        {"internal where nobody is", HEAD OIDC("a", CLIENT ENDPOINT ", internal_client: true"), 4,
         100, "config.conflict"},
        {"a client for Google", HEAD GOOGLE("internal_client: true, client_id: c"), 4, 53,
         "config.conflict"},
        {"anybody's tokens of Google", HEAD GOOGLE("prefix: 'ya29.'"), 4, 18, "config.exposed"},
        {"an outside client of Google", HEAD GOOGLE("internal_client: false"), 4, 36,
         "config.exposed"},
        {"two domains",
         HEAD ENTRY("a", "preset: google, tenants: [b.example, c.example]",
                    "internal_client: true"),
         4, 36, "config.exposed"},
        {"too long remembered of Google", HEAD GOOGLE("internal_client: true, cache_s: 61"), 4, 51,
         "config.range"},
        {"signed ones at Google", HEAD GOOGLE("internal_client: true, tokens: always"), 4, 50,
         "config.conflict"},
        {"two without a prefix", HEAD OIDC("a", CLIENT ENDPOINT) OIDC("b", CLIENT ENDPOINT), 6, 18,
         "config.conflict"},
        {"equal prefixes",
         HEAD OIDC("a", CLIENT ENDPOINT ", prefix: abc") OIDC("b", CLIENT ENDPOINT ", prefix: abc"),
         6, 18, "config.conflict"},
        {"one prefix in the other",
         HEAD OIDC("a", CLIENT ENDPOINT ", prefix: abcd")
             OIDC("b", CLIENT ENDPOINT ", prefix: abc"),
         6, 18, "config.conflict"},
        {"what Google's begin with",
         HEAD GOOGLE("internal_client: true") OIDC("b", CLIENT ENDPOINT ", prefix: 'ya29.c'"), 6,
         18, "config.conflict"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct loaded loaded;
        char seen[256] = "nothing";
        CHECK_ROW(rows[i].name, load(&loaded, rows[i].text) == STATUS_INVALID);
        CHECK_ROW(rows[i].name, loaded.report.count == 1);
        if (loaded.report.count > 0) {
            const struct config_problem *problem = &loaded.report.problems[0];
            (void)snprintf(seen, sizeof(seen), "%s: %u:%u %s", rows[i].name, problem->line,
                           problem->column, problem->code);
            CHECK_ROW(seen, str_eq(problem->code, rows[i].code));
            CHECK_ROW(seen, problem->line == rows[i].line && problem->column == rows[i].column);
        }
        arena_release(&loaded.arena);
    }
}

TEST(config_introspection_of_several_issuers)
{
    struct loaded loaded;
    CHECK(load(&loaded, HEAD OIDC("b", CLIENT ", endpoint: 'https://b/i'")
                            OIDC("c", CLIENT ", endpoint: 'https://c/i', prefix: abc")
                                GOOGLE("internal_client: true")) == STATUS_OK);
    arena_release(&loaded.arena);
}
