#include "core/sign_in/form.h"

#include "base/base64.h"

#define CREDENTIALS_BYTES_MAX 65536 /* of a client, escaped */

static int hex_value(uint8_t byte)
{
    uint8_t lower = byte | 0x20;
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Undo the escapes of text into to, which has room for text.len bytes. False: a bad escape. */
static bool unescape(struct slice text, uint8_t *to, size_t *len)
{
    *len = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.ptr[i];
        if (byte == '%') {
            int high = i + 2 < text.len ? hex_value(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_value(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            byte = (uint8_t)(high * 16 + low);
            i += 2;
        } else if (byte == '+') {
            byte = ' ';
        }
        to[(*len)++] = byte;
    }
    return true;
}

static enum status refuse_form(struct diag *diag, const char *what)
{
    return diag_fail(diag, STATUS_INVALID, "sign_in.form", "%s", what);
}

static enum status read_text(struct slice text, struct arena *arena, struct slice *out,
                             struct diag *diag)
{
    uint8_t *bytes = arena_alloc(arena, text.len);
    size_t len = 0;
    if (bytes == NULL) {
        return diag_fail(diag, STATUS_LIMIT, "sign_in.memory", "no memory for the parameters");
    }
    if (!unescape(text, bytes, &len)) {
        return refuse_form(diag, "a parameter has a '%' without two digits");
    }
    *out = slice_of(bytes, len);
    if (!slice_is_utf8(*out) || slice_has_control(*out)) {
        return refuse_form(diag, "a parameter is no plain text");
    }
    return STATUS_OK;
}

static enum status add_field(struct form *form, const struct form_field *field, struct diag *diag)
{
    for (size_t i = 0; i < form->count; i++) {
        if (slice_eq(form->fields[i].name, field->name)) {
            return diag_fail(diag, STATUS_INVALID, "sign_in.repeated",
                             "a parameter appears more than once");
        }
    }
    form->fields[form->count++] = *field;
    return STATUS_OK;
}

enum status form_read(struct slice text, struct arena *arena, struct form *out, struct diag *diag)
{
    out->count = 0;
    if (text.len > FORM_BYTES_MAX) {
        return refuse_form(diag, "the parameters are too long");
    }
    while (text.len > 0) {
        size_t end = slice_find_byte(text, '&');
        struct slice pair = slice_sub(text, 0, end);
        size_t equals = slice_find_byte(pair, '=');
        struct form_field field = {0};
        text = slice_sub(text, end + 1, text.len);
        if (out->count == FORM_FIELDS_MAX) {
            return refuse_form(diag, "there are too many parameters");
        }
        TRY(read_text(slice_sub(pair, 0, equals), arena, &field.name, diag));
        TRY(read_text(slice_sub(pair, equals + 1, pair.len), arena, &field.value, diag));
        TRY(add_field(out, &field, diag));
    }
    return STATUS_OK;
}

struct slice form_value(const struct form *form, struct slice name)
{
    for (size_t i = 0; i < form->count; i++) {
        if (slice_eq(form->fields[i].name, name)) {
            return form->fields[i].value;
        }
    }
    return SLICE_EMPTY;
}

/* RFC 3986 §2.3, the characters that need no escape anywhere. */
static bool is_unreserved(uint8_t byte)
{
    uint8_t lower = byte | 0x20;
    return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
           byte == '.' || byte == '_' || byte == '~';
}

void form_append_escaped(struct buf *out, struct slice text)
{
    static const char HEX[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        if (is_unreserved(text.ptr[i])) {
            buf_append_byte(out, text.ptr[i]);
        } else {
            buf_append_byte(out, '%');
            buf_append_byte(out, (uint8_t)HEX[text.ptr[i] >> 4]);
            buf_append_byte(out, (uint8_t)HEX[text.ptr[i] & 15]);
        }
    }
}

void form_append(struct buf *out, struct slice name, struct slice value)
{
    if (out->len > 0 && out->ptr[out->len - 1] != '?') {
        buf_append_byte(out, '&');
    }
    form_append_escaped(out, name);
    buf_append_byte(out, '=');
    form_append_escaped(out, value);
}

void form_append_basic(struct buf *out, struct slice id, struct slice secret)
{
    struct buf text;
    buf_init_secret(&text, CREDENTIALS_BYTES_MAX, NULL);
    form_append_escaped(&text, id);
    buf_append_byte(&text, ':');
    form_append_escaped(&text, secret);
    buf_append(out, SLICE("Basic "));
    base64_encode(out, buf_view(&text), BASE64_STANDARD);
    out->failed = out->failed || text.failed;
    buf_release(&text);
}
