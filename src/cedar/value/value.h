/* value.h: reading and comparing values; private to src/cedar. */
#ifndef AEGIS_CEDAR_VALUE_VALUE_H
#define AEGIS_CEDAR_VALUE_VALUE_H

#include "cedar/cedar.h"

#define MS_PER_DAY ((int64_t)86400000)

/* In this order: a conjunction of two that are not false is the larger. */
enum value_truth {
    VALUE_FALSE,
    VALUE_TRUE,
    VALUE_UNKNOWN,
    VALUE_ERROR, /* a part is not representable, or the work is used up */
};

/* What comparing may use. Sets are compared element by element, so nested sets from a hostile
 * caller would cost without bound if nobody counted. */
struct value_work {
    struct arena *arena;
    uint32_t steps_left;
};

/* Elements of a set, attributes of a record. */
size_t value_count(const struct cedar_value *value);
bool value_next(const struct cedar_value *value, uint64_t *cursor, struct arena *arena,
                struct slice *name, struct cedar_value *out);
bool value_get(const struct cedar_value *value, struct slice name, struct arena *arena,
               struct cedar_value *out);

bool uid_eq(const struct cedar_uid *a, const struct cedar_uid *b);

/* Structural equality; depth is 0 for callers. */
enum value_truth value_equal(const struct cedar_value *a, const struct cedar_value *b,
                             struct value_work *work, int depth);

/* Is element in set? Are all, is any of other's elements in set? */
enum value_truth value_contains(const struct cedar_value *set, const struct cedar_value *element,
                                struct value_work *work, int depth);
enum value_truth value_contains_all(const struct cedar_value *set, const struct cedar_value *other,
                                    struct value_work *work, int depth);
enum value_truth value_contains_any(const struct cedar_value *set, const struct cedar_value *other,
                                    struct value_work *work, int depth);

#endif
