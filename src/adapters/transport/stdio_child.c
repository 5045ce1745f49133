#include "adapters/transport/stdio_child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define OUTPUT_BYTES_MAX ((size_t)128 << 20) /* against runaways; queue_bytes_max is looked at */

static struct stdio_child *child_of_timer(struct timer *timer)
{
    return (struct stdio_child *)((char *)timer - offsetof(struct stdio_child, timer));
}

static struct stdio_child *child_of_process(struct process *process)
{
    return (struct stdio_child *)((char *)process - offsetof(struct stdio_child, process));
}

static void on_step(struct timer *timer);
static void on_end(struct process *process, const struct process_end *end);

void stdio_child_init(struct stdio_child *child, struct loop *loop, const struct port_process *port,
                      uint32_t server, const struct stdio_upstream_options *options,
                      const struct stdio_child_events *events)
{
    *child = (struct stdio_child){.loop = loop,
                                  .port = port,
                                  .server = server,
                                  .options = options,
                                  .events = events,
                                  .timer = {.fire = on_step},
                                  .process = {.on_end = on_end}};
    lines_init(&child->lines, options->line_bytes_max, &loop->account);
    buf_init(&child->log_line, CHILD_LOG_LINE_BYTES, NULL);
}

void stdio_child_release(struct stdio_child *child)
{
    assert(child->state == CHILD_ABSENT);
    loop_timer_stop(child->loop, &child->timer);
    lines_release(&child->lines);
    buf_release(&child->log_line);
    base_free(child->log_ring);
    child->log_ring = NULL;
}

static void send_signal(struct stdio_child *child, enum process_signal signal)
{
    if (!child->has_exited) {
        child->port->signal(child->port->context, &child->process, signal);
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct stdio_child *child = handle->data;
    if (--child->handle_count == 0) {
        output_release(&child->output);
        lines_release(&child->lines);
        buf_clear(&child->log_line);
        child->state = CHILD_ABSENT;
        child->events->on_gone(child);
    }
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle)) {
        uv_close(handle, on_handle_closed);
    }
}

static void close_input(struct stdio_child *child)
{
    child->is_in_open = false;
    close_handle((uv_handle_t *)&child->in);
}

static void close_handles(struct stdio_child *child)
{
    loop_timer_stop(child->loop, &child->timer);
    child->state = CHILD_CLOSING;
    close_input(child);
    close_handle((uv_handle_t *)&child->out);
    close_handle((uv_handle_t *)&child->err);
}

/* A child that died soon waits twice as long as the last time, within bounds and not in step with
 * others that died for the same reason. */
static void set_backoff(struct stdio_child *child)
{
    const struct stdio_upstream_options *options = child->options;
    int64_t now_ms = loop_now_ms(child->loop);
    bool was_stable = now_ms - child->started_ms >= options->backoff_max_ms;
    int64_t next_ms =
        was_stable || child->backoff_ms == 0 ? options->backoff_min_ms : child->backoff_ms * 2;
    child->backoff_ms = next_ms < options->backoff_max_ms ? next_ms : options->backoff_max_ms;
    int64_t jitter_ms = (int64_t)(uv_hrtime() >> 8) & 0xFF;
    child->not_before_ms = now_ms + child->backoff_ms + child->backoff_ms * jitter_ms / 2048;
}

/* Gone once the process has exited and its last words are read. */
static void go_down_when_over(struct stdio_child *child)
{
    if (child->state != CHILD_CLOSING && child->has_exited && child->has_eof) {
        set_backoff(child);
        close_handles(child);
        child->events->on_down(child);
    }
}

static void on_end(struct process *process, const struct process_end *end)
{
    struct stdio_child *child = child_of_process(process);
    child->has_exited = true;
    child->start_error = end->error;
    if (child->state != CHILD_CLOSING) {
        loop_timer_start(child->loop, &child->timer, child->options->stop_ms);
    }
    go_down_when_over(child);
}

static void on_step(struct timer *timer)
{
    struct stdio_child *child = child_of_timer(timer);
    if (child->has_exited) {
        /* Somebody left the group and still holds the output: nobody waits for him. */
        child->has_eof = true;
        go_down_when_over(child);
    } else if (child->state == CHILD_STOPPING) {
        child->state = CHILD_TERMINATING;
        send_signal(child, PROCESS_TERMINATE);
        loop_timer_start(child->loop, &child->timer, child->options->stop_ms);
    } else {
        stdio_child_kill(child);
    }
}

