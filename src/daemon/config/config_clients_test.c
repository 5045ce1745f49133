/* Certificates of clients in the configuration: `listen.tls`. */
#include "daemon/config/config.h"
#include "support/check.h"
#include "support/issued.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_BYTES ((size_t)16 << 20)
#define TLS "version: 1\nlisten:\n  tls: {cert: c, key: k, "

struct loaded {
    struct arena arena;
    struct config *config;
    struct config_report report;
};

static enum status load(struct loaded *loaded, const char *text, const char *folder)
{
    struct config_source source = {.file = SLICE("aegis.yaml"),
                                   .folder = slice_view_cstr(folder),
                                   .text = slice_view_cstr(text),
                                   .skips_files = folder == NULL};
    *loaded = (struct loaded){0};
    arena_init(&loaded->arena, ARENA_BYTES, NULL);
    return config_load_text(&source, &loaded->arena, &loaded->config, &loaded->report);
}

TEST(config_client_certificates_refuse_each_mistake_at_its_place)
{
    static const struct {
        const char *name, *text;
        uint32_t line, column;
        const char *code;
    } rows[] = {
        {"wanted of nobody", TLS "client_certificates: required}\n", 3, 47, "config.missing_key"},
        {"taken back by nobody", TLS "client_crl: a.crl}\n", 3, 38, "config.missing_key"},
        {"an unknown wish", TLS "client_ca: a, client_certificates: request}\n", 3, 61,
         "config.value"},
        {"no authority", TLS "client_ca: []}\n", 3, 37, "config.value"},
        {"no text", TLS "client_ca: {a: b}}\n", 3, 37, "config.type"},
        {"without a certificate of ours", "version: 1\nlisten:\n  tls: {client_ca: a, key: k}\n", 3,
         8, "config.missing_key"},
        {"of tokens, where nobody is asked",
         "version: 1\nidentity:\n- {name: a, issuer: 'https://a', audience: a, mtls: required}\n",
         3, 53, "config.missing_key"},
        {"an unknown wish of tokens",
         "version: 1\nidentity:\n- {name: a, issuer: 'https://a', audience: a, mtls: always}\n", 3,
         53, "config.value"},
        {"callers, where nobody is asked",
         "version: 1\nidentity:\n- {name: a, preset: mtls, client_ca: a}\n", 3, 21,
         "config.missing_key"},
        {"callers without an authority",
         TLS "client_ca: a}\nidentity:\n- {name: a, preset: mtls}\n", 5, 3, "config.missing_key"},
        {"callers with an audience",
         TLS "client_ca: a}\nidentity:\n- {name: a, preset: mtls, client_ca: a, audience: b}\n", 5,
         51, "config.conflict"},
        {"callers by an address",
         TLS "client_ca: a}\nidentity:\n- {name: a, preset: mtls, client_ca: a, mapping: {subject: "
             "email}}\n",
         5, 60, "config.exposed"},
        {"authorities of tokens",
         TLS "client_ca: a}\nidentity:\n- {name: a, issuer: 'https://a', audience: a, client_ca: "
             "a}\n",
         5, 58, "config.conflict"},
        {"people among tokens",
         TLS "client_ca: a}\nidentity:\n- {name: a, issuer: 'https://a', audience: a, callers: "
             "user}\n",
         5, 56, "config.conflict"},
        {"people or what",
         TLS "client_ca: a}\nidentity:\n- {name: a, preset: mtls, client_ca: a, callers: person}\n",
         5, 50, "config.value"},
        {"too many", TLS "client_ca: [a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a]}\n", 3, 37,
         "config.range"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct loaded loaded;
        CHECK_ROW(rows[i].name, load(&loaded, rows[i].text, NULL) == STATUS_INVALID);
        CHECK_ROW(rows[i].name, loaded.report.count == 1);
        const struct config_problem *problem = &loaded.report.problems[0];
        CHECK_ROW(rows[i].name, problem->line == rows[i].line);
        CHECK_ROW(rows[i].name, problem->column == rows[i].column);
        CHECK_ROW(rows[i].name, str_eq(problem->code, rows[i].code));
        arena_release(&loaded.arena);
    }
}

TEST(config_client_certificates_are_read)
{
    struct loaded loaded;
    CHECK(load(&loaded, TLS "client_ca: [a, /b], client_certificates: required, client_crl: d}\n",
               NULL) == STATUS_OK);
    const struct config_tls_server *tls = &loaded.config->listen.tls;
    CHECK(tls->client_ca.count == 2 && slice_eq(tls->client_ca.items[1], SLICE("/b")));
    CHECK(slice_eq(tls->client_crl, SLICE("d")));
    CHECK(tls->client_certificates == CONFIG_CLIENT_CERTIFICATES_REQUIRED);
    arena_release(&loaded.arena);
    CHECK(load(&loaded,
               TLS "client_ca: a}\nidentity:\n- {name: a, issuer: 'https://a', audience: a,"
                   " mtls: required}\n",
               NULL) == STATUS_OK);
    CHECK(loaded.config->issuers[0].certificates == CONFIG_PROOFS_REQUIRED);
    arena_release(&loaded.arena);
    CHECK(load(&loaded,
               TLS "client_ca: a}\nidentity:\n- {name: a, preset: mtls, client_ca: a, tenant: "
                   "t, roles: [R], callers: user, mapping: {subject: cn}}\n",
               NULL) == STATUS_OK);
    CHECK(loaded.config->issuers[0].callers == CONFIG_CALLERS_USER);
    CHECK(!config_issuer_signs(&loaded.config->issuers[0]));
    CHECK(slice_eq(loaded.config->issuers[0].issuer, SLICE("urn:aegis:certificates:a")));
    CHECK(loaded.config->listen.tls.client_certificates == CONFIG_CLIENT_CERTIFICATES_OPTIONAL);
    arena_release(&loaded.arena);
}

static void write_text(const char *folder, const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *out = fopen(path, "w");
    CHECK(out != NULL && fputs(text, out) >= 0 && fclose(out) == 0);
}

static bool reports(const struct loaded *loaded, uint32_t column, const char *part)
{
    for (size_t i = 0; i < loaded->report.count; i++) {
        const struct config_problem *problem = &loaded->report.problems[i];
        struct slice message = problem->message;
        if (problem->line == 3 && problem->column == column &&
            str_eq(problem->code, "config.certificate") &&
            memmem(message.ptr, message.len, part, strlen(part)) != NULL) {
            return true;
        }
    }
    return false;
}

TEST(config_client_authorities_must_be_some)
{
    static const char *const NAMES[] = {"c", "k", "empty"};
    char folder[] = "/tmp/aegis-config-XXXXXX";
    struct loaded loaded;
    CHECK(mkdtemp(folder) != NULL);
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        write_text(folder, NAMES[i], "");
    }
    CHECK(load(&loaded, TLS "client_ca: [empty, gone], client_crl: empty}\n", folder) ==
          STATUS_INVALID);
    CHECK(reports(&loaded, 38, "has no certificates"));
    CHECK(reports(&loaded, 45, "cannot be read: No such file"));
    CHECK(reports(&loaded, 64, "has no revocation list"));
    arena_release(&loaded.arena);
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/%s", folder, NAMES[i]);
        CHECK(unlink(path) == 0);
    }
    CHECK(rmdir(folder) == 0);
}

