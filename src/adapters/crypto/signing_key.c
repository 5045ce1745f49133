#include "adapters/crypto/signing_key.h"

#include "adapters/crypto/key_file.h"
#include "base/arena.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PUBLIC_FILE_BYTES_MAX (16 * 1024)
#define PATH_BYTES_MAX 4096

struct signing_key {
    EVP_PKEY *pkey;
    uint8_t public_half[SIGNING_PUBLIC_BYTES];
};

static enum status io_error(struct diag *diag, const char *what, const char *path)
{
    return diag_fail(diag, STATUS_IO, "key.io", "cannot %s '%s': %s", what, path, strerror(errno));
}

static enum status create(const char *path, struct diag *diag)
{
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (pkey == NULL) {
        ERR_clear_error();
        return diag_fail(diag, STATUS_INTERNAL, "key.type", "cannot make an Ed25519 key");
    }
    enum status status = key_file_create(path, pkey, diag);
    EVP_PKEY_free(pkey);
    return status;
}

enum status signing_key_open(const char *path, struct signing_key **out, struct diag *diag)
{
    EVP_PKEY *pkey = NULL;
    enum status status = key_file_load(path, &pkey, diag);
    if (status == STATUS_NOT_FOUND) {
        TRY(create(path, diag));
        status = key_file_load(path, &pkey, diag);
    }
    TRY(status);
    struct signing_key *key = base_alloc(sizeof(*key));
    size_t len = SIGNING_PUBLIC_BYTES;
    if (key == NULL) {
        EVP_PKEY_free(pkey);
        return diag_fail(diag, STATUS_LIMIT, "key.memory", "no memory for a key");
    }
    *key = (struct signing_key){.pkey = pkey};
    if (!EVP_PKEY_is_a(pkey, "ED25519") ||
        EVP_PKEY_get_raw_public_key(pkey, key->public_half, &len) != 1) {
        ERR_clear_error();
        signing_key_free(key);
        return diag_fail(diag, STATUS_INVALID, "key.type", "file '%s' holds no Ed25519 key", path);
    }
    *out = key;
    return STATUS_OK;
}

void signing_key_free(struct signing_key *key)
{
    if (key != NULL) {
        EVP_PKEY_free(key->pkey);
        base_free(key);
    }
}

const uint8_t *signing_key_public(const struct signing_key *key)
{
    return key->public_half;
}

enum status signing_key_sign(const struct signing_key *key, struct slice message,
                             uint8_t out[SIGNING_SIGNATURE_BYTES])
{
    size_t len = SIGNING_SIGNATURE_BYTES;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_signed = context != NULL &&
                     EVP_DigestSignInit(context, NULL, NULL, NULL, key->pkey) == 1 &&
                     EVP_DigestSign(context, out, &len, message.ptr, message.len) == 1;
    EVP_MD_CTX_free(context);
    if (!is_signed || len != SIGNING_SIGNATURE_BYTES) {
        ERR_clear_error();
        return STATUS_INTERNAL;
    }
    return STATUS_OK;
}

bool signing_public_verify(const uint8_t key[SIGNING_PUBLIC_BYTES], struct slice message,
                           const uint8_t signature[SIGNING_SIGNATURE_BYTES])
{
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, SIGNING_PUBLIC_BYTES);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_good = pkey != NULL && context != NULL &&
                   EVP_DigestVerifyInit(context, NULL, NULL, NULL, pkey) == 1 &&
                   EVP_DigestVerify(context, signature, SIGNING_SIGNATURE_BYTES, message.ptr,
                                    message.len) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    return is_good;
}

/* Take the key of one PEM block over. */
static enum status take_public(EVP_PKEY *pkey, const char *path, struct signing_public *out,
                               struct diag *diag)
{
    size_t len = SIGNING_PUBLIC_BYTES;
    if (out->count == SIGNING_KEYS_MAX) {
        return diag_fail(diag, STATUS_LIMIT, "key.count", "file '%s' holds more than %d keys", path,
                         SIGNING_KEYS_MAX);
    }
    if (!EVP_PKEY_is_a(pkey, "ED25519") ||
        EVP_PKEY_get_raw_public_key(pkey, out->keys[out->count], &len) != 1) {
        return diag_fail(diag, STATUS_INVALID, "key.encoding",
                         "file '%s' holds a public key that is not Ed25519", path);
    }
    out->count++;
    return STATUS_OK;
}

