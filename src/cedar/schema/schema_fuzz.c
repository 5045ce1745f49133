/* Oracle: no text crashes the readers of schemas, in either form. A schema, or a part of one, that
 * has a form in text can be read from that, and if it was text it means the same. */
#include "cedar/cedar.h"
#include "support/fuzz.h"

#define TEXT_BYTES ((size_t)1 << 26)

static struct cedar_diagnostics diagnostics;

static enum status translate(struct slice text, enum cedar_form form, enum cedar_schema_style style,
                             struct buf *out)
{
    struct cedar_schema_source source = {{SLICE("fuzz"), text}, form};
    buf_init(out, TEXT_BYTES, NULL);
    return cedar_schema_translate(&source, style, out, &diagnostics);
}

/* The second time the same comes out. */
static void check_again(struct slice text)
{
    struct buf again;
    fuzz_expect(translate(text, CEDAR_FORM_TEXT, CEDAR_SCHEMA_TEXT, &again) == STATUS_OK &&
                    slice_eq(text, buf_view(&again)),
                "what is written is written otherwise", text);
    buf_release(&again);
}

static void check_form(struct slice source, enum cedar_form form)
{
    struct buf text = {0};
    struct buf first = {0};
    struct buf second = {0};
    enum status as_text = translate(source, form, CEDAR_SCHEMA_TEXT, &text);
    enum status as_whole = translate(source, form, CEDAR_SCHEMA_JSON_RESOLVED, &first);
    if (as_text == STATUS_OK) {
        check_again(buf_view(&text));
    }
    if (as_text == STATUS_OK && as_whole == STATUS_OK) {
        fuzz_expect(translate(buf_view(&text), CEDAR_FORM_TEXT, CEDAR_SCHEMA_JSON_RESOLVED,
                              &second) == STATUS_OK,
                    "what is written is refused", source);
        fuzz_expect(form == CEDAR_FORM_JSON || slice_eq(buf_view(&first), buf_view(&second)),
                    "what is written means something else", source);
    }
    buf_release(&second);
    buf_release(&first);
    buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_form(slice_of(data, size), CEDAR_FORM_TEXT);
    check_form(slice_of(data, size), CEDAR_FORM_JSON);
    return 0;
}
