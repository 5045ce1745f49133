#include "wire/sse.h"

#include <assert.h>

#define BYTE_ORDER_MARK SLICE("\xEF\xBB\xBF")

/* Room for a line and an event at their limits together, so that a buffer fails for want of memory
 * only, and sizes are judged in one place. */
static size_t buffer_limit(size_t event_bytes_max)
{
    assert(event_bytes_max < SIZE_MAX / 2);
    return 2 * event_bytes_max + 1;
}

void sse_reader_init(struct sse_reader *reader, size_t event_bytes_max, struct account *account)
{
    *reader = (struct sse_reader){.event_bytes_max = event_bytes_max, .retry_ms = SSE_RETRY_ABSENT};
    buf_init(&reader->line, buffer_limit(event_bytes_max), account);
    buf_init(&reader->name, buffer_limit(event_bytes_max), account);
    buf_init(&reader->data, buffer_limit(event_bytes_max), account);
    buf_init(&reader->id, buffer_limit(event_bytes_max), account);
}

void sse_reader_release(struct sse_reader *reader)
{
    buf_release(&reader->line);
    buf_release(&reader->name);
    buf_release(&reader->data);
    buf_release(&reader->id);
}

static enum status fail(struct sse_reader *reader, enum status status, const char *code,
                        const char *what, struct diag *diag)
{
    reader->is_failed = true;
    return diag_fail(diag, status, code, "%s", what);
}

static void begin_event(struct sse_reader *reader)
{
    buf_clear(&reader->name);
    buf_clear(&reader->data);
    buf_clear(&reader->id);
    reader->retry_ms = SSE_RETRY_ABSENT;
    reader->has_data = false;
    reader->has_id = false;
    reader->has_any = false;
    reader->is_dispatched = false;
}

static void set(struct buf *buf, struct slice value)
{
    buf_clear(buf);
    buf_append(buf, value);
}

/* Digits only, or the field does not count; digits that do not fit are no number at all. */
static enum status take_retry(struct sse_reader *reader, struct slice value, struct diag *diag)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9') {
            return STATUS_OK;
        }
    }
    if (value.len > 0 && slice_to_i64(value, &reader->retry_ms) != STATUS_OK) {
        return fail(reader, STATUS_INVALID, "sse.retry", "a retry value does not fit", diag);
    }
    return STATUS_OK;
}

static enum status take_field(struct sse_reader *reader, struct slice name, struct slice value,
                              struct diag *diag)
{
    if (slice_eq(name, SLICE("data"))) {
        if (reader->has_data) {
            buf_append_byte(&reader->data, '\n');
        }
        buf_append(&reader->data, value);
        reader->has_data = true;
    } else if (slice_eq(name, SLICE("event"))) {
        set(&reader->name, value);
    } else if (slice_eq(name, SLICE("id"))) {
        if (slice_find_byte(value, '\0') == value.len) {
            set(&reader->id, value);
            reader->has_id = true;
        }
    } else if (slice_eq(name, SLICE("retry"))) {
        return take_retry(reader, value, diag);
    } else if (slice_starts_with(name, BYTE_ORDER_MARK)) {
        return fail(reader, STATUS_INVALID, "sse.bom", "a byte order mark inside the stream", diag);
    }
    return STATUS_OK;
}

/* The event's total, over all its lines. */
static enum status check_size(struct sse_reader *reader, struct diag *diag)
{
    if (reader->line.failed || reader->data.failed || reader->name.failed || reader->id.failed) {
        return fail(reader, STATUS_LIMIT, "sse.memory", "no memory for an event", diag);
    }
    if (reader->data.len + reader->name.len + reader->id.len > reader->event_bytes_max) {
        return fail(reader, STATUS_LIMIT, "sse.too_large", "an event is too large", diag);
    }
    return STATUS_OK;
}

