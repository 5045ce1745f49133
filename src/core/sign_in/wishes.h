/* wishes.h: what a client wants of a sign-in besides a code (RFC 6749 §3.3, RFC 9470 §4, OpenID
 * Connect Core §3.1.2.1), and what of that an identity provider is asked.
 *
 * How a person signs in is between person and provider: kind, age and name are handed on. Rights
 * are not: of the scopes only those count that the configuration offers, and consent is asked for
 * by our own page, so a prompt for it, or for no page at all, stays here.
 */
#ifndef AEGIS_CORE_SIGN_IN_WISHES_H
#define AEGIS_CORE_SIGN_IN_WISHES_H

#include "base/buf.h"
#include "base/diag.h"
#include "core/sign_in/form.h"
#include "json/tape.h"

#define WISHES_SCOPE_BYTES_MAX 1024
#define WISHES_ACR_BYTES_MAX 512
#define WISHES_HINT_BYTES_MAX 256
#define WISHES_CLAIMS_BYTES_MAX 1024
#define WISHES_AGE_S_MAX (366 * 86400) /* more is no bound */

/* A scope that clients get when they ask for it. */
struct wishes_scope {
    struct slice name;     /* as clients and policies have it */
    struct slice provider; /* as the identity provider has it */
};

/* What a door offers; borrowed. */
struct wishes_offer {
    const struct wishes_scope *scopes;
    size_t scope_count;
    bool takes_claims; /* the provider is asked for another sign-in by 'claims': Entra ID */
};

/* Empty: not wished for. */
struct sign_in_wishes {
    struct slice scope;      /* names of offered scopes, between single spaces */
    struct slice acr_values; /* kinds of sign-in */
    struct slice max_age;    /* seconds since the sign-in, digits */
    struct slice prompt;     /* login, select_account or both */
    struct slice login_hint; /* who will sign in */
    struct slice claims;     /* a JSON object, where it is taken */
};

/* Read the wishes of an authorization request; texts are borrowed from the form, or live in the
 * arena. What is not in struct sign_in_wishes is not read (RFC 6749 §3.1), nor is a scope that is
 * not offered.
 *
 * STATUS_INVALID with sign_in.parameter (a text too long or of another kind), sign_in.no_page (the
 * person must not be asked) or sign_in.request_object (all of it would be in another form:
 * RFC 9101); STATUS_LIMIT sign_in.memory. */
NODISCARD enum status wishes_read(const struct form *form, const struct wishes_offer *offer,
                                  const struct json_parser *parser, struct arena *arena,
                                  struct sign_in_wishes *out, struct diag *diag);

/* The scopes to ask the provider for, between single spaces, in the arena: always those of base,
 * then those that the names stand for, as far as they are still offered. STATUS_LIMIT. */
NODISCARD enum status wishes_scope_text(struct slice base, struct slice names,
                                        const struct wishes_offer *offer, struct arena *arena,
                                        struct slice *out);

/* Append the other wishes as parameters to the provider's address, whose query, as far as it is the
 * configuration's, has the last word: RFC 6749 §3.1 allows a parameter once. */
void wishes_write(struct buf *out, struct slice endpoint, const struct sign_in_wishes *wishes);

#endif
