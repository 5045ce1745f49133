#include "core/gateway/asking.h"
#include "core/gateway/client_pages.h"
#include "core/gateway/completion.h"
#include "core/gateway/operation.h"
#include "core/gateway/server_error.h"
#include "core/gateway/server_message.h"
#include "core/gateway/subscription.h"
#include "json/writer.h"

#include <string.h>

#define KEPT_BYTES_MAX ((size_t)64 << 10) /* room for the next request; more is given back */

static struct json_place arguments_of(struct operation *op)
{
    return (struct json_place){&op->message.tape, op->message.arguments};
}

/* Denied whatever the arguments are? */
bool operation_is_never_allowed(struct operation *op)
{
    struct policy_question question = operation_question(op, op->server_index);
    return policy_denies_early(&question, &op->gateway->scratch, &op->arena, &op->answer);
}

/* What can never be allowed is refused before the server hears anything. With its session open
 * there is nothing to hear, and one look at the policies is enough. */
enum stage_result operation_stage_authorize_early(struct operation *op)
{
    bool is_ready = server_session_is_ready(op->gateway, op->server_index, op->principal,
                                            op->client, &op->declared);
    return !is_ready && operation_is_never_allowed(op) ? operation_refuse_denied(op) : STAGE_DONE;
}

static void on_session_ready(struct session_waiter *waiter, enum status status,
                             const struct diag *diag)
{
    struct operation *op =
        (struct operation *)((char *)waiter - offsetof(struct operation, waiter));
    operation_note(op, status, diag);
}

enum stage_result operation_stage_open_session(struct operation *op)
{
    struct diag diag = {0};
    if (operation_is_stopped(op)) {
        return STAGE_DONE;
    }
    op->session =
        server_session_get(op->gateway, op->server_index, op->principal, op->client, &op->declared);
    if (op->session == NULL) {
        return operation_refuse_overload(op, "too many sessions with servers");
    }
    operation_offer_to(op, op->session);
    op->session->user_count++;
    op->waiter.ready = on_session_ready;
    enum status status = server_session_open(op->session, &op->children, &op->waiter, &diag);
    if (status == STATUS_CONFLICT) {
        return STAGE_WAIT;
    }
    operation_note(op, status, &diag);
    return STAGE_DONE;
}

enum stage_result operation_stage_check_session(struct operation *op)
{
    return op->wait_status == STATUS_OK
               ? STAGE_DONE
               : operation_refuse_upstream(op, op->wait_status, &op->wait_diag);
}

/* MCP, capabilities: what is behind one that the server does not have is no method of its. Who may
 * never use the target does not learn that. */
enum stage_result operation_stage_check_offer(struct operation *op)
{
    const struct mcp_method *method = op->message.method;
    if ((op->session->offers & method->needs) == method->needs) {
        return STAGE_DONE;
    }
    if (operation_is_never_allowed(op)) {
        return operation_refuse_denied(op);
    }
    return operation_refuse_method(op);
}

static struct json_place member_of(struct json_place object, struct slice name)
{
    return (struct json_place){object.tape, object.ref == JSON_NONE
                                                ? JSON_NONE
                                                : json_member(object.tape, object.ref, name)};
}

/* Who may never call the tool learns nothing about its arguments, nor whether there is one. */
static enum stage_result refuse_call(struct operation *op, struct slice text,
                                     const struct diag *diag)
{
    struct slice reason = SLICE_EMPTY;
    if (operation_is_never_allowed(op)) {
        return operation_refuse_denied(op);
    }
    (void)!arena_copy(&op->arena, slice_view_cstr(diag->message), &reason);
    return operation_refuse(op, &(struct operation_refusal){.type = AUDIT_AUTHZ_DENY,
                                                            .http_status = 200,
                                                            .rpc_code = MCP_ERROR_INVALID_PARAMS,
                                                            .text = text,
                                                            .code = diag->code,
                                                            .reason = reason});
}

