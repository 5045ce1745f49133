/* stdio_environment.h: the environment a child gets; private to transport. */
#ifndef AEGIS_ADAPTERS_TRANSPORT_STDIO_ENVIRONMENT_H
#define AEGIS_ADAPTERS_TRANSPORT_STDIO_ENVIRONMENT_H

#include "adapters/transport/stdio_upstream.h"

/* A NULL-terminated array of "NAME=value": PATH, HOME and LANG, the listed names, and what the
 * target sets itself, which wins. Nothing else of ours. Lives in the arena. STATUS_LIMIT. */
NODISCARD enum status stdio_environment_make(const struct stdio_target *target, struct arena *arena,
                                             char ***out);

#endif
