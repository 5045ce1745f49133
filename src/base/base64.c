#include "base/base64.h"

static const char ALPHABETS[2][65] = {
    [BASE64_STANDARD] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    [BASE64_URL_UNPADDED] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

/* What a digit stands for, and one more: 0 is none. Looked up, because the processor cannot guess
 * which range the next one of a random text is in. */
#define COMMON_DIGITS                                                                              \
    ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,        \
    ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, \
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23,            \
    ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30,            \
    ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37,            \
    ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44,            \
    ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50, ['y'] = 51,            \
    ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58,            \
    ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62
static const uint8_t DIGITS[2][256] = {
    [BASE64_STANDARD] = {COMMON_DIGITS, ['+'] = 63, ['/'] = 64},
    [BASE64_URL_UNPADDED] = {COMMON_DIGITS, ['-'] = 63, ['_'] = 64},
};

/* Without the padding of the standard form; STATUS_INVALID when it is not as long as it must be. */
static enum status strip_padding(struct slice *text, enum base64_form form)
{
    if (form == BASE64_URL_UNPADDED) {
        return STATUS_OK;
    }
    if (text->len % 4 != 0) {
        return STATUS_INVALID;
    }
    for (int i = 0; i < 2 && text->len > 0 && text->ptr[text->len - 1] == '='; i++) {
        text->len--;
    }
    return STATUS_OK;
}

/* Three bytes out of four digits. */
static bool take_group(const uint8_t *values, const uint8_t *text, uint8_t *out)
{
    uint32_t a = values[text[0]];
    uint32_t b = values[text[1]];
    uint32_t c = values[text[2]];
    uint32_t d = values[text[3]];
    if (a == 0 || b == 0 || c == 0 || d == 0) {
        return false;
    }
    uint32_t bits = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
    out[0] = (uint8_t)(bits >> 16);
    out[1] = (uint8_t)(bits >> 8);
    out[2] = (uint8_t)bits;
    return true;
}

/* The digits behind the last group of four: none, two or three. */
static enum status take_rest(const uint8_t *values, struct slice text, uint8_t *out, size_t *len)
{
    uint32_t bits = 0;
    unsigned bit_count = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint32_t digit = values[text.ptr[i]];
        if (digit == 0) {
            return STATUS_INVALID;
        }
        bits = bits << 6 | (digit - 1);
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            out[(*len)++] = (uint8_t)(bits >> bit_count);
        }
    }
    uint32_t unused = bits & ((1U << bit_count) - 1);
    return unused == 0 ? STATUS_OK : STATUS_INVALID;
}

enum status base64_decode(struct slice text, enum base64_form form, uint8_t *out, size_t capacity,
                          size_t *len)
{
    TRY(strip_padding(&text, form));
    if (text.len % 4 == 1) {
        return STATUS_INVALID;
    }
    if (text.len / 4 * 3 + text.len % 4 * 3 / 4 > capacity) {
        return STATUS_LIMIT;
    }
    const uint8_t *values = DIGITS[form];
    size_t at = 0;
    *len = 0;
    for (; text.len - at >= 4; at += 4) {
        if (!take_group(values, text.ptr + at, out + *len)) {
            return STATUS_INVALID;
        }
        *len += 3;
    }
    return take_rest(values, slice_sub(text, at, text.len), out, len);
}

void base64_encode(struct buf *buf, struct slice bytes, enum base64_form form)
{
    const char *alphabet = ALPHABETS[form];
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t group = (uint32_t)bytes.ptr[i] << 16;
        group |= left > 1 ? (uint32_t)bytes.ptr[i + 1] << 8 : 0;
        group |= left > 2 ? bytes.ptr[i + 2] : 0;
        size_t digits = left > 2 ? 4 : left + 1;
        for (size_t k = 0; k < digits; k++) {
            buf_append_byte(buf, (uint8_t)alphabet[group >> (18 - 6 * k) & 63]);
        }
        for (size_t k = digits; k < 4 && form == BASE64_STANDARD; k++) {
            buf_append_byte(buf, '=');
        }
    }
}
