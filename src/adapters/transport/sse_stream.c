#include "adapters/transport/sse_stream.h"

#include "adapters/transport/sse_address.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define POST_BYTES_MAX ((size_t)64 << 20) /* the core's messages are smaller */

/* One message on its way. */
struct sse_post {
    struct sse_stream *stream;
    struct sse_post *next, *previous;
    struct upstream_call *handle;    /* NULL: waits for the address */
    struct upstream_request request; /* then a copy, in arena */
    struct arena arena;
    int64_t id;
};

static struct sse_stream *stream_of(const struct upstream_sink *sink)
{
    return sink->user;
}

static void free_post(struct sse_post *post)
{
    struct sse_stream *stream = post->stream;
    if (post->previous != NULL) {
        post->previous->next = post->next;
    } else {
        stream->posts = post->next;
    }
    if (post->next != NULL) {
        post->next->previous = post->previous;
    }
    stream->post_count--;
    if (post->request.credential_value.len > 0) {
        explicit_bzero((void *)(uintptr_t)post->request.credential_value.ptr,
                       post->request.credential_value.len);
    }
    arena_release(&post->arena);
    base_free(post);
}

/* Let go of all that is under way. */
static void withdraw(struct sse_stream *stream)
{
    const struct port_upstream *http = stream->http;
    while (stream->posts != NULL) {
        if (stream->posts->handle != NULL) {
            http->cancel(http->context, stream->posts->handle);
        }
        free_post(stream->posts);
    }
    if (stream->get != NULL) {
        http->cancel(http->context, stream->get);
        stream->get = NULL;
    }
    buf_clear(&stream->address);
}

void sse_stream_stop(struct sse_stream *stream)
{
    if (stream->state == SSE_STREAM_OPENING || stream->state == SSE_STREAM_OPEN) {
        withdraw(stream);
        stream->state = SSE_STREAM_CLOSING;
        loop_timer_start(stream->loop, &stream->timer, 0);
    }
}

/* stream->diag says why. Whoever is told may start it again at once. */
static void go_down(struct sse_stream *stream)
{
    sse_stream_stop(stream);
    stream->events->on_down(stream);
}

static void on_timer(struct timer *timer)
{
    struct sse_stream *stream =
        (struct sse_stream *)((char *)timer - offsetof(struct sse_stream, timer));
    if (stream->state == SSE_STREAM_CLOSING) {
        stream->state = SSE_STREAM_ABSENT;
        stream->events->on_gone(stream);
    } else if (stream->state == SSE_STREAM_OPENING) {
        (void)!diag_fail(&stream->diag, STATUS_TIMEOUT, "upstream.timeout",
                         "the server did not say where it takes messages");
        go_down(stream);
    }
}

/* -- messages ------------------------------------------------------------------------------ */

/* A server that took the message says no more than that. */
static void on_post_message(const struct upstream_sink *sink, struct slice json, bool is_stream)
{
    (void)sink;
    (void)json;
    (void)is_stream;
}

static void on_post_end(const struct upstream_sink *sink, enum status status, int http_status,
                        const struct diag *diag)
{
    struct sse_post *post = sink->user;
    struct sse_stream *stream = post->stream;
    struct diag failure = *diag;
    int64_t id = post->id;
    free_post(post);
    if (status == STATUS_OK && http_status >= 300) {
        status = diag_fail(&failure, STATUS_INVALID, "upstream.status",
                           "the server did not take a message");
    }
    if (status == STATUS_OK) {
        return;
    }
    if (status == STATUS_NOT_FOUND) {
        /* The server does not know its own stream any more. */
        stream->diag = failure;
        stream->diag.status = STATUS_UNAVAILABLE;
        go_down(stream);
        return;
    }
    stream->events->on_undelivered(stream, id, status, &failure);
}

static enum status send_post(struct sse_post *post, const struct upstream_request *request,
                             struct diag *diag)
{
    struct sse_stream *stream = post->stream;
    struct upstream_sink sink = {
        .on_message = on_post_message, .on_end = on_post_end, .user = post};
    struct upstream_request posted = *request;
    posted.path = buf_view(&stream->address);
    posted.expects_answer = false;
    posted.is_in_session = true;
    posted.child = 0;
    posted.deadline_ms = request->timeout_ms;
    return stream->http->start(stream->http->context, &posted, &sink, &post->handle, diag);
}

static enum status copy_request(struct sse_post *post, const struct upstream_request *request)
{
    struct http_field *fields =
        arena_alloc_zero(&post->arena, request->field_count, sizeof(*fields));
    struct upstream_request *copy = &post->request;
    if (fields == NULL) {
        return STATUS_LIMIT;
    }
    *copy = *request;
    copy->fields = fields;
    copy->credential_value = SLICE_EMPTY;
    TRY(arena_copy(&post->arena, request->body, &copy->body));
    TRY(arena_copy(&post->arena, request->credential_name, &copy->credential_name));
    for (size_t i = 0; i < request->field_count; i++) {
        TRY(arena_copy(&post->arena, request->fields[i].name, &fields[i].name));
        TRY(arena_copy(&post->arena, request->fields[i].value, &fields[i].value));
    }
    return arena_copy(&post->arena, request->credential_value, &copy->credential_value);
}

