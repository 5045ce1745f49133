/* listen_request.h: a subscriptions/listen of our own at a modern server: what it asks for, and
 * what its messages are.
 *
 * Text and protocol alone: who asks, and who hears what comes, is for listening.h (a modern client)
 * and server_listen.h (a legacy one) to say. Source: MCP 2026-07-28, subscriptions.
 */
#ifndef AEGIS_CORE_GATEWAY_LISTEN_REQUEST_H
#define AEGIS_CORE_GATEWAY_LISTEN_REQUEST_H

#include "base/arena.h"
#include "base/buf.h"
#include "core/mcp/method.h"
#include "core/ports/upstream.h"
#include "json/tape.h"

#include <stdbool.h>

#define LISTEN_LISTS 3
#define LISTEN_ACKNOWLEDGED_METHOD SLICE("notifications/subscriptions/acknowledged")
#define LISTEN_SILENCE_MS 300000 /* of a server, without so much as a comment */

struct server_session;

/* A list whose changes can be listened to. */
struct listen_list {
    struct slice wish, method; /* in a filter; the notice */
    uint32_t offer;            /* mcp_offer */
    enum mcp_primitive primitive;
};

extern const struct listen_list LISTEN_LIST[LISTEN_LISTS];

/* The list that a notice says has changed; NULL: it is another notice. */
const struct listen_list *listen_list_find(const struct json_tape *tape);

/* The lists that a filter (an object) names: mcp_offer. */
uint32_t listen_read_lists(const struct json_tape *tape, json_ref filter);

/* The addresses in a filter, an array; JSON_NONE: there are none. */
json_ref listen_addresses(const struct json_tape *tape, json_ref filter);

/* One address, in normal form and in the arena. STATUS_INVALID: it is none; STATUS_LIMIT. */
NODISCARD enum status listen_read_address(const struct json_tape *tape, json_ref ref,
                                          struct arena *arena, struct slice *uri);

/* Append `"notifications":{...},`: begin with the lists, add addresses, then tasks (JSON strings),
 * end. */
struct listen_filter {
    struct buf *json;
    bool has_member, has_address, has_task;
};
void listen_filter_begin(struct listen_filter *filter, struct buf *json, uint32_t lists);
void listen_filter_add(struct listen_filter *filter, struct slice uri);
void listen_filter_add_task(struct listen_filter *filter, struct slice id);
void listen_filter_end(struct listen_filter *filter);

/* Ask the server of the session; filter is what was appended as above, has_tasks: with tasks in it.
 * Statuses of the port's start. */
NODISCARD enum status listen_start(struct server_session *session, int64_t id,
                                   const struct buf *filter, bool has_tasks,
                                   const struct upstream_sink *sink, struct upstream_call **handle);

enum listen_message {
    LISTEN_BROKEN, /* the protocol is */
    LISTEN_ENDED,  /* by the server, as it should be */
    LISTEN_ACKNOWLEDGED,
    LISTEN_NOTICE,
};

/* What comes on it, well-formed and with our id. The first message says what will be told of, and
 * no other one does. */
enum listen_message listen_read(const struct json_tape *tape, int64_t id, bool is_acknowledged);

#endif
