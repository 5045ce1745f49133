/* request_state.h: what a modern client carries for the gateway between two rounds of a call.
 *
 * Modern requests have no session, so what the gateway must know when a client comes back with
 * answers goes to the client and back, as `requestState` (MCP 2026-07-28, multi round-trip
 * requests). It is encrypted, and opens only for the same caller, server, method and parameters;
 * the text in it says until when. Another gateway of the same node opens it, too; used twice it is
 * judged twice. The state of a held call (held_call.h) says in clear, in front, on which loop that
 * is: a hint, which brings the request to where it is opened.
 */
#ifndef AEGIS_CORE_GATEWAY_REQUEST_STATE_H
#define AEGIS_CORE_GATEWAY_REQUEST_STATE_H

#include "core/gateway/gateway.h"

#define REQUEST_STATE_BYTES_MAX ((size_t)32 << 10) /* of the text in it */

/* What a state is for; borrowed. */
struct request_state_use {
    const uint8_t *caller; /* digest of the principal */
    struct slice server, method;
    struct slice params; /* as they go to the server: target and arguments */
};

/* Write to out, which is empty, the state that carries text: a JSON string's content, without
 * characters to escape. is_held: it is about a held call on this loop.
 * STATUS_LIMIT: text is too long, or there is no memory; STATUS_UNAVAILABLE: no random bytes, or
 * the crypto library failed. */
NODISCARD enum status request_state_seal(const struct gateway *gateway,
                                         const struct request_state_use *use, bool is_held,
                                         struct slice text, struct buf *out);

/* On which loop is the call that the state speaks of? False: on any, or it is no state of ours. */
NODISCARD bool request_state_loop(struct slice state, uint16_t *loop);

/* The text in a state, in the arena. STATUS_INVALID when it was not sealed for this use;
 * STATUS_LIMIT: no memory. */
NODISCARD enum status request_state_open(const struct gateway *gateway,
                                         const struct request_state_use *use, struct slice state,
                                         struct arena *arena, struct slice *text);

#endif
