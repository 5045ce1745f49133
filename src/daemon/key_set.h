/* key_set.h: the keys of one issuer and what is under way for them; private to key_sets.c and
 * key_waiters.c. */
#ifndef AEGIS_DAEMON_KEY_SET_H
#define AEGIS_DAEMON_KEY_SET_H

#include "core/identity/key_schedule.h"
#include "daemon/key_sets.h"

struct key_set {
    struct key_sets *owner;
    struct buf source; /* name, issuer and place of its keys: another place is another set */
    const struct config_issuer *issuer; /* in the configuration adopted last */
    struct jwks *keys;                  /* one reference; NULL: none may be used */
    struct key_schedule schedule;
    uint8_t document[CRYPTO_SHA256_BYTES]; /* hash of what keys were read from */
    bool was_read;                         /* well or not, since it was added or asked for anew */
    bool takes_as_it_is;                   /* the next document: no key of before stays */
    bool is_in_use;
    struct http_client_call *call; /* NULL: none is under way */
    size_t place;                  /* which address of metadata is being asked */
    struct arena found;            /* of the address that metadata named */
    struct slice found_url;        /* empty: none yet */
    struct arena places;           /* of endpoints */
    struct key_sets_endpoints endpoints;
    bool are_fresh; /* the endpoints: metadata were read, and nothing has failed since */
    struct key_waiter *waiters;
};

/* A request of a loop that waits, on its way there and back. */
struct key_waiter {
    struct posted posted;
    struct key_waiter *next;
    struct key_sets_user *user;
    struct keys_sink sink;
    struct key_set *set; /* it waits for; NULL: on its way */
    struct timer timeout;
    uint8_t key[CRYPTO_SHA256_BYTES]; /* hash of name and kid */
    struct slice name, kid;
    uint8_t text[]; /* of both */
};

/* Begin a reading that a missing key caused. The schedule has agreed. */
void key_set_begin(struct key_set *set);

struct key_set *key_sets_named(struct key_sets *sets, struct slice name);

/* The reading ended: let all go on that waited. is_good: keys that are still missing are not looked
 * for again for a while; is_new: it brought another document. */
void key_waiters_end(struct key_set *set, bool is_good, bool is_new);

/* Say to all loops until when missing keys of this set are not looked for. */
void key_waiters_gate(struct key_set *set);

#endif
