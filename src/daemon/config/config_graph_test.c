/* Where groups that tokens of Entra lack are looked up, by the configuration. */
#include "daemon/config/config.h"

#include "support/check.h"

#include <stdio.h>

#define ARENA_BYTES ((size_t)16 << 20)
#define TENANT "3f1e0000-0000-0000-0000-000000000000"
#define ENTRY(fields, graph)                                                                       \
    "version: 1\nidentity:\n- {name: a, audience: aegis, " fields ",\n  graph: {" graph "}}\n"
#define ENTRA(graph) ENTRY("preset: entra, tenant: " TENANT, graph)
#define CLIENT "client_id: c, client_secret: {env: S}"

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

TEST(config_graph_fills_in_what_the_cloud_says)
{
    static const struct {
        const char *text, *endpoint, *login;
        int64_t cache_s;
    } rows[] = {
        {ENTRA(CLIENT), "https://graph.microsoft.com", "https://login.microsoftonline.com", 600},
        {ENTRY("preset: entra, tenant: any", CLIENT ", cache_s: 60"), "https://graph.microsoft.com",
         "https://login.microsoftonline.com", 60},
        {ENTRY("preset: entra, token_version: 1, tenant: " TENANT, CLIENT ", cache_s: 900"),
         "https://graph.microsoft.com", "https://login.microsoftonline.com", 900},
        {ENTRY("preset: entra, cloud: us, tenant: any", CLIENT), "https://graph.microsoft.us",
         "https://login.microsoftonline.us", 600},
        {ENTRY("preset: entra, cloud: china, tenant: " TENANT, CLIENT),
         "https://microsoftgraph.chinacloudapi.cn", "https://login.partner.microsoftonline.cn",
         600},
        {ENTRY("preset: entra, tenant: " TENANT
               ", issuer: 'https://login.microsoftonline.us/" TENANT "/v2.0'",
               CLIENT),
         "https://graph.microsoft.us", "https://login.microsoftonline.us", 600},
        {ENTRA(CLIENT ", endpoint: 'https://dod-graph.microsoft.us'"),
         "https://dod-graph.microsoft.us", "https://login.microsoftonline.com", 600},
        {ENTRA(CLIENT ", endpoint: 'https://proxy.example/graph/', login: 'http://127.0.0.1:9/'"),
         "https://proxy.example/graph", "http://127.0.0.1:9", 600},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct loaded loaded;
        CHECK_ROW(rows[i].text, load(&loaded, rows[i].text) == STATUS_OK);
        if (loaded.config != NULL) {
            const struct config_issuer *issuer = &loaded.config->issuers[0];
            const struct config_graph *graph = &issuer->graph;
            CHECK_ROW(rows[i].text, config_issuer_looks_up(issuer));
            CHECK_ROW(rows[i].text, !config_issuer_is_asked(issuer));
            CHECK_ROW(rows[i].text,
                      slice_eq(graph->endpoint.text, slice_view_cstr(rows[i].endpoint)));
            CHECK_ROW(rows[i].text, slice_eq(graph->login.text, slice_view_cstr(rows[i].login)));
            CHECK_ROW(rows[i].text, graph->cache_s == rows[i].cache_s);
            CHECK_ROW(rows[i].text, slice_eq(graph->client_id, SLICE("c")) &&
                                        slice_eq(graph->client_secret.env, SLICE("S")));
        }
        arena_release(&loaded.arena);
    }
}

TEST(config_graph_refuses_each_mistake_at_its_place)
{
    static const struct {
        const char *name, *text;
        uint32_t line, column;
        const char *code;
    } rows[] = {
        {"no client", ENTRA("client_secret: {env: S}"), 4, 10, "config.missing_key"},
        {"no secret", ENTRA("client_id: c"), 4, 10, "config.missing_key"},
        {"a secret inline", ENTRA("client_id: c, client_secret: hunter2"), 4, 40, "config.type"},
        {"two secrets", ENTRA("client_id: c, client_secret: {env: S, file: s}"), 4, 40,
         "config.conflict"},
        {"a plain endpoint", ENTRA(CLIENT ", endpoint: 'http://a'"), 4, 60, "config.exposed"},
        {"a plain login", ENTRA(CLIENT ", login: 'http://a'"), 4, 57, "config.exposed"},
        {"an endpoint with a query", ENTRA(CLIENT ", endpoint: 'https://a/?x=1'"), 4, 60,
         "config.value"},
        {"an endpoint that is no URL", ENTRA(CLIENT ", endpoint: a"), 4, 60, "config.url"},
        {"a place for the tenant", ENTRA(CLIENT ", login: 'https://a/{tenantid}'"), 4, 57,
         "config.url"},
        {"too long remembered", ENTRA(CLIENT ", cache_s: 901"), 4, 59, "config.range"},
        {"too short", ENTRA(CLIENT ", cache_s: 59"), 4, 59, "config.range"},
        {"an unknown key", ENTRA(CLIENT ", scope: x"), 4, 50, "config.unknown_key"},
        {"another preset", ENTRY("preset: okta, issuer: 'https://a/oauth2/default'", CLIENT), 4, 10,
         "config.conflict"},
        {"no preset", ENTRY("issuer: 'https://a'", CLIENT), 4, 10, "config.conflict"},
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
