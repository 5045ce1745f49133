#include "adapters/transport/http_call.h"

#include "adapters/transport/tcp.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#define HOST_BYTES 256
#define WRITE_STALL_MS 30000
#define RECENT_MS 500

static struct http_link *link_of_stream(struct stream *stream)
{
    return (struct http_link *)((char *)stream - offsetof(struct http_link, stream));
}

static struct http_link *link_of_timer(struct timer *timer)
{
    return (struct http_link *)((char *)timer - offsetof(struct http_link, idle));
}

static void leave_pool(struct http_link *link)
{
    if (!link->is_idle) {
        return;
    }
    if (link->previous != NULL) {
        link->previous->next = link->next;
    } else {
        link->target->idle = link->next;
    }
    if (link->next != NULL) {
        link->next->previous = link->previous;
    }
    link->next = link->previous = NULL;
    link->is_idle = false;
    loop_timer_stop(link->target->upstream->loop, &link->idle);
}

static void close_link(struct http_link *link)
{
    leave_pool(link);
    stream_close(&link->stream);
}

static void on_idle(struct timer *timer)
{
    close_link(link_of_timer(timer));
}

static int64_t idle_ms(const struct http_link *link)
{
    int64_t ours_ms = link->target->upstream->options.idle_ms;
    return link->keep_ms < ours_ms ? link->keep_ms : ours_ms;
}

static void enter_pool(struct http_link *link)
{
    struct http_target *target = link->target;
    link->is_idle = true;
    link->previous = NULL;
    link->next = target->idle;
    if (link->next != NULL) {
        link->next->previous = link;
    }
    target->idle = link;
    link->pooled_turn = target->upstream->loop->turn_count;
    link->pooled_ms = loop_now_ms(target->upstream->loop);
    loop_timer_start(target->upstream->loop, &link->idle, idle_ms(link));
}

static void send_request(struct http_call *call)
{
    struct slice request = buf_view(&call->request);
    /* A failure comes back as the stream's end. */
    (void)!stream_write(&call->link->stream, &request, 1);
    http_call_drop_request(call);
}

static void on_open(struct stream *stream)
{
    struct http_link *link = link_of_stream(stream);
    if (link->call != NULL) {
        http_call_touch(link->call);
        send_request(link->call);
    }
}

static void on_bytes(struct stream *stream, struct slice bytes)
{
    struct http_link *link = link_of_stream(stream);
    if (link->call == NULL) {
        /* Words nobody asked for would be taken for the next answer. */
        close_link(link);
        return;
    }
    http_answer_bytes(link, bytes);
}

static void connect_next(struct http_call *call);

static void on_end(struct stream *stream, bool is_clean)
{
    struct http_link *link = link_of_stream(stream);
    struct http_call *call = link->call;
    if (call == NULL) {
        close_link(link);
    } else if (!stream->is_open) {
        http_pool_detach(call, false);
        connect_next(call);
    } else {
        http_answer_end(link, is_clean);
    }
}

static void on_closed(struct stream *stream)
{
    struct http_link *link = link_of_stream(stream);
    struct http_upstream *upstream = link->target->upstream;
    http_reader_release(&link->reader);
    if (link->previous_all != NULL) {
        link->previous_all->next_all = link->next_all;
    } else {
        upstream->links = link->next_all;
    }
    if (link->next_all != NULL) {
        link->next_all->previous_all = link->previous_all;
    }
    base_free(link);
    http_upstream_unhold(upstream);
}

static const struct stream_events EVENTS = {
    .on_open = on_open, .on_bytes = on_bytes, .on_end = on_end, .on_closed = on_closed};

static struct http_link *new_link(struct http_target *target)
{
    struct http_upstream *upstream = target->upstream;
    struct http_link *link = base_alloc(sizeof(*link));
    if (link == NULL) {
        return NULL;
    }
    *link = (struct http_link){.target = target, .idle = {.fire = on_idle}};
    struct http_limits limits = HTTP_LIMITS_DEFAULT;
    limits.body_bytes_max = upstream->options.message_bytes_max;
    if (stream_init(&link->stream, upstream->loop, &EVENTS, WRITE_STALL_MS) != STATUS_OK) {
        base_free(link);
        return NULL;
    }
    http_reader_init(&link->reader, HTTP_RESPONSE, &limits, &upstream->loop->account);
    link->next_all = upstream->links;
    if (link->next_all != NULL) {
        link->next_all->previous_all = link;
    }
    upstream->links = link;
    upstream->hold_count++;
    return link;
}

/* Connect to the next address not tried yet. */
static void connect_next(struct http_call *call)
{
    struct http_target *target = call->target;
    if (call->address_index >= target->address_count) {
        /* What the name stood for is of no use: ask again next time. */
        if (target->fresh_until_ms != INT64_MAX) {
            target->fresh_until_ms = 0;
        }
        http_call_fail_later(call);
        return;
    }
    struct http_link *link = new_link(target);
    if (link == NULL) {
        http_call_fail_later(call);
        return;
    }
    const struct sockaddr_storage *address = &target->addresses[call->address_index++];
    if (stream_connect(&link->stream, (const struct sockaddr *)address, target->tls,
                       target->config->host) != STATUS_OK) {
        stream_close(&link->stream);
        http_call_fail_later(call);
        return;
    }
    link->call = call;
    call->link = link;
}

