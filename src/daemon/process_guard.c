#include "daemon/process_guard.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum status process_guard_apply(struct diag *diag)
{
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "process.guard",
                         "cannot keep this process's memory out of core files: %s",
                         strerror(errno));
    }
    return STATUS_OK;
}
