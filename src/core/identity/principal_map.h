/* principal_map.h: verified claims to a principal, by the mapping of the issuer's entry.
 *
 * Takes what the entry names and nothing else. Too long or ill-typed lists refuse the token instead
 * of being cut off: a lost group would lift a forbid.
 */
#ifndef AEGIS_CORE_IDENTITY_PRINCIPAL_MAP_H
#define AEGIS_CORE_IDENTITY_PRINCIPAL_MAP_H

#include "core/identity/identity_snapshot.h"

#define PRINCIPAL_ATTRIBUTE_BYTES_MAX 4096
#define PRINCIPAL_ACTORS_MAX 5

/* The tenant of the token, and whether its issuer may speak for it. Before principal_map.
 * STATUS_UNAUTHENTICATED with token.tenant or token.issuer; STATUS_LIMIT with identity.memory. */
NODISCARD enum status principal_map_tenant(const struct issuer_entry *entry,
                                           const struct claims *claims, struct arena *arena,
                                           struct slice *out, struct diag *diag);

/* Does the token say that the issuer left its groups out? */
bool principal_map_lacks_groups(const struct claims *claims);

/* Fill out, all but the tenant, from claims that were read and verified; texts live in the arena or
 * the token. STATUS_UNAUTHENTICATED with token.subject or token.claim; STATUS_LIMIT with
 * identity.memory. */
NODISCARD enum status principal_map(const struct issuer_entry *entry, const struct claims *claims,
                                    struct arena *arena, struct principal *out, struct diag *diag);

#endif