/* MCP 2026-07-28: who acts on the body refuses fields that disagree with it. */
static enum stage_result refuse_fields(struct operation *op, const struct diag *diag)
{
    struct slice reason = SLICE_EMPTY;
    if (operation_is_never_allowed(op)) {
        return operation_refuse_denied(op);
    }
    (void)!arena_copy(&op->arena, slice_view_cstr(diag->message), &reason);
    return operation_refuse(op, &(struct operation_refusal){
                                    .type = AUDIT_WIRE_REJECT,
                                    .http_status = 400,
                                    .rpc_code = MCP_ERROR_HEADER_MISMATCH,
                                    .text = SLICE("the header fields do not agree with the body"),
                                    .code = diag->code,
                                    .reason = reason});
}

/* Compare the fields of arguments that a client of our newest revision sent, and write those that a
 * server of it gets. What the tool does not name is nobody's field and goes no further. */
static enum stage_result take_parameters(struct operation *op, struct json_place tool,
                                         struct json_place arguments)
{
    op->parameters = NULL;
    op->parameter_count = 0;
    if (!server_session_has_parameters(op->session, tool)) {
        return STAGE_DONE;
    }
    struct parameter_fields fields;
    struct diag diag = {0};
    enum status status = parameter_fields_read(member_of(tool, SLICE("inputSchema")), arguments,
                                               &op->arena, &fields, &diag);
    if (status == STATUS_INVALID) {
        return refuse_call(op, SLICE("unknown tool"), &diag);
    }
    if (status == STATUS_OK && mcp_revision_is_modern(op->revision) && !op->is_stdio) {
        status = parameter_fields_check(&fields, arguments.tape, op->sent_parameters,
                                        op->sent_parameter_count, &op->arena, &diag);
    }
    if (status == STATUS_OK && op->session->is_modern && fields.count > 0) {
        op->parameters = arena_alloc_zero(&op->arena, fields.count, sizeof(*op->parameters));
        status = op->parameters == NULL
                     ? STATUS_LIMIT
                     : parameter_fields_write(&fields, arguments.tape, &op->arena, op->parameters,
                                              &op->parameter_count, &diag);
    }
    if (status == STATUS_LIMIT) {
        return operation_refuse_overload(op, "no memory for the fields");
    }
    return status == STATUS_OK ? STAGE_DONE : refuse_fields(op, &diag);
}

/* A tool the server did not declare has no types to judge its arguments by. */
static enum stage_result find_tool(struct operation *op)
{
    bool is_ambiguous = false;
    op->definition = tool_index_find(&op->session->tools, op->name, &is_ambiguous);
    if (op->definition.ref != JSON_NONE) {
        return STAGE_DONE;
    }
    struct diag diag = {0};
    (void)!diag_fail(&diag, STATUS_NOT_FOUND, is_ambiguous ? "tool.ambiguous" : "tool.unknown",
                     is_ambiguous ? "the server lists two tools of this name"
                                  : "the server lists no tool of this name");
    return refuse_call(op, SLICE("unknown tool"), &diag);
}

static enum stage_result stage_check_arguments(struct operation *op)
{
    struct diag diag = {0};
    if (op->message.method->primitive != MCP_TOOL) {
        return STAGE_DONE;
    }
    enum stage_result result = find_tool(op);
    if (result != STAGE_DONE) {
        return result;
    }
    struct json_place arguments = arguments_of(op);
    struct json_tape empty;
    if (arguments.ref == JSON_NONE) {
        if (json_parse(&op->gateway->parser, SLICE("{}"), &op->arena, &empty, &diag) != STATUS_OK) {
            return operation_refuse_overload(op, "no memory for the arguments");
        }
        arguments = (struct json_place){&empty, 0};
    }
    result = take_parameters(op, op->definition, arguments);
    if (result == STAGE_DONE && schema_check(member_of(op->definition, SLICE("inputSchema")),
                                             arguments, &diag) != STATUS_OK) {
        return refuse_call(op, SLICE("the arguments do not fit the input schema"), &diag);
    }
    return result;
}

