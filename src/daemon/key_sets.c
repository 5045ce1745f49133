#include "daemon/key_sets.h"

#include "adapters/crypto/dev_issuer.h"
#include "adapters/http_client/curl_library.h"
#include "adapters/http_client/fetch.h"
#include "daemon/file.h"

#include <stdatomic.h>
#include <stdio.h>

#define SCRATCH_BYTES_MAX ((size_t)64 << 20)
#define SOURCE_BYTES_MAX 16384

static enum status read_development(const struct config *config, struct buf *out, struct diag *diag)
{
    struct dev_issuer *dev = NULL;
    TRY(dev_issuer_open(config->state_dir, JWS_MASK(JWS_ES256), &dev, diag));
    enum status status = dev_issuer_jwks(dev, out);
    dev_issuer_free(dev);
    return status;
}

bool key_sets_is_remote(const struct config_issuer *issuer)
{
    return issuer->preset != ISSUER_PRESET_DEVELOPMENT && issuer->jwks_path.len == 0;
}

static bool have_remote(const struct config *config)
{
    for (size_t i = 0; i < config->issuer_count; i++) {
        if (config_issuer_signs(&config->issuers[i]) && key_sets_is_remote(&config->issuers[i])) {
            return true;
        }
    }
    return false;
}

enum status key_sets_prepare(const struct config *config, struct diag *diag)
{
    return have_remote(config) ? curl_library_load(diag) : STATUS_OK;
}

bool key_sets_can_read(const struct config *config)
{
    return curl_library() != NULL || !have_remote(config);
}

enum status key_sets_read(const struct config *config, const struct config_issuer *issuer,
                          struct buf *out, struct diag *diag)
{
    if (issuer->preset == ISSUER_PRESET_DEVELOPMENT) {
        return read_development(config, out, diag);
    }
    if (issuer->jwks_path.len > 0) {
        enum status status = file_read(issuer->jwks_path, out);
        return status == STATUS_OK
                   ? STATUS_OK
                   : diag_fail(diag, status, "jwks.file", "the key file cannot be read");
    }
    return fetch_document((const char *)issuer->jwks_url.text.ptr, !issuer->jwks_url.is_https, out,
                          diag);
}

void key_sets_init(struct key_sets *sets, const struct json_parser *parser,
                   const struct port_crypto *crypto)
{
    *sets = (struct key_sets){.parser = parser, .crypto = crypto, .read = key_sets_read};
}

static void release_set(struct key_set *set)
{
    jwks_unref(set->keys);
    buf_release(&set->source);
    *set = (struct key_set){0};
}

void key_sets_release(struct key_sets *sets)
{
    for (size_t i = 0; i < sets->count; i++) {
        release_set(&sets->sets[i]);
    }
    sets->count = 0;
}

static void write_source(const struct config_issuer *issuer, struct buf *out)
{
    buf_init(out, SOURCE_BYTES_MAX, NULL);
    buf_append(out, issuer->issuer);
    buf_append_byte(out, '\n');
    buf_append(out, issuer->jwks_path);
    buf_append_byte(out, '\n');
    buf_append(out, issuer->jwks_url.text);
}

static struct key_set *find_set(struct key_sets *sets, const struct config_issuer *issuer)
{
    struct buf source;
    struct key_set *found = NULL;
    write_source(issuer, &source);
    for (size_t i = 0; i < sets->count && found == NULL; i++) {
        bool is_same = slice_eq(buf_view(&sets->sets[i].source), buf_view(&source));
        found = is_same ? &sets->sets[i] : NULL;
    }
    buf_release(&source);
    return found;
}

/* NULL: no room, no memory. */
static struct key_set *add_set(struct key_sets *sets, const struct config_issuer *issuer)
{
    struct buf source;
    write_source(issuer, &source);
    if (buf_status(&source) != STATUS_OK || sets->count == COUNT_OF(sets->sets)) {
        buf_release(&source);
        return NULL;
    }
    struct key_set *set = &sets->sets[sets->count++];
    *set = (struct key_set){.source = source};
    return set;
}

