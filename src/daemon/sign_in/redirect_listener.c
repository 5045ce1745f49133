#include "daemon/sign_in/redirect_listener.h"

#include "adapters/runtime/loop.h"
#include "wire/http_reader.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define POLL_MS 200
#define BACKLOG 8
#define READ_BYTES 4096
#define ANSWER_BYTES 1024

struct visitor {
    int fd; /* -1: none */
    int64_t until_ms;
    struct http_reader reader;
};

struct reception {
    const struct flow *flow;
    struct arena *arena;
    struct flow_redirect *out;
    struct diag *diag;
    struct visitor visitors[REDIRECT_VISITORS_MAX];
    enum flow_verdict verdict;
    enum status status;
};

enum status redirect_listen(uint16_t port, int *out, uint16_t *bound, struct diag *diag)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, size) != 0 ||
        listen(fd, BACKLOG) != 0 || getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        int error = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        return diag_fail(diag, STATUS_UNAVAILABLE, "sign_in.port",
                         "cannot listen on 127.0.0.1, port %u, for the browser to come back: %s",
                         (unsigned)port, strerror(error));
    }
    *out = fd;
    *bound = ntohs(address.sin_port);
    return STATUS_OK;
}

static void dismiss(struct visitor *visitor)
{
    http_reader_release(&visitor->reader);
    (void)close(visitor->fd);
    visitor->fd = -1;
}

static void welcome(struct reception *reception, int listener, int64_t now_ms)
{
    static const struct http_limits LIMITS = {
        .head_bytes_max = 16384, .fields_max = HTTP_FIELDS_MAX, .body_bytes_max = 4096};
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct visitor *oldest = &reception->visitors[0];
    if (fd < 0) {
        return;
    }
    for (size_t i = 0; i < REDIRECT_VISITORS_MAX && oldest->fd >= 0; i++) {
        struct visitor *visitor = &reception->visitors[i];
        oldest = visitor->fd < 0 || visitor->until_ms < oldest->until_ms ? visitor : oldest;
    }
    if (oldest->fd >= 0) {
        dismiss(oldest);
    }
    *oldest = (struct visitor){.fd = fd, .until_ms = now_ms + REDIRECT_VISITOR_MS};
    http_reader_init(&oldest->reader, HTTP_REQUEST, &LIMITS, NULL);
}

/* The page says nothing of what came: it is shown to whoever came. */
static void answer(struct visitor *visitor, const char *status, const char *text)
{
    char page[ANSWER_BYTES];
    int len = snprintf(page, sizeof(page),
                       "HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
                       "Content-Length: %zu\r\nCache-Control: no-store\r\n"
                       "Referrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n"
                       "Connection: close\r\n\r\n%s",
                       status, strlen(text), text);
    (void)!send(visitor->fd, page, (size_t)len, MSG_NOSIGNAL);
}

static void judge(struct reception *reception, struct visitor *visitor)
{
    const struct http_head *head = &visitor->reader.head;
    if (!slice_eq(head->method, SLICE("GET"))) {
        answer(visitor, "405 Method Not Allowed", "Aegis waits for a sign-in here.\n");
        return;
    }
    reception->status = flow_judge(reception->flow, head->target, reception->arena,
                                   &reception->verdict, reception->out, reception->diag);
    switch (reception->verdict) {
    case FLOW_STRANGER:
        answer(visitor, "400 Bad Request", "This is not the sign-in that Aegis waits for.\n");
        break;
    case FLOW_WRONG:
        answer(visitor, "400 Bad Request",
               "This sign-in came from the wrong place. Nothing was accepted.\n");
        break;
    case FLOW_DONE:
        answer(visitor, "200 OK",
               reception->out->code.len > 0
                   ? "Aegis goes on with your sign-in. You can close this page.\n"
                   : "You were not signed in. You can close this page.\n");
        break;
    }
}

static void hear(struct reception *reception, struct visitor *visitor)
{
    uint8_t bytes[READ_BYTES];
    struct diag diag = {0};
    struct slice body;
    ssize_t len = recv(visitor->fd, bytes, sizeof(bytes), 0);
    if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    struct slice input = slice_of(bytes, len > 0 ? (size_t)len : 0);
    enum http_event event =
        len > 0 ? http_reader_next(&visitor->reader, &input, &body, &diag) : HTTP_ERROR;
    if (event == HTTP_NEED_MORE) {
        return;
    }
    if (event == HTTP_HEAD) {
        judge(reception, visitor);
    }
    dismiss(visitor);
}

/* One turn: whoever comes or says something. */
static void receive(struct reception *reception, int listener)
{
    struct pollfd fds[REDIRECT_VISITORS_MAX + 1] = {{.fd = listener, .events = POLLIN}};
    for (size_t i = 0; i < REDIRECT_VISITORS_MAX; i++) {
        fds[i + 1] = (struct pollfd){.fd = reception->visitors[i].fd, .events = POLLIN};
    }
    if (poll(fds, COUNT_OF(fds), POLL_MS) < 0) {
        return;
    }
    int64_t now_ms = runtime_mono_ms(NULL);
    for (size_t i = 0; i < REDIRECT_VISITORS_MAX && reception->verdict == FLOW_STRANGER; i++) {
        struct visitor *visitor = &reception->visitors[i];
        if (fds[i + 1].revents != 0) {
            hear(reception, visitor);
        } else if (visitor->fd >= 0 && now_ms > visitor->until_ms) {
            dismiss(visitor);
        }
    }
    if (fds[0].revents != 0) {
        welcome(reception, listener, now_ms);
    }
}

enum status redirect_wait(int listener, const struct flow *flow,
                          const struct redirect_patience *patience, struct arena *arena,
                          struct flow_redirect *out, struct diag *diag)
{
    struct reception reception = {.flow = flow, .arena = arena, .out = out, .diag = diag};
    for (size_t i = 0; i < REDIRECT_VISITORS_MAX; i++) {
        reception.visitors[i].fd = -1;
    }
    enum status status = STATUS_OK;
    while (reception.verdict == FLOW_STRANGER && status == STATUS_OK) {
        receive(&reception, listener);
        if (atomic_load(patience->is_stopped)) {
            status = STATUS_CANCELLED;
        } else if (runtime_mono_ms(NULL) >= patience->until_ms) {
            status = diag_fail(diag, STATUS_TIMEOUT, "sign_in.timeout",
                               "nobody signed in in time; use it again to get a new address");
        }
        status = status == STATUS_OK ? reception.status : status;
    }
    for (size_t i = 0; i < REDIRECT_VISITORS_MAX; i++) {
        if (reception.visitors[i].fd >= 0) {
            dismiss(&reception.visitors[i]);
        }
    }
    return reception.verdict == FLOW_STRANGER ? status : reception.status;
}
