#include "adapters/transport/http_upstream.h"

#include "adapters/transport/http_call.h"
#include "wire/http_writer.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define REQUEST_HEAD_BYTES_MAX 65536
#define SPARE_CALLS_MAX 64
#define KEPT_BYTES 16384
#define HOST_FIELD_BYTES 512

static struct http_call *call_of_idle(struct timer *timer)
{
    return (struct http_call *)((char *)timer - offsetof(struct http_call, idle));
}

static struct http_call *call_of_deadline(struct timer *timer)
{
    return (struct http_call *)((char *)timer - offsetof(struct http_call, deadline));
}

void http_call_drop_request(struct http_call *call)
{
    struct buf *room = &call->upstream->request_room;
    if (call->request.len > 0) {
        explicit_bzero(call->request.ptr, call->request.len);
    }
    if (room->capacity == 0 && call->request.capacity <= KEPT_BYTES) {
        *room = call->request;
        buf_clear(room);
        buf_init(&call->request, room->limit_bytes, room->account);
    } else {
        buf_release(&call->request);
    }
}

static void free_call(struct http_call *call)
{
    buf_release(&call->request);
    buf_release(&call->answer);
    base_free(call);
}

static void recycle(struct http_call *call)
{
    struct http_upstream *upstream = call->upstream;
    if (call->has_events) {
        sse_reader_release(&call->events);
    }
    http_call_drop_request(call);
    buf_reuse(&call->answer, KEPT_BYTES);
    if (upstream->is_freed || upstream->spare_count >= SPARE_CALLS_MAX) {
        free_call(call);
        return;
    }
    call->next = upstream->spare;
    upstream->spare = call;
    upstream->spare_count++;
}

/* From here on no callback and no timer knows the call. */
static void withdraw(struct http_call *call, bool reuse)
{
    struct http_upstream *upstream = call->upstream;
    loop_timer_stop(upstream->loop, &call->idle);
    loop_timer_stop(upstream->loop, &call->deadline);
    http_pool_detach(call, reuse);
    if (call->previous != NULL) {
        call->previous->next = call->next;
    } else {
        upstream->running = call->next;
    }
    if (call->next != NULL) {
        call->next->previous = call->previous;
    }
    call->next = call->previous = NULL;
    call->target->running_count--;
    call->target->standing_count -= call->is_standing ? 1 : 0;
}

void http_call_end(struct http_call *call, enum status status, const struct diag *diag, bool reuse)
{
    struct upstream_sink sink = call->base.sink;
    int http_status = call->http_status;
    if (call->is_over) {
        recycle(call);
        return;
    }
    withdraw(call, reuse);
    recycle(call);
    sink.on_end(&sink, status, http_status, diag);
}

static void end_with(struct http_call *call, enum status status, const char *code, const char *what)
{
    struct diag diag = {0};
    (void)!diag_fail(&diag, status, code, "%s", what);
    http_call_end(call, status, &diag, false);
}

static void on_idle(struct timer *timer)
{
    struct http_call *call = call_of_idle(timer);
    if (call->is_failing) {
        end_with(call, STATUS_UNAVAILABLE, "upstream.down", "cannot reach the server");
    } else {
        end_with(call, STATUS_TIMEOUT, "upstream.timeout", "server is silent");
    }
}

static void on_deadline(struct timer *timer)
{
    end_with(call_of_deadline(timer), STATUS_TIMEOUT, "upstream.timeout",
             "server did not end its answer in time");
}

void http_call_fail_later(struct http_call *call)
{
    call->is_failing = true;
    loop_timer_start(call->upstream->loop, &call->idle, 0);
}

void http_call_touch(struct http_call *call)
{
    if (call->timeout_ms > 0 && !call->is_paused && !call->is_excused) {
        loop_timer_start(call->upstream->loop, &call->idle, call->timeout_ms);
    } else {
        loop_timer_stop(call->upstream->loop, &call->idle);
    }
}

bool http_call_deliver(struct http_call *call, struct slice json, bool is_stream)
{
    call->is_delivering = true;
    call->has_message = true;
    call->base.sink.on_message(&call->base.sink, json, is_stream);
    call->is_delivering = false;
    if (call->is_over) {
        recycle(call);
        return false;
    }
    return true;
}

void http_upstream_resolved(struct http_target *target)
{
    struct http_call *next = NULL;
    for (struct http_call *call = target->upstream->running; call != NULL; call = next) {
        next = call->next;
        if (call->target == target && call->is_resolving) {
            call->is_resolving = false;
            if (target->address_count > 0) {
                http_pool_attach(call);
            } else {
                http_call_fail_later(call);
            }
        }
    }
}

static struct http_call *take_call(struct http_upstream *upstream)
{
    struct http_call *call = upstream->spare;
    struct buf *room = &upstream->request_room;
    struct buf answer;
    if (call != NULL) {
        upstream->spare = call->next;
        upstream->spare_count--;
        answer = call->answer;
    } else {
        call = base_alloc(sizeof(*call));
        buf_init(&answer, upstream->options.message_bytes_max, &upstream->loop->account);
    }
    if (call != NULL) {
        *call = (struct http_call){.upstream = upstream,
                                   .request = *room,
                                   .answer = answer,
                                   .idle = {.fire = on_idle},
                                   .deadline = {.fire = on_deadline}};
        buf_init(room, room->limit_bytes, room->account);
    }
    return call;
}

