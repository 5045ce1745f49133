/* parameter_fields.h: header fields that repeat arguments of a tool (MCP 2026-07-28, x-mcp-header).
 *
 * A tool's input schema may name a field for an argument: "x-mcp-header": "Region" on a property
 * means that a call with that argument has a field Mcp-Param-Region, which says the same. Whoever
 * acts on the body must refuse a call whose fields say something else, and writes the fields anew
 * from the body. Reads schemas of servers, which are anyone's words.
 */
#ifndef AEGIS_CORE_GATEWAY_PARAMETER_FIELDS_H
#define AEGIS_CORE_GATEWAY_PARAMETER_FIELDS_H

#include "base/arena.h"
#include "base/diag.h"
#include "core/policy/schema_check.h"
#include "wire/http_head.h"

#define PARAMETER_FIELDS_MAX 32         /* of one tool */
#define PARAMETER_FIELD_BYTES_MAX 8192U /* of one value, as it is sent */

/* One annotated argument. */
struct parameter_field {
    struct slice name;     /* the whole field's, "Mcp-Param-Region"; in the arena */
    enum schema_type type; /* string, integer or boolean */
    json_ref value;        /* of the arguments; JSON_NONE: absent or null, then so is the field */
};

struct parameter_fields {
    struct parameter_field items[PARAMETER_FIELDS_MAX];
    size_t count;
};

/* Does the name of an annotation stand anywhere in ref? False: the tool has none. One look at each
 * node. */
bool parameter_fields_are_in(const struct json_tape *tape, json_ref ref);

/* Is it a field of the kind that this module is about? */
bool parameter_fields_is_name(struct slice field_name);

/* Find the annotations of an input schema, and what a call has for them; arguments may be a place
 * without a value.
 *
 * STATUS_INVALID with tool.fields when an annotation breaks a rule of the protocol: it stands where
 * the argument cannot be found by `properties` alone, its name is no token or is there twice, its
 * type is none of the three; or when the argument looks like a secret, which is not for header
 * fields. Then the tool is not to be used. STATUS_LIMIT when the arena is full. */
NODISCARD enum status parameter_fields_read(struct json_place schema, struct json_place arguments,
                                            struct arena *arena, struct parameter_fields *out,
                                            struct diag *diag);

/* Compare the fields that came with the arguments of that tape. STATUS_INVALID with mcp.header when
 * one is missing, doubled, malformed, different, or there without its argument. */
NODISCARD enum status parameter_fields_check(const struct parameter_fields *self,
                                             const struct json_tape *arguments,
                                             const struct http_field *fields, size_t field_count,
                                             struct arena *arena, struct diag *diag);

/* Write the fields of a call; out has room for PARAMETER_FIELDS_MAX, its texts live in the arena.
 * STATUS_INVALID with mcp.header when an argument cannot be one: it has another type than its
 * schema says, or is too long. */
NODISCARD enum status parameter_fields_write(const struct parameter_fields *self,
                                             const struct json_tape *arguments, struct arena *arena,
                                             struct http_field *out, size_t *count,
                                             struct diag *diag);

#endif
