/* type.h: the types of the Cedar language, resolved; private to src/cedar.
 *
 * Types are immutable and shared: a common type that is used twice is one tree. Heights are bounded
 * by CEDAR_DEPTH_MAX, so a walk may recurse. Entity types are numbers of the schema's table.
 */
#ifndef AEGIS_CEDAR_SCHEMA_TYPE_H
#define AEGIS_CEDAR_SCHEMA_TYPE_H

#include "cedar/cedar.h"

enum type_kind {
    TYPE_NEVER = 0, /* no value at all: the element of an empty set */
    TYPE_TRUE,
    TYPE_FALSE,
    TYPE_BOOL,
    TYPE_LONG,
    TYPE_STRING,
    TYPE_SET,        /* element; NULL: of anything (in checks only) */
    TYPE_RECORD,     /* attributes */
    TYPE_ENTITY,     /* entities: one of these types */
    TYPE_ANY_ENTITY, /* an entity of any type (permissive joins only) */
    TYPE_DECIMAL,
    TYPE_IP,
    TYPE_DATETIME,
    TYPE_DURATION,
};

struct type_attribute;

struct type {
    enum type_kind kind;
    const struct type *element;
    const struct type_attribute *attributes; /* by rising name */
    size_t attribute_count;
    bool is_open;             /* record: may have further attributes (permissive joins only) */
    const uint32_t *entities; /* rising */
    size_t entity_count;
};

struct type_attribute {
    struct slice name;
    const struct type *type;
    bool is_required;
};

/* Types without parts. */
extern const struct type TYPE_PLAIN[TYPE_DURATION + 1];

/* The attribute, or NULL. */
const struct type_attribute *type_attribute_find(const struct type *record, struct slice name);

#endif
