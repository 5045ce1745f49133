#include "core/gateway/operation.h"

#include "core/gateway/asking.h"
#include "core/gateway/client_stream.h"
#include "core/gateway/endpoint.h"
#include "core/gateway/listening.h"
#include "core/gateway/sign_in.h"
#include "core/gateway/subscription.h"

#include <assert.h>
#include <string.h>

#define REFUSAL_BYTES_MAX ((size_t)64 << 10)

/* Nothing that the transport says later finds the operation. */
void operation_release_exchange(struct operation *op)
{
    struct exchange *exchange = op->exchange;
    if (exchange != NULL) {
        op->exchange = NULL;
        exchange->operation = NULL;
        exchange->on_gone = NULL;
        exchange->vtable->release(exchange);
    }
}

static void leave_sessions(struct operation *op)
{
    listening_end(op);
    listening_looked(op);
    held_call_leave(op);
    asking_answer(op, SLICE_EMPTY);
    asking_end_all(op);
    if (op->stream != NULL) {
        client_stream_break(op->stream);
        op->stream = NULL;
    }
    if (op->session != NULL) {
        server_session_leave(op->session);
        op->session = NULL;
    }
    operation_leave_parts(op);
    subscription_settle(op);
    if (op->client_is_new && op->client != NULL && !op->client->is_over) {
        client_session_end(op->client);
    }
    client_session_leave(op->client);
    op->client = NULL;
}

static void free_operation(struct operation *op)
{
    struct gateway *gateway = op->gateway;
    assert(op->children.count == 0);
    if (op->previous != NULL) {
        op->previous->next = op->next;
    } else {
        gateway->operations = op->next;
    }
    if (op->next != NULL) {
        op->next->previous = op->previous;
    }
    gateway->operation_count--;
    leave_sessions(op);
    asking_free_all(op);
    operation_drop_fields(op);
    operation_release_exchange(op);
    gateway->ports.timer->stop(gateway->ports.timer->context, &op->deadline);
    principal_unref(op->principal);
    client_certificate_unref(op->certificate);
    buf_release(&op->reply);
    buf_release(&op->session_id);
    if (op->sign_in != NULL) {
        arena_wipe(&op->arena); /* codes and tokens of others are all over it */
    } else {
        arena_release(&op->arena);
    }
    assert(op->account.used_bytes == 0);
    caller_leave(gateway, op->caller_entry);
    arena_spares_give(&gateway->operation_spares, op);
}

/* Refusals leave the table of the kind for this one. */
static enum stage_result stage_record_refusal(struct operation *op)
{
    const struct operation_refusal *refusal = &op->refusal;
    bool is_known = op->principal != NULL;
    if (!is_known &&
        !gateway_refusal_has_record(op->gateway, refusal->type, op->peer_ip, refusal->code)) {
        op->wait_status = STATUS_OK;
        return STAGE_DONE;
    }
    /* Nothing follows from a refusal, so a stranger cannot make the disk sync. */
    return operation_record(op, AUDIT_EVENT, refusal->type, is_known);
}

static enum stage_result stage_answer_refusal(struct operation *op)
{
    if (op->wait_status != STATUS_OK) {
        /* No record, no answer that tells anything. */
        op->refusal = operation_refusal_of(PRODUCT_AUDIT_UNAVAILABLE, SLICE_EMPTY);
    }
    operation_answer_refusal(op);
    return STAGE_DONE;
}

static const struct stage REFUSAL_STAGES[] = {
    {"record_refusal", stage_record_refusal},
    {"answer_refusal", stage_answer_refusal},
    {NULL, NULL},
};

COLD static void enter_refusal(struct operation *op)
{
    /* A refusal while refusing means that the journal takes nothing: answer without record. */
    op->stages = REFUSAL_STAGES;
    if (!op->is_refused) {
        /* What was to be answered goes, and the refusal does not depend on the operation's budget.
         */
        buf_release(&op->reply);
        buf_init(&op->reply, REFUSAL_BYTES_MAX, &op->gateway->account);
    }
    bool skips_record = op->is_refused || op->has_outcome;
    op->stage = skips_record ? 1 : 0;
    op->wait_status = STATUS_OK;
    op->is_refused = true;
}

