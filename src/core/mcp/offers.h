/* offers.h: what a server says it can do, as it says so in a handshake.
 *
 * Capabilities that are not in this table are not passed on: the methods behind them are not
 * served.
 */
#ifndef AEGIS_CORE_MCP_OFFERS_H
#define AEGIS_CORE_MCP_OFFERS_H

#include "base/buf.h"
#include "json/tape.h"

/* A set of these is the offer of one server, or of several. */
enum mcp_offer {
    MCP_OFFERS_TOOLS = 1,
    MCP_OFFERS_RESOURCES = 2,
    MCP_OFFERS_PROMPTS = 4,
    MCP_OFFERS_COMPLETIONS = 8,
    MCP_OFFERS_LOGGING = 16,
};

/* The member `capabilities` of the result of initialize or server/discover. A capability whose
 * value is no object, null above all, is not offered. */
uint32_t mcp_offers_read(const struct json_tape *tape, json_ref result);

/* Append `"capabilities":{"tools":{}}`. */
void mcp_offers_write(struct buf *buf, uint32_t offers);

#endif