static bool has_body(const struct upstream_request *request)
{
    return !request->is_get && !request->is_delete;
}

static struct slice method_of(const struct upstream_request *request)
{
    if (request->is_delete) {
        return SLICE("DELETE");
    }
    return request->is_get ? SLICE("GET") : SLICE("POST");
}

static enum status write_fields(struct buf *out, const struct http_target *target,
                                const struct upstream_request *request)
{
    buf_append(out, buf_view(&target->host_field));
    if (request->is_get) {
        buf_append(out, SLICE("Accept: text/event-stream\r\n"));
    } else if (has_body(request)) {
        buf_append(out, SLICE("Content-Type: application/json\r\n"
                              "Accept: application/json, text/event-stream\r\n"));
    }
    for (size_t i = 0; i < request->field_count; i++) {
        TRY(http_write_field(out, request->fields[i].name, request->fields[i].value));
    }
    if (request->credential_name.len > 0) {
        TRY(http_write_field(out, request->credential_name, request->credential_value));
    }
    if (has_body(request)) {
        buf_append(out, SLICE("Content-Length: "));
        buf_append_u64(out, request->body.len);
        buf_append(out, SLICE("\r\n"));
    }
    http_write_head_end(out);
    return STATUS_OK;
}

static enum status write_request(struct buf *out, const struct http_target *target,
                                 const struct upstream_request *request, struct diag *diag)
{
    http_write_request_line(out, method_of(request),
                            request->path.len > 0 ? request->path : target->config->path);
    if (write_fields(out, target, request) != STATUS_OK) {
        return diag_fail(diag, STATUS_INVALID, "upstream.request",
                         "a field for the server holds a control character");
    }
    buf_append(out, request->body);
    if (buf_status(out) != STATUS_OK) {
        return diag_fail(diag, STATUS_LIMIT, "upstream.too_large",
                         "no room for a request of %zu bytes", request->body.len);
    }
    return STATUS_OK;
}

static bool is_standing(const struct upstream_request *request)
{
    return request->is_get && !request->expects_answer;
}

static enum status check_target(const struct http_upstream *upstream,
                                const struct upstream_request *request, struct diag *diag)
{
    uint32_t server = request->server;
    if (server >= upstream->target_count || upstream->targets[server].config->host.len == 0) {
        return diag_fail(diag, STATUS_NOT_FOUND, "upstream.unknown",
                         "server %u is not reached by HTTP", (unsigned)server);
    }
    if (upstream->is_freed) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "upstream.down", "Aegis is stopping");
    }
    /* Streams that stay open must not take the place of all calls. */
    const struct http_target *target = &upstream->targets[server];
    bool is_full =
        target->running_count >= upstream->options.calls_max ||
        (is_standing(request) && target->standing_count >= upstream->options.calls_max / 2);
    if (is_full) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "upstream.busy",
                         "server has %zu calls running, %zu of them streams", target->running_count,
                         target->standing_count);
    }
    return STATUS_OK;
}

static void enlist(struct http_call *call, const struct upstream_request *request)
{
    struct http_upstream *upstream = call->upstream;
    call->next = upstream->running;
    if (call->next != NULL) {
        call->next->previous = call;
    }
    upstream->running = call;
    call->target->running_count++;
    call->expects_answer = request->expects_answer;
    call->is_get = request->is_get;
    call->is_standing = is_standing(request);
    call->target->standing_count += call->is_standing ? 1 : 0;
    call->is_in_session = request->is_in_session;
    call->timeout_ms = request->timeout_ms;
    if (request->deadline_ms > 0) {
        loop_timer_start(upstream->loop, &call->deadline, request->deadline_ms);
    }
}

static enum status start(void *context, const struct upstream_request *request,
                         const struct upstream_sink *sink, struct upstream_call **out,
                         struct diag *diag)
{
    struct http_upstream *upstream = context;
    TRY(check_target(upstream, request, diag));
    struct http_call *call = take_call(upstream);
    if (call == NULL) {
        return diag_fail(diag, STATUS_LIMIT, "upstream.memory", "no memory for a call");
    }
    call->base = (struct upstream_call){.sink = *sink};
    call->target = &upstream->targets[request->server];
    enum status status = write_request(&call->request, call->target, request, diag);
    if (status != STATUS_OK) {
        recycle(call);
        return status;
    }
    enlist(call, request);
    http_pool_attach(call);
    if (call->link != NULL && call->link->stream.is_open) {
        http_call_touch(call);
    } else if (!call->is_failing) {
        loop_timer_start(upstream->loop, &call->idle, upstream->options.connect_ms);
    }
    *out = &call->base;
    return STATUS_OK;
}

static void cancel(void *context, struct upstream_call *base)
{
    (void)context;
    struct http_call *call = (struct http_call *)base;
    withdraw(call, false);
    if (call->is_delivering) {
        call->is_over = true;
    } else {
        recycle(call);
    }
}

