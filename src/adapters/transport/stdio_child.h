/* stdio_child.h: one child process and its three streams; private to transport.
 *
 * Lines come out, lines go in. What they mean is for stdio_upstream.c. The record stays after the
 * process has gone: it remembers how long not to start it again.
 */
#ifndef AEGIS_ADAPTERS_TRANSPORT_STDIO_CHILD_H
#define AEGIS_ADAPTERS_TRANSPORT_STDIO_CHILD_H

#include "adapters/transport/lines.h"
#include "adapters/transport/output.h"
#include "adapters/transport/stdio_upstream.h"
#include "core/ports/process.h"

#define CHILD_LOG_RING_BYTES 65536
#define CHILD_LOG_LINE_BYTES 1024
#define CHILD_LOG_LINES_PER_S 10

enum child_state {
    CHILD_ABSENT,
    CHILD_RUNNING,
    CHILD_STOPPING,    /* its input is closed */
    CHILD_TERMINATING, /* it got SIGTERM */
    CHILD_KILLED,
    CHILD_CLOSING, /* the process is gone, our handles are about to be */
};

struct stdio_child;

struct stdio_child_events {
    void (*on_line)(struct stdio_child *child, struct slice line); /* without its end */
    /* A line is too long, perhaps without end. True: go on behind it; else the child was stopped.
     */
    bool (*on_overflow)(struct stdio_child *child, bool is_endless);
    void (*on_log_line)(struct stdio_child *child, struct slice line);
    void (*on_down)(struct stdio_child *child); /* nothing will be answered any more */
    void (*on_gone)(struct stdio_child *child); /* may be started again, or released */
};

struct stdio_child {
    struct loop *loop;
    const struct port_process *port; /* borrowed */
    uint32_t server;
    const struct stdio_upstream_options *options;
    const struct stdio_child_events *events;
    enum child_state state;
    struct process process;
    int start_error; /* an errno when the program could not be executed */
    uv_pipe_t in, out, err;
    struct output output;
    struct lines lines;
    struct buf log_line; /* of stderr: begun, not ended */
    uint8_t *log_ring;   /* CHILD_LOG_RING_BYTES, from the first start on */
    uint64_t log_bytes;  /* written to the ring in all */
    int64_t log_second;
    uint32_t log_count; /* lines reported in that second */
    struct timer timer; /* of the steps to stop it */
    int64_t started_ms, not_before_ms, backoff_ms;
    unsigned handle_count;
    bool has_exited, has_eof, is_in_open;
};

void stdio_child_init(struct stdio_child *child, struct loop *loop, const struct port_process *port,
                      uint32_t server, const struct stdio_upstream_options *options,
                      const struct stdio_child_events *events);

/* Only while CHILD_ABSENT. */
void stdio_child_release(struct stdio_child *child);

/* Start the process. STATUS_UNAVAILABLE: it cannot be started, or not yet; STATUS_NOT_FOUND: the
 * server has no program. A program that cannot be executed goes down with a start_error. */
NODISCARD enum status stdio_child_start(struct stdio_child *child, struct diag *diag);

/* Queue one line; text holds no line end. STATUS_UNAVAILABLE: upstream.busy, upstream.down. */
NODISCARD enum status stdio_child_send(struct stdio_child *child, struct slice text,
                                       struct diag *diag);

/* End its input, then SIGTERM, then SIGKILL to its whole group. */
void stdio_child_stop(struct stdio_child *child);

void stdio_child_kill(struct stdio_child *child);

void stdio_child_log_tail(const struct stdio_child *child, struct buf *out);

#endif
