/* redirect_listener.h: where the browser of a person comes back to, on this machine alone.
 *
 * A port of 127.0.0.1 that is open as long as one sign-in takes (RFC 8252 §7.3). Anyone on this
 * machine may connect: what is not of the sign-in is answered and forgotten.
 */
#ifndef AEGIS_DAEMON_SIGN_IN_REDIRECT_LISTENER_H
#define AEGIS_DAEMON_SIGN_IN_REDIRECT_LISTENER_H

#include "daemon/sign_in/flow.h"

#include <stdatomic.h>

#define REDIRECT_VISITORS_MAX 8 /* browsers open connections that they may not use */
#define REDIRECT_VISITOR_MS 10000

/* port: 0 for any free one. The caller closes *out. STATUS_UNAVAILABLE sign_in.port. */
NODISCARD enum status redirect_listen(uint16_t port, int *out, uint16_t *bound, struct diag *diag);

/* How long to wait. */
struct redirect_patience {
    int64_t until_ms;              /* monotonic */
    const atomic_bool *is_stopped; /* gives up when it is set */
};

/* Answer requests until one ends the sign-in. Texts of out live in the arena. STATUS_OK: a code or
 * an error came. STATUS_INVALID sign_in.issuer, STATUS_TIMEOUT sign_in.timeout, STATUS_CANCELLED,
 * STATUS_LIMIT. */
NODISCARD enum status redirect_wait(int listener, const struct flow *flow,
                                    const struct redirect_patience *patience, struct arena *arena,
                                    struct flow_redirect *out, struct diag *diag);

#endif
