#include "wire/http_reader.h"

#include "wire/http_again.h"

#include <assert.h>

#define CHUNK_SIZE_DIGITS_MAX 8

void http_reader_init(struct http_reader *reader, enum http_role role,
                      const struct http_limits *limits, struct account *account)
{
    assert(limits->fields_max <= HTTP_FIELDS_MAX);
    *reader = (struct http_reader){.role = role, .limits = *limits, .answer = 400};
    /* A head may have a token in it. */
    buf_init_secret(&reader->raw, limits->head_bytes_max, account);
}

void http_reader_drop_head(struct http_reader *reader)
{
    base_free(reader->fields);
    reader->fields = NULL;
    reader->head.fields = NULL;
    reader->head.field_count = 0;
    buf_release(&reader->raw);
    reader->known_bytes = 0;
}

bool http_reader_has_head(const struct http_reader *reader)
{
    return reader->known_bytes > 0;
}

void http_reader_release(struct http_reader *reader)
{
    http_reader_drop_head(reader);
}

static enum http_event fail(struct http_reader *reader, int answer, enum status status,
                            const char *code, const char *what, struct diag *diag)
{
    reader->state = HTTP_STATE_FAILED;
    reader->answer = answer;
    (void)!diag_fail(diag, status, code, "%s", what);
    return HTTP_ERROR;
}

static void begin_body(struct http_reader *reader)
{
    const struct http_head *head = &reader->head;
    reader->body_bytes = 0;
    if (head->is_chunked) {
        reader->left = 0;
        reader->size_digits = 0;
        reader->state = HTTP_STATE_CHUNK_SIZE;
    } else if (head->content_length > 0) {
        reader->left = (uint64_t)head->content_length;
        reader->state = HTTP_STATE_BODY_LENGTH;
    } else {
        reader->state = head->until_close ? HTTP_STATE_BODY_UNTIL_CLOSE : HTTP_STATE_END;
    }
}

/* The head is parsed, and begins a message that may go on. */
static enum http_event take_head(struct http_reader *reader, struct diag *diag)
{
    reader->known_bytes = reader->raw.len;
    if (reader->head.content_length > (int64_t)reader->limits.body_bytes_max) {
        return fail(reader, 413, STATUS_LIMIT, "http.body_too_large", "the body is too large",
                    diag);
    }
    begin_body(reader);
    return HTTP_HEAD;
}

static enum http_event parse_head(struct http_reader *reader, struct diag *diag)
{
    /* One line is the first, one is empty, each of the others is a field. */
    size_t fields_max = reader->line_count - 2;
    if (reader->line_count < 2 || fields_max > reader->limits.fields_max) {
        fields_max = reader->limits.fields_max;
    }
    base_free(reader->fields);
    reader->fields = base_alloc(fields_max * sizeof(*reader->fields));
    if (reader->fields == NULL) {
        return fail(reader, 503, STATUS_LIMIT, "http.memory", "no memory for the head", diag);
    }
    if (http_head_parse(reader->role, buf_view(&reader->raw), reader->fields, fields_max,
                        &reader->head, diag) != STATUS_OK) {
        reader->state = HTTP_STATE_FAILED;
        reader->answer = reader->head.answer;
        return HTTP_ERROR;
    }
    if (reader->role == HTTP_RESPONSE && reader->head.status_code < 200) {
        if (++reader->interim_count > HTTP_INTERIM_MAX) {
            return fail(reader, 502, STATUS_LIMIT, "http.response", "too many interim answers",
                        diag);
        }
        http_reader_drop_head(reader);
        reader->scanned = reader->line_count = 0;
        return HTTP_NEED_MORE;
    }
    return take_head(reader, diag);
}

enum line_end {
    LINE_OPEN,   /* goes on in bytes to come */
    LINE_ENDS,   /* reader->scanned is after its LF */
    LINE_BROKEN, /* a CR without LF or an LF without CR */
};

/* Look for the end of the line of text at reader->scanned. Finds broken line ends at once, so that
 * a peer who never sends CRLF is not waited for. */
static enum line_end scan_line(struct http_reader *reader, struct slice text)
{
    size_t at = reader->scanned;
    assert(at <= text.len);
    bool after_cr = at > 0 && text.ptr[at - 1] == '\r';
    while (!after_cr && at < text.len) {
        at = slice_find_control(text, at);
        if (at < text.len) {
            if (text.ptr[at] == '\n') {
                return LINE_BROKEN;
            }
            after_cr = text.ptr[at] == '\r';
            at++;
        }
    }
    if (at == text.len) {
        reader->scanned = at;
        return LINE_OPEN;
    }
    if (text.ptr[at] != '\n') {
        return LINE_BROKEN;
    }
    reader->scanned = at + 1;
    reader->line_count++;
    return LINE_ENDS;
}

