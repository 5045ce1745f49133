/* shared_usage.h: what callers have done lately, for all loops of the process (core/ports/usage.h).
 */
#ifndef AEGIS_DAEMON_SHARED_USAGE_H
#define AEGIS_DAEMON_SHARED_USAGE_H

#include "core/policy/usage_table.h"

#include <pthread.h>

struct shared_usage {
    pthread_mutex_t lock; /* guards table; held for some hundred nanoseconds at most */
    struct usage_table table;
};

/* Bounds as of usage_table_init. STATUS_LIMIT without memory. */
NODISCARD enum status shared_usage_init(struct shared_usage *usage, size_t windows_max,
                                        int64_t idle_ms);

/* Fine when it was never initialised but zero. */
void shared_usage_release(struct shared_usage *usage);

struct port_usage shared_usage_port(struct shared_usage *usage);

#endif