static enum status parse_public(struct slice text, const char *path, struct signing_public *out,
                                struct diag *diag)
{
    BIO *bio = BIO_new_mem_buf(text.ptr, (int)text.len);
    enum status status = STATUS_OK;
    *out = (struct signing_public){0};
    while (status == STATUS_OK && bio != NULL) {
        EVP_PKEY *pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
        if (pkey == NULL) {
            break;
        }
        status = take_public(pkey, path, out, diag);
        EVP_PKEY_free(pkey);
    }
    BIO_free(bio);
    ERR_clear_error();
    TRY(status);
    return out->count != 0 ? STATUS_OK
                           : diag_fail(diag, STATUS_INVALID, "key.encoding",
                                       "file '%s' holds no public key in PEM", path);
}

enum status signing_public_load(const char *path, struct signing_public *out, struct diag *diag)
{
    uint8_t text[PUBLIC_FILE_BYTES_MAX];
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (file < 0) {
        return errno == ENOENT ? STATUS_NOT_FOUND : io_error(diag, "open", path);
    }
    ssize_t got = read(file, text, sizeof(text));
    close(file);
    if (got < 0) {
        return io_error(diag, "read", path);
    }
    return parse_public(slice_of(text, (size_t)got), path, out, diag);
}

static bool is_listed(const struct signing_public *list, const uint8_t *key)
{
    for (size_t i = 0; i < list->count; i++) {
        if (memcmp(list->keys[i], key, SIGNING_PUBLIC_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static bool encode_public(BIO *bio, const struct signing_public *list)
{
    bool ok = true;
    for (size_t i = 0; ok && i < list->count; i++) {
        EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, list->keys[i],
                                                     SIGNING_PUBLIC_BYTES);
        ok = pkey != NULL && PEM_write_bio_PUBKEY(bio, pkey) == 1;
        EVP_PKEY_free(pkey);
    }
    return ok;
}

/* Written beside its place and renamed: a crash leaves the old file or the new one. */
static enum status replace_file(const char *path, struct slice text, struct diag *diag)
{
    char temporary[PATH_BYTES_MAX];
    int len = snprintf(temporary, sizeof(temporary), "%s.new", path);
    if (len < 0 || (size_t)len >= sizeof(temporary)) {
        errno = ENAMETOOLONG;
        return io_error(diag, "create", path);
    }
    int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (file < 0) {
        return io_error(diag, "create", temporary);
    }
    enum status status = key_file_write_all(file, text);
    bool is_placed = close(file) == 0 && status == STATUS_OK && rename(temporary, path) == 0;
    return is_placed ? STATUS_OK : io_error(diag, "write", path);
}

enum status signing_public_publish(const uint8_t key[SIGNING_PUBLIC_BYTES], const char *path,
                                   struct diag *diag)
{
    struct signing_public list = {0};
    enum status status = signing_public_load(path, &list, diag);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return status;
    }
    if (is_listed(&list, key)) {
        return STATUS_OK;
    }
    if (list.count == SIGNING_KEYS_MAX) {
        return diag_fail(diag, STATUS_LIMIT, "key.count", "file '%s' holds %d keys already", path,
                         SIGNING_KEYS_MAX);
    }
    memcpy(list.keys[list.count++], key, SIGNING_PUBLIC_BYTES);
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    if (bio == NULL || !encode_public(bio, &list)) {
        ERR_clear_error();
        status = diag_fail(diag, STATUS_INTERNAL, "key.encoding", "cannot encode a public key");
    } else {
        long len = BIO_get_mem_data(bio, &text);
        status = replace_file(path, slice_of(text, (size_t)len), diag);
    }
    BIO_free(bio);
    return status;
}
