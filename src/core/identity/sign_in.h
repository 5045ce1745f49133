/* sign_in.h: how and for whom the caller signed in: evidence, strength, who acts.
 *
 * Issuers write evidence as they like (amr, acr, acrs, auth_time). It is kept as written, and what
 * it proves is read from the table of the issuer's preset and its configuration. What neither knows
 * proves one factor; what is absent proves nothing.
 */
#ifndef AEGIS_CORE_IDENTITY_SIGN_IN_H
#define AEGIS_CORE_IDENTITY_SIGN_IN_H

#include "core/identity/issuer_entry.h"

/* Fill amr, acr, acrs, auth_time and strength of out. STATUS_UNAUTHENTICATED with token.claim for
 * evidence of the wrong type; STATUS_LIMIT with identity.memory. */
NODISCARD enum status sign_in_read(const struct issuer_entry *entry, const struct claims *claims,
                                   struct arena *arena, struct principal *out, struct diag *diag);

/* Fill actor, is_service and the chain of those who act for the subject. Statuses as above; a chain
 * longer than PRINCIPAL_ACTORS_MAX is refused. */
NODISCARD enum status sign_in_read_actors(const struct issuer_entry *entry,
                                          const struct claims *claims, struct arena *arena,
                                          struct principal *out, struct diag *diag);

#endif
