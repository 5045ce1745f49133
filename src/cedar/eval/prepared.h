/* prepared.h: entities made ready for the decisions of one policy set; private to src/cedar.
 *
 * The entities of a store that are prepared together, and those that policies name, are each
 * other's home: what an attribute refers to, and who is below whom, is told by numbers, so no
 * decision looks at a text of theirs but to find the request's own three.
 */
#ifndef AEGIS_CEDAR_EVAL_PREPARED_H
#define AEGIS_CEDAR_EVAL_PREPARED_H

#include "cedar/eval/subject.h"

/* See cedar.h. */
struct cedar_prepared_entity {
    struct subject subject;
    const struct cedar_policy_set *set; /* whose symbols are in subject */
};

struct cedar_prepared_entities {
    const struct cedar_policy_set *set;
    struct cedar_prepared_entity *items; /* by number: those of the store first */
    size_t count;
    struct uid_table numbers;
};

/* The entity, which exists if it was added to the store; NULL when neither the store nor a policy
 * names it. */
const struct cedar_prepared_entity *prepared_find(const struct cedar_prepared_entities *entities,
                                                  const struct cedar_uid *uid);

#endif
