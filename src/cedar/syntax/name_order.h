/* name_order.h: names in the order of their bytes; private to src/cedar. */
#ifndef AEGIS_CEDAR_SYNTAX_NAME_ORDER_H
#define AEGIS_CEDAR_SYNTAX_NAME_ORDER_H

#include "base/arena.h"

/* The text of the index-th of some names. */
typedef struct slice (*name_at_fn)(const void *context, size_t index);

/* The indexes of count names, sorted by their texts, in the arena. STATUS_LIMIT. */
NODISCARD enum status name_order(struct arena *arena, size_t count, name_at_fn name_at,
                                 const void *context, const uint32_t **out);

#endif
