/* partial_answers.h: first partial, then full, is full. */
#ifndef AEGIS_TESTS_SUPPORT_PARTIAL_ANSWERS_H
#define AEGIS_TESTS_SUPPORT_PARTIAL_ANSWERS_H

#include "cedar/cedar.h"

/* The same decision, reasons and errors, by ids and kinds. */
bool partial_same(const struct cedar_policy_set *a, const struct cedar_response *left,
                  const struct cedar_policy_set *b, const struct cedar_response *right);

/* A decision that is not open is that of the full request. */
bool partial_decision_fits(enum cedar_partial_decision decision, enum cedar_decision full);

/* So is the decision of a response, and each outcome that is no residual. */
bool partial_foretells(const struct cedar_policy_set *set,
                       const struct cedar_partial_response *partial,
                       const struct cedar_response *full);

#endif
