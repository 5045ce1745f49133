/* What a client asks about a task: how it is, its result, answers to its questions, its end.
 *
 * The id says which server and which tool (task_id.h), and whoever may not call that tool with any
 * arguments may do nothing with its tasks. A result that comes late is treated as one that comes at
 * once. Of a modern server's task the questions are told with its state and answered in a request
 * of their own; what they were is asked anew then, so nothing is kept between the two, and the "no"
 * to a question that is not let through is given by the gateway. */
#include "core/gateway/client_tasks.h"
#include "core/gateway/input_shared.h"
#include "core/gateway/listening.h"
#include "core/gateway/operation.h"
#include "core/gateway/question_shape.h"
#include "core/gateway/server_error.h"
#include "json/writer.h"

#define TASK_EDITS_MAX (9 + SERVER_ERROR_EDITS_MAX)
#define KEPT_BYTES_MAX ((size_t)64 << 10) /* room for the next request; more is given back */

static bool is_method(const struct operation *op, struct slice name)
{
    return slice_eq(op->message.method->name, name);
}

static struct json_place result_of(const struct operation *op)
{
    return (struct json_place){&op->call.answer, op->call.result};
}

static bool is_a(struct json_place place, enum json_type type)
{
    return place.ref != JSON_NONE && json_type(place.tape, place.ref) == type;
}

/* The answer breaks the protocol; to judge that succeeded. */
static enum status fail_protocol(struct operation *op, const char *what)
{
    op->call.failure = diag_fail(&op->call.diag, STATUS_INVALID, "upstream.protocol", "%s", what);
    return STATUS_OK;
}

/* -- which task ---------------------------------------------------------------------------- */

/* May a server that is behind the endpoint make tasks of the extension? */
static bool endpoint_allows(const struct operation *op)
{
    const struct gateway_snapshot *snapshot = op->gateway->snapshot;
    for (uint32_t i = 0; i < snapshot->server_count; i++) {
        bool is_behind = op->server_index == OPERATION_ALL_SERVERS || op->server_index == i;
        if (is_behind && (snapshot->servers[i].extensions & MCP_EXTENSION_TASKS) != 0) {
            return true;
        }
    }
    return false;
}

/* The tasks extension of MCP 2026-07-28: a client without it has no use for its methods. */
static enum stage_result refuse_undeclared(struct operation *op)
{
    return operation_refuse(
        op, &(struct operation_refusal){.type = AUDIT_WIRE_REJECT,
                                        .http_status = 400,
                                        .rpc_code = MCP_ERROR_CAPABILITY,
                                        .text = SLICE("the method needs the tasks extension"),
                                        .code = "task.extension"});
}

static enum stage_result refuse_unknown(struct operation *op, const char *why)
{
    return operation_refuse_target(op, "task.unknown", slice_view_cstr(why));
}

static enum status open_id(struct operation *op)
{
    struct operation_task *task = &op->task;
    struct json_tape tape;
    TRY(task_id_open(op->gateway, op->principal->digest, mcp_revision_is_modern(op->revision),
                     op->message.target, &op->arena, &task->reference));
    task->id = json_raw(&op->message.tape, op->message.target_ref);
    TRY(json_parse(&op->gateway->parser, task->reference.own_id, &op->arena, &tape, NULL));
    return json_string(&tape, 0, &op->arena, &task->own_id);
}

enum stage_result operation_take_task(struct operation *op)
{
    bool is_modern = mcp_revision_is_modern(op->revision);
    op->audit_target = SLICE_EMPTY; /* the id may be worth something to others */
    if (is_modern && !endpoint_allows(op)) {
        return operation_refuse_method(op);
    }
    if (is_modern && (op->declared.extensions & MCP_EXTENSION_TASKS) == 0) {
        return refuse_undeclared(op);
    }
    enum status status = open_id(op);
    if (status == STATUS_LIMIT) {
        return operation_refuse_overload(op, "no memory for the task");
    }
    if (status != STATUS_OK) {
        return refuse_unknown(op, "the id is not of this caller and era, or it has expired");
    }
    size_t server = gateway_snapshot_server(op->gateway->snapshot, op->task.reference.server);
    if (server == SIZE_MAX ||
        (op->server_index != OPERATION_ALL_SERVERS && op->server_index != server)) {
        return refuse_unknown(op, "the task is of another server");
    }
    op->server_index = (uint32_t)server;
    op->name = op->task.reference.tool;
    return STAGE_DONE;
}

