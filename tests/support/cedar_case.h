/* cedar_case.h: tests in the format of the official integration tests (cedar-tests/README.md):
 * policies, schema, entities and requests with their answers, a file for each. */
#ifndef AEGIS_TESTS_SUPPORT_CEDAR_CASE_H
#define AEGIS_TESTS_SUPPORT_CEDAR_CASE_H

#include "cedar/cedar.h"
#include "json/tape.h"

struct cedar_case {
    const char *name; /* "corpus-4.10/corpus-tests/0123.json" */
    struct arena arena;
    struct json_tape tape; /* the test file */
    struct cedar_schema *schema;
    struct cedar_policy_set *policies; /* NULL when they do not parse */
    struct slice policy_text, entity_text;
    struct cedar_entity_store *store;     /* closed; NULL when the entities are not good */
    struct cedar_diagnostics diagnostics; /* of what did not parse */
};

typedef void (*cedar_case_fn)(struct cedar_case *c, void *context);

/* Call body for the tests of every archive and folder of the corpus, in the order of their names:
 * every stride-th of an archive, and all of a folder. Absent folders are reported as
 * check_shared_path does. Returns how many there were. */
size_t cedar_case_each(size_t stride, cedar_case_fn body, void *context);

/* The same for the tests directly in one folder below the shared one; paths inside them are
 * relative to root, or begin with "testdata/" and are relative to that folder. */
size_t cedar_case_each_in(const char *root, const char *folder, cedar_case_fn body, void *context);

/* A request of the case. False when its context is not good for the schema. */
bool cedar_case_request(struct cedar_case *c, json_ref request, struct cedar_request *out);

/* A file packed with xz in a folder below the shared one; empty when it is absent. An absent folder
 * is reported. */
struct slice cedar_case_unpack(struct arena *arena, const char *folder, const char *name);

/* Every tenth by default, all with AEGIS_LONG=1. */
size_t cedar_case_stride(void);

#endif
