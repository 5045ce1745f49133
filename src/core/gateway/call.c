#include "core/gateway/call.h"

#include "core/gateway/client_pages.h"
#include "core/gateway/server_message.h"
#include "core/gateway/server_reply.h"
#include "core/gateway/server_session.h"
#include "core/gateway/task_making.h"
#include "core/gateway/unasked.h"
#include "core/mcp/mirror.h"
#include "json/writer.h"

#include <string.h>

#define CALL_FIELDS_MAX (4 + PARAMETER_FIELDS_MAX)
#define CALL_KEPT_BYTES_MAX ((size_t)64 << 10) /* room for the next request */
#define CALL_NAME_BYTES_MAX ((size_t)8 << 20)

static struct call *call_of(struct child *child)
{
    return (struct call *)((char *)child - offsetof(struct call, child));
}

static void cancel_at_port(struct child *child)
{
    struct call *call = call_of(child);
    const struct gateway_ports *ports = &call->gateway->ports;
    const struct port_upstream *port = ports->upstream;
    ports->timer->stop(ports->timer->context, &call->resume);
    if (call->handle != NULL) {
        port->cancel(port->context, call->handle);
        call->handle = NULL;
    }
}

/* MCP 2025-11-25, cancellation: who waits no longer says so. There is no handshake to take back,
 * and before it nothing is known of the server. */
static void tell_cancelled(const struct call *call)
{
    if (call->id != 0 && !call->has_answer && call->session->revision != MCP_REVISION_NONE) {
        server_reply_cancel(call->session, call->id);
    }
}

/* The session's own call ends with the session. */
static void cancel(struct child *child)
{
    struct call *call = call_of(child);
    cancel_at_port(child);
    if (call != &call->session->call) {
        tell_cancelled(call);
    }
}

static void on_child_done(struct child *child, enum status status, const struct diag *diag)
{
    (void)diag;
    call_of(child)->on_done(call_of(child), status);
}

static const struct child_kind CALL_CHILD = {cancel, on_child_done};

/* The running call a port speaks of, or NULL: late, or said twice. */
static struct call *find_call(const struct upstream_sink *sink)
{
    struct gateway *gateway = sink->user;
    struct child *child = child_find(&gateway->children, sink->ticket, &CALL_CHILD);
    return child == NULL ? NULL : call_of(child);
}

static void fail_protocol(struct call *call, const char *what)
{
    if (call->failure == STATUS_OK) {
        call->failure = diag_fail(&call->diag, STATUS_INVALID, "upstream.protocol", "%s", what);
    }
}

static bool answer_is_ours(const struct call *call, const struct json_tape *tape, json_ref id)
{
    int64_t value = 0;
    /* Exact type and value: SDKs correlate "7" with 7, which lets a server answer twice. */
    return call->id != 0 && id != JSON_NONE && json_type(tape, id) == JSON_NUMBER &&
           json_integer(tape, id, &value) == STATUS_OK && value == call->id;
}

static bool error_is_well_formed(const struct json_tape *tape, json_ref error)
{
    int64_t number = 0;
    if (json_type(tape, error) != JSON_OBJECT) {
        return false;
    }
    json_ref code = json_member(tape, error, SLICE("code"));
    json_ref message = json_member(tape, error, SLICE("message"));
    return code != JSON_NONE && json_integer(tape, code, &number) == STATUS_OK &&
           message != JSON_NONE && json_type(tape, message) == JSON_STRING;
}

/* A result that asks for something belongs to the methods that may, and to nothing else. */
static bool take_result_type(struct call *call, const struct json_tape *tape, json_ref result)
{
    json_ref type = json_member(tape, result, SLICE("resultType"));
    if (!call->is_modern || type == JSON_NONE) {
        return true;
    }
    call->asks = call->may_ask && json_string_eq(tape, type, SLICE("input_required"));
    call->is_task = call->may_make_task && json_string_eq(tape, type, SLICE("task"));
    return call->asks || call->is_task || json_string_eq(tape, type, SLICE("complete"));
}

