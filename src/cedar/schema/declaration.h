/* declaration.h: a schema as it was written, before names are resolved; private to src/cedar.
 *
 * Both forms, text and JSON, are read into this tree and written from it, so a conversion loses
 * nothing but white space and comments. Lists keep the order of the source; texts are borrowed from
 * it or lie in the arena. Places are bytes in the source.
 */
#ifndef AEGIS_CEDAR_SCHEMA_DECLARATION_H
#define AEGIS_CEDAR_SCHEMA_DECLARATION_H

#include "cedar/syntax/surface.h"

struct schema_annotation {
    struct slice key, value;
    struct surface_range at; /* of the key */
    bool has_value;
};

struct schema_annotations {
    const struct schema_annotation *items;
    size_t count;
};

/* A::B::C without white space. */
struct schema_name {
    struct slice text;
    struct surface_range at;
};

struct schema_names {
    const struct schema_name *items;
    size_t count;
};

enum schema_syntax {
    SCHEMA_NAME,   /* an entity or common type; JSON says EntityOrCommon */
    SCHEMA_COMMON, /* a common type: contexts that are a name; JSON names it as the type itself */
    SCHEMA_ENTITY, /* an entity type: JSON's Entity */
    SCHEMA_LONG,   /* these four in JSON only */
    SCHEMA_STRING,
    SCHEMA_BOOL,
    SCHEMA_EXTENSION,
    SCHEMA_SET,
    SCHEMA_RECORD,
};

struct schema_attribute;

struct schema_type_syntax {
    enum schema_syntax kind;
    struct schema_name name;                  /* NAME, COMMON, ENTITY, EXTENSION */
    const struct schema_type_syntax *element; /* SET */
    const struct schema_attribute *attributes;
    size_t attribute_count; /* RECORD */
};

struct schema_attribute {
    struct slice name;
    struct surface_range at;
    bool is_required;
    struct schema_type_syntax type;
    struct schema_annotations annotations;
};

struct schema_common {
    struct slice name;
    struct surface_range at, whole; /* of the name, of the declaration */
    struct schema_type_syntax type;
    struct schema_annotations annotations;
};

struct schema_entity {
    struct slice name;
    struct surface_range at, whole;
    struct schema_names parents;
    const struct schema_type_syntax *shape, *tags; /* NULL: none */
    const struct slice *ids;                       /* of an enumerated type; NULL: not one */
    size_t id_count;
    struct schema_annotations annotations;
};

struct schema_action_name {
    struct slice id;
    struct slice type; /* empty: the Action of the same namespace */
    struct surface_range at;
};

struct schema_action {
    struct slice id;
    struct surface_range at, whole;
    const struct schema_action_name *parents;
    size_t parent_count;
    struct schema_names principals, resources; /* empty: applies to nothing */
    const struct schema_type_syntax *context;  /* NULL: an empty record */
    struct schema_annotations annotations;
};

struct schema_namespace {
    struct slice name; /* empty for declarations outside of any */
    struct surface_range at;
    struct schema_annotations annotations;
    struct schema_common *commons;
    struct schema_entity *entities;
    struct schema_action *actions;
    size_t common_count, entity_count, action_count;
};

/* What one source declares. */
struct schema_source {
    struct slice name, text; /* of the source, for reports */
    struct schema_namespace *namespaces;
    size_t namespace_count;
};

/* text_read.c: the Cedar form. STATUS_INVALID with diagnostics of all errors, STATUS_LIMIT. */
NODISCARD enum status schema_read_text(const struct cedar_source *source, struct arena *arena,
                                       struct schema_source *out,
                                       struct cedar_diagnostics *diagnostics);

/* json_read.c: the JSON form; the same statuses. */
NODISCARD enum status schema_read_json(const struct cedar_source *source, struct arena *arena,
                                       struct schema_source *out,
                                       struct cedar_diagnostics *diagnostics);

#endif
