#include "core/identity/token_hash.h"

#include "base/arena.h"

#include <string.h>

#define ENTRIES 1024 /* a power of two */
#define BLOCK_BYTES 16
/* Two for the length, two for each whole block and two for what is left. */
#define FACTORS (2 + TOKEN_HASH_BYTES_MAX / 8 + 2)

__extension__ typedef unsigned __int128 wide;

/* What a token is known by here. */
struct mark {
    wide sums[2];
};

/* A free place has the mark zero, which no token can be made to have. */
struct remembered {
    struct mark mark;
    uint8_t sha256[CRYPTO_SHA256_BYTES];
};

struct token_hashes {
    struct remembered entries[ENTRIES];
    uint64_t factors[2][FACTORS];
};

enum status token_hashes_new(const struct port_random *random, struct token_hashes **out)
{
    struct token_hashes *hashes = base_alloc_zero(sizeof(*hashes));
    if (hashes == NULL) {
        return STATUS_LIMIT;
    }
    enum status status =
        random->fill(random->context, (uint8_t *)hashes->factors, sizeof(hashes->factors));
    if (status != STATUS_OK) {
        base_free(hashes);
        return status;
    }
    *out = hashes;
    return STATUS_OK;
}

void token_hashes_free(struct token_hashes *hashes)
{
    if (hashes != NULL) {
        explicit_bzero(hashes->factors, sizeof(hashes->factors));
        base_free(hashes);
    }
}

static inline wide product(const uint8_t block[BLOCK_BYTES], const uint64_t factors[2])
{
    return (wide)(bytes_word(block) + factors[0]) * (bytes_word(block + 8) + factors[1]);
}

/* Tokens of different lengths differ in the first product, others in that of some block. */
static inline wide sum_of(const uint64_t *factors, struct slice token)
{
    wide sum = (wide)(token.len + factors[0]) * factors[1];
    uint8_t rest[BLOCK_BYTES] = {0};
    size_t at = 0;
    factors += 2;
    for (; token.len - at >= BLOCK_BYTES; at += BLOCK_BYTES, factors += 2) {
        sum += product(token.ptr + at, factors);
    }
    memcpy(rest, token.ptr + at, token.len - at);
    return sum + product(rest, factors);
}

void token_hash(struct token_hashes *hashes, const struct port_crypto *crypto, struct slice token,
                uint8_t out[CRYPTO_SHA256_BYTES])
{
    if (hashes == NULL || token.len == 0 || token.len > TOKEN_HASH_BYTES_MAX) {
        crypto->sha256(crypto->context, token, out);
        return;
    }
    const struct mark mark = {
        {sum_of(hashes->factors[0], token), sum_of(hashes->factors[1], token)}};
    struct remembered *entry = &hashes->entries[(size_t)(mark.sums[0] >> 64) & (ENTRIES - 1)];
    wide differences = (entry->mark.sums[0] ^ mark.sums[0]) | (entry->mark.sums[1] ^ mark.sums[1]);
    if (differences != 0) {
        crypto->sha256(crypto->context, token, entry->sha256);
        entry->mark = mark;
    }
    memcpy(out, entry->sha256, CRYPTO_SHA256_BYTES);
}
