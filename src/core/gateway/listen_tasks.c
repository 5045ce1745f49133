/* Tasks in a subscriptions/listen (the tasks extension of MCP 2026-07-28): their states are told.
 *
 * What a server says of a task is a reason to look at it and nothing more: the state, with results,
 * errors and questions in it, is asked for with tasks/get, as if the client had done so, and judged
 * and recorded like that. A task is looked at once at a time. */
#include "core/gateway/listening.h"

#include "core/gateway/listen_request.h"

#define TASKS_METHOD SLICE("notifications/tasks")
#define TASK_IDS SLICE("taskIds")

/* -- what the client wishes ---------------------------------------------------------------- */

static json_ref ids_in(const struct json_tape *tape, json_ref filter)
{
    json_ref array = json_member(tape, filter, TASK_IDS);
    return array != JSON_NONE && json_type(tape, array) == JSON_ARRAY ? array : JSON_NONE;
}

/* Which task of which server; STATUS_INVALID: none of this caller on this endpoint. */
static enum status open_task(struct operation *op, json_ref ref, struct listened_task *task)
{
    const struct gateway_snapshot *snapshot = op->gateway->snapshot;
    struct task_reference reference;
    struct json_tape tape;
    struct slice text;
    TRY(json_string(&op->message.tape, ref, &op->arena, &text));
    TRY(task_id_open(op->gateway, op->principal->digest, true, text, &op->arena, &reference));
    TRY(json_parse(&op->gateway->parser, reference.own_id, &op->arena, &tape, NULL));
    TRY(json_string(&tape, 0, &op->arena, &task->own_id));
    size_t server = gateway_snapshot_server(snapshot, reference.server);
    if (server == SIZE_MAX ||
        (op->server_index != OPERATION_ALL_SERVERS && op->server_index != server) ||
        !operation_shows(op, MCP_TOOL, (uint32_t)server, reference.tool)) {
        return STATUS_INVALID;
    }
    task->id = json_raw(&op->message.tape, ref);
    task->own_text = reference.own_id;
    task->tool = reference.tool;
    task->server_index = (uint32_t)server;
    task->operation = op;
    return STATUS_OK;
}

/* Whoever may not call the tool with any arguments hears nothing of its tasks. */
static bool may_hear(struct operation *op, const struct listened_task *task)
{
    struct policy_question question = operation_question(op, task->server_index);
    struct policy_answer denial = {0};
    question.method = SLICE("tools/call");
    question.primitive = MCP_TOOL;
    question.name = task->tool;
    if (!policy_denies_early(&question, &op->gateway->scratch, &op->arena, &denial)) {
        return true;
    }
    struct listened tool = {.server_index = task->server_index};
    listening_record_denied(op, SLICE("tasks/get"), &tool, task->tool, SLICE("policy_denied"),
                            &denial);
    return false;
}

enum status listening_read_tasks(struct operation *op, json_ref filter)
{
    const struct json_tape *tape = &op->message.tape;
    struct listening *listening = op->listening;
    json_ref array = ids_in(tape, filter);
    uint32_t count = array == JSON_NONE ? 0 : json_count(tape, array);
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref ref = JSON_NONE;
    if (count == 0 || (op->declared.extensions & MCP_EXTENSION_TASKS) == 0) {
        return STATUS_OK;
    }
    if (count > op->gateway->limits.subscriptions) {
        return STATUS_LIMIT;
    }
    listening->tasks = arena_alloc_zero(&op->arena, count, sizeof(*listening->tasks));
    if (listening->tasks == NULL) {
        return STATUS_LIMIT;
    }
    json_iter_init(&iter, tape, array);
    while (json_iter_next(&iter, &key, &ref)) {
        struct listened_task *task = &listening->tasks[listening->task_count];
        enum status status = open_task(op, ref, task);
        if (status == STATUS_LIMIT) {
            return status;
        }
        listening->task_count += status == STATUS_OK ? 1 : 0;
    }
    return STATUS_OK;
}

void listening_judge_tasks(struct operation *op)
{
    struct listening *listening = op->listening;
    for (size_t i = 0; i < listening->task_count; i++) {
        listening->tasks[i].is_wanted = may_hear(op, &listening->tasks[i]);
    }
}

/* -- at the server ------------------------------------------------------------------------- */

