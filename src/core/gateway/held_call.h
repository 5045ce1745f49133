/* held_call.h: a call that waits at a legacy server while its modern client is asked.
 *
 * A modern client is asked in the result of its request and answers in another one (MCP 2026-07-28,
 * multi round-trip requests); a legacy server goes on with the call it has. So the operation of the
 * call outlives the request: it answers with the questions, is held without a client, and takes
 * over the exchange of the request that brings the answers, once that is judged and recorded. The
 * sealed state names it by its loop and by the decision id of its last round, so that it is good
 * once. What is held is bounded, of one caller and in all, and in time; then the call is taken back
 * at the server.
 */
#ifndef AEGIS_CORE_GATEWAY_HELD_CALL_H
#define AEGIS_CORE_GATEWAY_HELD_CALL_H

#include "base/slice.h"
#include "core/audit/record.h"
#include "core/gateway/child.h"
#include "core/policy/schema_check.h"

struct operation;

/* In the operation of the call; and in that of a request with answers, which has claimed another.
 */
struct held_call {
    struct operation *next; /* of the gateway's that are held */
    bool is_held;           /* nobody is connected, a request is waited for */
    struct operation *claimed_by;
    struct child record; /* of a round that ends */
    struct child retry;  /* the server is done, the client is not there */
    uint32_t round_count;
    bool is_counted;             /* in asking_count of its session */
    int64_t last_id;             /* of its questions */
    struct slice progress_token; /* of the request that goes on with it; a lexeme, or empty */

    bool is_claim;           /* the request goes on with a held call */
    struct operation *claim; /* that one; NULL: it is gone */
};

/* A question of the operation's server was judged, or is over: ask the client, if it is there, when
 * no other is still being judged. */
void held_call_ask(struct operation *operation);

/* by brings answers and the state of a held call, opened: claim it, judge the answers. What is not
 * right ends in input_refuse. STATUS_LIMIT: no memory. */
NODISCARD enum status held_call_claim(struct operation *by, struct json_place state,
                                      struct json_place responses);

/* by is judged and recorded: give its answers to the server, and its exchange to the call. False:
 * the call is gone, or there is no memory (wait_status, wait_diag), and by goes on by itself. */
NODISCARD bool held_call_resume(struct operation *by);

/* Time is up: end it. */
void held_call_expire(struct operation *operation);

/* End it for another reason, which is recorded. */
void held_call_end(struct operation *operation, enum audit_type type, struct slice code);

/* The operation ends: it is held no more, and claims nothing. */
void held_call_leave(struct operation *operation);

/* The progress token of the request that is to be answered; empty: none. */
struct slice held_call_progress_token(const struct operation *operation);

#endif
