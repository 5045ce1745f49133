/* symbols.h: what policies name, as small numbers; private to src/cedar.
 *
 * Entities, entity types, names of attributes and literals that policies compare with each have one
 * number in a set, so that a request's texts are hashed once and compared as numbers from then on.
 * What no policy names has no number, and is equal to nothing a policy names.
 */
#ifndef AEGIS_CEDAR_EVAL_SYMBOLS_H
#define AEGIS_CEDAR_EVAL_SYMBOLS_H

#include "cedar/value/uid_table.h"

#define SYMBOL_NONE UID_TABLE_NONE

struct symbols {
    struct uid_table entities;
    struct uid_table types;    /* by their name as id */
    struct uid_table literals; /* told apart by what stands for the type */
    uint32_t count;            /* numbers are 0..count-1, of all these together */
    struct uid_table names;    /* of attributes, numbered apart from 0 */
};

/* arena is borrowed for the life of the table, and so are all texts. */
void symbols_init(struct symbols *symbols, struct arena *arena);

/* STATUS_LIMIT without memory. */
NODISCARD enum status symbols_add_entity(struct symbols *symbols, const struct cedar_uid *uid,
                                         uint32_t *out);
NODISCARD enum status symbols_add_type(struct symbols *symbols, struct slice type, uint32_t *out);
NODISCARD enum status symbols_add_name(struct symbols *symbols, struct slice name, uint32_t *out);

/* Is there a number for values of this kind? Text, integers, booleans and entities have one. */
bool symbols_can_hold(enum cedar_kind kind);

/* symbols_can_hold of its kind is true; its text is borrowed. */
NODISCARD enum status symbols_add_value(struct symbols *symbols, const struct cedar_value *value,
                                        uint32_t *out);

/* SYMBOL_NONE when no policy names it. */
uint32_t symbols_find_entity(const struct symbols *symbols, const struct cedar_uid *uid);
uint32_t symbols_find_type(const struct symbols *symbols, struct slice type);
uint32_t symbols_find_name(const struct symbols *symbols, struct slice name);
uint32_t symbols_find_value(const struct symbols *symbols, const struct cedar_value *value);

#endif
