/* Oracle: a head that differs from an accepted one in a run of bytes, and is taken for like it, is
 * accepted by the parsers as well, and means the same to them. */
#include "wire/http_again.h"

#include "base/buf.h"

#include "support/fuzz.h"
#include "support/http_heads.h"

#define FUZZ_TEXT_BYTES ((size_t)1 << 17)

static void expect_judged(struct slice known, struct slice input, struct http_head *head,
                          struct http_field *fields)
{
    static struct http_field fresh_fields[HTTP_FIELDS_MAX];
    struct http_head fresh;
    size_t head_bytes = 0;
    if (!http_head_again(known, input, head, fields, &head_bytes)) {
        return;
    }
    fuzz_expect(head_bytes <= input.len, "reaches past its end", input);
    fuzz_expect(http_head_parse(head->role, slice_sub(input, 0, head_bytes), fresh_fields,
                                HTTP_FIELDS_MAX, &fresh, NULL) == STATUS_OK,
                "like an accepted head, and refused", input);
    fuzz_expect(is_same_head(head, &fresh), "means something else", input);
}

static size_t head_bytes_of(struct slice text)
{
    size_t at = 0;
    while (at < text.len && !slice_starts_with(slice_sub(text, at, text.len), SLICE("\r\n\r\n"))) {
        at++;
    }
    return at < text.len ? at + 4 : text.len;
}

/* A head, and behind it: where in 1/256 of it, how many bytes are taken out, what comes instead. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_field fields[HTTP_FIELDS_MAX];
    struct slice text = slice_of(data, size);
    struct slice known = slice_sub(text, 0, head_bytes_of(text));
    struct slice change = slice_sub(text, known.len, text.len);
    struct http_head head;
    struct buf input;
    enum http_role role = slice_starts_with(known, SLICE("HTTP/")) ? HTTP_RESPONSE : HTTP_REQUEST;
    if (change.len < 2 ||
        http_head_parse(role, known, fields, HTTP_FIELDS_MAX, &head, NULL) != STATUS_OK) {
        return 0;
    }
    size_t at = known.len * change.ptr[0] / 256;
    buf_init(&input, FUZZ_TEXT_BYTES, NULL);
    buf_append(&input, slice_sub(known, 0, at));
    buf_append(&input, slice_sub(change, 2, change.len));
    buf_append(&input, slice_sub(known, at + change.ptr[1], known.len));
    if (buf_status(&input) == STATUS_OK) {
        expect_judged(known, buf_view(&input), &head, fields);
    }
    buf_release(&input);
    return 0;
}
