/* authority_chains.h: can a chain of certificates that ends at a trusted authority go through
 * others?
 *
 * For whoever names authorities twice: those that connections are accepted by, and those that
 * callers are told apart by. Only what is certain is said: authorities that are in no file may lie
 * between two that are, because clients send them along.
 */
#ifndef AEGIS_ADAPTERS_CRYPTO_AUTHORITY_CHAINS_H
#define AEGIS_ADAPTERS_CRYPTO_AUTHORITY_CHAINS_H

#include "adapters/crypto/authorities.h"

/* Trusted as they stand, one below another, too. */
struct authority_chains {
    X509_STORE *trusted;
};

/* The certificates of these files, whose paths end in a NUL outside their length. Codes as of
 * authorities_read; STATUS_LIMIT without memory. On failure there is nothing to release. */
NODISCARD enum status authority_chains_open(struct authority_chains *chains,
                                            const struct slice *files, size_t count,
                                            struct diag *diag);

/* Is there none through any of own? Each of these, or what is known above it, ends at an authority
 * that is its own and not trusted. At any time: what has expired may be renewed. */
bool authority_chains_miss(const struct authority_chains *chains, const struct authorities *own);

void authority_chains_release(struct authority_chains *chains);

#endif