/* The server may have changed its era since: then it does not know the task. */
static enum stage_result stage_check_era(struct operation *op)
{
    return op->session->is_modern == op->task.reference.is_modern
               ? STAGE_DONE
               : refuse_unknown(op, "the server has changed its era");
}

static enum stage_result stage_authorize(struct operation *op)
{
    return operation_is_never_allowed(op) ? operation_refuse_denied(op) : STAGE_DONE;
}

/* -- asking the server --------------------------------------------------------------------- */

/* responses: an object, or empty. */
static enum stage_result send(struct operation *op, struct slice method, struct slice responses)
{
    struct buf *text = &op->gateway->params;
    if (!operation_may_send(op)) {
        return STAGE_DONE;
    }
    buf_reuse(text, KEPT_BYTES_MAX);
    buf_append(text, SLICE("{\"taskId\":"));
    buf_append(text, op->task.reference.own_id);
    if (responses.len > 0) {
        buf_append(text, SLICE(",\"inputResponses\":"));
        buf_append(text, responses);
    }
    buf_append_byte(text, '}');
    /* A result comes when the task is over: only the operation's own time ends the wait. */
    struct call_request request = {.method = method,
                                   .name = op->task.own_id,
                                   .is_patient = slice_eq(method, SLICE("tasks/result"))};
    return operation_send(op, &request, text);
}

static bool has_good_responses(const struct operation *op)
{
    struct json_place params = {&op->message.tape, op->message.params};
    return is_a(question_member(params, SLICE("inputResponses")), JSON_OBJECT);
}

static enum stage_result stage_check_responses(struct operation *op)
{
    return !is_method(op, SLICE("tasks/update")) || has_good_responses(op)
               ? STAGE_DONE
               : operation_refuse(op, &(struct operation_refusal){
                                          .type = AUDIT_WIRE_REJECT,
                                          .http_status = 200,
                                          .rpc_code = MCP_ERROR_INVALID_PARAMS,
                                          .text = SLICE("'inputResponses' must be an object"),
                                          .code = "mcp.params"});
}

/* Answers are for questions, and these are in the state of the task. */
static enum stage_result stage_ask(struct operation *op)
{
    bool is_update = is_method(op, SLICE("tasks/update"));
    return send(op, is_update ? SLICE("tasks/get") : op->message.method->name, SLICE_EMPTY);
}

/* -- the answer ---------------------------------------------------------------------------- */

static bool is_error(struct json_place error)
{
    struct json_place message = question_member(error, SLICE("message"));
    struct json_place code = question_member(error, SLICE("code"));
    int64_t number = 0;
    return is_a(error, JSON_OBJECT) && is_a(message, JSON_STRING) && code.ref != JSON_NONE &&
           json_integer(code.tape, code.ref, &number) == STATUS_OK;
}

/* What a state has with it, and nothing else: a result of the tool, an error, or questions. */
static bool has_what_its_state_has(struct json_place task)
{
    struct json_place status = question_member(task, SLICE("status"));
    struct json_place result = question_member(task, SLICE("result"));
    struct json_place error = question_member(task, SLICE("error"));
    struct json_place requests = question_member(task, SLICE("inputRequests"));
    bool has_result = json_string_eq(status.tape, status.ref, SLICE("completed"));
    bool has_error = json_string_eq(status.tape, status.ref, SLICE("failed"));
    bool has_requests = json_string_eq(status.tape, status.ref, SLICE("input_required"));
    return (has_result ? is_a(result, JSON_OBJECT) : result.ref == JSON_NONE) &&
           (has_error ? is_error(error) : error.ref == JSON_NONE) &&
           (has_requests ? is_a(requests, JSON_OBJECT) : requests.ref == JSON_NONE);
}

