/* typed_case.h: policies, entities and a request that fit one schema, chosen by bytes; for fuzzers.
 *
 * The policies need not be valid, but often are. The schema has each kind of type, optional
 * attributes, tags and an enumerated entity type; its entity types are Group, Kind, User and File.
 */
#ifndef AEGIS_TESTS_SUPPORT_TYPED_CASE_H
#define AEGIS_TESTS_SUPPORT_TYPED_CASE_H

#include "cedar/cedar.h"

struct typed_bytes {
    const uint8_t *at, *end;
};

/* Below count; 0 once the bytes are used up, so the first choice everywhere is an end. */
unsigned typed_choose(struct typed_bytes *bytes, unsigned count);

const struct cedar_schema *typed_case_schema(void);

struct typed_case {
    struct arena arena;
    struct buf policies, entities, context; /* their texts */
    struct cedar_policy_set *set;
    struct cedar_entities view;
    struct cedar_request request;
};

/* Choose policies. False when they do not parse. Close the case either way. */
bool typed_case_open(struct typed_case *c, struct typed_bytes *bytes);

/* Choose entities and a request, which fit the schema. */
void typed_case_ask(struct typed_case *c, struct typed_bytes *bytes);

void typed_case_close(struct typed_case *c);

#endif
