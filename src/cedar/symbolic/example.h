/* example.h: a request and a store of entities from a solver's model; private to
 * src/cedar/symbolic.
 *
 * The store holds what can be reached from the request and from the entities that the policies
 * name. Of hierarchies a solver knows only the rules for the entities whose ancestors are asked for
 * (the footprint): those of other entities are left out, since they may go in circles and nobody
 * looks at them. Reference: Cedar, symbolic analysis (section 16.5).
 */
#ifndef AEGIS_CEDAR_SYMBOLIC_EXAMPLE_H
#define AEGIS_CEDAR_SYMBOLIC_EXAMPLE_H

#include "cedar/prove.h"
#include "cedar/symbolic/model.h"
#include "cedar/symbolic/symbolic.h"

#define EXAMPLE_ENTITIES_MAX 10000

/* Build the example that a model of the query stands for.
 *
 * s    what the query was asked in; its arena holds *out
 * STATUS_INVALID with cedar.solver_answer: the model is not understood, or is no store;
 * STATUS_LIMIT.
 */
NODISCARD enum status example_build(struct symbolic *s, const struct symbolic_query *query,
                                    struct model *model, struct cedar_example *out,
                                    struct diag *diag);

#endif
