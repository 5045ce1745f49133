/* worker.h: the process that serves clients, without rights of its own.
 *
 * Started by the supervisor (supervisor.h) with four descriptors; everything else comes through
 * them. Enters the sandbox before it reads the first byte from outside. */
#ifndef AEGIS_DAEMON_WORKER_H
#define AEGIS_DAEMON_WORKER_H

#include "base/status.h"

#define WORKER_COMMAND "worker"  /* `aegis worker` */
#define WORKER_CHANNEL 3         /* descriptors of the control channel */
#define WORKER_KEYS_CHANNEL 4    /* the keys channel */
#define WORKER_SIGNING_CHANNEL 5 /* the signing channel */
#define WORKER_SPOOL 6           /* with audit, and the memory of its spool */

/* Serve until told to stop. What kept it from starting was said on stderr. */
NODISCARD enum status worker_run(void);

#endif
