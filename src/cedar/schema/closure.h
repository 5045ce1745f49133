/* closure.h: who is below whom, through any number of steps; private to src/cedar/schema. */
#ifndef AEGIS_CEDAR_SCHEMA_CLOSURE_H
#define AEGIS_CEDAR_SCHEMA_CLOSURE_H

#include "cedar/schema/schema.h"

#define CLOSURE_ITEMS_MAX ((size_t)1 << 24) /* pairs in all: what an operator can still mean */

struct closure {
    struct arena *arena; /* borrowed */
    size_t count;
    struct schema_set *sets;    /* in: direct, out: closed, rising, itself only when cyclic */
    struct schema_set *reverse; /* out */
    bool *is_cyclic;            /* out: the element is its own ancestor */
};

/* Zero sets for count elements. STATUS_LIMIT without memory. */
NODISCARD enum status closure_init(struct closure *closure, struct arena *arena, size_t count);

/* STATUS_LIMIT when the result is larger than CLOSURE_ITEMS_MAX or memory ends. */
NODISCARD enum status closure_compute(struct closure *closure);

#endif
