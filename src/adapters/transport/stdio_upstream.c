#include "adapters/transport/stdio_upstream.h"

#include "adapters/transport/sse_stream.h"
#include "adapters/transport/stdio_child.h"
#include "adapters/transport/upstream_call.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define DOWN_TEXT_BYTES 160
#define LINE_ARENA_BYTES_MAX ((size_t)32 << 20)

struct stdio_call {
    struct upstream_call base; /* first */
    struct child_record *record;
    struct stdio_call *next, *previous;
    int64_t id, timeout_ms;
    struct timer idle, deadline;
    bool expects_answer, is_excused;
    bool is_standing;   /* gets what belongs to no other call */
    bool is_listening;  /* gets what names it, and nothing else */
    bool is_delivering; /* a function of the sink is on the stack */
    bool is_over;       /* cancelled or ended from there */
};

/* A child process, or a stream of a server, and the calls that run on it. */
struct child_record {
    union {
        struct stdio_child child;
        struct sse_stream stream;
    } peer; /* first: its callbacks cast back */
    bool is_stream;
    struct stdio_upstream *upstream;
    struct child_record *next, *previous;
    uint32_t server;
    uint64_t number;
    struct stdio_call *calls;
    uint32_t call_count, noise_count;
    bool has_batches; /* by the revision that was agreed with it */
    bool is_removed;  /* freed once the process is gone */
};

struct stdio_upstream {
    struct loop *loop;
    const struct port_process *process;
    const struct json_parser *parser;
    struct stdio_upstream_streams streams;
    struct stdio_upstream_options options;
    struct stdio_upstream_events events;
    struct child_record *records;
    uint32_t child_count, stream_count;
    struct arena arena; /* of one line */
    bool is_closing;
    void (*on_closed)(void *context);
    void *context;
};

static struct child_record *record_of(struct stdio_child *child)
{
    return (struct child_record *)child;
}

static struct child_record *record_of_stream(struct sse_stream *stream)
{
    return (struct child_record *)stream;
}

static bool is_running(const struct child_record *record)
{
    return record->is_stream ? record->peer.stream.state == SSE_STREAM_OPENING ||
                                   record->peer.stream.state == SSE_STREAM_OPEN
                             : record->peer.child.state == CHILD_RUNNING;
}

static bool is_absent(const struct child_record *record)
{
    return record->is_stream ? record->peer.stream.state == SSE_STREAM_ABSENT
                             : record->peer.child.state == CHILD_ABSENT;
}

/* at once: what it still has to say is of no interest. */
static void stop_peer(struct child_record *record, bool at_once)
{
    if (record->is_stream) {
        sse_stream_stop(&record->peer.stream);
    } else if (at_once) {
        stdio_child_kill(&record->peer.child);
    } else {
        stdio_child_stop(&record->peer.child);
    }
}

static struct stdio_call *call_of_idle(struct timer *timer)
{
    return (struct stdio_call *)((char *)timer - offsetof(struct stdio_call, idle));
}

static struct stdio_call *call_of_deadline(struct timer *timer)
{
    return (struct stdio_call *)((char *)timer - offsetof(struct stdio_call, deadline));
}

/* No callback and no timer knows the call any more. */
static void withdraw(struct stdio_call *call)
{
    struct child_record *record = call->record;
    loop_timer_stop(record->upstream->loop, &call->idle);
    loop_timer_stop(record->upstream->loop, &call->deadline);
    if (call->previous != NULL) {
        call->previous->next = call->next;
    } else {
        record->calls = call->next;
    }
    if (call->next != NULL) {
        call->next->previous = call->previous;
    }
    record->call_count--;
}

/* No callback and no timer knows it; freed at once, or by who is just calling its sink. */
static void let_go(struct stdio_call *call)
{
    withdraw(call);
    if (call->is_delivering) {
        call->is_over = true;
    } else {
        base_free(call);
    }
}

static void end_call(struct stdio_call *call, enum status status, const char *code,
                     const char *what)
{
    struct upstream_sink sink = call->base.sink;
    struct diag diag = {0};
    if (status != STATUS_OK) {
        (void)!diag_fail(&diag, status, code, "%s", what);
    }
    let_go(call);
    sink.on_end(&sink, status, 0, &diag);
}