static void take_answer(struct call *call, const struct json_tape *tape)
{
    struct server_answer answer;
    bool is_answer = server_message_is_answer(tape, &answer);
    json_ref result = answer.result;
    json_ref error = answer.error;
    if (call->has_answer) {
        fail_protocol(call, "the server answered twice");
    } else if (!answer_is_ours(call, tape, answer.id)) {
        fail_protocol(call, "the server answered a request that was not made");
    } else if ((result == JSON_NONE) == (error == JSON_NONE) || !is_answer) {
        fail_protocol(call, "the answer must hold a result or an error, and nothing else");
    } else if (result != JSON_NONE && json_type(tape, result) != JSON_OBJECT) {
        fail_protocol(call, "the result must be an object");
    } else if (result != JSON_NONE && !take_result_type(call, tape, result)) {
        fail_protocol(call, "the result asks for something that was not offered");
    } else if (error != JSON_NONE && !error_is_well_formed(tape, error)) {
        fail_protocol(call, "the error object is malformed");
    } else {
        call->has_answer = true;
        call->answer = *tape;
        call->result = result;
        call->error = error;
    }
}

/* Who takes no questions answers them all the same: a server may wait for that. */
static void take_question(struct call *call, const struct json_tape *tape, json_ref method)
{
    struct slice id = json_raw(tape, json_member(tape, 0, SLICE("id")));
    if (call->is_modern) {
        fail_protocol(call, "a server of this revision asks in results only");
    } else if (!server_message_is_question(tape)) {
        fail_protocol(call, "a request must hold an id, a method and parameters, and nothing else");
    } else if (++call->notification_count > call->gateway->limits.call_messages) {
        fail_protocol(call, "the server sent too many notifications");
    } else if (json_string_eq(tape, method, SLICE("ping"))) {
        server_reply(call->session, id, SLICE("\"result\":{}"));
    } else if (call->on_question != NULL) {
        call->on_question(call, tape);
    } else {
        unasked_refuse(call->session, tape, SLICE("question.unasked"));
    }
}

/* It goes nowhere; the outcome of the call says that it came. */
static void note_unknown(struct call *call, const struct json_tape *tape, json_ref method)
{
    struct slice name;
    if (call->unknown_notice.len == 0 &&
        json_string(tape, method, call->arena, &name) == STATUS_OK) {
        call->unknown_notice = name;
    }
}

static void take_notification(struct call *call, const struct json_tape *tape, json_ref method)
{
    bool may_pass =
        json_string_eq(tape, method, SLICE("notifications/progress")) ||
        json_string_eq(tape, method, SLICE("notifications/message")) ||
        (!call->is_modern && (json_string_eq(tape, method, SLICE("notifications/cancelled")) ||
                              json_string_eq(tape, method, CLIENT_PAGES_METHOD) ||
                              json_string_eq(tape, method, TASK_STATUS_METHOD)));
    if (call->has_answer) {
        fail_protocol(call, "the server went on after its answer");
    } else if (json_member(tape, 0, SLICE("id")) != JSON_NONE) {
        take_question(call, tape, method);
    } else if (!server_message_is_notification(tape)) {
        fail_protocol(call, "a notification must hold a method and parameters, and nothing else");
    } else if (++call->notification_count > call->gateway->limits.call_messages) {
        fail_protocol(call, "the server sent too many notifications");
    } else if (!may_pass && call->is_modern) {
        fail_protocol(call, "the notification does not belong to the request");
    } else if (!may_pass && !server_message_is_notice(tape)) {
        note_unknown(call, tape, method);
    } else if (!may_pass) {
        server_stream_take_change(call->session, tape);
    } else if (call->on_notification != NULL) {
        call->on_notification(call, tape);
    }
}

/* The text stays with the call. */
static bool read_message(struct call *call, struct slice text, struct json_tape *out)
{
    if (json_parse(&call->gateway->parser, text, call->arena, out, NULL) != STATUS_OK) {
        fail_protocol(call, "a message is not strict JSON");
        return false;
    }
    return true;
}

static void take_message(struct call *call, const struct json_tape *tape)
{
    if (!server_message_is_rpc(tape)) {
        fail_protocol(call, "a message is no JSON-RPC 2.0 object");
        return;
    }
    json_ref method = json_member(tape, 0, SLICE("method"));
    if (method == JSON_NONE) {
        take_answer(call, tape);
    } else if (json_type(tape, method) != JSON_STRING) {
        fail_protocol(call, "'method' must be a string");
    } else {
        take_notification(call, tape, method);
    }
}

