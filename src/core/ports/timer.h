/* timer.h: call me once, later, on my loop. */
#ifndef AEGIS_CORE_PORTS_TIMER_H
#define AEGIS_CORE_PORTS_TIMER_H

#include <stdint.h>

/* Embedded in the owner's structure; zero it before the first use. */
struct timer {
    struct timer *next, *previous; /* the adapter's */
    int64_t due_ms;                /* monotonic; 0 when not armed */
    void (*fire)(struct timer *timer);
};

struct port_timer {
    void *context;
    /* Arm, or re-arm, for after_ms from now. */
    void (*start)(void *context, struct timer *timer, int64_t after_ms);
    /* After this fire is not called. Fine on a timer that is not armed. */
    void (*stop)(void *context, struct timer *timer);
};

#endif
