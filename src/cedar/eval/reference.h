/* reference.h: the plain evaluator, to judge the compiled one by; private to src/cedar.
 *
 * Walks the tree of every policy, one after the other, without index, symbols or memory of earlier
 * results, close to the text of the language reference. No decision of the product comes from here:
 * tests and the benchmark ask both. Single expressions, which decide nothing, are not worth
 * compiling and are evaluated here.
 */
#ifndef AEGIS_CEDAR_EVAL_REFERENCE_H
#define AEGIS_CEDAR_EVAL_REFERENCE_H

#include "cedar/syntax/tree.h"

/* As cedar_authorize and cedar_may_allow. */
NODISCARD enum status reference_authorize(const struct cedar_policy_set *set,
                                          const struct cedar_request *request,
                                          const struct cedar_options *options, struct arena *arena,
                                          struct cedar_response *out);
NODISCARD enum status reference_may_allow(const struct cedar_policy_set *set,
                                          const struct cedar_request *request,
                                          const struct cedar_options *options, struct arena *arena,
                                          enum cedar_answer *out);

/* As cedar_expression_evaluate. */
NODISCARD enum status reference_evaluate(const struct node *node,
                                         const struct cedar_request *request, struct arena *arena,
                                         struct cedar_value *out, struct cedar_policy_error *error);

#endif
