#include "daemon/sign_in/keeper.h"

#include "adapters/runtime/loop.h"
#include "daemon/sign_in/flow.h"
#include "wire/bearer_challenge.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define GRANT_BYTES_MAX ((size_t)16 << 20)
#define IDLE_S 3600
#define HOUR_MS 3600000

/* -- for the loops ------------------------------------------------------------------------- */

static uint64_t read_token(void *context, struct buf *out)
{
    struct keeper *keeper = context;
    (void)pthread_mutex_lock(&keeper->mutex);
    if (keeper->has_grant) {
        buf_append(out, SLICE("Bearer "));
        buf_append(out, keeper->grant.access_token);
    }
    uint64_t generation = keeper->generation;
    (void)pthread_mutex_unlock(&keeper->mutex);
    return generation;
}

static void renew(void *context, const struct bearer_need *need, struct bearer_wait *wait)
{
    struct keeper *keeper = context;
    (void)pthread_mutex_lock(&keeper->mutex);
    if (need->generation != keeper->generation) {
        loop_post(wait->loop, &wait->posted);
    } else {
        if (keeper->waits == NULL) {
            buf_clear(&keeper->challenge);
            buf_append(&keeper->challenge, need->challenge);
            keeper->is_step_up = need->is_step_up;
        }
        wait->next = keeper->waits;
        wait->is_listed = true;
        keeper->waits = wait;
        (void)pthread_cond_signal(&keeper->woken);
    }
    (void)pthread_mutex_unlock(&keeper->mutex);
}

static bool forget(void *context, struct bearer_wait *wait)
{
    struct keeper *keeper = context;
    (void)pthread_mutex_lock(&keeper->mutex);
    bool was_listed = wait->is_listed;
    for (struct bearer_wait **at = &keeper->waits; was_listed && *at != NULL; at = &(*at)->next) {
        if (*at == wait) {
            *at = wait->next;
            break;
        }
    }
    wait->is_listed = false;
    (void)pthread_mutex_unlock(&keeper->mutex);
    return was_listed;
}

struct bearer_source keeper_source(struct keeper *keeper)
{
    return (struct bearer_source){
        .context = keeper, .read = read_token, .renew = renew, .forget = forget};
}

/* -- the thread; functions named _locked are called with the mutex held ---------------------- */

/* why: there is no other token; NULL: there is. */
static void post_all_locked(struct keeper *keeper, const struct diag *why)
{
    while (keeper->waits != NULL) {
        struct bearer_wait *wait = keeper->waits;
        keeper->waits = wait->next;
        wait->is_listed = false;
        wait->diag = why == NULL ? (struct diag){0} : *why;
        loop_post(wait->loop, &wait->posted);
    }
}

/* When a token is renewed by itself: some time before its end, for a short one after four fifths of
 * its life. */
static int64_t renewal_of(const struct grant *grant)
{
    int64_t left_s = grant->expires_at_s - runtime_wall_ms(NULL) / 1000;
    if (grant->expires_at_s == 0 || grant->refresh_token.len == 0) {
        return 0;
    }
    int64_t early_s = left_s / 5 < KEEPER_EARLY_S ? left_s / 5 : KEEPER_EARLY_S;
    return runtime_mono_ms(NULL) + (left_s > 0 ? left_s - early_s : 0) * 1000 + 1;
}

/* Takes the arena over. */
static void use_locked(struct keeper *keeper, struct arena *arena, const struct grant *grant)
{
    arena_wipe(&keeper->arena);
    keeper->arena = *arena;
    keeper->grant = *grant;
    keeper->has_grant = true;
    keeper->generation++;
    keeper->renew_at_ms = renewal_of(grant);
}

static void complain(const struct diag *diag)
{
    fprintf(stderr, "aegis: %s\n", diag->message);
}

/* Another process may have renewed meanwhile. */
static bool is_news(const struct grant *found, const struct grant *had)
{
    bool is_alive = found->expires_at_s == 0 || found->expires_at_s > runtime_wall_ms(NULL) / 1000;
    return is_alive && !slice_eq(found->access_token, had->access_token);
}

