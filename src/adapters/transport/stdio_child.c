#include "adapters/transport/stdio_child.h"

#include "adapters/transport/stdio_environment.h"

#include <assert.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#define ENVIRONMENT_BYTES_MAX ((size_t)8 << 20)
#define HANDLES 4 /* the process and three pipes */

static struct stdio_child *child_of_timer(struct timer *timer)
{
    return (struct stdio_child *)((char *)timer - offsetof(struct stdio_child, timer));
}

static void on_step(struct timer *timer);

void stdio_child_init(struct stdio_child *child, struct loop *loop,
                      const struct stdio_target *target,
                      const struct stdio_upstream_options *options,
                      const struct stdio_child_events *events)
{
    *child = (struct stdio_child){.loop = loop,
                                  .target = target,
                                  .options = options,
                                  .events = events,
                                  .timer = {.fire = on_step}};
    buf_init(&child->line, options->line_bytes_max, &loop->account);
    buf_init(&child->log_line, CHILD_LOG_LINE_BYTES, NULL);
}

void stdio_child_release(struct stdio_child *child)
{
    assert(child->state == CHILD_ABSENT);
    loop_timer_stop(child->loop, &child->timer);
    buf_release(&child->line);
    buf_release(&child->log_line);
    base_free(child->log_ring);
    child->log_ring = NULL;
}

/* The group may outlive its leader, so it is asked for by its number. */
static void signal_group(const struct stdio_child *child, int number)
{
    if (child->pid > 0) {
        (void)kill(-child->pid, number);
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct stdio_child *child = handle->data;
    if (--child->handle_count == 0) {
        output_release(&child->output);
        buf_release(&child->line);
        buf_clear(&child->log_line);
        child->pid = 0;
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
    close_handle((uv_handle_t *)&child->process);
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

static void on_exit(uv_process_t *process, int64_t code, int signal_number)
{
    (void)code;
    (void)signal_number;
    struct stdio_child *child = process->data;
    child->has_exited = true;
    /* Grandchildren do not outlive the child, and do not keep its output open. */
    signal_group(child, SIGKILL);
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
        signal_group(child, SIGTERM);
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
        signal_group(child, SIGKILL);
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

/* Lines that lie whole in the input are handed on without a copy. */
static void take_output(struct stdio_child *child, struct slice input)
{
    while (input.len > 0 && is_listening(child)) {
        size_t end = slice_find_byte(input, '\n');
        struct slice piece = slice_sub(input, 0, end);
        bool is_whole = end < input.len;
        input = slice_sub(input, end + 1, input.len);
        if (!is_whole || child->line.len > 0) {
            buf_append(&child->line, piece);
            piece = buf_view(&child->line);
        }
        if (buf_status(&child->line) != STATUS_OK || piece.len > child->options->line_bytes_max) {
            child->events->on_overflow(child);
            return;
        }
        if (is_whole) {
            bool has_cr = piece.len > 0 && piece.ptr[piece.len - 1] == '\r';
            child->events->on_line(child, slice_sub(piece, 0, piece.len - (has_cr ? 1 : 0)));
            buf_clear(&child->line);
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

static void take_log(struct stdio_child *child, struct slice input)
{
    for (size_t i = 0; i < input.len; i++) {
        child->log_ring[child->log_bytes++ % CHILD_LOG_RING_BYTES] = input.ptr[i];
    }
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

static void init_handles(struct stdio_child *child)
{
    uv_loop_t *uv = &child->loop->uv;
    (void)uv_pipe_init(uv, &child->in, 0);
    (void)uv_pipe_init(uv, &child->out, 0);
    (void)uv_pipe_init(uv, &child->err, 0);
    child->process = (uv_process_t){0};
    child->in.data = child->out.data = child->err.data = child->process.data = child;
    child->handle_count = HANDLES;
    child->has_exited = child->has_eof = false;
    output_init(&child->output, (uv_stream_t *)&child->in, child->options->queue_bytes_max,
                &child->loop->account);
}

static int spawn(struct stdio_child *child, char **environment)
{
    uv_stdio_container_t streams[3] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&child->in},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&child->out},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&child->err},
    };
    uv_process_options_t options = {
        .exit_cb = on_exit,
        .file = child->target->argv[0],
        .args = (char **)(uintptr_t)child->target->argv,
        .env = environment,
        .cwd = child->target->directory,
        .flags = UV_PROCESS_DETACHED, /* setsid: a session and a group of its own */
        .stdio_count = 3,
        .stdio = streams,
    };
    /* All of ours are close-on-exec; this catches what our own parent or a library left open. */
    (void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    int result = uv_spawn(&child->loop->uv, &child->process, &options);
    if (result == 0) {
        result = uv_read_start((uv_stream_t *)&child->out, on_alloc, on_out);
    }
    return result == 0 ? uv_read_start((uv_stream_t *)&child->err, on_alloc, on_err) : result;
}

static enum status spawn_clean(struct stdio_child *child, struct diag *diag)
{
    struct arena arena;
    char **environment = NULL;
    arena_init(&arena, ENVIRONMENT_BYTES_MAX, NULL);
    if (stdio_environment_make(child->target, &arena, &environment) != STATUS_OK) {
        arena_release(&arena);
        return diag_fail(diag, STATUS_UNAVAILABLE, "upstream.down", "no memory for an environment");
    }
    init_handles(child);
    int result = spawn(child, environment);
    arena_release(&arena);
    child->started_ms = loop_now_ms(child->loop);
    child->pid = child->process.pid;
    if (result != 0) {
        signal_group(child, SIGKILL);
        set_backoff(child);
        close_handles(child);
        return diag_fail(diag, STATUS_UNAVAILABLE, "upstream.down", "cannot start '%s': %s",
                         child->target->argv[0], uv_err_name(result));
    }
    child->state = CHILD_RUNNING;
    child->is_in_open = true;
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
    return spawn_clean(child, diag);
}

enum status stdio_child_send(struct stdio_child *child, struct slice text, struct diag *diag)
{
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
