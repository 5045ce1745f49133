#include "adapters/runtime/loop.h"

#include <assert.h>
#include <signal.h>
#include <time.h>

#define SCRATCH_BYTES_MAX ((size_t)64 << 20)

static int64_t slot_of(int64_t due_ms)
{
    return (due_ms / LOOP_TICK_MS) % LOOP_WHEEL_SLOTS;
}

static void mark_slot(struct loop *loop, int64_t slot)
{
    uint64_t bit = (uint64_t)1 << (slot % 64);
    if (loop->slots[slot] != NULL) {
        loop->occupied[slot / 64] |= bit;
    } else {
        loop->occupied[slot / 64] &= ~bit;
    }
}

static void link_timer(struct loop *loop, struct timer *timer)
{
    int64_t slot = slot_of(timer->due_ms);
    timer->previous = NULL;
    timer->next = loop->slots[slot];
    if (timer->next != NULL) {
        timer->next->previous = timer;
    }
    loop->slots[slot] = timer;
    mark_slot(loop, slot);
}

static void unlink_timer(struct loop *loop, struct timer *timer)
{
    int64_t slot = slot_of(timer->due_ms);
    if (timer->next != NULL) {
        timer->next->previous = timer->previous;
    }
    if (timer->previous != NULL) {
        timer->previous->next = timer->next;
    } else if (loop->expired == timer) {
        loop->expired = timer->next;
    } else {
        loop->slots[slot] = timer->next;
        mark_slot(loop, slot);
    }
    timer->next = timer->previous = NULL;
    timer->due_ms = 0;
}

/* Move what is due out of a slot; the rest waits for another turn of the wheel. */
static void expire_slot(struct loop *loop, int64_t slot, int64_t now_tick)
{
    struct timer *timer = loop->slots[slot];
    while (timer != NULL) {
        struct timer *next = timer->next;
        if (timer->due_ms / LOOP_TICK_MS <= now_tick) {
            int64_t due_ms = timer->due_ms;
            unlink_timer(loop, timer);
            timer->due_ms = due_ms;
            timer->next = loop->expired;
            if (timer->next != NULL) {
                timer->next->previous = timer;
            }
            loop->expired = timer;
        }
        timer = next;
    }
}

static void on_tick(uv_timer_t *handle);

