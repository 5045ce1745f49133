#include "core/gateway/server_stream.h"

#include "core/gateway/asking.h"
#include "core/gateway/client_pages.h"
#include "core/gateway/client_tasks.h"
#include "core/gateway/listen_request.h"
#include "core/gateway/listening.h"
#include "core/gateway/operation.h"
#include "core/gateway/server_message.h"
#include "core/gateway/server_reply.h"
#include "core/gateway/subscription.h"
#include "core/gateway/unasked.h"
#include "core/mcp/resource_uri.h"
#include "json/writer.h"

#include <stddef.h>
#include <string.h>

static struct server_session *session_of(struct child *child)
{
    struct server_stream *stream =
        (struct server_stream *)((char *)child - offsetof(struct server_stream, child));
    return (struct server_session *)((char *)stream - offsetof(struct server_session, stream));
}

static void cancel_at_port(struct child *child)
{
    struct server_session *session = session_of(child);
    const struct port_upstream *port = session->gateway->ports.upstream;
    port->cancel(port->context, session->stream.handle);
}

static void on_child_done(struct child *child, enum status status, const struct diag *diag)
{
    (void)child;
    (void)status;
    (void)diag;
}

static const struct child_kind STREAM_CHILD = {cancel_at_port, on_child_done};

static struct server_session *find_session(const struct upstream_sink *sink)
{
    struct gateway *gateway = sink->user;
    struct child *child = child_find(&gateway->children, sink->ticket, &STREAM_CHILD);
    return child == NULL ? NULL : session_of(child);
}

/* -- is there cause for one? --------------------------------------------------------------- */

/* What the client listens to, or NULL. */
static const struct client_listener *listener_of(const struct server_session *session)
{
    const struct client_session *client = session->client;
    if (client == NULL || client->is_over || client->stream == NULL) {
        return NULL;
    }
    const struct client_listener *listener = client->stream->listener;
    bool is_meant = listener->server_index == OPERATION_ALL_SERVERS ||
                    listener->server_index == session->server_index;
    return is_meant ? listener : NULL;
}

bool server_stream_covers(const struct server_session *session, enum mcp_primitive primitive)
{
    const struct client_listener *listener = listener_of(session);
    if (listener == NULL || listener->view.len == 0) {
        return listener != NULL;
    }
    const struct gateway_view *view =
        gateway_snapshot_view(session->gateway->snapshot, listener->view);
    return view != NULL && view_covers(view, primitive, session->server_index);
}

/* An HTTP server that gave no session id does not know whose stream it would be. */
bool server_stream_is_possible(const struct server_session *session)
{
    return session->is_modern || session->child != 0 || session->session_id.len > 0;
}

static bool is_listened_to(const struct server_session *session)
{
    return listener_of(session) != NULL || session->listeners != NULL;
}

/* A modern server asks in results, and logs to calls; so is a modern client asked, and logged to.
 */
static bool has_cause(const struct server_session *session)
{
    if (session->listeners != NULL) {
        return (session->offers & MCP_OFFERS_CHANGES) != 0;
    }
    if (!server_stream_covers(session, MCP_LIFECYCLE)) {
        return false;
    }
    if (session->is_modern) {
        return server_listen_has_wish(session);
    }
    bool may_tell =
        (session->offers & (MCP_OFFERS_LOGGING | MCP_OFFERS_CHANGES | MCP_OFFERS_TASKS)) != 0;
    return may_tell || !mcp_capabilities_is_empty(&session->client_offer);
}

static bool is_wanted(const struct server_session *session)
{
    const struct gateway *gateway = session->gateway;
    bool is_ready = session->state == SERVER_SESSION_READY || session->is_rereading;
    return is_ready && !session->is_over && !gateway->is_closed && !gateway->is_draining &&
           server_stream_is_possible(session) && has_cause(session);
}

/* -- opening ------------------------------------------------------------------------------- */

static void on_retry(struct timer *timer);

/* The next one waits twice as long, but for no longer than a minute. */
static int64_t retry_ms(const struct server_stream *stream)
{
    int64_t ms = stream->retry_ms > 0 ? stream->retry_ms : SERVER_STREAM_RETRY_MS;
    for (uint32_t i = 1; i < stream->failure_count && ms < SERVER_STREAM_RETRY_MS_MAX; i++) {
        ms *= 2;
    }
    return ms < SERVER_STREAM_RETRY_MS_MAX ? ms : SERVER_STREAM_RETRY_MS_MAX;
}

