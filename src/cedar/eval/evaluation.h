/* evaluation.h: what evaluating expressions for one request needs; private to src/cedar.
 *
 * Owns the lookup of entities, the steps that are left and the last failure. What an operator does
 * with values is in operators.h, how a condition is walked through in machine.h and reference.h.
 */
#ifndef AEGIS_CEDAR_EVAL_EVALUATION_H
#define AEGIS_CEDAR_EVAL_EVALUATION_H

#include "cedar/eval/prepared.h"
#include "cedar/value/value.h"

enum variable {
    VARIABLE_PRINCIPAL,
    VARIABLE_ACTION,
    VARIABLE_RESOURCE,
    VARIABLE_COUNT,
};

struct evaluation {
    const struct cedar_entities *entities;
    /* The same entities prepared for the set; NULL when they are not. Subjects have no other home.
     */
    const struct cedar_prepared_entities *home;
    struct cedar_value context;
    const struct subject *subjects[VARIABLE_COUNT]; /* prepared, or in looked_up */
    struct subject looked_up[VARIABLE_COUNT];
    struct value_work work;
    struct cedar_policy_error error; /* of the last failure; policy is the caller's to set */
    bool is_out_of_memory;           /* a failure was for want of memory, so nothing is sure */
};

/* How one policy fared. */
enum outcome {
    OUTCOME_FALSE,
    OUTCOME_TRUE,
    OUTCOME_UNKNOWN,
    OUTCOME_ERROR,
    OUTCOME_LIMIT, /* it cannot be told without memory */
};

/* Looks up what is not prepared for set; everything is borrowed. set is NULL for the reference
 * evaluator, which looks up all. */
void evaluation_init(struct evaluation *e, const struct cedar_policy_set *set,
                     const struct cedar_request *request, struct arena *arena);

/* A variable's value, which is always a reference. */
struct cedar_value evaluation_variable(const struct evaluation *e, enum variable variable);

/* The entity of a reference: what is prepared or known from the request, or looked up into place.
 */
const struct subject *evaluation_find(const struct evaluation *e, const struct cedar_uid *uid,
                                      struct subject *place);

/* Record a failure and return false. */
bool evaluation_fail(struct evaluation *e, enum cedar_error_kind kind, struct slice message,
                     struct slice subject);

/* False, and a failure, when there are not so many left. */
static inline bool evaluation_use_steps(struct evaluation *e, size_t count)
{
    if (count > e->work.steps_left) {
        e->work.steps_left = 0;
        return evaluation_fail(e, CEDAR_ERROR_STEPS, SLICE("the evaluation takes too many steps"),
                               SLICE_EMPTY);
    }
    e->work.steps_left -= (uint32_t)count;
    return true;
}

/* What the last failure means for the policy whose condition failed. */
enum outcome evaluation_failure(const struct evaluation *e);

/* What the value of a whole condition means for its policy. */
enum outcome evaluation_outcome(struct evaluation *e, const struct cedar_value *value);

#endif
