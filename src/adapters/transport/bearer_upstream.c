#include "adapters/transport/bearer_upstream.h"

#include "adapters/transport/upstream_call.h"
#include "wire/bearer_challenge.h"

#include <stddef.h>

#define REQUEST_BYTES_MAX ((size_t)64 << 20)
#define CHALLENGE_BYTES_MAX 8192
#define TOKEN_BYTES_MAX 65536

struct bearer_upstream {
    struct loop *loop;
    struct port_upstream inner;
    struct bearer_source source;
    struct bearer_call *calls;
    size_t call_count; /* with those that are only waited out */
    bool is_freed;
};

struct bearer_call {
    struct upstream_call base; /* first */
    struct bearer_upstream *upstream;
    struct bearer_call *next, *previous;
    struct upstream_call *running; /* NULL while it waits for a token */
    struct upstream_request request;
    struct arena arena;   /* of the request */
    struct buf challenge; /* what the server said */
    struct bearer_wait wait;
    uint64_t generation; /* of the token it was made with */
    size_t renewals;     /* how often it was made again */
    bool is_abandoned;   /* cancelled, while a message to it is under way */
    bool is_paused, is_excused;
};

static enum status copy_request(struct bearer_call *call, const struct upstream_request *request)
{
    struct arena *arena = &call->arena;
    struct upstream_request *copy = &call->request;
    struct http_field *fields = arena_alloc_zero(arena, request->field_count, sizeof(*fields));
    if (fields == NULL) {
        return STATUS_LIMIT;
    }
    *copy = *request;
    copy->fields = fields;
    TRY(arena_copy(arena, request->body, &copy->body));
    TRY(arena_copy(arena, request->path, &copy->path));
    for (size_t i = 0; i < request->field_count; i++) {
        TRY(arena_copy(arena, request->fields[i].name, &fields[i].name));
        TRY(arena_copy(arena, request->fields[i].value, &fields[i].value));
    }
    return STATUS_OK;
}

static void let_go(struct bearer_upstream *upstream)
{
    if (upstream->is_freed && upstream->call_count == 0) {
        base_free(upstream);
    }
}

static void unlist(struct bearer_call *call)
{
    if (call->previous != NULL) {
        call->previous->next = call->next;
    } else {
        call->upstream->calls = call->next;
    }
    if (call->next != NULL) {
        call->next->previous = call->previous;
    }
    call->next = call->previous = NULL;
}

static void free_call(struct bearer_call *call)
{
    struct bearer_upstream *upstream = call->upstream;
    arena_release(&call->arena);
    buf_release(&call->challenge);
    base_free(call);
    upstream->call_count--;
    let_go(upstream);
}

static void end_call(struct bearer_call *call, enum status status, int http_status,
                     const struct diag *diag)
{
    const struct upstream_sink sink = call->base.sink;
    unlist(call);
    free_call(call);
    sink.on_end(&sink, status, http_status, diag);
}

/* -- the sink of the inner call ------------------------------------------------------------ */

/* The caller's sink, which learns the status of the answer so far. */
static const struct upstream_sink *outer(const struct upstream_sink *sink)
{
    struct bearer_call *call = sink->user;
    call->base.sink.http_status = sink->http_status;
    return &call->base.sink;
}

static void on_session(const struct upstream_sink *sink, struct slice session_id)
{
    const struct upstream_sink *to = outer(sink);
    if (to->on_session != NULL) {
        to->on_session(to, session_id);
    }
}

static void on_position(const struct upstream_sink *sink, struct slice event_id, int64_t retry_ms)
{
    const struct upstream_sink *to = outer(sink);
    if (to->on_position != NULL) {
        to->on_position(to, event_id, retry_ms);
    }
}

static void on_endpoint(const struct upstream_sink *sink, struct slice data)
{
    const struct upstream_sink *to = outer(sink);
    to->on_endpoint(to, data);
}

static void on_message(const struct upstream_sink *sink, struct slice json, bool is_stream)
{
    const struct upstream_sink *to = outer(sink);
    to->on_message(to, json, is_stream);
}

static void on_challenge(const struct upstream_sink *sink, struct slice value)
{
    struct bearer_call *call = sink->user;
    buf_append(&call->challenge, call->challenge.len > 0 ? SLICE(", ") : SLICE_EMPTY);
    buf_append(&call->challenge, value);
}