/* Run stages until one waits or the table ends. */
static void run(struct operation *op)
{
    while (op->stages[op->stage].run != NULL) {
        enum stage_result result = op->stages[op->stage].run(op);
        if (result == STAGE_DONE) {
            op->stage++;
            continue;
        }
        if (result == STAGE_WAIT) {
            op->is_waiting = true;
            /* The fields are the transport's, and only until its call returns. What they say is
             * judged by then, or they were copied. */
            if (!op->awaits_identity) {
                operation_drop_fields(op);
            }
            return;
        }
        if (result == STAGE_LEAVE) {
            break;
        }
        enter_refusal(op);
    }
    free_operation(op);
}

static struct operation *operation_of_pause(struct child *child)
{
    return (struct operation *)((char *)child - offsetof(struct operation, pause));
}

static void cancel_pause(struct child *child)
{
    struct operation *op = operation_of_pause(child);
    const struct port_timer *timer = op->gateway->ports.timer;
    timer->stop(timer->context, &op->pause_end);
}

static void on_paused(struct child *child, enum status status, const struct diag *diag)
{
    operation_note(operation_of_pause(child), status, diag);
}

static const struct child_kind PAUSE_CHILD = {cancel_pause, on_paused};

static void on_pause_end(struct timer *timer)
{
    struct operation *op =
        (struct operation *)((char *)timer - offsetof(struct operation, pause_end));
    child_end(&op->pause, STATUS_OK, NULL);
}

enum stage_result operation_rest(struct operation *op, int64_t after_ms)
{
    const struct port_timer *timer = op->gateway->ports.timer;
    if (child_begin(&op->pause, &op->children, &PAUSE_CHILD) != STATUS_OK) {
        return operation_refuse_overload(op, "too much is under way");
    }
    op->pause_end.fire = on_pause_end;
    timer->start(timer->context, &op->pause_end, after_ms);
    return STAGE_WAIT;
}

enum stage_result operation_pause(struct operation *op)
{
    enum stage_result result = operation_rest(op, 0);
    /* A wait goes on with the stage after. */
    op->stage -= result == STAGE_WAIT ? 1 : 0;
    return result;
}

void operation_note(struct operation *op, enum status status, const struct diag *diag)
{
    op->wait_status = status;
    diag_copy(&op->wait_diag, diag);
}

/* The last child is over. A stage that is still starting its children is not asked. */
static void on_settled(struct children *children)
{
    struct operation *op =
        (struct operation *)((char *)children - offsetof(struct operation, children));
    if (op->is_dead) {
        free_operation(op);
    } else if (op->is_waiting) {
        op->is_waiting = false;
        op->stage++;
        run(op);
    }
}

static void note_stop(struct operation *op)
{
    operation_note(op, op->stop, NULL);
    if (op->stop == STATUS_TIMEOUT) {
        (void)!diag_fail(&op->wait_diag, op->stop, "operation.deadline",
                         "the operation took too long");
    } else if (op->stop == STATUS_UNAUTHENTICATED) {
        (void)!diag_fail(&op->wait_diag, op->stop, "token.revoked", "the caller was shut out");
    } else if (op->client_gone) {
        (void)!diag_fail(&op->wait_diag, op->stop, "client.gone", "the client went away");
    } else {
        (void)!diag_fail(&op->wait_diag, op->stop, "client.cancelled",
                         "the client took the request back");
    }
}

/* Break off what it waits for at servers. The journal cannot be called back; what begins after its
 * completion asks operation_is_stopped. */
static void stop(struct operation *op, enum status why)
{
    op->stop = op->stop == STATUS_UNAUTHENTICATED ? op->stop : why;
    if (op->is_waiting && children_cancel(&op->children) > 0) {
        note_stop(op);
        if (op->children.count == 0) {
            on_settled(&op->children);
        }
    }
}

void operation_stop(struct operation *op, enum status why)
{
    stop(op, why);
}

