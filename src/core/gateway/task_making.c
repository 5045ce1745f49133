#include "core/gateway/task_making.h"

#include "core/gateway/client_tasks.h"
#include "core/gateway/operation.h"
#include "core/gateway/question_shape.h"

#define TTL_MAX ((int64_t)9007199254740991) /* 2^53 - 1: exact for every peer */

static bool is_a(struct json_place place, enum json_type type)
{
    return place.ref != JSON_NONE && json_type(place.tape, place.ref) == type;
}

static bool is_state(struct json_place status)
{
    static const struct slice STATES[] = {SLICE_INIT("working"), SLICE_INIT("input_required"),
                                          SLICE_INIT("completed"), SLICE_INIT("failed"),
                                          SLICE_INIT("cancelled")};
    for (size_t i = 0; status.ref != JSON_NONE && i < COUNT_OF(STATES); i++) {
        if (json_string_eq(status.tape, status.ref, STATES[i])) {
            return true;
        }
    }
    return false;
}

enum status task_read(struct json_place place, struct arena *arena, struct slice *own_id,
                      bool *is_task)
{
    struct json_place id = question_member(place, SLICE("taskId"));
    *is_task = is_a(id, JSON_STRING) && is_state(question_member(place, SLICE("status"))) &&
               json_raw(id.tape, id.ref).len <= TASK_OWN_ID_BYTES_MAX;
    if (!*is_task) {
        return STATUS_OK;
    }
    TRY(json_string(id.tape, id.ref, arena, own_id));
    *is_task = own_id->len > 0;
    return STATUS_OK;
}

static bool calls_tool(const struct operation *op)
{
    return op->message.method->kind == MCP_KIND_CALL && op->message.method->primitive == MCP_TOOL;
}

/* -- the wish ------------------------------------------------------------------------------ */

static struct json_place wish_of(const struct operation *op)
{
    struct json_place params = {&op->message.tape, op->message.params};
    return question_member(params, SLICE("task"));
}

/* Does the server make tasks in the way that this client knows? Where not, the wish is no member
 * of the call. */
static bool may_wish(const struct operation *op)
{
    return calls_tool(op) && op->revision == MCP_2025_11_25 && !op->session->is_modern &&
           (op->session->offers & MCP_OFFERS_TASKS) != 0;
}

static bool is_well_formed(struct json_place wish)
{
    struct json_place ttl = question_member(wish, SLICE("ttl"));
    int64_t number = 0;
    return is_a(wish, JSON_OBJECT) &&
           (ttl.ref == JSON_NONE || (json_integer(ttl.tape, ttl.ref, &number) == STATUS_OK &&
                                     number >= 0 && number <= TTL_MAX));
}

static bool makes_tasks(struct json_place tool)
{
    struct json_place support =
        question_member(question_member(tool, SLICE("execution")), SLICE("taskSupport"));
    return is_a(support, JSON_STRING) &&
           (json_string_eq(support.tape, support.ref, SLICE("optional")) ||
            json_string_eq(support.tape, support.ref, SLICE("required")));
}

static enum stage_result refuse_wish(struct operation *op, int rpc_code, struct slice text,
                                     const char *code)
{
    return operation_refuse(op, &(struct operation_refusal){.type = AUDIT_WIRE_REJECT,
                                                            .http_status = 200,
                                                            .rpc_code = rpc_code,
                                                            .text = text,
                                                            .code = code});
}

enum stage_result operation_stage_check_wish(struct operation *op)
{
    struct json_place wish = wish_of(op);
    if (wish.ref == JSON_NONE || !may_wish(op)) {
        return STAGE_DONE;
    }
    if (!is_well_formed(wish)) {
        return refuse_wish(op, MCP_ERROR_INVALID_PARAMS,
                           SLICE("'task' must be an object, its 'ttl' a number"), "mcp.params");
    }
    /* MCP 2025-11-25, tasks: a tool that does not say so makes none. */
    if (!makes_tasks(op->definition)) {
        return refuse_wish(op, MCP_ERROR_METHOD_NOT_FOUND, SLICE("the tool makes no tasks"),
                           "task.support");
    }
    op->task.is_wished = true;
    return STAGE_DONE;
}

void task_write_wish(const struct operation *op, struct buf *params)
{
    if (!op->task.is_wished) {
        return;
    }
    struct json_place ttl = question_member(wish_of(op), SLICE("ttl"));
    buf_append(params, SLICE(",\"task\":{"));
    if (ttl.ref != JSON_NONE) {
        buf_append(params, SLICE("\"ttl\":"));
        buf_append(params, json_raw(ttl.tape, ttl.ref));
    }
    buf_append_byte(params, '}');
}

/* -- the answer ---------------------------------------------------------------------------- */

