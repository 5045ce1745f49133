/* program_environment.h: the environment a program gets. */
#ifndef AEGIS_ADAPTERS_PROCESS_PROGRAM_ENVIRONMENT_H
#define AEGIS_ADAPTERS_PROCESS_PROGRAM_ENVIRONMENT_H

#include "base/arena.h"

/* A NULL-terminated array of "NAME=value": what the configuration sets, which wins, then PATH, HOME
 * and LANG of ours. Nothing else of ours.
 *
 * own   NULL-terminated, borrowed as long as the result; may be NULL
 * Lives in the arena. STATUS_LIMIT when it is full. */
NODISCARD enum status program_environment_make(const char *const *own, struct arena *arena,
                                               const char *const **out);

#endif
