/* level.h: how many steps from the request a policy looks into entities (Cedar RFC 76); private to
 * src/cedar/schema. */
#ifndef AEGIS_CEDAR_SCHEMA_LEVEL_H
#define AEGIS_CEDAR_SCHEMA_LEVEL_H

#include "cedar/schema/typecheck.h"

/* Report what needs more than level_max steps, or cannot be bounded at all. The expression was
 * checked in the environment of t, whose types tell which parts are alive. */
NODISCARD enum status level_check(struct typing *t, const struct node *expression,
                                  uint32_t level_max);

#endif
