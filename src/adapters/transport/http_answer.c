#include "adapters/transport/http_call.h"
#include "adapters/transport/media_type.h"

#define HTTP_KEEP_S_MAX 86400

/* End the call because of what the server said; its connection is not used again. */
COLD static void refuse(struct http_call *call, enum status status, const char *code,
                        const char *what)
{
    struct diag diag = {0};
    (void)!diag_fail(&diag, status, code, "%s", what);
    http_call_end(call, status, &diag, false);
}

static void complete(struct http_call *call, bool reuse)
{
    http_call_end(call, STATUS_OK, &(struct diag){0}, reuse);
}

static size_t count_fields(const struct http_head *head, struct slice name)
{
    size_t count = 0;
    for (size_t i = 0; i < head->field_count; i++) {
        count += slice_eq_ascii_nocase(head->fields[i].name, name) ? 1 : 0;
    }
    return count;
}

/* The kind of body that goes with status and media type; ANSWER_NONE when none does. */
static enum answer_mode choose_mode(const struct http_call *call, const struct http_head *head)
{
    struct slice type = http_head_field(head, SLICE("content-type"));
    int status = head->status_code;
    if (!call->expects_answer && !call->is_get &&
        (status == 200 || status == 202 || status == 204)) {
        return ANSWER_EMPTY;
    }
    if (!call->is_get && (status == 200 || (status >= 400 && status < 500)) &&
        media_type_is(type, SLICE("application/json"))) {
        return ANSWER_JSON;
    }
    if (status == 200 && media_type_is(type, SLICE("text/event-stream"))) {
        return ANSWER_EVENTS;
    }
    return ANSWER_NONE;
}

static void report_session(struct http_call *call, const struct http_head *head)
{
    struct slice session = http_head_field(head, SLICE("mcp-session-id"));
    if (session.len > 0 && head->status_code < 300 && call->base.sink.on_session != NULL) {
        call->is_delivering = true;
        call->base.sink.on_session(&call->base.sink, session);
        call->is_delivering = false;
    }
}

/* RFC 9112 C.2.2: `Keep-Alive: timeout=5`, the time for which the server keeps an idle connection.
 * What is sent in its last second may meet the end of it, and a call must not be made twice. */
static int64_t keep_ms(const struct http_head *head)
{
    struct slice left = http_head_field(head, SLICE("keep-alive"));
    int64_t seconds = 0;
    while (left.len > 0) {
        size_t end = slice_find_byte(left, ',');
        struct slice parameter = slice_trim_ows(slice_sub(left, 0, end));
        struct slice name = SLICE("timeout=");
        if (slice_eq_ascii_nocase(slice_sub(parameter, 0, name.len), name) &&
            slice_to_i64(slice_sub(parameter, name.len, parameter.len), &seconds) == STATUS_OK &&
            seconds >= 0 && seconds < HTTP_KEEP_S_MAX) {
            return (seconds - 1) * 1000;
        }
        left = slice_sub(left, end + 1, left.len);
    }
    return HTTP_KEEP_S_MAX * 1000;
}

/* Does the server want another credential, and somebody know of it? Tells what it says of it. */
static bool report_challenge(struct http_call *call, const struct http_head *head)
{
    const struct upstream_sink *sink = &call->base.sink;
    bool is_challenge = head->status_code == 401 || head->status_code == 403;
    size_t count = 0;
    if (!is_challenge || sink->on_challenge == NULL) {
        return false;
    }
    for (size_t i = 0; i < head->field_count; i++) {
        if (slice_eq_ascii_nocase(head->fields[i].name, SLICE("www-authenticate"))) {
            sink->on_challenge(sink, head->fields[i].value);
            count++;
        }
    }
    return count > 0;
}

/* Judge the head. */
static void on_head(struct http_link *link)
{
    struct http_call *call = link->call;
    const struct http_head *head = &link->reader.head;
    link->keep_ms = head->keep_alive ? keep_ms(head) : 0;
    call->http_status = call->base.sink.http_status = head->status_code;
    if (count_fields(head, SLICE("content-encoding")) > 0 ||
        count_fields(head, SLICE("content-type")) > 1 ||
        count_fields(head, SLICE("mcp-session-id")) > 1) {
        refuse(call, STATUS_INVALID, "upstream.protocol",
               "server answered with a content coding or with repeated fields");
        return;
    }
    if (call->is_in_session && head->status_code == 404) {
        refuse(call, STATUS_NOT_FOUND, "upstream.session", "server does not know the session");
        return;
    }
    if (report_challenge(call, head)) {
        refuse(call, STATUS_UNAUTHENTICATED, "upstream.challenge",
               "server wants another credential");
        return;
    }
    call->mode = choose_mode(call, head);
    if (call->mode == ANSWER_NONE) {
        bool is_type = head->status_code == 200;
        refuse(call, STATUS_INVALID, is_type ? "upstream.content_type" : "upstream.status",
               is_type ? "server answered with another media type than JSON or events in UTF-8"
                       : "server answered with an unexpected status");
        return;
    }
    if (call->mode == ANSWER_EVENTS) {
        /* A stream may go on for ever; its events are bounded one by one. */
        link->reader.limits.body_bytes_max = SIZE_MAX;
        sse_reader_init(&call->events, call->upstream->options.message_bytes_max,
                        &call->upstream->loop->account);
        call->has_events = true;
    }
    report_session(call, head);
    if (call->is_over) {
        http_call_end(call, STATUS_CANCELLED, NULL, false);
        return;
    }
    /* Most servers answer with the same head again; a stream may stay long. */
    if (call->mode == ANSWER_EVENTS) {
        http_reader_drop_head(&link->reader);
    }
}

