/* same_answers.h: the compiled engine of cedar against its reference evaluator. */
#ifndef AEGIS_TESTS_SUPPORT_SAME_ANSWERS_H
#define AEGIS_TESTS_SUPPORT_SAME_ANSWERS_H

#include "cedar/cedar.h"

/* Ask the reference, and the engine with and without index and with prepared entities, under both
 * rules: decision, reasons, errors and the three-valued answer must be the same. True when they
 * are; otherwise the failed checks are reported under row. */
bool same_answers(const char *row, const struct cedar_policy_set *set,
                  const struct cedar_request *request, struct arena *arena);

/* As above for entities of a closed store that are prepared together: found by the request's uids,
 * given with it, and given with it while attributes are looked for elsewhere. The request's own
 * entities are not looked at. */
bool same_prepared_answers(const char *row, const struct cedar_policy_set *set,
                           const struct cedar_request *request,
                           const struct cedar_entity_store *store, struct arena *arena);

#endif
