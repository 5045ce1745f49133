/* names.h: all that the sources of one schema declare, by full name; private to src/cedar/schema.
 *
 * Owns the rules of names (reference, 10.1 and 10.2): what is declared twice, reserved or shadowed,
 * and what a name means where it stands.
 */
#ifndef AEGIS_CEDAR_SCHEMA_NAMES_H
#define AEGIS_CEDAR_SCHEMA_NAMES_H

#include "cedar/schema/declaration.h"
#include "cedar/value/uid_table.h"

/* A declaration and where it stands; one of the three is set, none for an Action type. */
struct schema_declared {
    const struct schema_source *source;
    const struct schema_namespace *namespace;
    const struct schema_common *common;
    const struct schema_entity *entity;
    const struct schema_action *action;
    struct slice full; /* with the namespace; of actions: their type */
};

struct schema_declared_list {
    struct schema_declared *items;
    size_t count;
    struct uid_table numbers; /* {full, id of actions} to the index in items */
};

struct schema_names_table {
    struct arena *arena; /* borrowed */
    struct schema_declared_list commons, entities, actions;
};

/* Collect, and check what can be told of a part of a schema. warnings may be NULL. STATUS_INVALID
 * with diagnostics, or STATUS_LIMIT. */
NODISCARD enum status schema_names_collect(const struct schema_source *sources, size_t count,
                                           struct arena *arena, struct schema_names_table *out,
                                           struct cedar_diagnostics *diagnostics,
                                           struct cedar_diagnostics *warnings);

/* STATUS_INVALID when a declaration in a namespace hides one outside of namespaces, which only the
 * whole schema tells. */
NODISCARD enum status schema_names_check_shadows(struct schema_names_table *table,
                                                 struct cedar_diagnostics *diagnostics);

enum schema_meaning {
    SCHEMA_MEANS_NOTHING,
    SCHEMA_MEANS_COMMON,  /* number: of the common type */
    SCHEMA_MEANS_ENTITY,  /* number: of the entity type */
    SCHEMA_MEANS_BUILTIN, /* number: a type_kind */
};

struct schema_reference {
    enum schema_meaning meaning;
    uint32_t number;
    struct slice full; /* its unambiguous name; as written for builtin types */
};

/* What a type's name means in a namespace. STATUS_LIMIT without memory. */
NODISCARD enum status schema_name_resolve(const struct schema_names_table *table,
                                          struct slice namespace, enum schema_syntax kind,
                                          struct slice name, struct schema_reference *out);

/* The action that a parent's name means; number is UID_TABLE_NONE when there is none. */
NODISCARD enum status schema_action_resolve(const struct schema_names_table *table,
                                            struct slice namespace,
                                            const struct schema_action_name *name,
                                            struct cedar_uid *uid, uint32_t *number);

/* namespace::name */
NODISCARD enum status schema_full_name(struct arena *arena, struct slice namespace,
                                       struct slice name, struct slice *out);

#endif
