#include "daemon/inputs.h"

#include "base/buf.h"
#include "core/ports/http_client.h"
#include "daemon/file.h"
#include "daemon/revocation_file.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_BYTES_MAX 16384
#define LIST_BYTES_MAX ((size_t)4 << 20) /* of keys, or of authorities */

/* Without the line end that editors add. */
static struct slice trim_line_end(struct slice text)
{
    while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r')) {
        text.len--;
    }
    return text;
}

enum status inputs_secret(const struct config_credential *credential, struct arena *arena,
                          struct slice *out)
{
    struct buf text;
    enum status status = STATUS_OK;
    *out = SLICE_EMPTY;
    if (credential->kind == CONFIG_CREDENTIAL_NONE) {
        return STATUS_OK;
    }
    buf_init_secret(&text, SECRET_BYTES_MAX, NULL);
    buf_append(&text, credential->prefix);
    if (credential->from_env.len > 0) {
        const char *value = getenv((const char *)credential->from_env.ptr);
        status = value == NULL ? STATUS_NOT_FOUND : STATUS_OK;
        buf_append(&text, slice_view_cstr(value));
    } else {
        status = file_read(credential->from_file, &text);
    }
    if (status == STATUS_OK) {
        status = arena_copy(arena, trim_line_end(buf_view(&text)), out);
    }
    buf_release(&text);
    return status;
}

static enum status read_secrets(const struct config *config, struct arena *arena,
                                struct slice **out)
{
    struct slice *secrets = arena_alloc_zero(arena, config->server_count, sizeof(*secrets));
    if (secrets == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < config->server_count; i++) {
        const struct config_credential *credential = &config->servers[i].credential;
        if (credential->kind == CONFIG_CREDENTIAL_HEADER &&
            inputs_secret(credential, arena, &secrets[i]) != STATUS_OK) {
            secrets[i] = (struct slice){0};
        }
    }
    *out = secrets;
    return STATUS_OK;
}

/* Without its list an entry knows nobody; a reload refuses what it cannot read. */
static enum status read_lists(const struct config *config, size_t path_offset, struct arena *arena,
                              struct slice **out)
{
    struct slice *lists = arena_alloc_zero(arena, config->issuer_count, sizeof(*lists));
    if (lists == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < config->issuer_count; i++) {
        struct buf text;
        const struct slice *path =
            (const void *)((const uint8_t *)&config->issuers[i] + path_offset);
        buf_init(&text, LIST_BYTES_MAX, NULL);
        enum status status = STATUS_OK;
        if (path->len > 0 && file_read(*path, &text) == STATUS_OK) {
            status = arena_copy(arena, buf_view(&text), &lists[i]);
        }
        buf_release(&text);
        TRY(status);
    }
    *out = lists;
    return STATUS_OK;
}

static const struct config_secret_source *of_front_door(const struct config_issuer *issuer)
{
    return &issuer->sign_in.client_secret;
}

/* Of Entra, which is never asked about tokens, it is the client that looks groups up. */
static const struct config_secret_source *of_inquiries(const struct config_issuer *issuer)
{
    return config_issuer_looks_up(issuer) ? &issuer->graph.client_secret
                                          : &issuer->introspection.client_secret;
}

/* One secret of each issuer that has it. */
static enum status
read_issuer_secrets(const struct config *config,
                    const struct config_secret_source *(*source_of)(const struct config_issuer *),
                    struct arena *arena, struct slice **out)
{
    struct slice *secrets = arena_alloc_zero(arena, config->issuer_count, sizeof(*secrets));
    if (secrets == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < config->issuer_count; i++) {
        const struct config_secret_source *source = source_of(&config->issuers[i]);
        const struct config_credential credential = {
            .kind = CONFIG_CREDENTIAL_HEADER, .from_env = source->env, .from_file = source->file};
        if ((source->env.len > 0 || source->file.len > 0) &&
            inputs_secret(&credential, arena, &secrets[i]) != STATUS_OK) {
            secrets[i] = SLICE_EMPTY;
        }
    }
    *out = secrets;
    return STATUS_OK;
}

/* Without the file nothing is fetched; a reload refuses what it cannot read. */
static enum status read_document_authorities(const struct config *config, struct arena *arena,
                                             struct slice *out)
{
    struct slice path = config->client_documents.ca;
    enum status status = STATUS_OK;
    struct buf text;
    buf_init(&text, HTTP_CLIENT_AUTHORITIES_BYTES_MAX, NULL);
    *out = SLICE_EMPTY;
    if (path.len > 0 && file_read(path, &text) == STATUS_OK) {
        status = arena_copy(arena, buf_view(&text), out);
    }
    buf_release(&text);
    return status;
}

