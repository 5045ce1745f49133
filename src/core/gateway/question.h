/* question.h: what a server asks of a client, and what the client answers, judged.
 *
 * Knows sampling, roots and elicitation, and nothing of how they travel: a request on a stream, or
 * a part of a result. The carrier finds out what is asked, has it judged here, and sends on what
 * was written here: never the bytes that came. In policies the principal is the caller on whose
 * behalf the server works, and the server that asks is the resource (DESIGN section 6). Source:
 * MCP, client features; the answer to a server whose question is refused is the client's "no".
 */
#ifndef AEGIS_CORE_GATEWAY_QUESTION_H
#define AEGIS_CORE_GATEWAY_QUESTION_H

#include "core/audit/record.h"
#include "core/gateway/carried.h"
#include "core/mcp/capabilities.h"
#include "core/policy/decide.h"

#define QUESTION_MEMBERS_MAX 64 /* of the parameters, and of an answer */
#define QUESTION_ROOTS_MAX 256
/* A member of the response to what no question is. */
#define QUESTION_UNKNOWN "\"error\":{\"code\":-32601,\"message\":\"method not found\"}"

/* All borrowed. */
struct question {
    const struct mcp_method *method; /* mcp_question_find */
    struct json_place params;        /* tape NULL: there are none */
    /* Principal, policies, server, where and when; what is asked is filled in here. */
    struct policy_question scene;
    struct mcp_client_capabilities client; /* what the client declared */
    bool names_server;                     /* the client talks to several servers: say who asks */
    enum mcp_revision revision;            /* in which the client is asked */
    struct carried_rules carried;          /* for resources in messages; good while it is judged */
    /* Names a page where the revision wants a name and the server gave none; without characters to
     * escape. */
    struct slice elicitation_id;
};

struct question_judgement {
    bool is_allowed;
    bool is_undeclared;  /* the client never said that it can be asked that */
    bool is_malformed;   /* it breaks the protocol: no policy was asked */
    const char *code;    /* stable, of a refusal; else NULL */
    struct slice reason; /* for the audit; of a denial see answer.reason, for the caller */
    struct slice target; /* the address of a root; empty: the server */
    struct policy_answer answer;
    struct question_judgement *stripped; /* the roots left out of an answer, in their order */
    struct question_judgement *carried;  /* of the resources in messages, in their order */
    struct question_judgement *next;
};

/* Ask the policies, and say in the judgement what they said. STATUS_LIMIT: no memory; denied. */
NODISCARD enum status question_decide(const struct policy_question *scene, struct arena *scratch,
                                      struct arena *arena, struct question_judgement *out);

/* May the server ask? On is_allowed the parameters to ask with are appended to out: rewritten, on
 * one line, nothing when there are none.
 *
 * scratch  of one decision; its contents are forgotten
 * arena    the judgement lives there
 * STATUS_OK: judged, either way. STATUS_LIMIT: no memory, and *judgement refuses. */
NODISCARD enum status question_judge(const struct question *question, struct arena *scratch,
                                     struct arena *arena, struct buf *out,
                                     struct question_judgement *judgement);

/* May the answer go to the server? question is the one that was asked, with the parameters that the
 * client got. On is_allowed the result is appended to out; judgement->stripped has the roots that
 * are not in it. A client's error is no answer: send question_write_refusal for it. Otherwise as
 * question_judge. */
NODISCARD enum status question_judge_answer(const struct question *question,
                                            struct json_place result, struct arena *scratch,
                                            struct arena *arena, struct buf *out,
                                            struct question_judgement *judgement);

/* Did the client say that it can be asked that? */
bool question_is_declared(const struct question *question);

/* The result that says no; empty for sampling, which has none. */
struct slice question_refusal_result(const struct question *question);

/* Append what a legacy server gets: `"result":{...}` or `"error":{...}`, a member of the response.
 */
void question_write_refusal(const struct question *question,
                            const struct question_judgement *judgement, struct buf *out);

/* Fill in what the record of a judgement says about it: an event of direction "server", or of
 * "client" for an answer. Principal, times and ids are left to the caller. */
void question_describe(const struct question *question, const struct question_judgement *judgement,
                       bool is_answer, struct audit_record *record);

/* Why may the server never ask that, whatever it asks? For a question that was not made, because
 * the capability was not offered. */
void question_explain(const struct question *question, struct arena *scratch, struct arena *arena,
                      struct question_judgement *judgement);

/* What is left of a client's capabilities when those are taken out that the server may never use.
 * scene as in struct question. */
struct mcp_client_capabilities question_reduce(const struct policy_question *scene,
                                               const struct mcp_client_capabilities *client,
                                               struct arena *scratch);

#endif
