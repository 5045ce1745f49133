/* introspection.h: have the issuer of a token asked what it is.
 *
 * Whoever asks for all loops asks about one token once at a time, remembers what was said for as
 * long as the configuration allows, and bounds how many questions are under way: tokens are
 * anybody's to invent.
 */
#ifndef AEGIS_CORE_PORTS_INTROSPECTION_H
#define AEGIS_CORE_PORTS_INTROSPECTION_H

#include "base/diag.h"
#include "core/ports/crypto.h"

struct introspection_question {
    struct slice name;   /* of the issuer's entry */
    struct slice token;  /* copied, and wiped when it is over */
    const uint8_t *hash; /* SHA-256 of the token */
};

/* Valid during the call of done. */
struct introspection_answer {
    bool is_active;
    struct slice text;  /* a JSON object; empty when the token is not active */
    int64_t asked_at_s; /* wall clock */
};

/* The caller's side, copied; ticket as in upstream.h. */
struct introspection_sink {
    /* Once, on the loop of the caller, unless ask had failed. STATUS_OK: the issuer has answered;
     * else answer is NULL and diag says why: STATUS_UNAVAILABLE with identity.answer or
     * identity.issuer_down, STATUS_LIMIT with identity.busy. */
    void (*done)(const struct introspection_sink *sink, enum status status,
                 const struct introspection_answer *answer, const struct diag *diag);
    void *user;
    uint64_t ticket;
};

struct port_introspection {
    void *context;
    /* On STATUS_OK done will be called, later, never from here. STATUS_LIMIT with identity.busy. */
    enum status (*ask)(void *context, const struct introspection_question *question,
                       const struct introspection_sink *sink, struct diag *diag);
};

#endif
