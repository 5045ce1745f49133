/* resemble.h: would a reader that folds names take one string for another? */
#ifndef AEGIS_JSON_RESEMBLE_H
#define AEGIS_JSON_RESEMBLE_H

#include "json/tape.h"

/* Folded are the case of ASCII letters and the two letters beyond it that fold to one (U+017F,
 * U+212A); control characters do not count. True for strings that are the same, false for values
 * that are none. Allocates nothing. */
bool json_string_resembles(const struct json_tape *a, json_ref a_ref, const struct json_tape *b,
                           json_ref b_ref);

/* The same of a string and a name, which holds no quotes, backslashes and control characters. */
bool json_string_resembles_name(const struct json_tape *tape, json_ref ref, struct slice name);

#endif
