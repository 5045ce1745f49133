/* audit_print.h: a record as a row of a table, or as a line of JSON. */
#ifndef AEGIS_CLI_AUDIT_PRINT_H
#define AEGIS_CLI_AUDIT_PRINT_H

#include "json/tape.h"

/* How rows go out, and how many did. */
struct printer {
    bool is_json;
    uint64_t rows;
    struct json_parser parser;
    struct arena arena;
};

/* output: "text" or "json". */
void printer_init(struct printer *printer, const char *output);
void printer_release(struct printer *printer);

/* One record: a row of the table, or its own line with the sequence put in front. is_unknown: an
 * intent whose outcome is not in the journal. */
void print_record(struct printer *printer, uint64_t sequence, struct slice payload,
                  bool is_unknown);

/* The text of a member as it stands in the record: still escaped, so that no record can send
 * control characters to a terminal. Empty when it is absent or no text. */
struct slice shown_member(const struct json_tape *tape, struct slice name);

#endif
