#include "core/gateway/sealing_keys.h"

#include <assert.h>
#include <string.h>

enum status sealing_keys_draw(struct sealing_keys *keys, const struct port_random *random,
                              int64_t now_s, int64_t period_s)
{
    struct sealing_keys drawn = {.begins_s = now_s, .period_s = period_s};
    assert(period_s > 0);
    TRY(random->fill(random->context, drawn.keys[0], sizeof(drawn.keys)));
    *keys = drawn;
    return STATUS_OK;
}

bool sealing_keys_are_due(const struct sealing_keys *keys, int64_t now_s)
{
    return now_s - keys->begins_s >= keys->period_s;
}

enum status sealing_keys_turn(struct sealing_keys *keys, const struct port_random *random,
                              int64_t now_s, int64_t period_s)
{
    uint8_t next[SEALING_KEY_BYTES];
    assert(period_s > 0);
    /* Nothing that was sealed with one of them is good any more. */
    if ((now_s - keys->begins_s) / keys->period_s >= SEALING_KEYS) {
        return sealing_keys_draw(keys, random, now_s, period_s);
    }
    while (sealing_keys_are_due(keys, now_s)) {
        TRY(random->fill(random->context, next, sizeof(next)));
        memmove(keys->keys[0], keys->keys[1], sizeof(keys->keys) - SEALING_KEY_BYTES);
        memcpy(keys->keys[SEALING_KEYS - 1], next, sizeof(next));
        keys->begins_s += keys->period_s;
        keys->period_s = period_s;
    }
    return STATUS_OK;
}

const uint8_t *sealing_keys_get(const struct sealing_keys *keys, int64_t now_s, size_t turn)
{
    static const uint8_t ORDER[2][SEALING_KEYS] = {{1, 0, 2}, {2, 1, 0}};
    assert(turn < SEALING_KEYS);
    return keys->keys[ORDER[sealing_keys_are_due(keys, now_s) ? 1 : 0][turn]];
}
