#include "base/utf8.h"

size_t utf8_decode(struct slice text, uint32_t *code)
{
    uint8_t lead = text.ptr[0];
    size_t len = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    *code = lead < 0x80 ? lead : lead & (0xFFU >> (len + 1));
    for (size_t i = 1; i < len && i < text.len; i++) {
        *code = *code << 6 | (text.ptr[i] & 0x3FU);
    }
    return len < text.len ? len : text.len;
}

size_t utf8_encode(uint32_t code, uint8_t out[UTF8_BYTES_MAX])
{
    static const uint8_t LEADS[] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len; i > 1; i--) {
        out[i - 1] = (uint8_t)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    out[0] = (uint8_t)(LEADS[len] | code);
    return len;
}
