/* stdio_calls.h: the calls that run on one child, and for which of them a message of its is;
 * private to transport.
 *
 * Texts of the child come in, calls are told and ended. Who writes to the child, starts it and ends
 * it is stdio_upstream.c.
 */
#ifndef AEGIS_ADAPTERS_TRANSPORT_STDIO_CALLS_H
#define AEGIS_ADAPTERS_TRANSPORT_STDIO_CALLS_H

#include "adapters/runtime/loop.h"
#include "adapters/transport/upstream_call.h"
#include "json/tape.h"

struct stdio_call;

/* Made by its owner with the first four and the functions, the rest zero. */
struct stdio_calls {
    struct loop *loop;
    const struct json_parser *parser;
    struct arena *arena; /* of one message */
    uint32_t noise_max;
    /* The child has written too much that is no message, and all calls were ended. */
    void (*on_noise)(struct stdio_calls *calls);
    /* It asks something, and none of the calls can be meant. */
    void (*on_unclaimed)(struct stdio_calls *calls, struct slice question);
    struct stdio_call *newest;
    uint32_t count, noise_count;
    bool has_batches; /* by the revision that was agreed with the child */
    bool has_others;  /* the calls are of several sessions */
    bool is_over;     /* all were ended: what the child still says is for nobody */
};

/* The child is started. */
void stdio_calls_restart(struct stdio_calls *calls);

/* How many wait for an answer on behalf of that caller? */
uint32_t stdio_calls_count_of(const struct stdio_calls *calls, uint64_t caller);

/* The child wrote a text, which should be a message. */
void stdio_calls_take(struct stdio_calls *calls, struct slice text);

/* End all calls that run, the oldest first, until the child is started again. */
void stdio_calls_end(struct stdio_calls *calls, enum status status, const char *code,
                     const char *what);

/* End the one that waits for the answer with that id, if there is one. */
void stdio_calls_end_one(struct stdio_calls *calls, int64_t id, enum status status,
                         const struct diag *diag);

/* A call that does not run yet: begin it, or free it with base_free. NULL: no memory.
 * is_standing: it gets what belongs to no other call, and waits for nothing. */
struct stdio_call *stdio_call_new(struct stdio_calls *calls, const struct upstream_request *request,
                                  const struct upstream_sink *sink, bool is_standing);

/* request, which it was made for, has been given to the child. */
struct upstream_call *stdio_call_begin(struct stdio_call *call,
                                       const struct upstream_request *request);

void stdio_call_cancel(struct upstream_call *call);

/* The server waits for us, or no longer: its silence is no time-out. */
void stdio_call_excuse(struct upstream_call *call, bool is_excused);

#endif
