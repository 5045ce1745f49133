#include "support/value_trip.h"

#include "cedar/value/value.h"
#include "support/fuzz.h"

#define TEXT_BYTES ((size_t)16 << 20)

static struct cedar_diagnostics diagnostics;

static bool evaluates_to(const struct cedar_value *value, const struct cedar_expression *expression,
                         struct arena *arena)
{
    struct cedar_request request = {0};
    struct cedar_value again = {0};
    struct cedar_policy_error error;
    struct value_work work = {arena, CEDAR_STEPS_MAX};
    return cedar_expression_evaluate(expression, &request, arena, &again, &error) == STATUS_OK &&
           value_equal(value, &again, &work, 0) == VALUE_TRUE;
}

struct slice value_trip(const struct cedar_value *value, struct arena *arena)
{
    struct buf printed;
    struct cedar_source source = {SLICE("value"), SLICE_EMPTY};
    const struct cedar_expression *expression = NULL;
    buf_init(&printed, TEXT_BYTES, NULL);
    fuzz_expect(cedar_value_to_text(value, arena, &printed) == STATUS_OK &&
                    arena_copy(arena, buf_view(&printed), &source.text) == STATUS_OK,
                "the value is not printed", SLICE_EMPTY);
    buf_release(&printed);
    enum status status = cedar_expression_parse(&source, arena, &expression, &diagnostics);
    fuzz_expect(status == STATUS_OK && evaluates_to(value, expression, arena),
                "the text has another value", source.text);
    return source.text;
}
