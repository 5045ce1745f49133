/* What loops ask of the key sets: they wait while a key that nobody has is looked for. */
#include "daemon/key_set.h"

#include <assert.h>
#include <string.h>

static int64_t now_ms(const struct key_sets *sets)
{
    return sets->ports.clock->mono_ms(sets->ports.clock->context);
}

/* -- back to the loop ---------------------------------------------------------------------- */

static void run_done(struct posted *item)
{
    struct key_waiter *waiter =
        (struct key_waiter *)((char *)item - offsetof(struct key_waiter, posted));
    (void)atomic_fetch_sub(&waiter->user->sets->waiter_count, 1);
    waiter->sink.done(&waiter->sink);
    base_free(waiter);
}

static void let_go(struct key_sets *sets, struct key_waiter *waiter)
{
    const struct port_poster *poster = waiter->user->poster;
    sets->ports.timer->stop(sets->ports.timer->context, &waiter->timeout);
    waiter->posted = (struct posted){.run = run_done};
    poster->post(poster->context, &waiter->posted);
}

/* -- keys that were looked for in vain ----------------------------------------------------- */

static size_t place_of(const uint8_t key[CRYPTO_SHA256_BYTES])
{
    uint32_t hash;
    memcpy(&hash, key, sizeof(hash));
    return hash % KEY_SETS_ABSENT_MAX;
}

static bool is_absent(const struct key_sets *sets, const struct key_waiter *waiter, int64_t at_ms)
{
    size_t place = place_of(waiter->key);
    return at_ms < sets->absent[place].until_ms &&
           memcmp(sets->absent[place].key, waiter->key, sizeof(waiter->key)) == 0;
}

static void note_absent(struct key_sets *sets, const struct key_waiter *waiter, int64_t at_ms)
{
    size_t place = place_of(waiter->key);
    memcpy(sets->absent[place].key, waiter->key, sizeof(waiter->key));
    sets->absent[place].until_ms = at_ms + KEY_SETS_ABSENT_MS;
}

static bool has_kid(const struct jwks *keys, struct slice kid)
{
    const void *found[JWKS_CANDIDATES_MAX];
    bool has = false;
    for (unsigned i = 0; i < JWS_ALGORITHM_COUNT && keys != NULL && !has; i++) {
        has = jwks_find(keys, &kid, (enum jws_algorithm)i, found) > 0;
    }
    return has;
}

void key_waiters_end(struct key_set *set, bool is_good, bool is_new)
{
    struct key_sets *sets = set->owner;
    struct key_waiter *waiter = set->waiters;
    int64_t at_ms = now_ms(sets);
    set->waiters = NULL;
    while (waiter != NULL) {
        struct key_waiter *next = waiter->next;
        /* A known name with a bad signature is looked for as well; the same document has not
         * helped it. */
        if (is_good && (!is_new || !has_kid(set->keys, waiter->kid))) {
            note_absent(sets, waiter, at_ms);
        }
        let_go(sets, waiter);
        waiter = next;
    }
}

/* -- whether to look ----------------------------------------------------------------------- */

void key_waiters_gate(struct key_set *set)
{
    const struct key_sets *sets = set->owner;
    int64_t until_ms = 0;
    size_t entry = (size_t)(set->issuer - sets->config->issuers);
    if (entry >= IDENTITY_ENTRIES_MAX) {
        return;
    }
    if (!set->schedule.is_reading && set->schedule.failure_count > 0 && set->keys == NULL) {
        until_ms = set->schedule.due_ms;
    } else if (!set->schedule.is_reading) {
        struct key_schedule asked = set->schedule;
        bool has_budget = key_schedule_take(&asked, now_ms(sets), &until_ms);
        until_ms = has_budget ? 0 : until_ms;
    }
    atomic_store(&set->owner->closed_until_ms[entry], until_ms);
}

