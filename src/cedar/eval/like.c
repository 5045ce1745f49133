#include "cedar/eval/like.h"

#include <string.h>

/* What is left to match: parts [first, last) against bytes [at, end). */
struct matching {
    const struct pattern_part *parts;
    size_t first, last;
    const uint8_t *at, *end;
};

static size_t left(const struct matching *m)
{
    return (size_t)(m->end - m->at);
}

/* The literals before the first wildcard stand at the beginning. */
static bool match_beginning(struct matching *m)
{
    for (; m->first < m->last && !m->parts[m->first].is_wildcard; m->first++) {
        struct slice literal = m->parts[m->first].literal;
        if (!slice_starts_with(slice_of(m->at, left(m)), literal)) {
            return false;
        }
        m->at += literal.len;
    }
    return true;
}

/* Those after the last one stand at the end, whatever else matches there. */
static bool match_end(struct matching *m)
{
    for (; m->last > m->first && !m->parts[m->last - 1].is_wildcard; m->last--) {
        struct slice literal = m->parts[m->last - 1].literal;
        if (!slice_ends_with(slice_of(m->at, left(m)), literal)) {
            return false;
        }
        m->end -= literal.len;
    }
    return true;
}

/* The literals from m->first up to the next wildcard, where they stand first. */
static bool match_run(struct matching *m)
{
    const struct pattern_part *run = &m->parts[m->first];
    size_t count = 0;
    while (!run[count].is_wildcard) {
        count++;
    }
    for (;;) {
        struct slice literal = run[0].literal;
        const uint8_t *found =
            left(m) == 0 ? NULL : memmem(m->at, left(m), literal.ptr, literal.len);
        if (found == NULL) {
            return false;
        }
        struct matching rest = {run, 1, count, found + literal.len, m->end};
        if (match_beginning(&rest)) {
            m->at = rest.at;
            m->first += count;
            return true;
        }
        m->at = found + 1;
    }
}

/* Leftmost matches are enough: what a wildcard could take more, the next one can take as well. So
 * no place is looked at twice, and memmem takes a time that grows with the text alone. */
bool like_matches(const struct pattern_part *parts, size_t count, struct slice text)
{
    /* An empty text may have no address to count from. */
    const uint8_t *bytes = text.len > 0 ? text.ptr : (const uint8_t *)"";
    struct matching m = {parts, 0, count, bytes, bytes + text.len};
    if (!match_beginning(&m)) {
        return false;
    }
    if (m.first == m.last) {
        return left(&m) == 0;
    }
    if (!match_end(&m)) {
        return false;
    }
    /* Between the first and the last wildcard. */
    while (m.first < m.last) {
        if (parts[m.first].is_wildcard) {
            m.first++;
        } else if (!match_run(&m)) {
            return false;
        }
    }
    return true;
}
