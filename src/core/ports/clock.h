/* clock.h: what time it is. */
#ifndef AEGIS_CORE_PORTS_CLOCK_H
#define AEGIS_CORE_PORTS_CLOCK_H

#include <stdint.h>

struct port_clock {
    void *context;
    int64_t (*wall_ms)(void *context); /* milliseconds since the Unix epoch; may jump */
    int64_t (*mono_ms)(void *context); /* never goes back; for ages and time-outs */
    /* Microseconds, never back, from a beginning of its own; for how long something took. */
    int64_t (*mono_us)(void *context);
};

#endif
