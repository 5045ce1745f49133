/* compare.h: what two engines say to a case, side by side. */
#ifndef AEGIS_TESTS_DIFFERENTIAL_COMPARE_H
#define AEGIS_TESTS_DIFFERENTIAL_COMPARE_H

#include "differential/ours.h"

/* How much the cases of a run gave to compare; what is refused by both proves little. */
struct tally {
    uint64_t cases, sets, schemas, valid, stores, decided, allowed;
    uint64_t partial, open; /* partial decisions, and those that were left open */
};

/* The first aspect in which the engines differ. */
struct difference {
    const char *aspect;
    struct buf official, ours; /* JSON */
};

void difference_init(struct difference *difference);
void difference_release(struct difference *difference);

/* Hold the official answer, one JSON object, against what ours says; true when they differ. tally,
 * to which the case is added, may be NULL. */
bool compare(struct ours *ours, struct slice answer, struct tally *tally, struct difference *out);

#endif