/* Returns false when the call is over. */
static bool report_position(struct http_call *call, const struct sse_event *event)
{
    const struct upstream_sink *sink = &call->base.sink;
    if ((event->has_id || event->retry_ms >= 0) && sink->on_position != NULL) {
        call->is_delivering = true;
        sink->on_position(sink, event->has_id ? event->id : SLICE_EMPTY, event->retry_ms);
        call->is_delivering = false;
    }
    if (call->is_over) {
        http_call_end(call, STATUS_CANCELLED, NULL, false);
        return false;
    }
    return true;
}

/* Returns false when the call is over. */
static bool report_endpoint(struct http_call *call, const struct sse_event *event)
{
    call->is_delivering = true;
    call->base.sink.on_endpoint(&call->base.sink, event->data);
    call->is_delivering = false;
    if (call->is_over) {
        http_call_end(call, STATUS_CANCELLED, NULL, false);
        return false;
    }
    return true;
}

/* Returns false when the call is over. */
static bool take_event(struct http_call *call, const struct sse_event *event)
{
    if (!report_position(call, event)) {
        return false;
    }
    if (!event->has_data) {
        return true;
    }
    if (call->base.sink.on_endpoint != NULL && slice_eq(event->name, SLICE("endpoint"))) {
        return report_endpoint(call, event);
    }
    if (event->name.len > 0 && !slice_eq(event->name, SLICE("message"))) {
        refuse(call, STATUS_INVALID, "upstream.event", "server sent an event of another name");
        return false;
    }
    if (event->data.len == 0) {
        /* MCP 2025-11-25, transports: a priming event has an id and empty data. */
        if (!event->has_id) {
            refuse(call, STATUS_INVALID, "upstream.event", "server sent an event without data");
        }
        return event->has_id;
    }
    return http_call_deliver(call, event->data, true);
}

static bool take_events(struct http_call *call, struct slice bytes)
{
    for (;;) {
        struct sse_event event;
        struct diag diag = {0};
        switch (sse_reader_next(&call->events, &bytes, &event, &diag)) {
        case SSE_NEED_MORE:
            return true;
        case SSE_EVENT:
            if (!take_event(call, &event)) {
                return false;
            }
            break;
        case SSE_ERROR:
            if (diag.status == STATUS_LIMIT) {
                refuse(call, STATUS_LIMIT, "upstream.too_large", "server sent too large an event");
            } else {
                refuse(call, STATUS_INVALID, "upstream.event", diag.message);
            }
            return false;
        }
    }
}

/* Returns false when the call is over. */
static bool take_body(struct http_call *call, struct slice bytes)
{
    if (call->mode == ANSWER_EVENTS) {
        return take_events(call, bytes);
    }
    if (call->mode == ANSWER_JSON) {
        buf_append(&call->answer, bytes);
        if (buf_status(&call->answer) != STATUS_OK) {
            refuse(call, STATUS_LIMIT, "upstream.too_large", "server's answer is too large");
            return false;
        }
    }
    return true;
}

static void on_message_end(struct http_link *link, bool reuse)
{
    struct http_call *call = link->call;
    if (call->mode == ANSWER_EVENTS) {
        struct diag diag = {0};
        if (sse_reader_finish(&call->events, &diag) != STATUS_OK) {
            refuse(call, STATUS_INVALID, "upstream.truncated", "stream ended inside an event");
            return;
        }
    } else if (call->mode == ANSWER_JSON) {
        if (call->answer.len == 0) {
            refuse(call, STATUS_INVALID, "upstream.protocol", "server's answer is empty");
            return;
        }
        if (!http_call_deliver(call, buf_view(&call->answer), false)) {
            return;
        }
    }
    /* A server that owes an answer and gave none is not trusted with another request. */
    bool is_kept = call->has_message || !call->expects_answer;
    complete(call, reuse && is_kept && link->keep_ms > 0);
}

static void on_error(struct http_call *call, const struct diag *diag)
{
    if (diag->status == STATUS_LIMIT) {
        refuse(call, STATUS_LIMIT, "upstream.too_large", diag->message);
    } else {
        refuse(call, STATUS_INVALID, "upstream.protocol", diag->message);
    }
}

void http_answer_bytes(struct http_link *link, struct slice bytes)
{
    struct http_call *call = link->call;
    struct diag diag = {0};
    /* Every function of the sink may end the call; the link then has another, or none. */
    while (link->call == call) {
        struct slice piece = SLICE_EMPTY;
        switch (http_reader_next(&link->reader, &bytes, &piece, &diag)) {
        case HTTP_NEED_MORE:
            http_call_touch(call);
            return;
        case HTTP_HEAD:
            on_head(link);
            break;
        case HTTP_BODY:
            if (!take_body(call, piece)) {
                return;
            }
            break;
        case HTTP_END:
            /* Bytes after the end belong to no answer. */
            on_message_end(link, bytes.len == 0);
            return;
        case HTTP_ERROR:
            on_error(call, &diag);
            return;
        }
    }
}

void http_answer_end(struct http_link *link, bool is_clean)
{
    struct http_call *call = link->call;
    struct diag diag = {0};
    if (call->mode == ANSWER_NONE) {
        refuse(call, STATUS_UNAVAILABLE, "upstream.down", "connection closed before an answer");
        return;
    }
    if (!is_clean || http_reader_finish(&link->reader, &diag) != HTTP_END) {
        refuse(call, STATUS_INVALID, "upstream.truncated", "connection closed inside the answer");
        return;
    }
    on_message_end(link, false);
}
