#include "core/identity/token_hash.h"

#include "support/check.h"
#include "support/fake_crypto.h"

#define TEXT_BYTES (TOKEN_HASH_BYTES_MAX + 1)

static enum status fill(void *context, uint8_t *out, size_t size)
{
    const enum status *status = context;
    for (size_t i = 0; i < size; i++) {
        out[i] = (uint8_t)check_random();
    }
    return *status;
}

struct fixture {
    struct fake_crypto crypto;
    struct token_hashes *hashes;
    uint8_t text[TEXT_BYTES];
};

static void fixture_init(struct fixture *fixture)
{
    enum status status = STATUS_OK;
    const struct port_random random = {&status, fill};
    fake_crypto_init(&fixture->crypto);
    CHECK(token_hashes_new(&random, &fixture->hashes) == STATUS_OK);
    for (size_t i = 0; i < sizeof(fixture->text); i++) {
        fixture->text[i] = (uint8_t)('a' + i % 26);
    }
}

/* Was the hash remembered? Whether or not, it is the right one. */
static bool is_remembered(struct fixture *fixture, size_t len)
{
    const struct port_crypto *crypto = &fixture->crypto.port;
    struct slice token = slice_of(fixture->text, len);
    uint8_t expected[CRYPTO_SHA256_BYTES];
    uint8_t got[CRYPTO_SHA256_BYTES];
    crypto->sha256(crypto->context, token, expected);
    int before = fixture->crypto.hashes;
    token_hash(fixture->hashes, crypto, token, got);
    CHECK(memcmp(got, expected, sizeof(got)) == 0);
    return fixture->crypto.hashes == before;
}

TEST(token_hash_is_remembered_up_to_its_length)
{
    static const struct {
        size_t len;
        bool is_remembered;
    } ROWS[] = {{0, false},   {1, true},   {15, true},   {16, true},
                {17, true},   {700, true}, {4095, true}, {TOKEN_HASH_BYTES_MAX, true},
                {4097, false}};
    struct fixture fixture;
    fixture_init(&fixture);
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        CHECK(!is_remembered(&fixture, ROWS[i].len));
        CHECK(is_remembered(&fixture, ROWS[i].len) == ROWS[i].is_remembered);
    }
    token_hashes_free(fixture.hashes);
}

TEST(token_hash_tells_every_bit_and_length_apart)
{
    struct fixture fixture;
    const size_t len = 61;
    fixture_init(&fixture);
    for (size_t bit = 0; bit < len * 8; bit++) {
        (void)is_remembered(&fixture, len);
        fixture.text[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        CHECK(!is_remembered(&fixture, len));
        fixture.text[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    /* Zeros at the end are what a shorter token would be filled up with. */
    memset(fixture.text, 0, sizeof(fixture.text));
    for (size_t i = 1; i < 70; i++) {
        CHECK(!is_remembered(&fixture, i));
        CHECK(is_remembered(&fixture, i));
    }
    token_hashes_free(fixture.hashes);
}

/* Places are few: who loses one is hashed again. */
TEST(token_hash_of_many_tokens)
{
    struct fixture fixture;
    fixture_init(&fixture);
    for (uint32_t i = 0; i < 5000; i++) {
        memcpy(fixture.text, &i, sizeof(i));
        CHECK(!is_remembered(&fixture, 40));
    }
    size_t remembered = 0;
    for (uint32_t i = 0; i < 5000; i++) {
        memcpy(fixture.text, &i, sizeof(i));
        remembered += is_remembered(&fixture, 40) ? 1 : 0;
    }
    CHECK(remembered < 1024);
    token_hashes_free(fixture.hashes);
}

TEST(token_hash_without_memory_of_it)
{
    struct fixture fixture;
    fixture_init(&fixture);
    token_hashes_free(fixture.hashes);
    fixture.hashes = NULL;
    CHECK(!is_remembered(&fixture, 40) && !is_remembered(&fixture, 40));
    token_hashes_free(NULL);
}

TEST(token_hashes_need_random_factors)
{
    enum status status = STATUS_UNAVAILABLE;
    const struct port_random random = {&status, fill};
    struct token_hashes *hashes = NULL;
    CHECK(token_hashes_new(&random, &hashes) == STATUS_UNAVAILABLE && hashes == NULL);
}

static bool make(void *context)
{
    enum status status = STATUS_OK;
    const struct port_random random = {&status, fill};
    struct token_hashes *hashes = NULL;
    (void)context;
    status = token_hashes_new(&random, &hashes);
    token_hashes_free(hashes);
    return status == STATUS_OK;
}

TEST(token_hashes_survive_every_failed_allocation)
{
    check_every_allocation(make, NULL);
}
