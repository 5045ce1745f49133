/* openssl_crypto.h: the ports crypto and random on OpenSSL 3 and the kernel.
 *
 * One context serves a whole process: it is immutable after its birth and safe from any thread.
 */
#ifndef AEGIS_ADAPTERS_CRYPTO_OPENSSL_CRYPTO_H
#define AEGIS_ADAPTERS_CRYPTO_OPENSSL_CRYPTO_H

#include "core/ports/crypto.h"
#include "core/ports/random.h"

struct openssl_crypto;

/* STATUS_UNAVAILABLE when OpenSSL cannot give its algorithms, STATUS_LIMIT without memory. */
NODISCARD enum status openssl_crypto_new(struct openssl_crypto **out);

/* NULL is fine. All keys must be gone. */
void openssl_crypto_free(struct openssl_crypto *crypto);

/* The port; valid as long as crypto. */
const struct port_crypto *openssl_crypto_port(struct openssl_crypto *crypto);

/* Random bytes by getrandom(2). */
struct port_random system_random(void);

#endif
