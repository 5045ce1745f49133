/* serving.h: the running gateway: loops, journal, signals.
 *
 * One loop per thread, each with a listener of its own on the same port, its own upstream pools,
 * its own children and its own gateway. Runs until SIGINT or SIGTERM; SIGHUP asks the host for new
 * inputs. The host is the process around it: `aegis proxy`, or the worker of `aegis serve`. */
#ifndef AEGIS_DAEMON_SERVING_H
#define AEGIS_DAEMON_SERVING_H

#include "adapters/journal/checkpoint.h"
#include "adapters/process/spawn.h"
#include "core/gateway/sealing_keys.h"
#include "daemon/inputs.h"
#include "daemon/key_sets.h"
#include "daemon/listeners.h"
#include "daemon/revocation_file.h"

struct serving_host {
    void *context;
    void (*ready)(void *context); /* clients are served from now on */
    /* Read inputs again; texts may live in the arena. What is wrong was said on stderr. */
    enum status (*reload)(void *context, struct arena *arena, struct inputs *out);
    /* Append the key set document of an issuer; as key_sets_read. */
    enum status (*read_keys)(const struct config *config, const struct config_issuer *issuer,
                             struct buf *out, struct diag *diag);
    revocation_file_fn read_revocations;
    /* The period of the keys that seal what clients carry is over: those of now. NULL: they are
     * this process' own. */
    enum status (*read_sealing)(const struct config *config, struct sealing_keys *out);
    void (*reloaded)(void *context, bool is_done); /* the new inputs are in force, or the old */
};

struct bearer_source;
struct network;

struct serving_plan {
    const struct inputs *inputs;            /* borrowed */
    struct listeners *listeners;            /* taken over */
    const struct program *programs;         /* by server; NULL: */
    const int *process_channels;            /* one for each listener, to the supervisor */
    const struct checkpoint_signer *signer; /* of the journal; borrowed, NULL without audit */
    struct spool *spool; /* of the journal; borrowed, NULL: nobody goes on writing this journal */
    struct serving_host host;
    const struct sealing_keys *sealing; /* to begin with; NULL: of this process */
    const struct bearer_source *bearer; /* as in lane.h */
    bool no_auth;                       /* callers need no token; on loopback only */
    bool is_proxy;                      /* /mcp is the first server */
    bool is_stdio; /* one client, at the standard streams, until it ends its input */
    const struct network *network; /* network.h; NULL: with is_stdio and commands only */
};

/* Serve until told to stop. STATUS_OK after an orderly stop; otherwise what kept it from starting
 * was said on stderr. */
NODISCARD enum status serving_run(const struct serving_plan *plan);

#endif
