/* client_tasks.h: the tasks that a session with a legacy client has made.
 *
 * A list of tasks and a notice about one name tasks by the server's own ids, and do not say which
 * tool made them: what is not remembered here is nobody's, and is not shown. The ids that clients
 * use need no memory (task_id.h). The oldest is forgotten first.
 */
#ifndef AEGIS_CORE_GATEWAY_CLIENT_TASKS_H
#define AEGIS_CORE_GATEWAY_CLIENT_TASKS_H

#include "core/gateway/client_session.h"
#include "core/gateway/task_id.h"

struct client_task {
    struct client_task *next; /* an older one */
    uint32_t server_index;
    size_t bytes;        /* of memory, texts included */
    struct slice own_id; /* the server's, decoded */
    struct slice tool;
    struct slice id; /* the client's, without quotes */
};

/* Remember one; its texts are copied. STATUS_LIMIT: no memory for it. */
NODISCARD enum status client_tasks_add(struct client_session *session,
                                       const struct client_task *task);

/* The session's task of a server, by the server's own id, decoded. NULL: it has none. */
const struct client_task *client_tasks_find(const struct client_session *session,
                                            uint32_t server_index, struct slice own_id);

/* Forget all. */
void client_tasks_release(struct client_session *session);

#endif
