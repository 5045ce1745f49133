/* input_shared.h: what the sides of input rounds share; private to input_*.c and asking.c. */
#ifndef AEGIS_CORE_GATEWAY_INPUT_SHARED_H
#define AEGIS_CORE_GATEWAY_INPUT_SHARED_H

#include "core/gateway/operation.h"
#include "core/gateway/request_state.h"

#define INPUT_TEXT_BYTES_MAX GATEWAY_OPERATION_BYTES_MAX

/* Append `"key":` of one more member; key is a string on some tape. */
void input_append_key(struct buf *out, struct json_place key);

/* A question of the operation's server to its client. */
struct question input_question(struct operation *op, const struct mcp_method *method,
                               struct json_place params);

/* One more judgement to record. NULL: no memory. */
struct input_note *input_add_note(struct operation *op, const struct mcp_method *method,
                                  bool is_answer);

/* The call cannot go on: refuse, once what was judged is recorded. */
void input_refuse(struct operation *op, const struct operation_refusal *refusal);

/* The same because of a policy; reason is for the audit. */
void input_refuse_denied(struct operation *op, const struct policy_answer *answer,
                         struct slice reason);

/* The client's answers or its state are not right: -32602. */
void input_refuse_params(struct operation *op, struct slice text, const char *code,
                         struct slice reason);

/* Note the roots that were left out of an answer; is_answer false: the resources in something that
 * a server said, by the method of a read. */
NODISCARD enum status input_note_parts(struct operation *op, const struct mcp_method *method,
                                       bool is_answer, const struct question_judgement *parts);

/* Seal text for this caller and call into *out, in the arena. is_held: only this loop can go on. */
NODISCARD enum status input_seal(struct operation *op, struct slice text, bool is_held,
                                 struct slice *out);

/* Judge an answer to a question that has the parameters which the client got, note it, and append
 * what the server gets under the key of the question; or refuse the call. */
NODISCARD enum status input_judge_answer(struct operation *op, const struct question *question,
                                         struct json_place key, struct json_place result,
                                         struct buf *out);

/* Note once when there are responses to what is not among the members of asked. */
NODISCARD enum status input_note_unasked(struct operation *op, struct json_place asked,
                                         struct json_place responses);

/* input_questions.c: judge the questions of a task of a modern server; requests: an object, or
 * nothing. What the client may be asked lands in input.requests, what the server is told in
 * input.responses: each "no", and what the client has answered (input.early). */
NODISCARD enum status input_judge_task(struct operation *op, struct json_place requests);

/* What a state of this operation is sealed for; its parameters, the same in each round, are written
 * to params. */
NODISCARD enum status input_use(const struct operation *op, struct buf *params,
                                struct request_state_use *out);

/* Since the epoch. */
int64_t input_now_s(const struct operation *op);

#endif
