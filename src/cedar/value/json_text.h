/* json_text.h: how this library reads JSON; private to src/cedar. */
#ifndef AEGIS_CEDAR_VALUE_JSON_TEXT_H
#define AEGIS_CEDAR_VALUE_JSON_TEXT_H

#include "json/tape.h"

/* json_parse with room for the texts that operators write; nodes live in the arena.
 *
 * diag  not NULL
 * STATUS_INVALID with what is wrong with the text, also when it is too long or too deep;
 * STATUS_LIMIT without memory. */
NODISCARD enum status json_text_parse(struct slice text, struct arena *arena, struct json_tape *out,
                                      struct diag *diag);

#endif
