/* client_method.h: how `aegis connect` shows a token endpoint which client it is (RFC 6749 §2.3,
 * RFC 7591 §2, `token_endpoint_auth_method`). Pure: bytes in, bytes out. */
#ifndef AEGIS_DAEMON_SIGN_IN_CLIENT_METHOD_H
#define AEGIS_DAEMON_SIGN_IN_CLIENT_METHOD_H

#include "base/buf.h"

/* Of those that are known here; zero is none of them. */
enum client_method {
    CLIENT_METHOD_UNKNOWN = 0,
    CLIENT_METHOD_NONE,  /* a public client: its id is in the form */
    CLIENT_METHOD_BASIC, /* client_secret_basic: the secret is in the field Authorization */
    CLIENT_METHOD_POST,  /* client_secret_post: it is in the form */
};

/* A set of methods. */
#define CLIENT_METHOD_BIT(method) (1U << (method))

/* UNKNOWN for another name than those of RFC 7591 above. */
enum client_method client_method_of(struct slice name);

/* Empty for UNKNOWN; lives forever. */
struct slice client_method_name(enum client_method method);

/* What to register with at a server that takes these: no secret where there need be none, then the
 * one that RFC 6749 §2.3.1 prefers. UNKNOWN: it takes none that is known here. */
enum client_method client_method_to_register(unsigned taken);

/* What a client that has a secret uses there. UNKNOWN as above. */
enum client_method client_method_with_secret(unsigned taken);

/* A client, as it shows itself; borrowed. secret: empty for NONE. */
struct client_credentials {
    enum client_method method;
    struct slice id, secret;
};

/* Append what stands in the form, and to authorization the value of that field (nothing: it is not
 * sent). Both may hold the secret then. */
void client_method_write(const struct client_credentials *client, struct buf *form,
                         struct buf *authorization);

#endif