/* The line that just ended is empty. */
static bool head_ends(const struct http_reader *reader, struct slice text)
{
    size_t at = reader->scanned;
    return at >= 4 && text.ptr[at - 3] == '\n';
}

/* LINE_ENDS: text has a whole head, reader->scanned bytes long. */
static enum line_end scan_head(struct http_reader *reader, struct slice text)
{
    enum line_end end = LINE_OPEN;
    do {
        end = scan_line(reader, text);
    } while (end == LINE_ENDS && !head_ends(reader, text));
    return end;
}

/* part of a text that lies at `from`: where it is in the same text at `to`. */
static struct slice moved(struct slice part, const uint8_t *from, const uint8_t *to)
{
    return part.len == 0 ? SLICE_EMPTY : slice_of(to + (part.ptr - from), part.len);
}

/* A head like the one before, which lies in raw still. Its first line is the same bytes. */
static enum http_event take_head_again(struct http_reader *reader, struct slice text,
                                       struct diag *diag)
{
    struct http_head *head = &reader->head;
    head->method = moved(head->method, reader->raw.ptr, text.ptr);
    head->target = moved(head->target, reader->raw.ptr, text.ptr);
    buf_clear(&reader->raw);
    buf_append(&reader->raw, text);
    if (buf_status(&reader->raw) != STATUS_OK) {
        return fail(reader, 503, STATUS_LIMIT, "http.memory", "no memory for the head", diag);
    }
    head->method = moved(head->method, text.ptr, reader->raw.ptr);
    head->target = moved(head->target, text.ptr, reader->raw.ptr);
    for (size_t i = 0; i < head->field_count; i++) {
        struct http_field *field = &reader->fields[i];
        field->name = moved(field->name, text.ptr, reader->raw.ptr);
        field->value = moved(field->value, text.ptr, reader->raw.ptr);
    }
    return take_head(reader, diag);
}

static bool is_like_before(struct http_reader *reader, struct slice text, size_t *head_bytes)
{
    return reader->known_bytes > 0 &&
           http_head_again(slice_of(reader->raw.ptr, reader->known_bytes), text, &reader->head,
                           reader->fields, head_bytes);
}

static enum http_event read_head(struct http_reader *reader, struct slice *input, struct diag *diag)
{
    size_t before = reader->raw.len;
    size_t room = reader->limits.head_bytes_max - before;
    size_t taken = input->len < room ? input->len : room;
    enum line_end end = LINE_OPEN;
    if (before == 0) {
        struct slice text = slice_sub(*input, 0, taken);
        if (is_like_before(reader, text, &taken)) {
            *input = slice_sub(*input, taken, input->len);
            return take_head_again(reader, slice_sub(text, 0, taken), diag);
        }
        /* Most heads come whole: what follows is not copied with them. */
        end = scan_head(reader, text);
        taken = end == LINE_ENDS ? reader->scanned : text.len;
    }
    reader->known_bytes = 0;
    buf_append(&reader->raw, slice_sub(*input, 0, taken));
    if (buf_status(&reader->raw) != STATUS_OK) {
        return fail(reader, 503, STATUS_LIMIT, "http.memory", "no memory for the head", diag);
    }
    if (before > 0) {
        end = scan_head(reader, buf_view(&reader->raw));
    }
    if (end == LINE_BROKEN) {
        return fail(reader, 400, STATUS_INVALID, "http.bare_lf", "a line does not end with CRLF",
                    diag);
    }
    if (end == LINE_ENDS) {
        /* What follows the head is left to the caller. */
        *input = slice_sub(*input, reader->scanned - before, input->len);
        reader->raw.len = reader->scanned;
        return parse_head(reader, diag);
    }
    *input = slice_sub(*input, taken, input->len);
    if (reader->raw.len == reader->limits.head_bytes_max) {
        return fail(reader, 431, STATUS_LIMIT, "http.too_large", "the head is too large", diag);
    }
    return HTTP_NEED_MORE;
}

/* Hand out up to `left` bytes of input. */
static enum http_event take_body(struct http_reader *reader, struct slice *input,
                                 struct slice *body, struct diag *diag)
{
    size_t taken = reader->left < input->len ? (size_t)reader->left : input->len;
    reader->body_bytes += taken;
    if (reader->body_bytes > reader->limits.body_bytes_max) {
        return fail(reader, 413, STATUS_LIMIT, "http.body_too_large", "the body is too large",
                    diag);
    }
    *body = slice_sub(*input, 0, taken);
    *input = slice_sub(*input, taken, input->len);
    reader->left -= taken;
    return HTTP_BODY;
}

static int hex_value(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    uint8_t lower = (uint8_t)(byte | 0x20);
    return (lower >= 'a' && lower <= 'f') ? lower - 'a' + 10 : -1;
}

