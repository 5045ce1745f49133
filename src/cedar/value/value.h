/* value.h: reading and comparing values; private to src/cedar. */
#ifndef AEGIS_CEDAR_VALUE_VALUE_H
#define AEGIS_CEDAR_VALUE_VALUE_H

#include "cedar/cedar.h"

/* In this order: a conjunction of two that are not false is the larger. */
enum value_truth {
    VALUE_FALSE,
    VALUE_TRUE,
    VALUE_UNKNOWN,
    VALUE_ERROR, /* a part is not representable */
};

/* Elements of a set, attributes of a record. */
size_t value_count(const struct cedar_value *value);
void value_at(const struct cedar_value *value, size_t i, struct arena *arena, struct slice *name,
              struct cedar_value *out);
bool value_get(const struct cedar_value *value, struct slice name, struct arena *arena,
               struct cedar_value *out);

bool uid_eq(const struct cedar_uid *a, const struct cedar_uid *b);

/* Structural equality; depth is 0 for callers. */
enum value_truth value_equal(const struct cedar_value *a, const struct cedar_value *b,
                             struct arena *arena, int depth);

/* Is element in set? Are all elements of other in set? */
enum value_truth value_contains(const struct cedar_value *set, const struct cedar_value *element,
                                struct arena *arena, int depth);
enum value_truth value_contains_all(const struct cedar_value *set, const struct cedar_value *other,
                                    struct arena *arena, int depth);

#endif
