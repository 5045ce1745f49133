/* conformance.h: does a value have the type that the schema wants? Private to src/cedar. */
#ifndef AEGIS_CEDAR_SCHEMA_CONFORMANCE_H
#define AEGIS_CEDAR_SCHEMA_CONFORMANCE_H

#include "cedar/schema/schema.h"

#define MISMATCH_PATH_BYTES 128

/* The first place where a value and its type part. */
struct mismatch {
    char path[MISMATCH_PATH_BYTES]; /* "a.b.c" inside the value; empty for the value itself */
    const char *what;               /* static: what is wrong there */
};

/* What the checks may use. */
struct conformance {
    const struct cedar_schema *schema;
    struct arena *arena; /* for values that are made when they are read */
    bool allows_unknown; /* what is unknown fits every type */
    struct mismatch mismatch;
};

/* False with a mismatch. */
bool conformance_check(struct conformance *c, const struct cedar_value *value,
                       const struct type *type);

/* Is the entity of a declared type, and its id one of an enumerated type's or a declared action? */
bool conformance_check_uid(struct conformance *c, const struct cedar_uid *uid);

/* Attributes, tags and parents of an entity, which may be an action; attributes and tags of kind
 * CEDAR_UNKNOWN fit. */
bool conformance_check_entity(struct conformance *c, const struct cedar_uid *uid,
                              const struct cedar_entity_data *data, const struct cedar_uid *parents,
                              size_t parent_count);

#endif