static enum status judge_questions(struct operation *op)
{
    struct json_place params = {&op->message.tape, op->message.params};
    struct json_place requests = question_member(result_of(op), SLICE("inputRequests"));
    if (is_method(op, SLICE("tasks/update"))) {
        op->input.early = question_member(params, SLICE("inputResponses"));
    }
    return input_judge_task(op, requests);
}

/* What says of which task it is has a place to say it. */
static bool is_meta_sound(const struct operation *op)
{
    struct json_place meta = question_member(result_of(op), SLICE("_meta"));
    return meta.ref == JSON_NONE || is_a(meta, JSON_OBJECT);
}

static enum status judge_task(struct operation *op)
{
    bool is_modern = op->task.reference.is_modern;
    struct slice own_id = SLICE_EMPTY;
    bool is_task = false;
    if (is_method(op, SLICE("tasks/result")) ||
        (is_modern && is_method(op, SLICE("tasks/cancel")))) {
        return is_meta_sound(op) ? STATUS_OK : fail_protocol(op, "the result cannot be read");
    }
    TRY(task_read(result_of(op), &op->arena, &own_id, &is_task));
    if (!is_task || !slice_eq(own_id, op->task.own_id) ||
        (is_modern && !has_what_its_state_has(result_of(op)))) {
        return fail_protocol(op, "the state of the task cannot be read");
    }
    return is_modern ? judge_questions(op) : STATUS_OK;
}

static enum stage_result stage_judge_task(struct operation *op)
{
    if (op->call.failure != STATUS_OK || op->call.result == JSON_NONE ||
        op->input.next == INPUT_REFUSE) {
        return STAGE_DONE;
    }
    if (judge_task(op) != STATUS_OK) {
        op->call.failure = diag_fail(&op->call.diag, STATUS_LIMIT, "upstream.too_large",
                                     "the task is more than can be kept");
    }
    return STAGE_DONE;
}

/* -- telling the server -------------------------------------------------------------------- */

/* A question that is refused and has no "no" ends the task; an answer that is refused can be
 * replaced by another. The latter is noted. */
static bool must_cancel(const struct operation *op)
{
    return op->input.next == INPUT_REFUSE && !op->input.is_noted && op->call.result != JSON_NONE;
}

static enum stage_result stage_tell(struct operation *op)
{
    bool has_responses = op->input.next != INPUT_REFUSE && op->input.responses.len > 0;
    if (op->call.failure != STATUS_OK || (!must_cancel(op) && !has_responses)) {
        return STAGE_DONE;
    }
    op->task.asked = arena_alloc(&op->arena, sizeof(*op->task.asked));
    if (op->task.asked == NULL) {
        op->call.failure = diag_fail(&op->call.diag, STATUS_LIMIT, "upstream.too_large",
                                     "the task is more than can be kept");
        return STAGE_DONE;
    }
    *op->task.asked = op->call;
    return has_responses ? send(op, SLICE("tasks/update"), op->input.responses)
                         : send(op, SLICE("tasks/cancel"), SLICE_EMPTY);
}

/* What the gateway says by itself may come too late for the server: the state is told all the same,
 * and what is still asked is refused again at the next look. */
static enum stage_result stage_check_told(struct operation *op)
{
    if (op->task.asked == NULL) {
        return STAGE_DONE;
    }
    op->call.failure = op->wait_status;
    op->call.diag = op->wait_diag;
    op->wait_status = STATUS_OK;
    if (op->call.failure == STATUS_OK && !is_method(op, SLICE("tasks/update"))) {
        op->call = *op->task.asked;
    }
    return STAGE_DONE;
}

/* -- the client ---------------------------------------------------------------------------- */

static size_t replace(struct json_place object, struct slice name, struct slice text,
                      struct json_edit *edit)
{
    struct json_place place = question_member(object, name);
    *edit =
        (struct json_edit){text.len > 0 ? JSON_EDIT_REPLACE : JSON_EDIT_REMOVE, place.ref, text};
    return place.ref == JSON_NONE ? 0 : 1;
}

