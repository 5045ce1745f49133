#include "adapters/journal/ahead_file.h"

#include "base/arena.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define BLOCK_BYTES JOURNAL_BLOCK_BYTES
#define STAGE_BYTES (256U << 10) /* in one call */
#define AHEAD_BYTES_MIN (64U << 10)
#define AHEAD_BYTES_MAX (256U << 10) /* in one call, too */

static uint64_t round_up(uint64_t bytes)
{
    return (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
}

enum status ahead_file_init(struct ahead_file *file, const struct journal_files *files,
                            bool is_direct)
{
    *file = (struct ahead_file){.files = files, .is_direct = is_direct, .fd = -1};
    /* Zeros that nobody has touched take no memory. */
    file->memory = base_alloc_zero(BLOCK_BYTES + STAGE_BYTES + AHEAD_BYTES_MAX);
    if (file->memory == NULL) {
        return STATUS_LIMIT;
    }
    file->stage = file->memory + (round_up((uintptr_t)file->memory) - (uintptr_t)file->memory);
    file->zeros = file->stage + STAGE_BYTES;
    return STATUS_OK;
}

void ahead_file_release(struct ahead_file *file)
{
    ahead_file_close(file);
    base_free(file->memory);
    file->memory = NULL;
}

bool ahead_file_is_open(const struct ahead_file *file)
{
    return file->fd >= 0;
}

enum status ahead_file_create(struct ahead_file *file, int directory_fd, const char *name)
{
    assert(!ahead_file_is_open(file));
    file->end = file->zeroed = 0;
    file->has_room = true;
    file->fd = file->files->create(file->files->context, directory_fd, name, file->is_direct);
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
    while (bytes.len > 0) {
        size_t held = (size_t)(file->end % BLOCK_BYTES), room = STAGE_BYTES - held;
        size_t len = bytes.len < room ? bytes.len : room, used = held + len;
        size_t whole = used / BLOCK_BYTES * BLOCK_BYTES, padded = (size_t)round_up(used);
        memcpy(file->stage + held, bytes.ptr, len);
        memset(file->stage + used, 0, padded - used);
        TRY(write_at(file, slice_of(file->stage, padded), file->end - held));
        memmove(file->stage, file->stage + whole, used - whole);
        file->end += len;
        file->zeroed = file->end > file->zeroed ? round_up(file->end) : file->zeroed;
        bytes = slice_sub(bytes, len, bytes.len);
    }
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
    uint64_t wanted = file->zeroed + round_up(ahead_bytes(file)), end = round_up(bytes_max);
    uint64_t to = wanted < end ? wanted : end;
    if (!file->has_room || file->zeroed >= to) {
        return;
    }
    struct slice zeros = slice_of(file->zeros, (size_t)(to - file->zeroed));
    file->has_room = write_at(file, zeros, file->zeroed) == STATUS_OK;
    file->zeroed = file->has_room ? to : file->zeroed;
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
