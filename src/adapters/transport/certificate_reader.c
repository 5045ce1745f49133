#include "adapters/transport/certificate_reader.h"

#include "base/arena.h"

#include <openssl/err.h>
#include <time.h>

#define ARENA_BYTES_MAX ((size_t)512 << 10)
#define SERIAL_BYTES_MAX 20 /* RFC 5280 §4.1.2.2 */

static enum status no_memory(struct diag *diag)
{
    return diag_fail(diag, STATUS_LIMIT, "certificate.memory", "no memory for a certificate");
}

static enum status refuse_names(struct diag *diag, const char *what)
{
    return diag_fail(diag, STATUS_INVALID, "certificate.names", "%s cannot be read as one name",
                     what);
}

/* -- subject ------------------------------------------------------------------------------- */

/* RFC 4514, all that is not ASCII escaped. */
static enum status read_subject(const X509 *leaf, struct arena *arena, struct slice *out,
                                struct diag *diag)
{
    BIO *text = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    if (text == NULL) {
        return no_memory(diag);
    }
    int written = X509_NAME_print_ex(text, X509_get_subject_name(leaf), 0, XN_FLAG_RFC2253);
    long len = BIO_get_mem_data(text, &bytes);
    enum status status = STATUS_OK;
    if (written < 0 || len < 0 || len > CLIENT_CERTIFICATE_SUBJECT_BYTES_MAX) {
        status = refuse_names(diag, "the subject");
    } else if (arena_copy(arena, slice_of(bytes, (size_t)len), out) != STATUS_OK) {
        status = no_memory(diag);
    }
    BIO_free(text);
    return status;
}

static bool has_control(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0x20 || text.ptr[i] == 0x7F) {
            return true;
        }
    }
    return false;
}

/* One attribute of the subject. Of two nobody knows which is meant: then there is none. */
static enum status read_attribute(const X509 *leaf, int kind, struct arena *arena,
                                  struct slice *out, struct diag *diag)
{
    const X509_NAME *name = X509_get_subject_name(leaf);
    int at = X509_NAME_get_index_by_NID(name, kind, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(name, kind, at) >= 0) {
        return STATUS_OK;
    }
    unsigned char *text = NULL;
    int len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    struct slice found = slice_of(text, len > 0 ? (size_t)len : 0);
    enum status status = STATUS_OK;
    if (len <= 0 || found.len > CLIENT_CERTIFICATE_NAME_BYTES_MAX || has_control(found) ||
        !slice_is_utf8(found)) {
        status = refuse_names(diag, "a part of the subject");
    } else if (arena_copy(arena, found, out) != STATUS_OK) {
        status = no_memory(diag);
    }
    OPENSSL_free(text);
    return status;
}

/* -- alternative names ---------------------------------------------------------------------- */

static struct certificate_names *list_of(struct client_certificate *fields, int kind)
{
    switch (kind) {
    case GEN_URI:
        return &fields->uris;
    case GEN_DNS:
        return &fields->dns;
    case GEN_EMAIL:
        return &fields->emails;
    default:
        return NULL; /* addresses and what only directories know */
    }
}

/* All three kinds are IA5String: a byte 0 in one is an old trick to show two readers two names. */
static enum status add_name(const GENERAL_NAME *name, struct arena *arena,
                            struct client_certificate *fields, struct diag *diag)
{
    int kind = 0;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &kind);
    struct certificate_names *names = list_of(fields, kind);
    if (names == NULL) {
        return STATUS_OK;
    }
    struct slice text = slice_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    if (text.len == 0 || text.len > CLIENT_CERTIFICATE_NAME_BYTES_MAX || !slice_is_visible(text) ||
        names->count == CLIENT_CERTIFICATE_NAMES_MAX) {
        return refuse_names(diag, "an alternative name");
    }
    struct slice *item = (struct slice *)(uintptr_t)&names->items[names->count++];
    return arena_copy(arena, text, item) == STATUS_OK ? STATUS_OK : no_memory(diag);
}

static enum status add_names(const GENERAL_NAMES *names, struct arena *arena,
                             struct client_certificate *fields, struct diag *diag)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        TRY(add_name(sk_GENERAL_NAME_value(names, i), arena, fields, diag));
    }
    return STATUS_OK;
}

