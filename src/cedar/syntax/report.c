#include "cedar/syntax/report.h"

#include "base/suggest.h"

#include <stdarg.h>
#include <string.h>

#define CLIP_BYTES 48

void reporter_init(struct reporter *reporter, const struct cedar_source *source,
                   struct cedar_diagnostics *list)
{
    *reporter = (struct reporter){.source = *source, .list = list, .first = list->count};
    reporter->last = &reporter->spare;
}

static struct cedar_diagnostic *next_slot(struct reporter *reporter)
{
    struct cedar_diagnostics *list = reporter->list;
    if (reporter->silent > 0) {
        return &reporter->spare;
    }
    if (list->count == CEDAR_DIAGNOSTICS_MAX) {
        list->is_cut = true;
        return &reporter->spare;
    }
    return &list->items[list->count++];
}

__attribute__((format(printf, 3, 0))) static void
add_report(struct reporter *reporter, struct surface_range range, const char *format, va_list args)
{
    struct cedar_diagnostic *slot = next_slot(reporter);
    *slot = (struct cedar_diagnostic){
        .source = reporter->source.name, .from = range.from, .to = range.to};
    diag_vformat(slot->message, sizeof(slot->message), format, args);
    reporter->last = slot;
}

enum status report(struct reporter *reporter, struct surface_range range, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_report(reporter, range, format, args);
    va_end(args);
    return STATUS_INVALID;
}

enum status report_expected(struct reporter *reporter, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    diag_vformat(reporter->last->expected, sizeof(reporter->last->expected), format, args);
    va_end(args);
    return STATUS_INVALID;
}

enum status report_help(struct reporter *reporter, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    diag_vformat(reporter->last->help, sizeof(reporter->last->help), format, args);
    va_end(args);
    return STATUS_INVALID;
}

enum status report_label(struct reporter *reporter, struct surface_range range, const char *format,
                         ...)
{
    struct cedar_diagnostic *last = reporter->last;
    va_list args;
    if (last->label_count < CEDAR_LABELS_MAX) {
        struct cedar_label *label = &last->labels[last->label_count++];
        *label = (struct cedar_label){.from = range.from, .to = range.to};
        va_start(args, format);
        diag_vformat(label->text, sizeof(label->text), format, args);
        va_end(args);
    }
    return STATUS_INVALID;
}

void report_once(struct reporter *reporter, size_t first)
{
    struct cedar_diagnostics *list = reporter->list;
    const struct cedar_diagnostic *last = reporter->last;
    if (last == &reporter->spare) {
        return;
    }
    for (const struct cedar_diagnostic *item = list->items + first; item < last; item++) {
        if (item->from == last->from && item->to == last->to &&
            strcmp(item->message, last->message) == 0) {
            list->count--;
            reporter->last = &reporter->spare;
            return;
        }
    }
}

/* Insertion keeps reports of one place in the order in which they were found. */
static void sort_by_place(struct cedar_diagnostic *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct cedar_diagnostic moved = items[i];
        size_t place = i;
        while (place > 0 && items[place - 1].from > moved.from) {
            items[place] = items[place - 1];
            place--;
        }
        items[place] = moved;
    }
}

void reporter_close(struct reporter *reporter)
{
    struct cedar_diagnostics *list = reporter->list;
    struct slice text = reporter->source.text;
    uint32_t line = 1;
    size_t line_start = 0;
    size_t seen = 0;
    sort_by_place(list->items + reporter->first, list->count - reporter->first);
    for (size_t i = reporter->first; i < list->count; i++) {
        struct cedar_diagnostic *item = &list->items[i];
        for (; seen < item->from && seen < text.len; seen++) {
            if (text.ptr[seen] == '\n') {
                line++;
                line_start = seen + 1;
            }
        }
        item->line = line;
        item->column = (uint32_t)(item->from - line_start + 1);
    }
    reporter->first = list->count;
}

enum status report_at(struct cedar_diagnostics *list, const struct cedar_source *source,
                      struct surface_range range, const char *format, ...)
{
    struct reporter reporter;
    va_list args;
    reporter_init(&reporter, source, list);
    va_start(args, format);
    add_report(&reporter, range, format, args);
    va_end(args);
    reporter_close(&reporter);
    return STATUS_INVALID;
}

void report_at_label(struct cedar_diagnostics *list, struct surface_range range)
{
    struct cedar_diagnostic *last = &list->items[list->count - 1];
    if (!list->is_cut && last->label_count < CEDAR_LABELS_MAX) {
        last->labels[last->label_count++] =
            (struct cedar_label){.from = range.from, .to = range.to};
    }
}

void report_at_help(struct cedar_diagnostics *list, const char *format, ...)
{
    struct cedar_diagnostic *last = &list->items[list->count - 1];
    va_list args;
    if (!list->is_cut) {
        va_start(args, format);
        diag_vformat(last->help, sizeof(last->help), format, args);
        va_end(args);
    }
}

struct slice report_clip(struct slice text)
{
    if (text.len <= CLIP_BYTES) {
        return text;
    }
    size_t len = CLIP_BYTES;
    while (len > 0 && (text.ptr[len] & 0xC0) == 0x80) {
        len--;
    }
    return slice_sub(text, 0, len);
}

enum status status_worse(enum status a, enum status b)
{
    return a == STATUS_OK || (a == STATUS_INVALID && b != STATUS_OK) ? b : a;
}

struct slice report_nearest(struct slice text, const struct slice *candidates, size_t count)
{
    struct suggestion near = {0};
    for (size_t i = 0; i < count; i++) {
        suggestion_consider(&near, text, candidates[i]);
    }
    return near.word;
}