void stdio_child_stop(struct stdio_child *child)
{
    if (child->state == CHILD_RUNNING) {
        child->state = CHILD_STOPPING;
        close_input(child);
        loop_timer_start(child->loop, &child->timer, child->options->stop_ms);
    }
}

void stdio_child_kill(struct stdio_child *child)
{
    if (child->state != CHILD_ABSENT && child->state != CHILD_CLOSING) {
        child->state = CHILD_KILLED;
        close_input(child);
        send_signal(child, PROCESS_KILL);
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    struct stdio_child *child = handle->data;
    *out = (uv_buf_t){.base = (char *)child->loop->read_buffer, .len = LOOP_READ_BYTES};
}

static bool is_listening(const struct stdio_child *child)
{
    return child->state != CHILD_KILLED && child->state != CHILD_CLOSING;
}

static void take_output(struct stdio_child *child, struct slice input)
{
    struct slice line;
    while (is_listening(child)) {
        enum lines_result result = lines_next(&child->lines, &input, &line);
        switch (result) {
        case LINES_NEED_MORE:
            return;
        case LINES_LINE:
            child->events->on_line(child, line);
            break;
        case LINES_OVERFLOW:
        case LINES_ENDLESS:
            if (!child->events->on_overflow(child, result == LINES_ENDLESS)) {
                return;
            }
            break;
        }
    }
}

static void on_out(uv_stream_t *stream, ssize_t len, const uv_buf_t *buffer)
{
    struct stdio_child *child = stream->data;
    if (len > 0) {
        take_output(child, slice_of(buffer->base, (size_t)len));
    } else if (len < 0) {
        (void)uv_read_stop(stream);
        child->has_eof = true;
        /* Without output it can answer nothing. */
        stdio_child_stop(child);
        go_down_when_over(child);
    }
}

static void report_log_line(struct stdio_child *child)
{
    int64_t second = loop_now_ms(child->loop) / 1000;
    if (second != child->log_second) {
        child->log_second = second;
        child->log_count = 0;
    }
    if (child->log_line.len > 0 && child->log_count < CHILD_LOG_LINES_PER_S) {
        child->log_count++;
        child->events->on_log_line(child, buf_view(&child->log_line));
    }
    buf_clear(&child->log_line);
}

/* A flood of words costs the loop little more than reading them. */
static void keep_log(struct stdio_child *child, struct slice input)
{
    _Static_assert(LOOP_READ_BYTES <= CHILD_LOG_RING_BYTES, "one reading fits the ring");
    size_t at = (size_t)(child->log_bytes % CHILD_LOG_RING_BYTES);
    struct slice before_end = slice_sub(input, 0, CHILD_LOG_RING_BYTES - at);
    struct slice from_start = slice_sub(input, before_end.len, input.len);
    if (before_end.len > 0) {
        memcpy(child->log_ring + at, before_end.ptr, before_end.len);
    }
    if (from_start.len > 0) {
        memcpy(child->log_ring, from_start.ptr, from_start.len);
    }
    child->log_bytes += input.len;
}

static void take_log(struct stdio_child *child, struct slice input)
{
    keep_log(child, input);
    while (input.len > 0) {
        size_t end = slice_find_byte(input, '\n');
        size_t room = CHILD_LOG_LINE_BYTES - child->log_line.len;
        buf_append(&child->log_line, slice_sub(input, 0, end < room ? end : room));
        if (end < input.len) {
            report_log_line(child);
        }
        input = slice_sub(input, end + 1, input.len);
    }
}

static void on_err(uv_stream_t *stream, ssize_t len, const uv_buf_t *buffer)
{
    struct stdio_child *child = stream->data;
    if (len > 0) {
        take_log(child, slice_of(buffer->base, (size_t)len));
    } else if (len < 0) {
        (void)uv_read_stop(stream);
    }
}

void stdio_child_log_tail(const struct stdio_child *child, struct buf *out)
{
    if (child->log_ring == NULL) {
        return;
    }
    struct slice ring = slice_of(child->log_ring, CHILD_LOG_RING_BYTES);
    size_t at = (size_t)(child->log_bytes % CHILD_LOG_RING_BYTES);
    if (child->log_bytes > CHILD_LOG_RING_BYTES) {
        buf_append(out, slice_sub(ring, at, ring.len));
    }
    buf_append(out, slice_sub(ring, 0, at));
}

/* Three pipes: ours is the writing end of the first and the reading end of the others. */
static int make_pipes(int ours[PROCESS_STREAMS], int theirs[PROCESS_STREAMS])
{
    for (int i = 0; i < PROCESS_STREAMS; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0) {
            int error = errno;
            for (int made = 0; made < i; made++) {
                (void)close(ours[made]);
                (void)close(theirs[made]);
            }
            return error;
        }
        ours[i] = ends[i == 0 ? 1 : 0];
        theirs[i] = ends[i == 0 ? 0 : 1];
    }
    return 0;
}

