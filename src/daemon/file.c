#include "daemon/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum status file_read(struct slice path, struct buf *out)
{
    int fd = open((const char *)path.ptr, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return STATUS_NOT_FOUND;
    }
    enum status status = STATUS_OK;
    for (;;) {
        uint8_t bytes[4096];
        ssize_t len = read(fd, bytes, sizeof(bytes));
        if (len < 0 && errno == EINTR) {
            continue;
        }
        if (len <= 0) {
            status = len == 0 ? buf_status(out) : STATUS_IO;
            break;
        }
        buf_append(out, slice_of(bytes, (size_t)len));
    }
    (void)close(fd);
    return status;
}
