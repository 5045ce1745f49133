/* rsa_weakness.h: RSA keys of a generator that gave its primes away.
 *
 * ROCA (CVE-2017-15361): a library in widely sold chips made primes of a special form. Moduli of
 * such keys leave residues modulo small primes that random ones do not, and can be factored.
 */
#ifndef AEGIS_CORE_IDENTITY_RSA_WEAKNESS_H
#define AEGIS_CORE_IDENTITY_RSA_WEAKNESS_H

#include "base/slice.h"

/* Does a big-endian modulus carry the mark? A random one does with a chance below 2^-20. */
bool rsa_weakness_is_roca(struct slice modulus);

#endif
