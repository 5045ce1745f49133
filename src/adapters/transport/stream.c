#include "adapters/transport/stream.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stddef.h>
#include <string.h>

#define HOST_NAME_BYTES 256

static struct stream *stream_of_output(struct output *output)
{
    return (struct stream *)((char *)output - offsetof(struct stream, output));
}

static struct stream *stream_of_stall(struct timer *timer)
{
    return (struct stream *)((char *)timer - offsetof(struct stream, stall));
}

static void end(struct stream *stream, bool is_clean)
{
    if (stream->is_ended || stream->is_closing) {
        return;
    }
    stream->is_ended = true;
    loop_timer_stop(stream->loop, &stream->stall);
    (void)uv_read_stop((uv_stream_t *)&stream->tcp);
    stream->events->on_end(stream, is_clean);
}

static uint64_t bytes_sent(const struct stream *stream)
{
    return stream->output.bytes_accepted - output_pending(&stream->output);
}

static void watch_stall(struct stream *stream)
{
    if (stream->stall.due_ms == 0 && !stream->is_closing && !stream->is_ended) {
        stream->stall_bytes = bytes_sent(stream);
        loop_timer_start(stream->loop, &stream->stall, stream->stall_ms);
    }
}

static void on_stall(struct timer *timer)
{
    struct stream *stream = stream_of_stall(timer);
    if (stream->output.is_failed) {
        end(stream, false);
    } else if (output_pending(&stream->output) > 0) {
        if (bytes_sent(stream) == stream->stall_bytes) {
            end(stream, false);
            return;
        }
        watch_stall(stream);
    }
}

/* Report a broken output from the loop, never from within a write. */
static void fail_later(struct stream *stream)
{
    if (!stream->is_closing && !stream->is_ended) {
        loop_timer_start(stream->loop, &stream->stall, 0);
    }
}

static void on_shut(uv_shutdown_t *request, int result)
{
    (void)request;
    (void)result;
}

static void shut_when_sent(struct stream *stream)
{
    if (!stream->wants_shutdown || stream->is_shut || stream->is_closing ||
        output_pending(&stream->output) > 0) {
        return;
    }
    stream->is_shut = true;
    (void)uv_shutdown(&stream->shutdown, (uv_stream_t *)&stream->tcp, on_shut);
}

static void on_progress(struct output *output)
{
    struct stream *stream = stream_of_output(output);
    if (output->is_failed) {
        end(stream, false);
        return;
    }
    if (output_pending(output) == 0) {
        loop_timer_stop(stream->loop, &stream->stall);
    }
    shut_when_sent(stream);
}

enum status stream_init(struct stream *stream, struct loop *loop,
                        const struct stream_events *events, int64_t stall_ms)
{
    *stream = (struct stream){.events = events, .loop = loop, .stall_ms = stall_ms};
    stream->stall.fire = on_stall;
    if (uv_tcp_init(&loop->uv, &stream->tcp) != 0) {
        return STATUS_LIMIT;
    }
    stream->tcp.data = stream;
    output_init(&stream->output, (uv_stream_t *)&stream->tcp, STREAM_QUEUE_BYTES_MAX,
                &loop->account);
    stream->output.on_progress = on_progress;
    return STATUS_OK;
}

static enum status send_parts(struct stream *stream, const struct slice *parts, size_t count)
{
    enum status status = output_write(&stream->output, parts, count);
    if (status != STATUS_OK) {
        fail_later(stream);
    } else if (output_pending(&stream->output) > 0) {
        watch_stall(stream);
    }
    return status;
}

/* Write out what OpenSSL has produced. */
static enum status send_sealed(struct stream *stream)
{
    struct buf *sealed = &stream->loop->sealed;
    if (sealed->len == 0) {
        return STATUS_OK;
    }
    struct slice bytes = buf_view(sealed);
    enum status status = send_parts(stream, &bytes, 1);
    buf_reuse(sealed, 4 * LOOP_READ_BYTES);
    return status;
}

