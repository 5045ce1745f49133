#include "cedar/schema/report.h"

#include <stdarg.h>

static void find_place(struct cedar_diagnostic *diagnostic, struct slice text)
{
    diagnostic->line = 1;
    diagnostic->column = 1;
    for (size_t i = 0; i < diagnostic->from && i < text.len; i++) {
        diagnostic->column++;
        if (text.ptr[i] == '\n') {
            diagnostic->line++;
            diagnostic->column = 1;
        }
    }
}

enum status schema_report(struct cedar_diagnostics *diagnostics, const struct cedar_source *source,
                          struct schema_range at, const char *format, ...)
{
    if (diagnostics->count == CEDAR_DIAGNOSTICS_MAX) {
        diagnostics->is_cut = true;
        return STATUS_INVALID;
    }
    struct cedar_diagnostic *diagnostic = &diagnostics->items[diagnostics->count++];
    *diagnostic = (struct cedar_diagnostic){.source = source->name, .from = at.from, .to = at.to};
    find_place(diagnostic, source->text);
    va_list args;
    va_start(args, format);
    diag_vformat(diagnostic->message, sizeof(diagnostic->message), format, args);
    va_end(args);
    return STATUS_INVALID;
}

void schema_report_also(struct cedar_diagnostics *diagnostics, struct schema_range at)
{
    struct cedar_diagnostic *last = &diagnostics->items[diagnostics->count - 1];
    if (!diagnostics->is_cut && last->label_count < CEDAR_LABELS_MAX) {
        last->labels[last->label_count++] = (struct cedar_label){.from = at.from, .to = at.to};
    }
}

void schema_report_help(struct cedar_diagnostics *diagnostics, const char *format, ...)
{
    struct cedar_diagnostic *last = &diagnostics->items[diagnostics->count - 1];
    if (diagnostics->is_cut) {
        return;
    }
    va_list args;
    va_start(args, format);
    diag_vformat(last->help, sizeof(last->help), format, args);
    va_end(args);
}
