#include "daemon/process_guard.h"

#include "support/check.h"

#include <sys/prctl.h>
#include <sys/resource.h>

TEST(process_guard_leaves_no_way_to_the_memory)
{
    struct rlimit core = {1, 1};
    struct diag diag = {0};
    CHECK(process_guard_apply(&diag) == STATUS_OK);
    CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
    CHECK(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0);
    /* Again is fine: a reload or a second caller changes nothing. */
    CHECK(process_guard_apply(NULL) == STATUS_OK);
}
