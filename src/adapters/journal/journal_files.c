#include "adapters/journal/journal_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define CREATE_FLAGS (O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC)

static int system_create(void *context, int directory_fd, const char *name, bool is_direct)
{
    (void)context;
    (void)unlinkat(directory_fd, name, 0);
    int fd = openat(directory_fd, name, CREATE_FLAGS | (is_direct ? O_DIRECT : 0), 0600);
    /* The file system cannot: the file may be there all the same. */
    if (fd < 0 && is_direct && errno == EINVAL) {
        (void)unlinkat(directory_fd, name, 0);
        fd = openat(directory_fd, name, CREATE_FLAGS, 0600);
    }
    return fd;
}

/* A file system may let a file be opened and refuse what is written: then it goes through the
 * cache. */
static bool stop_direct(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_DIRECT) != 0 && fcntl(fd, F_SETFL, flags & ~O_DIRECT) == 0;
}

static ssize_t system_pwrite(void *context, int fd, const void *bytes, size_t count, off_t offset)
{
    (void)context;
    ssize_t put = pwrite(fd, bytes, count, offset);
    return put < 0 && errno == EINVAL && stop_direct(fd) ? pwrite(fd, bytes, count, offset) : put;
}

static int system_ftruncate(void *context, int fd, off_t size)
{
    (void)context;
    return ftruncate(fd, size);
}

static int system_fdatasync(void *context, int fd)
{
    (void)context;
    return fdatasync(fd);
}

static int system_rename(void *context, int directory_fd, const char *from, const char *to)
{
    (void)context;
    return renameat(directory_fd, from, directory_fd, to);
}

static int system_sync_directory(void *context, int directory_fd)
{
    (void)context;
    return fsync(directory_fd);
}

static void system_close(void *context, int fd)
{
    (void)context;
    (void)close(fd);
}

const struct journal_files journal_files_system = {
    .create = system_create,
    .pwrite = system_pwrite,
    .ftruncate = system_ftruncate,
    .fdatasync = system_fdatasync,
    .rename = system_rename,
    .sync_directory = system_sync_directory,
    .close = system_close,
};
