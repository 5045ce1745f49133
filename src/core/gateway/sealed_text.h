/* sealed_text.h: what a client carries for the gateway and can neither read nor change.
 *
 * A text, encrypted with the key that seals the ids of sessions, or rather one derived from it for
 * each use, and tied to what must be the same when it comes back. Any loop of the gateway opens it,
 * and the worker that replaces one that died; it does not outlive the keys, which are the
 * supervisor's (sealing_keys.h) unless the use brings its own. Whoever seals puts the time into the
 * text until which it is good.
 */
#ifndef AEGIS_CORE_GATEWAY_SEALED_TEXT_H
#define AEGIS_CORE_GATEWAY_SEALED_TEXT_H

#include "core/gateway/gateway.h"

#define SEALED_LABEL_BYTES_MAX 64
#define SEALED_BOUND_BYTES_MAX 1024 /* of all parts together, with their lengths */

/* What a text is sealed for; borrowed. */
struct sealed_use {
    struct slice label;        /* one for each use, SEALED_LABEL_BYTES_MAX at most */
    struct slice prefix;       /* stands before the sealed text, as it is */
    const struct slice *bound; /* what must be the same when it is opened */
    size_t bound_count;
    size_t text_bytes_max;
    const uint8_t *key; /* SEALING_KEY_BYTES; NULL: those of sealing_keys.h */
};

/* Append the sealed text: letters, digits and "-_." only. STATUS_LIMIT: text is too long, or there
 * is no memory; STATUS_UNAVAILABLE: no random bytes, or the crypto library failed. */
NODISCARD enum status sealed_text_seal(const struct gateway *gateway, const struct sealed_use *use,
                                       struct slice text, struct buf *out);

/* The text in it, in the arena. STATUS_INVALID when it was not sealed for this use; STATUS_LIMIT:
 * no memory. */
NODISCARD enum status sealed_text_open(const struct gateway *gateway, const struct sealed_use *use,
                                       struct slice sealed, struct arena *arena,
                                       struct slice *text);

#endif