static void on_deadline(struct timer *timer)
{
    struct operation *op =
        (struct operation *)((char *)timer - offsetof(struct operation, deadline));
    if (op->held.is_held) {
        held_call_expire(op);
    } else {
        stop(op, STATUS_TIMEOUT);
    }
}

static int64_t left_ms(const struct operation *op)
{
    const struct gateway_ports *ports = &op->gateway->ports;
    int64_t passed_ms = ports->clock->mono_ms(ports->clock->context) - op->started_ms;
    int64_t left = op->gateway->limits.operation_deadline_ms - passed_ms;
    return left < 0 ? 0 : left;
}

void operation_limit_wait(struct operation *op, int64_t after_ms)
{
    const struct gateway_ports *ports = &op->gateway->ports;
    int64_t at_most_ms = left_ms(op);
    ports->timer->start(ports->timer->context, &op->deadline,
                        after_ms < at_most_ms ? after_ms : at_most_ms);
}

void operation_end_limit(struct operation *op)
{
    if (op->stop == STATUS_TIMEOUT && left_ms(op) > 0) {
        op->stop = STATUS_OK;
    }
    operation_limit_wait(op, left_ms(op));
}

bool operation_is_stopped(struct operation *op)
{
    if (op->stop != STATUS_OK) {
        note_stop(op);
    }
    return op->stop != STATUS_OK;
}

enum stage_result operation_refuse(struct operation *op, const struct operation_refusal *refusal)
{
    op->refusal = *refusal;
    return STAGE_REFUSE;
}

struct operation_refusal operation_refusal_of(enum product_error error, struct slice reason)
{
    const struct product_error_entry *entry = product_error_find(error);
    return (struct operation_refusal){.type = entry->audit_type,
                                      .http_status = entry->http_status,
                                      .rpc_code = entry->rpc_code,
                                      .text = entry->text,
                                      .code = entry->name,
                                      .reason = reason,
                                      .may_retry = entry->may_retry};
}

enum stage_result operation_refuse_error(struct operation *op, enum product_error error,
                                         struct slice reason)
{
    op->refusal = operation_refusal_of(error, reason);
    return STAGE_REFUSE;
}

enum stage_result operation_refuse_revoked(struct operation *op)
{
    op->refusal = operation_refusal_of(PRODUCT_REVOKED, SLICE("the caller was shut out"));
    op->refusal.challenge = CHALLENGE_INVALID;
    return STAGE_REFUSE;
}

enum stage_result operation_refuse_overload(struct operation *op, const char *what)
{
    return operation_refuse_error(op, PRODUCT_OVERLOADED, slice_view_cstr(what));
}

enum stage_result operation_refuse_upstream(struct operation *op, enum status status,
                                            const struct diag *diag)
{
    struct slice reason = SLICE_EMPTY;
    if (op->stop == STATUS_UNAUTHENTICATED) {
        return operation_refuse_revoked(op);
    }
    (void)!arena_copy(&op->arena, slice_view_cstr(diag->message), &reason);
    return operation_refuse_error(op, product_error_of_upstream(status, diag), reason);
}

const struct gateway_server *operation_server(const struct operation *op)
{
    return &op->gateway->snapshot->servers[op->server_index];
}

/* MCP 2026-07-28: a closed stream means cancel. Legacy clients may come back for the result of a
 * running call, so there a disconnect cancels nothing; the outcome is recorded in both eras. */
static void on_gone(struct exchange *exchange)
{
    struct operation *op = exchange->operation;
    op->client_gone = true;
    if (mcp_revision_is_modern(op->revision)) {
        stop(op, STATUS_CANCELLED);
    }
}

void operation_cancel_request(const struct operation *by, struct slice id)
{
    for (struct operation *op = by->gateway->operations; op != NULL; op = op->next) {
        bool is_same = op->client == by->client && (op->client != NULL || op->is_stdio);
        if (op != by && is_same && !op->held.is_held && slice_eq(op->message.id, id)) {
            stop(op, STATUS_CANCELLED);
            return;
        }
    }
}

/* The first that has not been stopped. */
static struct operation *find_running(const struct client_session *session)
{
    struct operation *op = session->gateway->operations;
    while (op != NULL && (op->client != session || op->stop != STATUS_OK)) {
        op = op->next;
    }
    return op;
}

