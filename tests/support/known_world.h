/* known_world.h: a symbolic environment that becomes known, request and store: every term that is
 * made then is a literal, and every one that was made before has a value. And the same store for
 * evaluators. Entities that are not in the store exist there, as they do for terms: with the
 * default of each attribute. */
#ifndef AEGIS_TESTS_SUPPORT_KNOWN_WORLD_H
#define AEGIS_TESTS_SUPPORT_KNOWN_WORLD_H

#include "cedar/symbolic/symbolic.h"

struct known_world {
    struct symbolic s;
    struct cedar_entities entities;
    struct cedar_request request;          /* the one that was given, with these entities */
    const struct cedar_entities *original; /* borrowed */
    const struct term **values;            /* by number of terms that were made before */
};

/* Open the environment of the request; nothing is known.
 *
 * request  fits the schema; its entities are the view of a closed store. Everything is borrowed. */
NODISCARD enum status known_world_open(struct known_world *w, const struct cedar_schema *schema,
                                       const struct cedar_request *request, struct arena *arena);

/* Make request and store known. */
NODISCARD enum status known_world_fill(struct known_world *w);

/* The value of a term that was made before. */
const struct term *known_world_value(const struct known_world *w, const struct term *term);

/* How a policy fares at the reference evaluator. STATUS_INTERNAL when that cannot be told, because
 * it takes too many steps. */
NODISCARD enum status known_world_evaluate(struct known_world *w, const struct policy *policy,
                                           bool *matches, bool *fails);

#endif
