/* model.h: what a solver answered, and what terms are under its model; private to
 * src/cedar/symbolic.
 *
 * The model is read as it is needed: a function's definition is evaluated for the arguments that
 * are asked about, so any mixture of choices and comparisons is understood without a table of it.
 * Everything is read by the type that is expected. A solver's answer is foreign bytes: what is not
 * understood is an error, and what is understood may still be wrong, which is why nothing that is
 * built from it counts before it was evaluated as a request (counterexample.h).
 * Reference: Cedar, symbolic analysis (section 16.5).
 */
#ifndef AEGIS_CEDAR_SYMBOLIC_MODEL_H
#define AEGIS_CEDAR_SYMBOLIC_MODEL_H

#include "cedar/symbolic/sexpr.h"
#include "cedar/symbolic/term.h"

#define MODEL_DEPTH_MAX 300               /* parts of a value; more than types are high */
#define MODEL_STEPS_MAX ((size_t)1 << 23) /* parts read, each as often as it is */

enum model_verdict {
    MODEL_UNKNOWN = 0, /* the solver gave up */
    MODEL_SAT,
    MODEL_UNSAT,
};

struct model_definition {
    struct slice name;
    uint32_t node; /* (define-fun name (parameters) sort body) */
};

struct model {
    struct terms *terms; /* of the query; new values are added to them */
    struct arena *arena; /* borrowed */
    struct sexpr text;
    struct model_definition *definitions; /* by rising name */
    size_t definition_count;
    const struct term **values; /* by number of a term of the query; NULL: not asked for yet */
    size_t value_count;
    unsigned depth; /* of what is being read */
    size_t steps_left;
};

/* What did the solver say? text is borrowed by the model.
 *
 * terms  as they were when the script was written
 * STATUS_INVALID with cedar.solver_answer when it is no answer, or an error of the solver's;
 * STATUS_LIMIT. */
NODISCARD enum status model_read(struct slice text, struct terms *terms, struct arena *arena,
                                 enum model_verdict *verdict, struct model *out, struct diag *diag);

/* The value of a term of the query, a literal. What the model does not mention is a default value.
 * STATUS_INVALID with cedar.solver_answer, STATUS_LIMIT. */
NODISCARD enum status model_evaluate(struct model *model, const struct term *term,
                                     const struct term **out, struct diag *diag);

/* Evaluate anew what was evaluated. */
void model_forget(struct model *model);

/* The value of a function for literals; tag is NULL but for TERM_TAG_VALUES. Statuses as above. */
NODISCARD enum status model_apply(struct model *model, const struct term_function *function,
                                  const struct term *entity, const struct term *tag,
                                  const struct term **out, struct diag *diag);

/* -- model_value.c -------------------------------------------------------------------------- */

/* Names that stand for literals where a definition is evaluated. */
struct model_binding {
    struct slice name;
    const struct term *value;
    const struct model_binding *next;
};

/* Read the value of this type at a node. Statuses as above. */
NODISCARD enum status model_read_value(struct model *model, const struct term_type *type,
                                       uint32_t node, const struct model_binding *bindings,
                                       const struct term **out, struct diag *diag);

/* The definition of a name, or text.count. */
uint32_t model_find(const struct model *model, struct slice name);

#endif
