/* standalone.h: a gateway in this one process, without a supervisor: `aegis proxy`, `aegis wrap`.
 */
#ifndef AEGIS_DAEMON_STANDALONE_H
#define AEGIS_DAEMON_STANDALONE_H

#include "daemon/config/config.h"

struct bearer_source;
struct network;

struct standalone {
    const struct config *config;   /* borrowed */
    struct slice builtin_policies; /* instead of the configured ones; empty: those */
    bool no_auth;                  /* callers need no token; on loopback only */
    bool no_audit;
    bool is_stdio;                      /* the client is at the standard streams */
    const struct bearer_source *bearer; /* what servers with an address are given; NULL: nothing */
    const struct network *network;      /* network.h; NULL: with is_stdio and commands only */
};

/* Serve until told to stop; SIGHUP reads policies and keys again. When ready prints one line
 * {"listening":URL} on stdout, which with is_stdio is the client's. Statuses as serving_run. */
NODISCARD enum status standalone_run(const struct standalone *standalone);

#endif