static void end_all(struct child_record *record, enum status status, const char *code,
                    const char *what)
{
    /* A sink may start a new call here; only the ones that ran before are ended. */
    for (uint32_t left = record->call_count; left > 0 && record->calls != NULL; left--) {
        struct stdio_call *oldest = record->calls;
        while (oldest->next != NULL) {
            oldest = oldest->next;
        }
        end_call(oldest, status, code, what);
    }
}

static void touch(struct stdio_call *call)
{
    struct loop *loop = call->record->upstream->loop;
    if (call->timeout_ms > 0 && !call->is_excused) {
        loop_timer_start(loop, &call->idle, call->timeout_ms);
    } else {
        loop_timer_stop(loop, &call->idle);
    }
}

/* Returns false when the call is over now. */
static bool deliver(struct stdio_call *call, struct slice json, bool is_stream)
{
    touch(call);
    call->is_delivering = true;
    call->base.sink.on_message(&call->base.sink, json, is_stream);
    call->is_delivering = false;
    if (call->is_over) {
        base_free(call);
        return false;
    }
    return true;
}

static void on_idle(struct timer *timer)
{
    struct stdio_call *call = call_of_idle(timer);
    if (call->expects_answer) {
        end_call(call, STATUS_TIMEOUT, "upstream.timeout", "server is silent");
    } else {
        end_call(call, STATUS_OK, NULL, NULL);
    }
}

static void on_deadline(struct timer *timer)
{
    end_call(call_of_deadline(timer), STATUS_TIMEOUT, "upstream.timeout",
             "server did not answer in time");
}

static struct stdio_call *find_call(const struct child_record *record, int64_t id)
{
    for (struct stdio_call *call = record->calls; call != NULL; call = call->next) {
        if (call->expects_answer && call->id == id) {
            return call;
        }
    }
    return NULL;
}

static struct stdio_call *find_named_call(const struct child_record *record,
                                          const struct json_tape *tape, json_ref id)
{
    int64_t number = 0;
    return id == JSON_NONE || json_integer(tape, id, &number) != STATUS_OK
               ? NULL
               : find_call(record, number);
}

static struct stdio_call *find_standing(const struct child_record *record)
{
    struct stdio_call *call = record->calls;
    while (call != NULL && !call->is_standing) {
        call = call->next;
    }
    return call;
}

/* The one call that a message without an id can belong to, or who takes what belongs to none. */
static struct stdio_call *find_only_call(const struct child_record *record)
{
    struct stdio_call *found = NULL;
    for (struct stdio_call *call = record->calls; call != NULL; call = call->next) {
        if (call->expects_answer && !call->is_listening) {
            if (found != NULL) {
                return find_standing(record);
            }
            found = call;
        }
    }
    return found != NULL ? found : find_standing(record);
}

/* MCP 2026-07-28, subscriptions: each message of one says which it is for. */
static json_ref subscription_in(const struct json_tape *tape, json_ref params)
{
    json_ref meta =
        params == JSON_NONE ? JSON_NONE : json_member_object(tape, params, SLICE("_meta"));
    return meta == JSON_NONE
               ? JSON_NONE
               : json_member(tape, meta, SLICE("io.modelcontextprotocol/subscriptionId"));
}

static void on_notification(struct child_record *record, const struct json_tape *tape,
                            struct slice line)
{
    json_ref params = json_member(tape, 0, SLICE("params"));
    json_ref token =
        params == JSON_NONE ? JSON_NONE : json_member(tape, params, SLICE("progressToken"));
    json_ref subscription = subscription_in(tape, params);
    struct stdio_call *call =
        find_named_call(record, tape, subscription != JSON_NONE ? subscription : token);
    if (call == NULL && subscription == JSON_NONE) {
        call = find_only_call(record);
    }
    if (call != NULL) {
        (void)deliver(call, line, true);
    }
}

/* MCP 2025-11-25, stdio: a question does not say to which call it belongs. The youngest one is as
 * good as another: all of them are for the same session of a client. */
