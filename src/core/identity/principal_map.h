/* principal_map.h: verified claims to a principal, by the mapping of the issuer's entry.
 *
 * Takes what the entry names and nothing else. Too long or ill-typed lists refuse the token instead
 * of being cut off: a lost group would lift a forbid.
 */
#ifndef AEGIS_CORE_IDENTITY_PRINCIPAL_MAP_H
#define AEGIS_CORE_IDENTITY_PRINCIPAL_MAP_H

#include "core/identity/claims.h"
#include "core/identity/identity_snapshot.h"

#define PRINCIPAL_ATTRIBUTE_BYTES_MAX 4096

/* Fill out from claims that were read and verified; texts live in the arena or the token.
 * STATUS_UNAUTHENTICATED with token.subject, token.tenant, token.overage or token.claim;
 * STATUS_LIMIT with identity.memory. */
NODISCARD enum status principal_map(const struct issuer_entry *entry, const struct claims *claims,
                                    struct arena *arena, struct principal *out, struct diag *diag);

#endif
