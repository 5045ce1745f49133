/* report.h: diagnostics with places, for everything that reads policies; private to src/cedar. */
#ifndef AEGIS_CEDAR_SYNTAX_REPORT_H
#define AEGIS_CEDAR_SYNTAX_REPORT_H

#include "cedar/syntax/surface.h"

/* Collects what is wrong with one source. While silent is not zero, nothing is kept: for looking
 * whether something would be right. */
struct reporter {
    struct cedar_source source;     /* borrowed */
    struct cedar_diagnostics *list; /* borrowed */
    size_t first;                   /* of this source in the list */
    unsigned silent;
    struct cedar_diagnostic *last, spare; /* spare takes what the list cannot */
};

/* source->name and text have to live as long as the diagnostics. */
void reporter_init(struct reporter *reporter, const struct cedar_source *source,
                   struct cedar_diagnostics *list);

/* Report a range. Always returns STATUS_INVALID, as the next two do. */
enum status report(struct reporter *reporter, struct surface_range range, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Say of the last report what could stand there, or how to go on. */
enum status report_expected(struct reporter *reporter, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
enum status report_help(struct reporter *reporter, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Point at a second range in the last report. */
enum status report_label(struct reporter *reporter, struct surface_range range, const char *format,
                         ...) __attribute__((format(printf, 3, 4)));

/* Take the last report back when one from the first-th of the list on says the same. */
void report_once(struct reporter *reporter, size_t first);

/* Bring the reports of this source into the order of their places and fill in lines and columns.
 * To be called once, when the source is done. */
void reporter_close(struct reporter *reporter);

/* A report of its own, with line and column, for those who go through several sources at once.
 * Always returns STATUS_INVALID. */
enum status report_at(struct cedar_diagnostics *list, const struct cedar_source *source,
                      struct surface_range range, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Point at a second range in the last of these, or say how to go on. */
void report_at_label(struct cedar_diagnostics *list, struct surface_range range);
void report_at_help(struct cedar_diagnostics *list, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The text for a message: its first bytes when it is long, whole characters only. */
struct slice report_clip(struct slice text);

/* STATUS_LIMIT if one of them is, else STATUS_INVALID if one of them is, else STATUS_OK. */
enum status status_worse(enum status a, enum status b);

/* The candidate that text is most likely a misspelling of; empty when none is near. */
struct slice report_nearest(struct slice text, const struct slice *candidates, size_t count);

#endif
