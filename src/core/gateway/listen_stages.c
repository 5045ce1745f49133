#include "core/gateway/listening.h"

#include "core/gateway/listen_request.h"
#include "core/gateway/server_reply.h"
#include "core/gateway/subscription.h"
#include "wire/sse.h"

#include <stddef.h>

#define COMMENT_BYTES_MAX 64
/* -- what the client wishes ---------------------------------------------------------------- */

static enum status read_resources(struct operation *op, json_ref array)
{
    const struct json_tape *tape = &op->message.tape;
    struct listening *listening = op->listening;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref ref = JSON_NONE;
    uint32_t count = array == JSON_NONE ? 0 : json_count(tape, array);
    if (count > op->gateway->limits.subscriptions) {
        return STATUS_LIMIT;
    }
    if (count == 0) {
        return STATUS_OK;
    }
    listening->resources = arena_alloc_zero(&op->arena, count, sizeof(*listening->resources));
    if (listening->resources == NULL) {
        return STATUS_LIMIT;
    }
    json_iter_init(&iter, tape, array);
    while (json_iter_next(&iter, &key, &ref)) {
        struct listened *resource = &listening->resources[listening->resource_count];
        resource->server_index = op->server_index;
        enum status status = listen_read_address(tape, ref, &op->arena, &resource->uri);
        if (status == STATUS_LIMIT) {
            return status;
        }
        listening->resource_count += status == STATUS_OK ? 1 : 0;
    }
    return STATUS_OK;
}

static void tell_changes(struct list_changes *changes, uint32_t lists);

static enum stage_result stage_read_filter(struct operation *op)
{
    const struct json_tape *tape = &op->message.tape;
    json_ref filter = op->message.params == JSON_NONE
                          ? JSON_NONE
                          : json_member(tape, op->message.params, SLICE("notifications"));
    if (filter == JSON_NONE || json_type(tape, filter) != JSON_OBJECT) {
        return operation_refuse(
            op, &(struct operation_refusal){.type = AUDIT_WIRE_REJECT,
                                            .http_status = 400,
                                            .rpc_code = MCP_ERROR_INVALID_PARAMS,
                                            .text = SLICE("'notifications' must be an object"),
                                            .code = "mcp.params"});
    }
    op->listening = arena_alloc_zero(&op->arena, 1, sizeof(*op->listening));
    if (op->listening == NULL) {
        return operation_refuse_overload(op, "no memory for the stream");
    }
    op->listening->operation = op;
    op->listening->changes = (struct list_changes){.port = op->gateway->ports.timer,
                                                   .moment_ms = op->gateway->limits.list_changes_ms,
                                                   .tell = tell_changes};
    op->listening->wanted = listen_read_lists(tape, filter);
    return read_resources(op, listen_addresses(tape, filter)) == STATUS_OK &&
                   listening_read_tasks(op, filter) == STATUS_OK
               ? STAGE_DONE
               : operation_refuse_overload(op, "too many subscriptions");
}

static enum stage_result stage_check_room(struct operation *op)
{
    size_t count = 0;
    size_t own_count = 0;
    for (const struct operation *other = op->gateway->operations; other != NULL;
         other = other->next) {
        bool is_listening = other != op && other->listening != NULL;
        count += is_listening ? 1 : 0;
        own_count += is_listening && other->caller_entry == op->caller_entry ? 1 : 0;
    }
    if (op->gateway->is_draining || count >= op->gateway->limits.listens ||
        own_count >= op->gateway->limits.principal_listens) {
        return operation_refuse_overload(op, "too many streams of changes");
    }
    return STAGE_DONE;
}

static enum stage_result stage_open_servers(struct operation *op)
{
    return operation_fetch_endpoint(op, NULL);
}

/* -- what it may hear ---------------------------------------------------------------------- */

struct policy_question listening_question(struct operation *op, struct slice method,
                                          uint32_t server_index, struct slice uri)
{
    struct policy_question question = operation_question(op, server_index);
    question.method = method;
    question.within = SLICE("resources/read");
    question.primitive = MCP_RESOURCE;
    question.name = uri;
    return question;
}

