/* tally.h: from the outcomes of policies to a decision; private to src/cedar.
 *
 * Policies may be counted in any order, and more than once: the response lists each once, by its
 * place in the set (Cedar reference, section 8).
 */
#ifndef AEGIS_CEDAR_EVAL_TALLY_H
#define AEGIS_CEDAR_EVAL_TALLY_H

#include "cedar/eval/evaluation.h"
#include "cedar/eval/growing.h"

struct tally {
    struct arena *arena; /* borrowed */
    bool erroring_forbid_denies;
    struct growing permits, forbids; /* of size_t */
    struct growing errors;           /* of struct cedar_policy_error */
    size_t unknown_permits, unknown_forbids;
};

/* options may be NULL. */
void tally_init(struct tally *tally, const struct cedar_options *options, struct arena *arena);

/* error is looked at for OUTCOME_ERROR only. STATUS_LIMIT without memory,
 * also for OUTCOME_LIMIT. */
NODISCARD enum status tally_add(struct tally *tally, size_t policy, enum cedar_effect effect,
                                enum outcome outcome, const struct cedar_policy_error *error);

/* The tally is used up. */
void tally_respond(struct tally *tally, struct cedar_response *out);
enum cedar_answer tally_answer(const struct tally *tally);

#endif