/* One byte of a chunk's size line: hex digits, then CR. Extensions are refused: nobody needs them,
 * and parsers disagree about them (RFC 9112 §7.1.1). */
static bool take_size_byte(struct http_reader *reader, uint8_t byte)
{
    if (byte == '\r') {
        reader->state = HTTP_STATE_CHUNK_SIZE_LF;
        return reader->size_digits > 0;
    }
    int digit = hex_value(byte);
    if (digit < 0 || ++reader->size_digits > CHUNK_SIZE_DIGITS_MAX) {
        return false;
    }
    reader->left = reader->left * 16 + (uint64_t)digit;
    return true;
}

/* One framing byte of the chunked coding; false refuses. */
static bool take_chunk_byte(struct http_reader *reader, uint8_t byte)
{
    enum http_state state = reader->state;
    if (state == HTTP_STATE_CHUNK_SIZE) {
        return take_size_byte(reader, byte);
    }
    if (state == HTTP_STATE_CHUNK_SIZE_LF) {
        reader->state = reader->left > 0 ? HTTP_STATE_CHUNK_DATA : HTTP_STATE_LAST_CR;
        return byte == '\n';
    }
    if (state == HTTP_STATE_CHUNK_DATA_CR || state == HTTP_STATE_LAST_CR) {
        /* Anything but CR after the last chunk would be a trailer: refused. */
        reader->state = state == HTTP_STATE_LAST_CR ? HTTP_STATE_LAST_LF : HTTP_STATE_CHUNK_DATA_LF;
        return byte == '\r';
    }
    reader->left = 0;
    reader->size_digits = 0;
    reader->state = state == HTTP_STATE_LAST_LF ? HTTP_STATE_END : HTTP_STATE_CHUNK_SIZE;
    return byte == '\n';
}

static enum http_event read_chunked(struct http_reader *reader, struct slice *input,
                                    struct slice *body, struct diag *diag)
{
    while (input->len > 0 && reader->state != HTTP_STATE_END) {
        if (reader->state == HTTP_STATE_CHUNK_DATA) {
            enum http_event event = take_body(reader, input, body, diag);
            if (event == HTTP_BODY && reader->left == 0) {
                reader->state = HTTP_STATE_CHUNK_DATA_CR;
            }
            return event;
        }
        if (!take_chunk_byte(reader, input->ptr[0])) {
            return fail(reader, 400, STATUS_INVALID, "http.chunk",
                        "the chunked coding is malformed", diag);
        }
        *input = slice_sub(*input, 1, input->len);
    }
    return HTTP_NEED_MORE;
}

static enum http_event end_message(struct http_reader *reader)
{
    reader->state = HTTP_STATE_HEAD;
    reader->scanned = reader->line_count = 0;
    reader->interim_count = 0;
    buf_clear(&reader->raw);
    return HTTP_END;
}

static enum http_event read_body(struct http_reader *reader, struct slice *input,
                                 struct slice *body, struct diag *diag)
{
    if (reader->state == HTTP_STATE_BODY_LENGTH) {
        enum http_event event = take_body(reader, input, body, diag);
        if (event == HTTP_BODY && reader->left == 0) {
            reader->state = HTTP_STATE_END;
        }
        return event;
    }
    if (reader->state == HTTP_STATE_BODY_UNTIL_CLOSE) {
        reader->left = input->len;
        return take_body(reader, input, body, diag);
    }
    return read_chunked(reader, input, body, diag);
}

enum http_event http_reader_next(struct http_reader *reader, struct slice *input,
                                 struct slice *body, struct diag *diag)
{
    enum http_event event = HTTP_NEED_MORE;
    while (event == HTTP_NEED_MORE && input->len > 0 && reader->state != HTTP_STATE_END &&
           reader->state != HTTP_STATE_FAILED) {
        event = reader->state == HTTP_STATE_HEAD ? read_head(reader, input, diag)
                                                 : read_body(reader, input, body, diag);
    }
    if (event == HTTP_NEED_MORE && reader->state == HTTP_STATE_END) {
        return end_message(reader);
    }
    return reader->state == HTTP_STATE_FAILED ? HTTP_ERROR : event;
}

enum http_event http_reader_finish(struct http_reader *reader, struct diag *diag)
{
    if (reader->state == HTTP_STATE_BODY_UNTIL_CLOSE || reader->state == HTTP_STATE_END ||
        http_reader_is_idle(reader)) {
        return end_message(reader);
    }
    return fail(reader, 400, STATUS_INVALID, "http.truncated",
                "the connection closed inside a message", diag);
}

bool http_reader_is_idle(const struct http_reader *reader)
{
    return reader->state == HTTP_STATE_HEAD && reader->raw.len == 0;
}

int http_reader_status(const struct http_reader *reader)
{
    return reader->answer;
}
