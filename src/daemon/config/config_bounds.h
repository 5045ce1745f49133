/* config_bounds.h: what is bounded and cannot be configured.
 *
 * Bounds that come from a protocol or a format, that another limit keeps small in sum, or that an
 * operator could only set wrong. Each stands where it is used; this table is for who reads `aegis
 * check
 * --limits`. What can be configured is in config_limits.h.
 */
#ifndef AEGIS_DAEMON_CONFIG_CONFIG_BOUNDS_H
#define AEGIS_DAEMON_CONFIG_CONFIG_BOUNDS_H

#include "base/slice.h"

struct config_bound {
    struct slice name;
    int64_t value;
    const char *unit; /* "bytes", "ms", "s" or "" for a count */
    const char *doc;
};

extern const struct config_bound config_bound_table[];
extern const size_t config_bound_count;

#endif
