#include "daemon/parcel.h"

#include "adapters/crypto/signing_key.h"
#include "daemon/file.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#define PACKED_BYTES_MAX ((size_t)64 << 20)
#define FILE_BYTES_MAX ((size_t)4 << 20)

enum item_kind {
    ITEM_CONFIG = 1,  /* name: file; data: its text */
    ITEM_FOLDER,      /* data: that relative paths are joined to */
    ITEM_POLICY,      /* name: file; in order */
    ITEM_CERTIFICATE, /* of the listener */
    ITEM_KEY,
    ITEM_CLIENT_CA, /* index: in listen.tls.client_ca */
    ITEM_CLIENT_CRL,
    ITEM_AUDIT_KEY,          /* data: the public half */
    ITEM_AUTHORITIES,        /* index: server */
    ITEM_ISSUER_AUTHORITIES, /* index: issuer */
    ITEM_SECRET,             /* index: server */
    ITEM_API_KEYS,           /* index: issuer */
    ITEM_VOUCHING,           /* index: issuer; the authorities of certificates that it takes */
    ITEM_SIGN_IN,            /* index: issuer; the secret of its front door */
    ITEM_DOCUMENTS,          /* whom to believe about documents of clients */
    ITEM_ASKING,             /* index: issuer; the secret of our client that asks about tokens */
};

/* Before each name and its data. Both sides are the same program: the struct itself is written. */
struct item_head {
    uint32_t kind, index, name_bytes, data_bytes;
};

/* -- the supervisor's side ------------------------------------------------------------------- */

static void put(struct buf *out, enum item_kind kind, size_t index, struct slice name,
                struct slice data)
{
    struct item_head head = {(uint32_t)kind, (uint32_t)index, (uint32_t)name.len,
                             (uint32_t)data.len};
    buf_append(out, slice_of(&head, sizeof(head)));
    buf_append(out, name);
    buf_append(out, data);
}

static enum status put_file(struct buf *out, enum item_kind kind, size_t index, struct slice path,
                            struct diag *diag)
{
    struct buf text;
    buf_init_secret(&text, FILE_BYTES_MAX, NULL);
    enum status status = file_read(path, &text);
    if (status == STATUS_OK) {
        put(out, kind, index, SLICE_EMPTY, buf_view(&text));
    }
    buf_release(&text);
    return status == STATUS_OK ? STATUS_OK
                               : diag_fail(diag, status, "file.unreadable",
                                           "cannot read '%.*s'; give us the right to, or correct "
                                           "the path",
                                           SLICE_ARG(path));
}

/* Made here when there is none yet. The private half stays with the supervisor, which signs. */
static enum status put_audit_key(struct buf *out, const char *path, struct diag *diag)
{
    struct signing_key *key = NULL;
    TRY(signing_key_open(path, &key, diag));
    put(out, ITEM_AUDIT_KEY, 0, SLICE_EMPTY,
        slice_of(signing_key_public(key), SIGNING_PUBLIC_BYTES));
    signing_key_free(key);
    return STATUS_OK;
}

static enum status put_listener(struct buf *out, const struct config_tls_server *tls,
                                struct diag *diag)
{
    if (tls->cert.len == 0) {
        return STATUS_OK;
    }
    TRY(put_file(out, ITEM_CERTIFICATE, 0, tls->cert, diag));
    TRY(put_file(out, ITEM_KEY, 0, tls->key, diag));
    for (size_t i = 0; i < tls->client_ca.count; i++) {
        TRY(put_file(out, ITEM_CLIENT_CA, i, tls->client_ca.items[i], diag));
    }
    return tls->client_crl.len == 0 ? STATUS_OK
                                    : put_file(out, ITEM_CLIENT_CRL, 0, tls->client_crl, diag);
}

