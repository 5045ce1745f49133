/* fake_poster.h: a loop for a test: what is posted to it runs when the test says so. */
#ifndef AEGIS_TESTS_SUPPORT_FAKE_POSTER_H
#define AEGIS_TESTS_SUPPORT_FAKE_POSTER_H

#include "core/ports/poster.h"

struct fake_poster {
    struct port_poster port;
    struct posted *first; /* oldest first */
};

/* Must stay where it is from here on. */
void fake_poster_init(struct fake_poster *self);

/* Run what was posted, and what is posted meanwhile. */
void fake_poster_run(struct fake_poster *self);

#endif
