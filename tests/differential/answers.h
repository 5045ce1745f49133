/* answers.h: what our engine says to a case, on one line of JSON with the case. */
#ifndef AEGIS_TESTS_DIFFERENTIAL_ANSWERS_H
#define AEGIS_TESTS_DIFFERENTIAL_ANSWERS_H

#include "differential/case.h"

#include "base/buf.h"

/* Append the case as members of an object, for the oracle: typed, schema, policies, ... */
void case_write(const struct differential_case *c, struct buf *out);

/* Append {case, "ours": answers} and a line feed. Decisions are also held against the reference
 * evaluator, with the index and without it. */
void answers_write(const struct differential_case *c, struct buf *out);

#endif
