/* partial.h: partial evaluation (reference, section 14); private to src/cedar.
 *
 * A policy set is prepared for one request environment: every policy becomes one expression with
 * the types of its nodes. Evaluating it for a partial request leaves a residual: an expression of
 * the same nodes with what is known put in and computed. What fails stays an expression that fails,
 * so a residual is always a plain Cedar expression and reports the same error as the policy. Work
 * beyond the limits, which a complete request may not even need, stays open.
 *
 * Without a schema there are no types, so every operator may fail and what is unknown may be of any
 * kind.
 */
#ifndef AEGIS_CEDAR_PARTIAL_PARTIAL_H
#define AEGIS_CEDAR_PARTIAL_PARTIAL_H

#include "cedar/eval/evaluation.h"
#include "cedar/schema/typed_policy.h"

enum residual_state {
    RESIDUAL_OPEN = 0,
    RESIDUAL_KNOWN,
    RESIDUAL_FAILS, /* whatever is unknown */
};

struct residual {
    enum residual_state state;
    bool can_fail;           /* open ones: evaluation may give an error */
    const struct node *node; /* the expression; of a known one it may be NULL, which is value */
    struct cedar_value value;
};

struct prepared {
    const struct cedar_policy_set *set;
    const struct cedar_schema *schema;
    struct environment environment;
    struct cedar_entities actions; /* of the schema */
    struct typed_policy *policies; /* one per policy of the set; templates are cleared */
};

/* What the entities of a request are looked up in. */
struct partial_entities {
    const struct cedar_schema *schema;
    const struct cedar_partial_entity *items;
    struct uid_table numbers; /* of items */
    struct cedar_entities actions;
};

struct partial {
    const struct prepared *prepared;
    const struct typed_policy *policy; /* in work; without a schema there are no types */
    const struct cedar_partial_request *request;
    struct partial_entities known;
    /* Without a schema: what principal, action, resource and context are; request and known are not
     * looked at. */
    struct residual *variables;
    struct cedar_entities view; /* of known, for evaluation */
    struct evaluation evaluation;
    struct arena *arena;
};

/* prepare.c. Find the environment of the request and type all policies in it. STATUS_INVALID with
 * diag, STATUS_LIMIT. */
NODISCARD enum status partial_prepare(const struct cedar_partial_query *query, struct arena *arena,
                                      struct prepared *out, struct diag *diag);

/* Check that what is known of a request fits the environment, and get ready for its evaluation.
 * Everything is borrowed. Statuses as above. */
NODISCARD enum status partial_init(struct partial *p, const struct prepared *prepared,
                                   const struct cedar_partial_request *request, struct arena *arena,
                                   struct diag *diag);

/* Turn to a request that differs from the checked one in ids that the schema allows; arena is for
 * its evaluation. */
void partial_turn(struct partial *p, const struct cedar_partial_request *request,
                  struct arena *arena);

/* entities.c. Check and index the known entities of a request. Statuses as above. */
NODISCARD enum status partial_entities_init(struct partial_entities *entities,
                                            const struct prepared *prepared,
                                            const struct cedar_partial_request *request,
                                            struct arena *arena, struct diag *diag);
/* Check and index one more of items, which is number. Statuses as above. */
NODISCARD enum status partial_entities_add(struct partial_entities *entities, uint32_t number,
                                           struct arena *arena, struct diag *diag);
struct cedar_entities partial_entities_view(const struct partial_entities *entities);

bool partial_entities_is_action(const struct partial_entities *entities,
                                const struct cedar_uid *uid);

/* Does the data of this entity list all its ancestors? */
bool partial_entities_has_ancestors(const struct partial_entities *entities,
                                    const struct cedar_uid *uid);

/* untyped.c. The expression of a value, of which parts may be unknown by name. STATUS_LIMIT. */
NODISCARD enum status partial_value_node(struct arena *arena, const struct cedar_value *value,
                                         const struct node **out);

/* residual.c. p is ready but for its policy. */
NODISCARD enum status partial_evaluate(struct partial *p, const struct typed_policy *policy,
                                       struct residual *out);

/* decide.c. Evaluate all policies. outcomes and nodes, one per policy and cleared, may both be NULL
 * when nobody asks for them; the node of a true policy stays NULL. */
NODISCARD enum status partial_decide(struct partial *p, enum cedar_partial_outcome *outcomes,
                                     const struct node **nodes, enum cedar_partial_decision *out);

/* decide.c. Evaluate all policies of p, which is ready but for its policy. */
NODISCARD enum status partial_respond(struct partial *p, struct cedar_partial_response *out);

/* raise.c. A residual as a surface tree that borrows nothing from it. STATUS_LIMIT. */
NODISCARD enum status partial_raise(const struct node *node, struct arena *arena,
                                    const struct surface_node **out);
NODISCARD enum status partial_raise_uid(const struct cedar_uid *uid, struct arena *arena,
                                        struct surface_entity *out);

#endif
