/* sealing_keys.h: the keys that seal what clients carry for the gateway: ids of sessions and of
 * tasks, states of requests.
 *
 * There are three: the one before, that of now and the next. Each is used for a period, which is no
 * shorter than anything that is sealed is good for, so what was sealed opens to its end. The next
 * one is known to all loops long before its time, which the clock tells them, so none seals what
 * another cannot open. Keys are drawn, not derived: who has seen those of today knows none of those
 * that come after the next one. Reads no clock: callers pass the time.
 */
#ifndef AEGIS_CORE_GATEWAY_SEALING_KEYS_H
#define AEGIS_CORE_GATEWAY_SEALING_KEYS_H

#include "core/ports/random.h"

#include <stdbool.h>

#define SEALING_KEYS 3
#define SEALING_KEY_BYTES 32

/* Without padding: it travels from the supervisor to the worker as it is. */
struct sealing_keys {
    int64_t begins_s; /* the time of the second key, in seconds since the epoch */
    int64_t period_s; /* how long it lasts */
    uint8_t keys[SEALING_KEYS][SEALING_KEY_BYTES];
};

/* Draw all of them; the time of now begins. STATUS_UNAVAILABLE: no random bytes, and none is
 * changed. */
NODISCARD enum status sealing_keys_draw(struct sealing_keys *keys, const struct port_random *random,
                                        int64_t now_s, int64_t period_s);

/* Is the period over? */
bool sealing_keys_are_due(const struct sealing_keys *keys, int64_t now_s);

/* If it is, draw a next one, and as many more as were missed; each new period is period_s long.
 * Statuses as above. */
NODISCARD enum status sealing_keys_turn(struct sealing_keys *keys, const struct port_random *random,
                                        int64_t now_s, int64_t period_s);

/* What may have been sealed with, SEALING_KEYS at most, the likeliest first; the first one seals.
 * It is the right one when these keys were not turned in time, too. */
const uint8_t *sealing_keys_get(const struct sealing_keys *keys, int64_t now_s, size_t turn);

#endif