/* To stop one may end others. */
void operation_cancel_session(const struct client_session *session)
{
    for (struct operation *op = find_running(session); op != NULL; op = find_running(session)) {
        stop(op, STATUS_CANCELLED);
    }
}

void operation_abort(struct operation *op)
{
    (void)children_cancel(&op->children);
    op->client_gone = true;
    leave_sessions(op);
    operation_release_exchange(op);
    op->is_dead = op->children.count > 0;
    if (!op->is_dead) {
        free_operation(op);
    }
}

static const struct stage *stages_of(const struct mcp_message *message)
{
    switch (message->method->kind) {
    case MCP_KIND_INITIALIZE:
        return OPERATION_INITIALIZE_STAGES;
    case MCP_KIND_DISCOVER:
        return OPERATION_DISCOVER_STAGES;
    case MCP_KIND_PING:
        return OPERATION_PING_STAGES;
    case MCP_KIND_LISTEN:
        return OPERATION_LISTEN_STAGES;
    case MCP_KIND_LOG_LEVEL:
        return OPERATION_LOG_LEVEL_STAGES;
    case MCP_KIND_NOTIFICATION:
        return OPERATION_NOTIFICATION_STAGES;
    case MCP_KIND_LIST:
        return OPERATION_LIST_STAGES;
    case MCP_KIND_CALL:
        return OPERATION_CALL_STAGES;
    case MCP_KIND_TASK:
        return OPERATION_TASK_STAGES;
    case MCP_KIND_BATCH:
        return OPERATION_BATCH_STAGES;
    case MCP_KIND_STREAM:
        return OPERATION_STREAM_STAGES;
    case MCP_KIND_DELETE:
        return OPERATION_DELETE_STAGES;
    case MCP_KIND_RESPONSE:
        return OPERATION_RESPONSE_STAGES;
    case MCP_KIND_QUESTION: /* a client has none */
        break;
    }
    return OPERATION_NOTIFICATION_STAGES;
}

struct exchange_request operation_request(const struct operation *op)
{
    return (struct exchange_request){.method = op->http_method,
                                     .target = op->target_path,
                                     .fields = op->fields,
                                     .field_count = op->field_count,
                                     .body = op->body,
                                     .peer_ip = op->peer_ip,
                                     .certificate = op->certificate,
                                     .is_tls = op->is_tls};
}

/* Copy what must outlive the transport's call. */
static enum status copy_request(struct operation *op, const struct exchange_request *request)
{
    size_t count = 0;
    op->fields = request->fields;
    op->field_count = request->field_count;
    op->certificate = client_certificate_ref(request->certificate);
    op->is_tls = request->is_tls;
    op->is_stdio = request->is_stdio;
    TRY(arena_copy(&op->arena, mcp_field(op->fields, op->field_count, SLICE("origin"), &count),
                   &op->origin));
    TRY(arena_copy(&op->arena, request->method, &op->http_method));
    TRY(arena_copy(&op->arena,
                   mcp_field(op->fields, op->field_count, SLICE("last-event-id"), &count),
                   &op->last_event_id));
    TRY(arena_copy(&op->arena, request->peer_ip, &op->peer_ip));
    TRY(arena_copy(&op->arena, request->target, &op->target_path));
    return arena_copy(&op->arena, request->body, &op->body);
}

/* The fields of arguments are compared once the tool is known, which may be after a wait. */
static enum status keep_parameters(struct operation *op)
{
    size_t count = 0;
    for (size_t i = 0; i < op->field_count; i++) {
        count += parameter_fields_is_name(op->fields[i].name) ? 1 : 0;
    }
    if (count == 0 || op->message.method->primitive != MCP_TOOL) {
        return STATUS_OK;
    }
    op->sent_parameters = arena_alloc_zero(&op->arena, count, sizeof(*op->sent_parameters));
    if (op->sent_parameters == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < op->field_count; i++) {
        if (parameter_fields_is_name(op->fields[i].name)) {
            struct http_field *kept = &op->sent_parameters[op->sent_parameter_count++];
            TRY(arena_copy(&op->arena, op->fields[i].name, &kept->name));
            TRY(arena_copy(&op->arena, op->fields[i].value, &kept->value));
        }
    }
    return STATUS_OK;
}

