/* binding.h: what a token is worth nothing without (RFC 7800): a key, or a certificate. */
#ifndef AEGIS_CORE_IDENTITY_BINDING_H
#define AEGIS_CORE_IDENTITY_BINDING_H

#include "base/arena.h"
#include "base/diag.h"
#include "core/ports/crypto.h"
#include "json/tape.h"

/* Where a token names both, both are needed. */
struct token_binding {
    bool to_key;                              /* cnf.jkt, RFC 9449 §6.1 */
    bool to_certificate;                      /* cnf["x5t#S256"], RFC 8705 §3.1 */
    uint8_t key[CRYPTO_SHA256_BYTES];         /* the key's thumbprint */
    uint8_t certificate[CRYPTO_SHA256_BYTES]; /* of the certificate's DER */
};

/* Read the claim `cnf` of a token. Without one nothing is bound.
 *
 * STATUS_UNAUTHENTICATED with token.binding for a binding that we cannot check: taking it for none
 * would give a stolen token its worth back. */
NODISCARD enum status token_binding_read(const struct json_tape *tape, struct token_binding *out,
                                         struct diag *diag);

#endif
