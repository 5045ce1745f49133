/* input_rounds.h: a call in which a modern server asks its client before it goes on.
 *
 * The server ends the request with questions; the client, or the gateway where the answer is no,
 * makes the request again with answers (MCP 2026-07-28, multi round-trip requests). Each round is a
 * request of its own, judged in full and recorded; what belongs together travels in the state
 * (request_state.h).
 */
#ifndef AEGIS_CORE_GATEWAY_INPUT_ROUNDS_H
#define AEGIS_CORE_GATEWAY_INPUT_ROUNDS_H

#include "core/gateway/child.h"
#include "core/gateway/question.h"

#define INPUT_STATE_LIFETIME_S 600
#define INPUT_PAUSE_MS 250 /* before a round in which there is nothing to answer */

/* How a call goes on when its server has said something about questions. */
enum input_next {
    INPUT_NONE = 0, /* nothing was asked: with its answer */
    INPUT_ASK,      /* the client is asked */
    INPUT_REPEAT,   /* the gateway answers by itself */
    INPUT_REFUSE,   /* by operation->refusal */
};

struct operation;

/* A judgement that is to be recorded. */
struct input_note {
    struct input_note *next;
    const struct mcp_method *method; /* NULL: answers that nobody asked for */
    struct question_judgement judgement;
    bool is_answer;
    struct operation *operation;
    struct child record; /* while the journal has it */
};

/* Texts live in the operation's arena. */
struct input_rounds {
    enum input_next next;
    uint32_t count;                         /* rounds so far */
    struct mcp_client_capabilities offered; /* what the server was told in this one */
    struct json_place early;              /* answers that came before a question; tape NULL: none */
    struct slice responses;               /* for the server: an object, or empty */
    struct slice state;                   /* the server's own, a JSON string; empty: none */
    struct slice ready;                   /* members of responses that a legacy client is spared */
    struct slice requests;                /* for the client: members of an object */
    struct slice sealed;                  /* for the client: our state */
    struct input_note *notes, *last_note; /* to be recorded, oldest first */
    bool is_noted;                        /* why operation->refusal refuses, in a note */
    bool lacks_capability;                /* the client, says the server; and it is right */
};

#endif
