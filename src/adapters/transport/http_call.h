/* http_call.h: calls, connections and targets of the HTTP upstream; private to transport.
 *
 * A call has at most one connection and a connection at most one call. http_upstream.c owns calls,
 * http_pool.c connections and names, http_answer.c what comes back.
 */
#ifndef AEGIS_ADAPTERS_TRANSPORT_HTTP_CALL_H
#define AEGIS_ADAPTERS_TRANSPORT_HTTP_CALL_H

#include "adapters/transport/http_upstream.h"
#include "adapters/transport/stream.h"
#include "adapters/transport/upstream_call.h"
#include "wire/http_reader.h"
#include "wire/sse.h"

#define TARGET_ADDRESSES_MAX 4

enum answer_mode {
    ANSWER_NONE,   /* no head yet */
    ANSWER_JSON,   /* one text */
    ANSWER_EVENTS, /* a stream */
    ANSWER_EMPTY,  /* accepted; a body, if any, is dropped */
};

struct http_link;

struct http_target {
    struct http_upstream *upstream;
    const struct upstream_target *config;
    struct tls_context *tls;
    struct buf host_field;                /* a whole line of a head */
    struct http_link *idle;               /* last used first */
    size_t running_count, standing_count; /* calls, and of these streams of sessions */
    struct sockaddr_storage addresses[TARGET_ADDRESSES_MAX];
    size_t address_count;
    int64_t fresh_until_ms; /* of addresses; INT64_MAX for a numeric one */
    bool is_resolving;
    uv_getaddrinfo_t resolve;
};

struct http_call {
    struct upstream_call base; /* first */
    struct http_upstream *upstream;
    struct http_target *target;
    struct http_call *next, *previous; /* running calls, or spare ones */
    struct http_link *link;
    size_t address_index;
    struct buf request, answer;
    struct sse_reader events;
    struct timer idle, deadline;
    int64_t timeout_ms;
    enum answer_mode mode;
    int http_status;
    bool is_get, is_in_session;
    bool is_standing; /* the stream of a session */
    bool expects_answer, has_message, is_resolving, is_failing, is_paused, is_excused, has_events;
    bool is_delivering; /* a function of the sink is on the stack */
    bool is_over;       /* cancelled from there: goes once it has returned */
};

/* A connection to a target. */
struct http_link {
    struct stream stream;
    struct http_target *target;
    struct http_link *next, *previous; /* of target->idle */
    struct http_link *next_all, *previous_all;
    struct http_reader reader;
    struct http_call *call; /* NULL: idle, or closing */
    struct timer idle;
    uint64_t pooled_turn; /* of the loop, when it became idle */
    int64_t pooled_ms;    /* the loop's clock then */
    int64_t keep_ms; /* for which the server keeps it when it is idle; 0 or less: it does not */
    bool is_idle;
};

struct http_upstream {
    struct loop *loop;
    struct http_upstream_options options;
    struct http_target *targets;
    size_t target_count;
    struct http_call *running, *spare;
    size_t spare_count;
    struct buf request_room; /* memory for the next request; its contents are wiped */
    struct http_link *links;
    size_t hold_count; /* links and resolutions that still refer to this */
    bool is_freed;
};

/* http_upstream.c: wipe the request, which holds a credential, and leave its memory to the next. */
void http_call_drop_request(struct http_call *call);

/* End a call. reuse: its connection goes back into the pool. */
void http_call_end(struct http_call *call, enum status status, const struct diag *diag, bool reuse);

/* End it with upstream.down from the loop, not from within this call. */
void http_call_fail_later(struct http_call *call);

/* After a byte came: start the time-out anew. */
void http_call_touch(struct http_call *call);

/* Give a whole text to the sink. Returns false when the call is over now. */
NODISCARD bool http_call_deliver(struct http_call *call, struct slice json, bool is_stream);

/* The target's addresses are known, or could not be found. */
void http_upstream_resolved(struct http_target *target);

void http_upstream_unhold(struct http_upstream *upstream);

/* http_pool.c: send the call's request on an idle or a new connection, as soon as there is one. */
void http_pool_attach(struct http_call *call);

/* Let go of the call's connection. */
void http_pool_detach(struct http_call *call, bool reuse);

void http_pool_close(struct http_upstream *upstream);

/* http_answer.c: bytes, or the end, of the answer on a link that has a call. */
void http_answer_bytes(struct http_link *link, struct slice bytes);
void http_answer_end(struct http_link *link, bool is_clean);

#endif
