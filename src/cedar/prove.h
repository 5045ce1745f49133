/* prove.h: questions about policies for all requests at once.
 *
 * In one request environment (the types of principal and resource, and the action) a question
 * becomes a formula that no request and no store of entities fulfil when the answer is yes. A
 * solver looks for one that does. It is a port: the library starts no program. What a solver says
 * against a property counts only when the request it found, decided by the engine, bears it out.
 * Reference: Cedar, symbolic analysis.
 */
#ifndef AEGIS_CEDAR_PROVE_H
#define AEGIS_CEDAR_PROVE_H

#include "cedar/cedar.h"

#define CEDAR_SOLVER_ANSWER_BYTES_MAX ((size_t)16 << 20)
#define CEDAR_SOLVER_SCRIPT_BYTES_MAX ((size_t)64 << 20)

enum cedar_solver_dialect {
    CEDAR_SOLVER_CVC5 = 0, /* sets as they are */
    CEDAR_SOLVER_Z3,       /* sets as arrays */
};

struct cedar_solver {
    void *context;
    enum cedar_solver_dialect dialect;
    uint32_t time_ms_max; /* of one question; the solver is told, and gives up when it is over */
    /* Run an SMT-LIB script from a fresh start and append what the solver writes. STATUS_TIMEOUT
     * when it took too long; anything else but STATUS_OK with diag when there is no answer. */
    enum status (*run)(void *context, struct slice script, struct buf *answer, struct diag *diag);
};

enum cedar_question {
    CEDAR_NEVER_ERRORS = 0,   /* the policy never fails to evaluate */
    CEDAR_ALWAYS_MATCHES,     /* the policy is satisfied by every request */
    CEDAR_NEVER_MATCHES,      /* by none */
    CEDAR_MATCHES_EQUIVALENT, /* the same requests satisfy both policies */
    CEDAR_MATCHES_IMPLIES,    /* who satisfies the first one satisfies the second one */
    CEDAR_MATCHES_DISJOINT,   /* no request satisfies both */
    CEDAR_ALWAYS_ALLOWS,      /* the set allows every request */
    CEDAR_ALWAYS_DENIES,
    CEDAR_EQUIVALENT, /* both sets allow the same requests */
    CEDAR_IMPLIES,    /* what the first set allows the second one allows */
    CEDAR_DISJOINT,   /* no request is allowed by both */
};

#define CEDAR_QUESTIONS (CEDAR_DISJOINT + 1)

/* Does the question compare two sets? */
bool cedar_question_has_two_sides(enum cedar_question question);

/* Is it about single policies? */
bool cedar_question_is_about_policies(enum cedar_question question);

/* All borrowed. */
struct cedar_proof_query {
    enum cedar_question question;
    /* The second one of questions about two. Of questions about policies each set has one, and no
     * template. Elsewhere templates take no part. */
    const struct cedar_policy_set *sets[2];
    const struct cedar_schema *schema;
    struct slice principal_type, resource_type;
    struct cedar_uid action;
};

enum cedar_verdict {
    CEDAR_UNKNOWN_YET = 0, /* the solver gave up */
    CEDAR_HOLDS,           /* for every request and store that fit the schema */
    CEDAR_FAILS,           /* the counterexample shows it */
};

/* An entity of a counterexample. */
struct cedar_example_entity {
    struct cedar_uid uid;
    struct cedar_entity_data data;
};

/* A request against a property, and all entities that matter for it: a store in which they are.
 * Both fit the schema. */
struct cedar_example {
    struct cedar_request request;
    struct cedar_entities entities;
    const struct cedar_example_entity *items; /* the same entities; actions are not among them */
    size_t count;
};

struct cedar_proof {
    enum cedar_verdict verdict;
    struct cedar_example example; /* when it fails */
};

/* Ask the solver.
 *
 * arena   holds *out and all work; its limit bounds what a question may cost
 * STATUS_INVALID with cedar.principal, cedar.resource or cedar.action (the schema has no such
 * requests), cedar.policy (one does not validate strictly), cedar.link (one is made of a template),
 * cedar.symbolic or cedar.solver_text (it has a character that a solver does not know), or
 * cedar.solver_answer (the solver's answer is not understood, or its model does not bear out what
 * it says); STATUS_LIMIT; or a failure of the solver's. On failure the verdict is
 * CEDAR_UNKNOWN_YET. */
NODISCARD enum status cedar_prove(const struct cedar_proof_query *query,
                                  const struct cedar_solver *solver, struct arena *arena,
                                  struct cedar_proof *out, struct diag *diag);

#endif