static void excuse(void *context, struct upstream_call *base, bool is_excused)
{
    (void)context;
    struct http_call *call = (struct http_call *)base;
    call->is_excused = is_excused;
    if (call->link != NULL && call->link->stream.is_open) {
        http_call_touch(call);
    }
}

static void set_paused(void *context, struct upstream_call *base, bool is_paused)
{
    (void)context;
    struct http_call *call = (struct http_call *)base;
    call->is_paused = is_paused;
    if (call->link != NULL && call->link->stream.is_open) {
        stream_pause(&call->link->stream, is_paused);
        http_call_touch(call);
    }
}

/* There are none here. */
static void close_child(void *context, uint32_t server, uint64_t child)
{
    (void)context;
    (void)server;
    (void)child;
}

struct port_upstream http_upstream_port(struct http_upstream *upstream)
{
    return (struct port_upstream){.context = upstream,
                                  .start = start,
                                  .cancel = cancel,
                                  .excuse = excuse,
                                  .pause = set_paused,
                                  .close_child = close_child};
}

static enum status write_host_field(struct http_target *target)
{
    const struct upstream_target *config = target->config;
    bool needs_brackets = slice_find_byte(config->host, ':') < config->host.len;
    struct buf value;
    buf_init(&value, HOST_FIELD_BYTES, NULL);
    buf_append(&value, needs_brackets ? SLICE("[") : SLICE_EMPTY);
    buf_append(&value, config->host);
    buf_append(&value, needs_brackets ? SLICE("]") : SLICE_EMPTY);
    if (config->port != (config->is_tls ? 443 : 80)) {
        buf_append_byte(&value, ':');
        buf_append_u64(&value, config->port);
    }
    buf_init(&target->host_field, HOST_FIELD_BYTES, NULL);
    enum status status = buf_status(&value);
    if (status == STATUS_OK) {
        status = http_write_field(&target->host_field, SLICE("Host"), buf_view(&value));
    }
    buf_release(&value);
    return status == STATUS_OK ? buf_status(&target->host_field) : status;
}

static enum status init_target(struct http_target *target, struct http_upstream *upstream,
                               const struct upstream_target *config, struct diag *diag)
{
    *target = (struct http_target){.upstream = upstream, .config = config};
    enum status status = write_host_field(target);
    if (status == STATUS_INVALID) {
        return diag_fail(diag, status, "upstream.request",
                         "the host of a server holds a control character");
    }
    if (status != STATUS_OK) {
        return diag_fail(diag, STATUS_LIMIT, "upstream.memory", "no memory for a server");
    }
    return config->is_tls ? tls_client_context_new(config->ca_file, &target->tls, diag) : STATUS_OK;
}

static void free_upstream(struct http_upstream *upstream)
{
    for (size_t i = 0; i < upstream->target_count; i++) {
        tls_context_unref(upstream->targets[i].tls);
        buf_release(&upstream->targets[i].host_field);
    }
    while (upstream->spare != NULL) {
        struct http_call *next = upstream->spare->next;
        free_call(upstream->spare);
        upstream->spare = next;
    }
    buf_release(&upstream->request_room);
    base_free(upstream->targets);
    base_free(upstream);
}

void http_upstream_unhold(struct http_upstream *upstream)
{
    if (--upstream->hold_count == 0) {
        free_upstream(upstream);
    }
}

enum status http_upstream_new(struct loop *loop, const struct upstream_target *targets,
                              size_t target_count, const struct http_upstream_options *options,
                              struct http_upstream **out, struct diag *diag)
{
    struct http_upstream *upstream = base_alloc(sizeof(*upstream));
    struct http_target *states = base_alloc((target_count + 1) * sizeof(*states));
    if (upstream == NULL || states == NULL) {
        base_free(upstream);
        base_free(states);
        return diag_fail(diag, STATUS_LIMIT, "upstream.memory", "no memory for servers");
    }
    *upstream = (struct http_upstream){
        .loop = loop, .options = *options, .targets = states, .hold_count = 1};
    buf_init(&upstream->request_room, REQUEST_HEAD_BYTES_MAX + 2 * options->message_bytes_max,
             &loop->account);
    for (size_t i = 0; i < target_count; i++) {
        upstream->target_count = i + 1;
        enum status status = init_target(&states[i], upstream, &targets[i], diag);
        if (status != STATUS_OK) {
            free_upstream(upstream);
            return status;
        }
    }
    *out = upstream;
    return STATUS_OK;
}

void http_upstream_free(struct http_upstream *upstream)
{
    if (upstream == NULL) {
        return;
    }
    upstream->is_freed = true;
    while (upstream->running != NULL) {
        end_with(upstream->running, STATUS_UNAVAILABLE, "upstream.down", "Aegis is stopping");
    }
    http_pool_close(upstream);
    http_upstream_unhold(upstream);
}

size_t http_upstream_idle_count(const struct http_upstream *upstream)
{
    size_t count = 0;
    for (const struct http_link *link = upstream->links; link != NULL; link = link->next_all) {
        count += link->is_idle ? 1 : 0;
    }
    return count;
}