/* Why a token is to be renewed, copied out of the keeper. */
struct reason {
    struct slice challenge; /* empty: nobody waits, it only ends soon */
    bool is_step_up, is_kept;
    int64_t may_ask_at_ms; /* monotonic */
    bool is_often;         /* the hour is the reason */
    struct grant had;      /* all empty when there is none */
};

/* What came of it. */
struct outcome {
    struct diag diag;
    bool was_asked; /* a person was, for better or worse */
    bool is_kept;   /* the grant is in the file */
};

/* Refreshing starts from what lies in the file: another process may have used up ours, and a
 * refresh token that comes twice is one that was stolen, to an authorization server that rotates
 * them (RFC 9700 §4.14.2). */
static enum status renew_by_itself(const struct keeper *keeper, struct reason *reason,
                                   struct arena *arena, struct grant *out, struct diag *diag)
{
    struct grant found;
    enum status status = token_store_load(&keeper->store, arena, &found, diag);
    if (status == STATUS_OK) {
        bool is_new = is_news(&found, &reason->had);
        reason->had = found;
        if (is_new) {
            *out = found;
            return STATUS_OK;
        }
    } else if (reason->is_kept) {
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "sign_in.gone",
                         "the tokens kept for the server are gone: somebody signed out");
    }
    if (reason->is_step_up || reason->had.refresh_token.len == 0) {
        return STATUS_UNAUTHENTICATED;
    }
    return sign_in_refresh(&keeper->sign_in, &reason->had, arena, out, diag);
}

/* Has the person signed in as is wanted, and so recently? */
static bool is_signed_in_so(const struct grant *had, const struct bearer_challenge *challenge)
{
    int64_t age_s = runtime_wall_ms(NULL) / 1000 - had->signed_in_at_s;
    bool is_recent = challenge->max_age_s == BEARER_CHALLENGE_NO_MAX_AGE ||
                     (age_s >= 0 && age_s < challenge->max_age_s);
    return is_recent && had->signed_in_at_s > 0 &&
           (challenge->acr_values.len == 0 || slice_eq(had->acr_values, challenge->acr_values)) &&
           (challenge->claims.len == 0 || slice_eq(had->claims, challenge->claims));
}

/* A server that wants more names it. Whoever has it already, or was asked for it, is not asked
 * again.
 */
static enum status check_step_up(const struct reason *reason, struct arena *arena,
                                 struct diag *diag)
{
    struct bearer_challenge challenge;
    TRY(bearer_challenge_read(reason->challenge, arena, &challenge, diag));
    enum bearer_want want = bearer_challenge_want(&challenge);
    bool is_named = want == BEARER_WANTS_SCOPE
                        ? challenge.scope.len > 0
                        : challenge.acr_values.len > 0 || challenge.claims.len > 0 ||
                              challenge.max_age_s != BEARER_CHALLENGE_NO_MAX_AGE;
    if (want == BEARER_WANTS_TOKEN || !is_named) {
        return diag_fail(diag, STATUS_INVALID, "sign_in.forbidden",
                         "the server forbids this and says nothing of how to get permission");
    }
    if (want == BEARER_WANTS_SCOPE && flow_has_scopes(reason->had.scope, challenge.scope)) {
        return diag_fail(diag, STATUS_INVALID, "sign_in.forbidden",
                         "the server wants the scope '%.*s', which was asked for at the last "
                         "sign-in; its operator has to grant it to you",
                         SLICE_ARG(challenge.scope));
    }
    if (want == BEARER_WANTS_SIGN_IN && is_signed_in_so(&reason->had, &challenge)) {
        return diag_fail(diag, STATUS_INVALID, "sign_in.forbidden",
                         "the server wants a stronger or newer sign-in (acr_values '%.*s'), which "
                         "was asked for at the last one; your authorization server does not give "
                         "it",
                         SLICE_ARG(challenge.acr_values));
    }
    return STATUS_OK;
}

