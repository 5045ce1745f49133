/* fuzz.h: what every fuzzer begins and ends with. */
#ifndef AEGIS_TESTS_SUPPORT_FUZZ_H
#define AEGIS_TESTS_SUPPORT_FUZZ_H

#include "base/slice.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* End the program when the oracle does not hold for text. */
static inline void fuzz_expect(bool holds, const char *what, struct slice text)
{
    if (!holds) {
        fprintf(stderr, "%s: %.*s\n", what, SLICE_ARG(text));
        abort();
    }
}

#endif
