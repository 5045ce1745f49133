#include "core/identity/identity_cache.h"

#include "base/arena.h"

#include <assert.h>
#include <string.h>

/* A set-associative table: a token can live in one set of WAYS entries only, so looking and
 * replacing take a constant time and there are no chains to grow. */
#define WAYS 8
#define ENTRIES_MAX 65536

struct cache_entry {
    struct identity_cache_key key;
    struct principal *principal; /* NULL: free */
    int64_t kept_at_s, ends_at_s;
    uint64_t used_tick;
};

struct identity_cache {
    size_t set_mask;
    size_t entry_count;
    uint64_t tick;
    struct cache_entry entries[];
};

enum status identity_cache_new(size_t entries, struct identity_cache **out)
{
    assert(entries >= WAYS && entries <= ENTRIES_MAX);
    size_t sets = 1;
    while (sets * WAYS < entries) {
        sets *= 2;
    }
    size_t bytes = sizeof(struct identity_cache) + sets * WAYS * sizeof(struct cache_entry);
    struct identity_cache *cache = base_alloc_zero(bytes);
    if (cache == NULL) {
        return STATUS_LIMIT;
    }
    cache->set_mask = sets - 1;
    cache->entry_count = sets * WAYS;
    *out = cache;
    return STATUS_OK;
}

void identity_cache_free(struct identity_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < cache->entry_count; i++) {
        principal_unref(cache->entries[i].principal);
    }
    base_free(cache);
}

static struct cache_entry *set_of(struct identity_cache *cache,
                                  const struct identity_cache_key *key)
{
    size_t hash = 0;
    memcpy(&hash, key->token, sizeof(hash));
    return &cache->entries[(hash & cache->set_mask) * WAYS];
}

static bool key_eq(const struct identity_cache_key *a, const struct identity_cache_key *b)
{
    return a->generation == b->generation && memcmp(a->token, b->token, sizeof(a->token)) == 0 &&
           memcmp(a->resource, b->resource, sizeof(a->resource)) == 0;
}

/* A clock that went back makes ages meaningless: such an entry is not used either. */
static bool is_alive(const struct cache_entry *entry, int64_t now_s)
{
    return entry->principal != NULL && now_s >= entry->kept_at_s && now_s < entry->ends_at_s;
}

struct principal *identity_cache_find(struct identity_cache *cache,
                                      const struct identity_cache_key *key, int64_t now_s)
{
    struct cache_entry *set = set_of(cache, key);
    for (size_t i = 0; i < WAYS; i++) {
        if (is_alive(&set[i], now_s) && key_eq(&set[i].key, key)) {
            set[i].used_tick = ++cache->tick;
            return principal_ref(set[i].principal);
        }
    }
    return NULL;
}

bool identity_cache_knew(struct identity_cache *cache, const struct identity_cache_key *key,
                         int64_t now_s)
{
    const struct cache_entry *set = set_of(cache, key);
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].principal != NULL && key_eq(&set[i].key, key)) {
            return now_s >= set[i].kept_at_s && now_s < set[i].principal->expires_at_s;
        }
    }
    return false;
}

/* The same key again, else a free or dead entry, else the one used longest ago. */
static struct cache_entry *victim(struct cache_entry *set, const struct identity_cache_key *key,
                                  int64_t now_s)
{
    struct cache_entry *oldest = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].principal != NULL && key_eq(&set[i].key, key)) {
            return &set[i];
        }
        uint64_t age = is_alive(&set[i], now_s) ? set[i].used_tick : 0;
        uint64_t oldest_age = is_alive(oldest, now_s) ? oldest->used_tick : 0;
        oldest = age < oldest_age ? &set[i] : oldest;
    }
    return oldest;
}

void identity_cache_keep(struct identity_cache *cache, const struct identity_cache_key *key,
                         struct principal *principal, int64_t now_s, int64_t ends_at_s)
{
    if (ends_at_s > now_s + IDENTITY_CACHE_TTL_S) {
        ends_at_s = now_s + IDENTITY_CACHE_TTL_S;
    }
    if (principal->expires_at_s < ends_at_s) {
        ends_at_s = principal->expires_at_s;
    }
    if (principal->expires_at_s <= now_s) {
        return;
    }
    struct cache_entry *entry = victim(set_of(cache, key), key, now_s);
    principal_unref(entry->principal);
    *entry = (struct cache_entry){.key = *key,
                                  .principal = principal_ref(principal),
                                  .kept_at_s = now_s,
                                  .ends_at_s = ends_at_s,
                                  .used_tick = ++cache->tick};
}