/* HTTP with SSE: the stream begins the session, and the address of a message names it. */
static enum stage_result take_link(struct operation *op)
{
    struct endpoint endpoint;
    if (!endpoint_parse(op->target_path, &endpoint) || endpoint.kind == ENDPOINT_MCP) {
        return STAGE_DONE;
    }
    if (endpoint.kind == ENDPOINT_SSE) {
        op->stages = OPERATION_LINK_STAGES;
        return STAGE_DONE;
    }
    op->is_linked = true;
    op->message.session_id = endpoint.session;
    return mcp_revision_is_modern(op->revision)
               ? operation_refuse(op,
                                  &(struct operation_refusal){
                                      .type = AUDIT_WIRE_REJECT,
                                      .http_status = 400,
                                      .rpc_code = MCP_ERROR_INVALID_REQUEST,
                                      .text = SLICE("this endpoint is for older revisions"),
                                      .code = "mcp.version"})
               : STAGE_DONE;
}

/* Several messages in a session that may be of MCP 2025-03-26; anything else is read as one. There
 * is none inside of another: what an element holds is one message. */
static bool may_be_batch(const struct operation *op)
{
    size_t count = 0;
    size_t begin = 0;
    while (begin < op->body.len && slice_find_byte(SLICE(" \t\r\n"), op->body.ptr[begin]) < 4) {
        begin++;
    }
    if (begin == op->body.len || op->body.ptr[begin] != '[') {
        return false;
    }
    struct slice version =
        mcp_field(op->fields, op->field_count, SLICE("mcp-protocol-version"), &count);
    bool may_speak_it = count == 0 || mcp_revision_parse(version) == MCP_2025_03_26;
    (void)mcp_field(op->fields, op->field_count, SLICE("mcp-session-id"), &count);
    return may_speak_it && count > 0 && !op->exchange->takes_no_stream &&
           operation_speaks(op, MCP_2025_03_26);
}

/* MCP 2025-03-26, lifecycle: a handshake is no part of a batch. */
static bool is_handshake_in_batch(const struct operation *op)
{
    return op->exchange->takes_no_stream && op->message.method->kind == MCP_KIND_INITIALIZE;
}

/* What has no message. */
static enum stage_result enter_sign_in(struct operation *op)
{
    op->message = (struct mcp_message){.params = JSON_NONE,
                                       .arguments = JSON_NONE,
                                       .meta = JSON_NONE,
                                       .progress_token = JSON_NONE,
                                       .result = JSON_NONE};
    return sign_in_enter(op);
}

static enum stage_result read_message(struct operation *op)
{
    struct mcp_message_input input = {.parser = &op->gateway->parser,
                                      .body = op->body,
                                      .fields = op->fields,
                                      .field_count = op->field_count,
                                      .is_stdio = op->is_stdio};
    struct mcp_refusal refusal;
    struct diag diag = {0};
    enum status status =
        slice_eq(op->http_method, SLICE("POST")) && !may_be_batch(op)
            ? mcp_message_read(&input, &op->arena, &op->message, &refusal, &diag)
            : mcp_message_read_head(&input, op->http_method, &op->message, &refusal, &diag);
    op->exchange->id = op->message.id;
    if (status == STATUS_OK && is_handshake_in_batch(op)) {
        refusal = (struct mcp_refusal){.http_status = 400,
                                       .rpc_code = MCP_ERROR_INVALID_REQUEST,
                                       .text = "initialize is no part of a batch"};
        status = diag_fail(&diag, STATUS_INVALID, "rpc.batch", "%s", refusal.text);
    }
    if (status == STATUS_OK) {
        op->revision = op->message.revision;
        if (op->message.capabilities != JSON_NONE) {
            struct mcp_client_capabilities declared =
                mcp_capabilities_read(&op->message.tape, op->message.capabilities);
            op->declared = mcp_capabilities_known(&declared, op->revision);
            op->drops_capability = op->declared.has_other;
        }
        op->stages = stages_of(&op->message);
        if (mcp_revision_is_modern(op->revision) && !operation_speaks(op, op->revision)) {
            return operation_refuse_version(op, mcp_revision_name(op->revision));
        }
        return keep_parameters(op) == STATUS_OK
                   ? take_link(op)
                   : operation_refuse_overload(op, "no memory for the fields");
    }
    struct slice reason = SLICE_EMPTY;
    (void)!arena_copy(&op->arena, slice_view_cstr(diag.message), &reason);
    return operation_refuse(
        op, &(struct operation_refusal){.type = AUDIT_WIRE_REJECT,
                                        .http_status = refusal.http_status,
                                        .rpc_code = refusal.rpc_code,
                                        .text = slice_view_cstr(refusal.text),
                                        .code = diag.code == NULL ? "wire.reject" : diag.code,
                                        .reason = reason,
                                        .requested = refusal.requested});
}