/* A 403 is always about more; a 401 when it says so (RFC 9470 §3). */
static bool wants_more(struct bearer_call *call, int http_status)
{
    struct bearer_challenge challenge;
    struct diag diag = {0};
    enum status status =
        bearer_challenge_read(buf_view(&call->challenge), &call->arena, &challenge, &diag);
    return http_status == 403 ||
           (status == STATUS_OK && bearer_challenge_want(&challenge) != BEARER_WANTS_TOKEN);
}

static void on_end(const struct upstream_sink *sink, enum status status, int http_status,
                   const struct diag *diag)
{
    struct bearer_call *call = sink->user;
    struct bearer_upstream *upstream = call->upstream;
    struct diag refused = {0};
    if (status != STATUS_UNAUTHENTICATED) {
        end_call(call, status, http_status, diag);
        return;
    }
    call->running = NULL;
    bool is_step_up = wants_more(call, http_status);
    if (call->renewals >= (is_step_up ? BEARER_RENEWALS_MAX : 1) || upstream->is_freed ||
        buf_status(&call->challenge) != STATUS_OK) {
        (void)!diag_fail(&refused, STATUS_UNAVAILABLE, "upstream.credential",
                         "the server refuses the token that was signed in for");
        end_call(call, STATUS_UNAVAILABLE, http_status, &refused);
        return;
    }
    const struct bearer_need need = {.generation = call->generation,
                                     .challenge = buf_view(&call->challenge),
                                     .is_step_up = is_step_up};
    upstream->source.renew(upstream->source.context, &need, &call->wait);
}

/* -- calls --------------------------------------------------------------------------------- */

static enum status make(struct bearer_call *call, struct diag *diag)
{
    struct bearer_upstream *upstream = call->upstream;
    const struct upstream_sink sink = {.on_session = on_session,
                                       .on_position = on_position,
                                       .on_endpoint =
                                           call->base.sink.on_endpoint == NULL ? NULL : on_endpoint,
                                       .on_challenge = on_challenge,
                                       .on_message = on_message,
                                       .on_end = on_end,
                                       .user = call};
    struct buf token;
    buf_init_secret(&token, TOKEN_BYTES_MAX, NULL);
    call->generation = upstream->source.read(upstream->source.context, &token);
    struct upstream_request request = call->request;
    if (token.len > 0) {
        request.credential_name = SLICE("Authorization");
        request.credential_value = buf_view(&token);
    }
    enum status status =
        upstream->inner.start(upstream->inner.context, &request, &sink, &call->running, diag);
    buf_release(&token);
    return status;
}

static struct bearer_call *call_of_wait(struct posted *posted)
{
    struct bearer_wait *wait =
        (struct bearer_wait *)((char *)posted - offsetof(struct bearer_wait, posted));
    return (struct bearer_call *)((char *)wait - offsetof(struct bearer_call, wait));
}

static bool has_other_token(const struct bearer_call *call)
{
    struct bearer_source *source = &call->upstream->source;
    struct buf token;
    buf_init_secret(&token, TOKEN_BYTES_MAX, NULL);
    uint64_t generation = source->read(source->context, &token);
    buf_release(&token);
    return generation != call->generation;
}

/* There is another token, or there will be none. */
static void on_renewed(struct posted *posted)
{
    struct bearer_call *call = call_of_wait(posted);
    const struct port_upstream *inner = &call->upstream->inner;
    struct diag diag = {0};
    if (call->is_abandoned) {
        free_call(call);
        return;
    }
    if (!has_other_token(call)) {
        const char *why = call->wait.diag.message;
        (void)!diag_fail(&diag, STATUS_UNAVAILABLE, "upstream.credential", "%s",
                         why[0] != '\0' ? why : "nobody is signed in at the server");
        end_call(call, STATUS_UNAVAILABLE, 0, &diag);
        return;
    }
    call->renewals++;
    buf_clear(&call->challenge);
    enum status status = make(call, &diag);
    if (status != STATUS_OK) {
        end_call(call, status, 0, &diag);
        return;
    }
    if (call->is_excused) {
        inner->excuse(inner->context, call->running, true);
    }
    if (call->is_paused) {
        inner->pause(inner->context, call->running, true);
    }
}