/* MCP 2025-03-26, transports: several messages as one array. Each is taken as if it came alone, and
 * read again for that, since the places of a tape are those of a whole message. */
static void take_batch(struct call *call, const struct json_tape *batch)
{
    struct json_iter iter;
    struct json_tape tape;
    json_ref key = JSON_NONE;
    json_ref message = JSON_NONE;
    uint32_t count = json_count(batch, 0);
    if (count == 0 || count > UPSTREAM_BATCH_MAX) {
        fail_protocol(call, "a batch must hold one message or more, and not too many");
        return;
    }
    json_iter_init(&iter, batch, 0);
    while (call->failure == STATUS_OK && call->child.owner != NULL &&
           json_iter_next(&iter, &key, &message)) {
        if (read_message(call, json_raw(batch, message), &tape)) {
            take_message(call, &tape);
        }
    }
}

static void take_text(struct call *call, struct slice json)
{
    struct json_tape tape;
    struct slice text;
    if (arena_copy(call->arena, json, &text) != STATUS_OK) {
        call->failure = diag_fail(&call->diag, STATUS_LIMIT, "upstream.too_large",
                                  "the answer is larger than an operation may hold");
        return;
    }
    if (!read_message(call, text, &tape)) {
        return;
    }
    if (json_type(&tape, 0) == JSON_ARRAY && call->session->revision == MCP_2025_03_26) {
        take_batch(call, &tape);
    } else {
        take_message(call, &tape);
    }
}

static void on_message(const struct upstream_sink *sink, struct slice json, bool is_stream)
{
    struct call *call = find_call(sink);
    (void)is_stream;
    if (call == NULL) {
        return;
    }
    call->http_status = sink->http_status;
    take_text(call, json);
    if (call->failure != STATUS_OK) {
        /* Nothing more is read of a server that broke a rule; its connection is not used again. */
        cancel_at_port(&call->child);
        tell_cancelled(call);
        child_end(&call->child, call->failure, &call->diag);
    } else if (call->has_answer && call->is_resumed) {
        /* MCP 2025-11-25, transports: a server need not end a stream that was opened by a GET. */
        cancel_at_port(&call->child);
        child_end(&call->child, STATUS_OK, &call->diag);
    }
}

static void on_session(const struct upstream_sink *sink, struct slice session_id)
{
    struct call *call = find_call(sink);
    if (call != NULL) {
        server_session_take_id(call->session, session_id);
    }
}

static void on_position(const struct upstream_sink *sink, struct slice event_id, int64_t retry_ms)
{
    struct call *call = find_call(sink);
    if (call == NULL || call->is_modern) {
        return;
    }
    if (retry_ms >= 0) {
        call->resume_ms = retry_ms < CALL_RESUME_MS_MAX ? retry_ms : CALL_RESUME_MS_MAX;
    }
    if (call->event_id == NULL && event_id.len > 0) {
        call->event_id = arena_alloc(call->arena, CALL_EVENT_ID_BYTES_MAX);
    }
    /* An id that we cannot repeat leaves nothing to go on from. */
    bool is_kept = call->event_id != NULL && event_id.len <= CALL_EVENT_ID_BYTES_MAX;
    if (is_kept && event_id.len > 0) {
        memcpy(call->event_id, event_id.ptr, event_id.len);
        call->event_id_len = event_id.len;
        call->resume_count = 0;
    } else if (!is_kept) {
        call->event_id_len = 0;
    }
}

static void on_resume(struct timer *timer);

/* MCP 2025-11-25, transports: a server may close the stream of a request at any time after it gave
 * an event an id; the answer then comes on a GET. */
static bool resume_later(struct call *call, enum status status, const struct diag *diag)
{
    const struct port_timer *timer = call->gateway->ports.timer;
    bool is_cut = status == STATUS_OK || status == STATUS_UNAVAILABLE ||
                  slice_eq(slice_view_cstr(diag->code), SLICE("upstream.truncated"));
    if (!is_cut || call->has_answer || call->failure != STATUS_OK || call->event_id_len == 0 ||
        ++call->resume_count > CALL_RESUMES_MAX) {
        return false;
    }
    call->resume.fire = on_resume;
    timer->start(timer->context, &call->resume, call->resume_ms);
    return true;
}

