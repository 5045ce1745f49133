/* key_schedule.h: when the keys of one issuer are read again.
 *
 * Owns the times and the budget: a set is refreshed ahead of its end, a key that nobody has may
 * cause a reading now and then, and failures back off. Counted are attempts, whatever came of them,
 * so no answer of an issuer and no flood of tokens makes it ask more often. Reads no clock and does
 * no reading itself: times are monotonic milliseconds, random is any 64 random bits.
 */
#ifndef AEGIS_CORE_IDENTITY_KEY_SCHEDULE_H
#define AEGIS_CORE_IDENTITY_KEY_SCHEDULE_H

#include "base/slice.h"

#define KEY_TTL_S_MIN 300
#define KEY_MISS_REFILL_MS 30000 /* one reading for a missing key in this time, */
#define KEY_MISS_BURST 2         /* and at most so many at once */
#define KEY_RETRY_MS_MIN 1000    /* after a failure; twice as long after each further one, */
#define KEY_RETRY_MS_MAX 60000   /* up to this; really a random part of it */

/* Zeroed: due at once, with a full budget. */
struct key_schedule {
    int64_t due_ms;         /* of the next reading */
    int64_t succeeded_ms;   /* the last that was good; meaningless without has_succeeded */
    int64_t budget_ms;      /* the budget is as if full since then */
    uint32_t failure_count; /* in a row */
    bool has_succeeded;
    bool is_reading;
};

/* Is it time for a reading, and none under way? */
bool key_schedule_is_due(const struct key_schedule *schedule, int64_t now_ms);

/* A reading begins. */
void key_schedule_begin(struct key_schedule *schedule);

/* The reading under way, if any, is given up. */
void key_schedule_give_up(struct key_schedule *schedule);

/* It brought keys that may be kept for max_age_s, but never longer than longest_s (negative: so
 * long), nor shorter than KEY_TTL_S_MIN. The next one is at 80 % of that, more or less a tenth. */
void key_schedule_succeed(struct key_schedule *schedule, int64_t now_ms, int64_t max_age_s,
                          int64_t longest_s, uint64_t random);

/* It brought nothing usable. */
void key_schedule_fail(struct key_schedule *schedule, int64_t now_ms, uint64_t random);

/* The next reading is at that time, unless it is earlier anyway. */
void key_schedule_hasten(struct key_schedule *schedule, int64_t at_ms);

/* A token names a key that nobody has: may that cause a reading? Takes one from the budget if so.
 * Without: *until_ms is when the budget has one again. */
bool key_schedule_take(struct key_schedule *schedule, int64_t now_ms, int64_t *until_ms);

/* May keys of the last good reading be used no more? */
bool key_schedule_is_stale(const struct key_schedule *schedule, int64_t now_ms, int64_t stale_s);

#endif
