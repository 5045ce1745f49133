/* shared_replay.h: proofs that any loop of the process has seen (core/ports/replay.h). */
#ifndef AEGIS_DAEMON_SHARED_REPLAY_H
#define AEGIS_DAEMON_SHARED_REPLAY_H

#include "core/identity/replay_table.h"

#include <pthread.h>

struct shared_replay {
    pthread_mutex_t lock; /* guards table; held for some ten nanoseconds */
    struct replay_table table;
};

/* Bounds as of replay_table_init. STATUS_LIMIT without memory. */
NODISCARD enum status shared_replay_init(struct shared_replay *replay, size_t entries);

/* Fine when it was never initialised but zero. */
void shared_replay_release(struct shared_replay *replay);

struct port_replay shared_replay_port(struct shared_replay *replay);

#endif
