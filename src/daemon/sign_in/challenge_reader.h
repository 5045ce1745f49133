/* challenge_reader.h: what a server says of the token that it wants (RFC 9110 §11.6.1, RFC 6750 §3,
 * RFC 9728 §5.1). */
#ifndef AEGIS_DAEMON_SIGN_IN_CHALLENGE_READER_H
#define AEGIS_DAEMON_SIGN_IN_CHALLENGE_READER_H

#include "base/arena.h"
#include "base/diag.h"

/* Parameters of a challenge of the scheme Bearer; empty where there is none. */
struct challenge {
    struct slice resource_metadata, scope, error;
};

/* Find the first Bearer challenge in a value of WWW-Authenticate, in which several may stand. Texts
 * live in the arena. STATUS_NOT_FOUND challenge.none, STATUS_INVALID challenge.syntax,
 * STATUS_LIMIT.
 */
NODISCARD enum status challenge_read(struct slice value, struct arena *arena, struct challenge *out,
                                     struct diag *diag);

#endif
