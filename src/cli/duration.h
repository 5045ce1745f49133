/* duration.h: times of the command line, like 90d. */
#ifndef AEGIS_CLI_DURATION_H
#define AEGIS_CLI_DURATION_H

#include "base/slice.h"

/* A number and s, m, h or d, up to ten years: seconds, or 0 when it is no such time. */
int64_t duration_read(struct slice text);

#endif
