/* gateway.h: the rules between a client and the servers, one instance for each loop.
 *
 * Takes whole requests from a transport, runs each as an operation (operation.h) through the stages
 * of its kind, and answers. Owns what its loop remembers: sessions with servers, verified tokens.
 * Everything it decides by is in an immutable snapshot that the loop replaces by message.
 */
#ifndef AEGIS_CORE_GATEWAY_GATEWAY_H
#define AEGIS_CORE_GATEWAY_GATEWAY_H

#include "base/arena.h"
#include "core/gateway/child.h"
#include "core/gateway/snapshot.h"
#include "core/identity/identity.h"
#include "core/ports/clock.h"
#include "core/ports/crypto.h"
#include "core/ports/exchange.h"
#include "core/ports/journal.h"
#include "core/ports/random.h"
#include "core/ports/timer.h"
#include "core/ports/upstream.h"
#include "json/tape.h"

#define GATEWAY_OPERATION_BYTES_MAX ((size_t)32 << 20) /* arena of one operation */
#define GATEWAY_SESSIONS_MAX 1024                      /* upstream sessions of one loop */
#define GATEWAY_SESSION_KEY_BYTES 32

/* Borrowed from the loop; each outlives the gateway. */
struct gateway_ports {
    const struct port_clock *clock;
    const struct port_random *random;
    const struct port_crypto *crypto;
    const struct port_timer *timer;
    const struct port_upstream *upstream;
    const struct port_journal *journal; /* NULL: no audit, as configured */
    struct port_poster *poster;         /* of this loop */
};

struct server_session;
struct operation;

struct gateway {
    struct gateway_ports ports;
    struct json_parser parser;
    struct gateway_snapshot *snapshot; /* our reference */
    struct identity_cache *cache;
    struct account account;
    struct child_table children;     /* all that ports have under way */
    struct server_session *sessions; /* newest first */
    size_t session_count;
    struct operation *operations; /* all that run, for draining and reload */
    size_t operation_count;
    int64_t next_upstream_id;
    uint64_t next_child;
    uint8_t session_key[GATEWAY_SESSION_KEY_BYTES]; /* seals the session ids of clients */
};

/* Takes over one reference of snapshot. session_key is the same on all loops.
 * limit_bytes bounds all memory of the loop's operations. */
NODISCARD enum status gateway_init(struct gateway *gateway, const struct gateway_ports *ports,
                                   struct gateway_snapshot *snapshot, const uint8_t *session_key,
                                   size_t limit_bytes);

/* Cancel what still runs, let go of all clients and end the sessions with servers. Operations whose
 * record is still being written end when it completes. */
void gateway_close(struct gateway *gateway);

/* After gateway_close, and after the journal completed what it had: give back everything. */
void gateway_release(struct gateway *gateway);

/* Decide by another snapshot from now on; takes over one reference. Operations that wait go on with
 * their stage and see the new snapshot at their next decision. */
void gateway_switch(struct gateway *gateway, struct gateway_snapshot *snapshot);

/* What the transport calls. */
struct exchange_handler gateway_handler(struct gateway *gateway);

#endif