static bool is_allowed(struct operation *op, struct slice method, const struct listened *resource,
                       struct slice uri, struct arena *arena, struct policy_answer *answer)
{
    struct policy_question question = listening_question(op, method, resource->server_index, uri);
    return operation_shows(op, MCP_RESOURCE, resource->server_index, uri) &&
           policy_decide(&question, &op->gateway->scratch, arena, answer) == STATUS_OK &&
           answer->is_allowed;
}

void listening_record_denied(struct operation *op, struct slice method,
                             const struct listened *resource, struct slice uri, struct slice code,
                             const struct policy_answer *answer)
{
    struct audit_record record = {0};
    operation_fill_record(op, &record);
    record.type = AUDIT_AUTHZ_DENY;
    record.phase = AUDIT_EVENT;
    record.decision = AUDIT_DECISION_DENY;
    record.method = method;
    record.primitive = mcp_primitive_name(MCP_RESOURCE);
    record.target = uri;
    if (resource->server_index != OPERATION_ALL_SERVERS) {
        record.server = op->gateway->snapshot->servers[resource->server_index].name;
    }
    record.code = code;
    record.policies = answer->policies;
    record.policy_count = answer->policy_count;
    (void)!operation_append_record(op, &record, NULL);
}

/* What is denied is left out, and recorded; the rest goes on. */
static enum stage_result stage_judge(struct operation *op)
{
    operation_end_limit(op);
    if (operation_is_stopped(op)) {
        return operation_refuse_upstream(op, op->wait_status, &op->wait_diag);
    }
    for (size_t i = 0; i < op->listening->resource_count; i++) {
        struct listened *resource = &op->listening->resources[i];
        struct policy_answer answer = {0};
        bool is_somebodys = resource->server_index != OPERATION_ALL_SERVERS;
        resource->is_wanted = is_somebodys && is_allowed(op, SLICE("resources/subscribe"), resource,
                                                         resource->uri, &op->arena, &answer);
        if (is_somebodys && !resource->is_wanted) {
            listening_record_denied(op, SLICE("resources/subscribe"), resource, resource->uri,
                                    SLICE("policy_denied"), &answer);
        }
    }
    listening_judge_tasks(op);
    return STAGE_DONE;
}

static enum stage_result stage_record_intent(struct operation *op)
{
    op->call.result = op->call.error = JSON_NONE;
    return operation_record(op, AUDIT_INTENT, AUDIT_AUTHZ_ALLOW, true);
}

/* -- the client ---------------------------------------------------------------------------- */

static void on_tick(struct timer *timer);

static void end_later(struct operation *op)
{
    const struct port_timer *timer = op->gateway->ports.timer;
    op->listening->is_over = true;
    timer->start(timer->context, &op->pause_end, 0);
}

static void send(struct operation *op, const struct buf *json)
{
    if (op->client_gone || op->listening->is_over) {
        return;
    }
    if (buf_status(json) != STATUS_OK || !operation_send_event(op, buf_view(json))) {
        operation_lose_client(op);
        end_later(op);
    }
}

