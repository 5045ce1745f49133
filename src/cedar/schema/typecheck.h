/* typecheck.h: the type of an expression in one request environment (reference, 11.2 and 11.3);
 * private to src/cedar/schema. */
#ifndef AEGIS_CEDAR_SCHEMA_TYPECHECK_H
#define AEGIS_CEDAR_SCHEMA_TYPECHECK_H

#include "cedar/schema/facts.h"
#include "cedar/schema/type_relation.h"
#include "cedar/syntax/report.h"

/* Who may ask what: one combination that an action's appliesTo allows. */
struct environment {
    uint32_t principal, resource; /* entity types */
    uint32_t action;
    uint32_t principal_slot, resource_slot; /* types of the slots of a template; SCHEMA_NONE */
};

struct typing {
    const struct cedar_schema *schema;
    bool is_strict;
    struct environment environment;
    struct arena *arena;
    struct reporter *reporter; /* each error once, however many environments have it */
    size_t first_report;       /* of this policy in the reporter's list */
    struct slice policy_id;
    uint32_t error_count;
    /* By the number of a node: its type, NULL where checking had no need to go. May be NULL. */
    const struct type **types;
};

/* What an expression is. After an error the type is the one that was to be expected, so that
 * checking can go on. */
struct typed {
    const struct type *type;  /* NULL: nothing is known */
    const struct fact *facts; /* that hold when the expression is true */
    bool has_failed;
    bool is_guessed; /* the type is what was to be expected, because nothing was known */
};

/* STATUS_LIMIT without memory; everything else is in out and the reports. */
NODISCARD enum status typecheck(struct typing *t, const struct node *node, const struct fact *facts,
                                struct typed *out);

/* -- for the parts of the checker ---------------------------------------------------------- */

/* Report at the node, once. Returns STATUS_OK: checking goes on. */
NODISCARD enum status typing_report(struct typing *t, const struct node *node, const char *format,
                                    ...) __attribute__((format(printf, 3, 4)));

/* Check, and expect a subtype of wanted, which also is the type after an error. */
NODISCARD enum status typing_expect(struct typing *t, const struct node *node,
                                    const struct fact *facts, const struct type *wanted,
                                    struct typed *out);

/* "saw X where Y": for types in messages. */
struct typing_words {
    char text[96];
};
struct typing_words typing_words(const struct typing *t, const struct type *type);

/* In strict mode, report when two types have no join. *fits says. */
NODISCARD enum status typing_strict_join(struct typing *t, const struct node *node,
                                         const struct type *a, const struct type *b, bool *fits);

/* typecheck_entity.c */
NODISCARD enum status typecheck_equal(struct typing *t, const struct node *node,
                                      const struct fact *facts, struct typed *out);
NODISCARD enum status typecheck_in(struct typing *t, const struct node *node,
                                   const struct fact *facts, struct typed *out);
NODISCARD enum status typecheck_is(struct typing *t, const struct node *node,
                                   const struct fact *facts, struct typed *out);
NODISCARD enum status typecheck_has(struct typing *t, const struct node *node,
                                    const struct fact *facts, struct typed *out);
NODISCARD enum status typecheck_attribute(struct typing *t, const struct node *node,
                                          const struct fact *facts, struct typed *out);

/* typecheck_call.c */
NODISCARD enum status typecheck_call(struct typing *t, const struct node *node,
                                     const struct fact *facts, struct typed *out);

#endif
