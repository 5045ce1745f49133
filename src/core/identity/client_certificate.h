/* client_certificate.h: what a client proved to have when its connection was made.
 *
 * The transport verified it once, with the whole chain, before the first byte of a request. It is
 * immutable and behind an atomic reference count: requests go to other loops, calls and streams
 * outlive their connection.
 */
#ifndef AEGIS_CORE_IDENTITY_CLIENT_CERTIFICATE_H
#define AEGIS_CORE_IDENTITY_CLIENT_CERTIFICATE_H

#include "base/diag.h"
#include "base/slice.h"
#include "core/ports/crypto.h"

#include <stdbool.h>

#define CLIENT_CERTIFICATE_ISSUERS_MAX                                                             \
    4                                   /* of a chain: the authority that is trusted, and three    \
                                         */
#define CLIENT_CERTIFICATE_NAMES_MAX 32 /* of one kind */
#define CLIENT_CERTIFICATE_NAME_BYTES_MAX 2048
#define CLIENT_CERTIFICATE_SUBJECT_BYTES_MAX 1024

/* Of one kind, in the order of the certificate. */
struct certificate_names {
    const struct slice *items;
    size_t count;
};

/* No text has a control character. */
struct client_certificate {
    uint32_t references;                 /* atomic; only ref and unref touch it */
    uint8_t sha256[CRYPTO_SHA256_BYTES]; /* of its DER (RFC 8705 §3.1) */
    /* Likewise of the authorities of the verified chain, its own issuer first. */
    uint8_t issuers[CLIENT_CERTIFICATE_ISSUERS_MAX][CRYPTO_SHA256_BYTES];
    size_t issuer_count;
    int64_t expires_at_s;    /* notAfter, which it is good up to, or sooner that of an authority */
    struct slice subject;    /* as RFC 4514 writes it, in ASCII; may be empty */
    struct slice serial;     /* hexadecimal, like */
    struct slice thumbprint; /* sha256 as text */
    /* Of the subject, where there is exactly one; else empty. */
    struct slice common_name, organization, unit;
    struct certificate_names uris, dns, emails; /* subject alternative names */
};

/* A copy of fields, with all it points to, in one block and with one reference. STATUS_LIMIT with
 * certificate.memory. */
NODISCARD enum status client_certificate_new(const struct client_certificate *fields,
                                             struct client_certificate **out, struct diag *diag);

/* The end of what begins on its connection, in seconds since the epoch: end_s, or that of the
 * certificate if it is sooner. NULL: there is none. */
int64_t client_certificate_end(const struct client_certificate *certificate, int64_t end_s);

/* NULL is fine, for both. */
struct client_certificate *client_certificate_ref(struct client_certificate *certificate);
void client_certificate_unref(struct client_certificate *certificate);

#endif
