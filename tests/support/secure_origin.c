#include "support/secure_origin.h"

#include "support/check.h"

#include <signal.h>
#include <string.h>

static void answer_request(struct origin *origin, SSL *tls)
{
    int len = 0;
    int got = 1;
    memset(origin->request, 0, sizeof(origin->request));
    while (got > 0 && !origin_is_whole(origin->request)) {
        got = SSL_read(tls, origin->request + len, (int)sizeof(origin->request) - 1 - len);
        len += got > 0 ? got : 0;
    }
    if (got > 0) {
        const char *answer = origin->answer;
        origin->request_count++;
        (void)SSL_write(tls, answer, (int)strlen(answer));
        (void)SSL_shutdown(tls);
    }
}

static void converse(struct origin *origin, int fd)
{
    struct secure_origin *self = (struct secure_origin *)origin;
    SSL *tls = SSL_new(self->tls);
    CHECK(tls != NULL && SSL_set_fd(tls, fd) == 1);
    if (SSL_accept(tls) == 1) {
        answer_request(origin, tls);
    }
    SSL_free(tls);
}

void secure_origin_start(struct secure_origin *self, const struct issued *certificate,
                         int version_max, const char *answer)
{
    /* Clients that do not believe the certificate leave in the middle of a sentence. */
    (void)signal(SIGPIPE, SIG_IGN);
    self->tls = SSL_CTX_new(TLS_server_method());
    CHECK(self->tls != NULL);
    /* Below TLS 1.2 only the lowest level has a cipher. */
    CHECK(SSL_CTX_set_cipher_list(self->tls, "ALL:@SECLEVEL=0") == 1);
    CHECK(SSL_CTX_set_min_proto_version(self->tls, TLS1_VERSION) == 1);
    CHECK(SSL_CTX_set_max_proto_version(self->tls, version_max) == 1);
    CHECK(SSL_CTX_use_certificate(self->tls, certificate->certificate) == 1);
    CHECK(SSL_CTX_use_PrivateKey(self->tls, certificate->key) == 1);
    origin_start_with(&self->origin, converse, answer);
}

void secure_origin_stop(struct secure_origin *self)
{
    origin_stop(&self->origin);
    SSL_CTX_free(self->tls);
}
