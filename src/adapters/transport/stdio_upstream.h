/* stdio_upstream.h: port_upstream over streams that many calls share, one per loop: the standard
 * streams of child processes, and the streams of servers that speak HTTP with SSE (MCP 2024-11-05),
 * which are children just as well.
 *
 * A child belongs to a server and a child number and starts with its first use, through the process
 * port or, when its server has an address, through the HTTP port (sse_stream.h). One JSON object a
 * line both ways, or where the revision has batches an array of them from the child. A child that
 * writes anything else three times, or a line without end, is stopped; too long a line stops one
 * that is one session's.
 * A child that died is started again by the next use, not before its back-off is over.
 */
#ifndef AEGIS_ADAPTERS_TRANSPORT_STDIO_UPSTREAM_H
#define AEGIS_ADAPTERS_TRANSPORT_STDIO_UPSTREAM_H

#include "adapters/runtime/loop.h"
#include "adapters/transport/http_upstream.h"
#include "core/ports/process.h"
#include "core/ports/upstream.h"
#include "json/tape.h"

struct stdio_upstream_options {
    size_t line_bytes_max;
    size_t queue_bytes_max;    /* written but not yet taken by the child */
    uint32_t noise_max;        /* lines that are no messages before the child is stopped */
    uint32_t children_max;     /* processes */
    uint32_t streams_max;      /* of servers over HTTP */
    uint32_t calls_max;        /* running at once, per child */
    uint32_t caller_calls_max; /* of these, one caller's, where callers share the child */
    int64_t stop_ms;           /* between the steps: end of input, SIGTERM, SIGKILL */
    int64_t backoff_min_ms, backoff_max_ms;
};

#define STDIO_UPSTREAM_OPTIONS_DEFAULT                                                             \
    {                                                                                              \
        .line_bytes_max = (size_t)4 << 20, .queue_bytes_max = (size_t)8 << 20, .noise_max = 3,     \
        .children_max = 64, .streams_max = 1024, .calls_max = 1024, .caller_calls_max = 256,       \
        .stop_ms = 2000, .backoff_min_ms = 1000, .backoff_max_ms = 60000                           \
    }

/* All functions may be NULL; slices are valid during the call. */
struct stdio_upstream_events {
    void *context;
    /* A line of stderr, at most 1 KiB of it and at most 10 in a second for each child. Foreign
     * bytes: escape before showing. */
    void (*on_log_line)(void *context, uint32_t server, uint64_t child, struct slice line);
    /* A child has gone; sessions bound to it are over. */
    void (*on_child_exit)(void *context, uint32_t server, uint64_t child);
    /* A child asks something while no call and no stream of a session can be meant: one JSON text,
     * not judged. */
    void (*on_child_asks)(void *context, uint32_t server, uint64_t child, struct slice json);
};

struct stdio_upstream;

/* process and parser are borrowed. */
NODISCARD enum status stdio_upstream_new(struct loop *loop, const struct port_process *process,
                                         const struct json_parser *parser,
                                         const struct stdio_upstream_options *options,
                                         struct stdio_upstream **out);

/* Where children are streams; all borrowed. */
struct stdio_upstream_streams {
    const struct port_upstream *http;
    const struct upstream_target *targets; /* by the server's number; without a host: a program */
    size_t target_count;
};

/* Without it all children are programs. */
void stdio_upstream_set_streams(struct stdio_upstream *upstream,
                                const struct stdio_upstream_streams *streams);

void stdio_upstream_set_events(struct stdio_upstream *upstream,
                               const struct stdio_upstream_events *events);

/* Stop all children in steps; running calls end with upstream.down. done (may be NULL) is called
 * when the last is gone and the memory is freed; the loop must run until then. */
void stdio_upstream_close(struct stdio_upstream *upstream, void (*done)(void *context),
                          void *context);

struct port_upstream stdio_upstream_port(struct stdio_upstream *upstream);

/* Append the last bytes (up to 64 KiB) a child wrote to stderr. */
void stdio_upstream_log_tail(const struct stdio_upstream *upstream, uint32_t server, uint64_t child,
                             struct buf *out);

#endif