static enum stage_result stage_authorize(struct operation *op)
{
    if (op->message.method->is_completion) {
        /* The help is for arguments that are not there yet. */
        return operation_is_never_allowed(op) ? operation_refuse_denied(op) : STAGE_DONE;
    }
    if (operation_count(op) != STATUS_OK) {
        return operation_refuse_overload(op, "too many callers to count the calls of");
    }
    struct policy_question question = operation_question(op, op->server_index);
    if (op->message.method->primitive == MCP_TOOL) {
        question.definition = op->definition;
    }
    enum status status = policy_decide(&question, &op->gateway->scratch, &op->arena, &op->answer);
    bool is_allowed = status == STATUS_OK && op->answer.is_allowed;
    if (operation_settle_count(op, is_allowed) != STATUS_OK) {
        return operation_refuse_overload(op, "too many labels of servers");
    }
    return is_allowed ? STAGE_DONE : operation_refuse_denied(op);
}

static enum stage_result stage_subscribe(struct operation *op)
{
    if (!slice_eq(op->message.method->name, SLICE("resources/subscribe"))) {
        return STAGE_DONE;
    }
    return subscription_add(op) == STATUS_OK
               ? STAGE_DONE
               : operation_refuse_overload(op, "too many subscriptions");
}

enum stage_result operation_stage_record_intent(struct operation *op)
{
    return operation_record(op, AUDIT_INTENT, AUDIT_AUTHZ_ALLOW, true);
}

/* {"name":X,"arguments":{...}: only what the method defines, written from the judged tape. */
void operation_write_params(const struct operation *op, struct buf *params)
{
    buf_append_byte(params, '{');
    buf_append_json_string(params, op->message.method->target_member);
    buf_append_byte(params, ':');
    buf_append_json_string(params, op->name);
    if (op->message.arguments != JSON_NONE) {
        buf_append(params, SLICE(",\"arguments\":"));
        json_write(params, &op->message.tape, op->message.arguments, NULL, 0);
    }
}

/* Of a directory: which page, in the server's words. */
static void write_cursor(const struct operation *op, struct buf *params)
{
    json_ref cursor = op->message.method->list_member.len == 0
                          ? JSON_NONE
                          : json_member(&op->message.tape, op->message.params, SLICE("cursor"));
    if (cursor != JSON_NONE) {
        buf_append(params, SLICE(",\"cursor\":"));
        buf_append(params, json_raw(&op->message.tape, cursor));
    }
}

/* What the server gets in answer to its questions, and its own state as it gave it. */
static void write_answers(const struct operation *op, struct buf *params)
{
    if (!op->session->is_modern) {
        return;
    }
    if (op->input.responses.len > 0) {
        buf_append(params, SLICE(",\"inputResponses\":"));
        buf_append(params, op->input.responses);
    }
    if (op->input.state.len > 0) {
        buf_append(params, SLICE(",\"requestState\":"));
        buf_append(params, op->input.state);
    }
}

static void write_params(const struct operation *op, struct buf *params)
{
    if (op->message.method->is_completion) {
        mcp_completion_write(params, &op->message.tape, &op->message.completion, op->name);
        return;
    }
    operation_write_params(op, params);
    write_cursor(op, params);
    task_write_wish(op, params);
    write_answers(op, params);
    buf_append_byte(params, '}');
}

/* Which messages of the log does the client want? */
static enum mcp_log_level log_level(const struct operation *op)
{
    return op->client != NULL ? op->client->log_level : op->message.log_level;
}

static bool sends_log(const struct operation *op)
{
    return log_level(op) != MCP_LOG_NONE && (op->session->offers & MCP_OFFERS_LOGGING) != 0;
}

/* Our own progress token, the log level, and the trace context as the client gave it. */
static void write_meta(struct operation *op, struct buf *meta)
{
    static const struct slice TRACE[] = {SLICE_INIT("traceparent"), SLICE_INIT("tracestate"),
                                         SLICE_INIT("baggage")};
    json_ref values[COUNT_OF(TRACE)];
    bool has_member = false;
    if (op->message.progress_token != JSON_NONE) {
        buf_append(meta, SLICE("\"progressToken\":"));
        buf_append_i64(meta, op->gateway->next_upstream_id + 1);
        has_member = true;
    }
    if (op->session->is_modern && sends_log(op)) {
        buf_append(meta, has_member ? SLICE(",") : SLICE_EMPTY);
        buf_append(meta, SLICE("\"io.modelcontextprotocol/logLevel\":"));
        buf_append_json_string(meta, mcp_log_level_name(log_level(op)));
        has_member = true;
    }
    (void)json_members(&op->message.tape, op->message.meta, TRACE, COUNT_OF(TRACE), values);
    for (size_t i = 0; i < COUNT_OF(TRACE); i++) {
        if (values[i] != JSON_NONE && json_type(&op->message.tape, values[i]) == JSON_STRING) {
            buf_append(meta, has_member ? SLICE(",") : SLICE_EMPTY);
            has_member = true;
            buf_append_json_string(meta, TRACE[i]);
            buf_append_byte(meta, ':');
            buf_append(meta, json_raw(&op->message.tape, values[i]));
        }
    }
}

