/* character_table.h: what Unicode says of characters; private to characters.c.
 *
 * The table is written by tools/generate_characters. Its ranges rise and do not meet.
 */
#ifndef AEGIS_CEDAR_SCHEMA_CHARACTER_TABLE_H
#define AEGIS_CEDAR_SCHEMA_CHARACTER_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define SCRIPT_SET_WORDS 3

/* A bit for each script and, as UTS #39 section 5.1 adds, for writing that mixes some. */
struct script_set {
    uint64_t words[SCRIPT_SET_WORDS];
};

struct character_range {
    uint32_t first, last;
};

/* Characters in the same scripts: an index into SCRIPT_SETS. */
struct script_range {
    struct character_range range;
    uint32_t set;
};

extern const struct script_set SCRIPT_SETS[];
extern const struct script_range SCRIPT_RANGES[];
extern const size_t SCRIPT_RANGE_COUNT;

/* Identifier_Status=Allowed: the general security profile for identifiers. */
extern const struct character_range ALLOWED_RANGES[];
extern const size_t ALLOWED_RANGE_COUNT;

#endif
