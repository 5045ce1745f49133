/* check.h: concrete trees to surface trees, refusing what the language does not have; private to
 * src/cedar/syntax.
 *
 * The pass that knows what was probably meant. It reports every mistake of a policy, at the place
 * where the official engine sees it.
 */
#ifndef AEGIS_CEDAR_SYNTAX_CHECK_H
#define AEGIS_CEDAR_SYNTAX_CHECK_H

#include "cedar/syntax/concrete.h"

#define SLOTS_SEEN_MAX 8 /* slots of one condition that are reported */

struct checker {
    struct reporter *reporter;
    struct arena *arena;   /* of the surface tree; texts without escapes stay in the source */
    struct arena *scratch; /* lives as long as the check */
    struct surface_range slots[SLOTS_SEEN_MAX]; /* found in this condition, where none may be */
    size_t slot_count;
};

/* The surface policy of a concrete one. STATUS_INVALID with reports, STATUS_LIMIT. */
NODISCARD enum status check_policy(struct checker *checker, const struct concrete_policy *concrete,
                                   struct surface_policy *out);

/* -- check_scope.c ------------------------------------------------------------------------- */

/* principal, action and resource of the scope. */
NODISCARD enum status check_scope(struct checker *checker, const struct concrete_policy *concrete,
                                  struct surface_policy *out);

/* -- check_name.c -------------------------------------------------------------------------- */

/* One of principal, action, resource and context? */
bool check_is_variable(const struct concrete *concrete);

/* Where an expression is reported that should be something else: without parentheses around it. */
struct surface_range check_inner_range(const struct concrete *concrete);

/* May the IDENT stand as a name? */
NODISCARD enum status check_ident(struct checker *checker, const struct concrete *ident);

/* The type's or function's name that a NAME stands for, without white space. */
NODISCARD enum status check_path(struct checker *checker, const struct concrete *name,
                                 struct surface_name *out);

/* The text that a STRING stands for; a bad escape is reported at the range. */
NODISCARD enum status check_string(struct checker *checker, const struct concrete *string,
                                   struct surface_range range, struct slice *out);

NODISCARD enum status check_entity(struct checker *checker, const struct concrete *concrete,
                                   struct surface_entity *out);

/* The type right of `is`; variable_text names its left side in messages. *is_early: nothing else of
 * the expression is worth looking at. */
NODISCARD enum status check_entity_type(struct checker *checker, const struct concrete *concrete,
                                        struct slice left, struct surface_name *out,
                                        bool *is_early);

/* -- check_expression.c -------------------------------------------------------------------- */

NODISCARD enum status check_expression(struct checker *checker, const struct concrete *concrete,
                                       struct surface_node **out);

/* As far as an expression can be looked at without knowing whether a name or string in it is meant
 * as a value: *out is NULL for such a one, which check_finish decides. */
NODISCARD enum status check_operand(struct checker *checker, const struct concrete *concrete,
                                    struct surface_node **out);
NODISCARD enum status check_finish(struct checker *checker, const struct concrete *concrete,
                                   struct surface_node **out);

/* Give out the node once its parts are set; fails when the tree is too high. */
NODISCARD enum status check_close(struct checker *checker, struct surface_node *node,
                                  struct surface_node **out);

/* -- check_relation.c ---------------------------------------------------------------------- */

NODISCARD enum status check_has(struct checker *checker, const struct concrete *concrete,
                                struct surface_node **out);
NODISCARD enum status check_like(struct checker *checker, const struct concrete *concrete,
                                 struct surface_node **out);
NODISCARD enum status check_is(struct checker *checker, const struct concrete *concrete,
                               struct surface_node **out);

/* -- check_member.c ------------------------------------------------------------------------ */

NODISCARD enum status check_member(struct checker *checker, const struct concrete *concrete,
                                   struct surface_node **out);

#endif
