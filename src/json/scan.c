#include "json/scan.h"

#include "base/utf8.h"

#include <string.h>

static int hex_value(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    uint8_t lower = (uint8_t)(byte | 0x20);
    return (lower >= 'a' && lower <= 'f') ? lower - 'a' + 10 : -1;
}

/* The four hex digits at ptr, or -1. */
static int32_t hex4(const uint8_t *ptr)
{
    int32_t value = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = hex_value(ptr[i]);
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

static bool is_high_surrogate(int32_t code)
{
    return code >= 0xD800 && code <= 0xDBFF;
}

static bool is_low_surrogate(int32_t code)
{
    return code >= 0xDC00 && code <= 0xDFFF;
}

/* text[*at] is the backslash. */
static enum scan_result scan_escape(struct slice text, size_t *at)
{
    size_t left = text.len - *at;
    if (left < 2) {
        return SCAN_UNTERMINATED;
    }
    uint8_t kind = text.ptr[*at + 1];
    if (kind != 'u') {
        if (kind == '\0' || memchr("\"\\/bfnrt", kind, 8) == NULL) {
            return SCAN_ESCAPE;
        }
        *at += 2;
        return SCAN_OK;
    }
    int32_t code = left < 6 ? -1 : hex4(text.ptr + *at + 2);
    if (code < 0) {
        return SCAN_ESCAPE;
    }
    if (is_low_surrogate(code)) {
        return SCAN_SURROGATE;
    }
    if (is_high_surrogate(code)) {
        const uint8_t *second = text.ptr + *at + 6;
        if (left < 12 || second[0] != '\\' || second[1] != 'u' ||
            !is_low_surrogate(hex4(second + 2))) {
            return SCAN_SURROGATE;
        }
        *at += 12;
        return SCAN_OK;
    }
    *at += 6;
    return SCAN_OK;
}

/* End of the run of bytes past ASCII, and DEL, that starts at `at`. */
static size_t non_ascii_end(struct slice text, size_t at)
{
    while (at < text.len && text.ptr[at] >= 0x7F) {
        at++;
    }
    return at;
}

enum scan_result scan_string(struct slice text, size_t *at, bool *has_escapes)
{
    *has_escapes = false;
    *at += 1;
    for (;;) {
        *at = slice_skip_plain(text, *at);
        if (*at == text.len) {
            return SCAN_UNTERMINATED;
        }
        uint8_t byte = text.ptr[*at];
        if (byte == '"') {
            *at += 1;
            return SCAN_OK;
        }
        if (byte == '\\') {
            *has_escapes = true;
            enum scan_result result = scan_escape(text, at);
            if (result != SCAN_OK) {
                return result;
            }
        } else if (byte < 0x20) {
            return SCAN_CONTROL;
        } else {
            size_t end = non_ascii_end(text, *at);
            if (!slice_is_utf8(slice_sub(text, *at, end))) {
                return SCAN_UTF8;
            }
            *at = end;
        }
    }
}

void scan_text_init(struct scan_text *scan, struct slice content)
{
    *scan = (struct scan_text){.at = content.ptr, .end = content.ptr + content.len};
}

static int32_t short_escape(uint8_t kind)
{
    switch (kind) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return kind; /* quote, backslash, slash stand for themselves */
    }
}

int scan_text_next(struct scan_text *scan)
{
    if (scan->pending_at < scan->pending_count) {
        return scan->pending[scan->pending_at++];
    }
    if (scan->at == scan->end) {
        return -1;
    }
    if (*scan->at != '\\') {
        return *scan->at++;
    }
    int32_t code = 0;
    if (scan->at[1] != 'u') {
        code = short_escape(scan->at[1]);
        scan->at += 2;
    } else {
        code = hex4(scan->at + 2);
        scan->at += 6;
        if (is_high_surrogate(code)) {
            code = 0x10000 + ((code - 0xD800) << 10) + (hex4(scan->at + 2) - 0xDC00);
            scan->at += 6;
        }
    }
    scan->pending_at = 0;
    scan->pending_count = (uint8_t)utf8_encode((uint32_t)code, scan->pending);
    return scan->pending[scan->pending_at++];
}
