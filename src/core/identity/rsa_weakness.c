#include "core/identity/rsa_weakness.h"

/* Small primes for which the powers of 65537 are few among all residues. */
static const uint32_t PRIMES[] = {11, 13, 17,  19,  37,  53,  61,  71, 73,
                                  79, 97, 103, 107, 109, 127, 151, 157};

static uint32_t residue(struct slice number, uint32_t prime)
{
    uint32_t rest = 0;
    for (size_t i = 0; i < number.len; i++) {
        rest = (rest * 256 + number.ptr[i]) % prime;
    }
    return rest;
}

/* Is value among the powers of 65537 modulo prime? */
static bool is_power(uint32_t value, uint32_t prime)
{
    uint32_t generator = 65537 % prime;
    uint32_t power = 1;
    do {
        if (power == value) {
            return true;
        }
        power = power * generator % prime;
    } while (power != 1);
    return false;
}

bool rsa_weakness_is_roca(struct slice modulus)
{
    for (size_t i = 0; i < COUNT_OF(PRIMES); i++) {
        if (!is_power(residue(modulus, PRIMES[i]), PRIMES[i])) {
            return false;
        }
    }
    return true;
}
