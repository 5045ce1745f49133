#include "daemon/worker_environment.h"

#include "support/check.h"

#include <stdlib.h>

#define ARENA_BYTES ((size_t)1 << 20)

static bool has(const char *const *list, const char *entry)
{
    while (*list != NULL && !str_eq(*list, entry)) {
        list++;
    }
    return *list != NULL;
}

TEST(worker_environment_has_no_secret)
{
    struct config_server servers[] = {
        {.credential = {.from_env = SLICE_INIT("AEGIS_TEST_ONE")}},
        {.credential = {.from_file = SLICE_INIT("AEGIS_TEST_FILE")}},
        {.credential = {.from_env = SLICE_INIT("AEGIS_TEST_TWO")}},
    };
    struct config config = {.servers = servers, .server_count = COUNT_OF(servers)};
    const char *const *list = NULL;
    struct arena arena;
    CHECK(setenv("AEGIS_TEST_ONE", "1", 1) == 0 && setenv("AEGIS_TEST_TWO", "2", 1) == 0);
    CHECK(setenv("AEGIS_TEST_ONE_MORE", "3", 1) == 0 && setenv("AEGIS_TEST_FILE", "4", 1) == 0);
    arena_init(&arena, ARENA_BYTES, NULL);
    CHECK(worker_environment_make(&config, &arena, &list) == STATUS_OK);
    CHECK(!has(list, "AEGIS_TEST_ONE=1") && !has(list, "AEGIS_TEST_TWO=2"));
    CHECK(has(list, "AEGIS_TEST_ONE_MORE=3") && has(list, "AEGIS_TEST_FILE=4"));
    arena_release(&arena);
}
