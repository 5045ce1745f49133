/* sandbox.h: give up what the worker does not need, for good.
 *
 * Three fences, each enough for its purpose: the user (set by whoever started us), landlock for
 * files, a system call filter for the rest. A process inside cannot execute a program, fork, trace
 * or signal others, mount, or make memory executable; trying what only an attacker would try ends
 * it at once. */
#ifndef AEGIS_ADAPTERS_SANDBOX_SANDBOX_H
#define AEGIS_ADAPTERS_SANDBOX_SANDBOX_H

#include "base/diag.h"

struct sandbox_report {
    int landlock_abi; /* 0: the kernel has none, files are guarded by the user alone */
};

/* Enter, before the first thread and the first byte from outside.
 *
 * writable  the one folder that may be written, NULL for none
 * STATUS_UNAVAILABLE sandbox.process, sandbox.landlock, sandbox.seccomp: do not go on. */
NODISCARD enum status sandbox_enter(const char *writable, struct sandbox_report *report,
                                    struct diag *diag);

#endif
