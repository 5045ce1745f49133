/* redirect_uri.h: where codes may be sent.
 *
 * A code goes to an address that the client registered and nowhere else, compared byte by byte
 * (RFC 9700 §2.1); the one exception is the port of this machine's own addresses, which a native
 * application gets from the system when it starts (RFC 8252 §7.3).
 */
#ifndef AEGIS_CORE_SIGN_IN_REDIRECT_URI_H
#define AEGIS_CORE_SIGN_IN_REDIRECT_URI_H

#include "base/slice.h"

#define REDIRECT_URI_BYTES_MAX 512

/* May it be registered? https with a host; http on this machine alone; or a private scheme with a
 * dot in its name (RFC 8252 §7.1). Never a fragment, user information or a character that has to be
 * escaped. */
bool redirect_uri_is_fit(struct slice uri);

/* Is asked what was registered? Both are fit. */
bool redirect_uri_matches(struct slice registered, struct slice asked);

/* Does whatever program that listens on this machine get the code? */
bool redirect_uri_is_local(struct slice uri);

/* Scheme and authority, or the scheme alone of a private one: what a person can judge by. */
struct slice redirect_uri_origin(struct slice uri);

#endif
