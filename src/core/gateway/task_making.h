/* task_making.h: what a task looks like, and the call that makes one.
 *
 * A call of a tool may go on after its answer, as a task: of MCP 2025-11-25 when the client wishes
 * it, of the extension of 2026-07-28 when the server does. Between eras there are none.
 */
#ifndef AEGIS_CORE_GATEWAY_TASK_MAKING_H
#define AEGIS_CORE_GATEWAY_TASK_MAKING_H

#include "core/gateway/call.h"
#include "core/gateway/task_id.h"
#include "json/writer.h"

#define TASK_STATUS_METHOD SLICE("notifications/tasks/status")
#define TASK_RELATED_KEY "io.modelcontextprotocol/related-task" /* in _meta */

struct operation;
struct listened_task;

/* What an operation has to do with a task; zero: nothing. */
struct operation_task {
    struct task_reference reference; /* which it names, or has made */
    struct slice own_id;             /* the server's own id, decoded */
    struct slice id; /* for the client, a JSON string: what it sent, or of the task made */
    bool is_wished;  /* MCP 2025-11-25: the call is to be one */
    bool is_made;    /* the answer is one */
    struct listened_task *told; /* whose client is told what a look finds, or NULL (listening.h) */
    struct call *asked; /* the call before the one that told the server something, or NULL */
};

/* Is that a task of a known state? *own_id is its id, decoded in the arena; *is_task when it is.
 * STATUS_LIMIT: no memory. */
NODISCARD enum status task_read(struct json_place place, struct arena *arena, struct slice *own_id,
                                bool *is_task);

/* Append what the call of a tool says about tasks, with a comma before it; perhaps nothing. */
void task_write_wish(const struct operation *operation, struct buf *params);

/* A server tells the state of a task, in the parameters of a notification: is it one that the
 * client has made in this session, with a tool that it may still call? Then *edit puts its id
 * there. */
bool task_state_edit(struct operation *operation, struct json_place state, struct json_edit *edit);

/* The answer is a task: the edit that gives the client its id. Returns how many edits, 1 at most.
 */
size_t task_made_edit(const struct operation *operation, struct json_edit *edit);

#endif
