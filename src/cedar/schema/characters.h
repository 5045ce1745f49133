/* characters.h: characters that deceive a reader; private to src/cedar/schema. */
#ifndef AEGIS_CEDAR_SCHEMA_CHARACTERS_H
#define AEGIS_CEDAR_SCHEMA_CHARACTERS_H

#include "base/slice.h"

/* What a text has been seen to hold; starts as {0}, and takes its pieces one after the other. */
struct characters {
    uint32_t turns;   /* the first character that turns the direction of what follows; 0: none */
    uint32_t unusual; /* the first one outside of the profile for identifiers, if has_unusual */
    bool has_unusual;
    uint64_t excluded[3]; /* scripts that some character is not of */
};

/* Read a piece of a text, which has to be UTF-8. */
void characters_read(struct characters *characters, struct slice text);

/* Is there no script that all characters may belong to (UTS #39, section 5.1)? */
bool characters_are_mixed(const struct characters *characters);

#endif