static void on_question(struct child_record *record, struct slice line)
{
    struct stdio_call *call = record->calls;
    while (call != NULL && !call->expects_answer) {
        call = call->next;
    }
    if (call == NULL) {
        call = find_standing(record);
    }
    if (call != NULL) {
        (void)deliver(call, line, true);
    }
}

static void on_noise(struct child_record *record)
{
    if (++record->noise_count >= record->upstream->options.noise_max) {
        end_all(record, STATUS_INVALID, "upstream.protocol",
                "server writes lines that are no messages");
        stop_peer(record, true);
    }
}

static void on_message(struct child_record *record, const struct json_tape *tape, struct slice line)
{
    json_ref id = json_member(tape, 0, SLICE("id"));
    bool has_method = json_member(tape, 0, SLICE("method")) != JSON_NONE;
    if (has_method && id == JSON_NONE) {
        on_notification(record, tape, line);
    } else if (has_method) {
        on_question(record, line);
    } else {
        /* An answer to no running call is late: its call was cancelled or timed out. */
        struct stdio_call *call = find_named_call(record, tape, id);
        if (call != NULL && deliver(call, line, false)) {
            end_call(call, STATUS_OK, NULL, NULL);
        }
    }
}

static bool parse(const struct child_record *record, struct slice text, struct json_tape *out)
{
    struct stdio_upstream *upstream = record->upstream;
    return json_parse(upstream->parser, text, &upstream->arena, out, NULL) == STATUS_OK;
}

/* MCP 2025-03-26: several messages as one array. Each is taken as if it came alone, and read again
 * for that, since the places of a tape are those of a whole message. */
static void take_batch(struct child_record *record, const struct json_tape *batch)
{
    struct json_iter iter;
    struct json_tape tape;
    json_ref key = JSON_NONE;
    json_ref message = JSON_NONE;
    uint32_t count = json_count(batch, 0);
    if (count == 0 || count > UPSTREAM_BATCH_MAX) {
        on_noise(record);
        return;
    }
    json_iter_init(&iter, batch, 0);
    /* Whoever is told may give the child up. */
    while (!record->is_removed && is_running(record) && json_iter_next(&iter, &key, &message)) {
        if (json_type(batch, message) == JSON_OBJECT &&
            parse(record, json_raw(batch, message), &tape)) {
            on_message(record, &tape, json_raw(batch, message));
        } else {
            on_noise(record);
        }
    }
}

/* The other revisions have no arrays: who was answered in one has no answer. */
static void refuse_batch(struct child_record *record, const struct json_tape *batch)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref message = JSON_NONE;
    json_iter_init(&iter, batch, 0);
    while (!record->is_removed && json_iter_next(&iter, &key, &message)) {
        bool is_answer = json_type(batch, message) == JSON_OBJECT &&
                         json_member(batch, message, SLICE("method")) == JSON_NONE;
        struct stdio_call *call =
            is_answer ? find_named_call(record, batch, json_member(batch, message, SLICE("id")))
                      : NULL;
        if (call != NULL) {
            end_call(call, STATUS_INVALID, "upstream.protocol",
                     "server answers in an array, which its revision does not have");
        }
    }
    if (!record->is_removed) {
        on_noise(record);
    }
}

static void take_text(struct child_record *record, struct slice line)
{
    struct json_tape tape;
    if (line.len == 0) {
        return;
    }
    arena_reset(&record->upstream->arena);
    bool is_json = parse(record, line, &tape);
    if (is_json && json_type(&tape, 0) == JSON_OBJECT) {
        on_message(record, &tape, line);
    } else if (is_json && json_type(&tape, 0) == JSON_ARRAY) {
        (record->has_batches ? take_batch : refuse_batch)(record, &tape);
    } else {
        on_noise(record);
    }
}

static void on_line(struct stdio_child *child, struct slice line)
{
    take_text(record_of(child), line);
}

static void on_overflow(struct stdio_child *child)
{
    end_all(record_of(child), STATUS_LIMIT, "upstream.too_large", "server writes too long a line");
    stdio_child_kill(child);
}

static void on_log_line(struct stdio_child *child, struct slice line)
{
    struct child_record *record = record_of(child);
    const struct stdio_upstream_events *events = &record->upstream->events;
    if (events->on_log_line != NULL) {
        events->on_log_line(events->context, record->server, record->number, line);
    }
}

