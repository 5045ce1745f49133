/* Oracle: whatever the body, a message is either accepted with a method of the table or refused
 * with an HTTP status and a reason; the same bytes give the same verdict twice. */
#include "core/mcp/message.h"

#include <stdlib.h>

#define FUZZ_ARENA_BYTES ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status judge(struct slice body, struct mcp_refusal *refusal)
{
    static const struct http_field FIELDS[] = {
        {SLICE_INIT("MCP-Protocol-Version"), SLICE_INIT("2026-07-28")},
        {SLICE_INIT("Mcp-Method"), SLICE_INIT("tools/call")},
        {SLICE_INIT("Mcp-Name"), SLICE_INIT("t")}};
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    static const uint8_t SEED[16] = {9};
    struct json_parser parser;
    struct mcp_message message;
    struct arena arena;
    struct diag diag = {0};
    json_parser_init(&parser, &LIMITS, SEED);
    arena_init(&arena, FUZZ_ARENA_BYTES, NULL);
    struct mcp_message_input input = {
        .parser = &parser, .body = body, .fields = FIELDS, .field_count = COUNT_OF(FIELDS)};
    enum status status = mcp_message_read(&input, &arena, &message, refusal, &diag);
    bool is_sound = status == STATUS_OK ? message.method != NULL
                                        : diag.code != NULL && refusal->http_status >= 200;
    if (!is_sound) {
        abort();
    }
    arena_release(&arena);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mcp_refusal first;
    struct mcp_refusal second;
    enum status once = judge(slice_of(data, size), &first);
    enum status twice = judge(slice_of(data, size), &second);
    if (once != twice || first.rpc_code != second.rpc_code) {
        abort();
    }
    return 0;
}
