/* token_hash.h: the SHA-256 of tokens that were seen a moment ago.
 *
 * By its hash a token is known in the cache and in records. A connection carries the same one again
 * and again, and hashing it takes longer than all else that is done with a token that was verified,
 * so the hashes of the last ones are remembered: not by the tokens' texts, which nobody shall find
 * here, but by two sums of products with random factors that never leave the process (NH, the
 * universal hash of UMAC, RFC 4418 §5.2). Whatever two tokens are chosen, they share one such sum
 * with a probability of 2^-64, and both with 2^-128. Owned by one loop.
 */
#ifndef AEGIS_CORE_IDENTITY_TOKEN_HASH_H
#define AEGIS_CORE_IDENTITY_TOKEN_HASH_H

#include "core/ports/crypto.h"
#include "core/ports/random.h"

#define TOKEN_HASH_BYTES_MAX 4096 /* longer tokens are not remembered */

struct token_hashes;

/* STATUS_LIMIT when there is no memory, STATUS_UNAVAILABLE without random factors. */
NODISCARD enum status token_hashes_new(const struct port_random *random, struct token_hashes **out);
void token_hashes_free(struct token_hashes *hashes); /* NULL is fine */

/* The SHA-256 of a token, remembered or computed. hashes may be NULL. Takes a time that does not
 * depend on how much of the token is like another. */
void token_hash(struct token_hashes *hashes, const struct port_crypto *crypto, struct slice token,
                uint8_t out[CRYPTO_SHA256_BYTES]);

#endif
