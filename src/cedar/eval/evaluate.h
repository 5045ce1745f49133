/* evaluate.h: an expression's value for one request; private to src/cedar. */
#ifndef AEGIS_CEDAR_EVAL_EVALUATE_H
#define AEGIS_CEDAR_EVAL_EVALUATE_H

#include "cedar/syntax/tree.h"
#include "cedar/value/value.h"

/* Principal, action or resource with what the store knows of it. */
struct subject {
    const struct cedar_uid *uid;
    struct cedar_entity_data data; /* cleared when it does not exist */
    bool exists;
};

struct evaluation {
    const struct cedar_request *request;
    struct subject principal, action, resource;
    struct value_work work;
    struct cedar_policy_error error; /* of the last failure; policy is the caller's to set */
};

/* Looks up the three entities; request and arena are borrowed. */
void evaluation_init(struct evaluation *e, const struct cedar_request *request,
                     struct arena *arena);

/* False: it failed, and e->error says why. The value may be of kind CEDAR_UNKNOWN, which then also
 * stands for "may fail"; it is never of kind CEDAR_ERROR. */
bool evaluate(struct evaluation *e, const struct node *node, struct cedar_value *out);

/* Record a failure and return false. */
bool evaluation_fail(struct evaluation *e, enum cedar_error_kind kind, struct slice message,
                     struct slice subject);

/* Is the entity target, or below it? */
bool subject_is_in(const struct subject *subject, const struct cedar_uid *target);

/* An extension function on evaluated arguments, none of them unknown; count is not checked yet. */
bool evaluate_extension(struct evaluation *e, const struct node *node,
                        const struct cedar_value *arguments, struct cedar_value *out);

#endif
