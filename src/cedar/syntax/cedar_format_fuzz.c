/* Oracle: every text that parses can be laid out at any width, says the same afterwards in its JSON
 * form, and stays as it is when it is laid out again. The length of the text chooses width and
 * indent; the formatter itself looks for lost comments. */
#include "cedar/cedar.h"

#include <stdlib.h>

#define FUZZ_BYTES_MAX ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cedar_diagnostics diagnostics;

static void write_json(struct slice text, struct buf *json)
{
    struct cedar_source source = {SLICE("fuzz"), text};
    struct cedar_policy_set *set = NULL;
    if (cedar_policy_set_parse(&source, 1, false, &set, &diagnostics) != STATUS_OK ||
        cedar_policy_set_to_json(set, json) != STATUS_OK) {
        abort();
    }
    cedar_policy_set_free(set);
}

static void check_meaning(struct slice before, struct slice after)
{
    struct buf json[2];
    buf_init(&json[0], FUZZ_BYTES_MAX, NULL);
    buf_init(&json[1], FUZZ_BYTES_MAX, NULL);
    write_json(before, &json[0]);
    write_json(after, &json[1]);
    if (!slice_eq(buf_view(&json[0]), buf_view(&json[1]))) {
        abort();
    }
    buf_release(&json[0]);
    buf_release(&json[1]);
}

static void check_again(struct slice once, const struct cedar_format_options *options)
{
    struct cedar_source source = {SLICE("fuzz"), once};
    struct buf twice;
    buf_init(&twice, FUZZ_BYTES_MAX, NULL);
    if (cedar_format(&source, options, &twice, &diagnostics) != STATUS_OK ||
        !slice_eq(once, buf_view(&twice))) {
        abort();
    }
    buf_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out;
    struct cedar_format_options options = {
        .line_width = (uint32_t)(size % 100),
        .indent = (uint32_t)(size / 100 % (CEDAR_FORMAT_INDENT_MAX + 1))};
    struct cedar_source source = {SLICE("fuzz"), slice_of(data, size)};
    buf_init(&out, FUZZ_BYTES_MAX, NULL);
    enum status status = cedar_format(&source, &options, &out, &diagnostics);
    if (status == STATUS_INTERNAL || (status != STATUS_OK && out.len > 0)) {
        abort();
    }
    if (status == STATUS_OK) {
        check_meaning(source.text, buf_view(&out));
        check_again(buf_view(&out), &options);
    }
    buf_release(&out);
    return 0;
}
