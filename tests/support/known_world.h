/* known_world.h: a symbolic environment of which everything is known, request and store, so that
 * every term is a literal; and the same store for evaluators. Entities that are not in the store
 * exist there, as they do for terms: with the default of each attribute. */
#ifndef AEGIS_TESTS_SUPPORT_KNOWN_WORLD_H
#define AEGIS_TESTS_SUPPORT_KNOWN_WORLD_H

#include "cedar/symbolic/symbolic.h"

struct known_world {
    struct symbolic s;
    struct cedar_entities entities;
    struct cedar_request request;          /* the one that was given, with these entities */
    const struct cedar_entities *original; /* borrowed */
};

/* request  fits the schema; its entities are the view of a closed store. Everything is borrowed. */
NODISCARD enum status known_world_open(struct known_world *w, const struct cedar_schema *schema,
                                       const struct cedar_request *request, struct arena *arena);

/* Does the policy fare in the world as its terms say? False also when they are no literals.
 * *is_compared is false when it does not compile for the environment, or takes too many steps. */
bool known_world_agrees(struct known_world *w, const struct cedar_policy_set *set, size_t index,
                        bool *is_compared);

/* Does the set decide as the answers to questions about it say? False also when the store is not
 * well-formed. All policies compile. */
bool known_world_decides(struct known_world *w, const struct cedar_policy_set *set);

#endif
