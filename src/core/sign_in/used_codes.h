/* used_codes.h: a code is good once.
 *
 * Remembers which codes were used until they are too old anyway. Bounded: when it is full, a
 * further code is refused, because to forget one would be to take it twice. Knows no threads: who
 * shares it between loops holds a lock around each call (daemon/shared_codes.h).
 */
#ifndef AEGIS_CORE_SIGN_IN_USED_CODES_H
#define AEGIS_CORE_SIGN_IN_USED_CODES_H

#include "core/ports/used_codes.h"
#include "core/sign_in/ticket.h"

struct used_code {
    uint8_t id[SIGN_IN_ID_BYTES];
    int64_t expires_s; /* 0: the place is free */
};

struct used_codes {
    struct used_code *codes;
    size_t count_max;
};

/* STATUS_LIMIT without memory. */
NODISCARD enum status used_codes_init(struct used_codes *used, size_t count_max);
void used_codes_release(struct used_codes *used);

/* As in port_used_codes. */
NODISCARD enum status used_codes_take(struct used_codes *used, const struct used_code *code,
                                      int64_t now_s);

#endif
