/* asking.h: what a server asks in a request, or a legacy client is asked in one: on its way to the
 * client, and the answer on its way back.
 *
 * A question belongs to the operation whose call it came with, and ends with it; that of a child,
 * which has one stream for all calls, goes over to another call of the session that still runs. It
 * is judged and recorded (question.h), then sent on the client's stream under an id of ours,
 * because ids of servers are theirs and two of them may be equal. The client answers in a request
 * of its own, which is judged, recorded and handed to the server: of a legacy one in its session,
 * to a modern one in the next round (input_asked.c). A modern client is asked by way of its own
 * request (held_call.h). A question that is refused, that nobody
 * answers in time or that cannot be asked gets the client's "no".
 */
#ifndef AEGIS_CORE_GATEWAY_ASKING_H
#define AEGIS_CORE_GATEWAY_ASKING_H

#include "core/gateway/child.h"
#include "core/gateway/question.h"
#include "core/ports/timer.h"

struct client_session;
struct operation;
struct server_session;

struct asking {
    struct asking *next;       /* of the operation */
    struct asking *next_asked; /* of the client's session, while it waits for the client */
    struct operation *operation;
    struct operation *answering; /* brings the answer, while that is recorded */
    struct child record;
    struct child turn; /* the operation waits for it: of a round */
    struct timer timeout;
    struct arena arena;       /* of all below, charged to the principal */
    struct json_tape message; /* what a legacy server wrote */
    struct slice server_id;   /* a lexeme: the id in it, or the key in a round */
    int64_t id;               /* ours, for the client; 0 before it was asked */
    struct question question;
    struct question_judgement judgement;
    struct slice params;    /* what the client gets; empty: none */
    struct json_tape asked; /* the same, read */
    bool is_over;           /* the server has its answer, or waits for none */
    bool is_of_round;       /* asked in a result: the answer is kept here */
    bool is_answered;       /* of a held call: result is judged, and on its way to the server */
    struct slice result;    /* for the server; empty: there is no answer */
    struct slice reason;    /* a policy's, for there being none; or empty */
};

/* The server of the operation's call asks; tape is in the operation's arena. False when the call
 * cannot go on: too many questions, or no memory. */
NODISCARD bool asking_begin(struct operation *operation, const struct json_tape *tape);

/* A server asked that in a result, under that key, and may: params is what the client gets. Nothing
 * is sent yet. False: no memory. */
NODISCARD bool asking_add(struct operation *operation, struct slice key,
                          const struct question *question, struct slice params);

/* Ask what was added; turn runs until it is over, which may be at once. */
void asking_send(struct asking *asking);

/* The server takes the question with that id back. */
void asking_withdraw(struct operation *operation, struct slice server_id);

/* The session with a server was lost: nobody waits for what its client was asked outside of calls.
 */
void asking_lose(const struct server_session *session);

/* The call is over: the client need not answer what it was asked, unless another call may need it.
 */
void asking_end_all(struct operation *operation);

/* Free what is over, behind asking_end_all and the last child. */
void asking_free_all(struct operation *operation);

/* Let by->asking be the question that was asked of the client of a session under that id, if there
 * is one that has no answer yet. */
void asking_take(struct client_session *client, int64_t id, struct operation *by);

/* Answer the server with that result, or with the client's "no" when it is empty. */
void asking_finish(struct asking *asking, struct slice result);

/* The client cannot be asked, for that reason: record it, and say "no" to the server. */
void asking_refuse(struct asking *asking, const char *code);

/* What by has taken is answered with that result, an object; with the client's "no" when it is
 * empty. Nothing when the question ended meanwhile. */
void asking_answer(struct operation *by, struct slice result);

#endif