enum status inputs_of_config(const struct config *config, struct arena *arena, struct inputs *out,
                             struct config_report *report)
{
    struct slice path;
    *out = (struct inputs){.config = config};
    TRY(arena_format(arena, &path, "%.*s/audit.key", SLICE_ARG(config->state_dir)));
    out->audit_key_path = (const char *)path.ptr;
    TRY(read_secrets(config, arena, &out->secrets));
    TRY(read_lists(config, offsetof(struct config_issuer, keys_path), arena, &out->api_keys));
    TRY(read_lists(config, offsetof(struct config_issuer, client_ca), arena, &out->authorities));
    TRY(read_issuer_secrets(config, of_front_door, arena, &out->sign_in_secrets));
    TRY(read_issuer_secrets(config, of_inquiries, arena, &out->inquiry_secrets));
    TRY(read_document_authorities(config, arena, &out->document_authorities));
    TRY(revocation_file_check(config, arena, report));
    if (config->policies.count == 0) {
        return STATUS_OK;
    }
    return policy_files_read(config->policies.items, config->policies.count, arena, &out->policies,
                             report);
}

/* Whoever reads the state folder makes these tokens, so it should not go unnoticed. */
static void warn_of_exposed(const struct config *config)
{
    for (size_t i = 0; i < config->issuer_count; i++) {
        const struct config_issuer *issuer = &config->issuers[i];
        if (issuer->is_exposed) {
            fprintf(stderr,
                    "aegis: %.*s:%u: tokens of the development issuer '%.*s' are accepted from "
                    "other machines, too\n",
                    SLICE_ARG(config->file), issuer->place.line, SLICE_ARG(issuer->name));
        }
    }
}

enum status inputs_load(const char *path, struct arena *arena, struct inputs *out,
                        struct config_report *report)
{
    struct config *config = NULL;
    report->is_lenient = true;
    TRY(config_load(slice_view_cstr(path), arena, &config, report));
    warn_of_exposed(config);
    return inputs_of_config(config, arena, out, report);
}

static bool same_texts(const struct config_texts *a, const struct config_texts *b)
{
    bool is_same = a->count == b->count;
    for (size_t i = 0; is_same && i < a->count; i++) {
        is_same = slice_eq(a->items[i], b->items[i]);
    }
    return is_same;
}

static bool same_credential(const struct config_credential *a, const struct config_credential *b)
{
    bool is_env = a->kind == CONFIG_CREDENTIAL_ENV || b->kind == CONFIG_CREDENTIAL_ENV;
    return !is_env || (a->kind == b->kind && slice_eq(a->name, b->name) &&
                       slice_eq(a->from_env, b->from_env) && slice_eq(a->from_file, b->from_file));
}

/* What pools and children are made of; the rest of a server is in the snapshot. */
static bool same_server(const struct config_server *a, const struct config_server *b)
{
    bool is_same = slice_eq(a->name, b->name) && slice_eq(a->url.text, b->url.text) &&
                   slice_eq(a->tls_ca, b->tls_ca) && same_texts(&a->command, &b->command) &&
                   same_credential(&a->credential, &b->credential) && a->env_count == b->env_count;
    for (size_t i = 0; is_same && i < a->env_count; i++) {
        is_same =
            slice_eq(a->env[i].name, b->env[i].name) && slice_eq(a->env[i].value, b->env[i].value);
    }
    return is_same;
}

/* What the supervisor made its notary and its key of: another worker asks it to sign. */
static bool same_journal(const struct config *a, const struct config *b)
{
    return a->audit.mode == b->audit.mode && slice_eq(a->audit.dir, b->audit.dir) &&
           slice_eq(a->state_dir, b->state_dir) &&
           a->limits.journal_checkpoint_records == b->limits.journal_checkpoint_records &&
           a->limits.journal_checkpoint_ms == b->limits.journal_checkpoint_ms;
}

bool inputs_fit(const struct config *running, const struct config *other)
{
    bool is_same = running->server_count == other->server_count && same_journal(running, other);
    for (size_t i = 0; is_same && i < running->server_count; i++) {
        is_same = same_server(&running->servers[i], &other->servers[i]);
    }
    return is_same;
}
