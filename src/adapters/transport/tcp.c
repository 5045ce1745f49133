#include "adapters/transport/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

enum status tcp_address_parse(struct slice text, uint16_t port, struct sockaddr_storage *out)
{
    char name[TCP_ADDRESS_TEXT_BYTES];
    if (text.len == 0 || text.len >= sizeof(name) || slice_find_byte(text, 0) < text.len) {
        return STATUS_INVALID;
    }
    memcpy(name, text.ptr, text.len);
    name[text.len] = 0;
    *out = (struct sockaddr_storage){0};
    struct sockaddr_in *four = (struct sockaddr_in *)out;
    if (inet_pton(AF_INET, name, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        return STATUS_OK;
    }
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
    if (inet_pton(AF_INET6, name, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(port);
        return STATUS_OK;
    }
    return STATUS_INVALID;
}

static int bind_socket(int fd, const struct sockaddr_storage *address, bool shares)
{
    int on = 1;
    socklen_t len = address->ss_family == AF_INET ? (socklen_t)sizeof(struct sockaddr_in)
                                                  : (socklen_t)sizeof(struct sockaddr_in6);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        (shares && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0)) {
        return -1;
    }
    return bind(fd, (const struct sockaddr *)address, len);
}

static enum status bind_new(struct slice address, uint16_t port, bool shares, int *fd,
                            struct diag *diag)
{
    struct sockaddr_storage storage;
    if (tcp_address_parse(address, port, &storage) != STATUS_OK) {
        return diag_fail(diag, STATUS_INVALID, "listen.address",
                         "listen address is no numeric IPv4 or IPv6 address");
    }
    *fd = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0 || bind_socket(*fd, &storage, shares) != 0) {
        int error = errno;
        if (*fd >= 0) {
            (void)close(*fd);
            *fd = -1;
        }
        return diag_fail(diag, STATUS_UNAVAILABLE, "listen.bind",
                         "cannot listen on '%.*s' port %u: %s; %s", SLICE_ARG(address),
                         (unsigned)port, uv_strerror(uv_translate_sys_error(error)),
                         error == EADDRINUSE
                             ? "stop the program that does ('ss -ltnp' shows it) or take another "
                               "port"
                             : "listen on an address of this machine, on a port you may use");
    }
    return STATUS_OK;
}

enum status tcp_check_free(struct slice address, uint16_t port, struct diag *diag)
{
    int fd = -1;
    TRY(bind_new(address, port, false, &fd, diag));
    (void)close(fd);
    return STATUS_OK;
}

enum status tcp_listen_fd(struct slice address, uint16_t port, int *fd, struct diag *diag)
{
    return bind_new(address, port, true, fd, diag);
}

uint16_t tcp_local_port(int fd)
{
    struct sockaddr_storage storage = {0};
    socklen_t len = sizeof(storage);
    if (getsockname(fd, (struct sockaddr *)&storage, &len) != 0) {
        return 0;
    }
    if (storage.ss_family == AF_INET) {
        return ntohs(((struct sockaddr_in *)&storage)->sin_port);
    }
    return storage.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&storage)->sin6_port) : 0;
}

struct slice tcp_peer_text(int fd, char text[TCP_ADDRESS_TEXT_BYTES])
{
    struct sockaddr_storage storage = {0};
    socklen_t len = sizeof(storage);
    text[0] = 0;
    if (getpeername(fd, (struct sockaddr *)&storage, &len) != 0) {
        return SLICE_EMPTY;
    }
    const void *source = storage.ss_family == AF_INET
                             ? (const void *)&((struct sockaddr_in *)&storage)->sin_addr
                             : (const void *)&((struct sockaddr_in6 *)&storage)->sin6_addr;
    if (inet_ntop(storage.ss_family, source, text, TCP_ADDRESS_TEXT_BYTES) == NULL) {
        return SLICE_EMPTY;
    }
    return slice_view_cstr(text);
}