/* Nothing more is told here, and who listens may as well know. */
static void give_up(struct server_session *session)
{
    session->stream.is_over = true;
    listening_lose(session);
}

static void try_later(struct server_session *session)
{
    struct server_stream *stream = &session->stream;
    const struct port_timer *timer = session->gateway->ports.timer;
    if (++stream->failure_count > SERVER_STREAM_FAILURES_MAX) {
        give_up(session);
        return;
    }
    stream->retry.fire = on_retry;
    timer->start(timer->context, &stream->retry, retry_ms(stream));
}

/* What the server says of the stream as a whole: it has none, or not for us. Others may be better
 * later. */
static bool is_refusal(enum status status, int http_status)
{
    return status == STATUS_INVALID && http_status >= 400 && http_status < 500;
}

void server_stream_ended(struct server_session *session, enum status status, int http_status)
{
    struct server_stream *stream = &session->stream;
    stream->was_open = stream->was_open || http_status == 200;
    if (status == STATUS_NOT_FOUND && stream->was_open) {
        server_session_forget(session);
    } else if (status == STATUS_NOT_FOUND || is_refusal(status, http_status)) {
        give_up(session);
    } else if (is_wanted(session)) {
        /* A quiet one has not failed. */
        stream->failure_count = status == STATUS_TIMEOUT ? 0 : stream->failure_count;
        try_later(session);
    }
}

static void on_end(const struct upstream_sink *sink, enum status status, int http_status,
                   const struct diag *diag)
{
    struct server_session *session = find_session(sink);
    if (session != NULL) {
        child_end(&session->stream.child, status, diag);
        server_stream_ended(session, status, http_status);
    }
}

static void on_position(const struct upstream_sink *sink, struct slice event_id, int64_t retry_ms)
{
    struct server_session *session = find_session(sink);
    if (session == NULL) {
        return;
    }
    struct server_stream *stream = &session->stream;
    stream->failure_count = 0;
    stream->was_open = true;
    if (retry_ms >= 0) {
        stream->retry_ms =
            retry_ms < SERVER_STREAM_RETRY_MS_MAX ? retry_ms : SERVER_STREAM_RETRY_MS_MAX;
    }
    /* An id that we cannot repeat leaves nothing to go on from. */
    if (event_id.len > sizeof(stream->event_id)) {
        stream->event_id_len = 0;
    } else if (event_id.len > 0) {
        memcpy(stream->event_id, event_id.ptr, event_id.len);
        stream->event_id_len = event_id.len;
    }
}

static void on_message(const struct upstream_sink *sink, struct slice json, bool is_stream);

static enum status get_stream(struct server_session *session)
{
    struct server_stream *stream = &session->stream;
    const struct port_upstream *port = session->gateway->ports.upstream;
    const struct gateway_server *server = server_session_server(session);
    struct upstream_sink sink = {.on_position = on_position,
                                 .on_message = on_message,
                                 .on_end = on_end,
                                 .user = session->gateway,
                                 .ticket = stream->child.ticket};
    struct http_field fields[SERVER_SESSION_FIELDS_MAX + 1];
    size_t count = server_session_fields(session, fields);
    if (stream->event_id_len > 0) {
        fields[count++] = (struct http_field){SLICE("Last-Event-ID"),
                                              slice_of(stream->event_id, stream->event_id_len)};
    }
    struct upstream_request request = {.server = session->server_index,
                                       .is_get = true,
                                       .is_in_session = session->session_id.len > 0,
                                       .fields = fields,
                                       .field_count = count,
                                       .credential_name = server->credential_name,
                                       .credential_value = server->credential_value,
                                       .child = session->child,
                                       .timeout_ms = SERVER_STREAM_SILENCE_MS};
    struct diag diag = {0};
    return port->start(port->context, &request, &sink, &stream->handle, &diag);
}

void server_stream_tell_level(struct server_session *session)
{
    enum mcp_log_level level =
        listener_of(session) == NULL ? MCP_LOG_NONE : session->client->log_level;
    bool sends_enough = session->log_level != MCP_LOG_NONE && session->log_level <= level;
    if (session->stream.child.owner != NULL && level != MCP_LOG_NONE && !sends_enough &&
        (session->offers & MCP_OFFERS_LOGGING) != 0) {
        server_reply_request(session, SLICE("logging/setLevel"), SLICE("level"),
                             mcp_log_level_name(level));
    }
}