/* Have the tick handle go off at that tick, unless it does so earlier anyway. */
static void wake_at(struct loop *loop, int64_t tick)
{
    if ((loop->wake_tick != 0 && loop->wake_tick <= tick) ||
        uv_is_closing((uv_handle_t *)&loop->tick)) {
        return;
    }
    int64_t wait_ms = tick * LOOP_TICK_MS - loop_now_ms(loop);
    loop->wake_tick = tick;
    (void)uv_timer_start(&loop->tick, on_tick, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

static void wake_at_next_slot(struct loop *loop)
{
    int64_t first = loop->done_tick + 1;
    for (int64_t offset = 0; offset < LOOP_WHEEL_SLOTS;) {
        int64_t slot = (first + offset) % LOOP_WHEEL_SLOTS;
        uint64_t word = loop->occupied[slot / 64] >> (slot % 64);
        if (word != 0) {
            wake_at(loop, first + offset + __builtin_ctzll(word));
            return;
        }
        offset += 64 - slot % 64;
    }
}

static void on_tick(uv_timer_t *handle)
{
    struct loop *loop = handle->data;
    int64_t now_tick = loop_now_ms(loop) / LOOP_TICK_MS;
    int64_t first = loop->done_tick + 1;
    if (now_tick - first >= LOOP_WHEEL_SLOTS) {
        first = now_tick - LOOP_WHEEL_SLOTS + 1;
    }
    loop->wake_tick = 0;
    /* Backwards, because each is put before those that are there: a loop that comes late to many
     * ticks at once still fires in their order. */
    for (int64_t tick = now_tick; tick >= first; tick--) {
        expire_slot(loop, tick % LOOP_WHEEL_SLOTS, now_tick);
    }
    loop->done_tick = now_tick > loop->done_tick ? now_tick : loop->done_tick;
    while (loop->expired != NULL) {
        struct timer *timer = loop->expired;
        unlink_timer(loop, timer);
        timer->fire(timer);
    }
    wake_at_next_slot(loop);
}

void loop_timer_start(struct loop *loop, struct timer *timer, int64_t after_ms)
{
    assert(after_ms >= 0);
    loop_timer_stop(loop, timer);
    int64_t tick = (loop_now_ms(loop) + after_ms + LOOP_TICK_MS - 1) / LOOP_TICK_MS;
    if (tick <= loop->done_tick) {
        tick = loop->done_tick + 1;
    }
    timer->due_ms = tick * LOOP_TICK_MS;
    link_timer(loop, timer);
    wake_at(loop, tick);
}

void loop_timer_stop(struct loop *loop, struct timer *timer)
{
    if (timer->due_ms != 0) {
        unlink_timer(loop, timer);
    }
}

static void port_timer_start(void *context, struct timer *timer, int64_t after_ms)
{
    loop_timer_start(context, timer, after_ms);
}

static void port_timer_stop(void *context, struct timer *timer)
{
    loop_timer_stop(context, timer);
}

static int64_t port_wall_ms(void *context)
{
    return loop_wall_ms(context);
}

static int64_t port_mono_ms(void *context)
{
    return loop_now_ms(context);
}

static int64_t port_mono_us(void *context)
{
    (void)context;
    return (int64_t)(uv_hrtime() / 1000);
}

/* first and all that follow it, in order; the inbox keeps the newest first. */
static void post_chain(struct loop *loop, struct posted *first)
{
    struct posted *newest = NULL;
    assert(first != NULL);
    for (struct posted *item = first; item != NULL;) {
        struct posted *next = item->next;
        item->next = newest;
        newest = item;
        item = next;
    }
    struct posted *head = atomic_load_explicit(&loop->inbox, memory_order_relaxed);
    do {
        first->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&loop->inbox, &head, newest,
                                                    memory_order_release, memory_order_relaxed));
    /* Whoever found the inbox empty wakes the loop; the others ride along. */
    if (head == NULL) {
        (void)uv_async_send(&loop->wake);
    }
}

void loop_post(struct loop *loop, struct posted *item)
{
    item->next = NULL;
    post_chain(loop, item);
}

static void port_post(void *context, struct posted *first)
{
    post_chain(context, first);
}

static void on_prepare(uv_prepare_t *handle)
{
    struct loop *loop = handle->data;
    loop->turn_count++;
    if (loop->on_turn != NULL) {
        loop->on_turn(loop->turn_context);
    }
}

/* libuv does not wait while an idle handle is active. */
static void on_again(uv_idle_t *handle)
{
    (void)uv_idle_stop(handle);
}

void loop_look_again(struct loop *loop)
{
    (void)uv_idle_start(&loop->again, on_again);
}

bool loop_run_posted(struct loop *loop)
{
    struct posted *newest = atomic_exchange_explicit(&loop->inbox, NULL, memory_order_acquire);
    struct posted *oldest = NULL;
    bool has_run = newest != NULL;
    while (newest != NULL) {
        struct posted *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest != NULL) {
        struct posted *next = oldest->next;
        loop->posted_count++;
        oldest->run(oldest);
        oldest = next;
    }
    return has_run;
}

static void on_wake(uv_async_t *handle)
{
    struct loop *loop = handle->data;
    (void)loop_run_posted(loop);
    if (atomic_load(&loop->is_stopping)) {
        uv_stop(&loop->uv);
    }
}

/* A peer that closes must be an error code of the write, not the end of the process. Children get
 * the default back when they start. */
static void ignore_broken_pipes(void)
{
    struct sigaction action = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGPIPE, &action, NULL);
}

static enum status take_buffers(struct loop *loop, struct diag *diag)
{
    loop->read_buffer = base_alloc(LOOP_READ_BYTES);
    loop->plain_buffer = base_alloc(LOOP_READ_BYTES);
    if (loop->read_buffer == NULL || loop->plain_buffer == NULL) {
        base_free(loop->read_buffer);
        base_free(loop->plain_buffer);
        *loop = (struct loop){0};
        return diag_fail(diag, STATUS_UNAVAILABLE, "runtime.loop", "no memory for a loop");
    }
    return STATUS_OK;
}