/* What was agreed with it went with it. */
static void tell_exit(const struct child_record *record)
{
    const struct stdio_upstream_events *events = &record->upstream->events;
    if (events->on_child_exit != NULL) {
        events->on_child_exit(events->context, record->server, record->number);
    }
}

static void on_down(struct stdio_child *child)
{
    struct child_record *record = record_of(child);
    char what[DOWN_TEXT_BYTES] = "server process ended";
    if (child->start_error != 0) {
        (void)snprintf(what, sizeof(what), "server's command cannot be started: %s",
                       strerror(child->start_error));
    }
    end_all(record, STATUS_UNAVAILABLE, "upstream.down", what);
    tell_exit(record);
}

static void free_record(struct child_record *record)
{
    struct stdio_upstream *upstream = record->upstream;
    if (record->previous != NULL) {
        record->previous->next = record->next;
    } else {
        upstream->records = record->next;
    }
    if (record->next != NULL) {
        record->next->previous = record->previous;
    }
    if (record->is_stream) {
        upstream->stream_count--;
        sse_stream_release(&record->peer.stream);
    } else {
        upstream->child_count--;
        stdio_child_release(&record->peer.child);
    }
    base_free(record);
}

static void finish_when_empty(struct stdio_upstream *upstream)
{
    if (!upstream->is_closing || upstream->records != NULL) {
        return;
    }
    void (*on_closed)(void *context) = upstream->on_closed;
    void *context = upstream->context;
    arena_release(&upstream->arena);
    base_free(upstream);
    if (on_closed != NULL) {
        on_closed(context);
    }
}

static void forget(struct child_record *record)
{
    struct stdio_upstream *upstream = record->upstream;
    record->noise_count = 0;
    if (record->is_removed) {
        free_record(record);
        finish_when_empty(upstream);
    }
}

static void on_gone(struct stdio_child *child)
{
    forget(record_of(child));
}

static const struct stdio_child_events CHILD_EVENTS = {.on_line = on_line,
                                                       .on_overflow = on_overflow,
                                                       .on_log_line = on_log_line,
                                                       .on_down = on_down,
                                                       .on_gone = on_gone};

static void on_stream_text(struct sse_stream *stream, struct slice json)
{
    take_text(record_of_stream(stream), json);
}

static void on_undelivered(struct sse_stream *stream, int64_t id, enum status status,
                           const struct diag *diag)
{
    struct stdio_call *call = find_call(record_of_stream(stream), id);
    if (call != NULL) {
        end_call(call, status, diag->code, diag->message);
    }
}

static void on_stream_down(struct sse_stream *stream)
{
    struct child_record *record = record_of_stream(stream);
    struct diag diag = stream->diag;
    end_all(record, diag.status, diag.code, diag.message);
    tell_exit(record);
}

static void on_stream_gone(struct sse_stream *stream)
{
    forget(record_of_stream(stream));
}

static const struct sse_stream_events STREAM_EVENTS = {.on_text = on_stream_text,
                                                       .on_undelivered = on_undelivered,
                                                       .on_down = on_stream_down,
                                                       .on_gone = on_stream_gone};

static struct child_record *find_record(const struct stdio_upstream *upstream, uint32_t server,
                                        uint64_t number)
{
    struct child_record *record = upstream->records;
    while (record != NULL &&
           (record->server != server || record->number != number || record->is_removed)) {
        record = record->next;
    }
    return record;
}

static bool has_room(const struct stdio_upstream *upstream, bool is_stream)
{
    return is_stream ? upstream->stream_count < upstream->options.streams_max
                     : upstream->child_count < upstream->options.children_max;
}

static void init_peer(struct child_record *record)
{
    struct stdio_upstream *upstream = record->upstream;
    if (record->is_stream) {
        upstream->stream_count++;
        sse_stream_init(&record->peer.stream, upstream->loop, upstream->streams.http,
                        &upstream->streams.targets[record->server], record->server, &STREAM_EVENTS);
    } else {
        upstream->child_count++;
        stdio_child_init(&record->peer.child, upstream->loop, upstream->process, record->server,
                         &upstream->options, &CHILD_EVENTS);
    }
}

