#include "adapters/process/channel.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Aligned as a control message wants it. */
union control {
    struct cmsghdr header;
    uint8_t bytes[CMSG_SPACE(CHANNEL_DESCRIPTORS_MAX * sizeof(int))];
};

enum status channel_pair(int ends[2])
{
    int type = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
    return socketpair(AF_UNIX, type, 0, ends) == 0 ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status channel_send(int channel, struct slice message, const int *descriptors,
                         size_t descriptor_count)
{
    union control control = {0};
    struct iovec part = {(void *)(uintptr_t)message.ptr, message.len};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    size_t bytes = descriptor_count * sizeof(int);
    assert(descriptor_count <= CHANNEL_DESCRIPTORS_MAX);
    if (descriptor_count > 0) {
        header.msg_control = control.bytes;
        header.msg_controllen = CMSG_SPACE(bytes);
        struct cmsghdr *first = CMSG_FIRSTHDR(&header);
        *first = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(bytes), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(first), descriptors, bytes);
    }
    ssize_t sent = 0;
    do {
        sent = sendmsg(channel, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        return STATUS_LIMIT;
    }
    return sent == (ssize_t)message.len ? STATUS_OK : STATUS_UNAVAILABLE;
}

static void take_descriptors(struct msghdr *header, struct channel_received *out)
{
    for (struct cmsghdr *item = CMSG_FIRSTHDR(header); item != NULL;
         item = CMSG_NXTHDR(header, item)) {
        if (item->cmsg_level == SOL_SOCKET && item->cmsg_type == SCM_RIGHTS) {
            size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            assert(out->descriptor_count + count <= CHANNEL_DESCRIPTORS_MAX);
            memcpy(&out->descriptors[out->descriptor_count], CMSG_DATA(item), count * sizeof(int));
            out->descriptor_count += count;
        }
    }
}

enum status channel_receive(int channel, void *message, size_t size, struct channel_received *out)
{
    union control control = {0};
    struct iovec part = {message, size};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof(control.bytes)};
    ssize_t len = 0;
    *out = (struct channel_received){0};
    do {
        len = recvmsg(channel, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    } while (len < 0 && errno == EINTR);
    if (len <= 0) {
        bool is_empty = len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        return is_empty ? STATUS_NOT_FOUND : STATUS_UNAVAILABLE;
    }
    take_descriptors(&header, out);
    if ((size_t)len != size || (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        channel_close_received(out);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

void channel_close_received(struct channel_received *received)
{
    for (size_t i = 0; i < received->descriptor_count; i++) {
        (void)close(received->descriptors[i]);
    }
    received->descriptor_count = 0;
}
