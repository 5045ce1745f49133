#include "adapters/crypto/authorities.h"

#include "base/arena.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* The next certificate or list of a text; NULL: there is none, or it makes no sense. */
typedef void *(*next_fn)(BIO *text);

static void *next_certificate(BIO *text)
{
    return PEM_read_bio_X509(text, NULL, NULL, NULL);
}

static void *next_list(BIO *text)
{
    return PEM_read_bio_X509_CRL(text, NULL, NULL, NULL);
}

/* Was what could not be read just the end? */
static bool is_at_end(void)
{
    unsigned long error = ERR_peek_last_error();
    bool is_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    return is_end;
}

static enum status parse(struct slice pem, next_fn next, void *items[AUTHORITIES_MAX],
                         size_t *count, struct diag *diag)
{
    *count = 0;
    if (pem.len == 0) {
        return STATUS_OK;
    }
    BIO *text = pem.len <= INT_MAX ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
    if (text == NULL) {
        return diag_fail(diag, STATUS_LIMIT, "authorities.limit", "no memory for certificates");
    }
    ERR_clear_error();
    void *item = NULL;
    while (*count < AUTHORITIES_MAX && (item = next(text)) != NULL) {
        items[(*count)++] = item;
    }
    bool is_end = *count < AUTHORITIES_MAX && is_at_end();
    BIO_free(text);
    if (is_end) {
        return STATUS_OK;
    }
    return *count == AUTHORITIES_MAX ? diag_fail(diag, STATUS_INVALID, "authorities.limit",
                                                 "has %d entries or more", AUTHORITIES_MAX)
                                     : diag_fail(diag, STATUS_INVALID, "authorities.malformed",
                                                 "cannot be read behind entry %zu", *count);
}

/* X509_check_ca has several ways to say yes; only the one of RFC 5280 §4.2.1.9 is meant here. */
static enum status check_authorities(const struct authorities *authorities, struct diag *diag)
{
    for (size_t i = 0; i < authorities->count; i++) {
        if (X509_check_ca(authorities->items[i]) != 1) {
            return diag_fail(diag, STATUS_INVALID, "authorities.client",
                             "certificate %zu is not of an authority (CA:TRUE)", i + 1);
        }
    }
    return authorities->count > 0
               ? STATUS_OK
               : diag_fail(diag, STATUS_INVALID, "authorities.none", "has no certificates");
}

static enum status parse_certificates(struct slice pem, struct authorities *out, struct diag *diag)
{
    void *items[AUTHORITIES_MAX] = {0};
    enum status status = parse(pem, next_certificate, items, &out->count, diag);
    for (size_t i = 0; i < out->count; i++) {
        out->items[i] = items[i];
    }
    return status;
}

enum status authorities_parse(struct slice pem, struct authorities *out, struct diag *diag)
{
    enum status status = parse_certificates(pem, out, diag);
    if (status == STATUS_OK) {
        status = check_authorities(out, diag);
    }
    if (status != STATUS_OK) {
        authorities_release(out);
    }
    return status;
}

static enum status parse_lists(struct slice pem, struct revocation_lists *out, struct diag *diag)
{
    void *items[AUTHORITIES_MAX] = {0};
    enum status status = parse(pem, next_list, items, &out->count, diag);
    for (size_t i = 0; i < out->count; i++) {
        out->items[i] = items[i];
    }
    if (status == STATUS_OK && out->count == 0) {
        status = diag_fail(diag, STATUS_INVALID, "authorities.none", "has no revocation list");
    }
    if (status != STATUS_OK) {
        revocation_lists_release(out);
    }
    return status;
}

/* In memory of base_alloc; *out is for base_free. */
static enum status read_file(const char *path, struct slice *out, struct diag *diag)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return diag_fail(diag, STATUS_NOT_FOUND, "authorities.file", "cannot be read: %s",
                         strerror(errno));
    }
    uint8_t *text = base_alloc(AUTHORITIES_BYTES_MAX);
    size_t len = text == NULL ? 0 : fread(text, 1, AUTHORITIES_BYTES_MAX, file);
    bool is_whole = text != NULL && ferror(file) == 0 && len < AUTHORITIES_BYTES_MAX;
    (void)fclose(file);
    if (!is_whole) {
        base_free(text);
        return diag_fail(diag, STATUS_INVALID, "authorities.limit",
                         "cannot be read, or is too large");
    }
    *out = slice_of(text, len);
    return STATUS_OK;
}

enum status authorities_read(const char *path, struct authorities *out, struct diag *diag)
{
    struct slice text = SLICE_EMPTY;
    *out = (struct authorities){0};
    TRY(read_file(path, &text, diag));
    enum status status = authorities_parse(text, out, diag);
    base_free((void *)(uintptr_t)text.ptr);
    return status;
}

enum status authorities_hash(struct slice pem, struct arena *arena,
                             const uint8_t (**out)[CRYPTO_SHA256_BYTES], size_t *count,
                             struct diag *diag)
{
    struct authorities found = {0};
    TRY(authorities_parse(pem, &found, diag));
    uint8_t(*hashes)[CRYPTO_SHA256_BYTES] = arena_alloc_zero(arena, found.count, sizeof(*hashes));
    enum status status = hashes == NULL ? STATUS_LIMIT : STATUS_OK;
    for (size_t i = 0; i < found.count && status == STATUS_OK; i++) {
        status = X509_digest(found.items[i], EVP_sha256(), hashes[i], NULL) == 1 ? STATUS_OK
                                                                                 : STATUS_INTERNAL;
    }
    *out = (const uint8_t(*)[CRYPTO_SHA256_BYTES])hashes;
    *count = found.count;
    authorities_release(&found);
    return status;
}

enum status revocation_lists_read(const char *path, struct revocation_lists *out, struct diag *diag)
{
    struct slice text = SLICE_EMPTY;
    *out = (struct revocation_lists){0};
    TRY(read_file(path, &text, diag));
    enum status status = parse_lists(text, out, diag);
    base_free((void *)(uintptr_t)text.ptr);
    return status;
}

enum status certificate_of_file(const char *path, uint8_t sha256[CRYPTO_SHA256_BYTES],
                                int64_t *expires_at_s, struct diag *diag)
{
    struct slice text = SLICE_EMPTY;
    struct authorities found = {0};
    struct tm end = {0};
    TRY(read_file(path, &text, diag));
    enum status status = parse_certificates(text, &found, diag);
    base_free((void *)(uintptr_t)text.ptr);
    if (status == STATUS_OK && found.count == 0) {
        status =
            diag_fail(diag, STATUS_INVALID, "authorities.none", "'%s' has no certificates", path);
    } else if (status == STATUS_OK &&
               (X509_digest(found.items[0], EVP_sha256(), sha256, NULL) != 1 ||
                ASN1_TIME_to_tm(X509_get0_notAfter(found.items[0]), &end) != 1)) {
        status = diag_fail(diag, STATUS_INVALID, "authorities.malformed",
                           "'%s' has a certificate that cannot be read", path);
    }
    *expires_at_s = (int64_t)timegm(&end);
    authorities_release(&found);
    return status;
}

void authorities_release(struct authorities *authorities)
{
    for (size_t i = 0; i < authorities->count; i++) {
        X509_free(authorities->items[i]);
    }
    authorities->count = 0;
}

void revocation_lists_release(struct revocation_lists *revocations)
{
    for (size_t i = 0; i < revocations->count; i++) {
        X509_CRL_free(revocations->items[i]);
    }
    revocations->count = 0;
}