/* Returns false when the handshake failed; the stream has ended then. */
static bool shake_hands(struct stream *stream)
{
    ERR_clear_error();
    int result = SSL_do_handshake(stream->tls);
    int reason = result == 1 ? SSL_ERROR_NONE : SSL_get_error(stream->tls, result);
    bool is_failed = reason != SSL_ERROR_NONE && reason != SSL_ERROR_WANT_READ;
    if (is_failed && SSL_is_server(stream->tls) == 1) {
        stream->refusal = tls_client_refusal(stream->tls);
    }
    (void)!send_sealed(stream);
    if (is_failed) {
        end(stream, false);
        return false;
    }
    if (result == 1) {
        stream->is_open = true;
        stream->events->on_open(stream);
    }
    return true;
}

/* What came may be a head with a token, and is copied by whoever wants to keep it. */
static void hand_out(struct stream *stream, uint8_t *bytes, size_t len)
{
    stream->events->on_bytes(stream, slice_of(bytes, len));
    explicit_bzero(bytes, len);
}

static void read_tls(struct stream *stream)
{
    if (!stream->is_open && !shake_hands(stream)) {
        return;
    }
    while (stream->is_open && !stream->is_closing && !stream->is_ended) {
        ERR_clear_error();
        int len = SSL_read(stream->tls, stream->loop->plain_buffer, LOOP_READ_BYTES);
        int reason = len > 0 ? SSL_ERROR_NONE : SSL_get_error(stream->tls, len);
        (void)!send_sealed(stream);
        if (reason == SSL_ERROR_WANT_READ) {
            return;
        }
        if (reason != SSL_ERROR_NONE) {
            end(stream, reason == SSL_ERROR_ZERO_RETURN);
            return;
        }
        hand_out(stream, stream->loop->plain_buffer, (size_t)len);
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    struct stream *stream = handle->data;
    *out = (uv_buf_t){.base = (char *)stream->loop->read_buffer, .len = LOOP_READ_BYTES};
}

static void on_read(uv_stream_t *handle, ssize_t len, const uv_buf_t *buffer)
{
    struct stream *stream = handle->data;
    if (len < 0) {
        /* Under TLS only a close alert is a clean end: anybody can end TCP. */
        end(stream, len == UV_EOF && stream->tls == NULL);
    } else if (len > 0 && stream->tls == NULL) {
        hand_out(stream, (uint8_t *)buffer->base, (size_t)len);
    } else if (len > 0) {
        stream->tls_input = slice_of(buffer->base, (size_t)len);
        read_tls(stream);
        stream->tls_input = SLICE_EMPTY;
    }
}

static enum status start_tls(struct stream *stream, struct tls_context *tls)
{
    stream->tls_context = tls_context_ref(tls);
    stream->tls = SSL_new(tls->ssl);
    BIO *bio = stream->tls != NULL ? BIO_new(tls->bio) : NULL;
    if (bio == NULL) {
        return STATUS_LIMIT;
    }
    BIO_set_data(bio, stream);
    SSL_set_bio(stream->tls, bio, bio);
    return STATUS_OK;
}

enum status stream_accept(struct stream *stream, uv_stream_t *listener, struct tls_context *tls)
{
    if (uv_accept(listener, (uv_stream_t *)&stream->tcp) != 0) {
        return STATUS_IO;
    }
    if (tls != NULL) {
        TRY(start_tls(stream, tls));
        SSL_set_accept_state(stream->tls);
    }
    (void)uv_tcp_nodelay(&stream->tcp, 1);
    stream->is_open = tls == NULL;
    return uv_read_start((uv_stream_t *)&stream->tcp, on_alloc, on_read) == 0 ? STATUS_OK
                                                                              : STATUS_IO;
}

static void on_connected(uv_connect_t *request, int result)
{
    struct stream *stream = request->data;
    if (stream->is_closing) {
        return;
    }
    if (result != 0 || uv_read_start((uv_stream_t *)&stream->tcp, on_alloc, on_read) != 0) {
        end(stream, false);
        return;
    }
    (void)uv_tcp_nodelay(&stream->tcp, 1);
    if (stream->tls != NULL) {
        (void)shake_hands(stream);
        return;
    }
    stream->is_open = true;
    stream->events->on_open(stream);
}

/* The certificate must be for this name, or for this address when it is one. */
static enum status expect_name(SSL *tls, struct slice name)
{
    char text[HOST_NAME_BYTES];
    if (name.len == 0 || name.len >= sizeof(text) || slice_find_byte(name, 0) < name.len) {
        return STATUS_INVALID;
    }
    memcpy(text, name.ptr, name.len);
    text[name.len] = 0;
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), text) == 1) {
        return STATUS_OK;
    }
    ERR_clear_error();
    SSL_set_hostflags(tls, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    bool is_set = SSL_set1_host(tls, text) == 1 && SSL_set_tlsext_host_name(tls, text) == 1;
    return is_set ? STATUS_OK : STATUS_INVALID;
}

