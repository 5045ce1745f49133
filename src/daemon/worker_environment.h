/* worker_environment.h: our environment without the secrets that the configuration finds there. */
#ifndef AEGIS_DAEMON_WORKER_ENVIRONMENT_H
#define AEGIS_DAEMON_WORKER_ENVIRONMENT_H

#include "base/arena.h"
#include "daemon/config/config.h"

/* NULL-terminated; the list lives in the arena, its texts are the environment's. STATUS_LIMIT. */
NODISCARD enum status worker_environment_make(const struct config *config, struct arena *arena,
                                              const char *const **out);

#endif
