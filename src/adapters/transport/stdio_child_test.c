#include "adapters/transport/stdio_child.h"

#include "adapters/process/local_process.h"
#include "adapters/transport/peer_test.h"
#include "support/check.h"

#define ACCOUNT_BYTES ((size_t)64 << 20)
#define LARGE_BYTES ((size_t)1 << 20) /* more than a pipe holds */

static bool is_gone;

static void on_line(struct stdio_child *child, struct slice line)
{
    (void)child;
    (void)line;
}

static bool on_overflow(struct stdio_child *child, bool is_endless)
{
    (void)child;
    (void)is_endless;
    return true;
}

static void on_down(struct stdio_child *child)
{
    (void)child;
}

static void on_gone(struct stdio_child *child)
{
    (void)child;
    is_gone = true;
}

/* One message may be larger than the bound, and is no reason to stop the child of other callers;
 * behind it goes as much as there is room for, and not a byte more. */
TEST(stdio_child_queues_up_to_its_bound)
{
    static const struct stdio_child_events EVENTS = {.on_line = on_line,
                                                     .on_overflow = on_overflow,
                                                     .on_log_line = on_line,
                                                     .on_down = on_down,
                                                     .on_gone = on_gone};
    static const char *const ARGV[] = {"/bin/sleep", "1000", NULL};
    static const char *const ENVIRONMENT[] = {NULL};
    static const struct program PROGRAM = {.argv = ARGV, .environment = ENVIRONMENT};
    static uint8_t large[LARGE_BYTES];
    struct stdio_upstream_options options = STDIO_UPSTREAM_OPTIONS_DEFAULT;
    struct loop loop;
    struct stdio_child child;
    struct diag diag = {0};
    CHECK(loop_init(&loop, ACCOUNT_BYTES, NULL) == STATUS_OK);
    struct local_process local = {&loop, &PROGRAM, 1};
    struct port_process process = local_process_port(&local);
    options.queue_bytes_max = 4096;
    stdio_child_init(&child, &loop, &process, 0, &options, &EVENTS);
    CHECK(stdio_child_start(&child, NULL) == STATUS_OK);
    CHECK(stdio_child_send(&child, slice_of(large, sizeof(large)), &diag) == STATUS_OK);
    CHECK(child.state == CHILD_RUNNING);
    size_t pending = output_pending(&child.output);
    CHECK(pending > 0);
    options.queue_bytes_max = pending + 1;
    CHECK(stdio_child_send(&child, SLICE("xy"), &diag) == STATUS_UNAVAILABLE);
    CHECK(str_eq(diag.code, "upstream.busy") && output_pending(&child.output) == pending);
    CHECK(stdio_child_send(&child, SLICE("x"), NULL) == STATUS_OK);
    CHECK(child.state == CHILD_RUNNING);
    stdio_child_kill(&child);
    CHECK(peer_run_until(&loop, &is_gone));
    stdio_child_release(&child);
    loop_release(&loop);
    CHECK(loop.account.used_bytes == 0);
}
