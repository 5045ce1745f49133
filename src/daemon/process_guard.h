/* process_guard.h: what the process gives up before it holds anything secret.
 *
 * Tokens, credentials and keys live in its memory. They must not end up in a core file, and other
 * processes of the same user must not be able to attach and read them (threats, F15). */
#ifndef AEGIS_DAEMON_PROCESS_GUARD_H
#define AEGIS_DAEMON_PROCESS_GUARD_H

#include "base/diag.h"

/* No core files, for children as well, and no attaching: /proc/PID/mem and ptrace are refused to
 * everybody but root. Children are ordinary again once they run their own program.
 *
 * STATUS_UNAVAILABLE with process.guard: the system refuses; nothing secret should be loaded. */
NODISCARD enum status process_guard_apply(struct diag *diag);

#endif
