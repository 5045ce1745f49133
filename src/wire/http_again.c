#include "wire/http_again.h"

#include <assert.h>

#define LENGTH_DIGITS_MAX 15 /* no sum of these overflows in any parser */

static const struct slice CONTENT_LENGTH = SLICE_INIT("content-length");

/* Does the guard or llhttp look into values of fields of this name? */
static bool frames(struct slice name)
{
    static const struct slice NAMES[] = {
        SLICE_INIT("transfer-encoding"), SLICE_INIT("connection"), SLICE_INIT("proxy-connection"),
        SLICE_INIT("upgrade"),           SLICE_INIT("host"),       SLICE_INIT("expect")};
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        if (slice_eq_ascii_nocase(name, NAMES[i])) {
            return true;
        }
    }
    return false;
}

/* A message with a body stays one: both numbers are above zero. */
static bool take_length(struct slice value, struct http_head *head)
{
    int64_t length = 0;
    if (value.len > LENGTH_DIGITS_MAX || value.ptr[0] < '1' || value.ptr[0] > '9' ||
        head->content_length <= 0 || slice_to_i64(value, &length) != STATUS_OK) {
        return false;
    }
    head->content_length = length;
    return true;
}

/* The value that text goes on with, up to its CRLF. Empty, or when it is not plain: no value. */
static struct slice plain_value(struct slice text)
{
    size_t end = slice_find_control(text, 0);
    assert(end <= text.len);
    struct slice value = slice_sub(text, 0, end);
    bool is_line = text.len - end >= 2 && text.ptr[end] == '\r' && text.ptr[end + 1] == '\n';
    bool is_trimmed = value.len > 0 && value.ptr[0] != ' ' && value.ptr[value.len - 1] != ' ';
    return is_line && is_trimmed && !slice_has_control(value) ? value : SLICE_EMPTY;
}

/* Take a line that has the field's name and another value. */
static bool take_other_value(struct slice text, struct http_head *head, struct http_field *field,
                             size_t *line_bytes)
{
    if (field->value.len == 0 || text.ptr == NULL) {
        return false;
    }
    size_t before = (size_t)(field->value.ptr - field->name.ptr);
    if (text.len < before || !bytes_eq(text.ptr, field->name.ptr, before)) {
        return false;
    }
    struct slice value = plain_value(slice_sub(text, before, text.len));
    struct slice name = slice_of(text.ptr, field->name.len);
    bool is_length = slice_eq_ascii_nocase(name, CONTENT_LENGTH);
    if (value.len == 0 || (is_length ? !take_length(value, head) : frames(name))) {
        return false;
    }
    *field = (struct http_field){name, value};
    *line_bytes = before + value.len + 2;
    return true;
}

/* Take the line of a field; known_line is what it was. */
static bool take_line(struct slice known_line, struct slice text, struct http_head *head,
                      struct http_field *field, size_t *line_bytes)
{
    if (text.len < known_line.len || !bytes_eq(text.ptr, known_line.ptr, known_line.len)) {
        return take_other_value(text, head, field, line_bytes);
    }
    if (field->value.len > 0) {
        field->value.ptr = text.ptr + (field->value.ptr - field->name.ptr);
    }
    field->name.ptr = text.ptr;
    *line_bytes = known_line.len;
    return true;
}

bool http_head_again(struct slice known, struct slice input, struct http_head *head,
                     struct http_field *fields, size_t *head_bytes)
{
    size_t count = head->field_count;
    size_t at = count > 0 ? (size_t)(fields[0].name.ptr - known.ptr) : known.len - 2;
    if (input.len < at || !bytes_eq(input.ptr, known.ptr, at)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const uint8_t *from = fields[i].name.ptr;
        const uint8_t *to = i + 1 < count ? fields[i + 1].name.ptr : known.ptr + known.len - 2;
        size_t line_bytes = 0;
        if (!take_line(slice_of(from, (size_t)(to - from)), slice_sub(input, at, input.len), head,
                       &fields[i], &line_bytes)) {
            return false;
        }
        at += line_bytes;
    }
    *head_bytes = at + 2;
    return input.len >= at + 2 && input.ptr[at] == '\r' && input.ptr[at + 1] == '\n';
}
