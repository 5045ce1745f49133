/* certificate_map.h: a connection's certificate to a principal, for callers without a token.
 *
 * What the certificate says is written down as claims, and mapped by the rules of the entry that
 * tokens of an issuer are mapped by. The entry is one that names an authority of the very chain
 * that was verified: certificates of another authority never get there, whatever they say.
 */
#ifndef AEGIS_CORE_IDENTITY_CERTIFICATE_MAP_H
#define AEGIS_CORE_IDENTITY_CERTIFICATE_MAP_H

#include "core/identity/client_certificate.h"
#include "core/identity/identity_snapshot.h"

/* The entry for a certificate: of the authorities of its chain the one nearest to it counts that
 * any entry names. NULL: there is none. *has_any: there are entries for certificates at all. */
const struct issuer_entry *certificate_entry(const struct identity_snapshot *snapshot,
                                             const struct client_certificate *certificate,
                                             bool *has_any);

/* What a verdict about the certificate hangs on, apart from the entries: a hash over it and its
 * chain that no token has. */
void certificate_hash(const struct port_crypto *crypto,
                      const struct client_certificate *certificate,
                      uint8_t out[CRYPTO_SHA256_BYTES]);

/* Fill out. Texts live in the arena, the certificate or the entry.
 *
 * Claims: "uri", "dns" and "email" where the certificate has exactly one of them, "uris",
 * "dns_names" and "emails" with all, "cn", "o" and "ou" of its subject where there is one,
 * "subject" (RFC 4514), "serial" and "sha256", both hexadecimal.
 *
 * Codes as of principal_map_tenant and principal_map. */
NODISCARD enum status certificate_map(const struct issuer_entry *entry,
                                      const struct client_certificate *certificate,
                                      const struct json_parser *parser, struct arena *arena,
                                      struct principal *out, struct diag *diag);

#endif
