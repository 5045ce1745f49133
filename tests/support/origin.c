#include "support/origin.h"

#include "support/check.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A head, and as many bytes behind it as it announces; or the begin of TLS, which gets an answer
 * without. */
static bool is_whole(const char *text)
{
    if (text[0] == 0x16) {
        return true;
    }
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strstr(text, "Content-Length: ");
    size_t body = length == NULL ? 0 : (size_t)strtoul(length + 16, NULL, 10);
    return end != NULL && strlen(end + 4) >= body;
}

static void serve_connection(struct origin *origin, int fd)
{
    size_t len = 0;
    ssize_t got = 1;
    memset(origin->request, 0, sizeof(origin->request));
    while (got > 0 && !is_whole(origin->request)) {
        got = recv(fd, origin->request + len, sizeof(origin->request) - 1 - len, 0);
        len += got > 0 ? (size_t)got : 0;
    }
    const char *answer = origin->answer;
    origin->request_count++;
    if (answer != NULL && got > 0) {
        (void)!send(fd, answer, strlen(answer), MSG_NOSIGNAL);
    } else {
        char rest[64];
        while (recv(fd, rest, sizeof(rest), 0) > 0) {
        }
    }
    (void)close(fd);
}

static void *serve(void *argument)
{
    struct origin *origin = argument;
    for (;;) {
        int fd = accept(origin->listener, NULL, NULL);
        if (fd < 0) {
            return NULL;
        }
        serve_connection(origin, fd);
    }
}

void origin_start(struct origin *origin, const char *answer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    memset(origin, 0, sizeof(*origin));
    origin->listener = socket(AF_INET, SOCK_STREAM, 0);
    origin->answer = answer;
    CHECK(bind(origin->listener, (struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(listen(origin->listener, 64) == 0);
    CHECK(getsockname(origin->listener, (struct sockaddr *)&address, &len) == 0);
    origin->port = ntohs(address.sin_port);
    CHECK(pthread_create(&origin->thread, NULL, serve, origin) == 0);
}

void origin_stop(struct origin *origin)
{
    (void)shutdown(origin->listener, SHUT_RDWR);
    (void)pthread_join(origin->thread, NULL);
    (void)close(origin->listener);
}
