/* introspection.h: asking an issuer about a token that only it can read (RFC 7662), or about one of
 * Google's (tokeninfo, which is no standard).
 *
 * Pure text: what is sent, whether the answer is one, and what must be true of it besides the
 * claims, which are read as those of a signed token are (claims.h). Whoever is asked learns the
 * token, so which issuer that is depends on the configuration alone.
 */
#ifndef AEGIS_CORE_IDENTITY_INTROSPECTION_H
#define AEGIS_CORE_IDENTITY_INTROSPECTION_H

#include "core/identity/claims.h"
#include "core/identity/issuer_entry.h"

#define INTROSPECTION_DEPTH_MAX CLAIMS_DEPTH_MAX
#define INTROSPECTION_PREFIX_BYTES_MIN 3

/* The gateway as a client of the issuer (RFC 6749 §2.3.1); borrowed. */
struct introspection_client {
    enum introspection_form form;
    bool is_basic; /* its secret travels in the Authorization field, else in the body */
    struct slice id, secret;
};

/* What came back; borrowed. */
struct introspection_reply {
    int http_status;
    struct slice content_type, body;
};

/* RFC 6750 §2.1: has it only the bytes that a bearer token may have? */
bool introspection_is_token_text(struct slice token);

/* Is it one that is for its issuer to read, and no signed one? Three or five parts of base64url are
 * a JWT, good or bad, and never opaque. */
bool introspection_is_opaque(struct slice token);

/* Could a signed token begin like this? */
bool introspection_may_begin_jwt(struct slice prefix);

/* Append the form to post. It holds the token, and perhaps the secret. */
void introspection_write_body(struct buf *out, const struct introspection_client *client,
                              struct slice token);

/* Append the value of the Authorization field; nothing when there is none. It holds the secret. */
void introspection_write_authorization(struct buf *out, const struct introspection_client *client);

/* Does the issuer know the token? is_active is set on STATUS_OK only. STATUS_UNAVAILABLE with
 * identity.answer: it did not say; STATUS_LIMIT identity.memory. */
NODISCARD enum status introspection_read(const struct json_parser *parser,
                                         enum introspection_form form,
                                         const struct introspection_reply *reply,
                                         struct arena *arena, bool *is_active, struct diag *diag);

/* Is an answer, whose claims were read, about an access token, and one of an accepted client?
 * STATUS_UNAUTHENTICATED with token.kind, token.binding or token.client; STATUS_LIMIT
 * identity.memory. */
NODISCARD enum status introspection_check(const struct issuer_entry *entry,
                                          const struct claims *claims, struct arena *arena,
                                          struct diag *diag);

#endif
