#include "adapters/crypto/dev_issuer.h"

#include "adapters/crypto/dev_key.h"
#include "base/base64.h"
#include "core/identity/jws.h"

#include <assert.h>
#include <openssl/rand.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define PART_BYTES_MAX (256 * 1024)
#define TOKEN_ID_BYTES 16

struct dev_issuer {
    struct dev_key *keys[JWS_ALGORITHM_COUNT]; /* NULL: none of that kind */
};

static const char *const FILE_NAMES[JWS_ALGORITHM_COUNT] = {
    [JWS_RS256] = "rs256.pem",
    [JWS_ES256] = "es256.pem",
};

static enum status new_issuer(struct dev_issuer **out, struct diag *diag)
{
    *out = base_alloc(sizeof(**out));
    if (*out == NULL) {
        return diag_fail(diag, STATUS_LIMIT, "issuer.memory", "no memory for the issuer");
    }
    **out = (struct dev_issuer){0};
    return STATUS_OK;
}

/* Whoever may write in the folder of a key may put another key there. */
static enum status make_folder(const char *path, struct diag *diag)
{
    struct stat info = {0};
    if (mkdir(path, 0700) == 0) {
        return STATUS_OK;
    }
    if (errno != EEXIST || stat(path, &info) != 0) {
        return diag_fail(diag, STATUS_IO, "issuer.io", "cannot create folder '%s': %s", path,
                         strerror(errno));
    }
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return diag_fail(diag, STATUS_INVALID, "issuer.mode",
                         "folder '%s' can be changed by others; run chmod go-w on it", path);
    }
    return STATUS_OK;
}

static enum status open_keys(struct dev_issuer *issuer, struct slice state_dir, uint32_t algorithms,
                             struct arena *arena, struct diag *diag)
{
    struct slice path;
    TRY(arena_format(arena, &path, "%.*s", SLICE_ARG(state_dir)));
    TRY(make_folder((const char *)path.ptr, diag));
    TRY(arena_format(arena, &path, "%.*s/issuer", SLICE_ARG(state_dir)));
    TRY(make_folder((const char *)path.ptr, diag));
    for (unsigned i = 0; i < JWS_ALGORITHM_COUNT; i++) {
        enum jws_algorithm algorithm = (enum jws_algorithm)i;
        if (FILE_NAMES[i] == NULL) {
            continue;
        }
        TRY(arena_format(arena, &path, "%.*s/issuer/%s", SLICE_ARG(state_dir), FILE_NAMES[i]));
        const char *file = (const char *)path.ptr;
        if ((algorithms & JWS_MASK(i)) != 0) {
            TRY(dev_key_create(file, algorithm, diag));
        }
        enum status status = dev_key_load(file, &issuer->keys[i], diag);
        if (status == STATUS_NOT_FOUND) {
            continue;
        }
        TRY(status);
        if (dev_key_algorithm(issuer->keys[i]) != algorithm) {
            return diag_fail(diag, STATUS_INVALID, "issuer.key",
                             "file '%s' holds a key of another type", file);
        }
    }
    return STATUS_OK;
}

enum status dev_issuer_open(struct slice state_dir, uint32_t algorithms, struct dev_issuer **out,
                            struct diag *diag)
{
    struct arena arena;
    struct dev_issuer *issuer = NULL;
    TRY(new_issuer(&issuer, diag));
    arena_init(&arena, PART_BYTES_MAX, NULL);
    enum status status = open_keys(issuer, state_dir, algorithms, &arena, diag);
    arena_release(&arena);
    if (status != STATUS_OK) {
        dev_issuer_free(issuer);
        return status;
    }
    *out = issuer;
    return STATUS_OK;
}

enum status dev_issuer_open_file(struct slice path, struct dev_issuer **out, struct diag *diag)
{
    struct arena arena;
    struct slice text;
    struct dev_key *key = NULL;
    arena_init(&arena, PART_BYTES_MAX, NULL);
    enum status status = arena_format(&arena, &text, "%.*s", SLICE_ARG(path));
    if (status == STATUS_OK) {
        status = dev_key_load((const char *)text.ptr, &key, diag);
    }
    arena_release(&arena);
    if (status == STATUS_NOT_FOUND) {
        return diag_fail(diag, STATUS_IO, "issuer.io", "key file '%.*s' does not exist",
                         SLICE_ARG(path));
    }
    TRY(status);
    status = new_issuer(out, diag);
    if (status != STATUS_OK) {
        dev_key_free(key);
        return status;
    }
    assert(key != NULL && *out != NULL);
    (*out)->keys[dev_key_algorithm(key)] = key;
    return STATUS_OK;
}

void dev_issuer_free(struct dev_issuer *issuer)
{
    if (issuer == NULL) {
        return;
    }
    for (size_t i = 0; i < COUNT_OF(issuer->keys); i++) {
        dev_key_free(issuer->keys[i]);
    }
    base_free(issuer);
}

uint32_t dev_issuer_algorithms(const struct dev_issuer *issuer)
{
    uint32_t mask = 0;
    for (unsigned i = 0; i < JWS_ALGORITHM_COUNT; i++) {
        mask |= issuer->keys[i] != NULL ? JWS_MASK(i) : 0;
    }
    return mask;
}

