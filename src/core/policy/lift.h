/* lift.h: forbids that a caller can lift by coming back with a better token.
 *
 * A forbid that is annotated with what its caller lacks is no last word: @scopes("a b") names
 * scopes of the token, @step_up("mfa") a kind of sign-in, @max_age("300") how long ago that may
 * have been, in seconds. A denial that only such forbids stand for is answered with a challenge, if
 * without them the policies would allow it. One plain forbid among them makes it plain (DESIGN
 * section 6).
 */
#ifndef AEGIS_CORE_POLICY_LIFT_H
#define AEGIS_CORE_POLICY_LIFT_H

#include "base/arena.h"
#include "base/diag.h"
#include "cedar/cedar.h"

#define POLICY_WORDS_MAX 32       /* scopes or kinds of sign-in that one denial asks for */
#define POLICY_AGE_S_MAX 31536000 /* a year: more is no bound */

/* What a caller has to come back with; all zero: nothing would help. */
struct policy_demand {
    struct slice scopes[POLICY_WORDS_MAX];
    size_t scope_count;
    struct slice sign_ins[POLICY_WORDS_MAX];
    size_t sign_in_count;
    bool has_max_age;
    int64_t max_age_s; /* the shortest that is asked for */
};

/* Is a policy such a forbid? */
bool policy_can_be_lifted(const struct cedar_policy_set *set, size_t index);

/* What is wrong with its annotations, for the person who wrote them; NULL: nothing. */
const char *policy_lift_problem(const struct cedar_policy_set *set, size_t index);

/* The same policies without those forbids; *out is NULL when there are none, else to be freed with
 * cedar_policy_set_free. STATUS_LIMIT without memory. */
NODISCARD enum status policy_lift_all(const struct cedar_policy_set *set,
                                      struct cedar_policy_set **out);

/* Add what a policy asks for to the demand, each word once, texts copied into the arena. Words that
 * have no place are left out: the next denial asks for them. STATUS_LIMIT without memory. */
NODISCARD enum status policy_demand_add(struct policy_demand *demand,
                                        const struct cedar_policy_set *set, size_t index,
                                        struct arena *arena);

#endif
