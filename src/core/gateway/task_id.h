/* task_id.h: the id of a task, as a client has it.
 *
 * The server's own id never leaves the gateway: what the client gets carries it sealed
 * (sealed_text.h), together with the server, the tool whose call made the task and a time, and
 * opens only for the same caller in the same era. So nothing has to be remembered to know which
 * server a task belongs to and which policies it is judged by, and the id of somebody else's task
 * is no id. Source: MCP 2025-11-25, tasks; the tasks extension of MCP 2026-07-28.
 */
#ifndef AEGIS_CORE_GATEWAY_TASK_ID_H
#define AEGIS_CORE_GATEWAY_TASK_ID_H

#include "core/gateway/gateway.h"

#define TASK_OWN_ID_BYTES_MAX 512 /* of a server's own id as it writes it, quotes included */
#define TASK_ID_TEXT_BYTES_MAX ((size_t)4 << 10) /* of what is sealed */

/* A task of a server; borrowed. */
struct task_reference {
    struct slice server, tool; /* names */
    struct slice own_id;       /* of the server, a JSON string */
    int64_t expires_at_s;      /* since the epoch; from then on the id is none */
    bool is_modern;            /* a task of the extension */
};

/* Append the id for a caller (digest of the principal): a JSON string's content, without characters
 * to escape. STATUS_LIMIT: names too long, or no memory; STATUS_UNAVAILABLE: no random bytes, or
 * the crypto library failed. */
NODISCARD enum status task_id_seal(const struct gateway *gateway, const uint8_t *caller,
                                   const struct task_reference *task, struct buf *out);

/* The task of an id, in the arena. STATUS_INVALID when it was not sealed for this caller and era,
 * or its time is over; STATUS_LIMIT: no memory. */
NODISCARD enum status task_id_open(const struct gateway *gateway, const uint8_t *caller,
                                   bool is_modern, struct slice id, struct arena *arena,
                                   struct task_reference *out);

#endif
