#include "adapters/runtime/loop.h"

#include "support/check.h"

#include <stdatomic.h>
#include <unistd.h>

#define ACCOUNT_BYTES 1048576
#define ITEMS 2000
#define THREADS 3

struct noted {
    struct timer timer;
    struct loop *loop;
    int *order, *next;
    int number;
    bool stops;
    struct timer *victim;
};

static void note(struct timer *timer)
{
    struct noted *noted = (struct noted *)timer;
    noted->order[(*noted->next)++] = noted->number;
    CHECK(timer->due_ms == 0);
    if (noted->victim != NULL) {
        loop_timer_stop(noted->loop, noted->victim);
    }
    if (noted->stops) {
        loop_stop(noted->loop);
    }
}

TEST(loop_timers_fire_in_order_and_not_early)
{
    static const int64_t AFTER_MS[] = {30, 0, 10, 20, 60};
    static const int EXPECTED[] = {1, 2, 3, 0, 4};
    struct loop loop;
    struct noted noted[COUNT_OF(AFTER_MS)];
    int order[COUNT_OF(AFTER_MS)] = {0}, next = 0;
    CHECK(loop_init(&loop, ACCOUNT_BYTES, NULL) == STATUS_OK);
    int64_t begun_ms = loop_now_ms(&loop);
    for (size_t i = 0; i < COUNT_OF(AFTER_MS); i++) {
        noted[i] = (struct noted){.timer = {.fire = note},
                                  .loop = &loop,
                                  .order = order,
                                  .next = &next,
                                  .number = (int)i,
                                  .stops = i == 4};
        loop_timer_start(&loop, &noted[i].timer, AFTER_MS[i]);
    }
    loop_run(&loop);
    CHECK(next == (int)COUNT_OF(AFTER_MS));
    for (size_t i = 0; i < COUNT_OF(AFTER_MS); i++) {
        CHECK(order[i] == EXPECTED[i]);
    }
    CHECK(loop_now_ms(&loop) >= begun_ms + 60);
    loop_release(&loop);
}

/* A loop on a busy machine finds many ticks due at once; their order, and of one tick that of the
 * starts, must not depend on that. */
TEST(loop_timers_fire_in_order_when_the_loop_is_late)
{
    static const int64_t AFTER_MS[] = {21, 9, 9, 1, 13, 9, 25};
    static const int EXPECTED[] = {3, 1, 2, 5, 4, 0, 6};
    struct loop loop;
    struct noted noted[COUNT_OF(AFTER_MS)];
    int order[COUNT_OF(AFTER_MS)] = {0}, next = 0;
    CHECK(loop_init(&loop, ACCOUNT_BYTES, NULL) == STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(AFTER_MS); i++) {
        noted[i] = (struct noted){.timer = {.fire = note},
                                  .loop = &loop,
                                  .order = order,
                                  .next = &next,
                                  .number = (int)i,
                                  .stops = i == COUNT_OF(AFTER_MS) - 1};
        loop_timer_start(&loop, &noted[i].timer, AFTER_MS[i]);
    }
    (void)usleep(40000); /* at least: all are due before the first turn */
    loop_run(&loop);
    CHECK(next == (int)COUNT_OF(AFTER_MS));
    for (size_t i = 0; i < COUNT_OF(AFTER_MS); i++) {
        CHECK(order[i] == EXPECTED[i]);
    }
    loop_release(&loop);
}

TEST(loop_timers_can_be_stopped_and_moved)
{
    struct loop loop;
    struct noted noted[4];
    int order[8] = {0}, next = 0;
    CHECK(loop_init(&loop, ACCOUNT_BYTES, NULL) == STATUS_OK);
    for (int i = 0; i < 4; i++) {
        noted[i] = (struct noted){.timer = {.fire = note},
                                  .loop = &loop,
                                  .order = order,
                                  .next = &next,
                                  .number = i,
                                  .stops = i == 3};
        loop_timer_start(&loop, &noted[i].timer, 5);
    }
    /* 0 is stopped before, 1 by 2 in the same turn or before, 3 moves behind all. */
    loop_timer_stop(&loop, &noted[0].timer);
    loop_timer_stop(&loop, &noted[0].timer);
    noted[2].victim = &noted[1].timer;
    loop_timer_start(&loop, &noted[1].timer, 20);
    loop_timer_start(&loop, &noted[3].timer, 40);
    loop_run(&loop);
    CHECK(next == 2 && order[0] == 2 && order[1] == 3);
    loop_release(&loop);
}

