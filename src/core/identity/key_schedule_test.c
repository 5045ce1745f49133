#include "core/identity/key_schedule.h"

#include "support/check.h"

enum { T = 5000000 };

TEST(key_schedule_begins_due)
{
    struct key_schedule schedule = {0};
    CHECK(key_schedule_is_due(&schedule, T));
    CHECK(key_schedule_is_stale(&schedule, T, 86400));
    key_schedule_begin(&schedule);
    CHECK(!key_schedule_is_due(&schedule, T + 1000000));
}

/* Between 70 % and 90 % of the time that the answer allows, within the bounds. */
TEST(key_schedule_refreshes_ahead)
{
    static const struct {
        const char *name;
        int64_t max_age_s, longest_s, ttl_s;
    } ROWS[] = {
        {"as it says", 1000, 3600, 1000},
        {"too short", 299, 3600, KEY_TTL_S_MIN},
        {"not to be kept", 0, 3600, KEY_TTL_S_MIN},
        {"the shortest", 300, 3600, 300},
        {"the longest", 3600, 3600, 3600},
        {"too long", 3601, 3600, 3600},
        {"says nothing", -1, 3600, 3600},
        {"says nothing and the longest is short", -1, 10, KEY_TTL_S_MIN},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        int64_t ttl_ms = ROWS[i].ttl_s * 1000;
        uint64_t randoms[] = {0, (uint64_t)(ttl_ms / 5), check_random()};
        for (size_t k = 0; k < COUNT_OF(randoms); k++) {
            struct key_schedule schedule = {0};
            key_schedule_begin(&schedule);
            key_schedule_succeed(&schedule, T, ROWS[i].max_age_s, ROWS[i].longest_s, randoms[k]);
            int64_t after_ms = schedule.due_ms - T;
            CHECK_ROW(ROWS[i].name, after_ms >= ttl_ms * 7 / 10 && after_ms <= ttl_ms * 9 / 10);
            CHECK_ROW(ROWS[i].name, k != 0 || after_ms == ttl_ms * 7 / 10);
            CHECK_ROW(ROWS[i].name, k != 1 || after_ms == ttl_ms * 9 / 10);
            CHECK_ROW(ROWS[i].name, !key_schedule_is_due(&schedule, schedule.due_ms - 1));
            CHECK_ROW(ROWS[i].name, key_schedule_is_due(&schedule, schedule.due_ms));
        }
    }
}

/* The n-th failure in a row waits a random part of 1, 2, 4 ... 60 seconds; success begins anew. */
TEST(key_schedule_backs_off)
{
    static const int64_t LIMITS_MS[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
    struct key_schedule schedule = {0};
    for (size_t i = 0; i < COUNT_OF(LIMITS_MS); i++) {
        struct key_schedule earliest = schedule;
        key_schedule_begin(&schedule);
        key_schedule_begin(&earliest);
        key_schedule_fail(&schedule, T, (uint64_t)LIMITS_MS[i] - 1);
        key_schedule_fail(&earliest, T, (uint64_t)LIMITS_MS[i]);
        CHECK(schedule.due_ms == T + LIMITS_MS[i]);
        CHECK(earliest.due_ms == T + 1);
    }
    schedule.failure_count = UINT32_MAX;
    key_schedule_begin(&schedule);
    key_schedule_fail(&schedule, T, 0);
    CHECK(schedule.failure_count == UINT32_MAX);
    key_schedule_begin(&schedule);
    key_schedule_succeed(&schedule, T, -1, 3600, 0);
    key_schedule_begin(&schedule);
    key_schedule_fail(&schedule, T, 999);
    CHECK(schedule.due_ms == T + 1000);
}

TEST(key_schedule_budget_of_misses)
{
    struct key_schedule schedule = {0};
    int64_t until_ms = 0;
    CHECK(key_schedule_take(&schedule, T, &until_ms));
    CHECK(key_schedule_take(&schedule, T, &until_ms));
    CHECK(!key_schedule_take(&schedule, T, &until_ms) && until_ms == T + KEY_MISS_REFILL_MS);
    CHECK(!key_schedule_take(&schedule, until_ms - 1, &until_ms));
    CHECK(key_schedule_take(&schedule, T + KEY_MISS_REFILL_MS, &until_ms));
    CHECK(!key_schedule_take(&schedule, T + KEY_MISS_REFILL_MS, &until_ms));
    /* However long nothing happens, no more than the burst. */
    int64_t later_ms = T + (int64_t)1000 * KEY_MISS_REFILL_MS;
    CHECK(key_schedule_take(&schedule, later_ms, &until_ms));
    CHECK(key_schedule_take(&schedule, later_ms, &until_ms));
    CHECK(!key_schedule_take(&schedule, later_ms, &until_ms));
}

TEST(key_schedule_staleness)
{
    struct key_schedule schedule = {0};
    key_schedule_begin(&schedule);
    key_schedule_succeed(&schedule, T, -1, 3600, 0);
    key_schedule_begin(&schedule);
    key_schedule_fail(&schedule, T + 5000, 0);
    CHECK(!key_schedule_is_stale(&schedule, T + 86400000 - 1, 86400));
    CHECK(key_schedule_is_stale(&schedule, T + 86400000, 86400));
}

TEST(key_schedule_can_only_be_hastened)
{
    struct key_schedule schedule = {0};
    key_schedule_begin(&schedule);
    key_schedule_succeed(&schedule, T, 300, 3600, 0);
    int64_t due_ms = schedule.due_ms;
    key_schedule_hasten(&schedule, due_ms + 1);
    CHECK(schedule.due_ms == due_ms);
    key_schedule_hasten(&schedule, due_ms - 1);
    CHECK(schedule.due_ms == due_ms - 1);
}
