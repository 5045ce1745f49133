#include "adapters/transport/peer_test.h"

#include "adapters/transport/tcp.h"
#include "support/check.h"

#include <string.h>

#define PATIENCE_MS 60000 /* for what must happen; nothing depends on how long it takes */
#define IN_BYTES_MAX ((size_t)32 << 20)

bool slice_contains(struct slice text, struct slice part)
{
    return part.len == 0 ||
           (text.len > 0 && memmem(text.ptr, text.len, part.ptr, part.len) != NULL);
}

struct slice peer_text(const struct peer *peer)
{
    return buf_view(&peer->in);
}

bool peer_contains(const struct peer *peer, struct slice text)
{
    return slice_contains(peer_text(peer), text);
}

size_t peer_count(const struct peer *peer, struct slice text)
{
    size_t count = 0;
    struct slice left = peer_text(peer);
    while (left.len >= text.len) {
        const uint8_t *at = memmem(left.ptr, left.len, text.ptr, text.len);
        if (at == NULL) {
            break;
        }
        left = slice_sub(left, (size_t)(at - left.ptr) + text.len, left.len);
        count++;
    }
    return count;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct peer *peer = handle->data;
    *out = (uv_buf_t){.base = (char *)buf_reserve(&peer->in, suggested), .len = suggested};
}

static void on_read(uv_stream_t *handle, ssize_t len, const uv_buf_t *buffer)
{
    (void)buffer;
    struct peer *peer = handle->data;
    if (len < 0) {
        peer->is_ended = true;
        (void)uv_read_stop(handle);
    } else {
        buf_commit(&peer->in, (size_t)len);
    }
}

static void on_connected(uv_connect_t *request, int result)
{
    struct peer *peer = request->data;
    peer->is_open = result == 0;
    peer->is_ended = result != 0;
    if (result == 0) {
        (void)uv_read_start((uv_stream_t *)&peer->tcp, on_alloc, on_read);
    }
}

static void init_peer(struct peer *peer, struct loop *loop)
{
    *peer = (struct peer){.is_used = true};
    buf_init(&peer->in, IN_BYTES_MAX, NULL);
    (void)uv_tcp_init(&loop->uv, &peer->tcp);
    peer->tcp.data = peer;
    peer->connect.data = peer;
}

void peer_connect(struct peer *peer, struct loop *loop, uint16_t port)
{
    struct sockaddr_storage address;
    init_peer(peer, loop);
    CHECK(tcp_address_parse(SLICE("127.0.0.1"), port, &address) == STATUS_OK);
    CHECK(uv_tcp_connect(&peer->connect, &peer->tcp, (struct sockaddr *)&address, on_connected) ==
          0);
    CHECK(peer_run_until(loop, &peer->is_open));
    (void)uv_tcp_nodelay(&peer->tcp, 1);
}

void peer_send(struct peer *peer, struct slice bytes)
{
    while (bytes.len > 0) {
        uv_buf_t piece = {.base = (char *)(uintptr_t)bytes.ptr, .len = bytes.len};
        int sent = uv_try_write((uv_stream_t *)&peer->tcp, &piece, 1);
        if (sent <= 0) {
            return;
        }
        bytes = slice_sub(bytes, (size_t)sent, bytes.len);
    }
}

void peer_send_bytewise(struct peer *peer, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        peer_send(peer, slice_sub(bytes, i, i + 1));
        (void)uv_run(peer->tcp.loop, UV_RUN_NOWAIT);
    }
}

static void on_peer_closed(uv_handle_t *handle)
{
    struct peer *peer = handle->data;
    peer->is_closed = true;
    buf_release(&peer->in);
}

void peer_close(struct peer *peer)
{
    if (peer->is_used && !uv_is_closing((uv_handle_t *)&peer->tcp)) {
        uv_close((uv_handle_t *)&peer->tcp, on_peer_closed);
    }
}

static void on_patience(struct timer *timer)
{
    (void)timer;
}

typedef bool (*condition_fn)(const void *a, struct slice b);