/* An entry whose certificates the listener does not accept would wait for ever. */
TEST(config_client_authorities_of_entries_are_accepted)
{
    enum { ROOT, BELOW, OTHER, FILES };
    static const char *const NAMES[FILES] = {"root", "below", "other"};
    static const struct {
        const char *trusted, *own;
        uint32_t column; /* 0: fine */
    } rows[] = {
        {"root", "root", 0},   {"root", "below", 0},  {"[other, root]", "below", 0},
        {"other", "root", 41}, {"below", "root", 41}, {"[other, below]", "root", 41},
    };
    char folder[] = "/tmp/aegis-config-XXXXXX", path[128], text[512];
    struct issued made[FILES];
    CHECK(mkdtemp(folder) != NULL);
    made[ROOT] = issued_authority(NULL, "root");
    made[BELOW] = issued_authority(&made[ROOT], "below");
    made[OTHER] = issued_authority(NULL, "other");
    write_text(folder, "c", "");
    write_text(folder, "k", "");
    (void)snprintf(path, sizeof(path), "%s/k", folder);
    CHECK(chmod(path, 0600) == 0);
    for (size_t i = 0; i < FILES; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, NAMES[i]);
        issued_write(path, &made[i], 1);
    }
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct loaded loaded;
        (void)snprintf(text, sizeof(text),
                       TLS
                       "client_ca: %s}\nidentity:\n- {name: bots, preset: mtls, client_ca: %s}\n",
                       rows[i].trusted, rows[i].own);
        enum status status = load(&loaded, text, folder);
        CHECK_ROW(text, status == (rows[i].column == 0 ? STATUS_OK : STATUS_INVALID));
        CHECK_ROW(text, loaded.report.count == (rows[i].column != 0));
        if (loaded.report.count == 1) {
            const struct config_problem *problem = &loaded.report.problems[0];
            CHECK_ROW(text, problem->line == 5 && problem->column == rows[i].column);
            CHECK_ROW(text, str_eq(problem->code, "config.certificate"));
        }
        arena_release(&loaded.arena);
    }
    for (size_t i = 0; i < FILES; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, NAMES[i]);
        CHECK(unlink(path) == 0);
        issued_release(&made[i]);
    }
    (void)snprintf(path, sizeof(path), "%s/c", folder);
    CHECK(unlink(path) == 0);
    (void)snprintf(path, sizeof(path), "%s/k", folder);
    CHECK(unlink(path) == 0 && rmdir(folder) == 0);
}
