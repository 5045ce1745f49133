#include "adapters/transport/lines.h"

#include "support/check.h"

#define LINE_BYTES_MAX 8

/* All lines of text, which comes in pieces of piece bytes, joined by '|'; '!' is an overflow. */
static void read_all(struct slice text, size_t piece, struct buf *out)
{
    struct lines lines;
    lines_init(&lines, LINE_BYTES_MAX, NULL);
    buf_clear(out);
    for (size_t at = 0; at < text.len; at += piece) {
        struct slice input = slice_sub(text, at, at + piece < text.len ? at + piece : text.len);
        struct slice line;
        enum lines_result result;
        while ((result = lines_next(&lines, &input, &line)) == LINES_LINE) {
            buf_append(out, line);
            buf_append_byte(out, '|');
        }
        if (result == LINES_OVERFLOW) {
            buf_append_byte(out, '!');
            break;
        }
    }
    lines_release(&lines);
}

TEST(lines_are_the_same_in_any_split)
{
    static const struct {
        const char *text, *lines;
    } rows[] = {
        {"", ""},
        {"a", ""},
        {"a\n", "a|"},
        {"a\nbc\n", "a|bc|"},
        {"a\r\n\r\nb\n", "a||b|"},
        {"\n\n", "||"},
        {"a\rb\n", "a\rb|"},
        {"12345678\n", "12345678|"},
        {"x\n12345678\ny\n", "x|12345678|y|"},
        {"123456789\n", "!"},
        {"x\n123456789", "x|!"},
        {"12345678\r\n", "!"},
    };
    struct buf out;
    buf_init(&out, 1024, NULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice text = slice_view_cstr(rows[i].text);
        for (size_t piece = 1; piece <= text.len; piece++) {
            read_all(text, piece, &out);
            CHECK(slice_eq(buf_view(&out), slice_view_cstr(rows[i].lines)));
        }
    }
    buf_release(&out);
}