/* A whole line without its end. */
static enum status take_line(struct sse_reader *reader, struct slice line, struct diag *diag)
{
    if (!reader->is_started) {
        reader->is_started = true;
        if (slice_starts_with(line, BYTE_ORDER_MARK)) {
            line = slice_sub(line, BYTE_ORDER_MARK.len, line.len);
        }
    }
    if (line.len == 0) {
        reader->is_dispatched = true;
        return STATUS_OK;
    }
    if (line.ptr[0] == ':') {
        return STATUS_OK;
    }
    size_t colon = slice_find_byte(line, ':');
    struct slice value = slice_sub(line, colon + 1, line.len);
    if (slice_starts_with(value, SLICE(" "))) {
        value = slice_sub(value, 1, value.len);
    }
    reader->has_any = true;
    TRY(take_field(reader, slice_sub(line, 0, colon), value, diag));
    return check_size(reader, diag);
}

/* Length of the bytes before the next line end. */
static size_t line_length(struct slice input)
{
    size_t lf = slice_find_byte(input, '\n');
    return slice_find_byte(slice_sub(input, 0, lf), '\r');
}

/* Take one line or what there is of it; *complete tells which. */
static enum status read_line(struct sse_reader *reader, struct slice *input, bool *complete,
                             struct diag *diag)
{
    if (reader->after_cr && input->ptr[0] == '\n') {
        *input = slice_sub(*input, 1, input->len);
    }
    reader->after_cr = false;
    size_t len = line_length(*input);
    *complete = len < input->len;
    struct slice line = slice_sub(*input, 0, len);
    if (len > reader->event_bytes_max - reader->line.len) {
        return fail(reader, STATUS_LIMIT, "sse.too_large", "a line is too long", diag);
    }
    /* Only a line that arrives in pieces is copied. */
    if (!*complete || reader->line.len > 0) {
        buf_append(&reader->line, line);
        line = buf_view(&reader->line);
    }
    enum status status = check_size(reader, diag);
    if (status == STATUS_OK && *complete) {
        reader->after_cr = input->ptr[len] == '\r';
        status = take_line(reader, line, diag);
        buf_clear(&reader->line);
    }
    *input = slice_sub(*input, *complete ? len + 1 : len, input->len);
    return status;
}

enum sse_result sse_reader_next(struct sse_reader *reader, struct slice *input,
                                struct sse_event *event, struct diag *diag)
{
    if (reader->is_dispatched) {
        begin_event(reader);
    }
    while (input->len > 0 && !reader->is_failed) {
        bool complete = false;
        if (read_line(reader, input, &complete, diag) != STATUS_OK) {
            break;
        }
        if (!reader->is_dispatched) {
            continue;
        }
        if (reader->has_data || reader->has_id || reader->retry_ms != SSE_RETRY_ABSENT) {
            *event = (struct sse_event){.name = buf_view(&reader->name),
                                        .data = buf_view(&reader->data),
                                        .id = buf_view(&reader->id),
                                        .retry_ms = reader->retry_ms,
                                        .has_data = reader->has_data,
                                        .has_id = reader->has_id};
            return SSE_EVENT;
        }
        begin_event(reader);
    }
    return reader->is_failed ? SSE_ERROR : SSE_NEED_MORE;
}

enum status sse_reader_finish(const struct sse_reader *reader, struct diag *diag)
{
    if (reader->line.len > 0 || (reader->has_any && !reader->is_dispatched)) {
        return diag_fail(diag, STATUS_INVALID, "sse.truncated", "the stream ended inside an event");
    }
    return STATUS_OK;
}

static bool is_one_line(struct slice text)
{
    return slice_find_byte(text, '\n') == text.len && slice_find_byte(text, '\r') == text.len;
}

void sse_write_event(struct buf *buf, struct slice name, struct slice id, struct slice data)
{
    assert(is_one_line(name) && is_one_line(id) && is_one_line(data));
    if (name.len > 0) {
        buf_append(buf, SLICE("event: "));
        buf_append(buf, name);
        buf_append_byte(buf, '\n');
    }
    if (id.len > 0) {
        buf_append(buf, SLICE("id: "));
        buf_append(buf, id);
        buf_append_byte(buf, '\n');
    }
    buf_append(buf, SLICE("data: "));
    buf_append(buf, data);
    buf_append(buf, SLICE("\n\n"));
}

void sse_write_comment(struct buf *buf)
{
    buf_append(buf, SLICE(":\n\n"));
}
