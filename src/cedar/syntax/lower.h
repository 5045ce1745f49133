/* lower.h: surface trees to the trees that are evaluated; private to src/cedar.
 *
 * Removes what only people need: `a != b` becomes !(a == b), `a > b` !(a <= b), `has a.b.c` and
 * `is T in x` conjunctions, lists of constants and constructors of good texts values (reference,
 * section 3).
 */
#ifndef AEGIS_CEDAR_SYNTAX_LOWER_H
#define AEGIS_CEDAR_SYNTAX_LOWER_H

#include "cedar/syntax/report.h"

/* The evaluator's form of an expression, in the arena. STATUS_INVALID with a report when it is
 * higher than CEDAR_DEPTH_MAX, STATUS_LIMIT. */
NODISCARD enum status lower_expression(const struct surface_node *surface, struct arena *arena,
                                       struct reporter *reporter, const struct node **out);

/* Is an item of a chain a further step of a test with a path? `e has a.b` is `e has a && e.a has
 * b`, all of it at one place, be it a chain of its own or the beginning of a longer one. */
bool lower_is_path_step(const struct node *chain, size_t index);

struct lowered_policy {
    const struct node *expression;
    uint32_t node_count; /* nodes are numbered from 0 */
};

/* The whole policy as one expression, scope and conditions, with every literal, list and call kept
 * as a node: for those who check or rewrite policies rather than evaluate them. A slot is a
 * NODE_VALUE of kind CEDAR_UNKNOWN whose text is its name. */
NODISCARD enum status lower_policy_whole(const struct surface_policy *surface, struct arena *arena,
                                         struct reporter *reporter, struct lowered_policy *out);

/* Fill in effect, annotations, scope and condition of a policy; its other fields stay. */
NODISCARD enum status lower_policy(const struct surface_policy *surface, struct arena *arena,
                                   struct reporter *reporter, struct policy *out);

#endif
