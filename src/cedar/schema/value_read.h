/* value_read.h: Cedar values from JSON (reference, 12.2); private to src/cedar. */
#ifndef AEGIS_CEDAR_SCHEMA_VALUE_READ_H
#define AEGIS_CEDAR_SCHEMA_VALUE_READ_H

#include "cedar/schema/json_reader.h"
#include "cedar/schema/schema.h"

/* expected  the type that the schema wants here, which lets entities and extension values be
 * written without their escapes; NULL: nothing is known. It is a hint, not a check. STATUS_INVALID
 * with a report, or STATUS_LIMIT. The value lives in the reader's arena. */
NODISCARD enum status value_read(struct json_reader *r, json_ref ref, const struct type *expected,
                                 struct cedar_value *out);

/* The same for an object that can only be a record, whatever its members are called. */
NODISCARD enum status value_read_record(struct json_reader *r, json_ref ref,
                                        const struct type *expected, struct cedar_value *out);

/* The same for a record whose attributes all have one type. */
NODISCARD enum status value_read_tags(struct json_reader *r, json_ref ref, const struct type *tag,
                                      struct cedar_value *out);

/* A reference to an entity: {"type", "id"}, or the same inside "__entity". */
NODISCARD enum status value_read_uid(struct json_reader *r, json_ref ref, struct cedar_uid *out);

#endif
