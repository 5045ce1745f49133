/* print_ranges.h: characters that the printer escapes; private to src/cedar/syntax. Ascending. */
#ifndef AEGIS_CEDAR_SYNTAX_PRINT_RANGES_H
#define AEGIS_CEDAR_SYNTAX_PRINT_RANGES_H

#include "base/slice.h"

struct print_range {
    uint32_t first, last;
};

/* Nobody can see them, or tell them from a space. */
extern const struct print_range PRINT_INVISIBLE[];
extern const size_t PRINT_INVISIBLE_COUNT;

/* They join the character before them. */
extern const struct print_range PRINT_EXTENDING[];
extern const size_t PRINT_EXTENDING_COUNT;

#endif