/* While keys are being read, whoever misses some waits for these. */
static bool may_wait(struct key_sets *sets, struct key_set *set, const struct key_waiter *waiter)
{
    int64_t at_ms = now_ms(sets);
    int64_t until_ms = 0;
    if (set == NULL || sets->is_closed || is_absent(sets, waiter, at_ms)) {
        return false;
    }
    return set->schedule.is_reading || ((set->keys != NULL || set->schedule.failure_count == 0) &&
                                        key_schedule_take(&set->schedule, at_ms, &until_ms));
}

static void on_timeout(struct timer *timer)
{
    struct key_waiter *waiter =
        (struct key_waiter *)((char *)timer - offsetof(struct key_waiter, timeout));
    struct key_set *set = waiter->set;
    struct key_waiter **link = &set->waiters;
    while (*link != waiter) {
        assert(*link != NULL);
        link = &(*link)->next;
    }
    *link = waiter->next;
    let_go(set->owner, waiter);
}

/* On the control loop. */
static void run_missed(struct posted *item)
{
    struct key_waiter *waiter =
        (struct key_waiter *)((char *)item - offsetof(struct key_waiter, posted));
    struct key_sets *sets = waiter->user->sets;
    const struct port_timer *timer = sets->ports.timer;
    struct key_set *set = sets->is_closed ? NULL : key_sets_named(sets, waiter->name);
    if (!may_wait(sets, set, waiter)) {
        if (set != NULL) {
            key_waiters_gate(set);
        }
        let_go(sets, waiter);
        return;
    }
    waiter->set = set;
    waiter->next = set->waiters;
    waiter->timeout.fire = on_timeout;
    set->waiters = waiter;
    timer->start(timer->context, &waiter->timeout, KEYS_WAIT_MS);
    if (!set->schedule.is_reading) {
        key_set_begin(set);
    }
}

/* -- the port, on the loop ----------------------------------------------------------------- */

static struct key_waiter *new_waiter(struct key_sets_user *user, const struct keys_miss *miss,
                                     const struct keys_sink *sink)
{
    const struct port_crypto *crypto = user->sets->ports.crypto;
    size_t bytes = miss->name.len + miss->kid.len + 1;
    struct key_waiter *waiter = base_alloc(sizeof(*waiter) + bytes);
    if (waiter == NULL) {
        return NULL;
    }
    *waiter = (struct key_waiter){.posted = {.run = run_missed}, .user = user, .sink = *sink};
    memcpy(waiter->text, miss->name.ptr, miss->name.len);
    waiter->text[miss->name.len] = '\n'; /* in no name */
    if (miss->kid.len > 0) {
        memcpy(waiter->text + miss->name.len + 1, miss->kid.ptr, miss->kid.len);
    }
    waiter->name = slice_of(waiter->text, miss->name.len);
    waiter->kid = slice_of(waiter->text + miss->name.len + 1, miss->kid.len);
    crypto->sha256(crypto->context, slice_of(waiter->text, bytes), waiter->key);
    return waiter;
}

static bool missed(void *context, const struct keys_miss *miss, const struct keys_sink *sink)
{
    struct key_sets_user *user = context;
    struct key_sets *sets = user->sets;
    const struct port_poster *control = sets->ports.poster;
    assert(miss->entry < IDENTITY_ENTRIES_MAX && miss->name.len > 0);
    if (user->clock->mono_ms(user->clock->context) <
        atomic_load(&sets->closed_until_ms[miss->entry])) {
        return false;
    }
    if (atomic_fetch_add(&sets->waiter_count, 1) >= KEY_SETS_WAITERS_MAX) {
        (void)atomic_fetch_sub(&sets->waiter_count, 1);
        return false;
    }
    struct key_waiter *waiter = new_waiter(user, miss, sink);
    if (waiter == NULL) {
        (void)atomic_fetch_sub(&sets->waiter_count, 1);
        return false;
    }
    control->post(control->context, &waiter->posted);
    return true;
}

struct port_keys key_sets_port(struct key_sets_user *user)
{
    return (struct port_keys){user, missed};
}
