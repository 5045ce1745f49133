/* failures.h: addresses that keep coming with bad tokens, counted for all loops of the process. */
#ifndef AEGIS_CORE_PORTS_FAILURES_H
#define AEGIS_CORE_PORTS_FAILURES_H

#include "base/slice.h"

#include <stdatomic.h>
#include <stdint.h>

struct port_failures {
    void *context;
    /* Not before that time (monotonic, ms) is the budget of every address used up no more. In the
     * past nearly always, and then nobody is asked. */
    const _Atomic int64_t *over_until_ms;
    /* Has the address used its budget up? Nobody has at an address that is none. */
    bool (*is_over)(void *context, struct slice peer_ip, int64_t now_ms);
    /* Another failure of it. */
    void (*add)(void *context, struct slice peer_ip, int64_t now_ms);
};

/* NULL: nobody counts. One load for each request, of what changes when somebody fails. */
static inline bool failures_are_over(const struct port_failures *port, struct slice peer_ip,
                                     int64_t now_ms)
{
    return port != NULL &&
           atomic_load_explicit(port->over_until_ms, memory_order_relaxed) > now_ms &&
           port->is_over(port->context, peer_ip, now_ms);
}

#endif
