/* subject.h: an entity that takes part in a decision; private to src/cedar. */
#ifndef AEGIS_CEDAR_EVAL_SUBJECT_H
#define AEGIS_CEDAR_EVAL_SUBJECT_H

#include "cedar/eval/symbols.h"

struct subject {
    struct cedar_uid uid;
    struct cedar_entity_data data; /* cleared when it does not exist */
    bool exists;
    /* In the symbols of one policy set; the reference evaluator does without. */
    uint32_t self, type;
    const uint32_t *symbols; /* the entity and its ancestors as far as policies name them,
                                ascending */
    size_t symbol_count;
};

/* Is the entity target, or below it? Compares texts. */
bool subject_is_in(const struct subject *subject, const struct cedar_uid *target);

/* Fill in the symbols, in arena. STATUS_LIMIT without memory. */
NODISCARD enum status subject_name(struct subject *subject, const struct symbols *symbols,
                                   struct arena *arena);

/* As subject_is_in, for an entity that a policy names. */
bool subject_has(const struct subject *subject, uint32_t symbol);

#endif
