/* issuer_hint.h: why a token's issuer may be unknown, for the person who operates Aegis. */
#ifndef AEGIS_CORE_IDENTITY_ISSUER_HINT_H
#define AEGIS_CORE_IDENTITY_ISSUER_HINT_H

#include "core/identity/identity_snapshot.h"

/* A static sentence about an issuer that no entry has. Nothing of the token is verified, and
 * nothing but the wording of a refusal may depend on the answer. */
const char *issuer_hint(const struct identity_snapshot *snapshot, struct slice issuer);

#endif
