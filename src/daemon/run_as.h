/* run_as.h: which users the worker and the stdio servers run as. */
#ifndef AEGIS_DAEMON_RUN_AS_H
#define AEGIS_DAEMON_RUN_AS_H

#include "base/arena.h"
#include "base/diag.h"
#include "daemon/config/config.h"

#include <sys/types.h>

struct run_as_user {
    const char *name, *home;
    uid_t user;
    gid_t group;
};

struct run_as {
    bool changes; /* we are root: users are changed; otherwise all run as we do */
    struct run_as_user worker, servers;
};

/* Find the users of a configuration. Without one named: 'aegis' for the worker when there is such a
 * user, else 'nobody', and 'nobody' for servers. Names live in the arena. STATUS_INVALID
 * process.user: there is no such user, or we are not root and it is another than ours. */
NODISCARD enum status run_as_find(const struct config *config, struct arena *arena,
                                  struct run_as *out, struct diag *diag);

/* Make the folders of state and journal; the journal and what is in it become the worker's, when we
 * may give it away. STATUS_IO state.dir. */
NODISCARD enum status run_as_prepare_state(const struct config *config, const struct run_as *run_as,
                                           struct diag *diag);

#endif