/* Of no request yet. NULL: no memory. */
static struct operation *new_operation(struct gateway *gateway)
{
    const struct port_clock *clock = gateway->ports.clock;
    struct operation *op = arena_spares_take(&gateway->operation_spares);
    if (op == NULL) {
        return NULL;
    }
    memset(op, 0, offsetof(struct operation, wait_diag));
    diag_clear(&op->wait_diag);
    op->gateway = gateway;
    op->next = gateway->operations;
    op->stages = REFUSAL_STAGES;
    op->children = (struct children){.table = &gateway->children, .settled = on_settled};
    op->server_index = OPERATION_ALL_SERVERS;
    op->account = (struct account){.parent = &gateway->account,
                                   .limit_bytes = gateway->limits.operation_bytes};
    op->deadline.fire = on_deadline;
    arena_init(&op->arena, GATEWAY_OPERATION_BYTES_MAX, &op->account);
    op->arena.spares = &gateway->block_spares;
    buf_init(&op->reply, GATEWAY_OPERATION_BYTES_MAX, &op->account);
    buf_init(&op->session_id, 1024, &op->account);
    if (gateway->operations != NULL) {
        gateway->operations->previous = op;
    }
    gateway->operations = op;
    gateway->operation_count++;
    op->started_ms = clock->mono_ms(clock->context);
    op->started_us = clock->mono_us(clock->context);
    operation_limit_wait(op, gateway->limits.operation_deadline_ms);
    return op;
}

void operation_begin(struct gateway *gateway, struct exchange *exchange,
                     const struct exchange_request *request, bool was_handed_over)
{
    struct operation *op = new_operation(gateway);
    if (op == NULL) {
        exchange->vtable->abort(exchange);
        exchange->vtable->release(exchange);
        return;
    }
    op->exchange = exchange;
    exchange->operation = op;
    exchange->on_gone = on_gone;
    op->was_handed_over = was_handed_over;
    enum stage_result result = STAGE_DONE;
    if (copy_request(op, request) != STATUS_OK) {
        result = operation_refuse_overload(op, "no memory for the request");
    } else if (gateway_draw_id(gateway, op->decision_id) != STATUS_OK) {
        result = operation_refuse_overload(op, "no random bytes");
    } else {
        struct sign_in_path path;
        result = sign_in_path_parse(op->target_path, &path) ? enter_sign_in(op) : read_message(op);
    }
    if (result == STAGE_REFUSE) {
        enter_refusal(op);
    }
    run(op);
}

/* -- what belongs to no request ------------------------------------------------------------- */

bool operation_waits(struct operation *op)
{
    return child_begin(&op->pause, &op->children, &PAUSE_CHILD) == STATUS_OK;
}

void operation_wake(struct operation *op)
{
    const struct port_timer *timer = op->gateway->ports.timer;
    op->pause_end.fire = on_pause_end;
    timer->start(timer->context, &op->pause_end, 0);
}