/* `"_meta":{...}}}`: the end of each message that the client gets. */
static void write_end(const struct operation *op, struct buf *json)
{
    buf_append(json, SLICE("\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":"));
    buf_append(json, op->message.id);
    buf_append(json, SLICE("}}}"));
}

void listening_tell(struct operation *op, struct buf *json)
{
    write_end(op, json);
    op->call.notification_count++;
    send(op, json);
}

static void tell(struct operation *op, struct slice method, struct slice uri)
{
    struct buf json;
    buf_init(&json, GATEWAY_OPERATION_BYTES_MAX, &op->account);
    buf_append(&json, SLICE("{\"jsonrpc\":\"2.0\",\"method\":"));
    buf_append_json_string(&json, method);
    buf_append(&json, SLICE(",\"params\":{"));
    if (uri.len > 0) {
        buf_append(&json, SLICE("\"uri\":"));
        buf_append_json_string(&json, uri);
        buf_append_byte(&json, ',');
    }
    listening_tell(op, &json);
    buf_release(&json);
}

static void tell_changes(struct list_changes *changes, uint32_t lists)
{
    struct listening *listening =
        (struct listening *)((char *)changes - offsetof(struct listening, changes));
    for (size_t i = 0; i < LISTEN_LISTS; i++) {
        if ((lists & LISTEN_LIST[i].offer) != 0) {
            tell(listening->operation, LISTEN_LIST[i].method, SLICE_EMPTY);
        }
    }
}

static bool is_wanted_of(const struct listener_at *at, const struct listened *resource)
{
    return resource->is_wanted && resource->server_index == at->session->server_index &&
           (at->session->offers & MCP_OFFERS_SUBSCRIBE) != 0;
}

/* What is asked of a server, or, without one, what the client is told. */
static void write_filter(struct buf *json, uint32_t lists, const struct listening *listening,
                         const struct listener_at *at)
{
    struct listen_filter filter;
    listen_filter_begin(&filter, json, lists);
    for (size_t i = 0; i < listening->resource_count; i++) {
        const struct listened *resource = &listening->resources[i];
        if (at != NULL ? is_wanted_of(at, resource) : resource->is_honoured) {
            listen_filter_add(&filter, resource->uri);
        }
    }
    listening_write_tasks(&filter, listening, at);
    listen_filter_end(&filter);
}

/* Once, when all servers have said what they will tell of, or have had time for it. */
static void acknowledge(struct operation *op)
{
    struct listening *listening = op->listening;
    uint32_t honoured = 0;
    struct buf json;
    for (size_t i = 0; i < listening->server_count; i++) {
        honoured |= listening->servers[i].honoured;
    }
    listening->is_told = true;
    buf_init(&json, GATEWAY_OPERATION_BYTES_MAX, &op->account);
    buf_append(&json, SLICE("{\"jsonrpc\":\"2.0\",\"method\":"
                            "\"notifications/subscriptions/acknowledged\",\"params\":{"));
    write_filter(&json, honoured, listening, NULL);
    write_end(op, &json);
    send(op, &json);
    buf_release(&json);
}

void listening_acknowledge(struct operation *op)
{
    const struct listening *listening = op->listening;
    bool is_known = listening->has_begun && !listening->is_told;
    for (size_t i = 0; i < listening->server_count; i++) {
        const struct listener_at *at = &listening->servers[i];
        is_known = is_known && (at->is_acknowledged || at->child.owner == NULL);
    }
    if (is_known) {
        acknowledge(op);
    }
}

static void start_tick(struct operation *op)
{
    const struct port_timer *timer = op->gateway->ports.timer;
    op->pause_end.fire = on_tick;
    timer->start(timer->context, &op->pause_end, op->gateway->limits.stream_keep_alive_ms);
}

/* A comment keeps the connection alive. */
static void on_tick(struct timer *timer)
{
    struct operation *op =
        (struct operation *)((char *)timer - offsetof(struct operation, pause_end));
    struct buf comment;
    if (op->listening->is_over) {
        operation_stop(op, STATUS_CANCELLED);
        return;
    }
    if (!op->listening->is_told) {
        acknowledge(op);
    }
    buf_init(&comment, COMMENT_BYTES_MAX, NULL);
    sse_write_comment(&comment);
    bool is_sent = !op->client_gone && buf_status(&comment) == STATUS_OK &&
                   op->exchange->vtable->stream_send(op->exchange, buf_view(&comment)) == STATUS_OK;
    buf_release(&comment);
    if (is_sent && !op->listening->is_over) {
        start_tick(op);
    } else if (!op->client_gone) {
        operation_lose_client(op);
        end_later(op);
    }
}

/* -- the servers --------------------------------------------------------------------------- */

static struct listener_at *listener_of(struct child *child)
{
    return (struct listener_at *)((char *)child - offsetof(struct listener_at, child));
}

static void cancel_at_port(struct child *child)
{
    struct listener_at *at = listener_of(child);
    const struct port_upstream *port = at->operation->gateway->ports.upstream;
    port->cancel(port->context, at->handle);
    server_reply_cancel(at->session, at->id);
}

void listening_child_done(struct child *child, enum status status, const struct diag *diag)
{
    struct operation *op = listener_of(child)->operation;
    (void)status;
    (void)diag;
    listening_acknowledge(op);
    if (--op->listening->running_count == 0) {
        end_later(op);
    }
}

static const struct child_kind LISTENER_CHILD = {cancel_at_port, listening_child_done};

static struct listener_at *find_listener(const struct upstream_sink *sink)
{
    struct gateway *gateway = sink->user;
    struct child *child = child_find(&gateway->children, sink->ticket, &LISTENER_CHILD);
    return child == NULL ? NULL : listener_of(child);
}

static void on_end(const struct upstream_sink *sink, enum status status, int http_status,
                   const struct diag *diag)
{
    struct listener_at *at = find_listener(sink);
    (void)http_status;
    if (at != NULL) {
        child_end(&at->child, status, diag);
    }
}

/* Only what was asked for, whatever the server says. */
static void take_acknowledgement(struct listener_at *at, const struct json_tape *tape,
                                 json_ref params, struct arena *arena)
{
    struct listening *listening = at->operation->listening;
    json_ref filter = json_member(tape, params, SLICE("notifications"));
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref ref = JSON_NONE;
    struct slice uri;
    at->is_acknowledged = true;
    if (filter != JSON_NONE && json_type(tape, filter) == JSON_OBJECT) {
        at->honoured = listen_read_lists(tape, filter) & at->asked;
        listening_agree_tasks(at, tape, filter, arena);
        json_ref array = listen_addresses(tape, filter);
        if (array != JSON_NONE) {
            json_iter_init(&iter, tape, array);
            while (json_iter_next(&iter, &key, &ref)) {
                bool is_read = listen_read_address(tape, ref, arena, &uri) == STATUS_OK;
                for (size_t i = 0; is_read && i < listening->resource_count; i++) {
                    struct listened *resource = &listening->resources[i];
                    bool is_meant = is_wanted_of(at, resource) && slice_eq(resource->uri, uri);
                    resource->is_honoured = resource->is_honoured || is_meant;
                }
            }
        }
    }
    listening_acknowledge(at->operation);
}

static void take_update(struct listener_at *at, const struct json_tape *tape, struct arena *arena)
{
    struct operation *op = at->operation;
    json_ref params = json_member_object(tape, 0, SLICE("params"));
    json_ref ref = params == JSON_NONE ? JSON_NONE : json_member(tape, params, SLICE("uri"));
    struct policy_answer answer = {0};
    struct slice uri;
    if (ref == JSON_NONE || listen_read_address(tape, ref, arena, &uri) != STATUS_OK) {
        return;
    }
    for (size_t i = 0; i < op->listening->resource_count; i++) {
        struct listened *resource = &op->listening->resources[i];
        if (!resource->is_honoured || !is_wanted_of(at, resource) ||
            !subscription_is_part(resource->uri, uri)) {
            continue;
        }
        bool was_denied = resource->is_denied;
        resource->is_denied =
            !is_allowed(op, SLICE("resources/read"), resource, uri, arena, &answer);
        if (!resource->is_denied) {
            tell(op, mcp_method_of_update()->name, uri);
        } else if (!was_denied) {
            listening_record_denied(op, mcp_method_of_update()->name, resource, uri,
                                    SLICE("policy_denied"), &answer);
        }
        return;
    }
}

void listening_take_notice(struct listener_at *at, const struct json_tape *tape,
                           struct arena *arena)
{
    json_ref method = json_member(tape, 0, SLICE("method"));
    if (json_string_eq(tape, method, mcp_method_of_update()->name)) {
        take_update(at, tape, arena);
        return;
    }
    if (listening_take_state(at, tape, arena)) {
        return;
    }
    const struct listen_list *list = listen_list_find(tape);
    if (list == NULL) {
        return;
    }
    at->session->has_stale_tools = at->session->has_stale_tools || list->primitive == MCP_TOOL;
    if ((at->honoured & list->offer) != 0) {
        list_changes_take(&at->operation->listening->changes, list);
    }
}

static void take_message(struct listener_at *at, const struct json_tape *tape,
                         enum listen_message message, struct arena *arena)
{
    if (message == LISTEN_ACKNOWLEDGED) {
        take_acknowledgement(at, tape, json_member(tape, 0, SLICE("params")), arena);
    } else if (message == LISTEN_NOTICE && at->operation->listening->is_told) {
        listening_take_notice(at, tape, arena);
    }
}

void listening_record_at(const struct listener_at *at, struct slice method, struct slice code)
{
    struct audit_record record = {0};
    operation_fill_record(at->operation, &record);
    record.type = AUDIT_UPSTREAM_PROTOCOL;
    record.phase = AUDIT_EVENT;
    record.direction = SLICE("server");
    record.server = server_session_server(at->session)->name;
    record.method = method;
    record.code = code;
    (void)!operation_append_record(at->operation, &record, NULL);
}

static void on_message(const struct upstream_sink *sink, struct slice json, bool is_stream)
{
    struct listener_at *at = find_listener(sink);
    struct json_tape tape;
    struct arena arena;
    (void)is_stream;
    if (at == NULL) {
        return;
    }
    struct gateway *gateway = at->operation->gateway;
    arena_init(&arena, GATEWAY_OPERATION_BYTES_MAX, &at->operation->account);
    bool is_read = json_parse(&gateway->parser, json, &arena, &tape, NULL) == STATUS_OK;
    enum listen_message message =
        is_read ? listen_read(&tape, at->id, at->is_acknowledged) : LISTEN_BROKEN;
    take_message(at, &tape, message, &arena);
    arena_release(&arena);
    if (message == LISTEN_BROKEN) {
        listening_record_at(at, at->operation->message.method->name, SLICE("upstream.protocol"));
    }
    if (message == LISTEN_BROKEN || message == LISTEN_ENDED) {
        gateway->ports.upstream->cancel(gateway->ports.upstream->context, at->handle);
        child_end(&at->child, STATUS_OK, NULL);
    }
}

static enum status start(struct listener_at *at)
{
    struct operation *op = at->operation;
    struct upstream_sink sink = {.on_message = on_message,
                                 .on_end = on_end,
                                 .user = op->gateway,
                                 .ticket = at->child.ticket};
    struct buf filter;
    buf_init(&filter, GATEWAY_OPERATION_BYTES_MAX, &op->account);
    write_filter(&filter, at->asked, op->listening, at);
    enum status status =
        listen_start(at->session, at->id, &filter, listening_has_tasks(at), &sink, &at->handle);
    buf_release(&filter);
    return status;
}

static bool begin_request(struct listener_at *at)
{
    if (child_begin(&at->child, &at->operation->children, &LISTENER_CHILD) != STATUS_OK) {
        return false;
    }
    if (start(at) != STATUS_OK) {
        child_abandon(&at->child);
        return false;
    }
    return true;
}

static void listen_at(struct operation *op, struct listener_at *at, struct server_session *session)
{
    struct listening *listening = op->listening;
    uint32_t lists = 0;
    bool has_wish = false;
    for (size_t i = 0; i < LISTEN_LISTS; i++) {
        bool is_there = operation_covers(op, LISTEN_LIST[i].primitive, session->server_index);
        lists |= is_there ? LISTEN_LIST[i].offer : 0U;
    }
    *at = (struct listener_at){.operation = op,
                               .session = session,
                               .id = ++op->gateway->next_upstream_id,
                               .asked = listening->wanted & session->offers & lists};
    for (size_t i = 0; i < listening->resource_count; i++) {
        has_wish = has_wish || is_wanted_of(at, &listening->resources[i]);
    }
    if (at->asked == 0 && !has_wish && !listening_has_tasks(at)) {
        return;
    }
    /* It may be over before it has begun. */
    listening->running_count++;
    if (!(session->is_modern ? begin_request(at) : listening_join(at))) {
        listening->running_count--;
    }
}

static void limit_by_caller(struct operation *op)
{
    const struct gateway_ports *ports = &op->gateway->ports;
    int64_t left_s = client_certificate_end(op->certificate, op->principal->expires_at_s) -
                     ports->clock->wall_ms(ports->clock->context) / 1000;
    bool is_long = left_s >= LISTENING_MS_MAX / 1000;
    int64_t left_ms = is_long ? LISTENING_MS_MAX : (left_s > 0 ? left_s * 1000 : 0);
    ports->timer->start(ports->timer->context, &op->deadline, left_ms);
}

static enum stage_result stage_listen(struct operation *op)
{
    struct listening *listening = op->listening;
    listening->servers = arena_alloc_zero(&op->arena, op->part_count, sizeof(*listening->servers));
    if (operation_is_stopped(op) || op->client_gone || listening->servers == NULL ||
        !operation_waits(op)) {
        return STAGE_DONE;
    }
    operation_begin_stream(op);
    limit_by_caller(op);
    start_tick(op);
    listening->server_count = op->part_count;
    listening->running_count = 1;
    for (size_t i = 0; i < op->part_count; i++) {
        if (op->parts[i].is_complete) {
            listen_at(op, &listening->servers[i], op->parts[i].session);
        }
    }
    listening->has_begun = true;
    listening_acknowledge(op);
    if (--listening->running_count == 0) {
        end_later(op);
    }
    return STAGE_WAIT;
}

/* -- the end ------------------------------------------------------------------------------- */

static enum stage_result stage_record_outcome(struct operation *op)
{
    op->has_outcome = true;
    if (op->stop == STATUS_UNAUTHENTICATED) {
        op->call.failure = op->stop;
        op->call.diag = op->wait_diag;
    }
    return operation_record(op, AUDIT_OUTCOME, AUDIT_AUTHZ_ALLOW, false);
}

static enum stage_result stage_answer(struct operation *op)
{
    if (!op->stream_begun) {
        return op->client_gone ? STAGE_DONE
                               : operation_refuse_overload(op, "no memory for the stream");
    }
    buf_clear(&op->reply);
    buf_append(&op->reply, SLICE("{\"jsonrpc\":\"2.0\",\"id\":"));
    buf_append(&op->reply, op->message.id);
    buf_append(&op->reply, SLICE(",\"result\":{\"resultType\":\"complete\","));
    write_end(op, &op->reply);
    operation_answer(op, 200);
    return STAGE_DONE;
}

void listening_end(struct operation *op)
{
    if (op->listening != NULL) {
        list_changes_end(&op->listening->changes);
        listening_forget_looks(op);
    }
}

void listening_drain(struct gateway *gateway)
{
    struct operation *next = NULL;
    for (struct operation *op = gateway->operations; op != NULL; op = next) {
        next = op->next;
        if (op->listening != NULL && op->stop == STATUS_OK) {
            operation_stop(op, STATUS_CANCELLED);
        }
    }
}

const struct stage OPERATION_LISTEN_STAGES[] = {
    {"authenticate", operation_stage_authenticate},
    {"session", operation_stage_session},
    {"route", operation_stage_route},
    {"home", operation_stage_home},
    {"read_filter", stage_read_filter},
    {"check_room", stage_check_room},
    {"resolve", listening_stage_resolve},
    {"choose", listening_stage_choose},
    {"resolve_skill", listening_stage_resolve_skill},
    {"choose_skill", listening_stage_choose_skill},
    {"resolve_template", listening_stage_resolve_template},
    {"choose_template", listening_stage_choose_template},
    {"open_servers", stage_open_servers},
    {"check_opened", operation_stage_check_fetched},
    {"judge", stage_judge},
    {"record_intent", stage_record_intent},
    {"check_intent", operation_stage_check_intent},
    {"listen", stage_listen},
    {"record_outcome", stage_record_outcome},
    {"check_outcome", operation_stage_check_record},
    {"answer", stage_answer},
    {NULL, NULL},
};
