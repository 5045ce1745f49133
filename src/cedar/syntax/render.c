#include "cedar/syntax/report.h"

#define LINE_BYTES_MAX 240 /* of a source line that is shown */

/* The line that holds a byte, without its end. */
static struct slice line_at(struct slice source, size_t at, size_t *start)
{
    size_t from = at < source.len ? at : source.len;
    size_t to = from;
    while (from > 0 && source.ptr[from - 1] != '\n') {
        from--;
    }
    while (to < source.len && source.ptr[to] != '\n') {
        to++;
    }
    *start = from;
    return slice_sub(source, from, to);
}

static void paint(struct buf *out, bool is_colored, const char *code)
{
    if (is_colored) {
        buf_append(out, SLICE("\x1b["));
        buf_append(out, slice_view_cstr(code));
        buf_append_byte(out, 'm');
    }
}

/* Control characters could move the terminal's cursor; a tab is as wide as any other here. */
static void append_visible(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.ptr[i];
        bool is_control = (byte < 0x20 && byte != '\t') || byte == 0x7F;
        buf_append_byte(out, byte == '\t' ? ' ' : is_control ? '?' : byte);
    }
}

static size_t characters(struct slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += (text.ptr[i] & 0xC0) == 0x80 ? 0 : 1;
    }
    return count;
}

static void append_repeated(struct buf *out, uint8_t byte, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_append_byte(out, byte);
    }
}

static size_t digits(uint32_t number)
{
    size_t count = 1;
    for (; number >= 10; number /= 10) {
        count++;
    }
    return count;
}

struct rendering {
    struct slice source;
    struct buf *out;
    size_t gutter;
    bool is_colored;
    uint32_t shown; /* line of the source that was shown last */
};

static void gutter(const struct rendering *r, uint32_t line)
{
    paint(r->out, r->is_colored, "34");
    append_repeated(r->out, ' ', r->gutter - (line == 0 ? 0 : digits(line)) + 1);
    if (line > 0) {
        buf_append_u64(r->out, line);
    }
    buf_append(r->out, SLICE(" | "));
    paint(r->out, r->is_colored, "0");
}

static uint32_t line_number(struct slice source, size_t at)
{
    uint32_t line = 1;
    for (size_t i = 0; i < at && i < source.len; i++) {
        line += source.ptr[i] == '\n' ? 1 : 0;
    }
    return line;
}

/* A source line with from..to underlined, as far as the range lies in it; the line itself only when
 * it is not the one that was shown last. */
static void excerpt(struct rendering *r, size_t from, size_t to, uint8_t mark, struct slice label)
{
    size_t start = 0;
    struct slice line = line_at(r->source, from, &start);
    size_t end = to < start + line.len ? to : start + line.len;
    struct slice before = slice_sub(line, 0, from - start);
    struct slice marked = slice_sub(line, from - start, end > from ? end - start : from - start);
    struct slice shown = slice_sub(line, 0, LINE_BYTES_MAX);
    uint32_t number = line_number(r->source, from);
    if (number != r->shown) {
        gutter(r, number);
        append_visible(r->out, shown);
        buf_append_byte(r->out, '\n');
    }
    r->shown = number;
    if (before.len < LINE_BYTES_MAX) {
        size_t width = characters(slice_sub(marked, 0, LINE_BYTES_MAX - before.len));
        gutter(r, 0);
        append_repeated(r->out, ' ', characters(before));
        paint(r->out, r->is_colored, mark == '^' ? "1;31" : "1;36");
        append_repeated(r->out, mark, width == 0 ? 1 : width);
        if (label.len > 0) {
            buf_append_byte(r->out, ' ');
            buf_append(r->out, label);
        }
        paint(r->out, r->is_colored, "0");
        buf_append_byte(r->out, '\n');
    }
}

static void headline(const struct rendering *r, const struct cedar_diagnostic *diagnostic)
{
    bool is_warning = diagnostic->severity == CEDAR_SEVERITY_WARNING;
    paint(r->out, r->is_colored, "1");
    append_visible(r->out, diagnostic->source);
    buf_append_byte(r->out, ':');
    buf_append_u64(r->out, diagnostic->line);
    buf_append_byte(r->out, ':');
    buf_append_u64(r->out, diagnostic->column);
    buf_append(r->out, SLICE(": "));
    paint(r->out, r->is_colored, is_warning ? "1;33" : "1;31");
    buf_append(r->out, is_warning ? SLICE("warning: ") : SLICE("error: "));
    paint(r->out, r->is_colored, "0");
    buf_append(r->out, slice_view_cstr(diagnostic->message));
    buf_append_byte(r->out, '\n');
}

void cedar_diagnostic_render(const struct cedar_diagnostic *diagnostic, struct slice source,
                             bool is_colored, struct buf *out)
{
    struct rendering r = {source, out, digits(diagnostic->line), is_colored, 0};
    for (size_t i = 0; i < diagnostic->label_count; i++) {
        size_t wide = digits(line_number(source, diagnostic->labels[i].from));
        r.gutter = wide > r.gutter ? wide : r.gutter;
    }
    headline(&r, diagnostic);
    if (source.len > 0) {
        excerpt(&r, diagnostic->from, diagnostic->to, '^', slice_view_cstr(diagnostic->expected));
        for (size_t i = 0; i < diagnostic->label_count; i++) {
            const struct cedar_label *label = &diagnostic->labels[i];
            excerpt(&r, label->from, label->to, '-', slice_view_cstr(label->text));
        }
    }
    if (diagnostic->help[0] != '\0') {
        append_repeated(out, ' ', r.gutter + 1);
        buf_append(out, SLICE(" = help: "));
        buf_append(out, slice_view_cstr(diagnostic->help));
        buf_append_byte(out, '\n');
    }
}
