#include "adapters/transport/output.h"

#include <assert.h>
#include <string.h>

#define KEPT_BYTES 4096 /* a larger queue buffer is given back once it is empty */

void output_init(struct output *output, uv_stream_t *stream, size_t bytes_max,
                 struct account *account)
{
    *output = (struct output){.stream = stream};
    output->write.data = output;
    buf_init(&output->waiting, bytes_max, account);
    buf_init(&output->sending, bytes_max, account);
}

/* Requests hold credentials, answers hold other people's data: neither stays in freed memory. */
static void wipe(struct buf *buf)
{
    if (buf->len > 0) {
        explicit_bzero(buf->ptr, buf->len);
    }
    buf_reuse(buf, KEPT_BYTES);
}

void output_release(struct output *output)
{
    wipe(&output->waiting);
    wipe(&output->sending);
    buf_release(&output->waiting);
    buf_release(&output->sending);
}

static void send_waiting(struct output *output);

static void on_written(uv_write_t *write, int result)
{
    struct output *output = write->data;
    output->is_writing = false;
    output->is_failed = output->is_failed || result != 0;
    wipe(&output->sending);
    if (!output->is_failed) {
        send_waiting(output);
    }
    if (output->on_progress != NULL && !uv_is_closing((uv_handle_t *)output->stream)) {
        output->on_progress(output);
    }
}

static void send_waiting(struct output *output)
{
    if (output->is_writing || output->waiting.len == 0) {
        return;
    }
    struct buf empty = output->sending;
    output->sending = output->waiting;
    output->waiting = empty;
    uv_buf_t piece = {.base = (char *)output->sending.ptr, .len = output->sending.len};
    if (uv_write(&output->write, output->stream, &piece, 1, on_written) != 0) {
        output->is_failed = true;
        return;
    }
    output->is_writing = true;
}

/* How much the system takes right now. */
static size_t try_write(struct output *output, const struct slice *parts, size_t count)
{
    if (output->is_writing || output->waiting.len > 0) {
        return 0;
    }
    uv_buf_t pieces[OUTPUT_PARTS_MAX];
    for (size_t i = 0; i < count; i++) {
        pieces[i] = (uv_buf_t){.base = (char *)(uintptr_t)parts[i].ptr, .len = parts[i].len};
    }
    int result = uv_try_write(output->stream, pieces, (unsigned)count);
    if (result < 0 && result != UV_EAGAIN) {
        output->is_failed = true;
    }
    return result > 0 ? (size_t)result : 0;
}

enum status output_write(struct output *output, const struct slice *parts, size_t count)
{
    assert(count > 0 && count <= OUTPUT_PARTS_MAX);
    if (output->is_failed) {
        return STATUS_IO;
    }
    size_t taken = try_write(output, parts, count);
    for (size_t i = 0; i < count; i++) {
        output->bytes_accepted += parts[i].len;
        size_t done = taken < parts[i].len ? taken : parts[i].len;
        taken -= done;
        buf_append(&output->waiting, slice_sub(parts[i], done, parts[i].len));
    }
    if (buf_status(&output->waiting) != STATUS_OK) {
        output->is_failed = true;
        return STATUS_LIMIT;
    }
    if (!output->is_failed) {
        send_waiting(output);
    }
    return output->is_failed ? STATUS_IO : STATUS_OK;
}

size_t output_pending(const struct output *output)
{
    size_t with_system = output->is_writing ? uv_stream_get_write_queue_size(output->stream) : 0;
    return output->waiting.len + with_system;
}
