/* value_trip.h: a value printed as an expression, parsed and evaluated. For fuzzers. */
#ifndef AEGIS_TESTS_SUPPORT_VALUE_TRIP_H
#define AEGIS_TESTS_SUPPORT_VALUE_TRIP_H

#include "cedar/cedar.h"

/* The expression that has the value, in the arena; evaluated, it has that value again, or the
 * program ends. Empty when the text is nested too deeply to be parsed. */
struct slice value_trip(const struct cedar_value *value, struct arena *arena);

#endif
