#include "adapters/transport/tls.h"

#include "adapters/crypto/authorities.h"
#include "adapters/transport/certificate_reader.h"
#include "adapters/transport/stream.h"
#include "base/arena.h"

#include <assert.h>
#include <openssl/err.h>
#include <string.h>

static const uint8_t ALPN_HTTP_1_1[] = "\x08http/1.1";
static const uint8_t SESSION_CONTEXT[] = "aegis";

/* The BIO's two ends: what the socket delivered in this turn, and the batch that is written when
 * OpenSSL is done with it. Nothing is kept for an idle connection. */
static int bio_read(BIO *bio, char *out, int size)
{
    struct stream *stream = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (stream->tls_input.len == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    struct slice piece = slice_sub(stream->tls_input, 0, (size_t)size);
    if (piece.len > 0) {
        memcpy(out, piece.ptr, piece.len);
    }
    stream->tls_input = slice_sub(stream->tls_input, piece.len, stream->tls_input.len);
    return (int)piece.len;
}

static int bio_write(BIO *bio, const char *bytes, int size)
{
    struct stream *stream = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    buf_append(&stream->loop->sealed, slice_of(bytes, (size_t)size));
    return buf_status(&stream->loop->sealed) == STATUS_OK ? size : -1;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static int bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *offered, unsigned int offered_len, void *context)
{
    (void)ssl;
    (void)context;
    unsigned char *chosen = NULL;
    if (SSL_select_next_proto(&chosen, out_len, ALPN_HTTP_1_1, sizeof(ALPN_HTTP_1_1) - 1, offered,
                              offered_len) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool make_bio(struct tls_context *context)
{
    context->bio = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "aegis stream");
    return context->bio != NULL && BIO_meth_set_read(context->bio, bio_read) == 1 &&
           BIO_meth_set_write(context->bio, bio_write) == 1 &&
           BIO_meth_set_ctrl(context->bio, bio_control) == 1 &&
           BIO_meth_set_create(context->bio, bio_create) == 1;
}

static enum status context_new(const SSL_METHOD *method, struct tls_context **out,
                               struct diag *diag)
{
    struct tls_context *context = base_alloc(sizeof(*context));
    if (context != NULL) {
        *context = (struct tls_context){.references = 1, .ssl = SSL_CTX_new(method)};
    }
    if (context == NULL || context->ssl == NULL || !make_bio(context) ||
        SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION) != 1) {
        tls_context_unref(context);
        return diag_fail(diag, STATUS_UNAVAILABLE, "tls.context", "cannot make a TLS context");
    }
    (void)SSL_CTX_set_mode(context->ssl, SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_CTX_set_options(context->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                                SSL_OP_CLEANSE_PLAINTEXT);
    *out = context;
    return STATUS_OK;
}

/* -- certificates of clients ----------------------------------------------------------------- */

/* In place of the library's own verification, which it begins with: the certificate is read from
 * the chain that was verified, and only then. A session that were resumed would not come here, and
 * so have no certificate. */
static int verify_client(X509_STORE_CTX *store, void *unused)
{
    (void)unused;
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct stream *stream = BIO_get_data(SSL_get_rbio(ssl));
    if (X509_verify_cert(store) != 1) {
        return 0;
    }
    client_certificate_unref(stream->certificate);
    stream->certificate = NULL;
    if (certificate_read(X509_STORE_CTX_get0_chain(store), &stream->certificate, NULL) !=
        STATUS_OK) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    return 1;
}

const char *tls_client_refusal(const SSL *ssl)
{
    static const struct {
        long error;
        const char *code;
    } CODES[] = {
        {X509_V_ERR_CERT_HAS_EXPIRED, "certificate.expired"},
        {X509_V_ERR_CERT_NOT_YET_VALID, "certificate.not_yet_valid"},
        {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, "certificate.untrusted"},
        {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "certificate.untrusted"},
        {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "certificate.untrusted"},
        {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "certificate.untrusted"},
        {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "certificate.untrusted"},
        {X509_V_ERR_CERT_UNTRUSTED, "certificate.untrusted"},
        {X509_V_ERR_INVALID_PURPOSE, "certificate.purpose"},
        {X509_V_ERR_CERT_REVOKED, "certificate.revoked"},
        {X509_V_ERR_UNABLE_TO_GET_CRL, "certificate.revocation_unknown"},
        {X509_V_ERR_CRL_HAS_EXPIRED, "certificate.revocation_unknown"},
        {X509_V_ERR_CRL_NOT_YET_VALID, "certificate.revocation_unknown"},
        {X509_V_ERR_CERT_CHAIN_TOO_LONG, "certificate.chain"},
        {X509_V_ERR_APPLICATION_VERIFICATION, "certificate.names"},
    };
    long error = SSL_get_verify_result(ssl);
    if (error == X509_V_OK) {
        int reason = ERR_GET_REASON(ERR_peek_error());
        return reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE ? "certificate.missing" : NULL;
    }
    for (size_t i = 0; i < COUNT_OF(CODES); i++) {
        if (CODES[i].error == error) {
            return CODES[i].code;
        }
    }
    return "certificate.invalid";
}

/* Whoever is listed is trusted as it stands, an authority below another one, too. */
static bool trust_file(SSL_CTX *ssl, const char *path, struct diag *diag)
{
    struct authorities authorities;
    bool is_fine = authorities_read(path, &authorities, diag) == STATUS_OK;
    for (size_t i = 0; is_fine && i < authorities.count; i++) {
        is_fine = X509_STORE_add_cert(SSL_CTX_get_cert_store(ssl), authorities.items[i]) == 1 &&
                  SSL_CTX_add_client_CA(ssl, authorities.items[i]) == 1;
    }
    authorities_release(&authorities);
    return is_fine;
}

static bool add_revocations(SSL_CTX *ssl, const char *path, struct diag *diag)
{
    struct revocation_lists lists;
    bool is_fine = revocation_lists_read(path, &lists, diag) == STATUS_OK;
    for (size_t i = 0; is_fine && i < lists.count; i++) {
        is_fine = X509_STORE_add_crl(SSL_CTX_get_cert_store(ssl), lists.items[i]) == 1;
    }
    revocation_lists_release(&lists);
    return is_fine;
}

static enum status ask_clients(SSL_CTX *ssl, const struct tls_client_rules *rules,
                               struct diag *diag)
{
    struct diag why = {0};
    unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;
    for (size_t i = 0; i < rules->authority_file_count; i++) {
        if (!trust_file(ssl, (const char *)rules->authority_files[i].ptr, &why)) {
            return diag_fail(diag, STATUS_INVALID, "tls.client_ca", "'%.*s' %s",
                             SLICE_ARG(rules->authority_files[i]), why.message);
        }
    }
    if (rules->revocation_file != NULL) {
        flags |= X509_V_FLAG_CRL_CHECK;
        if (!add_revocations(ssl, rules->revocation_file, &why)) {
            return diag_fail(diag, STATUS_INVALID, "tls.client_crl", "'%s' %s",
                             rules->revocation_file, why.message);
        }
    }
    (void)X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl), flags);
    SSL_CTX_set_verify(
        ssl, SSL_VERIFY_PEER | (rules->is_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
    SSL_CTX_set_verify_depth(ssl, TLS_CLIENT_CHAIN_MAX);
    SSL_CTX_set_cert_verify_callback(ssl, verify_client, NULL);
    /* A ticket would carry the certificate without its chain, and past the end of either. */
    (void)SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
    return SSL_CTX_set_num_tickets(ssl, 0) == 1
               ? STATUS_OK
               : diag_fail(diag, STATUS_UNAVAILABLE, "tls.context", "cannot make a TLS context");
}

/* -- contexts -------------------------------------------------------------------------------- */

static enum status identify(SSL_CTX *ssl, const char *certificate_file, const char *key_file,
                            struct diag *diag)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ssl, certificate_file) != 1) {
        return diag_fail(diag, STATUS_INVALID, "tls.certificate",
                         "cannot use the certificates in '%s'", certificate_file);
    }
    if (SSL_CTX_use_PrivateKey_file(ssl, key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ssl) != 1) {
        return diag_fail(diag, STATUS_INVALID, "tls.key",
                         "cannot use the key in '%s', or it is not the certificate's", key_file);
    }
    return STATUS_OK;
}

