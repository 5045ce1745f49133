/* schema_check.h: do the arguments of a call fit the schema the server declared?
 *
 * The part of JSON Schema 2020-12 that decides what a policy may believe about an argument: types,
 * members, items, enumerations and bounds. Other keywords are the server's to enforce; a value that
 * only they constrain has no type for a policy (argument_value.h), so nothing is loosened here.
 * Null in place of an optional member that a header field repeats (x-mcp-header) fits, as MCP has
 * it.
 */
#ifndef AEGIS_CORE_POLICY_SCHEMA_CHECK_H
#define AEGIS_CORE_POLICY_SCHEMA_CHECK_H

#include "base/diag.h"
#include "json/tape.h"

#define SCHEMA_DEPTH_MAX 32

enum schema_type {
    SCHEMA_ANY = 0, /* no type, several types, or a form that we do not read */
    SCHEMA_STRING,
    SCHEMA_INTEGER,
    SCHEMA_NUMBER,
    SCHEMA_BOOLEAN,
    SCHEMA_ARRAY,
    SCHEMA_OBJECT,
    SCHEMA_NULL,
};

/* A place in a JSON text: a schema, or a value. */
struct json_place {
    const struct json_tape *tape;
    json_ref ref; /* JSON_NONE: there is none, which allows anything */
};

/* The one type a schema gives a value; [T, "null"] counts as T. */
enum schema_type schema_type_of(struct json_place schema);

/* The schema of a member: properties.NAME, else additionalProperties when that is a schema. */
struct json_place schema_of_member(struct json_place schema, struct json_place key);

/* The schema of the items of an array. */
struct json_place schema_of_items(struct json_place schema);

/* STATUS_OK when the value fits; STATUS_INVALID with code arguments.schema and the member's name
 * otherwise; STATUS_LIMIT with arguments.depth when the value is nested too deep to be checked. */
NODISCARD enum status schema_check(struct json_place schema, struct json_place value,
                                   struct diag *diag);

#endif