static struct child_record *add_record(struct stdio_upstream *upstream, uint32_t server,
                                       uint64_t number)
{
    const struct stdio_upstream_streams *streams = &upstream->streams;
    bool is_stream = server < streams->target_count && streams->targets[server].host.len > 0;
    struct child_record *record =
        has_room(upstream, is_stream) ? base_alloc(sizeof(*record)) : NULL;
    if (record == NULL) {
        return NULL;
    }
    *record = (struct child_record){
        .upstream = upstream, .server = server, .number = number, .is_stream = is_stream};
    init_peer(record);
    record->next = upstream->records;
    if (record->next != NULL) {
        record->next->previous = record;
    }
    upstream->records = record;
    return record;
}

static enum status start_peer(struct child_record *record, const struct upstream_request *request,
                              struct diag *diag)
{
    return record->is_stream ? sse_stream_start(&record->peer.stream, request, diag)
                             : stdio_child_start(&record->peer.child, diag);
}

/* The running child a request is for, started if need be. */
static enum status take_child(struct stdio_upstream *upstream,
                              const struct upstream_request *request, struct child_record **out,
                              struct diag *diag)
{
    if (upstream->is_closing) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "upstream.down", "Aegis is stopping");
    }
    struct child_record *record = find_record(upstream, request->server, request->child);
    if (record == NULL) {
        record = add_record(upstream, request->server, request->child);
    }
    if (record == NULL || record->call_count >= upstream->options.calls_max) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "upstream.busy",
                         "too many children, or calls on one child");
    }
    *out = record;
    if (is_running(record)) {
        return STATUS_OK;
    }
    record->has_batches = false;
    return start_peer(record, request, diag);
}

static void enlist(struct stdio_call *call, const struct upstream_request *request)
{
    struct child_record *record = call->record;
    assert(record != NULL);
    struct loop *loop = record->upstream->loop;
    call->next = record->calls;
    if (call->next != NULL) {
        call->next->previous = call;
    }
    record->calls = call;
    record->call_count++;
    if (call->is_standing) {
        return;
    }
    if (!call->expects_answer) {
        /* Nothing comes back: the call ends on the next turn of the loop. */
        loop_timer_start(loop, &call->idle, 0);
        return;
    }
    touch(call);
    if (request->deadline_ms > 0) {
        loop_timer_start(loop, &call->deadline, request->deadline_ms);
    }
}

/* A child has one stream: there is nothing to open, and nothing to go on with. */
static enum status start_standing(struct stdio_upstream *upstream,
                                  const struct upstream_request *request,
                                  const struct upstream_sink *sink, struct upstream_call **out,
                                  struct diag *diag)
{
    struct child_record *record = find_record(upstream, request->server, request->child);
    if (request->expects_answer || record == NULL || !is_running(record)) {
        return diag_fail(diag, STATUS_NOT_FOUND, "upstream.request", "no child has this stream");
    }
    struct stdio_call *call = base_alloc(sizeof(*call));
    if (call == NULL) {
        return diag_fail(diag, STATUS_LIMIT, "upstream.memory", "no memory for a stream");
    }
    *call = (struct stdio_call){.base = {.is_shared = true, .sink = *sink},
                                .record = record,
                                .idle = {.fire = on_idle},
                                .deadline = {.fire = on_deadline},
                                .is_standing = true};
    enlist(call, request);
    *out = &call->base;
    return STATUS_OK;
}

