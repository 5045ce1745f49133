/* Strings and names of the printer. */
#include "cedar/syntax/lexer.h"
#include "cedar/syntax/print.h"

/* The first and last of the characters that nobody can see or tell from a space: control, format
 * and private ones, and separators other than the space (Unicode categories Cc, Cf, Co, Zl, Zp and
 * Zs). A person who reads a policy should see them. */
static const struct {
    uint32_t first, last;
} INVISIBLE[] = {
    {0x00, 0x1F},       {0x7F, 0xA0},         {0xAD, 0xAD},       {0x600, 0x605},
    {0x61C, 0x61C},     {0x6DD, 0x6DD},       {0x70F, 0x70F},     {0x890, 0x891},
    {0x8E2, 0x8E2},     {0x1680, 0x1680},     {0x180E, 0x180E},   {0x2000, 0x200F},
    {0x2028, 0x202F},   {0x205F, 0x206F},     {0x3000, 0x3000},   {0xE000, 0xF8FF},
    {0xFEFF, 0xFEFF},   {0xFFF9, 0xFFFB},     {0x110BD, 0x110BD}, {0x110CD, 0x110CD},
    {0x13430, 0x1343F}, {0x1BCA0, 0x1BCA3},   {0x1D173, 0x1D17A}, {0xE0001, 0xE007F},
    {0xF0000, 0xFFFFD}, {0x100000, 0x10FFFD},
};

static bool is_invisible(uint32_t code)
{
    for (size_t i = 0; i < COUNT_OF(INVISIBLE) && INVISIBLE[i].first <= code; i++) {
        if (code <= INVISIBLE[i].last) {
            return true;
        }
    }
    return false;
}

/* The character at the start of well-formed UTF-8. */
static size_t decode(struct slice rest, uint32_t *code)
{
    uint8_t lead = rest.ptr[0];
    size_t len = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    *code = lead < 0x80 ? lead : lead & (0xFFU >> (len + 1));
    for (size_t i = 1; i < len && i < rest.len; i++) {
        *code = *code << 6 | (rest.ptr[i] & 0x3FU);
    }
    return len < rest.len ? len : rest.len;
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

static void append_escaped(struct buf *out, struct slice text)
{
    static const char CODES[] = "\n\r\t\\\0'\"";
    static const char NAMES[] = "nrt\\0'\"";
    for (size_t i = 0; i < text.len;) {
        uint32_t code = 0;
        size_t len = decode(slice_sub(text, i, text.len), &code);
        size_t which = 0;
        while (which < sizeof(NAMES) - 1 && (uint8_t)CODES[which] != code) {
            which++;
        }
        if (which < sizeof(NAMES) - 1) {
            buf_append_byte(out, '\\');
            buf_append_byte(out, (uint8_t)NAMES[which]);
        } else if (is_invisible(code)) {
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
    append_escaped(out, text);
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
            append_escaped(out, slice_sub(rest, 0, star));
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
