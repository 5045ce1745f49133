/* asking_once.h: an issuer asked about one token, as the gateway does: for commands. */
#ifndef AEGIS_DAEMON_ASKING_ONCE_H
#define AEGIS_DAEMON_ASKING_ONCE_H

#include "core/identity/identity.h"
#include "daemon/inputs.h"
#include "daemon/key_reading.h"

/* Waits for the answer, at most limits.introspection_timeout_ms. reading has read the keys of the
 * configuration in inputs; out lives in the arena. Statuses and codes of introspection.h. */
NODISCARD enum status asking_once(struct key_reading *reading, const struct inputs *inputs,
                                  const struct identity_miss *miss, struct arena *arena,
                                  struct identity_answer *out, struct diag *diag);

#endif
