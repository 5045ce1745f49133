/* ours.h: what our engine says to a case. */
#ifndef AEGIS_TESTS_DIFFERENTIAL_OURS_H
#define AEGIS_TESTS_DIFFERENTIAL_OURS_H

#include "differential/case.h"

#include "base/arena.h"
#include "cedar/cedar.h"
#include "json/tape.h"

/* A case as our engine has it; what was refused is NULL. */
struct ours {
    const struct differential_case *c;
    struct arena arena;
    struct cedar_schema *schema;
    struct cedar_policy_set *policies;
    struct cedar_entity_store *store; /* closed */
};

void ours_load(const struct differential_case *c, struct ours *out);
void ours_release(struct ours *ours);

/* What is asked of our engine beside the case: some questions are about what the other one wrote.
 */
struct question {
    struct ours *ours;
    const struct json_tape *theirs; /* all of the official answer */
    json_ref value;                 /* the member of it that ours is compared to */
};

/* One thing that engines can be asked about a case. */
struct aspect {
    const char *name;
    const char *member; /* of the official answer */
    const char *source; /* another one, that we read for it; NULL: none */
    /* Append what we say in the same form; null where we refuse. */
    void (*write)(const struct question *q, struct buf *out);
};

#define ASPECTS 16
extern const struct aspect aspects[ASPECTS];

/* Append the case with what the official engine is to read of ours, on one line. */
void ours_write_question(struct ours *ours, struct buf *out);

#endif
