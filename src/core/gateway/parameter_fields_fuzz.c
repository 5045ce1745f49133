/* Input: an input schema, NUL, arguments. Oracle: what is written for a call is what a server that
 * compares it with the body accepts; with one bit of a value flipped it is refused, and so it is
 * with a field more or less. */
#include "core/gateway/parameter_fields.h"

#include <stdlib.h>

#define FUZZ_ARENA_BYTES ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool is_so)
{
    if (!is_so) {
        abort();
    }
}

struct call {
    struct parameter_fields fields;
    struct json_tape schema, arguments;
    struct http_field written[PARAMETER_FIELDS_MAX + 1];
    size_t count;
    struct arena arena;
};

static bool agrees(struct call *call, size_t count)
{
    return parameter_fields_check(&call->fields, &call->arguments, call->written, count,
                                  &call->arena, NULL) == STATUS_OK;
}

/* No two values are written alike, so every other value is another one; but for the spellings that
 * a reader has to take: the base64 form, and zeros behind a point. */
static void flip(struct call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        struct http_field kept = call->written[i];
        uint8_t byte = 0;
        if (kept.value.len == 0 || slice_starts_with(kept.value, SLICE("="))) {
            continue;
        }
        byte = kept.value.ptr[0] ^ 1;
        const struct slice parts[] = {slice_of(&byte, 1), slice_sub(kept.value, 1, kept.value.len)};
        expect(arena_join(&call->arena, parts, COUNT_OF(parts), &call->written[i].value) ==
               STATUS_OK);
        expect(!agrees(call, call->count));
        call->written[i] = kept;
    }
}

static void judge(struct call *call)
{
    struct json_place schema = {&call->schema, 0};
    struct json_place arguments = {&call->arguments, 0};
    if (parameter_fields_read(schema, arguments, &call->arena, &call->fields, NULL) != STATUS_OK ||
        parameter_fields_write(&call->fields, &call->arguments, &call->arena, call->written,
                               &call->count, NULL) != STATUS_OK) {
        return;
    }
    expect(call->count <= call->fields.count);
    expect(call->fields.count == 0 || parameter_fields_are_in(&call->schema, 0));
    expect(agrees(call, call->count));
    if (call->count > 0) {
        expect(!agrees(call, call->count - 1));
        call->written[call->count] = call->written[0];
        expect(!agrees(call, call->count + 1));
        flip(call);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    static const uint8_t SEED[16] = {9};
    struct slice input = slice_of(data, size);
    size_t end = slice_find_byte(input, 0);
    struct json_parser parser;
    struct call call = {0};
    json_parser_init(&parser, &LIMITS, SEED);
    arena_init(&call.arena, FUZZ_ARENA_BYTES, NULL);
    if (json_parse(&parser, slice_sub(input, 0, end), &call.arena, &call.schema, NULL) ==
            STATUS_OK &&
        json_parse(&parser, slice_sub(input, end + 1, size), &call.arena, &call.arguments, NULL) ==
            STATUS_OK) {
        judge(&call);
    }
    arena_release(&call.arena);
    return 0;
}
