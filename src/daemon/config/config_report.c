#include "daemon/config/config_report.h"

#include "base/buf.h"

#include <assert.h>
#include <string.h>

#define PROBLEM_JSON_BYTES_MAX 65536

/* A copy in which control characters cannot forge another line; a NUL follows. */
static bool copy_printable(struct arena *arena, struct slice text, struct slice *out)
{
    uint8_t *copy = arena_alloc(arena, text.len + 1);
    if (copy == NULL) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        copy[i] = text.ptr[i] < 0x20 || text.ptr[i] == 0x7F ? '?' : text.ptr[i];
    }
    copy[text.len] = '\0';
    *out = slice_of(copy, text.len);
    return true;
}

void config_report_add(struct config_report *report, struct arena *arena,
                       const struct config_problem *problem)
{
    assert(problem->code != NULL);
    if (report->count == CONFIG_PROBLEMS_MAX) {
        report->is_cut = true;
        return;
    }
    if (report->problems == NULL) {
        report->problems =
            arena_alloc_zero(arena, CONFIG_PROBLEMS_MAX, sizeof(struct config_problem));
    }
    struct config_problem copy = *problem;
    if (report->problems == NULL || !copy_printable(arena, problem->message, &copy.message) ||
        !copy_printable(arena, problem->hint, &copy.hint)) {
        report->failed = true;
        return;
    }
    report->problems[report->count++] = copy;
    report->partial_count += problem->is_partial ? 1 : 0;
}

bool config_report_has_failed(const struct config_report *report)
{
    return report->count > (report->is_lenient ? report->partial_count : 0);
}

static bool is_before(const struct config_problem *a, const struct config_problem *b)
{
    int order = slice_compare(a->file, b->file);
    if (order != 0) {
        return order < 0;
    }
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

void config_report_sort(struct config_report *report)
{
    /* Insertion keeps the order of equals, and there are few. */
    for (size_t i = 1; i < report->count; i++) {
        struct config_problem moved = report->problems[i];
        size_t at = i;
        for (; at > 0 && is_before(&moved, &report->problems[at - 1]); at--) {
            report->problems[at] = report->problems[at - 1];
        }
        report->problems[at] = moved;
    }
}

static void print_place(FILE *out, const struct config_problem *problem)
{
    fprintf(out, "%.*s:", SLICE_ARG(problem->file));
    if (problem->line != 0) {
        fprintf(out, "%u:%u:", problem->line, problem->column);
    }
}

void config_report_print(FILE *out, const struct config_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct config_problem *problem = &report->problems[i];
        print_place(out, problem);
        fprintf(out, " %.*s [%s]\n", SLICE_ARG(problem->message), problem->code);
        if (problem->hint.len > 0) {
            fprintf(out, "    %.*s\n", SLICE_ARG(problem->hint));
        }
    }
    if (report->is_cut) {
        fprintf(out, "only the first %d problems are shown\n", CONFIG_PROBLEMS_MAX);
    }
    if (report->failed) {
        fputs("memory ran out while reporting; more problems may exist\n", out);
    }
}

/* A JSON string holds UTF-8 only; file names and texts need not be. */
static void append_text(struct buf *buf, const char *name, struct slice text)
{
    buf_append(buf, slice_view_cstr(name));
    buf_append_json_string(buf, slice_is_utf8(text) ? text : SLICE("(not UTF-8)"));
}

static void append_problem(struct buf *buf, const struct config_problem *problem)
{
    append_text(buf, "{\"file\":", problem->file);
    buf_append(buf, SLICE(",\"line\":"));
    buf_append_u64(buf, problem->line);
    buf_append(buf, SLICE(",\"column\":"));
    buf_append_u64(buf, problem->column);
    append_text(buf, ",\"code\":", slice_view_cstr(problem->code));
    append_text(buf, ",\"message\":", problem->message);
    append_text(buf, ",\"hint\":", problem->hint);
    buf_append_byte(buf, '}');
}

void config_report_print_json(FILE *out, const struct config_report *report)
{
    struct buf buf;
    buf_init(&buf, PROBLEM_JSON_BYTES_MAX, NULL);
    bool is_ok = report->count == 0 && !report->failed;
    fprintf(out, "{\"ok\":%s,\"complete\":%s,\"problems\":[", is_ok ? "true" : "false",
            report->is_cut || report->failed ? "false" : "true");
    for (size_t i = 0; i < report->count; i++) {
        buf_clear(&buf);
        append_problem(&buf, &report->problems[i]);
        struct slice line = buf_view(&buf);
        fprintf(out, "%s%.*s", i == 0 ? "" : ",", SLICE_ARG(line));
    }
    fputs("]}\n", out);
    buf_release(&buf);
}