static void on_end(const struct upstream_sink *sink, enum status status, int http_status,
                   const struct diag *diag)
{
    struct call *call = find_call(sink);
    if (call == NULL) {
        return;
    }
    call->handle = NULL;
    call->http_status = http_status;
    if (resume_later(call, status, diag)) {
        return;
    }
    if (call->failure == STATUS_OK && status != STATUS_OK) {
        call->failure = status;
        call->diag = *diag;
    }
    if (status == STATUS_TIMEOUT) {
        tell_cancelled(call);
    } else if (status == STATUS_NOT_FOUND) {
        call->session->is_lost = true;
    }
    if (call->failure == STATUS_OK && call->id != 0 && !call->has_answer) {
        fail_protocol(call, "the server ended without an answer");
    }
    child_end(&call->child, call->failure, &call->diag);
}

static void write_envelope(struct buf *body, const struct call_request *request, bool *has_member)
{
    bool has_meta = request->is_modern || request->meta.len > 0;
    if (!has_meta) {
        return;
    }
    buf_append(body, *has_member ? SLICE(",\"_meta\":{") : SLICE("\"_meta\":{"));
    *has_member = true;
    if (request->is_modern) {
        buf_append(body, SLICE("\"io.modelcontextprotocol/protocolVersion\":"));
        buf_append_json_string(body, mcp_revision_name(MCP_2026_07_28));
        buf_append(body, SLICE(",\"io.modelcontextprotocol/clientInfo\":{\"name\":\"aegis\","
                               "\"version\":\"0.1.0\"},"
                               "\"io.modelcontextprotocol/clientCapabilities\":"));
        mcp_capabilities_write(&request->capabilities, MCP_2026_07_28, body);
    }
    if (request->meta.len > 0) {
        buf_append(body, request->is_modern ? SLICE(",") : SLICE_EMPTY);
        buf_append(body, request->meta);
    }
    buf_append_byte(body, '}');
}

static void write_body(struct buf *body, const struct call *call,
                       const struct call_request *request)
{
    buf_append(body, SLICE("{\"jsonrpc\":\"2.0\""));
    if (!request->is_notification) {
        buf_append(body, SLICE(",\"id\":"));
        buf_append_i64(body, call->id);
    }
    buf_append(body, SLICE(",\"method\":"));
    buf_append_json_string(body, request->method);
    struct slice members = slice_sub(request->params, 1, request->params.len - 1);
    bool has_member = request->params.len > 2;
    if (request->params.len > 0 || request->is_modern || request->meta.len > 0) {
        buf_append(body, SLICE(",\"params\":{"));
        buf_append(body, has_member ? members : SLICE_EMPTY);
        write_envelope(body, request, &has_member);
        buf_append_byte(body, '}');
    }
    buf_append_byte(body, '}');
}

/* The fields a server may demand for this request (MCP transports, header rules). */
static size_t build_fields(const struct call_request *request, struct buf *name,
                           struct http_field *fields)
{
    size_t count = 0;
    if (!request->is_modern && !request->is_handshake) {
        count = server_session_fields(request->session, fields);
    } else if (request->is_modern) {
        fields[count++] =
            (struct http_field){SLICE("MCP-Protocol-Version"), mcp_revision_name(MCP_2026_07_28)};
        fields[count++] = (struct http_field){SLICE("Mcp-Method"), request->method};
    }
    if (request->is_modern && request->name.len > 0) {
        bool is_plain = mcp_mirror_is_plain(request->name);
        if (!is_plain) {
            mcp_mirror_encode(name, request->name);
        }
        fields[count++] =
            (struct http_field){SLICE("Mcp-Name"), is_plain ? request->name : buf_view(name)};
    }
    for (size_t i = 0; i < request->parameter_count; i++) {
        fields[count++] = request->parameters[i];
    }
    return count;
}

static struct upstream_sink sink_of(const struct call *call)
{
    return (struct upstream_sink){.on_session = on_session,
                                  .on_position = on_position,
                                  .on_message = on_message,
                                  .on_end = on_end,
                                  .user = call->gateway,
                                  .ticket = call->child.ticket};
}

