/* smtlib.h: formulas as a script for a solver; private to src/cedar/symbolic.
 *
 * Every term is written once, in the order of their numbers, as a definition whose operands are
 * names (A-normal form), so a script is as long as the graph is large and never nested deeply.
 * Names are made of numbers: nothing of a policy is in them. What a solver has to be told about how
 * to work is part of the script, so that its command line need not know.
 * Reference: Cedar, symbolic analysis (section 16.2) and solvers (17); SMT-LIB 2.6.
 */
#ifndef AEGIS_CEDAR_SYMBOLIC_SMTLIB_H
#define AEGIS_CEDAR_SYMBOLIC_SMTLIB_H

#include "cedar/prove.h"
#include "cedar/symbolic/term.h"

#define SMTLIB_CODE_MAX 0x2FFFFU /* the last character that a text of SMT-LIB may have */

/* All borrowed. */
struct smtlib_query {
    const struct terms *terms;
    const struct term *const *assertions; /* truths */
    size_t assertion_count;
    enum cedar_solver_dialect dialect;
    uint32_t time_ms_max; /* the solver answers "unknown" when it is over */
    bool wants_model;
};

/* Append a script that asks whether all assertions can hold together, and for which values.
 *
 * arena  for work
 * STATUS_INVALID with cedar.solver_text when a text has a character beyond SMTLIB_CODE_MAX;
 * STATUS_LIMIT when arena or out is full. */
NODISCARD enum status smtlib_write(const struct smtlib_query *query, struct arena *arena,
                                   struct buf *out, struct diag *diag);

/* -- the names in a script, which a model uses, too ------------------------------------------- */

/* Append the name of a function, such as "ancestors_3_7". */
void smtlib_put_function(struct buf *out, const struct term_function *function);

#endif
