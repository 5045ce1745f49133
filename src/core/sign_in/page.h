/* page.h: the two pages a person sees: may this client sign in as me, and what went wrong.
 *
 * Plain HTML without scripts, images or links. What a client says of itself is text on it and
 * nothing else, and wraps: what a person judges by is never cut off. The fields that go with every
 * page keep other sites from framing it, and other texts from becoming active; the one style is
 * named by its hash.
 */
#ifndef AEGIS_CORE_SIGN_IN_PAGE_H
#define AEGIS_CORE_SIGN_IN_PAGE_H

#include "base/buf.h"
#include "core/sign_in/client.h"

#define PAGE_BYTES_MAX 65536 /* of a page with its texts escaped */

/* There is no form-action: browsers hold every redirect that follows a form against it, and the
 * identity provider may lead anywhere before it comes back. */
#define PAGE_CONTENT_POLICY                                                                        \
    "default-src 'none'; style-src 'sha256-fls4hWrO6w5PUqUHftBDrMfoi9e9a0zdZoL4CmZfwxw='; "        \
    "base-uri 'none'; "                                                                            \
    "frame-ancestors 'none'"

/* The question; all borrowed. */
struct consent_page {
    const struct sign_in_client *client;
    struct slice client_url;   /* address of its document; empty: it registered itself */
    struct slice redirect_uri; /* where the code goes */
    struct slice resource;     /* what the client wants to use; empty: not said */
    struct slice scope;        /* rights that it asks for besides the usual; empty: none */
    struct slice provider;     /* issuer that the person signs in at */
    struct slice name;         /* of the issuer's entry, for the path that is posted to */
    struct slice ticket;       /* sealed: letters, digits and "-_." */
};

/* The form posts "ticket" and "decision", which is "allow" or "deny". */
void page_write_consent(struct buf *out, const struct consent_page *page);

/* What went wrong, with a code that an operator can look up. */
void page_write_error(struct buf *out, struct slice text, const char *code);

#endif
