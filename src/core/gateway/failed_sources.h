/* failed_sources.h: addresses that keep coming with tokens that are not good.
 *
 * Each address has a budget of failures that comes back as time passes. Beyond it nothing more is
 * computed for it: only callers that are remembered get in, the others are told to come later. So
 * guessing is slow, a flood of bad tokens costs no signatures, and whoever shares an address with
 * it goes on with the token he has. Of IPv6 the /64 counts, which is what one customer gets.
 * Bounded: of many addresses the one that failed longest ago is forgotten. Of all loops, behind
 * core/ports/failures.h: with a budget at each of them an address would have as many as there are.
 */
#ifndef AEGIS_CORE_GATEWAY_FAILED_SOURCES_H
#define AEGIS_CORE_GATEWAY_FAILED_SOURCES_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define FAILED_SOURCES_MAX 8192 /* addresses remembered */
#define FAILED_SOURCE_BYTES 8

struct failure_rate {
    int64_t failures;   /* at once; at least 1 */
    int64_t per_minute; /* and in a long time; 1..60000 */
};

struct failed_source {
    uint8_t address[FAILED_SOURCE_BYTES]; /* IPv4, or the first half of IPv6 */
    bool is_v6;
    int64_t
        spent_until_ms; /* when its whole budget is there again; in the past: the place is free */
};

struct failed_sources {
    struct failed_source sources[FAILED_SOURCES_MAX];
    int64_t spent_until_ms; /* the latest of all */
};

/* Has the address used its budget up? Nobody has at an address that is none. */
bool failed_sources_is_over(const struct failed_sources *sources, const struct failure_rate *rate,
                            struct slice peer_ip, int64_t now_ms);

/* Until then the budget of some address is used up, and not behind it; monotonic. */
int64_t failed_sources_over_until_ms(const struct failed_sources *sources,
                                     const struct failure_rate *rate);

/* Another failure of it. */
void failed_sources_add(struct failed_sources *sources, const struct failure_rate *rate,
                        struct slice peer_ip, int64_t now_ms);

/* The part of an address that counts. False for what is no address. */
bool failed_source_read(struct slice peer_ip, struct failed_source *out);

#endif