static struct bearer_call *new_call(struct bearer_upstream *upstream,
                                    const struct upstream_sink *sink)
{
    struct bearer_call *call = base_alloc(sizeof(*call));
    if (call == NULL) {
        return NULL;
    }
    *call = (struct bearer_call){
        .base = {.sink = *sink},
        .upstream = upstream,
        .next = upstream->calls,
        .wait = {.loop = upstream->loop, .posted = {.run = on_renewed}},
    };
    arena_init(&call->arena, REQUEST_BYTES_MAX, &upstream->loop->account);
    buf_init(&call->challenge, CHALLENGE_BYTES_MAX, &upstream->loop->account);
    if (call->next != NULL) {
        call->next->previous = call;
    }
    upstream->calls = call;
    upstream->call_count++;
    return call;
}

static enum status start(void *context, const struct upstream_request *request,
                         const struct upstream_sink *sink, struct upstream_call **out,
                         struct diag *diag)
{
    struct bearer_upstream *upstream = context;
    if (upstream->is_freed) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "upstream.down", "Aegis is stopping");
    }
    struct bearer_call *call = new_call(upstream, sink);
    if (call == NULL) {
        return diag_fail(diag, STATUS_LIMIT, "upstream.memory", "no memory for a call");
    }
    enum status status = copy_request(call, request);
    status = status == STATUS_OK
                 ? make(call, diag)
                 : diag_fail(diag, status, "upstream.memory", "no memory for a call");
    if (status != STATUS_OK) {
        unlist(call);
        free_call(call);
        return status;
    }
    *out = &call->base;
    return STATUS_OK;
}

static void cancel(void *context, struct upstream_call *base)
{
    struct bearer_upstream *upstream = context;
    struct bearer_call *call = (struct bearer_call *)base;
    unlist(call);
    if (call->running != NULL) {
        upstream->inner.cancel(upstream->inner.context, call->running);
        free_call(call);
    } else if (upstream->source.forget(upstream->source.context, &call->wait)) {
        free_call(call);
    } else {
        call->is_abandoned = true;
    }
}

static void excuse(void *context, struct upstream_call *base, bool is_excused)
{
    struct bearer_upstream *upstream = context;
    struct bearer_call *call = (struct bearer_call *)base;
    call->is_excused = is_excused;
    if (call->running != NULL) {
        upstream->inner.excuse(upstream->inner.context, call->running, is_excused);
    }
}

static void set_paused(void *context, struct upstream_call *base, bool is_paused)
{
    struct bearer_upstream *upstream = context;
    struct bearer_call *call = (struct bearer_call *)base;
    call->is_paused = is_paused;
    if (call->running != NULL) {
        upstream->inner.pause(upstream->inner.context, call->running, is_paused);
    }
}

static void close_child(void *context, uint32_t server, uint64_t child)
{
    struct bearer_upstream *upstream = context;
    upstream->inner.close_child(upstream->inner.context, server, child);
}

struct port_upstream bearer_upstream_port(struct bearer_upstream *upstream)
{
    return (struct port_upstream){.context = upstream,
                                  .start = start,
                                  .cancel = cancel,
                                  .excuse = excuse,
                                  .pause = set_paused,
                                  .close_child = close_child};
}

enum status bearer_upstream_new(struct loop *loop, const struct port_upstream *inner,
                                const struct bearer_source *source, struct bearer_upstream **out)
{
    struct bearer_upstream *upstream = base_alloc(sizeof(*upstream));
    if (upstream == NULL) {
        return STATUS_LIMIT;
    }
    *upstream = (struct bearer_upstream){.loop = loop, .inner = *inner, .source = *source};
    *out = upstream;
    return STATUS_OK;
}

void bearer_upstream_free(struct bearer_upstream *upstream)
{
    if (upstream == NULL) {
        return;
    }
    upstream->is_freed = true;
    upstream->call_count++; /* ours, until the end of this function */
    struct bearer_call *next = NULL;
    for (struct bearer_call *call = upstream->calls; call != NULL; call = next) {
        struct diag diag = {0};
        next = call->next;
        if (call->running == NULL) {
            const struct upstream_sink sink = call->base.sink;
            (void)!diag_fail(&diag, STATUS_UNAVAILABLE, "upstream.down", "Aegis is stopping");
            cancel(upstream, &call->base);
            sink.on_end(&sink, STATUS_UNAVAILABLE, 0, &diag);
            next = upstream->calls; /* others may have ended with it */
        }
    }
    upstream->call_count--;
    let_go(upstream);
}