static enum status put_all(struct buf *out, const struct inputs *inputs, struct diag *diag)
{
    const struct config *config = inputs->config;
    put(out, ITEM_CONFIG, 0, config->file, config->text);
    put(out, ITEM_FOLDER, 0, SLICE_EMPTY, config->folder);
    for (size_t i = 0; i < inputs->policies.count; i++) {
        const struct cedar_source *source = &inputs->policies.sources[i];
        put(out, ITEM_POLICY, i, source->name, source->text);
    }
    TRY(put_listener(out, &config->listen.tls, diag));
    if (config->audit.mode != CONFIG_AUDIT_OFF) {
        TRY(put_audit_key(out, inputs->audit_key_path, diag));
    }
    if (inputs->document_authorities.len > 0) {
        put(out, ITEM_DOCUMENTS, 0, SLICE_EMPTY, inputs->document_authorities);
    }
    for (size_t i = 0; i < config->server_count; i++) {
        struct slice authorities = config->servers[i].tls_ca;
        if (authorities.len > 0) {
            TRY(put_file(out, ITEM_AUTHORITIES, i, authorities, diag));
        }
        if (inputs->secrets[i].ptr != NULL) {
            put(out, ITEM_SECRET, i, SLICE_EMPTY, inputs->secrets[i]);
        }
    }
    for (size_t i = 0; i < config->issuer_count; i++) {
        if (config->issuers[i].authorities.len > 0) {
            put(out, ITEM_ISSUER_AUTHORITIES, i, SLICE_EMPTY, config->issuers[i].authorities);
        }
        if (inputs->api_keys[i].len > 0) {
            put(out, ITEM_API_KEYS, i, SLICE_EMPTY, inputs->api_keys[i]);
        }
        if (inputs->authorities[i].len > 0) {
            put(out, ITEM_VOUCHING, i, SLICE_EMPTY, inputs->authorities[i]);
        }
        if (inputs->sign_in_secrets[i].ptr != NULL) {
            put(out, ITEM_SIGN_IN, i, SLICE_EMPTY, inputs->sign_in_secrets[i]);
        }
        if (inputs->inquiry_secrets[i].ptr != NULL) {
            put(out, ITEM_ASKING, i, SLICE_EMPTY, inputs->inquiry_secrets[i]);
        }
    }
    return buf_status(out);
}

enum status parcel_pack(const struct inputs *inputs, int *fd, struct diag *diag)
{
    struct buf packed;
    buf_init_secret(&packed, PACKED_BYTES_MAX, NULL);
    enum status status = put_all(&packed, inputs, diag);
    if (status == STATUS_OK) {
        status = file_unnamed(buf_view(&packed), fd, diag);
    } else if (status == STATUS_LIMIT) {
        (void)!diag_fail(diag, status, "parcel.size", "the configuration's files are too large");
    }
    buf_release(&packed);
    return status;
}

/* -- the worker's side ----------------------------------------------------------------------- */

struct item {
    struct item_head head;
    struct slice name, data;
};

/* Takes the next item off the packed bytes. False at their end, or where they make no sense. */
static bool next_item(struct slice *packed, struct item *out)
{
    if (packed->len < sizeof(out->head)) {
        return false;
    }
    memcpy(&out->head, packed->ptr, sizeof(out->head));
    struct slice rest = slice_sub(*packed, sizeof(out->head), packed->len);
    size_t end = (size_t)out->head.name_bytes + out->head.data_bytes;
    if (end > rest.len) {
        return false;
    }
    out->name = slice_sub(rest, 0, out->head.name_bytes);
    out->data = slice_sub(rest, out->head.name_bytes, end);
    *packed = slice_sub(rest, end, rest.len);
    return true;
}

/* Configuration and policies, which have names; the rest follows once there is a configuration. */
static enum status take_texts(struct slice packed, struct arena *arena,
                              struct config_source *source, struct policy_files *policies)
{
    struct item item;
    policies->sources = arena_alloc_zero(arena, POLICY_FILES_MAX, sizeof(*policies->sources));
    if (policies->sources == NULL) {
        return STATUS_LIMIT;
    }
    while (next_item(&packed, &item)) {
        if (item.head.kind == ITEM_CONFIG) {
            TRY(arena_copy(arena, item.name, &source->file));
            source->text = item.data;
        } else if (item.head.kind == ITEM_FOLDER) {
            TRY(arena_copy(arena, item.data, &source->folder));
        } else if (item.head.kind == ITEM_POLICY && policies->count < POLICY_FILES_MAX) {
            policies->sources[policies->count++] = (struct cedar_source){item.name, item.data};
        }
    }
    return STATUS_OK;
}

/* Where the path of an item stands in the configuration; NULL: it has none there. */
static struct slice *path_of(struct config *config, const struct item *item)
{
    size_t index = item->head.index;
    bool is_server = index < config->server_count;
    switch ((enum item_kind)item->head.kind) {
    case ITEM_CERTIFICATE:
        return &config->listen.tls.cert;
    case ITEM_KEY:
        return &config->listen.tls.key;
    case ITEM_CLIENT_CA:
        return index < config->listen.tls.client_ca.count
                   ? &config->listen.tls.client_ca.items[index]
                   : NULL;
    case ITEM_CLIENT_CRL:
        return &config->listen.tls.client_crl;
    case ITEM_AUTHORITIES:
        return is_server ? &config->servers[index].tls_ca : NULL;
    case ITEM_CONFIG:
    case ITEM_FOLDER:
    case ITEM_POLICY:
    case ITEM_AUDIT_KEY:
    case ITEM_SECRET:
    case ITEM_API_KEYS:
    case ITEM_VOUCHING:
    case ITEM_SIGN_IN:
    case ITEM_DOCUMENTS:
    case ITEM_ISSUER_AUTHORITIES:
    case ITEM_ASKING:
        break;
    }
    return NULL;
}

