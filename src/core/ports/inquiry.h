/* inquiry.h: have the issuer of a token asked what only it can say.
 *
 * Whoever asks for all loops asks about one thing once at a time, remembers what was said for as
 * long as the configuration allows, and bounds how many questions are under way: tokens are
 * anybody's to invent.
 */
#ifndef AEGIS_CORE_PORTS_INQUIRY_H
#define AEGIS_CORE_PORTS_INQUIRY_H

#include "base/diag.h"

enum inquiry_kind {
    INQUIRY_TOKEN = 0, /* what a token is; about is the token */
    INQUIRY_GROUPS,    /* of which groups a caller is; about is of group_lookup.h */
};

struct inquiry_question {
    enum inquiry_kind kind;
    struct slice name;  /* of the issuer's entry */
    struct slice about; /* copied, and wiped when it is over */
};

/* Valid during the call of done. */
struct inquiry_answer {
    bool is_yes;
    struct slice text;  /* of a yes: a JSON object, or group ids (group_lookup.h) */
    int64_t asked_at_s; /* wall clock */
};

/* The caller's side, copied; ticket as in upstream.h. */
struct inquiry_sink {
    /* Once, on the loop of the caller, unless ask had failed. STATUS_OK: the issuer has answered;
     * else answer is NULL and diag says why: STATUS_UNAVAILABLE with identity.answer or
     * identity.issuer_down, STATUS_LIMIT with identity.busy or identity.memory. */
    void (*done)(const struct inquiry_sink *sink, enum status status,
                 const struct inquiry_answer *answer, const struct diag *diag);
    void *user;
    uint64_t ticket;
};

struct port_inquiry {
    void *context;
    /* On STATUS_OK done will be called, later, never from here. STATUS_LIMIT with identity.busy. */
    enum status (*ask)(void *context, const struct inquiry_question *question,
                       const struct inquiry_sink *sink, struct diag *diag);
};

#endif