static struct operation *operation_of_call(struct call *call)
{
    return (struct operation *)((char *)call - offsetof(struct operation, call));
}

/* Nobody waits for answers any more. */
static void on_call_done(struct call *call, enum status status)
{
    asking_end_all(operation_of_call(call));
    operation_note(operation_of_call(call), status, &call->diag);
}

static void on_call_question(struct call *call, const struct json_tape *tape)
{
    if (!asking_begin(operation_of_call(call), tape)) {
        call->failure =
            diag_fail(&call->diag, STATUS_LIMIT, "upstream.questions", "the server asks too much");
    }
}

static void withdraw_question(struct operation *op, const struct json_tape *tape, json_ref params)
{
    json_ref id = params == JSON_NONE ? JSON_NONE : json_member(tape, params, SLICE("requestId"));
    if (id != JSON_NONE) {
        asking_withdraw(op, json_raw(tape, id));
    }
}

/* Progress of this call goes on with the client's own token: *edit writes it. */
static bool is_progress_of(const struct call *call, const struct json_tape *tape, json_ref params,
                           struct json_edit *edit)
{
    const struct operation *op =
        (const struct operation *)((const char *)call - offsetof(struct operation, call));
    struct slice wanted = held_call_progress_token(op);
    json_ref ref = json_member(tape, params, SLICE("progressToken"));
    int64_t token = 0;
    if (wanted.len == 0 || ref == JSON_NONE || json_integer(tape, ref, &token) != STATUS_OK ||
        token != call->id) {
        return false;
    }
    *edit = (struct json_edit){JSON_EDIT_REPLACE, ref, wanted};
    return true;
}

/* May the client have it? *edit_count, 1 at most: what is to be changed in it. */
static bool passes(struct operation *op, const struct json_tape *tape, json_ref params,
                   struct json_edit *edit, size_t *edit_count)
{
    json_ref method = json_member(tape, 0, SLICE("method"));
    bool is_log = json_string_eq(tape, method, SLICE("notifications/message"));
    *edit_count = is_log ? 0 : 1;
    if (params == JSON_NONE) {
        return false;
    }
    if (json_string_eq(tape, method, SLICE("notifications/progress"))) {
        return is_progress_of(&op->call, tape, params, edit);
    }
    return is_log ? sends_log(op) && mcp_log_is_wanted(tape, params, log_level(op))
                  : task_state_edit(op, (struct json_place){tape, params}, edit);
}

static void send_on(struct call *call, const struct buf *json)
{
    struct operation *op = operation_of_call(call);
    if (buf_status(json) != STATUS_OK || !operation_send_event(op, buf_view(json))) {
        /* The client must see that its stream is not whole; the server need not go on. */
        operation_lose_client(op);
        call->failure =
            diag_fail(&call->diag, STATUS_CANCELLED, "client.slow", "the client reads too slowly");
    }
}

/* Progress, wanted messages of the log, states of the client's tasks and what is done on its pages
 * go on; everything else a server tells is dropped here. */
static void on_call_notification(struct call *call, const struct json_tape *tape)
{
    struct operation *op = operation_of_call(call);
    json_ref method = json_member(tape, 0, SLICE("method"));
    json_ref params = json_member(tape, 0, SLICE("params"));
    struct json_edit edit;
    size_t edit_count = 0;
    struct buf json;
    if (json_string_eq(tape, method, SLICE("notifications/cancelled"))) {
        withdraw_question(op, tape, params);
        return;
    }
    buf_init(&json, GATEWAY_OPERATION_BYTES_MAX, &op->account);
    if (json_string_eq(tape, method, CLIENT_PAGES_METHOD)) {
        if (client_pages_complete(op, tape, &json)) {
            send_on(call, &json);
        }
    } else if (passes(op, tape, params, &edit, &edit_count)) {
        json_write(&json, tape, 0, &edit, edit_count);
        send_on(call, &json);
    }
    buf_release(&json);
}

