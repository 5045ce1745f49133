#include "base/base64.h"

static const char ALPHABETS[2][65] = {
    [BASE64_STANDARD] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    [BASE64_URL_UNPADDED] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

static int digit_value(uint8_t byte, enum base64_form form)
{
    if (byte >= 'A' && byte <= 'Z') {
        return byte - 'A';
    }
    if (byte >= 'a' && byte <= 'z') {
        return byte - 'a' + 26;
    }
    if (byte >= '0' && byte <= '9') {
        return byte - '0' + 52;
    }
    if (byte == (uint8_t)ALPHABETS[form][62]) {
        return 62;
    }
    return byte == (uint8_t)ALPHABETS[form][63] ? 63 : -1;
}

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
    uint32_t bits = 0;
    unsigned bit_count = 0;
    *len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = digit_value(text.ptr[i], form);
        if (digit < 0) {
            return STATUS_INVALID;
        }
        bits = (bits << 6 | (uint32_t)digit) & 0xFFFFFF;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            out[(*len)++] = (uint8_t)(bits >> bit_count);
        }
    }
    uint32_t unused = bits & ((1U << bit_count) - 1);
    return unused == 0 ? STATUS_OK : STATUS_INVALID;
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