static enum status open_stream(struct server_session *session)
{
    struct server_stream *stream = &session->stream;
    if (session->is_modern) {
        return server_listen_open(session);
    }
    TRY(child_begin(&stream->child, &session->children, &STREAM_CHILD));
    enum status status = get_stream(session);
    if (status == STATUS_OK) {
        server_stream_tell_level(session);
    } else {
        child_abandon(&stream->child);
    }
    return status;
}

bool server_stream_is_open(const struct server_session *session)
{
    return session->stream.child.owner != NULL || server_listen_is_open(session);
}

void server_stream_begin(struct server_session *session)
{
    struct server_stream *stream = &session->stream;
    bool is_under_way = server_stream_is_open(session) || stream->retry.due_ms != 0;
    if (is_under_way || stream->is_over || !is_wanted(session) ||
        server_session_server(session)->is_unavailable) {
        return;
    }
    if (open_stream(session) != STATUS_OK) {
        try_later(session);
    }
}

void server_stream_refilter(struct server_session *session)
{
    if (!session->is_modern || !server_listen_is_open(session)) {
        server_stream_begin(session);
    } else if (!is_wanted(session)) {
        server_listen_close(session);
    } else if (server_listen_open(session) != STATUS_OK) {
        server_listen_close(session);
        try_later(session);
    }
}

static void on_retry(struct timer *timer)
{
    struct server_stream *stream =
        (struct server_stream *)((char *)timer - offsetof(struct server_stream, retry));
    struct server_session *session =
        (struct server_session *)((char *)stream - offsetof(struct server_session, stream));
    if (is_listened_to(session) && !session->gateway->is_draining) {
        server_session_renew(session);
        server_stream_begin(session);
    }
}

void server_stream_renew(struct server_session *session)
{
    if (is_listened_to(session) && !session->gateway->is_closed && !session->stream.is_over) {
        try_later(session);
    }
}

static void stop(struct server_session *session)
{
    struct server_stream *stream = &session->stream;
    const struct port_timer *timer = session->gateway->ports.timer;
    timer->stop(timer->context, &stream->retry);
    child_cancel(&stream->child);
    server_listen_close(session);
}

void server_stream_end(struct server_session *session)
{
    stop(session);
    session->stream = (struct server_stream){0};
}

void server_stream_leave(struct server_session *session)
{
    if (!is_listened_to(session)) {
        stop(session);
    }
}

void server_streams_begin(struct client_session *client)
{
    for (struct server_session *s = client->gateway->sessions; s != NULL; s = s->next) {
        if (s->client == client) {
            server_stream_begin(s);
        }
    }
}

void server_streams_end(struct client_session *client)
{
    for (struct server_session *s = client->gateway->sessions; s != NULL; s = s->next) {
        if (s->client == client) {
            stop(s);
        }
    }
}

/* -- what comes ---------------------------------------------------------------------------- */

/* Those that came on the stream. */
static size_t count_questions(const struct server_session *session)
{
    size_t count = 0;
    for (struct operation *op = session->gateway->operations; op != NULL; op = op->next) {
        count += op->session == session && op->is_standing && op->asking_count > 0 ? 1 : 0;
    }
    return count;
}

/* MCP 2026-07-28: clients are asked in results only, and this belongs to none. */
static void take_question(struct server_session *session, const struct json_tape *tape)
{
    struct slice id = json_raw(tape, json_member(tape, 0, SLICE("id")));
    if (json_string_eq(tape, json_member(tape, 0, SLICE("method")), SLICE("ping"))) {
        server_reply(session, id, SLICE("\"result\":{}"));
    } else if (listener_of(session) == NULL) {
        unasked_refuse(session, tape, SLICE("question.unasked"));
    } else if (count_questions(session) >= SERVER_STREAM_QUESTIONS_MAX ||
               operation_begin_standing(session, tape->text, false) != STATUS_OK) {
        unasked_refuse(session, tape, SLICE("question.many"));
    }
}

struct operation *server_stream_carry(struct server_session *session)
{
    bool may_ask =
        listener_of(session) != NULL && count_questions(session) < SERVER_STREAM_QUESTIONS_MAX;
    return may_ask ? operation_begin_carrying(session) : NULL;
}

