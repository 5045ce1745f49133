#include "adapters/transport/stdio_upstream.h"

#include "adapters/transport/sse_stream.h"
#include "adapters/transport/stdio_calls.h"
#include "adapters/transport/stdio_child.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define DOWN_TEXT_BYTES 160
#define LINE_ARENA_BYTES_MAX ((size_t)32 << 20)

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
    struct stdio_calls calls;
    bool is_removed; /* freed once the process is gone */
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

static struct child_record *record_of_calls(struct stdio_calls *calls)
{
    return (struct child_record *)((char *)calls - offsetof(struct child_record, calls));
}

static void on_noise(struct stdio_calls *calls)
{
    stop_peer(record_of_calls(calls), true);
}

static void on_unclaimed(struct stdio_calls *calls, struct slice question)
{
    const struct child_record *record = record_of_calls(calls);
    const struct stdio_upstream_events *events = &record->upstream->events;
    if (events->on_child_asks != NULL && !record->is_removed) {
        events->on_child_asks(events->context, record->server, record->number, question);
    }
}

static void on_line(struct stdio_child *child, struct slice line)
{
    stdio_calls_take(&record_of(child)->calls, line);
}

/* Where callers share the child, what one of them asks for must not end it for all: nobody knows
 * whose answer the line is, and he hears that it did not come in time. */
static bool on_overflow(struct stdio_child *child, bool is_endless)
{
    struct stdio_calls *calls = &record_of(child)->calls;
    if (calls->has_others && !is_endless) {
        return true;
    }
    stdio_calls_end(calls, STATUS_LIMIT, "upstream.too_large", "server writes too long a line");
    stdio_child_kill(child);
    return false;
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
    stdio_calls_end(&record->calls, STATUS_UNAVAILABLE, "upstream.down", what);
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
    stdio_calls_take(&record_of_stream(stream)->calls, json);
}

static void on_undelivered(struct sse_stream *stream, int64_t id, enum status status,
                           const struct diag *diag)
{
    stdio_calls_end_one(&record_of_stream(stream)->calls, id, status, diag);
}

static void on_stream_down(struct sse_stream *stream)
{
    struct child_record *record = record_of_stream(stream);
    struct diag diag = stream->diag;
    stdio_calls_end(&record->calls, diag.status, diag.code, diag.message);
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
    *record = (struct child_record){.upstream = upstream,
                                    .server = server,
                                    .number = number,
                                    .is_stream = is_stream,
                                    .calls = {.loop = upstream->loop,
                                              .parser = upstream->parser,
                                              .arena = &upstream->arena,
                                              .noise_max = upstream->options.noise_max,
                                              .on_noise = on_noise,
                                              .on_unclaimed = on_unclaimed}};
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

/* What one caller asks for leaves room for the others. */
static bool has_share(const struct child_record *record, const struct upstream_request *request)
{
    return request->caller == 0 || !request->expects_answer ||
           stdio_calls_count_of(&record->calls, request->caller) <
               record->upstream->options.caller_calls_max;
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
    if (record == NULL || record->calls.count >= upstream->options.calls_max) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "upstream.busy",
                         "too many children, or calls on one child");
    }
    if (!has_share(record, request)) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "upstream.share",
                         "too many calls of this caller on a child that others use");
    }
    *out = record;
    if (is_running(record)) {
        return STATUS_OK;
    }
    /* What waits for no answer was for the one that ended: another one does not know of it. */
    if (!request->expects_answer) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "upstream.down", "the child has ended");
    }
    stdio_calls_restart(&record->calls);
    return start_peer(record, request, diag);
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
    struct stdio_call *call = stdio_call_new(&record->calls, request, sink, true);
    if (call == NULL) {
        return diag_fail(diag, STATUS_LIMIT, "upstream.memory", "no memory for a stream");
    }
    *out = stdio_call_begin(call, request);
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
    struct stdio_call *call = stdio_call_new(&record->calls, request, sink, false);
    if (call == NULL) {
        return diag_fail(diag, STATUS_LIMIT, "upstream.memory", "no memory for a call");
    }
    enum status status = record->is_stream
                             ? sse_stream_send(&record->peer.stream, request, diag)
                             : stdio_child_send(&record->peer.child, request->body, diag);
    if (status != STATUS_OK) {
        base_free(call);
        return status;
    }
    *out = stdio_call_begin(call, request);
    return STATUS_OK;
}

static void cancel(void *context, struct upstream_call *base)
{
    (void)context;
    stdio_call_cancel(base);
}

static void excuse(void *context, struct upstream_call *base, bool is_excused)
{
    (void)context;
    stdio_call_excuse(base, is_excused);
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
    stdio_calls_end(&record->calls, STATUS_UNAVAILABLE, "upstream.down",
                    "server process is being stopped");
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