static enum status read_keys(struct key_sets *sets, const struct config *config,
                             const struct config_issuer *issuer, struct jwks **out,
                             struct diag *diag)
{
    struct buf text;
    struct arena scratch;
    buf_init(&text, (size_t)config->limits.jwks_bytes, NULL);
    arena_init(&scratch, SCRATCH_BYTES_MAX, NULL);
    enum status status = sets->read(config, issuer, &text, diag);
    if (status == STATUS_OK) {
        struct jwks_source source = {.parser = sets->parser,
                                     .crypto = sets->crypto,
                                     .text = buf_view(&text),
                                     .scratch = &scratch};
        status = jwks_parse(&source, out, NULL, diag);
    }
    arena_release(&scratch);
    buf_release(&text);
    return status;
}

static void load_set(struct key_sets *sets, struct key_set *set, const struct config *config,
                     const struct config_issuer *issuer, int64_t now_ms)
{
    struct jwks *keys = NULL;
    struct diag diag = {0};
    set->has_failed = read_keys(sets, config, issuer, &keys, &diag) != STATUS_OK;
    if (!set->has_failed) {
        jwks_unref(set->keys);
        set->keys = keys;
        set->read_ms = now_ms;
        return;
    }
    if (set->keys != NULL && now_ms - set->read_ms >= config->limits.jwks_stale_s * 1000) {
        jwks_unref(set->keys);
        set->keys = NULL;
    }
    fprintf(stderr, "aegis: the keys of issuer '%.*s' cannot be read: %s; %s\n",
            SLICE_ARG(issuer->name), diag.message,
            set->keys != NULL ? "those read before stay in use" : "its tokens are refused");
}

static void forget_unused(struct key_sets *sets, const struct config *config)
{
    size_t kept = 0;
    for (size_t i = 0; i < sets->count; i++) {
        sets->sets[i].is_in_use = false;
    }
    for (size_t i = 0; i < config->issuer_count; i++) {
        struct key_set *set = find_set(sets, &config->issuers[i]);
        if (set != NULL) {
            set->is_in_use = true;
        }
    }
    for (size_t i = 0; i < sets->count; i++) {
        if (sets->sets[i].is_in_use) {
            sets->sets[kept++] = sets->sets[i];
        } else {
            release_set(&sets->sets[i]);
        }
    }
    sets->count = kept;
}

void key_sets_load(struct key_sets *sets, const struct config *config, int64_t now_ms,
                   struct jwks **out)
{
    sets->loaded_ms = now_ms;
    atomic_store(&sets->is_missed, false);
    forget_unused(sets, config);
    for (size_t i = 0; i < config->issuer_count && i < IDENTITY_ENTRIES_MAX; i++) {
        out[i] = NULL;
        if (!config_issuer_signs(&config->issuers[i])) {
            continue;
        }
        struct key_set *set = find_set(sets, &config->issuers[i]);
        set = set == NULL ? add_set(sets, &config->issuers[i]) : set;
        if (set != NULL) {
            load_set(sets, set, config, &config->issuers[i], now_ms);
            out[i] = set->keys == NULL ? NULL : jwks_ref(set->keys);
        }
    }
}

static bool has_failed(const struct key_sets *sets)
{
    for (size_t i = 0; i < sets->count; i++) {
        if (sets->sets[i].has_failed) {
            return true;
        }
    }
    return false;
}

bool key_sets_are_due(const struct key_sets *sets, const struct config *config, int64_t now_ms)
{
    int64_t after_s = config->limits.jwks_refresh_s;
    if (has_failed(sets)) {
        after_s = KEY_SETS_RETRY_S;
    } else if (atomic_load(&sets->is_missed) && after_s > KEY_SETS_MISS_S) {
        after_s = KEY_SETS_MISS_S;
    }
    return sets->count > 0 && now_ms - sets->loaded_ms >= after_s * 1000;
}

static void on_missed(void *context)
{
    struct key_sets *sets = context;
    atomic_store(&sets->is_missed, true);
}

struct port_keys key_sets_port(struct key_sets *sets)
{
    return (struct port_keys){sets, on_missed};
}
