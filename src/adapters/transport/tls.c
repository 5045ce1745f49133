#include "adapters/transport/tls.h"

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
        *context = (struct tls_context){.ssl = SSL_CTX_new(method)};
    }
    if (context == NULL || context->ssl == NULL || !make_bio(context) ||
        SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION) != 1) {
        tls_context_free(context);
        return diag_fail(diag, STATUS_UNAVAILABLE, "tls.context", "cannot make a TLS context");
    }
    (void)SSL_CTX_set_mode(context->ssl, SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_CTX_set_options(context->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    *out = context;
    return STATUS_OK;
}

enum status tls_server_context_new(const char *certificate_file, const char *key_file,
                                   struct tls_context **out, struct diag *diag)
{
    struct tls_context *context = NULL;
    TRY(context_new(TLS_server_method(), &context, diag));
    assert(context != NULL);
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context->ssl, certificate_file) != 1) {
        tls_context_free(context);
        return diag_fail(diag, STATUS_INVALID, "tls.certificate",
                         "cannot use the certificates in '%s'", certificate_file);
    }
    if (SSL_CTX_use_PrivateKey_file(context->ssl, key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context->ssl) != 1) {
        tls_context_free(context);
        return diag_fail(diag, STATUS_INVALID, "tls.key",
                         "cannot use the key in '%s', or it is not the certificate's", key_file);
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
        tls_context_free(context);
        return diag_fail(diag, STATUS_INVALID, "tls.ca", "cannot use the authorities in '%s'",
                         ca_file != NULL ? ca_file : "the system's store");
    }
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
    /* Unlike the others this one returns 0 on success. */
    (void)SSL_CTX_set_alpn_protos(context->ssl, ALPN_HTTP_1_1, sizeof(ALPN_HTTP_1_1) - 1);
    *out = context;
    return STATUS_OK;
}

void tls_context_free(struct tls_context *context)
{
    if (context != NULL) {
        SSL_CTX_free(context->ssl);
        BIO_meth_free(context->bio);
        base_free(context);
    }
}