static struct sse_post *add_post(struct sse_stream *stream, int64_t id)
{
    struct sse_post *post = base_alloc(sizeof(*post));
    if (post == NULL) {
        return NULL;
    }
    *post = (struct sse_post){.stream = stream, .next = stream->posts, .id = id};
    arena_init(&post->arena, POST_BYTES_MAX, &stream->loop->account);
    if (post->next != NULL) {
        post->next->previous = post;
    }
    stream->posts = post;
    stream->post_count++;
    return post;
}

enum status sse_stream_send(struct sse_stream *stream, const struct upstream_request *request,
                            struct diag *diag)
{
    assert(stream->state == SSE_STREAM_OPENING || stream->state == SSE_STREAM_OPEN);
    if (stream->post_count >= SSE_STREAM_POSTS_MAX) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "upstream.busy",
                         "the server does not take its messages");
    }
    struct sse_post *post = add_post(stream, request->id);
    if (post == NULL) {
        return diag_fail(diag, STATUS_LIMIT, "upstream.memory", "no memory for a message");
    }
    enum status status = STATUS_OK;
    if (stream->state == SSE_STREAM_OPEN) {
        status = send_post(post, request, diag);
    } else if (copy_request(post, request) != STATUS_OK) {
        status = diag_fail(diag, STATUS_LIMIT, "upstream.memory", "no memory for a message");
    }
    if (status != STATUS_OK) {
        free_post(post);
    }
    return status;
}

/* The oldest that waits. */
static struct sse_post *find_waiting(const struct sse_stream *stream)
{
    struct sse_post *found = NULL;
    for (struct sse_post *post = stream->posts; post != NULL; post = post->next) {
        found = post->handle == NULL ? post : found;
    }
    return found;
}

static void send_waiting(struct sse_stream *stream)
{
    struct sse_post *post = find_waiting(stream);
    while (post != NULL) {
        struct diag diag = {0};
        enum status status = send_post(post, &post->request, &diag);
        if (status != STATUS_OK) {
            int64_t id = post->id;
            free_post(post);
            stream->events->on_undelivered(stream, id, status, &diag);
        }
        post = stream->state == SSE_STREAM_OPEN ? find_waiting(stream) : NULL;
    }
}

/* -- the stream ---------------------------------------------------------------------------- */

static void on_endpoint(const struct upstream_sink *sink, struct slice data)
{
    struct sse_stream *stream = stream_of(sink);
    bool is_first = stream->state == SSE_STREAM_OPENING;
    enum status status =
        is_first ? sse_address_resolve(stream->target, data, &stream->address, &stream->diag)
                 : diag_fail(&stream->diag, STATUS_INVALID, "upstream.endpoint",
                             "the server says twice where it takes messages");
    if (status != STATUS_OK) {
        stream->diag.status = status;
        go_down(stream);
        return;
    }
    loop_timer_stop(stream->loop, &stream->timer);
    stream->state = SSE_STREAM_OPEN;
    send_waiting(stream);
}

static void on_message(const struct upstream_sink *sink, struct slice json, bool is_stream)
{
    struct sse_stream *stream = stream_of(sink);
    (void)is_stream;
    stream->events->on_text(stream, json);
}

static void on_end(const struct upstream_sink *sink, enum status status, int http_status,
                   const struct diag *diag)
{
    struct sse_stream *stream = stream_of(sink);
    (void)http_status;
    stream->get = NULL;
    stream->diag = *diag;
    if (status == STATUS_OK) {
        status = diag_fail(&stream->diag, STATUS_UNAVAILABLE, "upstream.down",
                           "the server ended its stream");
    }
    stream->diag.status = status;
    go_down(stream);
}

void sse_stream_init(struct sse_stream *stream, struct loop *loop, const struct port_upstream *http,
                     const struct upstream_target *target, uint32_t server,
                     const struct sse_stream_events *events)
{
    *stream = (struct sse_stream){.loop = loop,
                                  .http = http,
                                  .target = target,
                                  .server = server,
                                  .events = events,
                                  .timer = {.fire = on_timer}};
    buf_init(&stream->address, 2 * SSE_ADDRESS_BYTES_MAX + 1, &loop->account);
}

void sse_stream_release(struct sse_stream *stream)
{
    assert(stream->get == NULL && stream->posts == NULL);
    loop_timer_stop(stream->loop, &stream->timer);
    buf_release(&stream->address);
}

enum status sse_stream_start(struct sse_stream *stream, const struct upstream_request *request,
                             struct diag *diag)
{
    struct upstream_sink sink = {
        .on_endpoint = on_endpoint, .on_message = on_message, .on_end = on_end, .user = stream};
    struct upstream_request opening = {.server = stream->server,
                                       .is_get = true,
                                       .credential_name = request->credential_name,
                                       .credential_value = request->credential_value};
    assert(stream->get == NULL && stream->posts == NULL);
    loop_timer_stop(stream->loop, &stream->timer);
    stream->state = SSE_STREAM_ABSENT;
    TRY(stream->http->start(stream->http->context, &opening, &sink, &stream->get, diag));
    stream->state = SSE_STREAM_OPENING;
    loop_timer_start(stream->loop, &stream->timer, request->timeout_ms);
    return STATUS_OK;
}
