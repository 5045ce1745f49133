/* Oracle: the same events and the same end whole and byte by byte, and an event of one line that is
 * written again and read again is the same event. */
#include "wire/sse.h"

#include <stdlib.h>

#define FUZZ_EVENT_BYTES 256 /* small, so that the limit is met as well */
#define FUZZ_TEXT_BYTES ((size_t)8 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static bool is_one_line(struct slice text)
{
    return slice_find_byte(text, '\n') == text.len && slice_find_byte(text, '\r') == text.len;
}

static void require_round_trip(const struct sse_event *event)
{
    struct buf text;
    struct sse_reader reader;
    struct sse_event again;
    buf_init(&text, FUZZ_TEXT_BYTES, NULL);
    sse_write_event(&text, event->name, event->id, event->data);
    struct slice input = buf_view(&text);
    sse_reader_init(&reader, FUZZ_TEXT_BYTES, NULL);
    require(sse_reader_next(&reader, &input, &again, NULL) == SSE_EVENT);
    require(input.len == 0 && slice_eq(again.data, event->data));
    require(slice_eq(again.name, event->name) && slice_eq(again.id, event->id));
    sse_reader_release(&reader);
    buf_release(&text);
}

static void append_field(struct buf *out, bool is_given, struct slice value)
{
    buf_append_byte(out, is_given ? '+' : '-');
    buf_append_u64(out, value.len);
    buf_append_byte(out, ':');
    buf_append(out, value);
}

static void take_event(struct buf *out, const struct sse_event *event)
{
    append_field(out, true, event->name);
    append_field(out, event->has_id, event->id);
    append_field(out, event->has_data, event->data);
    buf_append_i64(out, event->retry_ms);
    if (event->has_data && is_one_line(event->data)) {
        require_round_trip(event);
    }
}

/* All events, lengths first, then how the stream ended. */
static void transcribe(struct slice text, size_t run_bytes, struct buf *out)
{
    struct sse_reader reader;
    enum sse_result result = SSE_NEED_MORE;
    sse_reader_init(&reader, FUZZ_EVENT_BYTES, NULL);
    while (text.len > 0 && result != SSE_ERROR) {
        struct slice run = slice_sub(text, 0, run_bytes);
        struct sse_event event;
        size_t offered = run.len;
        result = sse_reader_next(&reader, &run, &event, NULL);
        if (result == SSE_EVENT) {
            take_event(out, &event);
        }
        text = slice_sub(text, offered - run.len, text.len);
    }
    bool ended_well = result != SSE_ERROR && sse_reader_finish(&reader, NULL) == STATUS_OK;
    buf_append_byte(out, result == SSE_ERROR ? 'e' : (ended_well ? 'w' : 't'));
    sse_reader_release(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole;
    struct buf parts;
    buf_init(&whole, FUZZ_TEXT_BYTES, NULL);
    buf_init(&parts, FUZZ_TEXT_BYTES, NULL);
    transcribe(slice_of(data, size), SIZE_MAX, &whole);
    transcribe(slice_of(data, size), 1, &parts);
    require(slice_eq(buf_view(&whole), buf_view(&parts)));
    buf_release(&parts);
    buf_release(&whole);
    return 0;
}
