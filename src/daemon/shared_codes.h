/* shared_codes.h: which codes of the front door were used, for all loops of the process
 * (core/ports/used_codes.h).
 */
#ifndef AEGIS_DAEMON_SHARED_CODES_H
#define AEGIS_DAEMON_SHARED_CODES_H

#include "core/sign_in/used_codes.h"

#include <pthread.h>

struct shared_codes {
    pthread_mutex_t lock; /* guards used; held for some microseconds at most */
    struct used_codes used;
};

/* STATUS_LIMIT without memory. */
NODISCARD enum status shared_codes_init(struct shared_codes *codes, size_t count_max);

/* Fine when it was never initialised but zero. */
void shared_codes_release(struct shared_codes *codes);

struct port_used_codes shared_codes_port(struct shared_codes *codes);

#endif
