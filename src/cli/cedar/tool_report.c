#include "cli/cedar/tool.h"

#include <stdarg.h>
#include <unistd.h>

#define OUTPUT_BYTES_MAX ((size_t)64 << 20)
#define MESSAGE_BYTES 512

static bool is_format(const struct tool *tool, struct slice format)
{
    return slice_eq(slice_view_cstr(tool->error_format), format);
}

void tool_print_buf(FILE *out, const struct buf *buf)
{
    (void)fwrite(buf->ptr, 1, buf->len, out);
}

void tool_print_text(FILE *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool is_control = text.ptr[i] < 0x20 || text.ptr[i] == 0x7F;
        (void)fputc(is_control ? '?' : text.ptr[i], out);
    }
}

void tool_print_error(FILE *out, const struct cedar_policy_error *error)
{
    (void)fprintf(out, "%.*s", SLICE_ARG(error->message));
    if (error->subject.len > 0) {
        (void)fputs(": '", out);
        tool_print_text(out, error->subject);
        (void)fputs("'", out);
    }
}

/* -- for programs -------------------------------------------------------------------------- */

static void put(struct buf *out, const char *text)
{
    buf_append(out, slice_view_cstr(text));
}

static void put_string(struct buf *out, const char *text)
{
    buf_append_json_string(out, slice_view_cstr(text));
}

static void put_label(struct buf *out, const char *text, size_t from, size_t to)
{
    put(out, "{");
    if (text[0] != '\0') {
        put(out, "\"label\":");
        put_string(out, text);
        put(out, ",");
    }
    put(out, "\"span\":{\"offset\":");
    buf_append_u64(out, from);
    put(out, ",\"length\":");
    buf_append_u64(out, to - from);
    put(out, "}}");
}

/* help, filename and labels of a diagnostic. */
static void put_place(struct buf *out, const struct cedar_diagnostic *item)
{
    if (item->help[0] != '\0') {
        put(out, ",\"help\":");
        put_string(out, item->help);
    }
    put(out, ",\"filename\":");
    buf_append_json_string(out, item->source);
    put(out, ",\"labels\":[");
    put_label(out, item->expected, item->from, item->to);
    for (size_t i = 0; i < item->label_count; i++) {
        put(out, ",");
        put_label(out, item->labels[i].text, item->labels[i].from, item->labels[i].to);
    }
    put(out, "]");
}

static void put_severity(struct buf *out, enum cedar_severity severity)
{
    put(out,
        severity == CEDAR_SEVERITY_ERROR ? ",\"severity\":\"error\"" : ",\"severity\":\"warning\"");
}

static void put_related(struct buf *out, const struct cedar_diagnostic *item)
{
    put(out, "{\"message\":");
    put_string(out, item->message);
    put_severity(out, item->severity);
    put(out, ",\"causes\":[]");
    put_place(out, item);
    put(out, ",\"related\":[]}");
}

/* The n-th of all details, or NULL. */
static const struct cedar_diagnostic *detail_at(const struct report *report, size_t index)
{
    for (size_t i = 0; i < COUNT_OF(report->details); i++) {
        size_t count = report->details[i] == NULL ? 0 : report->details[i]->count;
        if (index < count) {
            return &report->details[i]->items[index];
        }
        index -= count;
    }
    return NULL;
}

/* The first detail is the cause and gives the place, the others are related to it. */
static void put_json(struct buf *out, const struct report *report)
{
    const struct cedar_diagnostic *first = detail_at(report, 0);
    const char *cause = report->cause == NULL && first != NULL ? first->message : report->cause;
    put(out, "{\"message\":");
    put_string(out, report->message);
    put_severity(out, report->severity);
    put(out, ",\"causes\":[");
    if (cause != NULL) {
        put_string(out, cause);
    }
    put(out, "]");
    if (first != NULL) {
        put_place(out, first);
    } else {
        put(out, ",\"filename\":\"\",\"labels\":[]");
    }
    put(out, ",\"related\":[");
    for (size_t i = 1; detail_at(report, i) != NULL; i++) {
        put(out, i == 1 ? "" : ",");
        put_related(out, detail_at(report, i));
    }
    put(out, "]}\n");
}

/* -- for people ---------------------------------------------------------------------------- */

/* A cause may quote a document. */
static void put_visible(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        bool is_control = (uint8_t)*text < 0x20 || *text == 0x7F;
        buf_append_byte(out, is_control ? '?' : (uint8_t)*text);
    }
}

static void put_human(struct buf *out, const struct report *report, bool is_plain, bool is_colored)
{
    struct slice source = is_plain ? SLICE_EMPTY : report->source;
    put(out, report->message);
    if (report->cause != NULL) {
        put(out, ": ");
        put_visible(out, report->cause);
    }
    put(out, "\n");
    for (size_t i = 0; detail_at(report, i) != NULL; i++) {
        cedar_diagnostic_render(detail_at(report, i), source, is_colored, out);
    }
    for (size_t i = 0; i < COUNT_OF(report->details); i++) {
        if (report->details[i] != NULL && report->details[i]->is_cut) {
            put(out, "there are more, which are not shown\n");
        }
    }
}

void tool_report(const struct tool *tool, FILE *out, const struct report *report)
{
    struct buf text;
    buf_init(&text, OUTPUT_BYTES_MAX, NULL);
    if (is_format(tool, SLICE("json"))) {
        put_json(&text, report);
    } else {
        bool is_plain = is_format(tool, SLICE("plain"));
        put_human(&text, report, is_plain, !is_plain && isatty(fileno(out)) == 1);
    }
    tool_print_buf(out, &text);
    buf_release(&text);
}

enum status tool_fail(const struct tool *tool, const char *cause, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    struct report report = {.message = message, .cause = cause};
    va_list args;
    va_start(args, format);
    diag_vformat(message, sizeof(message), format, args);
    va_end(args);
    tool_report(tool, tool->reports, &report);
    return STATUS_INVALID;
}

enum status tool_fail_source(const struct tool *tool, enum status status,
                             const struct cedar_source *source, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    struct report report = {
        .message = message, .source = source->text, .details = {&tool->diagnostics}};
    va_list args;
    va_start(args, format);
    diag_vformat(message, sizeof(message), format, args);
    va_end(args);
    if (tool->diagnostics.count == 0) {
        report.cause =
            status == STATUS_LIMIT ? "a limit was reached or memory ran out" : status_name(status);
    }
    tool_report(tool, tool->reports, &report);
    return STATUS_INVALID;
}