static enum status take_listener(struct operation *op, const struct client_listener *listener)
{
    op->principal = principal_ref(listener->principal);
    op->server_index = listener->server_index;
    op->certificate = client_certificate_ref(listener->certificate);
    op->is_tls = listener->is_tls;
    op->caller_entry = caller_enter(op->gateway, op->principal->digest, &op->account);
    if (op->caller_entry == NULL) {
        return STATUS_LIMIT;
    }
    TRY(arena_copy(&op->arena, listener->target_path, &op->target_path));
    TRY(arena_copy(&op->arena, listener->view, &op->view));
    TRY(arena_copy(&op->arena, listener->peer_ip, &op->peer_ip));
    return gateway_draw_id(op->gateway, op->decision_id);
}

static enum status new_standing(struct server_session *session, struct operation **out)
{
    struct client_session *client = session->client;
    struct operation *op = new_operation(session->gateway);
    if (op == NULL) {
        return STATUS_LIMIT;
    }
    *out = op;
    op->is_standing = op->client_gone = true;
    op->client = client;
    client->user_count++;
    op->session = session;
    session->user_count++;
    op->revision = client->revision;
    op->declared = client->capabilities;
    op->message = (struct mcp_message){.method = mcp_method_of_http(SLICE("GET")),
                                       .params = JSON_NONE,
                                       .arguments = JSON_NONE,
                                       .meta = JSON_NONE,
                                       .progress_token = JSON_NONE,
                                       .result = JSON_NONE};
    op->stages = OPERATION_STANDING_STAGES;
    enum status status = take_listener(op, client->stream->listener);
    op->server_index = session->server_index;
    if (status != STATUS_OK) {
        free_operation(op);
    }
    return status;
}

enum status operation_begin_standing(struct server_session *session, struct slice json,
                                     bool is_later)
{
    struct operation *op = NULL;
    TRY(new_standing(session, &op));
    enum status status = arena_copy(&op->arena, json, &op->body);
    op->stage = is_later ? 0 : 1;
    if (status == STATUS_OK) {
        run(op);
    } else {
        free_operation(op);
    }
    return status;
}

struct operation *operation_begin_carrying(struct server_session *session)
{
    struct operation *op = NULL;
    if (new_standing(session, &op) != STATUS_OK) {
        return NULL;
    }
    if (!operation_waits(op)) {
        free_operation(op);
        return NULL;
    }
    op->stage = 1; /* as if it had taken the questions itself */
    op->is_waiting = true;
    return op;
}

static enum status read_look(struct operation *op, const struct listened_task *task)
{
    struct mcp_refusal refusal;
    struct diag diag = {0};
    struct buf json;
    buf_init(&json, GATEWAY_OPERATION_BYTES_MAX, &op->account);
    buf_append(&json, SLICE("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"tasks/get\","
                            "\"params\":{\"taskId\":"));
    buf_append(&json, task->id);
    buf_append(&json, SLICE(",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":"
                            "\"2026-07-28\",\"io.modelcontextprotocol/clientCapabilities\":"));
    mcp_capabilities_write(&task->operation->declared, MCP_2026_07_28, &json);
    buf_append(&json, SLICE("}}}"));
    enum status status = buf_status(&json);
    if (status == STATUS_OK) {
        status = arena_copy(&op->arena, buf_view(&json), &op->body);
    }
    buf_release(&json);
    struct mcp_message_input input = {
        .parser = &op->gateway->parser, .body = op->body, .is_stdio = true};
    return status == STATUS_OK ? mcp_message_read(&input, &op->arena, &op->message, &refusal, &diag)
                               : status;
}

enum status operation_begin_look(struct listened_task *task)
{
    struct operation *by = task->operation;
    struct client_listener listener = operation_listener(by);
    struct operation *op = new_operation(by->gateway);
    if (op == NULL) {
        return STATUS_LIMIT;
    }
    op->client_gone = true; /* nobody waits for an answer */
    op->revision = by->revision;
    op->declared = by->declared;
    op->stages = OPERATION_LOOK_STAGES;
    enum status status = take_listener(op, &listener);
    if (status == STATUS_OK) {
        status = read_look(op, task);
    }
    if (status == STATUS_OK) {
        op->task.told = task;
        run(op);
    } else {
        free_operation(op);
    }
    return status;
}
