/* resolve.h: declarations to a schema; private to src/cedar/schema. */
#ifndef AEGIS_CEDAR_SCHEMA_RESOLVE_H
#define AEGIS_CEDAR_SCHEMA_RESOLVE_H

#include "cedar/schema/names.h"
#include "cedar/schema/schema.h"

/* Fill the schema, whose arena is ready; the sources' trees lie in the same arena. STATUS_INVALID
 * with diagnostics of all errors, or STATUS_LIMIT. */
NODISCARD enum status schema_resolve(const struct schema_source *sources, size_t count,
                                     struct cedar_schema *schema,
                                     struct cedar_diagnostics *diagnostics,
                                     struct cedar_diagnostics *warnings);

#endif
