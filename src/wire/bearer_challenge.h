/* bearer_challenge.h: what a server says of the token that it wants (RFC 9110 §11.6.1, RFC 6750 §3,
 * RFC 9728 §5.1, RFC 9470 §3). */
#ifndef AEGIS_WIRE_BEARER_CHALLENGE_H
#define AEGIS_WIRE_BEARER_CHALLENGE_H

#include "base/arena.h"
#include "base/diag.h"

#define BEARER_CHALLENGE_BYTES_MAX 16384
#define BEARER_CHALLENGE_NO_MAX_AGE (-1)

/* Parameters of a challenge of the scheme Bearer; empty where there is none. */
struct bearer_challenge {
    struct slice resource_metadata, scope, error;
    struct slice acr_values;
    struct slice claims; /* in base64 (Microsoft identity platform, claims challenge) */
    int64_t max_age_s;   /* since the person signed in; BEARER_CHALLENGE_NO_MAX_AGE: any */
};

/* What would help. */
enum bearer_want {
    BEARER_WANTS_TOKEN = 0, /* another token for the same */
    BEARER_WANTS_SCOPE,     /* one for more (RFC 6750 §3.1) */
    BEARER_WANTS_SIGN_IN, /* one of another or a newer sign-in (RFC 9470 §3), or of other claims */
};

/* Find the first Bearer challenge in a value of WWW-Authenticate, in which several may stand. Texts
 * live in the arena. STATUS_NOT_FOUND challenge.none, STATUS_INVALID challenge.syntax,
 * STATUS_LIMIT.
 */
NODISCARD enum status bearer_challenge_read(struct slice value, struct arena *arena,
                                            struct bearer_challenge *out, struct diag *diag);

/* By its error alone: servers differ in the status that they send with it. */
enum bearer_want bearer_challenge_want(const struct bearer_challenge *challenge);

#endif
