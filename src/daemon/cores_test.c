#include "daemon/cores.h"

#include "support/check.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 64, QUOTA_PATH_BYTES = PATH_BYTES + sizeof("/cpu.max") };

static void write_quota(const char *folder, const char *text)
{
    char path[QUOTA_PATH_BYTES];
    snprintf(path, sizeof(path), "%.*s/cpu.max", PATH_BYTES - 1, folder);
    FILE *file = fopen(path, "we");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* A hierarchy of two groups, `a` and `a/b`. */
struct groups {
    char root[32], above[PATH_BYTES], own[PATH_BYTES];
};

static void groups_init(struct groups *self)
{
    snprintf(self->root, sizeof(self->root), "/tmp/aegis-cores-XXXXXX");
    CHECK(mkdtemp(self->root) != NULL);
    snprintf(self->above, sizeof(self->above), "%s/a", self->root);
    snprintf(self->own, sizeof(self->own), "%s/a/b", self->root);
    CHECK(mkdir(self->above, 0700) == 0 && mkdir(self->own, 0700) == 0);
}

static void groups_release(const struct groups *self)
{
    const char *const folders[] = {self->own, self->above, self->root};
    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        char path[QUOTA_PATH_BYTES];
        snprintf(path, sizeof(path), "%.*s/cpu.max", PATH_BYTES - 1, folders[i]);
        (void)unlink(path);
        CHECK(rmdir(folders[i]) == 0);
    }
}

TEST(cores_follow_the_quota)
{
    static const struct {
        const char *text;
        size_t cores;
    } rows[] = {
        {"200000 100000\n", 2},
        {"150000 100000\n", 2},
        {"100001 100000\n", 2},
        {"100000 100000\n", 1},
        {"1000 100000\n", 1},
        {"6400000 100000\n", 64},
        {"50000 10000", 5},
        {"max 100000\n", SIZE_MAX},
        {"", SIZE_MAX},
        {"\n", SIZE_MAX},
        {"200000", SIZE_MAX},
        {"200000\n100000 1\n", SIZE_MAX},
        {"200000 0\n", SIZE_MAX},
        {"0 100000\n", SIZE_MAX},
        {"-200000 100000\n", SIZE_MAX},
        {"200000 -100000\n", SIZE_MAX},
        {"2e5 100000\n", SIZE_MAX},
        {"99999999999999999999 100000\n", SIZE_MAX},
    };
    struct groups groups;
    groups_init(&groups);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        write_quota(groups.own, rows[i].text);
        CHECK_ROW(rows[i].text, cores_by_quota(SLICE("0::/a/b\n"), groups.root) == rows[i].cores);
    }
    groups_release(&groups);
}

TEST(cores_follow_the_strictest_group)
{
    static const struct {
        const char *own, *above, *top, *membership;
        size_t cores;
    } rows[] = {
        {"400000 100000\n", "200000 100000\n", "max 100000\n", "0::/a/b\n", 2},
        {"200000 100000\n", "400000 100000\n", "max 100000\n", "0::/a/b\n", 2},
        {"max 100000\n", "max 100000\n", "300000 100000\n", "0::/a/b\n", 3},
        {"200000 100000\n", "max 100000\n", "300000 100000\n", "0::/a\n", 3},
        {"200000 100000\n", "200000 100000\n", "300000 100000\n", "0::/\n", 3},
        {"200000 100000\n", "max 100000\n", "max 100000\n", "4:cpu:/x\n0::/a/b\n", 2},
        {"200000 100000\n", "max 100000\n", "max 100000\n", "0::/a/b", 2},
        {"200000 100000\n", "max 100000\n", "max 100000\n", "4:cpu:/a/b\n", SIZE_MAX},
        {"200000 100000\n", "max 100000\n", "max 100000\n", "0::/elsewhere\n", SIZE_MAX},
        {"200000 100000\n", "max 100000\n", "max 100000\n", "", SIZE_MAX},
    };
    struct groups groups;
    groups_init(&groups);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        write_quota(groups.own, rows[i].own);
        write_quota(groups.above, rows[i].above);
        write_quota(groups.root, rows[i].top);
        CHECK_ROW(rows[i].membership, cores_by_quota(slice_view_cstr(rows[i].membership),
                                                     groups.root) == rows[i].cores);
    }
    groups_release(&groups);
}

/* Not those of the machine. */
TEST(cores_are_those_that_the_process_may_use)
{
    cpu_set_t before, one;
    CHECK(sched_getaffinity(0, sizeof(before), &before) == 0);
    size_t first = 0;
    while (!CPU_ISSET(first, &before)) {
        first++;
    }
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    CHECK(sched_setaffinity(0, sizeof(one), &one) == 0);
    CHECK(cores_available() == 1);
    CHECK(sched_setaffinity(0, sizeof(before), &before) == 0);
    CHECK(cores_available() >= 1 && cores_available() <= (size_t)CPU_COUNT(&before));
}