/* Where the answer says that it is a task. */
static struct json_place made_by(const struct operation *op)
{
    struct json_place result = {&op->call.answer, op->call.result};
    return op->call.is_task ? result : question_member(result, SLICE("task"));
}

static enum status seal(struct operation *op, struct buf *id)
{
    struct operation_task *task = &op->task;
    const struct port_clock *clock = op->gateway->ports.clock;
    struct json_place own_id = question_member(made_by(op), SLICE("taskId"));
    task->reference = (struct task_reference){
        .server = operation_server(op)->name,
        .tool = op->name,
        .own_id = json_raw(own_id.tape, own_id.ref),
        .expires_at_s = clock->wall_ms(clock->context) / 1000 + op->gateway->limits.task_lifetime_s,
        .is_modern = op->session->is_modern};
    buf_append_byte(id, '"');
    TRY(task_id_seal(op->gateway, op->principal->digest, &task->reference, id));
    buf_append_byte(id, '"');
    TRY(buf_status(id));
    return arena_copy(&op->arena, buf_view(id), &task->id);
}

static enum status take(struct operation *op)
{
    struct operation_task *task = &op->task;
    struct buf id;
    buf_init(&id, 2 * TASK_ID_TEXT_BYTES_MAX, &op->account);
    enum status status = seal(op, &id);
    buf_release(&id);
    if (status == STATUS_OK && op->client != NULL) {
        struct client_task kept = {.server_index = op->server_index,
                                   .own_id = task->own_id,
                                   .tool = op->name,
                                   .id = slice_sub(task->id, 1, task->id.len - 1)};
        /* Without memory it is missing in lists; its id is good all the same. */
        (void)!client_tasks_add(op->client, &kept);
    }
    return status;
}

/* A task that nobody wished for has an id that nobody sealed. */
static enum status read_answer(struct operation *op)
{
    struct json_place place = made_by(op);
    bool may_be = op->call.is_task || op->task.is_wished;
    bool is_task = false;
    if (!op->call.is_task &&
        (op->call.is_modern || question_member(place, SLICE("taskId")).ref == JSON_NONE)) {
        return STATUS_OK;
    }
    TRY(task_read(place, &op->arena, &op->task.own_id, &is_task));
    if (!is_task || !may_be) {
        op->call.failure = diag_fail(&op->call.diag, STATUS_INVALID, "upstream.protocol",
                                     may_be ? "the task that the server made cannot be read"
                                            : "the server made a task that was not asked for");
        return STATUS_OK;
    }
    op->task.is_made = true;
    return take(op);
}

enum stage_result operation_stage_take_task(struct operation *op)
{
    if (!calls_tool(op) || op->call.failure != STATUS_OK || op->call.result == JSON_NONE) {
        return STAGE_DONE;
    }
    enum status status = read_answer(op);
    if (status == STATUS_UNAVAILABLE) {
        op->call.failure = diag_fail(&op->call.diag, status, "gateway.seal",
                                     "the id of the task could not be sealed");
    } else if (status != STATUS_OK) {
        op->call.failure = diag_fail(&op->call.diag, STATUS_LIMIT, "upstream.too_large",
                                     "the id of the task is more than can be kept");
    }
    return STAGE_DONE;
}

size_t task_made_edit(const struct operation *op, struct json_edit *edit)
{
    if (!op->task.is_made) {
        return 0;
    }
    struct json_place id = question_member(made_by(op), SLICE("taskId"));
    *edit = (struct json_edit){JSON_EDIT_REPLACE, id.ref, op->task.id};
    return 1;
}

bool task_state_edit(struct operation *op, struct json_place state, struct json_edit *edit)
{
    struct slice own_id = SLICE_EMPTY;
    bool is_task = false;
    if (op->client == NULL || op->revision != MCP_2025_11_25 ||
        task_read(state, &op->arena, &own_id, &is_task) != STATUS_OK || !is_task) {
        return false;
    }
    const struct client_task *task = client_tasks_find(op->client, op->server_index, own_id);
    if (task == NULL) {
        return false;
    }
    struct policy_question question = operation_question(op, op->server_index);
    question.method = SLICE("tools/call");
    question.primitive = MCP_TOOL;
    question.name = task->tool;
    question.arguments = (struct json_place){&op->message.tape, JSON_NONE};
    question.arguments_unknown = true;
    const struct slice parts[] = {SLICE("\""), task->id, SLICE("\"")};
    *edit = (struct json_edit){JSON_EDIT_REPLACE, question_member(state, SLICE("taskId")).ref,
                               SLICE_EMPTY};
    return operation_shows(op, MCP_TOOL, op->server_index, task->tool) &&
           policy_may_ever_allow(&question, &op->gateway->scratch) &&
           arena_join(&op->arena, parts, COUNT_OF(parts), &edit->text) == STATUS_OK;
}
