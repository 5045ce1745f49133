#include "support/faulty_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* With the mutex held, as all that follows: does the next operation fail? */
static bool is_failing(struct faulty_files *self)
{
    bool fails = self->is_dead || self->operations++ == self->fails_at;
    errno = fails ? self->error : errno;
    return fails;
}

static bool take_failure(struct faulty_files *self, size_t *before)
{
    if (is_failing(self)) {
        return true;
    }
    bool fails = *before == 0;
    if (*before != SIZE_MAX && !fails) {
        (*before)--;
    } else if (fails) {
        *before = SIZE_MAX; /* once */
        errno = self->error;
    }
    return fails;
}

static size_t read_all(int fd, uint8_t *bytes)
{
    ssize_t len = pread(fd, bytes, FILE_BYTES_MAX, 0);
    CHECK(len >= 0 && len < FILE_BYTES_MAX);
    return (size_t)len;
}

static int faulty_create(void *context, int directory_fd, const char *name, bool is_direct)
{
    struct faulty_files *self = context;
    pthread_mutex_lock(&self->mutex);
    int fd =
        is_failing(self) ? -1 : journal_files_system.create(NULL, directory_fd, name, is_direct);
    if (fd >= 0) {
        CHECK(fd < FILES_MAX && self->open[fd] == NULL);
        self->open[fd] = calloc(1, sizeof(*self->open[fd]));
        CHECK(self->open[fd] != NULL);
        self->open[fd]->fd = openat(directory_fd, name, O_RDWR | O_CLOEXEC);
        CHECK(self->open[fd]->fd >= 0);
    }
    pthread_mutex_unlock(&self->mutex);
    return fd;
}

static ssize_t faulty_pwrite(void *context, int fd, const void *bytes, size_t count, off_t offset)
{
    struct faulty_files *self = context;
    pthread_mutex_lock(&self->mutex);
    ssize_t put = -1;
    if (!take_failure(self, &self->writes_before_failure)) {
        put = journal_files_system.pwrite(NULL, fd, bytes, count, offset);
    } else if (self->is_short) {
        (void)!pwrite(self->open[fd]->fd, bytes, count / 2, offset);
        errno = self->error;
    }
    pthread_mutex_unlock(&self->mutex);
    return put;
}

static int faulty_ftruncate(void *context, int fd, off_t size)
{
    struct faulty_files *self = context;
    pthread_mutex_lock(&self->mutex);
    int result = is_failing(self) ? -1 : journal_files_system.ftruncate(NULL, fd, size);
    pthread_mutex_unlock(&self->mutex);
    return result;
}

static int faulty_fdatasync(void *context, int fd)
{
    struct faulty_files *self = context;
    pthread_mutex_lock(&self->hang);
    pthread_mutex_unlock(&self->hang);
    pthread_mutex_lock(&self->mutex);
    bool fails = take_failure(self, &self->syncs_before_failure);
    if (!fails) {
        self->open[fd]->kept_bytes = read_all(self->open[fd]->fd, self->open[fd]->kept);
    }
    pthread_mutex_unlock(&self->mutex);
    return fails ? -1 : 0;
}

/* Each sector is what it was at the last sync, or what it is. So is the size, which matters only
 * where it cuts off what was kept. */
static void lose_unsynced(const struct faulty_files *self, const struct faulty_file *file)
{
    static uint8_t bytes[FILE_BYTES_MAX];
    size_t size = read_all(file->fd, bytes);
    memset(bytes + size, 0, FILE_BYTES_MAX - size);
    for (size_t at = 0; at < size || at < file->kept_bytes; at += SECTOR_BYTES) {
        if (!self->loses_sectors || check_random() % 2 == 0) {
            memcpy(bytes + at, file->kept + at, SECTOR_BYTES);
        }
    }
    size_t left = self->loses_sectors && size > file->kept_bytes ? size : file->kept_bytes;
    CHECK(pwrite(file->fd, bytes, left, 0) == (ssize_t)left);
    CHECK(ftruncate(file->fd, (off_t)left) == 0);
}

static void faulty_close(void *context, int fd)
{
    struct faulty_files *self = context;
    pthread_mutex_lock(&self->mutex);
    journal_files_system.close(NULL, fd);
    lose_unsynced(self, self->open[fd]);
    close(self->open[fd]->fd);
    free(self->open[fd]);
    self->open[fd] = NULL;
    pthread_mutex_unlock(&self->mutex);
}

static int faulty_rename(void *context, int directory_fd, const char *from, const char *to)
{
    struct faulty_files *self = context;
    pthread_mutex_lock(&self->mutex);
    int result = is_failing(self) ? -1 : journal_files_system.rename(NULL, directory_fd, from, to);
    pthread_mutex_unlock(&self->mutex);
    return result;
}

static int faulty_sync_directory(void *context, int directory_fd)
{
    struct faulty_files *self = context;
    (void)directory_fd;
    pthread_mutex_lock(&self->mutex);
    bool fails = is_failing(self);
    pthread_mutex_unlock(&self->mutex);
    return fails ? -1 : 0;
}

void faulty_init(struct faulty_files *self)
{
    *self = (struct faulty_files){
        .files = {self, faulty_create, faulty_pwrite, faulty_ftruncate, faulty_fdatasync,
                  faulty_rename, faulty_sync_directory, faulty_close},
        .fails_at = SIZE_MAX,
        .writes_before_failure = SIZE_MAX,
        .syncs_before_failure = SIZE_MAX,
        .error = EIO,
    };
    pthread_mutex_init(&self->mutex, NULL);
    pthread_mutex_init(&self->hang, NULL);
}

void faulty_release(struct faulty_files *self)
{
    pthread_mutex_destroy(&self->mutex);
    pthread_mutex_destroy(&self->hang);
}
