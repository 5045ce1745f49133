/* usage.h: what a caller has done lately, on all loops together.
 *
 * A window belongs to a principal with its client, whatever era and session it comes by. It begins
 * with a call and ends when there was none for a while. A call is counted before it is decided, so
 * that two at a time cannot both be the last one that a policy lets pass; one that is denied is
 * taken back.
 */
#ifndef AEGIS_CORE_PORTS_USAGE_H
#define AEGIS_CORE_PORTS_USAGE_H

#include "base/slice.h"
#include "base/status.h"

#define USAGE_CALLER_BYTES 32
#define USAGE_LABELS_MAX 64 /* different ones, of all servers */

/* Before the call that asks. */
struct usage {
    int64_t calls, target_calls;
    int64_t age_ms;             /* of the window; 0 when the call begins it */
    uint64_t label_bits;        /* of labels of servers that calls before went to, */
    const struct slice *labels; /* USAGE_LABELS_MAX; those with a bit live as long as the port */
};

struct usage_call {
    uint8_t caller[USAGE_CALLER_BYTES]; /* digest of the principal, its client included */
    struct slice target;                /* "server.name", or an address */
    int64_t now_ms;                     /* monotonic */
};

enum usage_act {
    USAGE_LOOKS = 0, /* is no call, or was counted before */
    USAGE_COUNTS,
};

struct port_usage {
    void *context;
    /* What was before this call, and count it. STATUS_LIMIT: no room for another caller. */
    enum status (*look)(void *context, const struct usage_call *call, enum usage_act act,
                        struct usage *out);
    /* A counted call was denied. */
    void (*take_back)(void *context, const struct usage_call *call);
    /* It was allowed, at a server with these labels. STATUS_LIMIT: too many different ones. */
    enum status (*add_labels)(void *context, const struct usage_call *call,
                              const struct slice *labels, size_t label_count);
};

#endif
