/* shrink.h: a smaller case that still shows the same. */
#ifndef AEGIS_TESTS_DIFFERENTIAL_SHRINK_H
#define AEGIS_TESTS_DIFFERENTIAL_SHRINK_H

#include "differential/case.h"

#include "base/arena.h"

/* Does the case still show what is looked for? */
typedef bool (*shrink_fn)(const struct differential_case *c, void *context);

/* Take away policies, links, entities and requests, then parts of their texts and of the schema,
 * as long as shows says so. Texts are the arena's. */
void shrink(struct differential_case *c, shrink_fn shows, void *context, struct arena *arena);

#endif
