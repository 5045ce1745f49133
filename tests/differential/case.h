/* case.h: one comparison of two Cedar engines, kept as texts, so that it can be cut down. */
#ifndef AEGIS_TESTS_DIFFERENTIAL_CASE_H
#define AEGIS_TESTS_DIFFERENTIAL_CASE_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>

#define CASE_POLICIES_MAX 4
#define CASE_ENTITIES_MAX 9
#define CASE_REQUESTS_MAX 8

/* What partial evaluation is not told of requests and entities. */
enum hidden_part {
    HIDDEN_PRINCIPAL = 1 << 0, /* the id, as that of the resource */
    HIDDEN_RESOURCE = 1 << 1,
    HIDDEN_CONTEXT = 1 << 2,
    HIDDEN_PARENTS = 1 << 3,    /* of all entities */
    HIDDEN_ATTRIBUTES = 1 << 4, /* of every third entity, of the others the next two bits */
    HIDDEN_TAGS = 1 << 7,       /* likewise */
    HIDDEN_PARTS_END = 1 << 10,
};

/* An empty text is absent. */
struct differential_case {
    bool is_typed;               /* entities and requests are held against the schema */
    bool is_formatted;           /* the formatter is asked too */
    unsigned line_width, indent; /* of the formatter */
    bool has_level;              /* validated with steps into entities counted, else permissively */
    unsigned level;
    unsigned hidden; /* of what partial evaluation is told: bits of enum hidden_part */
    struct slice schema;
    struct slice policies[CASE_POLICIES_MAX];
    struct slice links[CASE_POLICIES_MAX];    /* JSON: the values of a template's slots */
    struct slice entities[CASE_ENTITIES_MAX]; /* JSON */
    struct slice requests[CASE_REQUESTS_MAX]; /* JSON: principal, action, resource, context */
};

/* Append the case as members of an object, for the oracle: typed, schema, policies, ... */
void case_write(const struct differential_case *c, struct buf *out);

/* Append all entities as one list. */
void case_write_entities(const struct differential_case *c, struct buf *out);

/* The same without what is hidden. */
void case_write_partial_entities(const struct differential_case *c, struct buf *out);

/* Append all policies as one source. */
void case_write_source(const struct differential_case *c, struct buf *out);

#endif
