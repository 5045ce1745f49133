/* lane.h: everything one loop of the daemon owns. */
#ifndef AEGIS_DAEMON_LANE_H
#define AEGIS_DAEMON_LANE_H

#include "adapters/http_client/curl_client.h"
#include "adapters/process/local_process.h"
#include "adapters/process/remote_process.h"
#include "adapters/runtime/loop.h"
#include "adapters/transport/bearer_upstream.h"
#include "adapters/transport/http_server.h"
#include "adapters/transport/http_upstream.h"
#include "adapters/transport/stdio_server.h"
#include "adapters/transport/stdio_upstream.h"
#include "adapters/transport/upstream_mux.h"
#include "core/gateway/gateway.h"
#include "daemon/config/config.h"
#include "daemon/inquiries.h"
#include "daemon/key_sets.h"

#include <stdatomic.h>

/* What all lanes share; borrowed and immutable while they run. */
struct network;

struct lane_shared {
    const struct config *config;
    const struct network *network; /* NULL: clients and servers are at standard streams */
    const struct upstream_target *http_targets;
    const struct bearer_source *bearer; /* of the servers with an address; NULL: their own */
    const struct program *programs;     /* server_count; NULL: */
    const int *process_channels;        /* one a lane, to the supervisor that has them */
    size_t server_count;
    size_t connections_max; /* of clients, on one lane */
    struct lane *lanes;     /* all of them */
    const struct port_random *random;
    const struct port_crypto *crypto;
    const struct port_journal *journal; /* NULL: no audit */
    const struct port_usage *usage;
    const struct port_replay *replay;
    const struct port_failures *failures;
    const struct port_links *links;
    struct key_sets *keys;
    struct inquiries *inquiries;
    const struct port_used_codes *codes;
    struct curl_client *curl_client;         /* NULL: nothing at an address is configured */
    struct tls_context *tls;                 /* NULL: plain */
    const struct stdio_server_events *stdio; /* the client is at our standard streams; NULL: HTTP */
    struct gateway_place place;              /* loop is each lane's own */
};

struct lane {
    const struct lane_shared *shared;
    struct loop loop;
    struct gateway gateway;
    struct http_server server; /* one of the two */
    struct stdio_server stdio_server;
    struct http_upstream *http;
    struct bearer_upstream *bearer; /* before it; NULL without */
    struct local_process local;     /* one of the two */
    struct remote_process remote;
    struct port_process process;
    struct stdio_upstream *stdio;
    struct upstream_mux mux;
    struct port_upstream upstream;
    struct key_sets_user keys_user;
    struct port_keys keys;
    struct inquiries_user inquiries_user;
    struct port_inquiry inquiry;
    struct curl_client_user curl_user;
    struct port_http_client http_client;
    struct port_handover handover;
    bool has_gateway, has_server, has_remote;
    size_t gathered_before, gather_turns; /* of the group of records that is being gathered */
    uint64_t posted_before;  /* messages that had been run when the turn before ended */
    struct timer kept_timer; /* records that nobody waits for are written then */
    struct posted drain, close, to_switch; /* messages of the control thread */
    struct gateway_snapshot *next_snapshot;
    struct tls_context *next_tls;
    uv_sem_t *switched;
    _Atomic bool is_drained; /* the server has no connection any more */
};

/* Set up on the control thread, before the loop runs. Takes over the descriptor (-1 without HTTP)
 * and, on success, one reference of the snapshot. */
NODISCARD enum status lane_start(struct lane *lane, const struct lane_shared *shared, int fd,
                                 struct gateway_snapshot *snapshot, struct diag *diag);

/* From the control thread: accept nothing new and let what runs finish. */
void lane_drain(struct lane *lane);

/* From the control thread: end what still runs, stop children, stop the loop. */
void lane_close(struct lane *lane);

/* From the control thread: have all lanes decide by this snapshot, and accept by this context
 * (borrowed while they do; NULL: as before). Returns when each of them has acknowledged: from then
 * on nothing is decided and nobody accepted by the old ones. STATUS_UNAVAILABLE: nothing was
 * switched. */
NODISCARD enum status lane_switch_all(struct lane *lanes, size_t count,
                                      struct gateway_snapshot *snapshot, struct tls_context *tls);

/* After all threads ended and the journal was closed: lanes may still have messages for each other.
 * Before the first lane_release. */
void lane_settle_all(struct lane *lanes, size_t count);

/* After lane_settle_all. Accepts a zeroed lane. */
void lane_release(struct lane *lane);

#endif
