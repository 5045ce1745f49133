/* keys.h: ask whoever owns the key sets of issuers for a key that nobody has.
 *
 * Tokens are anybody's to invent, so the owner decides whether it looks: seldom, once for all that
 * wait, and not at all for a key that was just looked for in vain.
 */
#ifndef AEGIS_CORE_PORTS_KEYS_H
#define AEGIS_CORE_PORTS_KEYS_H

#include "base/slice.h"

#define KEYS_WAIT_MS 2000 /* done is called by then, with or without keys */

/* A token that no key could verify. */
struct keys_miss {
    size_t entry;           /* index of the issuer in the snapshot that was asked */
    struct slice name, kid; /* of the issuer entry; kid empty: none. Copied */
};

/* The caller's side, copied; ticket as in upstream.h. */
struct keys_sink {
    /* Once, on the loop of the caller, unless missed had said no. The snapshot in force has what
     * was found. */
    void (*done)(const struct keys_sink *sink);
    void *user;
    uint64_t ticket;
};

struct port_keys {
    void *context;
    /* true: it is being looked for, done will be called. false: waiting would bring nothing. */
    bool (*missed)(void *context, const struct keys_miss *miss, const struct keys_sink *sink);
};

#endif
