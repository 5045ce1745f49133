/* argument_value.h: arguments of a call as policies see them, read in place.
 *
 * The type of a value comes from the schema the server declared, never from the lexeme. A value
 * that cannot be represented exactly, null included, is present and fails on every use, so a forbid
 * that looks at it denies and a permit that looks at it never fires. Nothing in untrusted JSON is
 * interpreted: {"__entity": ...} is a record with an odd name.
 */
#ifndef AEGIS_CORE_POLICY_ARGUMENT_VALUE_H
#define AEGIS_CORE_POLICY_ARGUMENT_VALUE_H

#include "cedar/cedar.h"
#include "core/policy/schema_check.h"

/* The value at a place, typed by a schema. A place whose ref is JSON_NONE gives an empty record.
 * Both tapes must outlive the value. */
struct cedar_value argument_value(struct arena *arena, struct json_place schema,
                                  struct json_place value);

#endif