static enum status renew_by_person(const struct keeper *keeper, const struct reason *reason,
                                   struct arena *arena, struct grant *out, struct outcome *outcome)
{
    struct diag *diag = &outcome->diag;
    int64_t wait_ms = reason->may_ask_at_ms - runtime_mono_ms(NULL);
    if (reason->is_step_up) {
        TRY(check_step_up(reason, arena, diag));
    }
    if (wait_ms > 0 && reason->is_often) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "sign_in.often",
                         "%d sign-ins were asked for within an hour; the next one may begin in "
                         "%" PRId64 " min",
                         KEEPER_SIGN_INS_PER_HOUR, wait_ms / 60000 + 1);
    }
    if (wait_ms > 0) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "sign_in.pause",
                         "the last sign-in failed; the next one may begin %d s after it",
                         KEEPER_PAUSE_S);
    }
    outcome->was_asked = true;
    return sign_in_person(&keeper->sign_in, reason->challenge, &reason->had, arena, out, diag);
}

static enum status get_grant(struct keeper *keeper, struct reason *reason, struct arena *arena,
                             struct grant *out, struct outcome *outcome)
{
    int lock = token_store_lock(&keeper->store, TOKEN_STORE_FOREVER, &keeper->is_stopped);
    struct diag *diag = &outcome->diag;
    enum status status = renew_by_itself(keeper, reason, arena, out, diag);
    if (status == STATUS_UNAUTHENTICATED && reason->challenge.len > 0) {
        if (diag->message[0] != '\0') {
            complain(diag); /* why the person is asked again */
        }
        *diag = (struct diag){0};
        status = renew_by_person(keeper, reason, arena, out, outcome);
    }
    if (status == STATUS_OK) {
        struct diag unkept = {0};
        outcome->is_kept = token_store_save(&keeper->store, out, &unkept) == STATUS_OK;
        if (!outcome->is_kept) {
            complain(&unkept); /* it is good for this process all the same */
        }
    }
    if (lock >= 0) {
        (void)close(lock);
    }
    return status;
}

static enum status copy_reason_locked(struct keeper *keeper, struct arena *arena,
                                      struct reason *out)
{
    int64_t oldest_ms = keeper->asked_at_ms[keeper->asked_count % KEEPER_SIGN_INS_PER_HOUR];
    int64_t hour_ms =
        keeper->asked_count < KEEPER_SIGN_INS_PER_HOUR ? INT64_MIN : oldest_ms + HOUR_MS;
    bool is_often = hour_ms > keeper->quiet_until_ms;
    *out = (struct reason){.is_step_up = keeper->is_step_up,
                           .is_kept = keeper->is_kept,
                           .is_often = is_often,
                           .may_ask_at_ms = is_often ? hour_ms : keeper->quiet_until_ms};
    if (keeper->waits != NULL) {
        TRY(arena_copy(arena, buf_view(&keeper->challenge), &out->challenge));
    }
    return grant_copy(&keeper->grant, arena, &out->had);
}

/* What a person was asked is remembered; after a failure nobody is asked for a while. */
static void note_asked_locked(struct keeper *keeper, int64_t begun_ms, bool is_good)
{
    keeper->asked_at_ms[keeper->asked_count++ % KEEPER_SIGN_INS_PER_HOUR] = begun_ms;
    if (!is_good) {
        keeper->quiet_until_ms = runtime_mono_ms(NULL) + KEEPER_PAUSE_S * 1000;
    }
}

