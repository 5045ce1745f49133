#include "core/gateway/request_rate.h"

#include "base/arena.h"

#include <assert.h>
#include <string.h>

#define NS_PER_MS 1000000
#define NS_PER_S 1000000000

struct request_debtor {
    struct request_debtor *next;
    int64_t whole_at_ns; /* when his whole burst is there again */
    uint8_t digest[REQUEST_RATE_DIGEST_BYTES];
};

/* Finds him, and forgets on the way who has his whole burst again. */
static struct request_debtor *find(struct request_rates *rates, const uint8_t *digest,
                                   int64_t now_ns)
{
    struct request_debtor *found = NULL;
    struct request_debtor **at = &rates->buckets[digest[0]];
    while (*at != NULL) {
        struct request_debtor *debtor = *at;
        if (memcmp(debtor->digest, digest, sizeof(debtor->digest)) == 0) {
            found = debtor;
        } else if (debtor->whole_at_ns <= now_ns) {
            *at = debtor->next;
            rates->count--;
            base_free(debtor);
            continue;
        }
        at = &debtor->next;
    }
    return found;
}

static struct request_debtor *add(struct request_rates *rates, const uint8_t *digest)
{
    struct request_debtor *debtor =
        rates->count < REQUEST_RATE_PRINCIPALS_MAX ? base_alloc(sizeof(*debtor)) : NULL;
    if (debtor == NULL) {
        return NULL;
    }
    *debtor = (struct request_debtor){.next = rates->buckets[digest[0]]};
    memcpy(debtor->digest, digest, sizeof(debtor->digest));
    rates->buckets[digest[0]] = debtor;
    rates->count++;
    return debtor;
}

bool request_rates_take(struct request_rates *rates, const struct request_rate *rate,
                        const uint8_t digest[REQUEST_RATE_DIGEST_BYTES], int64_t now_ms)
{
    if (rate->per_s == 0) {
        return true;
    }
    assert(rate->per_s > 0 && rate->per_s <= 1000000 && rate->burst >= 1 &&
           rate->burst <= 1000000 && now_ms >= 0);
    int64_t now_ns = now_ms * NS_PER_MS;
    int64_t cost_ns = NS_PER_S / rate->per_s;
    struct request_debtor *debtor = find(rates, digest, now_ns);
    debtor = debtor == NULL ? add(rates, digest) : debtor;
    if (debtor == NULL) {
        return false;
    }
    int64_t from_ns = debtor->whole_at_ns > now_ns ? debtor->whole_at_ns : now_ns;
    if (from_ns + cost_ns > now_ns + rate->burst * cost_ns) {
        return false;
    }
    debtor->whole_at_ns = from_ns + cost_ns;
    return true;
}

void request_rates_release(struct request_rates *rates)
{
    for (size_t i = 0; i < REQUEST_RATE_BUCKETS; i++) {
        while (rates->buckets[i] != NULL) {
            struct request_debtor *debtor = rates->buckets[i];
            rates->buckets[i] = debtor->next;
            base_free(debtor);
        }
    }
    rates->count = 0;
}