static bool is_wanted_of(const struct listener_at *at, const struct listened_task *task)
{
    return task->is_wanted && task->server_index == at->session->server_index &&
           at->session->is_modern && (at->session->offers & MCP_OFFERS_TASKS) != 0;
}

bool listening_has_tasks(const struct listener_at *at)
{
    const struct listening *listening = at->operation->listening;
    bool is_found = false;
    for (size_t i = 0; i < listening->task_count && !is_found; i++) {
        is_found = is_wanted_of(at, &listening->tasks[i]);
    }
    return is_found;
}

void listening_write_tasks(struct listen_filter *filter, const struct listening *listening,
                           const struct listener_at *at)
{
    for (size_t i = 0; i < listening->task_count; i++) {
        const struct listened_task *task = &listening->tasks[i];
        if (at != NULL ? is_wanted_of(at, task) : task->is_honoured) {
            listen_filter_add_task(filter, at != NULL ? task->own_text : task->id);
        }
    }
}

void listening_agree_tasks(struct listener_at *at, const struct json_tape *tape, json_ref filter,
                           struct arena *arena)
{
    struct operation *op = at->operation;
    json_ref array = ids_in(tape, filter);
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref ref = JSON_NONE;
    if (array == JSON_NONE) {
        return;
    }
    json_iter_init(&iter, tape, array);
    for (size_t n = 0; n < op->gateway->limits.subscriptions && json_iter_next(&iter, &key, &ref);
         n++) {
        struct slice own_id;
        bool is_read = json_string(tape, ref, arena, &own_id) == STATUS_OK;
        for (size_t i = 0; is_read && i < op->listening->task_count; i++) {
            struct listened_task *task = &op->listening->tasks[i];
            task->is_honoured =
                task->is_honoured || (is_wanted_of(at, task) && slice_eq(task->own_id, own_id));
        }
    }
}

/* -- what comes ---------------------------------------------------------------------------- */

static void look(struct listened_task *task)
{
    task->has_news = task->is_looked_at;
    if (task->is_looked_at) {
        return;
    }
    task->is_looked_at = true;
    if (operation_begin_look(task) != STATUS_OK) {
        task->is_looked_at = false;
    }
}

bool listening_take_state(struct listener_at *at, const struct json_tape *tape, struct arena *arena)
{
    struct listening *listening = at->operation->listening;
    json_ref params = json_member_object(tape, 0, SLICE("params"));
    json_ref ref = params == JSON_NONE ? JSON_NONE : json_member(tape, params, SLICE("taskId"));
    struct slice own_id;
    if (!json_string_eq(tape, json_member(tape, 0, SLICE("method")), TASKS_METHOD)) {
        return false;
    }
    if (ref == JSON_NONE || json_string(tape, ref, arena, &own_id) != STATUS_OK) {
        return true;
    }
    for (size_t i = 0; i < listening->task_count; i++) {
        struct listened_task *task = &listening->tasks[i];
        if (task->is_honoured && is_wanted_of(at, task) && slice_eq(task->own_id, own_id)) {
            look(task);
        }
    }
    return true;
}

void listening_tell_state(struct listened_task *task, struct buf *params)
{
    struct buf json;
    buf_init(&json, GATEWAY_OPERATION_BYTES_MAX, &task->operation->account);
    buf_append(&json, SLICE("{\"jsonrpc\":\"2.0\",\"method\":"));
    buf_append_json_string(&json, TASKS_METHOD);
    buf_append(&json, SLICE(",\"params\":"));
    buf_append(&json, buf_view(params));
    buf_append_byte(&json, ',');
    if (buf_status(params) == STATUS_OK) {
        listening_tell(task->operation, &json);
    }
    buf_release(&json);
}

void listening_looked(struct operation *look_of)
{
    struct listened_task *task = look_of->task.told;
    const struct gateway *gateway = look_of->gateway;
    if (task == NULL) {
        return;
    }
    look_of->task.told = NULL;
    task->is_looked_at = false;
    if (task->has_news && !gateway->is_closed && !gateway->is_draining) {
        task->has_news = false;
        look(task);
    }
}

void listening_forget_looks(struct operation *op)
{
    for (struct operation *other = op->gateway->operations; other != NULL; other = other->next) {
        if (other->task.told != NULL && other->task.told->operation == op) {
            other->task.told = NULL;
        }
    }
}
