#include "daemon/upstream_check.h"

#include "base/arena.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_MS 2000
#define HOST_BYTES 256
#define PORT_BYTES 8

/* Copied from the configuration, which the thread may outlive. */
struct target {
    struct target *next;
    char name[64];
    char host[HOST_BYTES];
    char port[PORT_BYTES];
};

/* NULL when the address takes connections, or the reason. */
static const char *try_address(const struct addrinfo *address)
{
    int type = address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK;
    int fd = socket(address->ai_family, type, address->ai_protocol);
    int error = fd < 0 ? errno : 0;
    if (error == 0 && connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
        error = errno;
    }
    if (error == EINPROGRESS) {
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        socklen_t len = sizeof(error);
        error = poll(&wait, 1, CONNECT_MS) == 1 ? 0 : ETIMEDOUT;
        if (error == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
            error = errno;
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return error == 0 ? NULL : strerrordesc_np(error);
}

static const char *try_target(const struct target *target)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int result = getaddrinfo(target->host, target->port, &hints, &found);
    if (result != 0) {
        return gai_strerror(result);
    }
    const char *reason = "it has no address";
    for (const struct addrinfo *at = found; at != NULL && reason != NULL; at = at->ai_next) {
        reason = try_address(at);
    }
    freeaddrinfo(found);
    return reason;
}

static void *run(void *argument)
{
    struct target *target = argument;
    while (target != NULL) {
        struct target *next = target->next;
        const char *reason = try_target(target);
        if (reason != NULL) {
            fprintf(stderr,
                    "aegis: server '%s' cannot be reached at %s port %s: %s; its calls fail until "
                    "it can: start it, or correct 'url'; the other servers are served\n",
                    target->name, target->host, target->port, reason);
        }
        base_free(target);
        target = next;
    }
    return NULL;
}

static struct target *copy_target(const struct config_server *server, struct target *next)
{
    struct target *target = base_alloc(sizeof(*target));
    if (target == NULL) {
        return next;
    }
    *target = (struct target){.next = next};
    (void)snprintf(target->name, sizeof(target->name), "%.*s", SLICE_ARG(server->name));
    (void)snprintf(target->host, sizeof(target->host), "%.*s", SLICE_ARG(server->url.host));
    (void)snprintf(target->port, sizeof(target->port), "%u", (unsigned)server->url.port);
    return target;
}

void upstream_check_start(const struct config *config)
{
    struct target *targets = NULL;
    pthread_t thread;
    for (size_t i = config->server_count; i-- > 0;) {
        if (config->servers[i].command.count == 0) {
            targets = copy_target(&config->servers[i], targets);
        }
    }
    if (targets != NULL && pthread_create(&thread, NULL, run, targets) == 0) {
        (void)pthread_detach(thread);
    }
}
