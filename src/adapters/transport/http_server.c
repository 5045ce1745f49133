#include "adapters/transport/http_server.h"

#include "adapters/transport/http_connection.h"

#include <stddef.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG 1024
#define ACCEPT_RETRY_MS 100

static void append_two(struct buf *buf, int value)
{
    buf_append_byte(buf, (uint8_t)('0' + value / 10 % 10));
    buf_append_byte(buf, (uint8_t)('0' + value % 10));
}

/* RFC 9110 §5.6.7, by hand because the C library's names depend on the locale. */
static void format_date(struct buf *buf, int64_t now_s)
{
    static const char DAYS[] = "SunMonTueWedThuFriSat";
    static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)now_s;
    struct tm parts = {0};
    (void)gmtime_r(&seconds, &parts);
    buf_append(buf, slice_of(DAYS + 3 * parts.tm_wday, 3));
    buf_append(buf, SLICE(", "));
    append_two(buf, parts.tm_mday);
    buf_append_byte(buf, ' ');
    buf_append(buf, slice_of(MONTHS + 3 * parts.tm_mon, 3));
    buf_append_byte(buf, ' ');
    buf_append_u64(buf, (uint64_t)parts.tm_year + 1900);
    buf_append_byte(buf, ' ');
    append_two(buf, parts.tm_hour);
    buf_append_byte(buf, ':');
    append_two(buf, parts.tm_min);
    buf_append_byte(buf, ':');
    append_two(buf, parts.tm_sec);
    buf_append(buf, SLICE(" GMT"));
}

struct slice http_server_date(struct http_server *server)
{
    int64_t now_s = loop_wall_ms(server->loop) / 1000;
    if (server->date_text[0] == 0 || server->date_s != now_s) {
        struct buf buf;
        buf_init(&buf, sizeof(server->date_text) - 1, NULL);
        format_date(&buf, now_s);
        for (size_t i = 0; i < buf.len; i++) {
            server->date_text[i] = (char)buf.ptr[i];
        }
        server->date_text[buf.len] = 0;
        server->date_s = now_s;
        buf_release(&buf);
    }
    return slice_view_cstr(server->date_text);
}

void http_server_add(struct http_server *server, struct http_connection *connection)
{
    connection->newer = NULL;
    connection->older = server->newest;
    if (server->newest != NULL) {
        server->newest->newer = connection;
    } else {
        server->oldest = connection;
    }
    server->newest = connection;
    server->connection_count++;
}

static void report_closed(struct http_server *server)
{
    if (server->is_draining && !server->is_listening && server->connection_count == 0 &&
        !server->is_reported) {
        server->is_reported = true;
        if (server->on_closed != NULL) {
            server->on_closed(server->context);
        }
    }
}

void http_server_remove(struct http_server *server, struct http_connection *connection)
{
    if (connection->newer != NULL) {
        connection->newer->older = connection->older;
    } else {
        server->newest = connection->older;
    }
    if (connection->older != NULL) {
        connection->older->newer = connection->newer;
    } else {
        server->oldest = connection->newer;
    }
    server->connection_count--;
    report_closed(server);
}

/* Clients that have not got as far as a request make room first: opening connections and saying
 * nothing must not keep others out. Returns false when all are at work. */
static bool make_room(struct http_server *server)
{
    if (server->connection_count < server->options.connections_max) {
        return true;
    }
    struct http_connection *connection = server->oldest;
    while (connection != NULL &&
           (connection->phase != CONNECTION_READING || connection->stream.is_closing)) {
        connection = connection->newer;
    }
    if (connection == NULL) {
        return false;
    }
    http_connection_close(connection);
    return true;
}

/* libuv hands out no further connection before the last one was taken, so taking is tried again. */
static void accept_next(struct http_server *server)
{
    if (server->is_draining || http_connection_accept(server, make_room(server))) {
        return;
    }
    loop_timer_start(server->loop, &server->retry, ACCEPT_RETRY_MS);
}

static void on_retry(struct timer *timer)
{
    accept_next((struct http_server *)((char *)timer - offsetof(struct http_server, retry)));
}

static void on_connection(uv_stream_t *listener, int result)
{
    if (result == 0) {
        accept_next(listener->data);
    }
}

enum status http_server_start(struct http_server *server, struct loop *loop, int fd,
                              const struct http_server_options *options,
                              const struct exchange_handler *handler, struct diag *diag)
{
    *server = (struct http_server){.loop = loop, .options = *options, .handler = *handler};
    int result = uv_tcp_init(&loop->uv, &server->listener);
    if (result != 0) {
        (void)close(fd);
        return diag_fail(diag, STATUS_UNAVAILABLE, "listen.bind", "cannot listen: %s",
                         uv_err_name(result));
    }
    server->listener.data = server;
    result = uv_tcp_open(&server->listener, fd);
    if (result != 0) {
        (void)close(fd);
    } else {
        result = uv_listen((uv_stream_t *)&server->listener, BACKLOG, on_connection);
    }
    if (result != 0) {
        uv_close((uv_handle_t *)&server->listener, NULL);
        return diag_fail(diag, STATUS_UNAVAILABLE, "listen.bind", "cannot listen: %s",
                         uv_err_name(result));
    }
    server->retry.fire = on_retry;
    server->is_listening = true;
    return STATUS_OK;
}

void http_server_set_tls(struct http_server *server, struct tls_context *tls)
{
    server->options.tls = tls;
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct http_server *server = handle->data;
    server->is_listening = false;
    report_closed(server);
}

static void stop_listening(struct http_server *server, void (*on_closed)(void *context),
                           void *context)
{
    if (on_closed != NULL) {
        server->on_closed = on_closed;
        server->context = context;
    }
    server->is_draining = true;
    loop_timer_stop(server->loop, &server->retry);
    if (!uv_is_closing((uv_handle_t *)&server->listener)) {
        uv_close((uv_handle_t *)&server->listener, on_listener_closed);
    }
}

void http_server_drain(struct http_server *server, void (*on_closed)(void *context), void *context)
{
    stop_listening(server, on_closed, context);
    struct http_connection *next = NULL;
    for (struct http_connection *at = server->newest; at != NULL; at = next) {
        next = at->older;
        if (http_connection_is_idle(at)) {
            http_connection_close(at);
        }
    }
}

void http_server_close(struct http_server *server, void (*on_closed)(void *context), void *context)
{
    stop_listening(server, on_closed, context);
    struct http_connection *next = NULL;
    for (struct http_connection *at = server->newest; at != NULL; at = next) {
        next = at->older;
        http_connection_close(at);
    }
}
