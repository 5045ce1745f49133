#include "cedar/value/json_text.h"

#include <string.h>

enum status json_text_parse(struct slice text, struct arena *arena, struct json_tape *out,
                            struct diag *diag)
{
    static const struct json_limits LIMITS = {.depth_max = JSON_DEPTH_LIMIT,
                                              .nodes_max = (uint32_t)1 << 22,
                                              .members_max = (uint32_t)1 << 20,
                                              .number_bytes_max = 4096};
    struct json_parser parser;
    uint8_t seed[16] = {0};
    /* A library without I/O has no randomness of its own; where the loader put its memory is all
     * that a writer of texts cannot know. */
    uintptr_t places[2] = {(uintptr_t)arena, (uintptr_t)&parser};
    memcpy(seed, places, sizeof(places));
    json_parser_init(&parser, &LIMITS, seed);
    enum status status = json_parse(&parser, text, arena, out, diag);
    bool is_memory = slice_eq(slice_view_cstr(diag->code), SLICE("json.memory"));
    return status == STATUS_LIMIT && !is_memory ? STATUS_INVALID : status;
}
