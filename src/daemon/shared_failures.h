/* shared_failures.h: addresses of bad tokens, of all loops of the process (core/ports/failures.h).
 */
#ifndef AEGIS_DAEMON_SHARED_FAILURES_H
#define AEGIS_DAEMON_SHARED_FAILURES_H

#include "core/gateway/failed_sources.h"
#include "core/ports/failures.h"

#include <pthread.h>

struct shared_failures {
    pthread_mutex_t lock; /* guards sources; held for some ten nanoseconds */
    struct failed_sources sources;
    struct failure_rate rate;
    _Atomic int64_t over_until_ms; /* as of sources */
};

/* Zeroed before. STATUS_LIMIT: there is no lock. */
NODISCARD enum status shared_failures_init(struct shared_failures *failures,
                                           const struct failure_rate *rate);

struct port_failures shared_failures_port(struct shared_failures *failures);

#endif
