/* identity_cache.h: tokens that were verified a moment ago.
 *
 * Bounded and owned by one loop, so it needs no lock. The key is all that made the result: SHA-256
 * of the whole token, the generation of the snapshot, and the resource it was presented to. An
 * entry lives until the token expires, at most IDENTITY_CACHE_TTL_S. Policy is decided on every
 * request, never here. Refusals are not kept.
 */
#ifndef AEGIS_CORE_IDENTITY_IDENTITY_CACHE_H
#define AEGIS_CORE_IDENTITY_IDENTITY_CACHE_H

#include "core/identity/principal.h"

#define IDENTITY_CACHE_ENTRIES_DEFAULT 4096
#define IDENTITY_CACHE_TTL_S 300

struct identity_cache;

struct identity_cache_key {
    uint8_t token[CRYPTO_SHA256_BYTES];    /* SHA-256 of the token */
    uint8_t resource[CRYPTO_SHA256_BYTES]; /* SHA-256 of the resource; zero when there is none */
    uint64_t generation;
};

/* entries: 8..65536, rounded up to a power of two. STATUS_LIMIT when there is no memory. */
NODISCARD enum status identity_cache_new(size_t entries, struct identity_cache **out);
void identity_cache_free(struct identity_cache *cache); /* NULL is fine */

/* The principal with one more reference, or NULL. Allocates nothing. */
struct principal *identity_cache_find(struct identity_cache *cache,
                                      const struct identity_cache_key *key, int64_t now_s);

/* Was there one for a token that has not expired, though it may not be used any more? */
bool identity_cache_knew(struct identity_cache *cache, const struct identity_cache_key *key,
                         int64_t now_s);

/* Keep a principal (takes its own reference) until ends_at_s at most, or only know of it if that is
 * over; may push out the entry used longest ago. */
void identity_cache_keep(struct identity_cache *cache, const struct identity_cache_key *key,
                         struct principal *principal, int64_t now_s, int64_t ends_at_s);

#endif