/* The text of an edit. Without memory nothing is answered: the server's own text must not pass. */
static size_t join(struct operation *op, const struct slice *parts, size_t count,
                   struct slice *text)
{
    if (arena_join(&op->arena, parts, count, text) != STATUS_OK) {
        op->reply.failed = true;
    }
    return 1;
}

/* MCP 2025-11-25, tasks: the result says which task it is of. */
static size_t relate(struct operation *op, struct json_edit *edit)
{
    struct json_place meta = question_member(result_of(op), SLICE("_meta"));
    struct json_place related = question_member(meta, SLICE(TASK_RELATED_KEY));
    bool has_meta = is_a(meta, JSON_OBJECT);
    struct slice before = SLICE_EMPTY;
    struct slice after = SLICE("}");
    *edit = (struct json_edit){JSON_EDIT_REPLACE, related.ref, SLICE_EMPTY};
    if (related.ref == JSON_NONE && has_meta) {
        *edit = (struct json_edit){JSON_EDIT_APPEND, meta.ref, SLICE_EMPTY};
        before = SLICE("\"" TASK_RELATED_KEY "\":");
    } else if (related.ref == JSON_NONE) {
        *edit = (struct json_edit){JSON_EDIT_APPEND, op->call.result, SLICE_EMPTY};
        before = SLICE("\"_meta\":{\"" TASK_RELATED_KEY "\":");
        after = SLICE("}}");
    }
    const struct slice parts[] = {before, SLICE("{\"taskId\":"), op->task.id, after};
    return join(op, parts, COUNT_OF(parts), &edit->text);
}

/* The questions that are left; without any the server works on answers that the gateway gave. */
static size_t replace_questions(struct operation *op, struct json_edit *edits)
{
    const struct slice parts[] = {SLICE("{"), op->input.requests, SLICE("}")};
    struct slice requests = SLICE_EMPTY;
    if (question_member(result_of(op), SLICE("inputRequests")).ref == JSON_NONE) {
        return 0;
    }
    if (op->input.requests.len == 0) {
        size_t count = replace(result_of(op), SLICE("status"), SLICE("\"working\""), edits);
        return count + replace(result_of(op), SLICE("inputRequests"), SLICE_EMPTY, edits + count);
    }
    (void)join(op, parts, COUNT_OF(parts), &requests);
    return replace(result_of(op), SLICE("inputRequests"), requests, edits);
}

/* The extension has the id in one place, and no state that travels. */
static size_t state_edits(struct operation *op, struct json_edit *edits)
{
    struct json_place result = result_of(op);
    struct json_place meta =
        question_member(question_member(result, SLICE("result")), SLICE("_meta"));
    size_t count = replace(result, SLICE("requestState"), SLICE_EMPTY, edits);
    count += replace(meta, SLICE(TASK_RELATED_KEY), SLICE_EMPTY, edits + count);
    return count + replace_questions(op, edits + count);
}

static size_t modern_edits(struct operation *op, struct json_edit *edits)
{
    struct json_place result = result_of(op);
    size_t count = replace(result, SLICE("resultType"), SLICE("\"complete\""), edits);
    if (count == 0) {
        edits[count++] =
            (struct json_edit){JSON_EDIT_APPEND, result.ref, SLICE("\"resultType\":\"complete\"")};
    }
    return count + state_edits(op, edits + count);
}

static void write_result(struct operation *op)
{
    struct json_edit edits[TASK_EDITS_MAX];
    bool is_modern = op->task.reference.is_modern;
    bool has_result = op->call.result != JSON_NONE;
    if (has_result && is_modern && !is_method(op, SLICE("tasks/get"))) {
        operation_result_begin(op);
        operation_result_end(op);
        return;
    }
    size_t count =
        replace((struct json_place){&op->call.answer, 0}, SLICE("id"), op->message.id, edits);
    if (has_result && is_method(op, SLICE("tasks/result"))) {
        count += relate(op, edits + count);
    } else if (has_result) {
        count += replace(result_of(op), SLICE("taskId"), op->task.id, edits + count);
        count += is_modern ? modern_edits(op, edits + count) : 0;
    }
    count += operation_withheld_edit(op, edits + count);
    count += server_error_edit(op, edits + count);
    json_write(&op->reply, &op->call.answer, 0, edits, count);
}

