/* Oracle: no text and no JSON crashes the readers, a refusal has a diagnostic inside the text that
 * can be rendered, and what is accepted says the same after a trip through JSON and through the
 * printer. The first byte chooses: 's' a set in JSON, 'p' a policy in JSON, anything else policy
 * text. */
#include "cedar/cedar.h"

#include <stdlib.h>

#define FUZZ_BYTES_MAX ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cedar_diagnostics diagnostics;

static struct cedar_policy_set *read_form(struct slice text, uint8_t form)
{
    struct cedar_source source = {SLICE("fuzz"), text};
    struct cedar_policy_set *set = NULL;
    enum status status =
        form == 's' || form == 'p'
            ? cedar_policy_set_parse_json(&source, form == 's' ? CEDAR_JSON_SET : CEDAR_JSON_POLICY,
                                          &set, &diagnostics)
            : cedar_policy_set_parse(&source, 1, false, &set, &diagnostics);
    if ((status == STATUS_INVALID) != (diagnostics.count > 0)) {
        abort();
    }
    return status == STATUS_OK ? set : NULL;
}

static void check_diagnostics(struct slice text)
{
    struct buf out;
    buf_init(&out, FUZZ_BYTES_MAX, NULL);
    for (size_t i = 0; i < diagnostics.count; i++) {
        const struct cedar_diagnostic *item = &diagnostics.items[i];
        if (item->from > item->to || item->to > text.len) {
            abort();
        }
        cedar_diagnostic_render(item, text, false, &out);
    }
    buf_release(&out);
}

static void check_json(const struct cedar_policy_set *set, struct buf *json)
{
    struct buf again;
    buf_init(&again, FUZZ_BYTES_MAX, NULL);
    if (cedar_policy_set_to_json(set, json) != STATUS_OK) {
        abort();
    }
    struct cedar_policy_set *copy = read_form(buf_view(json), 's');
    /* A text may be deeper in JSON than JSON may be. */
    if (copy != NULL && (cedar_policy_set_to_json(copy, &again) != STATUS_OK ||
                         !slice_eq(buf_view(json), buf_view(&again)))) {
        abort();
    }
    cedar_policy_set_free(copy);
    buf_release(&again);
}

/* What is printed parses. */
static struct cedar_policy_set *print_and_parse(const struct cedar_policy_set *set, size_t index,
                                                struct buf *text)
{
    if (cedar_policy_to_text(set, index, text) != STATUS_OK) {
        abort();
    }
    struct cedar_policy_set *printed = read_form(buf_view(text), 't');
    if (printed == NULL || cedar_policy_count(printed) != 1) {
        abort();
    }
    return printed;
}

/* The second time the same comes out: a `Value` of JSON has become plain text by then. */
static void check_print(const struct cedar_policy_set *set, size_t index)
{
    struct buf texts[3];
    for (size_t i = 0; i < 3; i++) {
        buf_init(&texts[i], FUZZ_BYTES_MAX, NULL);
    }
    struct cedar_policy_set *once = print_and_parse(set, index, &texts[0]);
    struct cedar_policy_set *twice = print_and_parse(once, 0, &texts[1]);
    struct cedar_policy_set *thrice = print_and_parse(twice, 0, &texts[2]);
    if (!slice_eq(buf_view(&texts[1]), buf_view(&texts[2]))) {
        abort();
    }
    cedar_policy_set_free(once);
    cedar_policy_set_free(twice);
    cedar_policy_set_free(thrice);
    for (size_t i = 0; i < 3; i++) {
        buf_release(&texts[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf json;
    if (size == 0) {
        return 0;
    }
    struct slice text = slice_of(data + 1, size - 1);
    struct cedar_policy_set *set = read_form(text, data[0]);
    check_diagnostics(text);
    if (set != NULL) {
        buf_init(&json, FUZZ_BYTES_MAX, NULL);
        check_json(set, &json);
        for (size_t i = 0; i < cedar_policy_count(set); i++) {
            check_print(set, i);
        }
        buf_release(&json);
    }
    cedar_policy_set_free(set);
    return 0;
}