enum status tls_server_context_new(const char *certificate_file, const char *key_file,
                                   const struct tls_client_rules *rules, struct tls_context **out,
                                   struct diag *diag)
{
    struct tls_context *context = NULL;
    TRY(context_new(TLS_server_method(), &context, diag));
    assert(context != NULL);
    enum status status = identify(context->ssl, certificate_file, key_file, diag);
    if (status == STATUS_OK && rules != NULL && rules->authority_file_count > 0) {
        status = ask_clients(context->ssl, rules, diag);
    }
    if (status != STATUS_OK) {
        tls_context_unref(context);
        return status;
    }
    (void)SSL_CTX_set_session_id_context(context->ssl, SESSION_CONTEXT,
                                         sizeof(SESSION_CONTEXT) - 1);
    (void)SSL_CTX_set_session_cache_mode(context->ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(context->ssl, select_protocol, NULL);
    *out = context;
    return STATUS_OK;
}

enum status tls_client_context_new(const char *ca_file, struct tls_context **out, struct diag *diag)
{
    struct tls_context *context = NULL;
    TRY(context_new(TLS_client_method(), &context, diag));
    assert(context != NULL);
    ERR_clear_error();
    int result = ca_file != NULL ? SSL_CTX_load_verify_file(context->ssl, ca_file)
                                 : SSL_CTX_set_default_verify_paths(context->ssl);
    if (result != 1) {
        tls_context_unref(context);
        return diag_fail(diag, STATUS_INVALID, "tls.ca", "cannot use the authorities in '%s'",
                         ca_file != NULL ? ca_file : "the system's store");
    }
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
    /* Unlike the others this one returns 0 on success. */
    (void)SSL_CTX_set_alpn_protos(context->ssl, ALPN_HTTP_1_1, sizeof(ALPN_HTTP_1_1) - 1);
    *out = context;
    return STATUS_OK;
}

struct tls_context *tls_context_ref(struct tls_context *context)
{
    __atomic_add_fetch(&context->references, 1, __ATOMIC_RELAXED);
    return context;
}

void tls_context_unref(struct tls_context *context)
{
    if (context != NULL && __atomic_sub_fetch(&context->references, 1, __ATOMIC_ACQ_REL) == 0) {
        SSL_CTX_free(context->ssl);
        BIO_meth_free(context->bio);
        base_free(context);
    }
}
