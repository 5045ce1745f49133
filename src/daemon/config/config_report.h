/* config_report.h: everything that is wrong with a configuration, at once.
 *
 * A person fixes a file faster when all problems are shown together, each with its place, what was
 * expected and the next step. Texts live in the arena of the load; secrets never enter them.
 */
#ifndef AEGIS_DAEMON_CONFIG_CONFIG_REPORT_H
#define AEGIS_DAEMON_CONFIG_CONFIG_REPORT_H

#include "base/arena.h"

#include <stdio.h>

#define CONFIG_PROBLEMS_MAX 200

struct config_problem {
    struct slice file;
    uint32_t line, column; /* 1-based; 0 when the file itself is the problem */
    const char *code;      /* static and stable, like "config.unknown_key" */
    struct slice message;  /* what is wrong and what was expected, one line */
    struct slice hint;     /* what to do next; may be empty */
    bool is_partial;       /* one server or issuer is unavailable for it; the rest can be used */
};

/* Starts as {0}; filled by config_load. Sorted by file, then place. */
struct config_report {
    struct config_problem *problems; /* in the arena of the load */
    size_t count, partial_count;
    bool is_lenient; /* set by the caller: partial problems do not fail the load */
    bool is_cut;     /* there were more than CONFIG_PROBLEMS_MAX */
    bool failed;     /* memory ran out while reporting */
};

/* Append a problem; message and hint are copied and made printable, file is borrowed.
 * Beyond the bound only is_cut is set; without memory only failed. */
void config_report_add(struct config_report *report, struct arena *arena,
                       const struct config_problem *problem);

/* Is anything wrong that matters to this caller? */
bool config_report_has_failed(const struct config_report *report);

/* Sort by file and place, keeping the order of equal places. */
void config_report_sort(struct config_report *report);

/* "file:line:column: message [code]" and an indented hint, one problem after the other. */
void config_report_print(FILE *out, const struct config_report *report);

/* The same as one JSON object {"ok", "complete", "problems": [{file, line, column, code, message,
 * hint}]}. */
void config_report_print_json(FILE *out, const struct config_report *report);

#endif