static void withdraw(struct server_session *session, const struct json_tape *tape, json_ref params)
{
    json_ref id = params == JSON_NONE ? JSON_NONE : json_member(tape, params, SLICE("requestId"));
    struct operation *op = id == JSON_NONE ? NULL : session->gateway->operations;
    for (; op != NULL; op = op->next) {
        if (op->session == session) {
            asking_withdraw(op, json_raw(tape, id));
        }
    }
}

/* A message goes on as it was judged, written anew. */
static void tell(struct server_session *session, const struct json_tape *tape)
{
    struct buf json;
    buf_init(&json, GATEWAY_OPERATION_BYTES_MAX, &session->gateway->account);
    json_write(&json, tape, 0, NULL, 0);
    if (buf_status(&json) == STATUS_OK) {
        (void)client_session_tell(session->client, buf_view(&json));
    }
    buf_release(&json);
}

/* The state of a task that the client has made? */
static bool is_of_its_task(const struct server_session *session, const struct json_tape *tape)
{
    struct arena *scratch = &session->gateway->scratch;
    struct json_place state = {tape, json_member_object(tape, 0, SLICE("params"))};
    struct slice own_id = SLICE_EMPTY;
    bool is_task = false;
    if (session->client->tasks == NULL ||
        !json_string_eq(tape, json_member(tape, 0, SLICE("method")), TASK_STATUS_METHOD)) {
        return false;
    }
    bool is_found = task_read(state, scratch, &own_id, &is_task) == STATUS_OK && is_task &&
                    client_tasks_find(session->client, session->server_index, own_id) != NULL;
    arena_reset(scratch);
    return is_found;
}

/* Whether the client was asked to open it is looked at later: if not, that is recorded. */
static bool tells_of_page(const struct server_session *session, const struct json_tape *tape)
{
    return !session->is_modern &&
           json_string_eq(tape, json_member(tape, 0, SLICE("method")), CLIENT_PAGES_METHOD) &&
           (session->client->page_count > 0 || !session->client->has_unknown_page);
}

/* A resource that the client is subscribed to? Whether it may hear of it is judged later. */
static bool is_awaited(const struct server_session *session, const struct json_tape *tape)
{
    struct arena *scratch = &session->gateway->scratch;
    struct slice text;
    struct resource_uri uri;
    json_ref params = json_member(tape, 0, SLICE("params"));
    json_ref ref = params == JSON_NONE ? JSON_NONE : json_member(tape, params, SLICE("uri"));
    bool is_update =
        json_string_eq(tape, json_member(tape, 0, SLICE("method")), mcp_method_of_update()->name);
    if (!is_update || ref == JSON_NONE || session->client->subscriptions == NULL) {
        return false;
    }
    bool is_found = json_string(tape, ref, scratch, &text) == STATUS_OK &&
                    resource_uri_read(text, scratch, &uri, NULL) == STATUS_OK &&
                    subscription_find(session->client, session->server_index, uri.text) != NULL;
    arena_reset(scratch);
    return is_found;
}

/* is_later: not before who calls has returned. */
static void take_change(struct server_session *session, const struct json_tape *tape, bool is_later)
{
    const struct listen_list *change = listen_list_find(tape);
    if (change != NULL && change->primitive == MCP_TOOL) {
        session->has_stale_tools = (session->offers & MCP_OFFERS_TOOLS) != 0;
    }
    listening_hear(session, tape);
    if (listener_of(session) == NULL) {
        return;
    }
    bool is_unknown = !session->has_unknown_notice && !server_message_is_notice(tape);
    session->has_unknown_notice = session->has_unknown_notice || is_unknown;
    bool is_meant = change != NULL ? (session->offers & change->offer) != 0 &&
                                         server_stream_covers(session, change->primitive)
                                   : is_awaited(session, tape) || is_of_its_task(session, tape) ||
                                         tells_of_page(session, tape);
    if (is_meant || is_unknown) {
        (void)!operation_begin_standing(session, tape->text, is_later);
    }
}

void server_stream_take_change(struct server_session *session, const struct json_tape *tape)
{
    take_change(session, tape, true);
}

void server_stream_hear(struct server_session *session, const struct json_tape *tape)
{
    take_change(session, tape, false);
}

void server_stream_broke(struct server_session *session)
{
    stop(session);
    listening_record(session, SLICE_EMPTY, SLICE("upstream.protocol"));
    give_up(session);
    if (listener_of(session) != NULL) {
        (void)!operation_begin_standing(session, SLICE_EMPTY, false);
    }
}

