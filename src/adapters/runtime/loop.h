/* loop.h: one event loop: a thread's sockets, timers and messages from other threads.
 *
 * Everything that belongs to a loop is touched on its own thread only. The two ways in from outside
 * are the poster and loop_stop. The 64 KiB read buffer is shared by all handles of the loop: what
 * is read has to be used up before the read callback returns.
 */
#ifndef AEGIS_ADAPTERS_RUNTIME_LOOP_H
#define AEGIS_ADAPTERS_RUNTIME_LOOP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "core/ports/clock.h"
#include "core/ports/poster.h"
#include "core/ports/timer.h"

#include <stdatomic.h>
#include <uv.h>

#define LOOP_READ_BYTES 65536
#define LOOP_TICK_MS 4        /* timers fire late by less than this, never early */
#define LOOP_WHEEL_SLOTS 4096 /* a multiple of 64 */

struct loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_timer_t tick;
    uv_prepare_t turn;
    uv_idle_t again;
    void (*on_turn)(void *context); /* before the loop waits; set by the owner, may be NULL */
    void *turn_context;
    uint64_t turn_count;   /* turns begun; what happened to a handle before one is told within it */
    uint64_t posted_count; /* messages that were run */
    struct port_poster poster;
    struct port_timer timers;
    struct port_clock clock; /* that of loop_now_ms and loop_wall_ms */
    struct account account;
    uint8_t *read_buffer;  /* LOOP_READ_BYTES, for what sockets deliver */
    uint8_t *plain_buffer; /* LOOP_READ_BYTES, for what TLS makes of it */
    struct buf out;        /* scratch for what is about to be written; empty between callbacks */
    struct buf sealed;     /* the same after TLS */

    /* private */
    _Atomic(struct posted *) inbox; /* newest first */
    atomic_bool is_stopping;
    struct timer *slots[LOOP_WHEEL_SLOTS];
    uint64_t occupied[LOOP_WHEEL_SLOTS / 64];
    struct timer *expired;
    int64_t done_tick; /* all timers due up to here have fired */
    int64_t wake_tick; /* when the tick handle goes off; 0 when it is not armed */
    uv_thread_t thread;
    bool has_thread;
    int64_t wall_ms, wall_read_ms; /* what the wall clock said, and loop_now_ms then */
};

/* Also has the process ignore SIGPIPE. account_bytes_max bounds what all connections of the loop
 * hold together. STATUS_UNAVAILABLE (runtime.loop) when the system refuses. */
NODISCARD enum status loop_init(struct loop *loop, size_t account_bytes_max, struct diag *diag);

/* Serve until loop_stop. */
void loop_run(struct loop *loop);

/* From any thread: loop_run returns soon. */
void loop_stop(struct loop *loop);

/* Without a running thread: run what was posted; false when there was nothing. */
bool loop_run_posted(struct loop *loop);

/* Run what was posted, let closing handles close, free. All handles on the loop must be closed or
 * closing. Accepts a zeroed loop. */
void loop_release(struct loop *loop);

/* loop_run in a thread of its own. STATUS_UNAVAILABLE: runtime.thread. */
NODISCARD enum status loop_thread_start(struct loop *loop, struct diag *diag);

/* Wait until the thread has ended (after loop_stop). */
void loop_thread_join(struct loop *loop);

void loop_timer_start(struct loop *loop, struct timer *timer, int64_t after_ms);
void loop_timer_stop(struct loop *loop, struct timer *timer);
void loop_post(struct loop *loop, struct posted *item);

/* From on_turn: take what is ready without waiting, then come to on_turn again. */
void loop_look_again(struct loop *loop);

/* Monotonic milliseconds, as of the start of this turn of the loop. */
int64_t loop_now_ms(const struct loop *loop);

/* Milliseconds since the Unix epoch, as of the first call in a millisecond of loop_now_ms: clocks
 * of virtual machines are slow, and many ask in one turn. */
int64_t loop_wall_ms(struct loop *loop);

/* The clocks themselves, for threads without a loop; both ignore context. */
int64_t runtime_wall_ms(void *context);
int64_t runtime_mono_ms(void *context);

#endif
