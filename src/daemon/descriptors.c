#include "daemon/descriptors.h"

#include <assert.h>
#include <sys/resource.h>

#define FALLBACK 1024 /* what every system allows */

size_t descriptors_raise(void)
{
    struct rlimit limit = {0};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return FALLBACK;
    }
    struct rlimit most = {limit.rlim_max, limit.rlim_max};
    return (size_t)(setrlimit(RLIMIT_NOFILE, &most) == 0 ? most.rlim_cur : limit.rlim_cur);
}

size_t descriptors_for_clients(size_t limit, size_t loops, size_t wanted)
{
    assert(loops > 0);
    size_t left = limit > DESCRIPTORS_RESERVED ? limit - DESCRIPTORS_RESERVED : 0;
    size_t share = left / 10 * 6 / loops;
    share = share < wanted ? share : wanted;
    return share > 0 ? share : 1;
}
