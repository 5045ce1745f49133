/* operators.h: what operators and functions do with evaluated operands; private to src/cedar.
 *
 * Both evaluators use them. False means a failure, which is then in e->error. An operand of kind
 * CEDAR_UNKNOWN stands for "any value, or a failure", so it makes the result unknown; operands are
 * never of kind CEDAR_ERROR, and no result is (Cedar reference, section 5).
 */
#ifndef AEGIS_CEDAR_EVAL_OPERATORS_H
#define AEGIS_CEDAR_EVAL_OPERATORS_H

#include "cedar/eval/evaluation.h"
#include "cedar/syntax/tree.h"

/* The variable of NODE_PRINCIPAL, NODE_ACTION or NODE_RESOURCE. */
enum variable node_variable(const struct node *node);

/* kind is NODE_NOT or NODE_NEGATE; value is operand and result. */
bool operate_unary(struct evaluation *e, enum node_kind kind, struct cedar_value *value);

/* kind is one of NODE_EQUAL to NODE_MULTIPLY; out may be an operand. */
bool operate_binary(struct evaluation *e, enum node_kind kind, const struct cedar_value *left,
                    const struct cedar_value *right, struct cedar_value *out);

/* `in` with the entity on its left found already. */
bool operate_in(struct evaluation *e, const struct subject *subject,
                const struct cedar_value *right, struct cedar_value *out);

/* Steps that every element of a set behind `in` takes. */
size_t operate_in_steps(const struct subject *subject);

bool operate_is(struct evaluation *e, struct slice type, struct cedar_value *value);

bool operate_like(struct evaluation *e, const struct pattern_part *parts, size_t count,
                  struct cedar_value *value);

/* What looking for an attribute finds. */
enum found {
    FOUND_VALUE, /* which may be unknown */
    FOUND_UNREADABLE,
    FOUND_NOTHING,
    FOUND_NO_ENTITY, /* out is the reference */
    FOUND_UNKNOWN,   /* the object is unknown, or what the store holds of it */
    FOUND_FAILURE,   /* the object has no attributes */
};

enum found operate_find(struct evaluation *e, const struct cedar_value *object, struct slice name,
                        struct cedar_value *out);

/* object.name and `object has name` from what was found; value is as operate_find left it, and
 * receives the result. */
bool operate_attribute(struct evaluation *e, enum found found, struct slice name,
                       struct cedar_value *value);
bool operate_has(enum found found, struct cedar_value *value);

/* An operand of && and || decides with the value `stop`, or when it is unknown: it may also fail,
 * so nothing behind it can decide. */
bool operate_chain(struct evaluation *e, const struct cedar_value *operand, bool stop,
                   bool *is_decided);

/* False also when the condition of an `if` is unknown: check value->kind first. */
bool operate_condition(struct evaluation *e, const struct cedar_value *value);

/* arguments: the first two, receiver first; count may be larger or 0. */
bool operate_call(struct evaluation *e, enum function function, struct slice name,
                  const struct cedar_value *arguments, size_t count, struct cedar_value *out);

/* An extension function; no argument is unknown. */
bool operate_extension(struct evaluation *e, enum function function, struct slice name,
                       const struct cedar_value *arguments, size_t count, struct cedar_value *out);

/* A list of cleared fields, to be filled; NULL and a failure without memory. */
struct cedar_list *operate_new_list(struct evaluation *e, size_t count,
                                    struct cedar_field **fields);

#endif
