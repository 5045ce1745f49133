#include "cedar/eval/like.h"

/* Where the part could begin, from `from` on; the text's end when it cannot. */
static size_t next_place(const struct pattern_part *part, struct slice text, size_t from)
{
    struct slice rest = slice_sub(text, from, text.len);
    bool is_literal = !part->is_wildcard && part->literal.len > 0;
    return is_literal ? from + slice_find_byte(rest, part->literal.ptr[0]) : from;
}

bool like_matches(const struct pattern_part *parts, size_t count, struct slice text)
{
    size_t part = 0;
    size_t at = 0;
    size_t after_star = 0; /* the part behind the last wildcard; 0: there was none */
    size_t star_at = 0;    /* where that part was tried last */
    for (;;) {
        if (part < count && parts[part].is_wildcard) {
            after_star = ++part;
            star_at = at;
            if (after_star == count) {
                return true;
            }
            continue;
        }
        if (part == count && at == text.len) {
            return true;
        }
        if (part < count && slice_starts_with(slice_sub(text, at, text.len), parts[part].literal)) {
            at += parts[part++].literal.len;
            continue;
        }
        /* Only the last wildcard needs to grow: what was matched before it is as short as can be.
         */
        if (after_star == 0 || star_at == text.len) {
            return false;
        }
        star_at = next_place(&parts[after_star], text, star_at + 1);
        at = star_at;
        part = after_star;
    }
}