enum status dev_issuer_jwks(const struct dev_issuer *issuer, struct buf *buf)
{
    bool is_first = true;
    buf_append(buf, SLICE("{\"keys\":["));
    for (size_t i = 0; i < COUNT_OF(issuer->keys); i++) {
        if (issuer->keys[i] == NULL) {
            continue;
        }
        buf_append(buf, is_first ? SLICE_EMPTY : SLICE(","));
        TRY(dev_key_jwk(issuer->keys[i], buf));
        is_first = false;
    }
    buf_append(buf, SLICE("]}"));
    return buf_status(buf);
}

static void write_text(struct buf *buf, struct slice name, struct slice text)
{
    buf_append_json_string(buf, name);
    buf_append_byte(buf, ':');
    buf_append_json_string(buf, text);
    buf_append_byte(buf, ',');
}

static void write_time(struct buf *buf, struct slice name, int64_t seconds)
{
    buf_append_json_string(buf, name);
    buf_append_byte(buf, ':');
    buf_append_i64(buf, seconds);
    buf_append_byte(buf, ',');
}

static void write_roles(struct buf *buf, const struct dev_token *token)
{
    if (token->role_count == 0) {
        return;
    }
    buf_append(buf, SLICE("\"roles\":["));
    for (size_t i = 0; i < token->role_count; i++) {
        buf_append(buf, i > 0 ? SLICE(",") : SLICE_EMPTY);
        buf_append_json_string(buf, token->roles[i]);
    }
    buf_append(buf, SLICE("],"));
}

static enum status write_payload(struct buf *buf, const struct dev_token *token)
{
    uint8_t id[TOKEN_ID_BYTES];
    if (RAND_bytes(id, sizeof(id)) != 1) {
        return STATUS_INTERNAL;
    }
    buf_append_byte(buf, '{');
    write_text(buf, SLICE("iss"), token->issuer);
    write_text(buf, SLICE("sub"), token->subject);
    write_text(buf, SLICE("aud"), token->audience);
    write_roles(buf, token);
    for (size_t i = 0; i < token->claim_count; i++) {
        buf_append_json_string(buf, token->claims[i].name);
        buf_append_byte(buf, ':');
        buf_append(buf, token->claims[i].json);
        buf_append_byte(buf, ',');
    }
    write_time(buf, SLICE("iat"), token->issued_at_s);
    write_time(buf, SLICE("exp"), token->expires_at_s);
    buf_append(buf, SLICE("\"jti\":\""));
    base64_encode(buf, slice_of(id, sizeof(id)), BASE64_URL_UNPADDED);
    buf_append(buf, SLICE("\"}"));
    return buf_status(buf);
}

static void write_header(struct buf *buf, const struct dev_key *key)
{
    buf_append(buf, SLICE("{\"alg\":\""));
    buf_append(buf, jws_algorithm_name(dev_key_algorithm(key)));
    buf_append(buf, SLICE("\",\"typ\":\"at+jwt\",\"kid\":\""));
    buf_append(buf, dev_key_id(key));
    buf_append(buf, SLICE("\"}"));
}

enum status dev_issuer_mint(const struct dev_issuer *issuer, const struct dev_token *token,
                            struct buf *buf, struct diag *diag)
{
    const struct dev_key *key = issuer->keys[token->algorithm];
    struct buf header, payload;
    if (key == NULL) {
        return diag_fail(diag, STATUS_NOT_FOUND, "issuer.key", "the issuer has no key for '%.*s'",
                         SLICE_ARG(jws_algorithm_name(token->algorithm)));
    }
    buf_init(&header, PART_BYTES_MAX, NULL);
    buf_init(&payload, PART_BYTES_MAX, NULL);
    write_header(&header, key);
    enum status status = write_payload(&payload, token);
    if (status == STATUS_OK && buf_status(&header) == STATUS_OK) {
        status =
            dev_issuer_sign(issuer, token->algorithm, buf_view(&header), buf_view(&payload), buf);
    } else if (status == STATUS_OK) {
        status = STATUS_LIMIT;
    }
    buf_release(&header);
    buf_release(&payload);
    return status == STATUS_OK ? STATUS_OK
                               : diag_fail(diag, status, "issuer.sign", "cannot sign a token");
}

enum status dev_issuer_sign(const struct dev_issuer *issuer, enum jws_algorithm algorithm,
                            struct slice header, struct slice payload, struct buf *buf)
{
    const struct dev_key *key = issuer->keys[algorithm];
    uint8_t signature[DEV_KEY_SIGNATURE_BYTES_MAX];
    size_t len = 0;
    size_t start = buf->len;
    if (key == NULL) {
        return STATUS_NOT_FOUND;
    }
    base64_encode(buf, header, BASE64_URL_UNPADDED);
    buf_append_byte(buf, '.');
    base64_encode(buf, payload, BASE64_URL_UNPADDED);
    TRY(buf_status(buf));
    struct slice input = slice_sub(buf_view(buf), start, buf->len);
    TRY(dev_key_sign(key, input, signature, &len));
    buf_append_byte(buf, '.');
    base64_encode(buf, slice_of(signature, len), BASE64_URL_UNPADDED);
    return buf_status(buf);
}
