/* Oracle: what is accepted, written out and read again has the same structure and lexemes. */
#include "json/tape.h"
#include "json/writer.h"

#include <stdlib.h>

#define FUZZ_ARENA_BYTES ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    static const uint8_t SEED[16] = {5};
    struct json_parser parser;
    struct arena arena;
    struct json_tape first;
    struct json_tape second;
    struct buf out;
    json_parser_init(&parser, &LIMITS, SEED);
    arena_init(&arena, FUZZ_ARENA_BYTES, NULL);
    buf_init(&out, FUZZ_ARENA_BYTES, NULL);
    if (json_parse(&parser, slice_of(data, size), &arena, &first, NULL) == STATUS_OK) {
        json_write(&out, &first, 0, NULL, 0);
        require(buf_status(&out) == STATUS_OK);
        require(json_parse(&parser, buf_view(&out), &arena, &second, NULL) == STATUS_OK);
        require(first.count == second.count);
        for (json_ref i = 0; i < first.count; i++) {
            require(json_type(&first, i) == json_type(&second, i));
            require(json_count(&first, i) == json_count(&second, i));
            if (json_type(&first, i) < JSON_ARRAY) {
                require(slice_eq(json_raw(&first, i), json_raw(&second, i)));
            }
        }
    }
    buf_release(&out);
    arena_release(&arena);
    return 0;
}
