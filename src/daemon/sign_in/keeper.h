/* keeper.h: keeps somebody signed in: a thread that renews a token before it ends and when it is
 * refused.
 *
 * All work is done on its thread, one thing at a time, so nothing is renewed twice however many
 * calls wait. A person is asked only when there is no other way or the server wants more than the
 * token gives, after a refusal not again for a while, and never more than so often in an hour: a
 * client that tries on and on, or a server that is never content, must not open page after page.
 */
#ifndef AEGIS_DAEMON_SIGN_IN_KEEPER_H
#define AEGIS_DAEMON_SIGN_IN_KEEPER_H

#include "adapters/transport/bearer_upstream.h"
#include "daemon/sign_in/sign_in.h"

#include <pthread.h>

#define KEEPER_EARLY_S 60 /* before its end a token is renewed; less for short ones */
#define KEEPER_PAUSE_S 60 /* after a person said no, or nothing */
#define KEEPER_SIGN_INS_PER_HOUR 6
#define KEEPER_CHALLENGE_BYTES 16384

struct keeper {
    struct sign_in sign_in;
    struct token_store store;
    pthread_t thread;
    bool has_thread;
    atomic_bool is_stopped;
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t woken;
    struct arena arena; /* of grant */
    struct grant grant;
    bool has_grant;
    uint64_t generation;       /* of the grant; another for each */
    int64_t renew_at_ms;       /* monotonic; 0: not by itself */
    struct bearer_wait *waits; /* for another than generation's */
    struct buf challenge;      /* why the first of them waits */
    bool is_step_up;
    bool is_kept;           /* the grant was in the file: when that is gone, somebody signed out */
    int64_t quiet_until_ms; /* monotonic; no person is asked before */
    /* When a person was asked, the oldest at asked_count; a ring. */
    int64_t asked_at_ms[KEEPER_SIGN_INS_PER_HOUR];
    size_t asked_count;
};

/* What is kept in store is used, and the thread started. sign_in's is_stopped is set here; the rest
 * is borrowed. STATUS_UNAVAILABLE sign_in.thread, statuses of token_store_load. */
NODISCARD enum status keeper_start(struct keeper *keeper, const struct sign_in *sign_in,
                                   const struct token_store *store, struct diag *diag);

struct bearer_source keeper_source(struct keeper *keeper);

/* End the thread; what a person was asked for is given up. All waits were posted or forgotten. */
void keeper_stop(struct keeper *keeper);

#endif
