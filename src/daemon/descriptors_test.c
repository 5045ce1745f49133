#include "daemon/descriptors.h"

#include "support/check.h"

#include <stdint.h>
#include <sys/resource.h>

TEST(descriptors_leave_room_for_servers)
{
    static const struct {
        const char *name;
        size_t limit, loops, wanted, expected;
    } rows[] = {
        {"as many as wanted", 1000000, 2, 10000, 10000},
        {"usual limit", 1024, 1, 10000, 576},
        {"shared by loops", 1024, 4, 10000, 144},
        {"nothing left", DESCRIPTORS_RESERVED, 1, 10000, 1},
        {"less than reserved", 3, 64, 10000, 1},
        {"no limit", SIZE_MAX, 2, 10000, 10000},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].name, descriptors_for_clients(rows[i].limit, rows[i].loops,
                                                        rows[i].wanted) == rows[i].expected);
    }
}

TEST(descriptors_are_raised_to_the_hard_limit)
{
    struct rlimit limit = {0};
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(descriptors_raise() == (size_t)limit.rlim_max);
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == limit.rlim_max);
}
