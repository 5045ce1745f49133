#include "core/mcp/log_level.h"

static const struct slice NAMES[MCP_LOG_LEVEL_COUNT] = {
    [MCP_LOG_DEBUG] = SLICE_INIT("debug"),   [MCP_LOG_INFO] = SLICE_INIT("info"),
    [MCP_LOG_NOTICE] = SLICE_INIT("notice"), [MCP_LOG_WARNING] = SLICE_INIT("warning"),
    [MCP_LOG_ERROR] = SLICE_INIT("error"),   [MCP_LOG_CRITICAL] = SLICE_INIT("critical"),
    [MCP_LOG_ALERT] = SLICE_INIT("alert"),   [MCP_LOG_EMERGENCY] = SLICE_INIT("emergency"),
};

enum mcp_log_level mcp_log_level_read(const struct json_tape *tape, json_ref ref)
{
    if (ref == JSON_NONE) {
        return MCP_LOG_NONE;
    }
    for (enum mcp_log_level i = MCP_LOG_NONE + 1; i < MCP_LOG_LEVEL_COUNT; i++) {
        if (json_string_eq(tape, ref, NAMES[i])) {
            return i;
        }
    }
    return MCP_LOG_NONE;
}

struct slice mcp_log_level_name(enum mcp_log_level level)
{
    return NAMES[level];
}

bool mcp_log_is_wanted(const struct json_tape *tape, json_ref params, enum mcp_log_level wanted)
{
    json_ref logger = json_member(tape, params, SLICE("logger"));
    enum mcp_log_level level = mcp_log_level_read(tape, json_member(tape, params, SLICE("level")));
    return wanted != MCP_LOG_NONE && level >= wanted &&
           json_member(tape, params, SLICE("data")) != JSON_NONE &&
           (logger == JSON_NONE || json_type(tape, logger) == JSON_STRING);
}
