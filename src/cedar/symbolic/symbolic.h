/* symbolic.h: what policies say about all requests at once; private to src/cedar.
 *
 * In one request environment (the types of principal and resource, and the action) a policy that
 * validates strictly is a formula over the request and the store of entities. A question about
 * policies becomes a list of assertions that no request and no well-formed store fulfil when the
 * answer is yes. Finding out is left to a solver, reading of its models to whoever asks it.
 *
 * The store is taken to be total: every entity exists, as far as its type lets it. So a counter-
 * example lists all entities that it looks at. Reference: Cedar, symbolic analysis (section 16).
 */
#ifndef AEGIS_CEDAR_SYMBOLIC_SYMBOLIC_H
#define AEGIS_CEDAR_SYMBOLIC_SYMBOLIC_H

#include "cedar/eval/growing.h"
#include "cedar/prove.h"
#include "cedar/schema/typecheck.h"
#include "cedar/symbolic/term.h"

/* An expression: its value, which is any of its type when it fails, and whether it fails. */
struct symbolic_value {
    const struct term *value, *fails;
};

/* Who may ask what. */
struct symbolic_environment {
    const struct cedar_schema *schema;
    struct slice principal_type, resource_type; /* "A::User" */
    struct cedar_uid action;
};

/* An environment with the terms of everything that is asked in it. */
struct symbolic {
    const struct cedar_schema *schema; /* borrowed */
    struct environment types;
    struct arena *arena; /* borrowed */
    struct terms terms;
    /* The request: variables "principal", "resource" and "context", and the action itself. */
    const struct term *principal, *action, *resource, *context;
    struct growing functions;              /* of struct term_function *: those that were needed */
    struct growing converted;              /* types of the schema, and what they became */
    const struct term_type **entity_types; /* by number in the schema; NULL: not needed yet */
    struct cedar_diagnostics *reports;     /* room for those of the policy in work */
};

/* Set up an environment.
 *
 * environment  its schema and texts are borrowed for the life of *out, as those of policies are
 * arena        holds all terms; should have a limit, since policies can mean a lot of them
 * diag         may be NULL
 * STATUS_INVALID with cedar.action, cedar.principal or cedar.resource: the schema does not have it;
 * STATUS_LIMIT. */
NODISCARD enum status symbolic_open(struct symbolic *out,
                                    const struct symbolic_environment *environment,
                                    struct arena *arena, struct diag *diag);

/* A policy in the environment. Both terms are truths. */
struct symbolic_policy {
    enum cedar_effect effect;
    const struct term *matches; /* it is satisfied and does not fail */
    const struct term *fails;
    /* The entities whose ancestors it asks for. */
    const struct symbolic_value *footprint;
    size_t footprint_count;
};

/* Compile one policy of a set.
 *
 * STATUS_INVALID with cedar.template or cedar.link: only static policies have a meaning of their
 * own; with cedar.policy: it does not validate strictly in this environment; with cedar.symbolic: a
 * solver has no such text. STATUS_LIMIT: the terms are too many. */
NODISCARD enum status symbolic_compile(struct symbolic *s, const struct cedar_policy_set *set,
                                       size_t index, struct symbolic_policy *out,
                                       struct diag *diag);

/* Policies that are asked about together. */
struct symbolic_policies {
    const struct symbolic_policy *items;
    size_t count;
};

/* Compile all policies of a set but templates, which take no part in decisions; statuses as above.
 */
NODISCARD enum status symbolic_compile_set(struct symbolic *s, const struct cedar_policy_set *set,
                                           struct symbolic_policies *out, struct diag *diag);

/* The answer is yes when nothing fulfils all assertions. */
struct symbolic_query {
    /* Truths, none of them known: when there is none, everything fulfils them. When nothing does,
     * whatever the request, there is one: a false literal. */
    const struct term *const *assertions;
    size_t count;
    /* The entities whose ancestors are asked for. In a model the hypotheses hold for those that do
     * not fail, and nothing depends on the ancestors of others. */
    const struct symbolic_value *footprint;
    size_t footprint_count;
};

/* The assertions that refute a question: what holds of every well-formed store, and that the
 * answer is no.
 *
 * left, right  compiled in s; one policy each for questions about policies; right is not looked at
 *              when there is no right side
 * STATUS_LIMIT: the terms are too many. */
NODISCARD enum status symbolic_ask(struct symbolic *s, enum cedar_question question,
                                   const struct symbolic_policies *left,
                                   const struct symbolic_policies *right,
                                   struct symbolic_query *out);

#endif