TEST(loop_timers_wait_longer_than_a_turn_of_the_wheel)
{
    struct loop loop;
    struct noted noted[2];
    int order[2] = {0}, next = 0;
    int64_t turn_ms = (int64_t)LOOP_TICK_MS * LOOP_WHEEL_SLOTS;
    CHECK(loop_init(&loop, ACCOUNT_BYTES, NULL) == STATUS_OK);
    for (int i = 0; i < 2; i++) {
        noted[i] = (struct noted){.timer = {.fire = note},
                                  .loop = &loop,
                                  .order = order,
                                  .next = &next,
                                  .number = i,
                                  .stops = i == 0};
    }
    /* Both lie in the same slot; the far one must stay. */
    loop_timer_start(&loop, &noted[1].timer, 20 + turn_ms);
    loop_timer_start(&loop, &noted[0].timer, 20);
    loop_run(&loop);
    CHECK(next == 1 && order[0] == 0 && noted[1].timer.due_ms != 0);
    loop_timer_stop(&loop, &noted[1].timer);
    loop_release(&loop);
}

struct message {
    struct posted posted;
    struct inbox *inbox;
    int thread, number;
};

struct inbox {
    struct loop loop;
    int next[THREADS];
    int count;
};

static void receive(struct posted *posted)
{
    struct message *message = (struct message *)posted;
    struct inbox *inbox = message->inbox;
    /* Items of one thread come in their order. */
    CHECK(inbox->next[message->thread]++ == message->number);
    if (++inbox->count == THREADS * ITEMS) {
        loop_stop(&inbox->loop);
    }
}

struct sender {
    struct message messages[ITEMS];
    uv_thread_t thread;
};

static void send_all(void *argument)
{
    struct sender *sender = argument;
    for (int i = 0; i < ITEMS; i++) {
        struct port_poster *poster = &sender->messages[i].inbox->loop.poster;
        sender->messages[i].posted.next = NULL;
        poster->post(poster->context, &sender->messages[i].posted);
    }
}

TEST(loop_takes_posts_of_many_threads)
{
    static struct sender senders[THREADS];
    static struct inbox inbox;
    CHECK(loop_init(&inbox.loop, ACCOUNT_BYTES, NULL) == STATUS_OK);
    for (int i = 0; i < THREADS; i++) {
        for (int n = 0; n < ITEMS; n++) {
            senders[i].messages[n] = (struct message){
                .posted = {.run = receive}, .inbox = &inbox, .thread = i, .number = n};
        }
    }
    CHECK(loop_thread_start(&inbox.loop, NULL) == STATUS_OK);
    for (int i = 0; i < THREADS; i++) {
        CHECK(uv_thread_create(&senders[i].thread, send_all, &senders[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        (void)uv_thread_join(&senders[i].thread);
    }
    loop_thread_join(&inbox.loop);
    CHECK(inbox.count == THREADS * ITEMS);
    loop_release(&inbox.loop);
}

TEST(loop_runs_what_was_posted_before_it_goes)
{
    static struct inbox inbox;
    struct message message = {.posted = {.run = receive}, .inbox = &inbox};
    CHECK(loop_init(&inbox.loop, ACCOUNT_BYTES, NULL) == STATUS_OK);
    loop_post(&inbox.loop, &message.posted);
    loop_release(&inbox.loop);
    CHECK(inbox.count == 1);
}

TEST(loop_clock_is_the_real_one_read_once_a_turn)
{
    struct loop loop;
    CHECK(loop_init(&loop, ACCOUNT_BYTES, NULL) == STATUS_OK);
    const struct port_clock *clock = &loop.clock;
    int64_t before_ms = runtime_wall_ms(NULL);
    int64_t wall_ms = clock->wall_ms(clock->context);
    CHECK(wall_ms >= before_ms && wall_ms <= runtime_wall_ms(NULL));
    CHECK(clock->mono_ms(clock->context) == loop_now_ms(&loop));
    CHECK(loop_now_ms(&loop) <= runtime_mono_ms(NULL));
    /* To measure with it is read anew. */
    int64_t mono_us = clock->mono_us(clock->context);
    while (clock->mono_us(clock->context) == mono_us) {
    }
    CHECK(clock->mono_us(clock->context) > mono_us);
    while (runtime_wall_ms(NULL) == wall_ms) {
    }
    CHECK(clock->wall_ms(clock->context) == wall_ms);
    while (loop_now_ms(&loop) == loop.wall_read_ms) {
        uv_update_time(&loop.uv);
    }
    CHECK(clock->wall_ms(clock->context) > wall_ms);
    loop_release(&loop);
}

TEST(loop_release_accepts_nothing)
{
    struct loop loop = {0};
    loop_release(&loop);
    CHECK(runtime_wall_ms(NULL) > 1600000000000);
    CHECK(runtime_mono_ms(NULL) <= runtime_mono_ms(NULL));
}

static bool try_init(void *context)
{
    (void)context;
    struct loop loop;
    if (loop_init(&loop, ACCOUNT_BYTES, NULL) != STATUS_OK) {
        return false;
    }
    loop_release(&loop);
    return true;
}

TEST(loop_init_survives_every_failed_allocation)
{
    check_every_allocation(try_init, NULL);
}
