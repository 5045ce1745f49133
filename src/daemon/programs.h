/* programs.h: the commands of a configuration as programs to start. */
#ifndef AEGIS_DAEMON_PROGRAMS_H
#define AEGIS_DAEMON_PROGRAMS_H

#include "adapters/process/spawn.h"
#include "daemon/config/config.h"
#include "daemon/run_as.h"

/* One entry for each server, in order; those without a command, and those whose secret cannot be
 * read (said on stderr), have no program. Texts are borrowed from the configuration or live in the
 * arena. STATUS_LIMIT without memory. */
NODISCARD enum status programs_build(const struct config *config, const struct run_as *run_as,
                                     struct arena *arena, struct program **out);

/* Say on stderr which commands are not in PATH; their servers stay unavailable, the others are
 * served. STATUS_UNAVAILABLE with programs.none when there are no others. */
NODISCARD enum status programs_check(const struct config *config, const struct program *programs,
                                     struct diag *diag);

#endif
