#include "base/suggest.h"

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

static uint8_t folded(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

/* Are the bytes before a[i] and b[j] the same, case aside? */
static bool is_same(struct slice a, size_t i, struct slice b, size_t j)
{
    return folded(a.ptr[i - 1]) == folded(b.ptr[j - 1]);
}

/* Edits that turn one word into the other: insert, drop, replace, swap neighbours. Case is no
 * difference. */
static size_t edit_distance(struct slice a, struct slice b)
{
    size_t rows[3][SUGGEST_WORD_BYTES_MAX + 1];
    for (size_t j = 0; j <= b.len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t replaced = is_same(a, i, b, j) ? 0 : 1;
            row[j] = smallest(above[j] + 1, row[j - 1] + 1, above[j - 1] + replaced);
            if (i > 1 && j > 1 && is_same(a, i, b, j - 1) && is_same(a, i - 1, b, j)) {
                row[j] = smallest(row[j], before[j - 2] + 1, SIZE_MAX);
            }
        }
    }
    return rows[a.len % 3][b.len];
}

void suggestion_consider(struct suggestion *suggestion, struct slice mistyped, struct slice known)
{
    if (mistyped.len > SUGGEST_WORD_BYTES_MAX || known.len > SUGGEST_WORD_BYTES_MAX) {
        return;
    }
    size_t distance = edit_distance(mistyped, known);
    bool is_near = distance <= 1 + known.len / 4 && distance < known.len;
    if (is_near && (suggestion->word.len == 0 || distance < suggestion->distance)) {
        *suggestion = (struct suggestion){.word = known, .distance = distance};
    }
}
