/* supervisor.h: the process of `aegis serve` that holds the rights.
 *
 * Reads the files, binds the port, starts stdio servers, and keeps one worker running that does
 * everything else. The sockets stay bound while a worker is replaced: clients wait in their queue.
 * Never reads a byte from outside. One thread, one poll loop. See docs/processes.md. */
#ifndef AEGIS_DAEMON_SUPERVISOR_H
#define AEGIS_DAEMON_SUPERVISOR_H

#include "base/status.h"

/* Serve what the configuration file describes until SIGINT or SIGTERM; SIGHUP reads it again.
 * Prints one line {"listening":URL} on stdout when clients are served for the first time.
 *
 * STATUS_OK after an orderly stop; otherwise what kept it from serving was said on stderr. */
NODISCARD enum status supervisor_run(const char *config_path);

#endif