static enum status get_stream(struct call *call)
{
    const struct port_upstream *port = call->gateway->ports.upstream;
    const struct gateway_server *server = server_session_server(call->session);
    struct upstream_sink sink = sink_of(call);
    struct http_field fields[SERVER_SESSION_FIELDS_MAX + 1];
    size_t count = server_session_fields(call->session, fields);
    fields[count++] =
        (struct http_field){SLICE("Last-Event-ID"), slice_of(call->event_id, call->event_id_len)};
    struct upstream_request upstream = {
        .server = call->session->server_index,
        .is_get = true,
        .is_in_session = true,
        .expects_answer = true,
        .id = call->id,
        .fields = fields,
        .field_count = count,
        .credential_name = server->credential_name,
        .credential_value = server->credential_value,
        .timeout_ms = call->is_patient ? 0 : server->timeout_ms,
        .deadline_ms = call->is_patient ? 0 : server->timeout_ms * 10,
    };
    return port->start(port->context, &upstream, &sink, &call->handle, &call->diag);
}

static void on_resume(struct timer *timer)
{
    struct call *call = (struct call *)((char *)timer - offsetof(struct call, resume));
    enum status status = get_stream(call);
    call->is_resumed = true;
    if (status != STATUS_OK) {
        child_end(&call->child, status, &call->diag);
    } else if (call->is_excused) {
        call_excuse(call, true);
    }
}

static int64_t silence_ms(const struct call_request *request)
{
    int64_t timeout_ms = server_session_server(request->session)->timeout_ms;
    if (request->is_patient) {
        return 0;
    }
    return request->limit_ms > 0 && request->limit_ms < timeout_ms ? request->limit_ms : timeout_ms;
}

/* Build the message and give it to the port. */
static enum status send_request(struct call *call, const struct call_request *request)
{
    struct gateway *gateway = call->gateway;
    const struct port_upstream *port = gateway->ports.upstream;
    const struct gateway_server *server = server_session_server(request->session);
    struct upstream_sink sink = sink_of(call);
    struct buf *body = &gateway->body;
    struct buf name;
    struct http_field fields[CALL_FIELDS_MAX];
    buf_reuse(body, CALL_KEPT_BYTES_MAX);
    buf_init(&name, CALL_NAME_BYTES_MAX, call->arena->account);
    write_body(body, call, request);
    struct upstream_request upstream = {
        .server = request->session->server_index,
        .body = buf_view(body),
        .expects_answer = !request->is_notification,
        .is_in_session =
            !request->is_modern && !request->is_handshake && request->session->session_id.len > 0,
        .id = call->id,
        .fields = fields,
        .field_count = build_fields(request, &name, fields),
        .credential_name = server->credential_name,
        .credential_value = server->credential_value,
        .timeout_ms = silence_ms(request),
        .deadline_ms = silence_ms(request) * (request->limit_ms > 0 ? 1 : 10),
        .has_batches = request->session->revision == MCP_2025_03_26,
    };
    server_child_address(request->session, &upstream);
    enum status status = buf_status(body) == STATUS_OK ? buf_status(&name) : STATUS_LIMIT;
    if (server->is_unavailable) {
        status = diag_fail(&call->diag, STATUS_UNAVAILABLE, "upstream.credential",
                           "the server's credential cannot be read");
    } else if (status == STATUS_OK) {
        status = port->start(port->context, &upstream, &sink, &call->handle, &call->diag);
    }
    buf_release(&name);
    return status;
}

enum status call_start(struct call *call, const struct call_request *request)
{
    struct gateway *gateway = request->session->gateway;
    call->gateway = gateway;
    call->arena = request->arena;
    call->session = request->session;
    call->is_modern = request->is_modern;
    call->may_ask = request->may_ask;
    call->is_patient = request->is_patient;
    call->may_make_task =
        request->may_make_task && (request->capabilities.extensions & MCP_EXTENSION_TASKS) != 0;
    call->resume_ms = CALL_RESUME_MS;
    call->id = request->is_notification ? 0 : ++gateway->next_upstream_id;
    TRY(child_begin(&call->child, request->owner, &CALL_CHILD));
    enum status status = send_request(call, request);
    if (status != STATUS_OK) {
        child_abandon(&call->child);
    }
    return status;
}

void call_excuse(struct call *call, bool is_excused)
{
    const struct port_upstream *port = call->gateway->ports.upstream;
    call->is_excused = is_excused;
    if (call->handle != NULL) {
        port->excuse(port->context, call->handle, is_excused);
    }
}