enum status stream_connect(struct stream *stream, const struct sockaddr *address,
                           struct tls_context *tls, struct slice name)
{
    if (tls != NULL) {
        TRY(start_tls(stream, tls));
        TRY(expect_name(stream->tls, name));
        SSL_set_connect_state(stream->tls);
    }
    stream->connect.data = stream;
    return uv_tcp_connect(&stream->connect, &stream->tcp, address, on_connected) == 0 ? STATUS_OK
                                                                                      : STATUS_IO;
}

enum status stream_write(struct stream *stream, const struct slice *parts, size_t count)
{
    if (stream->is_closing || stream->is_ended) {
        return STATUS_IO;
    }
    if (stream->tls == NULL) {
        return send_parts(stream, parts, count);
    }
    ERR_clear_error();
    for (size_t i = 0; i < count; i++) {
        assert(parts[i].len <= INT_MAX);
        if (parts[i].len > 0 && SSL_write(stream->tls, parts[i].ptr, (int)parts[i].len) <= 0) {
            buf_clear(&stream->loop->sealed);
            stream->output.is_failed = true;
            fail_later(stream);
            return STATUS_IO;
        }
    }
    return send_sealed(stream);
}

size_t stream_pending(const struct stream *stream)
{
    return output_pending(&stream->output);
}

void stream_pause(struct stream *stream, bool is_paused)
{
    if (stream->is_closing || stream->is_ended) {
        return;
    }
    if (is_paused) {
        (void)uv_read_stop((uv_stream_t *)&stream->tcp);
    } else {
        (void)uv_read_start((uv_stream_t *)&stream->tcp, on_alloc, on_read);
    }
}

void stream_shutdown(struct stream *stream)
{
    if (stream->wants_shutdown || stream->is_closing || stream->is_ended) {
        return;
    }
    if (stream->tls != NULL && stream->is_open) {
        ERR_clear_error();
        (void)SSL_shutdown(stream->tls);
        (void)!send_sealed(stream);
    }
    stream->wants_shutdown = true;
    shut_when_sent(stream);
}

bool stream_has_unread(const struct stream *stream)
{
    return stream->tls != NULL && (stream->tls_input.len > 0 || SSL_pending(stream->tls) > 0);
}

bool stream_is_quiet(const struct stream *stream)
{
    uv_os_fd_t fd = -1;
    uint8_t byte;
    if (stream->is_ended || stream->is_closing ||
        uv_fileno((const uv_handle_t *)&stream->tcp, &fd) != 0) {
        return false;
    }
    ssize_t len = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct stream *stream = handle->data;
    output_release(&stream->output);
    SSL_free(stream->tls);
    tls_context_unref(stream->tls_context);
    client_certificate_unref(stream->certificate);
    stream->tls = NULL;
    stream->tls_context = NULL;
    stream->certificate = NULL;
    stream->events->on_closed(stream);
}

void stream_close(struct stream *stream)
{
    if (!stream->is_closing) {
        stream->is_closing = true;
        loop_timer_stop(stream->loop, &stream->stall);
        uv_close((uv_handle_t *)&stream->tcp, on_handle_closed);
    }
}

void stream_reset(struct stream *stream)
{
    if (stream->is_closing) {
        return;
    }
    loop_timer_stop(stream->loop, &stream->stall);
    stream->is_closing = true;
    if (stream->is_shut || uv_tcp_close_reset(&stream->tcp, on_handle_closed) != 0) {
        uv_close((uv_handle_t *)&stream->tcp, on_handle_closed);
    }
}