/* A legacy server has one level for its session, and is told before the first call that wants more
 * than the ones before. Whether it follows is its own affair: a call does not fail for it. */
static enum stage_result stage_set_log_level(struct operation *op)
{
    struct server_session *session = op->session;
    bool sends_enough = session->log_level != MCP_LOG_NONE && session->log_level <= log_level(op);
    if (op->held.is_claim || session->is_modern || !sends_log(op) || sends_enough ||
        operation_is_stopped(op) || !server_session_is_usable(session, NULL)) {
        return STAGE_DONE;
    }
    struct slice params = SLICE_EMPTY;
    struct slice level = mcp_log_level_name(log_level(op));
    if (arena_format(&op->arena, &params, "{\"level\":\"%.*s\"}", SLICE_ARG(level)) != STATUS_OK) {
        return STAGE_DONE;
    }
    struct call_request request = {.owner = &op->children,
                                   .arena = &op->arena,
                                   .session = session,
                                   .method = SLICE("logging/setLevel"),
                                   .params = params};
    op->call = (struct call){.on_done = on_call_done};
    session->log_level = log_level(op);
    return call_start(&op->call, &request) == STATUS_OK ? STAGE_WAIT : STAGE_DONE;
}

bool operation_may_send(struct operation *op)
{
    if (!operation_is_stopped(op) && server_session_is_usable(op->session, &op->wait_diag)) {
        return true;
    }
    op->wait_status = op->wait_diag.status;
    return false;
}

enum stage_result operation_send(struct operation *op, struct call_request *request,
                                 struct buf *params)
{
    size_t params_bytes = params->len;
    write_meta(op, params);
    request->owner = &op->children;
    request->arena = &op->arena;
    request->session = op->session;
    request->params = slice_sub(buf_view(params), 0, params_bytes);
    request->meta = slice_sub(buf_view(params), params_bytes, params->len);
    request->is_modern = op->session->is_modern;
    request->capabilities = operation_offer(op);
    op->input.offered = request->capabilities;
    op->call = (struct call){.on_done = on_call_done,
                             .on_notification = on_call_notification,
                             .on_question = on_call_question};
    enum status status = buf_status(params);
    if (status == STATUS_OK) {
        status = call_start(&op->call, request);
    }
    if (status == STATUS_OK) {
        return STAGE_WAIT;
    }
    operation_note(op, status, &op->call.diag);
    return STAGE_DONE;
}

/* MCP 2026-07-28 has no such requests: its servers are asked for all that the client wants to hear
 * of at once, and the gateway answers. */
static enum stage_result subscribe_here(struct operation *op)
{
    static const struct slice DONE = SLICE_INIT("{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{}}");
    struct call *call = &op->call;
    *call = (struct call){.result = JSON_NONE, .error = JSON_NONE};
    if (json_parse(&op->gateway->parser, DONE, &op->arena, &call->answer, NULL) != STATUS_OK) {
        return operation_refuse_overload(op, "no memory for the answer");
    }
    call->has_answer = true;
    call->result = json_member(&call->answer, 0, SLICE("result"));
    subscription_settle(op);
    server_stream_refilter(op->session);
    return STAGE_DONE;
}

static enum stage_result stage_forward(struct operation *op)
{
    const struct mcp_method *method = op->message.method;
    struct buf *text = &op->gateway->params;
    if (op->held.is_claim && !operation_is_stopped(op)) {
        return held_call_resume(op) ? STAGE_LEAVE : STAGE_DONE;
    }
    if (!operation_may_send(op)) {
        return STAGE_DONE;
    }
    if (op->session->is_modern && method->needs == MCP_OFFERS_SUBSCRIBE) {
        return subscribe_here(op);
    }
    buf_reuse(text, KEPT_BYTES_MAX);
    write_params(op, text);
    struct call_request request = {
        .method = method->name,
        .name = method->is_unrepeated ? SLICE_EMPTY : op->name,
        .parameters = op->parameters,
        .parameter_count = op->parameter_count,
        .may_ask = op->session->is_modern && operation_may_ask(op),
        .may_make_task = method->primitive == MCP_TOOL,
    };
    return operation_send(op, &request, text);
}

