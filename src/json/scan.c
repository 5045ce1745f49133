#include "json/scan.h"

#include "base/plain.h"
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

/* *at: the backslash before an 'u'; on SCAN_OK behind the escape. */
static enum scan_result scan_code_unit(const uint8_t **at, const uint8_t *end)
{
    size_t left = (size_t)(end - *at);
    int32_t code = left < 6 ? -1 : hex4(*at + 2);
    if (code < 0) {
        return SCAN_ESCAPE;
    }
    if (is_low_surrogate(code)) {
        return SCAN_SURROGATE;
    }
    if (is_high_surrogate(code)) {
        const uint8_t *second = *at + 6;
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

/* *at: the backslash; on SCAN_OK behind the escape. */
static inline enum scan_result scan_escape(const uint8_t **at, const uint8_t *end)
{
    if (end - *at < 2) {
        return SCAN_UNTERMINATED;
    }
    switch ((*at)[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        *at += 2;
        return SCAN_OK;
    case 'u':
        return scan_code_unit(at, end);
    default:
        return SCAN_ESCAPE;
    }
}

/* *at: a byte past ASCII, or DEL; on SCAN_OK behind the run of them. */
static enum scan_result scan_beyond_ascii(const uint8_t **at, const uint8_t *end)
{
    const uint8_t *start = *at;
    const uint8_t *after = start;
    while (after < end && *after >= 0x7F) {
        after++;
    }
    if (!slice_is_utf8(slice_of(start, (size_t)(after - start)))) {
        return SCAN_UTF8;
    }
    *at = after;
    return SCAN_OK;
}

struct scanned scan_string(const uint8_t *at, const uint8_t *end)
{
    struct scanned scanned = {.end = at, .result = SCAN_OK};
    for (;;) {
        const uint8_t **cursor = &scanned.end;
        if (*cursor == end) {
            scanned.result = SCAN_UNTERMINATED;
        } else if (**cursor == '"') {
            *cursor += 1;
            return scanned;
        } else if (**cursor == '\\') {
            scanned.has_escapes = true;
            scanned.result = scan_escape(cursor, end);
        } else {
            scanned.result = **cursor < 0x20 ? SCAN_CONTROL : scan_beyond_ascii(cursor, end);
        }
        if (scanned.result != SCAN_OK) {
            return scanned;
        }
        *cursor = plain_end(*cursor, end);
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
