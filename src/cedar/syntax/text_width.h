/* text_width.h: how many columns of a terminal a text takes; private to src/cedar/syntax. */
#ifndef AEGIS_CEDAR_SYNTAX_TEXT_WIDTH_H
#define AEGIS_CEDAR_SYNTAX_TEXT_WIDTH_H

#include "base/slice.h"

/* Columns of valid UTF-8, character by character: two for wide ones, none for those that combine
 * with others, one for all else. Reference: Unicode Standard Annex 11. */
size_t text_width(struct slice text);

#endif
