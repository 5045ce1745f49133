/* keep.h: a case as a test in the format of the official integration tests. */
#ifndef AEGIS_TESTS_DIFFERENTIAL_KEEP_H
#define AEGIS_TESTS_DIFFERENTIAL_KEEP_H

#include "differential/case.h"

/* Write the case and what the official engine answered to it to files of the folder that are named
 * after the number. What cannot be written is reported on standard output. */
void keep_case(const struct differential_case *c, uint64_t number, struct slice answer,
               const char *folder);

#endif
