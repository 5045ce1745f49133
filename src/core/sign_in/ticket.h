/* ticket.h: what must be known between the steps of a sign-in.
 *
 * The gateway keeps no table of them: each step gives the next one a ticket, sealed for that step
 * and one identity provider (core/gateway/sealed_text.h), and takes it back from whoever carries
 * it: the page that asks for consent, the browser that comes back from the identity provider, the
 * client with its code.
 */
#ifndef AEGIS_CORE_SIGN_IN_TICKET_H
#define AEGIS_CORE_SIGN_IN_TICKET_H

#include "base/buf.h"
#include "base/diag.h"
#include "core/sign_in/wishes.h"

#define SIGN_IN_ID_BYTES 16
#define SIGN_IN_DIGEST_BYTES 32
#define SIGN_IN_STATE_BYTES_MAX 1024
#define SIGN_IN_CODE_BYTES_MAX 4096 /* of an identity provider */
#define SIGN_IN_TICKET_BYTES_MAX 8192

/* Borrowed; a text that the step does not need is empty. */
struct sign_in_ticket {
    int64_t expires_s;            /* wall clock */
    struct slice id;              /* of a code: SIGN_IN_ID_BYTES that nobody can guess */
    struct slice browser;         /* digest of the cookie of the browser that began */
    struct slice client;          /* digest of the client's id */
    struct slice client_label;    /* for people and the audit */
    struct slice redirect_uri;    /* as it was asked for */
    struct slice state;           /* the client's; empty: it sent none */
    struct slice challenge;       /* its PKCE challenge */
    struct slice resource;        /* RFC 8707; empty: it named none */
    struct slice verifier;        /* our PKCE verifier at the identity provider */
    struct slice code;            /* the identity provider's */
    struct sign_in_wishes wishes; /* past the consent: the scope alone */
};

/* Append the ticket as text, to be sealed. */
void sign_in_ticket_write(struct buf *out, const struct sign_in_ticket *ticket);

/* The ticket in a text that was sealed by us. STATUS_INVALID for any other. */
NODISCARD enum status sign_in_ticket_read(struct slice text, struct sign_in_ticket *out);

#endif
