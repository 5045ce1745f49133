#include "support/issued.h"

#include "support/check.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

static void add_extension(X509 *certificate, int kind, const char *value)
{
    if (value != NULL) {
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);
        CHECK(extension != NULL && X509_add_ext(certificate, extension, -1) == 1);
        X509_EXTENSION_free(extension);
    }
}

static void add_zero_name(X509 *certificate)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    CHECK(ASN1_STRING_set(text, "admin\0.example", 14) == 1);
    GENERAL_NAME_set0_value(name, GEN_DNS, text);
    CHECK(sk_GENERAL_NAME_push(names, name) > 0);
    CHECK(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0) == 1);
    GENERAL_NAMES_free(names);
}

struct issued issued_make(const struct issued *by, const struct issued_wish *wish)
{
    static long serial = 0x100;
    struct issued out = {EVP_EC_gen("P-256"), X509_new()};
    X509_NAME *name = X509_get_subject_name(out.certificate);
    (void)X509_set_version(out.certificate, 2);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(out.certificate), serial++);
    (void)X509_gmtime_adj(X509_getm_notBefore(out.certificate), wish->from_s);
    (void)X509_gmtime_adj(X509_getm_notAfter(out.certificate),
                          wish->until_s == 0 ? ISSUED_DAY_S : wish->until_s);
    (void)X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const uint8_t *)"Acme, Inc.", -1,
                                     -1, 0);
    /* As it is: OpenSSL itself would make none longer than 64 characters. */
    CHECK(X509_NAME_add_entry_by_txt(name, "CN", V_ASN1_UTF8STRING, (const uint8_t *)wish->name, -1,
                                     -1, 0) == 1);
    (void)X509_set_issuer_name(out.certificate,
                               by == NULL ? name : X509_get_subject_name(by->certificate));
    (void)X509_set_pubkey(out.certificate, out.key);
    add_extension(out.certificate, NID_basic_constraints, wish->constraints);
    add_extension(out.certificate, NID_ext_key_usage, wish->purpose);
    add_extension(out.certificate, NID_subject_alt_name, wish->names);
    if (wish->has_zero_name) {
        add_zero_name(out.certificate);
    }
    CHECK(X509_sign(out.certificate, by == NULL ? out.key : by->key, EVP_sha256()) > 0);
    return out;
}

struct issued issued_authority(const struct issued *by, const char *name)
{
    return issued_make(by, &(struct issued_wish){.name = name, .constraints = "critical,CA:TRUE"});
}

void issued_release(struct issued *issued)
{
    EVP_PKEY_free(issued->key);
    X509_free(issued->certificate);
}

void issued_append_pem(struct buf *out, const struct issued *issued)
{
    char *text = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    CHECK(PEM_write_bio_X509(bio, issued->certificate) == 1);
    long len = BIO_get_mem_data(bio, &text);
    buf_append(out, slice_of(text, (size_t)len));
    BIO_free(bio);
}

void issued_write(const char *path, const struct issued *issued, size_t count)
{
    FILE *out = fopen(path, "w");
    CHECK(out != NULL);
    for (size_t i = 0; i < count; i++) {
        CHECK(PEM_write_X509(out, issued[i].certificate) == 1);
    }
    CHECK(fclose(out) == 0);
}
