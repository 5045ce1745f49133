/* Oracle: a chunked body reads the same whole and byte by byte, and any bytes that the writer cuts
 * into chunks come back as they were. */
#include "wire/http_reader.h"
#include "wire/http_writer.h"

#include <stdlib.h>

#define FUZZ_TEXT_BYTES ((size_t)8 << 20)
#define CHUNK_BYTES 7

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct slice HEAD =
    SLICE_INIT("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* Collect the body of one message; the event that ended it, or HTTP_NEED_MORE. */
static enum http_event read_body(struct slice text, size_t run_bytes, struct buf *body)
{
    static const struct http_limits LIMITS = HTTP_LIMITS_DEFAULT;
    struct http_reader reader;
    enum http_event event = HTTP_NEED_MORE;
    http_reader_init(&reader, HTTP_REQUEST, &LIMITS, NULL);
    while (text.len > 0 && event != HTTP_END && event != HTTP_ERROR) {
        struct slice run = slice_sub(text, 0, run_bytes);
        struct slice piece = SLICE_EMPTY;
        size_t offered = run.len;
        event = http_reader_next(&reader, &run, &piece, NULL);
        if (event == HTTP_BODY) {
            buf_append(body, piece);
        }
        text = slice_sub(text, offered - run.len, text.len);
    }
    http_reader_release(&reader);
    return event;
}

static void require_same_splits(struct slice text)
{
    struct buf whole;
    struct buf parts;
    buf_init(&whole, FUZZ_TEXT_BYTES, NULL);
    buf_init(&parts, FUZZ_TEXT_BYTES, NULL);
    enum http_event event = read_body(text, SIZE_MAX, &whole);
    enum http_event parts_event = read_body(text, 1, &parts);
    require((event == HTTP_END) == (parts_event == HTTP_END));
    require((event == HTTP_ERROR) == (parts_event == HTTP_ERROR));
    require(slice_eq(buf_view(&whole), buf_view(&parts)));
    buf_release(&parts);
    buf_release(&whole);
}

static void require_round_trip(struct slice bytes)
{
    struct buf text;
    struct buf body;
    buf_init(&text, FUZZ_TEXT_BYTES, NULL);
    buf_init(&body, FUZZ_TEXT_BYTES, NULL);
    buf_append(&text, HEAD);
    for (size_t at = 0; at < bytes.len; at += CHUNK_BYTES) {
        http_write_chunk(&text, slice_sub(bytes, at, at + CHUNK_BYTES));
    }
    http_write_last_chunk(&text);
    require(read_body(buf_view(&text), SIZE_MAX, &body) == HTTP_END);
    require(slice_eq(buf_view(&body), bytes));
    buf_release(&body);
    buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf text;
    buf_init(&text, FUZZ_TEXT_BYTES, NULL);
    buf_append(&text, HEAD);
    buf_append(&text, slice_of(data, size));
    require_same_splits(buf_view(&text));
    require_round_trip(slice_of(data, size));
    buf_release(&text);
    return 0;
}
