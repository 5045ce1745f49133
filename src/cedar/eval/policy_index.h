/* policy_index.h: which policies a request may concern; private to src/cedar.
 *
 * Every policy lies in one bucket, that of the most selective part of its scope. A policy that is
 * not visited has a scope that cannot match, so it can neither apply nor fail (reference, section
 * 15): leaving it out changes neither decision nor diagnostics.
 */
#ifndef AEGIS_CEDAR_EVAL_POLICY_INDEX_H
#define AEGIS_CEDAR_EVAL_POLICY_INDEX_H

#include "cedar/eval/evaluate.h"

/* Index the static policies of a set, in its arena. */
NODISCARD enum status policy_index_build(struct cedar_policy_set *set);

typedef enum status (*policy_visit_fn)(void *context, uint32_t policy);

/* Visit, once each and in no useful order, the policies whose scope matches; stop when visit
 * fails. */
NODISCARD enum status policy_index_visit(const struct cedar_policy_set *set,
                                         const struct evaluation *e, policy_visit_fn visit,
                                         void *context);

#endif
