/* case.h: one comparison of two Cedar engines, kept as texts, so that it can be cut down. */
#ifndef AEGIS_TESTS_DIFFERENTIAL_CASE_H
#define AEGIS_TESTS_DIFFERENTIAL_CASE_H

#include "base/slice.h"

#include <stdbool.h>

#define CASE_POLICIES_MAX 4
#define CASE_ENTITIES_MAX 9
#define CASE_REQUESTS_MAX 8
#define CASE_PARTS (1 + 2 * CASE_POLICIES_MAX + CASE_ENTITIES_MAX + CASE_REQUESTS_MAX)

/* An empty text is absent. */
struct differential_case {
    bool is_typed; /* entities and requests are held against the schema */
    struct slice schema;
    struct slice policies[CASE_POLICIES_MAX];
    struct slice links[CASE_POLICIES_MAX];    /* JSON: the values of a template's slots */
    struct slice entities[CASE_ENTITIES_MAX]; /* JSON */
    struct slice requests[CASE_REQUESTS_MAX]; /* JSON: principal, action, resource, context */
};

#endif
