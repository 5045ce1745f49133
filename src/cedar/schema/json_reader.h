/* json_reader.h: reading objects of known shape, with reports; private to src/cedar.
 *
 * Objects are read by tables of their members, so what is missing, unknown or of the wrong kind is
 * told in one way. Texts lie in the source or in the arena.
 */
#ifndef AEGIS_CEDAR_SCHEMA_JSON_READER_H
#define AEGIS_CEDAR_SCHEMA_JSON_READER_H

#include "cedar/schema/declaration.h"
#include "json/tape.h"

struct json_reader {
    const struct cedar_source *source; /* borrowed */
    struct arena *arena;
    struct cedar_diagnostics *diagnostics;
    struct json_tape tape;
    bool allows_unknown; /* calls of `unknown` are values: unknown ones */
};

/* Parse the source. STATUS_INVALID with a report, or STATUS_LIMIT without memory. */
NODISCARD enum status json_reader_init(struct json_reader *r, const struct cedar_source *source,
                                       struct arena *arena, struct cedar_diagnostics *diagnostics);

struct surface_range json_reader_range(const struct json_reader *r, json_ref ref);

/* Report at a value; returns STATUS_INVALID. */
NODISCARD enum status json_reader_fail(struct json_reader *r, json_ref ref, const char *message);

struct json_reader_member {
    struct slice name;
    bool is_required;
    json_ref *out; /* JSON_NONE when it is absent */
};

/* Fill members from an object. Others are refused, unless they may be ignored. */
NODISCARD enum status json_reader_members(struct json_reader *r, json_ref object,
                                          const struct json_reader_member *members, size_t count,
                                          bool ignores_others);

NODISCARD enum status json_reader_string(struct json_reader *r, json_ref ref, struct slice *out);

/* JSON_ARRAY or JSON_OBJECT. */
NODISCARD enum status json_reader_expect(struct json_reader *r, json_ref ref, enum json_type type);

/* Cleared room for what a container holds, size bytes each. */
NODISCARD enum status json_reader_items(struct json_reader *r, json_ref ref, size_t size,
                                        void **out);

/* A::B::C, in the one form that has no space and no comment. */
bool json_reader_is_name(struct slice text);

#endif
