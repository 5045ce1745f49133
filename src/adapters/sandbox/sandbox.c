#include "adapters/sandbox/sandbox.h"

#include "adapters/sandbox/file_access.h"
#include "adapters/sandbox/system_calls.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

enum status sandbox_enter(const char *writable, struct sandbox_report *report, struct diag *diag)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "sandbox.process", "cannot set no_new_privs: %s",
                         strerror(errno));
    }
    TRY(file_access_restrict(writable, &report->landlock_abi, diag));
    return system_calls_restrict(diag);
}
