/* authorization.h: an authorization request of a client, checked (RFC 6749 §4.1.1, RFC 7636).
 *
 * The client and its redirect URI come first: until both are good, whatever is wrong is shown to
 * the person and sent nowhere, because the address could be anybody's.
 */
#ifndef AEGIS_CORE_SIGN_IN_AUTHORIZATION_H
#define AEGIS_CORE_SIGN_IN_AUTHORIZATION_H

#include "core/ports/crypto.h"
#include "core/sign_in/client.h"
#include "core/sign_in/form.h"
#include "core/sign_in/ticket.h"

#define PKCE_CHALLENGE_BYTES 43 /* base64url of a SHA-256 */
#define PKCE_VERIFIER_BYTES_MIN 43
#define PKCE_VERIFIER_BYTES_MAX 128
#define SIGN_IN_RESOURCE_BYTES_MAX 512

/* May a code be sent to redirect_uri of this request? STATUS_INVALID sign_in.redirect_uri. */
NODISCARD enum status authorization_check_client(const struct form *form,
                                                 const struct sign_in_client *client,
                                                 struct diag *diag);

/* The rest of the request: fills in redirect_uri, state, challenge and resource, all borrowed from
 * the form. Whether the resource is one of the gateway's is for the caller to say.
 *
 * STATUS_INVALID with sign_in.response_type, sign_in.challenge (no PKCE, or not S256) or
 * sign_in.parameter (too long). */
NODISCARD enum status authorization_check(const struct form *form, struct sign_in_ticket *out,
                                          struct diag *diag);

/* Does the verifier belong to the challenge (RFC 7636 §4.6, S256)? */
bool pkce_fits(const struct port_crypto *crypto, struct slice verifier, struct slice challenge);

/* Append the challenge of a verifier. */
void pkce_write_challenge(const struct port_crypto *crypto, struct slice verifier, struct buf *out);

/* The request for a code at the identity provider; all borrowed. */
struct provider_request {
    struct slice endpoint, client_id, redirect_uri, state, challenge;
    struct slice scope;                  /* separated by spaces; empty: none */
    struct slice resource;               /* RFC 8707, for a provider that knows it; empty: none */
    const struct sign_in_wishes *wishes; /* its scope is in scope */
};

/* Append the address that the browser is sent to. */
void provider_request_write(struct buf *out, const struct provider_request *request);

#endif
