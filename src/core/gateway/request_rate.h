/* request_rate.h: how many requests a principal may make of one loop: so many a second in the long
 * run, and some at once.
 *
 * Kept is, for each principal, when his whole burst is there again (a token bucket as one number,
 * known as GCRA). Who has it again is as good as unknown and makes room for others; who has not is
 * never forgotten, so that nobody gets a new burst by the coming of many others.
 */
#ifndef AEGIS_CORE_GATEWAY_REQUEST_RATE_H
#define AEGIS_CORE_GATEWAY_REQUEST_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_RATE_DIGEST_BYTES 32
#define REQUEST_RATE_BUCKETS 256
#define REQUEST_RATE_PRINCIPALS_MAX 65536 /* who have less than their burst, at one time */

struct request_rate {
    int64_t per_s; /* 0: no limit; 1000000 at most */
    int64_t burst; /* at once; at least 1, 1000000 at most */
};

struct request_debtor;

/* Zero is empty. */
struct request_rates {
    struct request_debtor *buckets[REQUEST_RATE_BUCKETS];
    size_t count;
};

/* May the principal with that digest make a request now? now_ms: monotonic. False also without
 * memory for him. */
bool request_rates_take(struct request_rates *rates, const struct request_rate *rate,
                        const uint8_t digest[REQUEST_RATE_DIGEST_BYTES], int64_t now_ms);

void request_rates_release(struct request_rates *rates);

#endif
