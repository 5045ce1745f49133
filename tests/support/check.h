/* check.h: the test harness. A test file lists TEST(name) { ... } bodies; check.c runs them all.
 *
 * A failed CHECK reports file:line and fails its test, but the test goes on, so one run shows all.
 */
#ifndef AEGIS_TESTS_SUPPORT_CHECK_H
#define AEGIS_TESTS_SUPPORT_CHECK_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef void (*check_test_fn)(void);

void check_register(const char *file, const char *name, check_test_fn run);
void check_report(bool ok, const char *file, int line, const char *row, const char *expression);

/* The path of a corpus folder below $AEGIS_SHARED (default ../shared), or NULL when it is absent:
 * the caller then returns, and the test counts as skipped (as failed when CI=true). */
const char *check_shared_path(const char *folder);

/* Pseudo-random numbers from $AEGIS_SEED or a fixed seed, which a failing run prints. */
uint64_t check_random(void);

/* Runs body with every allocation failing in turn: for n = 1, 2, ... with all from the n-th on
 * refused, and with that one alone, until none is. Then body must return true: it succeeded. Each
 * piece of an arena is an allocation here. */
void check_every_allocation(bool (*body)(void *context), void *context);

/* The same by hand, for a body that must set something up first: the allocation after left others
 * fails, and with lasts all behind it, until check_end_shortage; that says whether one has failed.
 */
void check_begin_shortage(size_t left, bool lasts);
bool check_end_shortage(void);

/* Inside such a body: let allocations succeed that are the test's own, then go on refusing. */
void check_pause_failures(bool is_paused);

/* Until check_end_watch, which says how many, memory that is given back with these bytes in it is
 * counted: what held a secret has to be wiped before. */
void check_watch_freed(struct slice secret);
size_t check_end_watch(void);

#define TEST(name)                                                                                 \
    static void name(void);                                                                        \
    __attribute__((constructor)) static void register_##name(void)                                 \
    {                                                                                              \
        check_register(__FILE__, #name, name);                                                     \
    }                                                                                              \
    static void name(void)

#define CHECK(expression) check_report((expression), __FILE__, __LINE__, NULL, #expression)
#define CHECK_ROW(row, expression)                                                                 \
    check_report((expression), __FILE__, __LINE__, (row), #expression)

/* Both NULL, or equal text. */
static inline bool str_eq(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

#endif
