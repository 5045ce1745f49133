#include "adapters/transport/lines.h"

void lines_init(struct lines *lines, size_t bytes_max, struct account *account)
{
    *lines = (struct lines){.bytes_max = bytes_max};
    buf_init(&lines->begun, bytes_max, account);
}

void lines_release(struct lines *lines)
{
    buf_release(&lines->begun);
    lines->is_taken = false;
}

static void drop_taken(struct lines *lines)
{
    if (lines->is_taken) {
        buf_clear(&lines->begun);
        lines->is_taken = false;
    }
}

enum lines_result lines_next(struct lines *lines, struct slice *input, struct slice *line)
{
    drop_taken(lines);
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
        return LINES_OVERFLOW;
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
