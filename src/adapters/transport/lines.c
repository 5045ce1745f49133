#include "adapters/transport/lines.h"

void lines_init(struct lines *lines, size_t bytes_max, struct account *account)
{
    *lines = (struct lines){.bytes_max = bytes_max};
    buf_init(&lines->begun, bytes_max, account);
}

void lines_release(struct lines *lines)
{
    buf_release(&lines->begun);
    lines->is_taken = lines->is_passing = false;
}

static void drop_taken(struct lines *lines)
{
    if (lines->is_taken) {
        buf_clear(&lines->begun);
        lines->is_taken = false;
    }
}

/* Begin with the next line once this one has ended. */
static void pass_over(struct lines *lines, struct slice *input)
{
    size_t end = slice_find_byte(*input, '\n');
    lines->passed_over += slice_sub(*input, 0, end).len;
    lines->is_passing = end >= input->len;
    *input = slice_sub(*input, end + 1, input->len);
}

static enum lines_result overflow(struct lines *lines, bool has_ended)
{
    lines_release(lines);
    lines->passed_over = 0;
    lines->is_passing = !has_ended;
    return LINES_OVERFLOW;
}

enum lines_result lines_next(struct lines *lines, struct slice *input, struct slice *line)
{
    drop_taken(lines);
    if (lines->is_passing) {
        pass_over(lines, input);
    }
    if (lines->is_passing && lines->passed_over / LINES_PASSED_OVER_MAX > lines->bytes_max) {
        return LINES_ENDLESS;
    }
    if (input->len == 0) {
        return LINES_NEED_MORE;
    }
    size_t end = slice_find_byte(*input, '\n');
    struct slice piece = slice_sub(*input, 0, end);
    bool is_whole = end < input->len;
    *input = slice_sub(*input, end + 1, input->len);
    if (!is_whole || lines->begun.len > 0) {
        buf_append(&lines->begun, piece);
        piece = buf_view(&lines->begun);
        lines->is_taken = is_whole;
    }
    if (buf_status(&lines->begun) != STATUS_OK || piece.len > lines->bytes_max) {
        return overflow(lines, is_whole);
    }
    if (!is_whole) {
        return LINES_NEED_MORE;
    }
    bool has_cr = piece.len > 0 && piece.ptr[piece.len - 1] == '\r';
    *line = slice_sub(piece, 0, piece.len - (has_cr ? 1 : 0));
    return LINES_LINE;
}

size_t lines_begun(const struct lines *lines)
{
    return lines->is_taken ? 0 : lines->begun.len;
}
