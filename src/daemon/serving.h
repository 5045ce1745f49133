/* serving.h: the running gateway: loops, listeners, journal, signals.
 *
 * One loop per thread, each with a listener of its own on the same port, its own upstream pools and
 * its own gateway. Requests go to the loop of their session, and to the caller's loop when they
 * need a child process (core/gateway). Runs until SIGINT or SIGTERM; SIGHUP reads configuration and
 * policies again. */
#ifndef AEGIS_DAEMON_SERVING_H
#define AEGIS_DAEMON_SERVING_H

#include "daemon/config/config.h"

struct serving_plan {
    const struct config *config;   /* borrowed */
    struct slice builtin_policies; /* instead of the configured ones; empty: those */
    bool no_auth;                  /* callers need no token; on loopback only */
    bool is_proxy;                 /* /mcp is the first server */
    bool no_audit;
    /* Read the configuration again for a reload, into a fresh arena; NULL: SIGHUP reads policies
     * and keys only. The result is used until the next reload. */
    const char *config_path;
};

/* Serve until told to stop. Prints one line {"listening":URL} on stdout when ready.
 *
 * STATUS_OK after an orderly stop; otherwise what kept it from starting was printed on stderr. */
NODISCARD enum status serving_run(const struct serving_plan *plan);

#endif
