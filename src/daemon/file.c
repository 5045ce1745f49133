#include "daemon/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* FNV-1a, 64 bits, a word at a time. */
#define STAMP_BASIS 0xCBF29CE484222325U
#define STAMP_PRIME 0x100000001B3U

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

/* Whoever writes a file changes one of these, unless he takes pains not to. */
enum status file_stamp(struct slice path, uint64_t *out)
{
    struct stat status;
    if (stat((const char *)path.ptr, &status) != 0) {
        return STATUS_NOT_FOUND;
    }
    const uint64_t parts[] = {(uint64_t)status.st_dev,          (uint64_t)status.st_ino,
                              (uint64_t)status.st_size,         (uint64_t)status.st_mtim.tv_sec,
                              (uint64_t)status.st_mtim.tv_nsec, (uint64_t)status.st_ctim.tv_sec,
                              (uint64_t)status.st_ctim.tv_nsec};
    uint64_t stamp = STAMP_BASIS;
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        stamp = (stamp ^ parts[i]) * STAMP_PRIME;
        stamp ^= stamp >> 29;
    }
    *out = stamp | 1;
    return STATUS_OK;
}

static bool write_all(int fd, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t written = write(fd, bytes.ptr, bytes.len);
        if (written <= 0 && errno != EINTR) {
            return false;
        }
        bytes = slice_sub(bytes, written > 0 ? (size_t)written : 0, bytes.len);
    }
    return true;
}

enum status file_unnamed(struct slice bytes, int *out, struct diag *diag)
{
    const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    int fd = memfd_create("aegis", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || fchmod(fd, 0400) != 0 || !write_all(fd, bytes) || lseek(fd, 0, SEEK_SET) != 0 ||
        fcntl(fd, F_ADD_SEALS, seals) != 0) {
        int error = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        return diag_fail(diag, STATUS_UNAVAILABLE, "file.unnamed", "cannot make a file: %s",
                         strerror(error));
    }
    *out = fd;
    return STATUS_OK;
}

enum status file_read_unnamed(int fd, struct buf *out)
{
    for (;;) {
        uint8_t bytes[4096];
        ssize_t len = pread(fd, bytes, sizeof(bytes), (off_t)out->len);
        if (len > 0) {
            buf_append(out, slice_of(bytes, (size_t)len));
        } else if (len == 0 || errno != EINTR) {
            explicit_bzero(bytes, sizeof(bytes));
            return len == 0 ? buf_status(out) : STATUS_IO;
        }
        if (buf_status(out) != STATUS_OK) {
            return STATUS_LIMIT;
        }
    }
}