static void take_notice(struct server_session *session, const struct json_tape *tape)
{
    json_ref method = json_member(tape, 0, SLICE("method"));
    json_ref params = json_member(tape, 0, SLICE("params"));
    if (json_string_eq(tape, method, SLICE("notifications/cancelled"))) {
        withdraw(session, tape, params);
    } else if (!json_string_eq(tape, method, SLICE("notifications/message"))) {
        take_change(session, tape, false);
    } else if (listener_of(session) != NULL && params != JSON_NONE &&
               session->client->log_level != MCP_LOG_NONE &&
               (session->offers & MCP_OFFERS_LOGGING) != 0 &&
               mcp_log_is_wanted(tape, params, session->client->log_level)) {
        tell(session, tape);
    }
}

/* An answer on this stream is nobody's. */
static bool take_message(struct server_session *session, const struct json_tape *tape)
{
    if (!server_message_is_rpc(tape)) {
        return false;
    }
    if (json_member(tape, 0, SLICE("method")) == JSON_NONE) {
        return server_message_is_answer(tape, NULL);
    }
    if (json_member(tape, 0, SLICE("id")) == JSON_NONE) {
        bool is_sound = server_message_is_notification(tape);
        if (is_sound) {
            take_notice(session, tape);
        }
        return is_sound;
    }
    bool is_sound = server_message_is_question(tape);
    if (is_sound) {
        take_question(session, tape);
    }
    return is_sound;
}

static bool read_message(struct server_session *session, struct slice json, struct arena *arena,
                         struct json_tape *out)
{
    return json_parse(&session->gateway->parser, json, arena, out, NULL) == STATUS_OK;
}

/* MCP 2025-03-26, transports: several messages as one array; each is read again, as if it came
 * alone. */
static bool take_batch(struct server_session *session, const struct json_tape *batch,
                       struct arena *arena)
{
    struct json_iter iter;
    struct json_tape tape;
    json_ref key = JSON_NONE;
    json_ref message = JSON_NONE;
    uint32_t count = json_count(batch, 0);
    bool is_sound = count > 0 && count <= UPSTREAM_BATCH_MAX;
    json_iter_init(&iter, batch, 0);
    while (is_sound && json_iter_next(&iter, &key, &message)) {
        is_sound = read_message(session, json_raw(batch, message), arena, &tape) &&
                   take_message(session, &tape);
    }
    return is_sound;
}

/* False when it breaks the protocol. */
static bool take_text(struct server_session *session, struct slice json, struct arena *arena)
{
    struct json_tape tape;
    if (!read_message(session, json, arena, &tape)) {
        return false;
    }
    return json_type(&tape, 0) == JSON_ARRAY && session->revision == MCP_2025_03_26
               ? take_batch(session, &tape, arena)
               : take_message(session, &tape);
}

/* For one message. */
static void init_arena(struct server_session *session, struct arena *arena)
{
    arena_init(arena, SERVER_STREAM_BYTES_MAX,
               &session->gateway->at_servers[session->server_index].account);
}

/* The session is held meanwhile: whoever gets the message may end it. */
static void on_message(const struct upstream_sink *sink, struct slice json, bool is_stream)
{
    struct server_session *session = find_session(sink);
    struct arena arena;
    (void)is_stream;
    if (session == NULL) {
        return;
    }
    session->user_count++;
    session->stream.failure_count = 0;
    session->stream.was_open = true;
    init_arena(session, &arena);
    if (!take_text(session, json, &arena)) {
        server_stream_broke(session);
    }
    arena_release(&arena);
    server_session_leave(session);
}

static void take_aside(struct server_session *session, const struct json_tape *tape)
{
    if (json_type(tape, 0) != JSON_OBJECT || json_member(tape, 0, SLICE("method")) == JSON_NONE ||
        json_member(tape, 0, SLICE("id")) == JSON_NONE) {
        return;
    }
    if (!server_message_is_rpc(tape) || !server_message_is_question(tape)) {
        unasked_record(session, SLICE_EMPTY, SLICE("upstream.protocol"));
    } else if (session->is_modern) {
        unasked_refuse(session, tape, SLICE("question.unasked"));
    } else {
        take_question(session, tape);
    }
}

void server_stream_take_aside(struct server_session *session, struct slice json)
{
    struct arena arena;
    struct json_tape tape;
    session->user_count++;
    init_arena(session, &arena);
    if (read_message(session, json, &arena, &tape)) {
        take_aside(session, &tape);
    }
    arena_release(&arena);
    server_session_leave(session);
}
