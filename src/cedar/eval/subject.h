/* subject.h: an entity that takes part in a decision; private to src/cedar. */
#ifndef AEGIS_CEDAR_EVAL_SUBJECT_H
#define AEGIS_CEDAR_EVAL_SUBJECT_H

#include "cedar/eval/symbols.h"

#define SYMBOL_UNASKED (SYMBOL_NONE - 1) /* more symbols than that do not fit in memory */
#define NUMBER_NONE UID_TABLE_NONE
#define PLACE_NONE UINT16_MAX

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

struct index_edge;

/* Numbers. Most questions are about one that is not there, and end at the filter, where a number
 * shares its bit with those that are equal modulo 256. */
struct number_set {
    uint64_t filter[4];
    const uint32_t *places; /* the numbers, hashed; NUMBER_NONE: free, as at least one is */
    uint32_t mask;          /* places - 1, of a power of two */
};

/* Where the number is, or in a place after it when others were there first. */
static inline uint32_t number_place(uint32_t number, uint32_t mask)
{
    return (uint32_t)(number * UINT64_C(0x9E3779B97F4A7C15) >> 32) & mask;
}

/* What decisions read of a prepared one comes first, so that it lies in few cache lines. */
struct subject {
    /* Of a subject that was prepared together with others (prepared.h); the home is NULL otherwise.
     * reached has the numbers of the entity itself and of its ancestors. */
    struct number_set reached;
    const struct known *attributes; /* those that policies name; NULL: data has to be asked */
    const uint16_t *layout; /* the place of each name in attributes, or PLACE_NONE; shared */
    const struct cedar_prepared_entities *home;
    /* Where the index leads it from its trunk, in the place of each variable; NULL: not known. */
    const struct index_edge *leads;
    uint32_t lead_ends[3];
    uint32_t number;
    /* In the symbols of one policy set; the reference evaluator does without. */
    uint32_t self, type;
    const uint32_t *symbols; /* the entity and its ancestors as far as policies name them,
                                ascending */
    uint32_t symbol_count;
    bool exists;
    struct cedar_uid uid;
    struct cedar_entity_data data; /* cleared when it does not exist */
};

/* Is the entity target, or below it? Compares texts. */
bool subject_is_in(const struct subject *subject, const struct cedar_uid *target);

/* As above, for the number of a target in the subject's home. */
static inline bool subject_reaches(const struct subject *subject, uint32_t number)
{
    const struct number_set *set = &subject->reached;
    if ((set->filter[number & 3] >> (number >> 2 & 63) & 1) == 0) {
        return false;
    }
    uint32_t place = number_place(number, set->mask);
    while (set->places[place] != number && set->places[place] != NUMBER_NONE) {
        place = (place + 1) & set->mask;
    }
    return set->places[place] == number;
}

/* Fill in the symbols, in arena. STATUS_LIMIT without memory. */
NODISCARD enum status subject_name(struct subject *subject, const struct symbols *symbols,
                                   struct arena *arena);

/* As subject_is_in, for an entity that a policy names. */
bool subject_has(const struct subject *subject, uint32_t symbol);

/* The attribute whose name has this symbol; NULL when there is none. attributes is not NULL. */
static inline const struct known *subject_attribute(const struct subject *subject, uint32_t name)
{
    uint16_t place = subject->layout[name];
    return place == PLACE_NONE ? NULL : &subject->attributes[place];
}

#endif
