#include "daemon/key_loop.h"

static void on_end(struct timer *timer)
{
    (void)timer; /* the loop has turned, that is all */
}

void key_loop_wait(struct key_sets *sets, struct loop *loop, int64_t wait_ms)
{
    struct timer end = {.fire = on_end};
    loop_timer_start(loop, &end, wait_ms);
    while (!key_sets_were_read(sets) && end.due_ms != 0) {
        (void)uv_run(&loop->uv, UV_RUN_ONCE);
    }
    loop_timer_stop(loop, &end);
}
