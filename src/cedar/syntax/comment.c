#include "cedar/syntax/comment.h"

/* Where the first comment of from..to begins; to when there is none. Nothing stands there but white
 * space, comments and what comment_reader_drop has left out. */
static size_t find_comment(struct slice source, size_t from, size_t to)
{
    while (from < to && lexer_comment_length(slice_sub(source, from, to)) == 0) {
        from++;
    }
    return from;
}

static struct slice trim_end(struct slice text)
{
    size_t end = 0;
    for (size_t i = 0; i < text.len;) {
        size_t space = lexer_space_length(slice_sub(text, i, text.len));
        i += space == 0 ? 1 : space;
        end = space == 0 ? i : end;
    }
    return slice_sub(text, 0, end);
}

bool comment_next(struct slice source, struct surface_range *range, struct slice *comment)
{
    size_t from = find_comment(source, range->from, range->to);
    size_t length = lexer_comment_length(slice_sub(source, from, range->to));
    *comment = trim_end(slice_sub(source, from, from + length));
    range->from = (uint32_t)(from + length);
    return length > 0;
}

void comment_reader_init(struct comment_reader *reader, struct slice source)
{
    *reader = (struct comment_reader){.lexer = {.source = source}};
    reader->next.token = lexer_next(&reader->lexer);
    reader->next.leading.to = (uint32_t)reader->next.token.from;
}

struct commented_token comment_reader_take(struct comment_reader *reader)
{
    struct slice source = reader->lexer.source;
    struct commented_token taken = reader->next;
    struct token behind = lexer_next(&reader->lexer);
    struct surface_range between = {(uint32_t)taken.token.to, (uint32_t)behind.from};
    struct slice rest = slice_sub(source, between.from, between.to);
    size_t line_end = between.from + slice_find_byte(rest, '\n');
    if (find_comment(source, between.from, between.to) < line_end) {
        (void)comment_next(source, &between, &taken.trailing);
    }
    reader->next = (struct commented_token){.token = behind, .leading = between};
    return taken;
}

void comment_reader_drop(struct comment_reader *reader)
{
    uint32_t from = reader->next.leading.from;
    (void)comment_reader_take(reader);
    reader->next.leading.from = from;
}
