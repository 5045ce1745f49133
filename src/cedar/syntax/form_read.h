/* form_read.h: the official JSON form of policies to surface trees; private to src/cedar/syntax.
 *
 * Strict: an unknown or missing member is refused by name, and the tape has refused duplicates
 * before. Ranges of the trees are those of the JSON values they were read from. Objects have no
 * order, so annotations and the fields of records come in the order of their names.
 */
#ifndef AEGIS_CEDAR_SYNTAX_FORM_READ_H
#define AEGIS_CEDAR_SYNTAX_FORM_READ_H

#include "cedar/syntax/report.h"
#include "json/tape.h"

struct form_reader {
    const struct json_tape *tape;
    struct arena *arena;
    struct reporter *reporter;
};

/* A policy or template. STATUS_INVALID with reports, STATUS_LIMIT. */
NODISCARD enum status form_read_policy(struct form_reader *reader, json_ref ref,
                                       struct surface_policy *out);

/* -- form_expression.c, form_value.c ------------------------------------------------------- */

NODISCARD enum status form_read_expression(struct form_reader *reader, json_ref ref,
                                           struct surface_node **out);

/* What stands in a `Value`. */
NODISCARD enum status form_read_value(struct form_reader *reader, json_ref ref,
                                      struct surface_node **out);

/* Names and values of an object, in the order of the names. read is called for each value. */
typedef enum status (*form_read_fn)(struct form_reader *reader, json_ref ref,
                                    struct surface_node **out);
NODISCARD enum status form_read_record(struct form_reader *reader, json_ref ref, form_read_fn read,
                                       struct surface_node **out);

/* The elements of an array as the items of a new node, not closed yet. */
NODISCARD enum status form_read_items(struct form_reader *reader, json_ref ref, form_read_fn read,
                                      enum surface_kind kind, struct surface_node **out);

/* -- form_member.c ------------------------------------------------------------------------- */

struct surface_range form_range(const struct form_reader *reader, json_ref ref);

/* A member that an object may have; what it has not is JSON_NONE. */
struct form_rule {
    struct slice name;
    bool is_required;
};

/* The members of an object by their rules; others are refused. */
NODISCARD enum status form_read_members(struct form_reader *reader, json_ref object,
                                        const struct form_rule *rules, size_t count, json_ref *out);

/* The name, its place and the value of an object with one member. */
NODISCARD enum status form_read_single(struct form_reader *reader, json_ref object,
                                       struct slice *name, json_ref *key, json_ref *value);

NODISCARD enum status form_read_text(struct form_reader *reader, json_ref ref, struct slice *out);

/* The members of an object in the order of their names, which are unescaped. */
struct form_entry {
    struct slice name;
    json_ref key, value;
};
NODISCARD enum status form_read_entries(struct form_reader *reader, json_ref object,
                                        const struct form_entry **out);

/* The name of a type: identifiers with `::` between them and no space. */
NODISCARD enum status form_read_type(struct form_reader *reader, json_ref ref,
                                     struct surface_name *out);

/* {"type":...,"id":...}, alone or in {"__entity":...}. */
NODISCARD enum status form_read_entity(struct form_reader *reader, json_ref ref,
                                       struct surface_entity *out);

NODISCARD enum status form_close(struct form_reader *reader, struct surface_node *node,
                                 struct surface_node **out);

#endif
