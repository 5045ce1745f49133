/* writer.h: a tape back to text, with edits.
 *
 * What Aegis forwards is written from the tape it judged, on one line, with every lexeme as it
 * came: numbers keep their digits, strings their escapes, members their order.
 */
#ifndef AEGIS_JSON_WRITER_H
#define AEGIS_JSON_WRITER_H

#include "base/buf.h"
#include "json/tape.h"

enum json_edit_kind {
    JSON_EDIT_REPLACE, /* write text instead of the value ref */
    JSON_EDIT_REMOVE,  /* leave out the value ref; in objects with its name */
    JSON_EDIT_APPEND,  /* write text, `"k":1` or `1`, as the last of container ref */
};

struct json_edit {
    enum json_edit_kind kind;
    json_ref ref;
    struct slice text; /* valid JSON; borrowed */
};

/* Append the value root to buf. Edits name nodes inside root, in any order, at most one of REPLACE
 * and REMOVE and one APPEND for each. */
void json_write(struct buf *buf, const struct json_tape *tape, json_ref root,
                const struct json_edit *edits, size_t edit_count);

#endif