static enum status read_names(const X509 *leaf, struct arena *arena,
                              struct client_certificate *fields, struct diag *diag)
{
    int state = 0;
    struct slice *room =
        arena_alloc_zero(arena, (size_t)3 * CLIENT_CERTIFICATE_NAMES_MAX, sizeof(*room));
    if (room == NULL) {
        return no_memory(diag);
    }
    fields->uris.items = room;
    fields->dns.items = room + CLIENT_CERTIFICATE_NAMES_MAX;
    fields->emails.items = room + (size_t)2 * CLIENT_CERTIFICATE_NAMES_MAX;
    GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, &state, NULL);
    if (names == NULL) {
        /* -1: there are none; else they are broken, or there twice. */
        return state == -1 ? STATUS_OK : refuse_names(diag, "the list of alternative names");
    }
    enum status status = add_names(names, arena, fields, diag);
    GENERAL_NAMES_free(names);
    return status;
}

/* -- the rest ------------------------------------------------------------------------------- */

static enum status write_hex(const uint8_t *bytes, size_t count, struct arena *arena,
                             struct slice *out, struct diag *diag)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t *text = arena_alloc(arena, 2 * count);
    if (text == NULL) {
        return no_memory(diag);
    }
    for (size_t i = 0; i < 2 * count; i++) {
        text[i] = (uint8_t)digits[(i % 2 == 0 ? bytes[i / 2] >> 4 : bytes[i / 2]) & 0xF];
    }
    *out = slice_of(text, 2 * count);
    return STATUS_OK;
}

static enum status read_serial(const X509 *leaf, struct arena *arena, struct slice *out,
                               struct diag *diag)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf);
    size_t count = (size_t)ASN1_STRING_length(serial);
    return count > SERIAL_BYTES_MAX
               ? refuse_names(diag, "the serial number")
               : write_hex(ASN1_STRING_get0_data(serial), count, arena, out, diag);
}

static bool read_hash(const X509 *certificate, uint8_t out[CRYPTO_SHA256_BYTES])
{
    return X509_digest(certificate, EVP_sha256(), out, NULL) == 1;
}

/* A chain is good for as long as all of it is (RFC 5280 §6.1.3). */
static bool read_end(const X509 *certificate, int64_t *end_s)
{
    struct tm end = {0};
    bool is_read = ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1;
    int64_t own_s = (int64_t)timegm(&end);
    *end_s = own_s < *end_s ? own_s : *end_s;
    return is_read;
}

static enum status read_chain(STACK_OF(X509) * chain, struct client_certificate *fields,
                              struct diag *diag)
{
    int count = sk_X509_num(chain);
    fields->expires_at_s = INT64_MAX;
    bool is_fine = count > 0 && count <= 1 + CLIENT_CERTIFICATE_ISSUERS_MAX &&
                   read_hash(sk_X509_value(chain, 0), fields->sha256) &&
                   read_end(sk_X509_value(chain, 0), &fields->expires_at_s);
    for (int i = 1; is_fine && i < count; i++) {
        is_fine = read_hash(sk_X509_value(chain, i), fields->issuers[fields->issuer_count++]) &&
                  read_end(sk_X509_value(chain, i), &fields->expires_at_s);
    }
    return is_fine ? STATUS_OK
                   : diag_fail(diag, STATUS_INVALID, "certificate.chain",
                               "the chain of a certificate cannot be read");
}

static enum status read_all(STACK_OF(X509) * chain, struct arena *arena,
                            struct client_certificate **out, struct diag *diag)
{
    struct client_certificate fields = {0};
    TRY(read_chain(chain, &fields, diag));
    const X509 *leaf = sk_X509_value(chain, 0);
    TRY(read_subject(leaf, arena, &fields.subject, diag));
    TRY(read_attribute(leaf, NID_commonName, arena, &fields.common_name, diag));
    TRY(read_attribute(leaf, NID_organizationName, arena, &fields.organization, diag));
    TRY(read_attribute(leaf, NID_organizationalUnitName, arena, &fields.unit, diag));
    TRY(read_serial(leaf, arena, &fields.serial, diag));
    TRY(write_hex(fields.sha256, sizeof(fields.sha256), arena, &fields.thumbprint, diag));
    TRY(read_names(leaf, arena, &fields, diag));
    return client_certificate_new(&fields, out, diag);
}

enum status certificate_read(STACK_OF(X509) * chain, struct client_certificate **out,
                             struct diag *diag)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX, NULL);
    enum status status = read_all(chain, &arena, out, diag);
    arena_release(&arena);
    ERR_clear_error();
    return status;
}
