/* compile.h: the parts of the compiler; private to src/cedar/symbolic.
 *
 * Every function compiles one kind of expression. The type checker has typed it for the
 * environment, so types fit, and what it has not reached is not compiled.
 */
#ifndef AEGIS_CEDAR_SYMBOLIC_COMPILE_H
#define AEGIS_CEDAR_SYMBOLIC_COMPILE_H

#include "cedar/schema/typed_policy.h"
#include "cedar/symbolic/environment.h"

struct compiling {
    struct symbolic *s;
    struct terms *terms; /* of s */
    const struct typed_policy *policy;
    struct growing footprint; /* of struct symbolic_value */
    unsigned searches;        /* `in` that the expression is on the left of */
    struct diag *diag;
};

/* STATUS_LIMIT when there are too many terms; STATUS_INVALID with cedar.symbolic. */
NODISCARD enum status compile(struct compiling *c, const struct node *node,
                              struct symbolic_value *out);

/* value, which may be NULL for want of room, of an operator over operands that fail as given. */
NODISCARD enum status compiled(struct symbolic_value *out, const struct term *value,
                               const struct term *fails);

/* The first two operands of a node, and whether one of them fails. */
NODISCARD enum status compile_pair(struct compiling *c, const struct node *node,
                                   struct symbolic_value *left, struct symbolic_value *right,
                                   const struct term **fails);

/* A text that goes to the solver. STATUS_INVALID when it cannot say it. */
NODISCARD enum status compile_check_text(struct compiling *c, struct slice text);

/* compile_entity.c */
NODISCARD enum status compile_in(struct compiling *c, const struct node *node,
                                 struct symbolic_value *out);
NODISCARD enum status compile_is(struct compiling *c, const struct node *node,
                                 struct symbolic_value *out);
NODISCARD enum status compile_has(struct compiling *c, const struct node *node,
                                  struct symbolic_value *out);
NODISCARD enum status compile_attribute(struct compiling *c, const struct node *node,
                                        struct symbolic_value *out);
NODISCARD enum status compile_tag(struct compiling *c, const struct node *node,
                                  struct symbolic_value *out);

/* compile_extension.c */
NODISCARD enum status compile_extension(struct compiling *c, const struct node *node,
                                        struct symbolic_value *out);

#endif