/* What a result asks of the client is judged where it asks; anywhere else it would not be. The
 * state of a task has a place for questions, too, and the result that it holds has none. */
static bool hides_questions(const struct operation *op)
{
    struct json_place result = {&op->call.answer, op->call.result};
    bool is_state = op->message.method->kind == MCP_KIND_TASK && op->call.is_modern;
    if (result.ref == JSON_NONE) {
        return false;
    }
    struct json_place inner = member_of(result, SLICE("result"));
    return server_message_hides_questions(result.tape, result.ref, op->call.asks || is_state) ||
           (is_state && inner.ref != JSON_NONE && json_type(inner.tape, inner.ref) == JSON_OBJECT &&
            server_message_hides_questions(inner.tape, inner.ref, false));
}

/* The intent is written, so whatever happened is its outcome. Its own failure is looked at below.
 */
enum stage_result operation_stage_record_outcome(struct operation *op)
{
    if (op->input.next != INPUT_ASK) {
        asking_end_all(op);
    }
    if (op->message.method->is_completion && op->call.failure == STATUS_OK &&
        op->call.result != JSON_NONE &&
        mcp_completion_values(&op->call.answer, op->call.result) == JSON_NONE) {
        op->call.failure =
            diag_fail(&op->call.diag, STATUS_INVALID, "upstream.protocol",
                      "the result is no list of up to %d values", MCP_COMPLETION_VALUES_MAX);
    }
    if (op->call.failure == STATUS_OK && hides_questions(op)) {
        op->call.failure = diag_fail(&op->call.diag, STATUS_INVALID, "upstream.protocol",
                                     "the result holds questions where it asks nothing");
    }
    op->has_outcome = true;
    return operation_record(op, AUDIT_OUTCOME, AUDIT_AUTHZ_ALLOW, false);
}

/* What the two eras say differently about a result. How long it may be kept, and by whom, is for
 * the gateway to say: another caller may not see it, and a policy may close it at any time. */
static size_t translate_edits(struct operation *op, struct json_edit *edits)
{
    static const struct slice OWN[] = {SLICE_INIT("resultType"), SLICE_INIT("ttlMs"),
                                       SLICE_INIT("cacheScope")};
    const struct call *call = &op->call;
    size_t count = 0;
    bool is_read = op->message.method->primitive == MCP_RESOURCE;
    edits[count++] = (struct json_edit){JSON_EDIT_REPLACE,
                                        json_member(&call->answer, 0, SLICE("id")), op->message.id};
    if (call->result == JSON_NONE) {
        return count;
    }
    for (size_t i = 0; i < (is_read ? COUNT_OF(OWN) : 1); i++) {
        json_ref ref = json_member(&call->answer, call->result, OWN[i]);
        if (ref != JSON_NONE) {
            edits[count++] = (struct json_edit){JSON_EDIT_REMOVE, ref, SLICE_EMPTY};
        }
    }
    if (mcp_revision_is_modern(op->revision)) {
        edits[count++] = (struct json_edit){
            JSON_EDIT_APPEND, call->result,
            op->call.is_task ? SLICE("\"resultType\":\"task\"")
            : is_read ? SLICE("\"resultType\":\"complete\",\"ttlMs\":0,\"cacheScope\":\"private\"")
                      : SLICE("\"resultType\":\"complete\"")};
    }
    return count;
}

/* Once more, in an operation of the same client: judged like any other, from the session on, with
 * an intent of its own. */
static enum stage_result repeat(struct operation *op)
{
    server_session_leave(op->session);
    op->session = NULL;
    op->call = (struct call){0};
    op->has_outcome = false;
    if (gateway_draw_id(op->gateway, op->decision_id) != STATUS_OK) {
        return operation_refuse_overload(op, "no random bytes");
    }
    while (op->stages[op->stage].run != operation_stage_open_session) {
        op->stage--;
    }
    op->stage--;
    return STAGE_DONE;
}

