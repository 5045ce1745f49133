#include "wire/http_writer.h"

#include <assert.h>
#include <string.h>

static struct slice reason_phrase(int status_code)
{
    static const struct {
        int code;
        struct slice phrase;
    } PHRASES[] = {
        {100, SLICE_INIT("Continue")},
        {200, SLICE_INIT("OK")},
        {202, SLICE_INIT("Accepted")},
        {204, SLICE_INIT("No Content")},
        {400, SLICE_INIT("Bad Request")},
        {401, SLICE_INIT("Unauthorized")},
        {403, SLICE_INIT("Forbidden")},
        {404, SLICE_INIT("Not Found")},
        {405, SLICE_INIT("Method Not Allowed")},
        {406, SLICE_INIT("Not Acceptable")},
        {408, SLICE_INIT("Request Timeout")},
        {413, SLICE_INIT("Content Too Large")},
        {415, SLICE_INIT("Unsupported Media Type")},
        {417, SLICE_INIT("Expectation Failed")},
        {421, SLICE_INIT("Misdirected Request")},
        {429, SLICE_INIT("Too Many Requests")},
        {431, SLICE_INIT("Request Header Fields Too Large")},
        {500, SLICE_INIT("Internal Server Error")},
        {501, SLICE_INIT("Not Implemented")},
        {502, SLICE_INIT("Bad Gateway")},
        {503, SLICE_INIT("Service Unavailable")},
        {504, SLICE_INIT("Gateway Timeout")},
        {505, SLICE_INIT("HTTP Version Not Supported")},
    };
    for (size_t i = 0; i < COUNT_OF(PHRASES); i++) {
        if (PHRASES[i].code == status_code) {
            return PHRASES[i].phrase;
        }
    }
    return SLICE_EMPTY;
}

void http_write_request_line(struct buf *buf, struct slice method, struct slice target)
{
    assert(method.len > 0 && slice_is_visible(method));
    assert(target.len > 0 && slice_is_visible(target));
    buf_append(buf, method);
    buf_append_byte(buf, ' ');
    buf_append(buf, target);
    buf_append(buf, SLICE(" HTTP/1.1\r\n"));
}

void http_write_status_line(struct buf *buf, int status_code)
{
    assert(status_code >= 100 && status_code <= 599);
    buf_append(buf, SLICE("HTTP/1.1 "));
    buf_append_u64(buf, (uint64_t)status_code);
    buf_append_byte(buf, ' ');
    buf_append(buf, reason_phrase(status_code));
    buf_append(buf, SLICE("\r\n"));
}

enum status http_write_field(struct buf *buf, struct slice name, struct slice value)
{
    if (name.len == 0 || !slice_is_visible_name(name) || slice_has_control(value)) {
        return STATUS_INVALID;
    }
    uint8_t *at = buf_reserve(buf, name.len + value.len + 4);
    if (at == NULL) {
        return STATUS_OK; /* the buffer knows */
    }
    memcpy(at, name.ptr, name.len);
    at += name.len;
    *at++ = ':';
    *at++ = ' ';
    if (value.len > 0) {
        memcpy(at, value.ptr, value.len);
    }
    at += value.len;
    *at++ = '\r';
    *at++ = '\n';
    buf_commit(buf, name.len + value.len + 4);
    return STATUS_OK;
}

void http_write_head_end(struct buf *buf)
{
    buf_append(buf, SLICE("\r\n"));
}

static void append_hex(struct buf *buf, size_t value)
{
    uint8_t digits[2 * sizeof(value)];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (uint8_t) "0123456789abcdef"[value & 15];
        value >>= 4;
    } while (value != 0);
    buf_append(buf, slice_of(digits + at, sizeof(digits) - at));
}

void http_write_chunk(struct buf *buf, struct slice bytes)
{
    if (bytes.len == 0) {
        return;
    }
    append_hex(buf, bytes.len);
    buf_append(buf, SLICE("\r\n"));
    buf_append(buf, bytes);
    buf_append(buf, SLICE("\r\n"));
}

void http_write_last_chunk(struct buf *buf)
{
    buf_append(buf, SLICE("0\r\n\r\n"));
}