static enum status take_file(const struct item *item, struct arena *arena, struct slice *path,
                             struct parcel_files *files)
{
    int fd = -1;
    assert(files->count < PARCEL_FILES_MAX);
    TRY(file_unnamed(item->data, &fd, NULL));
    files->descriptors[files->count++] = fd;
    return arena_format(arena, path, "/proc/self/fd/%d", fd);
}

/* Where an item that stays in memory belongs; NULL: it is none. */
static struct slice *place_of(struct inputs *inputs, const struct item *item)
{
    size_t index = item->head.index;
    bool is_server = index < inputs->config->server_count;
    bool is_issuer = index < inputs->config->issuer_count;
    switch ((enum item_kind)item->head.kind) {
    case ITEM_SECRET:
        return is_server ? &inputs->secrets[index] : NULL;
    case ITEM_API_KEYS:
        return is_issuer ? &inputs->api_keys[index] : NULL;
    case ITEM_VOUCHING:
        return is_issuer ? &inputs->authorities[index] : NULL;
    case ITEM_SIGN_IN:
        return is_issuer ? &inputs->sign_in_secrets[index] : NULL;
    case ITEM_ASKING:
        return is_issuer ? &inputs->inquiry_secrets[index] : NULL;
    case ITEM_DOCUMENTS:
        return &inputs->document_authorities;
    case ITEM_AUDIT_KEY:
        return &inputs->audit_public;
    case ITEM_CONFIG:
    case ITEM_FOLDER:
    case ITEM_POLICY:
    case ITEM_CERTIFICATE:
    case ITEM_KEY:
    case ITEM_AUTHORITIES:
    case ITEM_ISSUER_AUTHORITIES:
    case ITEM_CLIENT_CA:
    case ITEM_CLIENT_CRL:
        break;
    }
    return NULL;
}

static enum status take_secrets(struct slice packed, struct arena *arena, struct inputs *out)
{
    struct slice **const by_issuer[] = {&out->api_keys, &out->authorities, &out->sign_in_secrets,
                                        &out->inquiry_secrets};
    struct item item;
    out->secrets = arena_alloc_zero(arena, out->config->server_count, sizeof(*out->secrets));
    if (out->secrets == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < COUNT_OF(by_issuer); i++) {
        *by_issuer[i] = arena_alloc_zero(arena, out->config->issuer_count, sizeof(struct slice));
        if (*by_issuer[i] == NULL) {
            return STATUS_LIMIT;
        }
    }
    while (next_item(&packed, &item)) {
        struct slice *place = place_of(out, &item);
        if (place != NULL) {
            *place = item.data;
        }
    }
    return STATUS_OK;
}

/* An issuer with a file of its own is never asked by the system's authorities. */
static enum status take_authorities(struct slice packed, struct config *config)
{
    struct item item;
    while (next_item(&packed, &item)) {
        if (item.head.kind == ITEM_ISSUER_AUTHORITIES && item.head.index < config->issuer_count) {
            config->issuers[item.head.index].authorities = item.data;
        }
    }
    for (size_t i = 0; i < config->issuer_count; i++) {
        if (config->issuers[i].ca.len > 0 && config->issuers[i].authorities.len == 0) {
            return STATUS_INVALID;
        }
    }
    return STATUS_OK;
}

static enum status take_files(struct slice packed, struct arena *arena, struct config *config,
                              struct parcel_files *files)
{
    struct item item;
    while (next_item(&packed, &item)) {
        struct slice *path = path_of(config, &item);
        if (path != NULL) {
            TRY(take_file(&item, arena, path, files));
        }
    }
    return STATUS_OK;
}

static enum status unpack(struct slice packed, struct arena *arena, struct inputs *out,
                          struct parcel_files *files, struct config_report *report)
{
    struct config *config = NULL;
    struct config_source source = {.skips_files = true};
    TRY(take_texts(packed, arena, &source, &out->policies));
    TRY(config_load_text(&source, arena, &config, report));
    out->config = config;
    TRY(take_secrets(packed, arena, out));
    TRY(take_authorities(packed, config));
    /* The supervisor started the worker there; the path may lead through folders that the worker's
     * user cannot pass. */
    config->audit.dir = SLICE(".");
    return take_files(packed, arena, config, files);
}

enum status parcel_unpack(int fd, struct arena *arena, struct inputs *out,
                          struct parcel_files *files, struct config_report *report)
{
    struct buf bytes;
    struct slice packed = SLICE_EMPTY;
    *out = (struct inputs){0};
    buf_init_secret(&bytes, PACKED_BYTES_MAX, NULL);
    enum status status = file_read_unnamed(fd, &bytes);
    if (status == STATUS_OK) {
        status = arena_copy(arena, buf_view(&bytes), &packed);
    }
    buf_release(&bytes);
    return status == STATUS_OK ? unpack(packed, arena, out, files, report) : status;
}

void parcel_close(struct parcel_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        (void)close(files->descriptors[i]);
    }
    files->count = 0;
}