static bool run_until(struct loop *loop, condition_fn condition, const void *a, struct slice b)
{
    struct timer patience = {.fire = on_patience};
    loop_timer_start(loop, &patience, PATIENCE_MS);
    while (!condition(a, b) && patience.due_ms != 0) {
        (void)uv_run(&loop->uv, UV_RUN_ONCE);
    }
    bool is_met = condition(a, b);
    loop_timer_stop(loop, &patience);
    return is_met;
}

static bool is_set(const void *a, struct slice b)
{
    (void)b;
    return *(const bool *)a;
}

static bool has_text(const void *a, struct slice b)
{
    return peer_contains(a, b);
}

bool peer_run_until(struct loop *loop, const bool *flag)
{
    return run_until(loop, is_set, flag, SLICE_EMPTY);
}

bool peer_run_until_ended(struct loop *loop, const struct peer *peer)
{
    return run_until(loop, is_set, &peer->is_ended, SLICE_EMPTY);
}

bool peer_run_until_text(struct loop *loop, const struct peer *peer, struct slice text)
{
    return run_until(loop, has_text, peer, text);
}

void peer_run_some(struct loop *loop)
{
    for (int i = 0; i < 20; i++) {
        (void)uv_run(&loop->uv, UV_RUN_NOWAIT);
    }
}

/* A whole request, by Content-Length, at the front of in; 0 when it is not whole yet. */
static size_t request_bytes(struct slice in)
{
    const uint8_t *end = in.len > 0 ? memmem(in.ptr, in.len, "\r\n\r\n", 4) : NULL;
    const uint8_t *field = in.len > 0 ? memmem(in.ptr, in.len, "Content-Length: ", 16) : NULL;
    if (end == NULL || field == NULL) {
        return 0;
    }
    struct slice digits = slice_sub(in, (size_t)(field - in.ptr) + 16, in.len);
    int64_t body = 0;
    if (slice_to_i64(slice_sub(digits, 0, slice_find_byte(digits, '\r')), &body) != STATUS_OK) {
        return 0;
    }
    size_t size = (size_t)(end - in.ptr) + 4 + (size_t)body;
    return size <= in.len ? size : 0;
}

static void on_server_read(uv_stream_t *handle, ssize_t len, const uv_buf_t *buffer)
{
    struct peer *peer = handle->data;
    struct peer_server *server = handle->loop->data;
    on_read(handle, len, buffer);
    size_t size = request_bytes(peer_text(peer));
    if (peer->is_ended || size == 0 || server->request_count >= server->answer_count) {
        return;
    }
    struct slice answer = server->answers[server->request_count++];
    buf_consume(&peer->in, size);
    if (!server->is_bytewise) {
        peer_send(peer, answer);
    } else {
        for (size_t i = 0; i < answer.len; i++) {
            peer_send(peer, slice_sub(answer, i, i + 1));
        }
    }
    if (server->closes_after) {
        peer_close(peer);
    }
}

static void on_connection(uv_stream_t *listener, int result)
{
    struct peer_server *server = listener->data;
    CHECK(result == 0 && server->peer_count < PEERS_MAX);
    struct peer *peer = &server->peers[server->peer_count++];
    init_peer(peer, server->loop);
    CHECK(uv_accept(listener, (uv_stream_t *)&peer->tcp) == 0);
    (void)uv_tcp_nodelay(&peer->tcp, 1);
    peer->is_open = true;
    (void)uv_read_start((uv_stream_t *)&peer->tcp, on_alloc, on_server_read);
}

void peer_server_start(struct peer_server *server, struct loop *loop)
{
    int fd = -1;
    server->loop = loop;
    server->peer_count = server->request_count = 0;
    loop->uv.data = server;
    CHECK(tcp_listen_fd(SLICE("127.0.0.1"), 0, &fd, NULL) == STATUS_OK);
    server->port = tcp_local_port(fd);
    (void)uv_tcp_init(&loop->uv, &server->listener);
    server->listener.data = server;
    CHECK(uv_tcp_open(&server->listener, fd) == 0);
    CHECK(uv_listen((uv_stream_t *)&server->listener, 16, on_connection) == 0);
}

void peer_server_stop(struct peer_server *server)
{
    uv_close((uv_handle_t *)&server->listener, NULL);
    for (size_t i = 0; i < server->peer_count; i++) {
        peer_close(&server->peers[i]);
    }
}
