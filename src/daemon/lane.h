/* lane.h: everything one loop of the daemon owns. */
#ifndef AEGIS_DAEMON_LANE_H
#define AEGIS_DAEMON_LANE_H

#include "adapters/process/local_process.h"
#include "adapters/runtime/loop.h"
#include "adapters/transport/http_server.h"
#include "adapters/transport/http_upstream.h"
#include "adapters/transport/stdio_upstream.h"
#include "adapters/transport/upstream_mux.h"
#include "core/gateway/gateway.h"
#include "daemon/config/config.h"

#include <stdatomic.h>

/* What all lanes share; borrowed and immutable while they run. */
struct lane_shared {
    const struct config *config;
    const struct upstream_target *http_targets;
    const struct program *programs; /* server_count */
    const bool *is_stdio;
    size_t server_count;
    bool has_stdio;
    const struct port_clock *clock;
    const struct port_random *random;
    const struct port_crypto *crypto;
    const struct port_journal *journal; /* NULL: no audit */
    struct tls_context *tls;            /* NULL: plain */
    uint8_t session_key[GATEWAY_SESSION_KEY_BYTES];
};

struct lane {
    const struct lane_shared *shared;
    struct lane *home; /* where stdio children live */
    struct loop loop;
    struct gateway gateway;
    struct http_server server;
    struct http_upstream *http;
    struct local_process local;
    struct port_process process;
    struct stdio_upstream *stdio;
    struct upstream_mux mux;
    struct port_upstream upstream;
    bool has_gateway, has_server;
    struct posted drain, close; /* messages of the control thread */
    _Atomic bool is_drained;    /* the server has no connection any more */
};

/* Set up on the control thread, before the loop runs. Takes over the descriptor and, on success,
 * one reference of the snapshot. */
NODISCARD enum status lane_start(struct lane *lane, const struct lane_shared *shared,
                                 struct lane *home, int fd, struct gateway_snapshot *snapshot,
                                 struct diag *diag);

/* From the control thread: accept nothing new and let what runs finish. */
void lane_drain(struct lane *lane);

/* From the control thread: end what still runs, stop children, stop the loop. */
void lane_close(struct lane *lane);

/* From the control thread: decide by this snapshot; takes over one reference. False without memory:
 * the old one stays. */
bool lane_switch(struct lane *lane, struct gateway_snapshot *snapshot);

/* After the loop's thread ended and the journal was closed. Accepts a zeroed lane. */
void lane_release(struct lane *lane);

#endif
