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

#define ASPECTS 19
extern const struct aspect aspects[ASPECTS];

/* -- for the parts of our side ------------------------------------------------------------- */

/* False when the request does not fit the schema, which may be NULL. */
bool ours_read_request(struct ours *ours, const struct cedar_schema *schema, struct slice text,
                       struct cedar_request *out);

void ours_put_response(const struct cedar_policy_set *set, const struct cedar_response *response,
                       struct buf *out);

/* number counts the requests that there are. */
typedef void (*put_request_fn)(const struct question *q, size_t number, struct slice request,
                               struct buf *out);

/* Append a list of what put_one appends for each request; null without policies or entities. */
void ours_put_each_request(const struct question *q, put_request_fn put_one, struct buf *out);

/* ours_partial.c: without what is hidden; what is left for the whole request; with a loader. */
void ours_put_partial(const struct question *q, struct buf *out);
void ours_put_filled(const struct question *q, struct buf *out);
void ours_put_batched(const struct question *q, struct buf *out);

/* Append the case with what the official engine is to read of ours, on one line. */
void ours_write_question(struct ours *ours, struct buf *out);

#endif
