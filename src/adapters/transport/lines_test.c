#include "adapters/transport/lines.h"

#include "support/check.h"

#include <string.h>

#define LINE_BYTES_MAX 8

/* All lines of text, which comes in pieces of piece bytes, joined by '|'; '!' is an overflow.
 * Returns whether one of them has no end. */
static bool read_all(struct slice text, size_t piece, struct buf *out)
{
    struct lines lines;
    bool is_endless = false;
    lines_init(&lines, LINE_BYTES_MAX, NULL);
    buf_clear(out);
    for (size_t at = 0; at < text.len; at += piece) {
        struct slice input = slice_sub(text, at, at + piece < text.len ? at + piece : text.len);
        struct slice line;
        enum lines_result result;
        while ((result = lines_next(&lines, &input, &line)) == LINES_LINE ||
               result == LINES_OVERFLOW) {
            buf_append(out, result == LINES_LINE ? line : SLICE_EMPTY);
            buf_append_byte(out, result == LINES_LINE ? '|' : '!');
        }
        is_endless = is_endless || result == LINES_ENDLESS;
    }
    lines_release(&lines);
    return is_endless;
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
        {"123456789abcdef\nz\n", "!z|"},
        {"123456789abcdef\n\n123456789\nz", "!|!"},
    };
    struct buf out;
    buf_init(&out, 1024, NULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice text = slice_view_cstr(rows[i].text);
        for (size_t piece = 1; piece <= text.len; piece++) {
            CHECK(!read_all(text, piece, &out));
            CHECK(slice_eq(buf_view(&out), slice_view_cstr(rows[i].lines)));
        }
    }
    buf_release(&out);
}

/* What is too long may still end, so much later and not a byte after. */
TEST(lines_without_an_end)
{
    static char text[2 * LINE_BYTES_MAX * LINES_PASSED_OVER_MAX];
    struct buf out;
    size_t first = LINE_BYTES_MAX + 1; /* of the line: when it is known to be too long */
    size_t most = first + (LINE_BYTES_MAX + 1) * LINES_PASSED_OVER_MAX - 1;
    memset(text, 'a', sizeof(text));
    buf_init(&out, 1024, NULL);
    for (size_t len = most; len <= most + 1; len++) {
        CHECK(read_all(slice_of(text, len), 1, &out) == (len > most));
        CHECK(slice_eq(buf_view(&out), SLICE("!")));
    }
    text[most] = '\n';
    CHECK(!read_all(slice_of(text, most + 1 + LINE_BYTES_MAX), 1, &out));
    buf_release(&out);
}
