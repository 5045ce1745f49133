/* Strings and names of the printer. */
#include "base/utf8.h"
#include "cedar/syntax/lexer.h"
#include "cedar/syntax/print.h"
#include "cedar/syntax/print_ranges.h"

static bool is_among(uint32_t code, const struct print_range *ranges, size_t count)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (code > ranges[middle].last) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && code >= ranges[low].first;
}

/* A person who reads a policy should see what is in it. */
static bool is_escaped(uint32_t code, bool is_alone)
{
    if (code < 0x7F) {
        return code < 0x20;
    }
    return is_among(code, PRINT_INVISIBLE, PRINT_INVISIBLE_COUNT) ||
           (is_alone && is_among(code, PRINT_EXTENDING, PRINT_EXTENDING_COUNT));
}

static void append_code(struct buf *out, uint32_t code)
{
    static const char HEX[] = "0123456789abcdef";
    unsigned shift = 20;
    while (shift > 0 && code >> shift == 0) {
        shift -= 4;
    }
    buf_append(out, SLICE("\\u{"));
    for (;; shift -= 4) {
        buf_append_byte(out, (uint8_t)HEX[code >> shift & 15]);
        if (shift == 0) {
            break;
        }
    }
    buf_append_byte(out, '}');
}

/* Marks that join the character before them are escaped where none is before: at the start of a
 * string and, each character being a part of its own, everywhere in a pattern. */
static void append_escaped(struct buf *out, struct slice text, bool is_pattern)
{
    static const char CODES[] = "\n\r\t\\\0'\"";
    static const char NAMES[] = "nrt\\0'\"";
    for (size_t i = 0; i < text.len;) {
        uint32_t code = 0;
        size_t len = utf8_decode(slice_sub(text, i, text.len), &code);
        size_t which = 0;
        while (which < sizeof(NAMES) - 1 && (uint8_t)CODES[which] != code) {
            which++;
        }
        if (which < sizeof(NAMES) - 1) {
            buf_append_byte(out, '\\');
            buf_append_byte(out, (uint8_t)NAMES[which]);
        } else if (is_escaped(code, is_pattern || i == 0)) {
            append_code(out, code);
        } else {
            buf_append(out, slice_sub(text, i, i + len));
        }
        i += len;
    }
}

void print_string(struct buf *out, struct slice text)
{
    buf_append_byte(out, '"');
    append_escaped(out, text, false);
    buf_append_byte(out, '"');
}

void print_pattern(struct buf *out, const struct pattern_part *parts, size_t count)
{
    buf_append_byte(out, '"');
    for (size_t i = 0; i < count; i++) {
        struct slice rest = parts[i].literal;
        if (parts[i].is_wildcard) {
            buf_append_byte(out, '*');
            continue;
        }
        while (rest.len > 0) {
            size_t star = slice_find_byte(rest, '*');
            append_escaped(out, slice_sub(rest, 0, star), true);
            if (star < rest.len) {
                buf_append(out, SLICE("\\*"));
            }
            rest = slice_sub(rest, star + 1, rest.len);
        }
    }
    buf_append_byte(out, '"');
}

void print_uid(struct buf *out, const struct cedar_uid *uid)
{
    buf_append(out, uid->type);
    buf_append(out, SLICE("::"));
    print_string(out, uid->id);
}

bool print_is_ident(struct slice text)
{
    struct lexer lexer = {.source = text};
    struct token token = lexer_next(&lexer);
    return token.kind == TOKEN_IDENT && token.text.len == text.len && !lexer_is_reserved(text);
}
