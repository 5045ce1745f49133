/* environment.h: the symbolic request and store of one environment; private to
 * src/cedar/symbolic. */
#ifndef AEGIS_CEDAR_SYMBOLIC_ENVIRONMENT_H
#define AEGIS_CEDAR_SYMBOLIC_ENVIRONMENT_H

#include "cedar/symbolic/symbolic.h"

/* What a type of the schema or of the type checker is for terms; NULL without memory. */
const struct term_type *symbolic_type(struct symbolic *s, const struct type *type);

/* An entity type by its number in the schema; NULL without memory. */
const struct term_type *symbolic_entity_type(struct symbolic *s, uint32_t number);

/* What the store says about entities of a type, made at first use; NULL without memory. The entity
 * type has tags when they are asked for. What it says about actions is known.
 *
 * ancestor  the type of TERM_ANCESTORS; otherwise 0 */
struct term_function *symbolic_function(struct symbolic *s, enum term_function_kind kind,
                                        uint32_t entity, uint32_t ancestor);

/* The ancestors of an entity that are of a type, by its number in the schema. */
const struct term *symbolic_ancestors(struct symbolic *s, const struct term *entity,
                                      uint32_t ancestor);

/* Orders a footprint, for growing_sort_unique. */
uint64_t symbolic_footprint_key(const void *item);

/* May entities of one type be in some of the other? Every action may be in every other. */
bool symbolic_may_be_in(const struct symbolic *s, uint32_t entity, uint32_t ancestor);

#endif
