/* upstream.c: the server behind the gateway in measurements: one epoll loop that answers MCP calls.
 *
 * It does as little as it can: it looks for the method and the id in the body and answers a fixed
 * text. A call with "hold" in it gets the head of an event stream that never says anything.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 65536
#define REQUEST_BYTES_MAX 32768
#define ANSWER_BYTES_MAX 8192
#define EVENTS_MAX 256
#define TOOLS 10
#define FIXED_ID_BYTES_MAX 64

#define MODERN_END ",\"resultType\":\"complete\",\"ttlMs\":3600000,\"cacheScope\":\"public\"}"

struct connection {
    size_t len;
    char bytes[REQUEST_BYTES_MAX];
};

static struct connection *connections[CONNECTIONS_MAX];

static const char *find(const char *text, size_t len, const char *what)
{
    return memmem(text, len, what, strlen(what));
}

static void send_all(int fd, const char *bytes, size_t len)
{
    /* Answers are far smaller than a socket buffer; a full one means that the client is gone. */
    if (send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len) {
        shutdown(fd, SHUT_RDWR);
    }
}

static void send_json(int fd, const char *body, size_t len)
{
    char answer[ANSWER_BYTES_MAX];
    int head = snprintf(answer, sizeof(answer),
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        len);
    if (head < 0 || (size_t)head + len > sizeof(answer)) {
        shutdown(fd, SHUT_RDWR);
        return;
    }
    memcpy(answer + head, body, len);
    send_all(fd, answer, (size_t)head + len);
}

static size_t write_tools(char *out, size_t room)
{
    size_t len = (size_t)snprintf(out, room, "\"tools\":[");
    for (int i = 0; i < TOOLS; i++) {
        len += (size_t)snprintf(out + len, room - len,
                                "%s{\"name\":\"tool%d\",\"inputSchema\":{\"type\":\"object\","
                                "\"properties\":{\"q\":{\"type\":\"string\"}}}}",
                                i == 0 ? "" : ",", i);
    }
    len += (size_t)snprintf(out + len, room - len, "]");
    return len;
}

/* The members of the result, by method. */
static void write_result(const char *body, size_t len, char *out, size_t room)
{
    if (find(body, len, "\"tools/list\"") != NULL) {
        (void)write_tools(out, room);
    } else if (find(body, len, "\"initialize\"") != NULL) {
        snprintf(out, room,
                 "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},"
                 "\"serverInfo\":{\"name\":\"bench\",\"version\":\"1\"}");
    } else if (find(body, len, "\"server/discover\"") != NULL) {
        snprintf(out, room,
                 "\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{}}");
    } else {
        snprintf(out, room,
                 "\"content\":[{\"type\":\"text\",\"text\":\"thirty-two bytes of an answer ok\"}]");
    }
}

static void answer(int fd, const char *body, size_t len)
{
    static const char HOLD[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n3\r\n:\n\n\r\n";
    static const char ACCEPTED[] = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
    const char *id = find(body, len, "\"id\":");
    if (id == NULL) {
        send_all(fd, ACCEPTED, sizeof(ACCEPTED) - 1);
        return;
    }
    if (find(body, len, "\"hold\"") != NULL) {
        send_all(fd, HOLD, sizeof(HOLD) - 1);
        return;
    }
    id += sizeof("\"id\":") - 1;
    size_t left = len - (size_t)(id - body);
    size_t id_len = 0;
    while (id_len < left && id_len < FIXED_ID_BYTES_MAX && id[id_len] != ',' && id[id_len] != '}') {
        id_len++;
    }
    char result[ANSWER_BYTES_MAX / 2];
    char text[ANSWER_BYTES_MAX - 256];
    write_result(body, len, result, sizeof(result));
    int text_len =
        snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"result\":{%s%s}",
                 (int)id_len, id, result, MODERN_END);
    send_json(fd, text, text_len < 0 ? 0 : (size_t)text_len);
}

static size_t content_length(const char *head, size_t len)
{
    static const char NAME[] = "\r\ncontent-length:";
    for (size_t i = 0; i + sizeof(NAME) <= len; i++) {
        if (strncasecmp(head + i, NAME, sizeof(NAME) - 1) == 0) {
            return strtoul(head + i + sizeof(NAME) - 1, NULL, 10);
        }
    }
    return 0;
}

/* Answers one whole request at the start of the buffer; false when there is none yet. */
static bool take_request(int fd, struct connection *connection)
{
    const char *end = find(connection->bytes, connection->len, "\r\n\r\n");
    if (end == NULL) {
        return false;
    }
    size_t head = (size_t)(end - connection->bytes) + 4;
    size_t body = content_length(connection->bytes, head);
    if (body > REQUEST_BYTES_MAX - head) {
        shutdown(fd, SHUT_RDWR);
        return false;
    }
    if (connection->len < head + body) {
        return false;
    }
    answer(fd, connection->bytes + head, body);
    connection->len -= head + body;
    memmove(connection->bytes, connection->bytes + head + body, connection->len);
    return true;
}

static void close_connection(int fd)
{
    free(connections[fd]);
    connections[fd] = NULL;
    close(fd);
}

static void read_connection(int fd)
{
    struct connection *connection = connections[fd];
    ssize_t n =
        recv(fd, connection->bytes + connection->len, REQUEST_BYTES_MAX - connection->len, 0);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN) {
            close_connection(fd);
        }
        return;
    }
    connection->len += (size_t)n;
    while (take_request(fd, connection)) {
    }
}

static void accept_connection(int poll_fd, int listen_fd)
{
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 || fd >= CONNECTIONS_MAX) {
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    connections[fd] = calloc(1, sizeof(struct connection));
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (connections[fd] == NULL || epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        close_connection(fd);
    }
}

static int listen_on(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, SOMAXCONN) != 0) {
        perror("upstream: listen");
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv)
{
    unsigned long port = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    if (port == 0 || port > UINT16_MAX) {
        fprintf(stderr, "usage: upstream PORT\n");
        return 2;
    }
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    int listen_fd = listen_on((uint16_t)port);
    int poll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[EVENTS_MAX] = {{.events = EPOLLIN, .data.fd = listen_fd}};
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, listen_fd, &events[0]) != 0) {
        perror("upstream: epoll");
        return 1;
    }
    for (;;) {
        int count = epoll_wait(poll_fd, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listen_fd) {
                accept_connection(poll_fd, listen_fd);
            } else {
                read_connection(events[i].data.fd);
            }
        }
    }
}