static enum stage_result stage_answer(struct operation *op)
{
    return operation_answer_call(op, write_result);
}

/* -- who listens --------------------------------------------------------------------------- */

static enum stage_result stage_take_task(struct operation *op)
{
    enum stage_result result = operation_take_task(op);
    if (result != STAGE_DONE) {
        return result;
    }
    return operation_set_audit_target(op) ? STAGE_DONE
                                          : operation_refuse_overload(op, "no memory for the task");
}

/* The state is a notice's parameters, whose metadata is ours. */
static enum stage_result stage_tell_listener(struct operation *op)
{
    struct json_edit edits[TASK_EDITS_MAX];
    bool is_told = op->call.failure == STATUS_OK && op->call.result != JSON_NONE &&
                   op->input.next != INPUT_REFUSE && op->task.told != NULL;
    if (!is_told) {
        return STAGE_DONE;
    }
    size_t count = replace(result_of(op), SLICE("taskId"), op->task.id, edits);
    count += replace(result_of(op), SLICE("resultType"), SLICE_EMPTY, edits + count);
    count += replace(result_of(op), SLICE("_meta"), SLICE_EMPTY, edits + count);
    count += state_edits(op, edits + count);
    count += operation_withheld_edit(op, edits + count);
    count += server_error_edit(op, edits + count);
    json_write(&op->reply, &op->call.answer, op->call.result, edits, count);
    op->reply.len -= op->reply.len > 0 ? 1 : 0; /* its brace comes with the metadata */
    listening_tell_state(op->task.told, &op->reply);
    return STAGE_DONE;
}

const struct stage OPERATION_LOOK_STAGES[] = {
    {"take_task", stage_take_task},
    {"check_view", operation_stage_check_view},
    {"authorize_early", operation_stage_authorize_early},
    {"open_session", operation_stage_open_session},
    {"check_session", operation_stage_check_session},
    {"check_era", stage_check_era},
    {"check_offer", operation_stage_check_offer},
    {"authorize", stage_authorize},
    {"record_intent", operation_stage_record_intent},
    {"check_intent", operation_stage_check_intent},
    {"ask", stage_ask},
    {"judge_questions", operation_stage_judge_questions},
    {"judge_task", stage_judge_task},
    {"judge_carried", operation_stage_judge_carried},
    {"record_questions", operation_stage_record_notes},
    {"tell", stage_tell},
    {"check_told", stage_check_told},
    {"record_outcome", operation_stage_record_outcome},
    {"check_outcome", operation_stage_check_record},
    {"tell_listener", stage_tell_listener},
    {NULL, NULL},
};

const struct stage OPERATION_TASK_STAGES[] = {
    {"authenticate", operation_stage_authenticate},
    {"session", operation_stage_session},
    {"route", operation_stage_route},
    {"home", operation_stage_home},
    {"check_view", operation_stage_check_view},
    {"authorize_early", operation_stage_authorize_early},
    {"open_session", operation_stage_open_session},
    {"check_session", operation_stage_check_session},
    {"check_era", stage_check_era},
    {"check_offer", operation_stage_check_offer},
    {"authorize", stage_authorize},
    {"check_responses", stage_check_responses},
    {"record_intent", operation_stage_record_intent},
    {"check_intent", operation_stage_check_intent},
    {"ask", stage_ask},
    {"judge_questions", operation_stage_judge_questions},
    {"judge_task", stage_judge_task},
    {"judge_carried", operation_stage_judge_carried},
    {"record_questions", operation_stage_record_notes},
    {"tell", stage_tell},
    {"check_told", stage_check_told},
    {"record_outcome", operation_stage_record_outcome},
    {"check_outcome", operation_stage_check_record},
    {"answer", stage_answer},
    {NULL, NULL},
};
