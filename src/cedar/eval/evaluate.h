/* evaluate.h: the value of an expression for one request; private to src/cedar. */
#ifndef AEGIS_CEDAR_EVAL_EVALUATE_H
#define AEGIS_CEDAR_EVAL_EVALUATE_H

#include "cedar/syntax/tree.h"

enum eval_result {
    EVAL_OK,
    EVAL_UNKNOWN, /* depends on what is unknown */
    EVAL_ERROR,
};

struct evaluation {
    const struct cedar_request *request;
    struct arena *arena;
    const char *code; /* static; why, after EVAL_ERROR */
    bool is_out_of_memory;
};

/* The value of node. Depth is bounded by the parser. */
enum eval_result evaluate(struct evaluation *e, const struct node *node, struct cedar_value *out);

enum eval_result eval_fail(struct evaluation *e, const char *code);

/* entity in other: equal, or other is an ancestor. */
bool eval_entity_in(const struct evaluation *e, const struct cedar_uid *entity,
                    const struct cedar_uid *other);

/* functions.c: a call whose arguments have values. */
enum eval_result eval_call(struct evaluation *e, const struct node *node,
                           const struct cedar_value *arguments, struct cedar_value *out);

#endif