static void take_addresses(struct http_target *target, const struct addrinfo *found)
{
    target->address_count = 0;
    for (; found != NULL && target->address_count < TARGET_ADDRESSES_MAX; found = found->ai_next) {
        if (found->ai_addrlen > sizeof(struct sockaddr_storage)) {
            continue;
        }
        struct sockaddr_storage *address = &target->addresses[target->address_count++];
        *address = (struct sockaddr_storage){0};
        memcpy(address, found->ai_addr, found->ai_addrlen);
        if (address->ss_family == AF_INET6) {
            ((struct sockaddr_in6 *)address)->sin6_port = htons(target->config->port);
        } else {
            ((struct sockaddr_in *)address)->sin_port = htons(target->config->port);
        }
    }
}

static void on_resolved(uv_getaddrinfo_t *request, int result, struct addrinfo *found)
{
    struct http_target *target = request->data;
    struct http_upstream *upstream = target->upstream;
    target->is_resolving = false;
    if (result == 0 && !upstream->is_freed) {
        take_addresses(target, found);
        target->fresh_until_ms = loop_now_ms(upstream->loop) + upstream->options.name_cache_ms;
    }
    uv_freeaddrinfo(found);
    if (!upstream->is_freed) {
        http_upstream_resolved(target);
    }
    http_upstream_unhold(upstream);
}

static bool resolve(struct http_target *target)
{
    char name[HOST_BYTES];
    struct slice host = target->config->host;
    if (host.len >= sizeof(name) || slice_find_byte(host, 0) < host.len) {
        return false;
    }
    memcpy(name, host.ptr, host.len);
    name[host.len] = 0;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    target->resolve.data = target;
    if (uv_getaddrinfo(&target->upstream->loop->uv, &target->resolve, on_resolved, name, NULL,
                       &hints) != 0) {
        return false;
    }
    target->is_resolving = true;
    target->upstream->hold_count++;
    return true;
}

/* A name's addresses; numeric ones need no resolver. */
static bool has_addresses(struct http_target *target)
{
    if (target->address_count == 0 && tcp_address_parse(target->config->host, target->config->port,
                                                        &target->addresses[0]) == STATUS_OK) {
        target->address_count = 1;
        target->fresh_until_ms = INT64_MAX;
    }
    return target->address_count > 0 &&
           target->fresh_until_ms > loop_now_ms(target->upstream->loop);
}

/* Servers close after their answer, at once, or what was idle for seconds. In the turn after the
 * one that took the answer the loop has told of the first, or will before that turn ends; until the
 * second is due there is nothing to ask the socket. */
static bool is_alive(const struct http_link *link)
{
    const struct loop *loop = link->target->upstream->loop;
    bool is_told = loop->turn_count >= link->pooled_turn + 2;
    int64_t passed_ms = loop_now_ms(loop) - link->pooled_ms;
    return passed_ms < idle_ms(link) &&
           ((is_told && passed_ms < RECENT_MS) || stream_is_quiet(&link->stream));
}

/* The most recently used idle connection that is still alive. */
static struct http_link *take_idle(struct http_target *target)
{
    while (target->idle != NULL) {
        struct http_link *link = target->idle;
        leave_pool(link);
        if (is_alive(link)) {
            return link;
        }
        stream_close(&link->stream);
    }
    return NULL;
}

void http_pool_attach(struct http_call *call)
{
    struct http_target *target = call->target;
    struct http_link *link = take_idle(target);
    if (link != NULL) {
        link->call = call;
        call->link = link;
        send_request(call);
        return;
    }
    if (has_addresses(target)) {
        connect_next(call);
        return;
    }
    target->address_count = 0;
    call->is_resolving = true;
    if (!target->is_resolving && !resolve(target)) {
        call->is_resolving = false;
        http_call_fail_later(call);
    }
}

void http_pool_detach(struct http_call *call, bool reuse)
{
    struct http_link *link = call->link;
    if (link == NULL) {
        return;
    }
    call->link = NULL;
    link->call = NULL;
    bool is_sound = reuse && !call->upstream->is_freed && !link->stream.is_ended &&
                    !stream_has_unread(&link->stream) && http_reader_is_idle(&link->reader) &&
                    stream_pending(&link->stream) == 0;
    if (!is_sound) {
        close_link(link);
        return;
    }
    link->reader.limits.body_bytes_max = call->upstream->options.message_bytes_max;
    enter_pool(link);
}

void http_pool_close(struct http_upstream *upstream)
{
    for (struct http_link *link = upstream->links; link != NULL; link = link->next_all) {
        close_link(link);
    }
    for (size_t i = 0; i < upstream->target_count; i++) {
        if (upstream->targets[i].is_resolving) {
            (void)uv_cancel((uv_req_t *)&upstream->targets[i].resolve);
        }
    }
}
