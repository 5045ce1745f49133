/* type_relation.h: when one type stands for another (reference, 11.2); private to src/cedar. */
#ifndef AEGIS_CEDAR_SCHEMA_TYPE_RELATION_H
#define AEGIS_CEDAR_SCHEMA_TYPE_RELATION_H

#include "base/buf.h"
#include "cedar/schema/schema.h"

/* May a value of type a stand where one of b is wanted? */
bool type_is_subtype(const struct type *a, const struct type *b, bool is_strict);

/* The least type that both stand for; NULL in *out when there is none. */
NODISCARD enum status type_join(const struct type *a, const struct type *b, bool is_strict,
                                struct arena *arena, const struct type **out);

/* Have the two sets of entity types nothing in common? Both are TYPE_ENTITY. */
bool type_is_disjoint(const struct type *a, const struct type *b);

/* A type of one entity type. */
NODISCARD enum status type_of_entity(uint32_t number, struct arena *arena, const struct type **out);

/* For messages: "Set<Long>". */
void type_write(const struct cedar_schema *schema, const struct type *type, struct buf *out);

#endif
