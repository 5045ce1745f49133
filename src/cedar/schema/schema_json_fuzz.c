/* A schema in JSON that has a form in text can be read from that. */
#include "cedar/cedar.h"

#include <assert.h>
#include <stdlib.h>

static struct cedar_diagnostics diagnostics;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cedar_schema_source source = {{SLICE("fuzz"), slice_of(data, size)}, CEDAR_FORM_JSON};
    struct buf text;
    struct buf first;
    struct buf second;
    buf_init(&text, (size_t)1 << 26, NULL);
    buf_init(&first, (size_t)1 << 26, NULL);
    buf_init(&second, (size_t)1 << 26, NULL);
    if (cedar_schema_translate(&source, CEDAR_SCHEMA_JSON_RESOLVED, &first, &diagnostics) ==
            STATUS_OK &&
        cedar_schema_translate(&source, CEDAR_SCHEMA_TEXT, &text, &diagnostics) == STATUS_OK) {
        struct cedar_schema_source again = {{SLICE("again"), buf_view(&text)}, CEDAR_FORM_TEXT};
        enum status status =
            cedar_schema_translate(&again, CEDAR_SCHEMA_JSON_RESOLVED, &second, &diagnostics);
        assert(status == STATUS_OK);
        (void)status;
    }
    buf_release(&second);
    buf_release(&first);
    buf_release(&text);
    return 0;
}
