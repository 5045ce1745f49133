#include "adapters/process/batch.h"

#include "adapters/process/spawn.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { INPUT = 0, OUTPUT, ERRORS };

/* A program that keeps the processor busy all the time is still stopped by the clock. */
#define PROCESSOR_GRACE_S 2
#define READ_BYTES 65536

/* -- files in memory ------------------------------------------------------------------------- */

static enum status write_all(int file, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t len = write(file, bytes.ptr, bytes.len);
        if (len < 0 && errno == EINTR) {
            continue;
        }
        if (len <= 0) {
            return STATUS_IO;
        }
        bytes = slice_sub(bytes, (size_t)len, bytes.len);
    }
    return STATUS_OK;
}

static enum status open_files(struct slice input, int files[PROCESS_STREAMS])
{
    for (int i = 0; i < PROCESS_STREAMS; i++) {
        files[i] = memfd_create("batch", MFD_CLOEXEC);
        if (files[i] < 0) {
            return STATUS_IO;
        }
    }
    TRY(write_all(files[INPUT], input));
    return lseek(files[INPUT], 0, SEEK_SET) == 0 ? STATUS_OK : STATUS_IO;
}

static enum status read_file(int file, size_t bytes_max, struct buf *out)
{
    off_t size = lseek(file, 0, SEEK_END);
    size_t left = size < 0 || (size_t)size > bytes_max ? bytes_max : (size_t)size;
    for (off_t at = 0; left > 0;) {
        size_t want = left < READ_BYTES ? left : READ_BYTES;
        uint8_t *room = buf_reserve(out, want);
        if (room == NULL) {
            return STATUS_LIMIT;
        }
        ssize_t len = pread(file, room, want, at);
        if (len <= 0) {
            return STATUS_IO;
        }
        buf_commit(out, (size_t)len);
        at += len;
        left -= (size_t)len;
    }
    return STATUS_OK;
}

/* -- the program ----------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* True when it ended by itself. */
static bool wait_for(const struct spawned *spawned, uint32_t time_ms_max)
{
    struct pollfd poll_for = {.fd = spawned->pidfd, .events = POLLIN};
    int64_t end_ms = now_ms() + time_ms_max;
    int64_t left_ms = time_ms_max;
    while (left_ms > 0) {
        int count = poll(&poll_for, 1, left_ms < INT32_MAX ? (int)left_ms : INT32_MAX);
        if (count > 0) {
            return true;
        }
        left_ms = end_ms - now_ms();
    }
    return false;
}

enum status batch_run(const struct batch *batch, struct buf *output, struct buf *errors,
                      struct batch_end *out, struct diag *diag)
{
    static const char *const NO_ENVIRONMENT[] = {NULL};
    const struct program_limits limits = {.memory_bytes = batch->memory_bytes_max,
                                          .file_bytes = batch->output_bytes_max,
                                          .processor_s =
                                              batch->time_ms_max / 1000 + PROCESSOR_GRACE_S};
    const struct program program = {
        .argv = batch->argv, .environment = NO_ENVIRONMENT, .limits = &limits};
    int files[PROCESS_STREAMS] = {-1, -1, -1};
    struct spawned spawned;
    assert(batch->time_ms_max > 0);
    *out = (struct batch_end){0};
    enum status status = open_files(batch->input, files);
    if (status == STATUS_OK) {
        out->process.error = spawn_start(&program, files, PROCESS_STREAMS, &spawned);
    }
    if (status == STATUS_OK && out->process.error == 0) {
        out->is_late = !wait_for(&spawned, batch->time_ms_max);
        spawn_reap(&spawned, &out->process);
        status = read_file(files[OUTPUT], batch->output_bytes_max, output);
        if (status == STATUS_OK && errors != NULL) {
            status = read_file(files[ERRORS], batch->output_bytes_max, errors);
        }
    }
    spawn_close_streams(files);
    return status == STATUS_IO ? diag_fail(diag, status, "process.batch",
                                           "no file for the program '%s'", batch->argv[0])
                               : status;
}
