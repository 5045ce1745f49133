/* Oracle: the same verdict whole and byte by byte, and a head that is accepted, written again and
 * read again is the same head. */
#include "wire/http_reader.h"
#include "wire/http_writer.h"

#include "support/http_heads.h"

#include <stdlib.h>

#define FUZZ_TEXT_BYTES ((size_t)1 << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* The first event that is not a wish for more bytes. */
static enum http_event read_head(struct http_reader *reader, struct slice text, size_t run_bytes)
{
    enum http_event event = HTTP_NEED_MORE;
    while (text.len > 0 && event == HTTP_NEED_MORE) {
        struct slice run = slice_sub(text, 0, run_bytes);
        struct slice body;
        size_t offered = run.len;
        event = http_reader_next(reader, &run, &body, NULL);
        text = slice_sub(text, offered - run.len, text.len);
    }
    return event;
}

static void require_round_trip(const struct http_head *head, const struct http_limits *limits)
{
    struct http_reader reader;
    struct buf text;
    buf_init(&text, FUZZ_TEXT_BYTES, NULL);
    if (head->role == HTTP_REQUEST) {
        http_write_request_line(&text, head->method, head->target);
    } else {
        http_write_status_line(&text, head->status_code);
    }
    for (size_t i = 0; i < head->field_count; i++) {
        require(http_write_field(&text, head->fields[i].name, head->fields[i].value) == STATUS_OK);
    }
    http_write_head_end(&text);
    http_reader_init(&reader, head->role, limits, NULL);
    require(read_head(&reader, buf_view(&text), SIZE_MAX) == HTTP_HEAD);
    require(is_same_head(head, &reader.head));
    http_reader_release(&reader);
    buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_limits limits = HTTP_LIMITS_DEFAULT;
    struct slice text = slice_sub(slice_of(data, size), 1, size);
    enum http_role role = size > 0 && (data[0] & 1) != 0 ? HTTP_RESPONSE : HTTP_REQUEST;
    struct http_reader whole;
    struct http_reader parts;
    http_reader_init(&whole, role, &limits, NULL);
    http_reader_init(&parts, role, &limits, NULL);
    enum http_event event = read_head(&whole, text, SIZE_MAX);
    require(event == read_head(&parts, text, 1));
    require(http_reader_status(&whole) == http_reader_status(&parts));
    if (event == HTTP_HEAD) {
        require(is_same_head(&whole.head, &parts.head));
        /* We write HTTP/1.1 only, which means other things than 1.0, and longer than what was read:
         * the copy gets more room. */
        limits.head_bytes_max = FUZZ_TEXT_BYTES;
        if (whole.head.version_minor == 1) {
            require_round_trip(&whole.head, &limits);
        }
    }
    http_reader_release(&parts);
    http_reader_release(&whole);
    return 0;
}
