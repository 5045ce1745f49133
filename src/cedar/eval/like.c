#include "cedar/eval/like.h"

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
        at = ++star_at;
        part = after_star;
    }
}
