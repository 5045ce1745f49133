/* documents.h: what servers say of signing in: their metadata, their answers.
 *
 * Foreign texts: read strictly, checked against what was asked for, nothing in them is believed
 * that could lead elsewhere. Endpoints are https, or on this machine when the resource is, too. All
 * texts live in the arena given.
 */
#ifndef AEGIS_DAEMON_SIGN_IN_DOCUMENTS_H
#define AEGIS_DAEMON_SIGN_IN_DOCUMENTS_H

#include "base/arena.h"
#include "base/diag.h"
#include "json/tape.h"

#define DOCUMENTS_CANDIDATES 3
#define DOCUMENTS_SCOPES_BYTES_MAX 4096

/* A foreign text, and what it is judged by. */
struct document {
    const struct json_parser *parser;
    struct slice text;
    bool allows_loopback; /* plain http to this machine, because the resource is on it */
    struct arena *arena;
};

/* Of a protected resource (RFC 9728 §2). */
struct resource_document {
    struct slice resource; /* for the resource indicator */
    struct slice issuer;   /* the first authorization server that is a URL we may ask */
    struct slice scopes;   /* with spaces between them; empty: not said */
};

/* Of an authorization server (RFC 8414 §2). */
struct server_document {
    struct slice issuer, authorization_endpoint, token_endpoint;
    struct slice registration_endpoint; /* empty: it registers nobody */
    struct slice revocation_endpoint;   /* empty: it takes no tokens back (RFC 7009) */
    unsigned client_methods;            /* that it takes and we know: a set (client_method.h) */
    bool is_openid;                     /* it knows the scope `openid` */
    bool takes_client_document;         /* a URL may be a client id */
    bool states_issuer;                 /* each redirect names it (RFC 9207) */
};

/* Of a token endpoint (RFC 6749 §5). error is empty when there are tokens. */
struct token_document {
    struct slice access_token, refresh_token, scope;
    int64_t lifetime_s; /* 0: not said */
    struct slice error, error_description;
};

/* Of a registration endpoint (RFC 7591 §3.2). */
struct client_document {
    struct slice id, secret; /* secret: mostly empty */
    struct slice method;     /* `token_endpoint_auth_method`; empty: not said */
    struct slice error, error_description;
};

/* May Aegis ask this URL? NULL, or why not. */
const char *documents_url_problem(struct slice url, bool allows_loopback);

/* The addresses at which metadata of a resource, or of an issuer, is looked for (RFC 9728 §3.1, RFC
 * 8414 §3.1, OpenID Connect Discovery §4), in this order. STATUS_INVALID: no URL. STATUS_LIMIT. */
NODISCARD enum status documents_of_resource(struct slice resource, struct arena *arena,
                                            struct slice out[DOCUMENTS_CANDIDATES], size_t *count);
NODISCARD enum status documents_of_issuer(struct slice issuer, struct arena *arena,
                                          struct slice out[DOCUMENTS_CANDIDATES], size_t *count);

/* url: at which the resource is used. The document must be of it, or of something above it on the
 * same host. STATUS_INVALID document.syntax, document.resource, document.issuer. STATUS_LIMIT. */
NODISCARD enum status documents_read_resource(const struct document *document, struct slice url,
                                              struct resource_document *out, struct diag *diag);

/* issuer: whose document was asked for; it must name itself just so (RFC 8414 §3.3). STATUS_INVALID
 * document.syntax, document.issuer, document.endpoint, document.pkce. STATUS_LIMIT. */
NODISCARD enum status documents_read_server(const struct document *document, struct slice issuer,
                                            struct server_document *out, struct diag *diag);

/* STATUS_INVALID document.syntax, document.token. STATUS_LIMIT. */
NODISCARD enum status documents_read_token(const struct document *document,
                                           struct token_document *out, struct diag *diag);
NODISCARD enum status documents_read_client(const struct document *document,
                                            struct client_document *out, struct diag *diag);

/* A text member of an object that is on a tape; empty where it is absent or no text. STATUS_LIMIT.
 */
NODISCARD enum status documents_text(const struct json_tape *tape, struct slice name,
                                     struct arena *arena, struct slice *out);

#endif
