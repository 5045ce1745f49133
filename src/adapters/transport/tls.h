/* tls.h: TLS contexts, shared by all loops once made.
 *
 * TLS 1.2 or newer, no renegotiation, no compression, ALPN http/1.1 only.
 */
#ifndef AEGIS_ADAPTERS_TRANSPORT_TLS_H
#define AEGIS_ADAPTERS_TRANSPORT_TLS_H

#include "base/diag.h"
#include "base/slice.h"

#include <openssl/ssl.h>

struct tls_context {
    SSL_CTX *ssl;
    BIO_METHOD *bio; /* reads from and writes to a struct stream (stream.h) */
};

/* Files are PEM. STATUS_INVALID: tls.certificate, tls.key; STATUS_UNAVAILABLE: tls.context. */
NODISCARD enum status tls_server_context_new(const char *certificate_file, const char *key_file,
                                             struct tls_context **out, struct diag *diag);

/* ca_file: NULL means the system's authorities. STATUS_INVALID: tls.ca. */
NODISCARD enum status tls_client_context_new(const char *ca_file, struct tls_context **out,
                                             struct diag *diag);

/* Accepts NULL. */
void tls_context_free(struct tls_context *context);

#endif
