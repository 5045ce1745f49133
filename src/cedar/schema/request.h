/* request.h: a schema's word on the parts of a request; private to src/cedar. */
#ifndef AEGIS_CEDAR_SCHEMA_REQUEST_H
#define AEGIS_CEDAR_SCHEMA_REQUEST_H

#include "cedar/schema/conformance.h"
#include "cedar/schema/typecheck.h"

/* Is the entity one that the schema allows? STATUS_INVALID with the code. */
NODISCARD enum status request_check_entity(struct conformance *c, const struct cedar_uid *uid,
                                           const char *code, struct diag *diag);

/* The environment of a declared action that applies to the types of principal and resource.
 * STATUS_INVALID with cedar.action, cedar.principal or cedar.resource. */
NODISCARD enum status request_environment(const struct cedar_schema *schema,
                                          const struct cedar_uid *principal,
                                          const struct cedar_uid *action,
                                          const struct cedar_uid *resource, struct environment *out,
                                          struct diag *diag);

/* Is the context of the action's type? STATUS_INVALID with cedar.context. */
NODISCARD enum status request_check_context(struct conformance *c, uint32_t action,
                                            const struct cedar_value *context, struct diag *diag);

#endif