static void write_result(struct operation *op)
{
    /* id, three removed, one appended; of a task its id; what is withheld */
    struct json_edit edits[7 + SERVER_ERROR_EDITS_MAX + COMPLETION_EDITS_MAX];
    size_t count = translate_edits(op, edits);
    count += server_error_edit(op, edits + count);
    count += task_made_edit(op, edits + count);
    count += operation_withheld_edit(op, edits + count);
    if (op->message.method->is_completion && op->call.result != JSON_NONE) {
        count += completion_filter(op, edits + count);
    }
    json_write(&op->reply, &op->call.answer, 0, edits, count);
}

/* MCP 2025-11-25, session management: a 404 says that the session is over, and that nothing was
 * begun in it. */
static bool may_repeat(const struct operation *op)
{
    return op->call.failure == STATUS_NOT_FOUND && !op->was_repeated && op->stop == STATUS_OK &&
           op->held.round_count == 0;
}

enum stage_result operation_answer_call(struct operation *op, void (*write)(struct operation *op))
{
    if (op->call.failure == STATUS_CANCELLED || op->stop == STATUS_UNAUTHENTICATED) {
        return op->client_gone ? STAGE_DONE
                               : operation_refuse_upstream(op, STATUS_CANCELLED, &op->call.diag);
    }
    if (op->call.failure != STATUS_OK) {
        if (!op->held.is_claim) {
            server_session_forget(op->session);
        }
        if (may_repeat(op)) {
            op->was_repeated = true;
            return repeat(op);
        }
        return operation_refuse_upstream(op, op->call.failure, &op->call.diag);
    }
    switch (op->input.next) {
    case INPUT_NONE:
        write(op);
        break;
    case INPUT_ASK:
        operation_write_questions(op);
        break;
    case INPUT_REPEAT:
        return repeat(op);
    case INPUT_REFUSE:
        return STAGE_REFUSE;
    }
    operation_answer(op, op->input.lacks_capability ? 400 : 200);
    return STAGE_DONE;
}

static enum stage_result stage_answer(struct operation *op)
{
    return operation_answer_call(op, op->judging != NULL ? operation_write_list : write_result);
}

const struct stage OPERATION_CALL_STAGES[] = {
    {"authenticate", operation_stage_authenticate},
    {"session", operation_stage_session},
    {"route", operation_stage_route},
    {"home", operation_stage_home},
    {"resolve", operation_stage_resolve},
    {"choose", operation_stage_choose},
    {"resolve_skill", operation_stage_resolve_skill},
    {"choose_skill", operation_stage_choose_skill},
    {"resolve_template", operation_stage_resolve_template},
    {"choose_template", operation_stage_choose_template},
    {"check_view", operation_stage_check_view},
    {"authorize_early", operation_stage_authorize_early},
    {"open_session", operation_stage_open_session},
    {"check_session", operation_stage_check_session},
    {"check_offer", operation_stage_check_offer},
    {"check_arguments", stage_check_arguments},
    {"authorize", stage_authorize},
    {"check_wish", operation_stage_check_wish},
    {"read_answers", operation_stage_read_answers},
    {"record_answers", operation_stage_record_notes},
    {"check_answers", operation_stage_check_answers},
    {"subscribe", stage_subscribe},
    {"record_intent", operation_stage_record_intent},
    {"check_intent", operation_stage_check_intent},
    {"set_log_level", stage_set_log_level},
    {"forward", stage_forward},
    {"await_retry", operation_stage_await_retry},
    {"judge_questions", operation_stage_judge_questions},
    {"take_task", operation_stage_take_task},
    {"judge_carried", operation_stage_judge_carried},
    {"judge_entries", operation_stage_judge_entries},
    {"record_questions", operation_stage_record_notes},
    {"record_outcome", operation_stage_record_outcome},
    {"check_outcome", operation_stage_check_record},
    {"ask_client", operation_stage_ask_client},
    {"gather_answers", operation_stage_gather_answers},
    {"answer", stage_answer},
    {NULL, NULL},
};
