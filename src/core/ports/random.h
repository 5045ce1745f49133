/* random.h: bytes nobody can guess. */
#ifndef AEGIS_CORE_PORTS_RANDOM_H
#define AEGIS_CORE_PORTS_RANDOM_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

struct port_random {
    void *context;
    /* Fill size bytes from the system's generator; safe from any thread. STATUS_UNAVAILABLE: out is
     * not usable and the caller refuses what needed it. */
    enum status (*fill)(void *context, uint8_t *out, size_t size);
};

#endif
