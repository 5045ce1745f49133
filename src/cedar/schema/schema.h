/* schema.h: a schema with all names resolved; private to src/cedar. Immutable after resolving. */
#ifndef AEGIS_CEDAR_SCHEMA_SCHEMA_H
#define AEGIS_CEDAR_SCHEMA_SCHEMA_H

#include "cedar/schema/declaration.h"
#include "cedar/schema/type.h"
#include "cedar/value/uid_table.h"

#define SCHEMA_NONE UINT32_MAX

/* Rising numbers of entity types or actions. */
struct schema_set {
    const uint32_t *items;
    size_t count;
};

struct schema_entity_type {
    struct slice name;
    bool is_action;                /* the type of a namespace's actions: has nothing else */
    struct schema_set ancestors;   /* types that may hold it, closed; itself only if it may */
    struct schema_set descendants; /* types that it may hold, likewise */
    const struct type *shape;      /* a record */
    const struct type *tags;       /* NULL: no tags */
    const struct slice *ids;       /* rising; NULL: any id */
    size_t id_count;
};

struct schema_action_entity {
    struct cedar_uid uid;
    struct schema_set parents;   /* as declared */
    struct schema_set ancestors; /* actions, closed, without itself */
    struct schema_set descendants;
    struct schema_set principals, resources; /* entity types; both or none empty lists */
    const struct type *context;              /* a record */
};

struct cedar_schema {
    struct arena arena;
    struct schema_entity_type *entities;
    size_t entity_count;
    struct schema_action_entity *actions;
    size_t action_count;
    struct uid_table entity_numbers; /* {name, ""} */
    struct uid_table action_numbers;
};

/* SCHEMA_NONE when it is not declared. */
uint32_t schema_entity_find(const struct cedar_schema *schema, struct slice name);
uint32_t schema_action_find(const struct cedar_schema *schema, const struct cedar_uid *uid);

/* Read one source in its form; the tree and a copy of the source lie in the arena. */
NODISCARD enum status schema_read(const struct cedar_source *source, enum cedar_form form,
                                  struct arena *arena, struct schema_source *out,
                                  struct cedar_diagnostics *diagnostics);

bool schema_set_has(const struct schema_set *set, uint32_t number);

/* Is id one of an enumerated type's? True for other types. */
bool schema_entity_has_id(const struct schema_entity_type *type, struct slice id);

#endif
