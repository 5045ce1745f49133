/* subject.h: an entity that takes part in a decision; private to src/cedar. */
#ifndef AEGIS_CEDAR_EVAL_SUBJECT_H
#define AEGIS_CEDAR_EVAL_SUBJECT_H

#include "cedar/eval/symbols.h"

#define SYMBOL_UNASKED (SYMBOL_NONE - 1) /* more symbols than that do not fit in memory */
#define NUMBER_NONE UID_TABLE_NONE

/* A value, and what is known about it beforehand. */
struct known {
    struct cedar_value value;
    uint32_t symbol; /* in the set; SYMBOL_UNASKED: nobody looked yet */
    /* Numbers in the home of the subject that has it: of an entity, or NUMBER_NONE; of the elements
     * of a set in their order, or NULL when one of them has none. */
    uint32_t number;
    const uint32_t *elements;
    uint32_t element_count;
};

struct subject {
    struct cedar_entity_data data; /* cleared when it does not exist */
    /* Of a subject that was prepared together with others (prepared.h); the home is NULL otherwise.
     * The ancestors are those of data, ascending. */
    const uint32_t *ancestors;
    const struct cedar_prepared_entities *home;
    const struct known *attributes;  /* those that policies name; NULL: data has to be asked */
    const uint32_t *attribute_names; /* symbols, one per attribute */
    uint32_t attribute_count;
    uint32_t number;
    /* In the symbols of one policy set; the reference evaluator does without. */
    uint32_t self, type;
    const uint32_t *symbols; /* the entity and its ancestors as far as policies name them,
                                ascending */
    uint32_t symbol_count;
    bool exists;
    struct cedar_uid uid;
};

/* Is the entity target, or below it? Compares texts. */
bool subject_is_in(const struct subject *subject, const struct cedar_uid *target);

/* As above, for a target of the same home. */
bool subject_is_below(const struct subject *subject, uint32_t number);

/* Fill in the symbols, in arena. STATUS_LIMIT without memory. */
NODISCARD enum status subject_name(struct subject *subject, const struct symbols *symbols,
                                   struct arena *arena);

/* As subject_is_in, for an entity that a policy names. */
bool subject_has(const struct subject *subject, uint32_t symbol);

/* The attribute whose name has this symbol; NULL when there is none. attributes is not NULL. */
const struct known *subject_attribute(const struct subject *subject, uint32_t name);

#endif