static enum status start(void *context, const struct upstream_request *request,
                         const struct upstream_sink *sink, struct upstream_call **out,
                         struct diag *diag)
{
    struct stdio_upstream *upstream = context;
    struct child_record *record = NULL;
    if (request->is_delete) {
        return diag_fail(diag, STATUS_NOT_FOUND, "upstream.request", "a child has no session");
    }
    if (request->is_get) {
        return start_standing(upstream, request, sink, out, diag);
    }
    /* A line end inside would be the begin of a second message, which nobody has judged. */
    if (slice_find_byte(request->body, '\n') < request->body.len ||
        slice_find_byte(request->body, '\r') < request->body.len) {
        return diag_fail(diag, STATUS_INVALID, "upstream.request", "a message holds a line end");
    }
    TRY(take_child(upstream, request, &record, diag));
    assert(record != NULL);
    struct stdio_call *call = base_alloc(sizeof(*call));
    if (call == NULL) {
        return diag_fail(diag, STATUS_LIMIT, "upstream.memory", "no memory for a call");
    }
    *call = (struct stdio_call){.base = {.is_shared = true, .sink = *sink},
                                .record = record,
                                .id = request->id,
                                .timeout_ms = request->timeout_ms,
                                .idle = {.fire = on_idle},
                                .deadline = {.fire = on_deadline},
                                .expects_answer = request->expects_answer,
                                .is_listening = request->is_listening};
    enum status status = record->is_stream
                             ? sse_stream_send(&record->peer.stream, request, diag)
                             : stdio_child_send(&record->peer.child, request->body, diag);
    if (status != STATUS_OK) {
        base_free(call);
        return status;
    }
    record->has_batches |= request->has_batches;
    enlist(call, request);
    *out = &call->base;
    return STATUS_OK;
}

static void cancel(void *context, struct upstream_call *base)
{
    (void)context;
    let_go((struct stdio_call *)base);
}

static void excuse(void *context, struct upstream_call *base, bool is_excused)
{
    (void)context;
    struct stdio_call *call = (struct stdio_call *)base;
    call->is_excused = is_excused;
    touch(call);
}

/* Others share the stream: it never waits for one reader. */
static void set_paused(void *context, struct upstream_call *call, bool is_paused)
{
    (void)context;
    (void)call;
    (void)is_paused;
}

static void remove_record(struct child_record *record)
{
    record->is_removed = true;
    end_all(record, STATUS_UNAVAILABLE, "upstream.down", "server process is being stopped");
    if (is_absent(record)) {
        free_record(record);
    } else {
        stop_peer(record, false);
    }
}

static void close_child(void *context, uint32_t server, uint64_t number)
{
    struct child_record *record = find_record(context, server, number);
    if (record != NULL) {
        remove_record(record);
    }
}

struct port_upstream stdio_upstream_port(struct stdio_upstream *upstream)
{
    return (struct port_upstream){.context = upstream,
                                  .start = start,
                                  .cancel = cancel,
                                  .excuse = excuse,
                                  .pause = set_paused,
                                  .close_child = close_child};
}

enum status stdio_upstream_new(struct loop *loop, const struct port_process *process,
                               const struct json_parser *parser,
                               const struct stdio_upstream_options *options,
                               struct stdio_upstream **out)
{
    struct stdio_upstream *upstream = base_alloc(sizeof(*upstream));
    if (upstream == NULL) {
        return STATUS_LIMIT;
    }
    *upstream = (struct stdio_upstream){
        .loop = loop, .process = process, .parser = parser, .options = *options};
    arena_init(&upstream->arena, LINE_ARENA_BYTES_MAX, &loop->account);
    *out = upstream;
    return STATUS_OK;
}

void stdio_upstream_set_streams(struct stdio_upstream *upstream,
                                const struct stdio_upstream_streams *streams)
{
    upstream->streams = *streams;
}

void stdio_upstream_set_events(struct stdio_upstream *upstream,
                               const struct stdio_upstream_events *events)
{
    upstream->events = *events;
}

void stdio_upstream_close(struct stdio_upstream *upstream, void (*done)(void *context),
                          void *context)
{
    upstream->is_closing = true;
    upstream->on_closed = done;
    upstream->context = context;
    struct child_record *next = NULL;
    for (struct child_record *record = upstream->records; record != NULL; record = next) {
        next = record->next;
        if (!record->is_removed) {
            remove_record(record);
        }
    }
    finish_when_empty(upstream);
}

void stdio_upstream_log_tail(const struct stdio_upstream *upstream, uint32_t server,
                             uint64_t number, struct buf *out)
{
    const struct child_record *record = find_record(upstream, server, number);
    if (record != NULL && !record->is_stream) {
        stdio_child_log_tail(&record->peer.child, out);
    }
}
