#include "adapters/journal/journal_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int system_create(void *context, int directory_fd, const char *name)
{
    (void)context;
    (void)unlinkat(directory_fd, name, 0);
    return openat(directory_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static ssize_t system_pwrite(void *context, int fd, const void *bytes, size_t count, off_t offset)
{
    (void)context;
    return pwrite(fd, bytes, count, offset);
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
