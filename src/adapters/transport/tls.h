/* tls.h: TLS contexts, shared by all loops once made.
 *
 * TLS 1.2 or newer, no renegotiation, no compression, ALPN http/1.1 only. Where clients show
 * certificates no session is resumed: what was verified for one connection is never taken for
 * another, and a certificate that has been taken back since is seen at once.
 */
#ifndef AEGIS_ADAPTERS_TRANSPORT_TLS_H
#define AEGIS_ADAPTERS_TRANSPORT_TLS_H

#include "base/diag.h"
#include "base/slice.h"

#include <openssl/ssl.h>

/* Certificates between a client's and that of the authority that is trusted. */
#define TLS_CLIENT_CHAIN_MAX 3

struct tls_context {
    uint32_t references; /* atomic; only ref and unref touch it */
    SSL_CTX *ssl;
    BIO_METHOD *bio; /* reads from and writes to a struct stream (stream.h) */
};

/* Which certificates clients may show; all borrowed, files are PEM. */
struct tls_client_rules {
    const struct slice *authority_files; /* paths, with a NUL behind each */
    size_t authority_file_count;         /* 0: clients are not asked */
    const char *revocation_file;         /* NULL: none; else each issuer must have a list in it */
    bool is_required;
};

/* Files are PEM. rules may be NULL. STATUS_INVALID: tls.certificate, tls.key, tls.client_ca,
 * tls.client_crl; STATUS_UNAVAILABLE: tls.context. */
NODISCARD enum status tls_server_context_new(const char *certificate_file, const char *key_file,
                                             const struct tls_client_rules *rules,
                                             struct tls_context **out, struct diag *diag);

/* ca_file: NULL means the system's authorities. STATUS_INVALID: tls.ca. */
NODISCARD enum status tls_client_context_new(const char *ca_file, struct tls_context **out,
                                             struct diag *diag);

struct tls_context *tls_context_ref(struct tls_context *context);
void tls_context_unref(struct tls_context *context); /* NULL is fine */

/* After a handshake as server that failed: the code of what was wrong with the client's
 * certificate, for the audit; NULL when that was not the reason. Reads the queue of OpenSSL's
 * errors. Static.
 *
 *   certificate.missing, certificate.expired, certificate.not_yet_valid, certificate.untrusted,
 *   certificate.purpose, certificate.revoked, certificate.revocation_unknown, certificate.chain,
 *   certificate.names, certificate.invalid */
const char *tls_client_refusal(const SSL *ssl);

#endif
