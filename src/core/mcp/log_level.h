/* log_level.h: how serious a server's log message is, and which ones a client wants.
 *
 * Source: MCP, logging; the levels are those of RFC 5424.
 */
#ifndef AEGIS_CORE_MCP_LOG_LEVEL_H
#define AEGIS_CORE_MCP_LOG_LEVEL_H

#include "base/slice.h"
#include "json/tape.h"

#include <stdbool.h>

/* From the least serious on. As a wish: these and all that are more serious. */
enum mcp_log_level {
    MCP_LOG_NONE = 0, /* unknown; as a wish: nothing */
    MCP_LOG_DEBUG,
    MCP_LOG_INFO,
    MCP_LOG_NOTICE,
    MCP_LOG_WARNING,
    MCP_LOG_ERROR,
    MCP_LOG_CRITICAL,
    MCP_LOG_ALERT,
    MCP_LOG_EMERGENCY,
    MCP_LOG_LEVEL_COUNT,
};

/* The level that a value names; MCP_LOG_NONE when it names none. ref may be JSON_NONE. */
enum mcp_log_level mcp_log_level_read(const struct json_tape *tape, json_ref ref);

/* "debug", ...; empty for MCP_LOG_NONE. */
struct slice mcp_log_level_name(enum mcp_log_level level);

/* Is params what notifications/message must have, at a level that was wished for? */
bool mcp_log_is_wanted(const struct json_tape *tape, json_ref params, enum mcp_log_level wanted);

#endif
