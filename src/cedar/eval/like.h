/* like.h: matching text against a pattern; private to src/cedar. */
#ifndef AEGIS_CEDAR_EVAL_LIKE_H
#define AEGIS_CEDAR_EVAL_LIKE_H

#include "cedar/syntax/tree.h"

/* Does the whole text match? Wildcards stand for any run of characters. Works on bytes: parts are
 * whole characters, and no character of UTF-8 begins inside another. */
bool like_matches(const struct pattern_part *parts, size_t count, struct slice text);

#endif
