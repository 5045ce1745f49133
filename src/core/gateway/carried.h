/* carried.h: resources that something else carries: links and embedded resources in a result or in
 * a message for a model, and the contents of an answer to a read.
 *
 * Each is judged like a read of its address at the server that says it: a link like an entry of a
 * list, content like a read that is made now. What does not pass is replaced by a text that says
 * so. Knows blocks and nothing of how they travel; texts, structured content and metadata are not
 * searched for addresses. Source: MCP, tools, prompts, resources and sampling.
 */
#ifndef AEGIS_CORE_GATEWAY_CARRIED_H
#define AEGIS_CORE_GATEWAY_CARRIED_H

#include "base/buf.h"
#include "core/audit/record.h"
#include "core/policy/decide.h"

/* Arrays and objects inside each other: messages, a message, its content, the result of a tool, its
 * content, a block. What is deeper is withheld. */
#define CARRIED_DEPTH_MAX 6

struct question_judgement;

/* Who may have what. Zero: nobody anything. */
struct carried_rules {
    /* Fill in what policies are asked about a read of the address, in its normal form. False: the
     * endpoint would not show it. */
    bool (*ask)(void *context, struct slice uri, struct policy_question *out);
    void *context;
    size_t resources_max;                      /* judged in one value; what is beyond is withheld */
    uint8_t decision[AUDIT_DECISION_ID_BYTES]; /* told with what is withheld */
};

/* Where resources may stand. */
struct carried_value {
    struct json_place place; /* blocks, messages, or the contents of a read */
    struct slice requested; /* of a read: its address in normal form, which is judged; else empty */
};

struct carried {
    struct question_judgement *judged; /* of each resource in its order, in the arena */
    struct slice text;                 /* to be said instead, in the arena; empty: what came */
};

/* Is there anything to judge? Costs a look at the type of each block. */
bool carried_is_in(const struct carried_value *value);

/* Judge one address in its normal form, as that of a link. Arenas and statuses as below. */
NODISCARD enum status carried_judge_link(const struct carried_rules *rules, struct slice uri,
                                         struct arena *scratch, struct arena *arena,
                                         struct question_judgement *out);

/* Judge all resources in a value.
 *
 * scratch  of one decision; its contents are forgotten
 * arena    the judgements and the text live there
 * STATUS_LIMIT: no memory; then nothing of the value may go on. */
NODISCARD enum status carried_judge(const struct carried_rules *rules,
                                    const struct carried_value *value, struct arena *scratch,
                                    struct arena *arena, struct carried *out);

#endif
