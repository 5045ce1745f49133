#include "core/identity/identity_cache.h"

#include "support/check.h"
#include "support/fake_crypto.h"

#define NOW_S 1000

static struct principal *person(const char *subject, int64_t expires_at_s)
{
    struct principal *principal = NULL;
    struct principal fields = {
        .issuer = SLICE("corp"), .subject = slice_view_cstr(subject), .expires_at_s = expires_at_s};
    struct fake_crypto crypto;
    fake_crypto_init(&crypto);
    CHECK(principal_new(&fields, &crypto.port, &principal, NULL) == STATUS_OK);
    return principal;
}

static struct identity_cache_key key_of(uint64_t token, uint64_t generation, uint8_t resource)
{
    struct identity_cache_key key = {.generation = generation};
    memcpy(key.token, &token, sizeof(token));
    key.resource[31] = resource;
    return key;
}

/* Is exactly this key in the cache? */
static bool is_found(struct identity_cache *cache, struct identity_cache_key key, int64_t now_s)
{
    struct principal *principal = identity_cache_find(cache, &key, now_s);
    principal_unref(principal);
    return principal != NULL;
}

TEST(identity_cache_never_crosses_token_generation_or_resource)
{
    struct identity_cache *cache = NULL;
    struct principal *alice = person("alice", NOW_S + 60);
    struct identity_cache_key key = key_of(1, 5, 9);
    CHECK(identity_cache_new(64, &cache) == STATUS_OK);
    CHECK(!is_found(cache, key, NOW_S));
    identity_cache_keep(cache, &key, alice, NOW_S, INT64_MAX);
    CHECK(is_found(cache, key, NOW_S));
    CHECK(!is_found(cache, key_of(2, 5, 9), NOW_S));
    CHECK(!is_found(cache, key_of(1, 6, 9), NOW_S));
    CHECK(!is_found(cache, key_of(1, 5, 8), NOW_S));
    for (size_t bit = 0; bit < 8 * sizeof(key.token); bit++) {
        struct identity_cache_key other = key;
        other.token[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        CHECK(!is_found(cache, other, NOW_S));
    }
    identity_cache_free(cache);
    CHECK(alice->references == 1);
    principal_unref(alice);
}

TEST(identity_cache_ages_at_the_edges)
{
    static const struct {
        const char *name;
        int64_t expires_at_s, now_s;
        bool found;
    } rows[] = {
        {"at once", NOW_S + 1000, NOW_S, true},
        {"last second of the lifetime", NOW_S + 1000, NOW_S + IDENTITY_CACHE_TTL_S - 1, true},
        {"lifetime over", NOW_S + 1000, NOW_S + IDENTITY_CACHE_TTL_S, false},
        {"last second of the token", NOW_S + 10, NOW_S + 9, true},
        {"token expired", NOW_S + 10, NOW_S + 10, false},
        {"expired when kept", NOW_S, NOW_S, false},
        {"clock went back", NOW_S + 1000, NOW_S - 1, false},
        {"without an end", INT64_MAX, NOW_S + 1, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct identity_cache *cache = NULL;
        struct principal *alice = person("alice", rows[i].expires_at_s);
        struct identity_cache_key key = key_of(1, 1, 0);
        CHECK(identity_cache_new(8, &cache) == STATUS_OK);
        identity_cache_keep(cache, &key, alice, NOW_S, INT64_MAX);
        CHECK_ROW(rows[i].name, is_found(cache, key, rows[i].now_s) == rows[i].found);
        identity_cache_free(cache);
        principal_unref(alice);
    }
}

/* Who is known, and may yet not be used: until the token is over, and by the whole key only. */
TEST(identity_cache_knew_at_the_edges)
{
    static const struct {
        const char *name;
        int64_t ends_at_s, expires_at_s, now_s;
        bool is_found, is_known;
    } rows[] = {
        {"in use", NOW_S + 60, NOW_S + 100, NOW_S + 59, true, true},
        {"not used any more", NOW_S + 60, NOW_S + 100, NOW_S + 60, false, true},
        {"never used", NOW_S, NOW_S + 100, NOW_S, false, true},
        {"last second of the token", NOW_S, NOW_S + 100, NOW_S + 99, false, true},
        {"token over", NOW_S, NOW_S + 100, NOW_S + 100, false, false},
        {"token over when kept", NOW_S + 60, NOW_S, NOW_S, false, false},
        {"clock went back", NOW_S + 60, NOW_S + 100, NOW_S - 1, false, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct identity_cache *cache = NULL;
        struct principal *alice = person("alice", rows[i].expires_at_s);
        const struct identity_cache_key key = key_of(1, 5, 9);
        const struct identity_cache_key others[] = {key_of(2, 5, 9), key_of(1, 6, 9),
                                                    key_of(1, 5, 8)};
        CHECK(identity_cache_new(8, &cache) == STATUS_OK);
        identity_cache_keep(cache, &key, alice, NOW_S, rows[i].ends_at_s);
        CHECK_ROW(rows[i].name, is_found(cache, key, rows[i].now_s) == rows[i].is_found);
        CHECK_ROW(rows[i].name,
                  identity_cache_knew(cache, &key, rows[i].now_s) == rows[i].is_known);
        for (size_t k = 0; k < COUNT_OF(others); k++) {
            CHECK_ROW(rows[i].name, !identity_cache_knew(cache, &others[k], rows[i].now_s));
        }
        identity_cache_free(cache);
        principal_unref(alice);
    }
}

TEST(identity_cache_is_bounded_and_pushes_out_the_oldest)
{
    struct identity_cache *cache = NULL;
    struct principal *people[64];
    CHECK(identity_cache_new(8, &cache) == STATUS_OK);
    for (uint64_t i = 0; i < COUNT_OF(people); i++) {
        people[i] = person("alice", NOW_S + 60);
        struct identity_cache_key key = key_of(i, 1, 0);
        identity_cache_keep(cache, &key, people[i], NOW_S, INT64_MAX);
        /* The first one stays because it is used all the time. */
        CHECK(is_found(cache, key_of(0, 1, 0), NOW_S));
    }
    size_t found = 0;
    for (uint64_t i = 0; i < COUNT_OF(people); i++) {
        found += is_found(cache, key_of(i, 1, 0), NOW_S);
    }
    CHECK(found == 8);
    identity_cache_free(cache);
    for (size_t i = 0; i < COUNT_OF(people); i++) {
        CHECK(people[i]->references == 1);
        principal_unref(people[i]);
    }
}

TEST(identity_cache_replaces_the_same_key)
{
    struct identity_cache *cache = NULL;
    struct principal *first = person("alice", NOW_S + 60);
    struct principal *second = person("bob", NOW_S + 60);
    struct identity_cache_key key = key_of(1, 1, 0);
    CHECK(identity_cache_new(8, &cache) == STATUS_OK);
    identity_cache_keep(cache, &key, first, NOW_S, INT64_MAX);
    identity_cache_keep(cache, &key, second, NOW_S, INT64_MAX);
    CHECK(first->references == 1 && second->references == 2);
    struct principal *found = identity_cache_find(cache, &key, NOW_S);
    CHECK(found == second);
    principal_unref(found);
    identity_cache_free(cache);
    principal_unref(first);
    principal_unref(second);
}

static bool make_cache(void *context)
{
    struct identity_cache *cache = NULL;
    (void)context;
    enum status status = identity_cache_new(8, &cache);
    CHECK(status == STATUS_OK || status == STATUS_LIMIT);
    identity_cache_free(cache);
    return status == STATUS_OK;
}

TEST(identity_cache_survives_a_failing_allocation)
{
    check_every_allocation(make_cache, NULL);
    identity_cache_free(NULL);
}