/* The handles take the descriptors over; the one that cannot be taken is closed here. */
static int open_handles(struct stdio_child *child, const int ours[PROCESS_STREAMS])
{
    uv_pipe_t *pipes[PROCESS_STREAMS] = {&child->in, &child->out, &child->err};
    int result = 0;
    for (int i = 0; i < PROCESS_STREAMS; i++) {
        (void)uv_pipe_init(&child->loop->uv, pipes[i], 0);
        pipes[i]->data = child;
        if (uv_pipe_open(pipes[i], ours[i]) != 0) {
            (void)close(ours[i]);
            result = UV_EIO;
        }
    }
    child->handle_count = PROCESS_STREAMS;
    child->has_exited = child->has_eof = false;
    child->start_error = 0;
    output_init(&child->output, (uv_stream_t *)&child->in, OUTPUT_BYTES_MAX, &child->loop->account);
    result = result != 0 ? result : uv_read_start((uv_stream_t *)&child->out, on_alloc, on_out);
    return result != 0 ? result : uv_read_start((uv_stream_t *)&child->err, on_alloc, on_err);
}

static enum status start_process(struct stdio_child *child, struct diag *diag)
{
    int ours[PROCESS_STREAMS] = {-1, -1, -1};
    int theirs[PROCESS_STREAMS] = {-1, -1, -1};
    int error = make_pipes(ours, theirs);
    if (error != 0) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "upstream.down", "no pipes for a child: %s",
                         strerror(error));
    }
    int result = open_handles(child, ours);
    /* Takes its ends over also when it fails. */
    enum status status =
        child->port->start(child->port->context, child->server, theirs, &child->process, diag);
    child->started_ms = loop_now_ms(child->loop);
    child->has_exited = status != STATUS_OK;
    if (status != STATUS_OK) {
        set_backoff(child);
        close_handles(child);
        return status;
    }
    child->state = CHILD_RUNNING;
    child->is_in_open = true;
    if (result != 0) {
        stdio_child_kill(child);
    }
    return STATUS_OK;
}

enum status stdio_child_start(struct stdio_child *child, struct diag *diag)
{
    if (child->state != CHILD_ABSENT) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "upstream.down", "the server is being stopped");
    }
    int64_t wait_ms = child->not_before_ms - loop_now_ms(child->loop);
    if (wait_ms > 0) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "upstream.down",
                         "the server ended; it is started again in %lld ms", (long long)wait_ms);
    }
    if (child->log_ring == NULL) {
        child->log_ring = base_alloc(CHILD_LOG_RING_BYTES);
    }
    if (child->log_ring == NULL) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "upstream.down", "no memory for a child");
    }
    return start_process(child, diag);
}

enum status stdio_child_send(struct stdio_child *child, struct slice text, struct diag *diag)
{
    /* One line may be longer than the bound, or a long message could never pass; two may not. */
    size_t pending = child->is_in_open ? output_pending(&child->output) : 0;
    if (pending > 0 && pending + text.len > child->options->queue_bytes_max) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "upstream.busy",
                         "the server does not read its input");
    }
    struct slice parts[] = {text, SLICE("\n")};
    if (!child->is_in_open || output_write(&child->output, parts, COUNT_OF(parts)) != STATUS_OK) {
        stdio_child_stop(child);
        return diag_fail(diag, STATUS_UNAVAILABLE, "upstream.down",
                         "the server has closed its input");
    }
    return STATUS_OK;
}
