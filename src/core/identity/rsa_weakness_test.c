#include "core/identity/rsa_weakness.h"

#include "support/check.h"

/* Weak primes are k * M + 65537^a mod M, so a power of 65537 carries the mark by itself. Real weak
 * keys are in the Wycheproof vectors (adapters/crypto). */
TEST(rsa_weakness_knows_the_mark)
{
    uint8_t modulus[256];
    CHECK(rsa_weakness_is_roca(slice_of("\x01\x00\x01", 3)));
    CHECK(rsa_weakness_is_roca(slice_of("\x01\x00\x02\x00\x01", 5)));
    CHECK(!rsa_weakness_is_roca(slice_of("\x01\x00\x03", 3)));
    CHECK(!rsa_weakness_is_roca(slice_of("\x01\x00\x02\x00\x02", 5)));
    for (size_t run = 0; run < 200; run++) {
        for (size_t i = 0; i < sizeof(modulus); i++) {
            modulus[i] = (uint8_t)check_random();
        }
        CHECK(!rsa_weakness_is_roca(slice_of(modulus, sizeof(modulus))));
    }
}