/* Called with the mutex held, which is given up for as long as it takes. */
static void work_locked(struct keeper *keeper)
{
    struct arena arena;
    struct reason reason;
    struct grant grant = {0};
    struct outcome outcome = {0};
    arena_init(&arena, GRANT_BYTES_MAX, NULL);
    enum status status = copy_reason_locked(keeper, &arena, &reason);
    int64_t begun_ms = runtime_mono_ms(NULL);
    keeper->renew_at_ms = 0;
    (void)pthread_mutex_unlock(&keeper->mutex);
    if (status == STATUS_OK) {
        status = get_grant(keeper, &reason, &arena, &grant, &outcome);
    }
    if (status != STATUS_OK && outcome.diag.message[0] != '\0' &&
        !atomic_load(&keeper->is_stopped)) {
        complain(&outcome.diag);
    }
    (void)pthread_mutex_lock(&keeper->mutex);
    if (outcome.was_asked) {
        note_asked_locked(keeper, begun_ms, status == STATUS_OK);
    }
    if (status == STATUS_OK) {
        use_locked(keeper, &arena, &grant);
        keeper->is_kept = outcome.is_kept;
    } else {
        arena_wipe(&arena);
    }
    post_all_locked(keeper, status == STATUS_OK ? NULL : &outcome.diag);
}

static bool is_due_locked(const struct keeper *keeper)
{
    return keeper->waits != NULL ||
           (keeper->renew_at_ms > 0 && runtime_mono_ms(NULL) >= keeper->renew_at_ms);
}

static void *run(void *context)
{
    struct keeper *keeper = context;
    (void)pthread_mutex_lock(&keeper->mutex);
    while (!atomic_load(&keeper->is_stopped)) {
        if (is_due_locked(keeper)) {
            work_locked(keeper);
            continue;
        }
        int64_t until_ms =
            keeper->renew_at_ms > 0 ? keeper->renew_at_ms : runtime_mono_ms(NULL) + IDLE_S * 1000;
        const struct timespec until = {.tv_sec = until_ms / 1000,
                                       .tv_nsec = until_ms % 1000 * 1000000};
        (void)pthread_cond_timedwait(&keeper->woken, &keeper->mutex, &until);
    }
    (void)pthread_mutex_unlock(&keeper->mutex);
    return NULL;
}

/* -- start and stop ------------------------------------------------------------------------ */

static enum status use_kept(struct keeper *keeper, struct diag *diag)
{
    struct arena arena;
    struct grant grant;
    arena_init(&arena, GRANT_BYTES_MAX, NULL);
    enum status status = token_store_load(&keeper->store, &arena, &grant, diag);
    if (status == STATUS_OK) {
        use_locked(keeper, &arena, &grant);
        keeper->is_kept = true;
        return STATUS_OK;
    }
    arena_wipe(&arena);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status keeper_start(struct keeper *keeper, const struct sign_in *sign_in,
                         const struct token_store *store, struct diag *diag)
{
    sigset_t all, before;
    pthread_condattr_t attributes;
    *keeper = (struct keeper){.sign_in = *sign_in, .store = *store};
    keeper->sign_in.is_stopped = &keeper->is_stopped;
    arena_init(&keeper->arena, GRANT_BYTES_MAX, NULL);
    buf_init(&keeper->challenge, KEEPER_CHALLENGE_BYTES, NULL);
    (void)pthread_mutex_init(&keeper->mutex, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&keeper->woken, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    TRY(use_kept(keeper, diag));
    /* Signals are the control thread's. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    keeper->has_thread = pthread_create(&keeper->thread, NULL, run, keeper) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return keeper->has_thread
               ? STATUS_OK
               : diag_fail(diag, STATUS_UNAVAILABLE, "sign_in.thread", "cannot start a thread");
}

void keeper_stop(struct keeper *keeper)
{
    if (keeper->has_thread) {
        (void)pthread_mutex_lock(&keeper->mutex);
        atomic_store(&keeper->is_stopped, true);
        (void)pthread_cond_signal(&keeper->woken);
        (void)pthread_mutex_unlock(&keeper->mutex);
        (void)pthread_join(keeper->thread, NULL);
    }
    arena_wipe(&keeper->arena);
    buf_release(&keeper->challenge);
    (void)pthread_cond_destroy(&keeper->woken);
    (void)pthread_mutex_destroy(&keeper->mutex);
}
