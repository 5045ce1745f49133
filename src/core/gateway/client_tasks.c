#include "core/gateway/client_tasks.h"

#include <string.h>

static void free_task(struct client_session *session, struct client_task *task)
{
    session->task_count--;
    account_release(&session->account, task->bytes);
    base_free(task);
}

static void forget_oldest(struct client_session *session)
{
    struct client_task **at = &session->tasks;
    while ((*at)->next != NULL) {
        at = &(*at)->next;
    }
    free_task(session, *at);
    *at = NULL;
}

static struct slice put(uint8_t **at, struct slice text)
{
    struct slice copy = slice_of(*at, text.len);
    if (text.len > 0) {
        memcpy(*at, text.ptr, text.len);
    }
    *at += text.len;
    return copy;
}

enum status client_tasks_add(struct client_session *session, const struct client_task *task)
{
    size_t bytes = sizeof(*task) + task->own_id.len + task->tool.len + task->id.len;
    while (session->tasks != NULL &&
           session->task_count >= session->gateway->limits.session_tasks) {
        forget_oldest(session);
    }
    TRY(account_charge(&session->account, bytes));
    struct client_task *kept = base_alloc(bytes);
    if (kept == NULL) {
        account_release(&session->account, bytes);
        return STATUS_LIMIT;
    }
    uint8_t *text = (uint8_t *)(kept + 1);
    *kept = (struct client_task){
        .next = session->tasks, .server_index = task->server_index, .bytes = bytes};
    kept->own_id = put(&text, task->own_id);
    kept->tool = put(&text, task->tool);
    kept->id = put(&text, task->id);
    session->tasks = kept;
    session->task_count++;
    return STATUS_OK;
}

const struct client_task *client_tasks_find(const struct client_session *session,
                                            uint32_t server_index, struct slice own_id)
{
    const struct client_task *task = session->tasks;
    while (task != NULL &&
           (task->server_index != server_index || !slice_eq(task->own_id, own_id))) {
        task = task->next;
    }
    return task;
}

void client_tasks_release(struct client_session *session)
{
    while (session->tasks != NULL) {
        struct client_task *task = session->tasks;
        session->tasks = task->next;
        free_task(session, task);
    }
}
