/* upstream_check.h: say at the start which servers cannot be reached.
 *
 * A server that is down is no reason not to serve the others, and it is connected to again with
 * each call; but whoever starts a gateway wants to read it at once. */
#ifndef AEGIS_DAEMON_UPSTREAM_CHECK_H
#define AEGIS_DAEMON_UPSTREAM_CHECK_H

#include "daemon/config/config.h"

/* Connect to every server with an address, one after the other, on a thread of its own, because
 * names are resolved; what fails is said on stderr. Nobody waits for the thread. */
void upstream_check_start(const struct config *config);

#endif
