#include "support/origin.h"

#include "support/check.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool origin_is_whole(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strstr(text, "Content-Length: ");
    size_t body = length == NULL ? 0 : (size_t)strtoul(length + 16, NULL, 10);
    return end != NULL && strlen(end + 4) >= body;
}

static void converse_in_the_clear(struct origin *origin, int fd)
{
    size_t len = 0;
    ssize_t got = 1;
    memset(origin->request, 0, sizeof(origin->request));
    /* The begin of TLS gets an answer in the clear. */
    while (got > 0 && !origin_is_whole(origin->request) && origin->request[0] != 0x16) {
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
}

static void *serve(void *argument)
{
    struct origin *origin = argument;
    for (;;) {
        int fd = accept(origin->listener, NULL, NULL);
        if (fd < 0) {
            return NULL;
        }
        origin->converse(origin, fd);
        (void)close(fd);
    }
}

void origin_start(struct origin *origin, const char *answer)
{
    origin_start_with(origin, converse_in_the_clear, answer);
}

void origin_start_with(struct origin *origin, void (*converse)(struct origin *origin, int fd),
                       const char *answer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    memset(origin, 0, sizeof(*origin));
    origin->listener = socket(AF_INET, SOCK_STREAM, 0);
    origin->converse = converse;
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
