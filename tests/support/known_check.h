/* known_check.h: compiled for a request and a store that are known, a policy is what the reference
 * evaluator says, and what it was compiled to before they were known has that value. This judges
 * the compiler of policies to terms, and its questions, without any solver. */
#ifndef AEGIS_TESTS_SUPPORT_KNOWN_CHECK_H
#define AEGIS_TESTS_SUPPORT_KNOWN_CHECK_H

#include "cedar/cedar.h"

/* Adds up. */
struct known_counts {
    size_t policies, sets; /* that were compared: all that compile, and sets of which all do */
};

/* NULL when everything agrees, else what does not.
 *
 * request  fits the schema; its entities are the view of a closed store */
const char *known_check(const struct cedar_schema *schema, const struct cedar_policy_set *set,
                        const struct cedar_request *request, struct known_counts *counts);

#endif
