/* report.h: what is wrong with a schema, and where; private to src/cedar/schema. */
#ifndef AEGIS_CEDAR_SCHEMA_REPORT_H
#define AEGIS_CEDAR_SCHEMA_REPORT_H

#include "cedar/schema/declaration.h"

/* Add an error; returns STATUS_INVALID, so that a failure is one return statement. */
NODISCARD enum status schema_report(struct cedar_diagnostics *diagnostics,
                                    const struct cedar_source *source, struct schema_range at,
                                    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Add a second place to the error that was reported last. */
void schema_report_also(struct cedar_diagnostics *diagnostics, struct schema_range at);

/* Say how to mend the error that was reported last. */
void schema_report_help(struct cedar_diagnostics *diagnostics, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
