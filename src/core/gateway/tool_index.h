/* tool_index.h: the tools of one server by name.
 *
 * Built once when the server's list has been read; a look-up costs the same for the first tool and
 * the thousandth. A name that the list holds twice belongs to no tool: who lists two may mean
 * either.
 */
#ifndef AEGIS_CORE_GATEWAY_TOOL_INDEX_H
#define AEGIS_CORE_GATEWAY_TOOL_INDEX_H

#include "base/arena.h"
#include "core/policy/schema_check.h"

/* One page of tool definitions, kept as it came. */
struct tool_page {
    struct tool_page *next;
    struct json_tape tape;
    json_ref tools;      /* the array */
    bool has_parameters; /* some of them are repeated in header fields */
};

struct tool_entry {
    struct slice name;
    struct json_place definition;
};

struct tool_index {
    const struct tool_entry *entries; /* by name */
    size_t count;
};

/* Definitions without a name that is a string are left out: nobody can call them. The index lives
 * in the arena and points into the pages. STATUS_LIMIT when the arena is full. */
NODISCARD enum status tool_index_build(const struct tool_page *pages, struct arena *arena,
                                       struct tool_index *out);

/* The definition, or one with ref JSON_NONE when there is none or, *is_ambiguous, more than one. */
struct json_place tool_index_find(const struct tool_index *index, struct slice name,
                                  bool *is_ambiguous);

#endif
