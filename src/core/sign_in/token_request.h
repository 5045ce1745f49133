/* token_request.h: a code or a refresh token for tokens (RFC 6749 §4.1.3, §6), on both sides.
 *
 * What a client sends is held against the ticket in its code; what goes to the identity provider
 * carries our own client, our own verifier and the provider's code, and nothing of the client. The
 * answer is read and written anew: what a client gets is listed here.
 */
#ifndef AEGIS_CORE_SIGN_IN_TOKEN_REQUEST_H
#define AEGIS_CORE_SIGN_IN_TOKEN_REQUEST_H

#include "core/ports/crypto.h"
#include "core/sign_in/form.h"
#include "core/sign_in/ticket.h"
#include "json/tape.h"

#define SIGN_IN_TOKEN_BYTES_MAX 16384 /* of one token of an identity provider */

enum token_grant {
    TOKEN_GRANT_NONE = 0,
    TOKEN_GRANT_CODE,
    TOKEN_GRANT_REFRESH,
};

/* What a client asks with; borrowed from the form. */
struct token_request {
    enum token_grant grant;
    struct slice client_id;
    struct slice token; /* the code or the refresh token, as we gave it */
    struct slice redirect_uri, verifier, resource;
};

/* STATUS_INVALID with sign_in.grant_type or sign_in.parameter. */
NODISCARD enum status token_request_read(const struct form *form, struct token_request *out,
                                         struct diag *diag);

/* Is it the request that the code was given for? client is the digest of its client_id. Whether the
 * code was used before is for the caller to say.
 *
 * STATUS_INVALID with sign_in.code_expired, sign_in.code_client, sign_in.code_redirect_uri,
 * sign_in.verifier or sign_in.code_resource. */
NODISCARD enum status token_request_check(const struct token_request *request,
                                          const struct sign_in_ticket *code, struct slice client,
                                          const struct port_crypto *crypto, int64_t now_s,
                                          struct diag *diag);

/* The request to the identity provider; all borrowed. */
struct provider_token_request {
    enum token_grant grant;
    struct slice client_id, client_secret;
    struct slice token; /* the provider's code or refresh token */
    struct slice redirect_uri, verifier;
    struct slice scope;    /* of a refresh */
    struct slice resource; /* for a provider that knows RFC 8707; empty: none */
};

/* Append its body, application/x-www-form-urlencoded. It holds secrets. */
void provider_token_request_write(struct buf *out, const struct provider_token_request *request);

/* What of the provider's answer is handed on; borrowed from its tape, or the arena. */
struct provider_tokens {
    struct slice access_token, id_token, refresh_token, scope; /* empty: none */
    int64_t expires_in_s;                                      /* 0: not said */
};

/* STATUS_INVALID with sign_in.provider_grant (it refused the code), sign_in.provider_answer
 * (anything else that is no bearer token); STATUS_LIMIT sign_in.memory. */
NODISCARD enum status provider_tokens_read(const struct json_tape *tape, int http_status,
                                           struct arena *arena, struct provider_tokens *out,
                                           struct diag *diag);

/* Append the answer to the client as JSON. refresh_token: ours, or empty. */
void provider_tokens_write(struct buf *out, const struct provider_tokens *tokens,
                           bool hands_on_id_token, struct slice refresh_token);

#endif
