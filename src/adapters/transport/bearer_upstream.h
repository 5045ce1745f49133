/* bearer_upstream.h: a port_upstream whose requests carry a token that somebody else renews.
 *
 * For `aegis connect`, whose credential is what a person signed in for. A call that the server
 * refuses for its token waits until there is another one and is then made again: a server that
 * answers 401 or 403 with a challenge has done nothing. It is made again once because a token was
 * refused, and a few times because a server wants more than the last token gave. Nobody else sees
 * the token.
 */
#ifndef AEGIS_ADAPTERS_TRANSPORT_BEARER_UPSTREAM_H
#define AEGIS_ADAPTERS_TRANSPORT_BEARER_UPSTREAM_H

#include "adapters/runtime/loop.h"
#include "core/ports/upstream.h"

#define BEARER_RENEWALS_MAX 3 /* of the token of one call */

/* What waits for another token; zeroed by its owner, whose loop and posted are set. */
struct bearer_wait {
    struct bearer_wait *next; /* the source's */
    struct loop *loop;
    struct posted posted; /* run when there is one, or when there will be none */
    bool is_listed;       /* the source's: posted will be posted */
    struct diag diag;     /* the source's: why there will be none; empty when it does not know */
};

/* Why another token is wanted; all borrowed. */
struct bearer_need {
    uint64_t generation;    /* of the token that was refused */
    struct slice challenge; /* WWW-Authenticate, several joined by commas */
    bool is_step_up;        /* the token is good but not good for enough */
};

/* Where tokens come from; safe from any thread. */
struct bearer_source {
    void *context;
    /* Append "Bearer TOKEN" to out, nothing when there is none. Returns its generation. */
    uint64_t (*read)(void *context, struct buf *out);
    /* Get another; wait is borrowed until it was posted or forgotten. */
    void (*renew)(void *context, const struct bearer_need *need, struct bearer_wait *wait);
    /* True: wait will not be posted any more. */
    bool (*forget)(void *context, struct bearer_wait *wait);
};

struct bearer_upstream;

/* inner: of HTTP, without children. All borrowed until free. STATUS_LIMIT. */
NODISCARD enum status bearer_upstream_new(struct loop *loop, const struct port_upstream *inner,
                                          const struct bearer_source *source,
                                          struct bearer_upstream **out);

/* Ends what waits for a token, with upstream.down. To be called before inner is freed, which ends
 * the calls that run. The memory goes with the last call. Accepts NULL. */
void bearer_upstream_free(struct bearer_upstream *upstream);

/* Further code of on_end: upstream.credential, there is no token that the server takes. */
struct port_upstream bearer_upstream_port(struct bearer_upstream *upstream);

#endif
