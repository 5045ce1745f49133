#include "adapters/sandbox/sandbox.h"

#include "adapters/sandbox/file_access.h"
#include "adapters/sandbox/system_calls.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum status sandbox_hide_memory(struct diag *diag)
{
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "sandbox.process", "cannot hide memory: %s",
                         strerror(errno));
    }
    return STATUS_OK;
}

enum status sandbox_enter(const char *writable, struct sandbox_report *report, struct diag *diag)
{
    TRY(sandbox_hide_memory(diag));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "sandbox.process", "cannot set no_new_privs: %s",
                         strerror(errno));
    }
    TRY(file_access_restrict(writable, &report->landlock_abi, diag));
    return system_calls_restrict(diag);
}
