#include "core/identity/key_schedule.h"

#include <assert.h>

/* 0..count-1; the little that low numbers are more likely does not matter for jitter. */
static int64_t pick(uint64_t random, int64_t count)
{
    return count <= 0 ? 0 : (int64_t)(random % (uint64_t)count);
}

bool key_schedule_is_due(const struct key_schedule *schedule, int64_t now_ms)
{
    return !schedule->is_reading && now_ms >= schedule->due_ms;
}

void key_schedule_begin(struct key_schedule *schedule)
{
    assert(!schedule->is_reading);
    schedule->is_reading = true;
}

void key_schedule_give_up(struct key_schedule *schedule)
{
    schedule->is_reading = false;
}

void key_schedule_succeed(struct key_schedule *schedule, int64_t now_ms, int64_t max_age_s,
                          int64_t longest_s, uint64_t random)
{
    int64_t ttl_s = max_age_s < 0 || max_age_s > longest_s ? longest_s : max_age_s;
    int64_t ttl_ms = (ttl_s < KEY_TTL_S_MIN ? KEY_TTL_S_MIN : ttl_s) * 1000;
    int64_t spread_ms = ttl_ms / 5; /* 70 % to 90 % */
    schedule->is_reading = false;
    schedule->failure_count = 0;
    schedule->has_succeeded = true;
    schedule->succeeded_ms = now_ms;
    schedule->due_ms = now_ms + ttl_ms * 7 / 10 + pick(random, spread_ms + 1);
}

void key_schedule_fail(struct key_schedule *schedule, int64_t now_ms, uint64_t random)
{
    int64_t limit_ms = KEY_RETRY_MS_MIN;
    for (uint32_t i = 0; i < schedule->failure_count && limit_ms < KEY_RETRY_MS_MAX; i++) {
        limit_ms *= 2;
    }
    limit_ms = limit_ms > KEY_RETRY_MS_MAX ? KEY_RETRY_MS_MAX : limit_ms;
    schedule->is_reading = false;
    schedule->failure_count += schedule->failure_count < UINT32_MAX;
    schedule->due_ms = now_ms + 1 + pick(random, limit_ms);
}

void key_schedule_hasten(struct key_schedule *schedule, int64_t at_ms)
{
    schedule->due_ms = at_ms < schedule->due_ms ? at_ms : schedule->due_ms;
}

bool key_schedule_take(struct key_schedule *schedule, int64_t now_ms, int64_t *until_ms)
{
    /* A bucket as one number: when it would be full. */
    int64_t full_ms = schedule->budget_ms > now_ms ? schedule->budget_ms : now_ms;
    int64_t after_ms = full_ms + KEY_MISS_REFILL_MS;
    *until_ms = after_ms - (int64_t)KEY_MISS_BURST * KEY_MISS_REFILL_MS;
    if (*until_ms > now_ms) {
        return false;
    }
    schedule->budget_ms = after_ms;
    return true;
}

bool key_schedule_is_stale(const struct key_schedule *schedule, int64_t now_ms, int64_t stale_s)
{
    return !schedule->has_succeeded || now_ms - schedule->succeeded_ms >= stale_s * 1000;
}
