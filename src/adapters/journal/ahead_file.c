#include "adapters/journal/ahead_file.h"

#include <assert.h>
#include <errno.h>

#define ZEROS_BYTES 32768 /* in one call */
#define AHEAD_BYTES_MIN (64U << 10)
#define AHEAD_BYTES_MAX (1U << 20)

void ahead_file_init(struct ahead_file *file, const struct journal_files *files)
{
    *file = (struct ahead_file){.files = files, .fd = -1};
}

bool ahead_file_is_open(const struct ahead_file *file)
{
    return file->fd >= 0;
}

enum status ahead_file_create(struct ahead_file *file, int directory_fd, const char *name)
{
    assert(!ahead_file_is_open(file));
    const struct journal_files *files = file->files;
    *file = (struct ahead_file){.files = files, .has_room = true};
    file->fd = files->create(files->context, directory_fd, name);
    return ahead_file_is_open(file) ? STATUS_OK : STATUS_UNAVAILABLE;
}

static enum status write_at(struct ahead_file *file, struct slice bytes, uint64_t offset)
{
    const struct journal_files *files = file->files;
    while (bytes.len > 0) {
        ssize_t put = files->pwrite(files->context, file->fd, bytes.ptr, bytes.len, (off_t)offset);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return STATUS_UNAVAILABLE;
        }
        bytes = slice_sub(bytes, (size_t)put, bytes.len);
        offset += (uint64_t)put;
    }
    return STATUS_OK;
}

enum status ahead_file_append(struct ahead_file *file, struct slice bytes)
{
    TRY(write_at(file, bytes, file->end));
    file->end += bytes.len;
    file->zeroed = file->end > file->zeroed ? file->end : file->zeroed;
    return STATUS_OK;
}

enum status ahead_file_sync(struct ahead_file *file)
{
    return file->files->fdatasync(file->files->context, file->fd) == 0 ? STATUS_OK
                                                                       : STATUS_UNAVAILABLE;
}

/* As much as there is already: a short file stays short. */
static uint64_t ahead_bytes(const struct ahead_file *file)
{
    return file->end < AHEAD_BYTES_MIN   ? AHEAD_BYTES_MIN
           : file->end > AHEAD_BYTES_MAX ? AHEAD_BYTES_MAX
                                         : file->end;
}

bool ahead_file_is_short(const struct ahead_file *file, uint64_t bytes_max)
{
    return ahead_file_is_open(file) && file->has_room && file->zeroed < bytes_max &&
           file->zeroed - file->end < ahead_bytes(file) / 2;
}

void ahead_file_prepare(struct ahead_file *file, uint64_t bytes_max)
{
    static const uint8_t zeros[ZEROS_BYTES];
    uint64_t wanted = file->zeroed + ahead_bytes(file);
    uint64_t to = wanted < bytes_max ? wanted : bytes_max;
    while (file->has_room && file->zeroed < to) {
        uint64_t left = to - file->zeroed;
        struct slice some = slice_of(zeros, left < ZEROS_BYTES ? (size_t)left : ZEROS_BYTES);
        file->has_room = write_at(file, some, file->zeroed) == STATUS_OK;
        file->zeroed += file->has_room ? some.len : 0;
    }
}

void ahead_file_finish(struct ahead_file *file)
{
    /* Whether it works or not: what is behind the end is zeros at worst. */
    if (ahead_file_is_open(file)) {
        (void)file->files->ftruncate(file->files->context, file->fd, (off_t)file->end);
    }
    ahead_file_close(file);
}

void ahead_file_close(struct ahead_file *file)
{
    if (ahead_file_is_open(file)) {
        file->files->close(file->files->context, file->fd);
        file->fd = -1;
    }
}
