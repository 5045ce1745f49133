/* issued.h: authorities and certificates, made by the test. */
#ifndef AEGIS_TESTS_SUPPORT_ISSUED_H
#define AEGIS_TESTS_SUPPORT_ISSUED_H

#include "base/buf.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#define ISSUED_DAY_S 86400

struct issued {
    EVP_PKEY *key;
    X509 *certificate;
};

/* What a certificate is to be like; NULL and 0 leave it out. */
struct issued_wish {
    const char *name, *constraints, *purpose, *names;
    int64_t from_s, until_s; /* from now; until_s 0: in a day */
    bool has_zero_name;      /* an alternative name with a byte 0 */
};

/* by NULL: self-signed. */
struct issued issued_make(const struct issued *by, const struct issued_wish *wish);

/* Likewise of an authority. */
struct issued issued_authority(const struct issued *by, const char *name);

void issued_release(struct issued *issued);

/* Append the certificate as PEM. */
void issued_append_pem(struct buf *out, const struct issued *issued);

/* The certificates of the count to a file, as PEM. */
void issued_write(const char *path, const struct issued *issued, size_t count);

#endif