enum status loop_init(struct loop *loop, size_t account_bytes_max, struct diag *diag)
{
    *loop = (struct loop){.account = {.limit_bytes = account_bytes_max}};
    ignore_broken_pipes();
    TRY(take_buffers(loop, diag));
    int result = uv_loop_init(&loop->uv);
    if (result != 0) {
        base_free(loop->read_buffer);
        base_free(loop->plain_buffer);
        *loop = (struct loop){0};
        return diag_fail(diag, STATUS_UNAVAILABLE, "runtime.loop", "cannot make a loop: %s",
                         uv_err_name(result));
    }
    buf_init(&loop->out, SCRATCH_BYTES_MAX, NULL);
    buf_init(&loop->sealed, SCRATCH_BYTES_MAX, NULL);
    loop->wake.data = loop;
    loop->tick.data = loop;
    loop->turn.data = loop;
    (void)uv_timer_init(&loop->uv, &loop->tick);
    (void)uv_idle_init(&loop->uv, &loop->again);
    (void)uv_prepare_init(&loop->uv, &loop->turn);
    (void)uv_prepare_start(&loop->turn, on_prepare);
    uv_unref((uv_handle_t *)&loop->turn);
    result = uv_async_init(&loop->uv, &loop->wake, on_wake);
    if (result != 0) {
        loop_release(loop);
        return diag_fail(diag, STATUS_UNAVAILABLE, "runtime.loop", "cannot make a loop: %s",
                         uv_err_name(result));
    }
    loop->done_tick = loop_now_ms(loop) / LOOP_TICK_MS;
    loop->poster = (struct port_poster){.context = loop, .post = port_post};
    loop->timers =
        (struct port_timer){.context = loop, .start = port_timer_start, .stop = port_timer_stop};
    loop->clock = (struct port_clock){
        .context = loop, .wall_ms = port_wall_ms, .mono_ms = port_mono_ms, .mono_us = port_mono_us};
    return STATUS_OK;
}

void loop_run(struct loop *loop)
{
    while (!atomic_load(&loop->is_stopping)) {
        (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    }
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->is_stopping, true);
    (void)uv_async_send(&loop->wake);
}

void loop_release(struct loop *loop)
{
    if (loop->read_buffer == NULL) {
        return;
    }
    (void)loop_run_posted(loop);
    if (loop->wake.loop != NULL) {
        uv_close((uv_handle_t *)&loop->wake, NULL);
    }
    uv_close((uv_handle_t *)&loop->tick, NULL);
    uv_close((uv_handle_t *)&loop->again, NULL);
    uv_close((uv_handle_t *)&loop->turn, NULL);
    /* A stopped loop returns from its first turn early. */
    while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0) {
    }
    (void)loop_run_posted(loop);
    (void)uv_loop_close(&loop->uv);
    buf_release(&loop->out);
    buf_release(&loop->sealed);
    base_free(loop->read_buffer);
    base_free(loop->plain_buffer);
    loop->read_buffer = loop->plain_buffer = NULL;
}

static void run_thread(void *argument)
{
    loop_run(argument);
}

enum status loop_thread_start(struct loop *loop, struct diag *diag)
{
    int result = uv_thread_create(&loop->thread, run_thread, loop);
    if (result != 0) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "runtime.thread", "cannot start a thread: %s",
                         uv_err_name(result));
    }
    loop->has_thread = true;
    return STATUS_OK;
}

void loop_thread_join(struct loop *loop)
{
    if (loop->has_thread) {
        (void)uv_thread_join(&loop->thread);
        loop->has_thread = false;
    }
}

int64_t loop_now_ms(const struct loop *loop)
{
    return (int64_t)uv_now(&loop->uv);
}

int64_t loop_wall_ms(struct loop *loop)
{
    int64_t now_ms = loop_now_ms(loop);
    if (loop->wall_ms == 0 || loop->wall_read_ms != now_ms) {
        loop->wall_ms = runtime_wall_ms(NULL);
        loop->wall_read_ms = now_ms;
    }
    return loop->wall_ms;
}

int64_t runtime_wall_ms(void *context)
{
    struct timespec now;
    (void)context;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t runtime_mono_ms(void *context)
{
    (void)context;
    return (int64_t)(uv_hrtime() / 1000000);
}
