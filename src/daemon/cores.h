/* cores.h: how many threads of this process can run at the same time. */
#ifndef AEGIS_DAEMON_CORES_H
#define AEGIS_DAEMON_CORES_H

#include "base/slice.h"

/* The processors that it may use (affinity), or fewer where the CPU quota of its control group, or
 * of one above that, amounts to fewer, rounded up. At least 1. */
size_t cores_available(void);

/* By the quota alone (cgroup v2, `cpu.max`); SIZE_MAX: there is none. membership is the text of
 * /proc/self/cgroup, root the folder of the hierarchy. */
size_t cores_by_quota(struct slice membership, const char *root);

#endif
