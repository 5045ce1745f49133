/* secure_origin.h: the server of origin.h behind TLS, with a certificate of the test's. */
#ifndef AEGIS_TESTS_SUPPORT_SECURE_ORIGIN_H
#define AEGIS_TESTS_SUPPORT_SECURE_ORIGIN_H

#include "support/issued.h"
#include "support/origin.h"

#include <openssl/ssl.h>

/* Requests are counted when they were read: who does not believe the certificate sends none. */
struct secure_origin {
    struct origin origin;
    SSL_CTX *tls;
};

/* certificate: taken for the server's own; borrowed until then. version_max: like TLS1_1_VERSION,
 * which it speaks and everything below; 0: all there are. answer: as in origin.h, not NULL. */
void secure_origin_start(struct secure_origin *self, const struct issued *certificate,
                         int version_max, const char *answer);

void secure_origin_stop(struct secure_origin *self);

#endif
