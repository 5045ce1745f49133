/* offers.h: what a server says it can do, as it says so in a handshake.
 *
 * Capabilities that are not in this table are not passed on: the methods behind them are not
 * served.
 */
#ifndef AEGIS_CORE_MCP_OFFERS_H
#define AEGIS_CORE_MCP_OFFERS_H

#include "base/buf.h"
#include "core/mcp/extensions.h"
#include "core/mcp/revision.h"
#include "json/tape.h"

/* A set of these is the offer of one server, or of several. */
enum mcp_offer {
    MCP_OFFERS_TOOLS = 1,
    MCP_OFFERS_RESOURCES = 2,
    MCP_OFFERS_PROMPTS = 4,
    MCP_OFFERS_COMPLETIONS = 8,
    MCP_OFFERS_LOGGING = 16,
    MCP_OFFERS_TASKS = 32, /* of tool calls, in the way of the revision; the next two with them */
    MCP_OFFERS_TASKS_LIST = 64,
    MCP_OFFERS_TASKS_CANCEL = 128,
    MCP_OFFERS_UI = 256, /* pages of MCP Apps */
    /* It tells when one of its lists changes, or a resource that somebody is subscribed to. */
    MCP_OFFERS_TOOLS_CHANGED = 512,
    MCP_OFFERS_RESOURCES_CHANGED = 1024,
    MCP_OFFERS_PROMPTS_CHANGED = 2048,
    MCP_OFFERS_SUBSCRIBE = 4096,
    MCP_OFFERS_SKILLS = 8192,
    MCP_OFFERS_DIRECTORIES = 16384, /* and lists of folders, with skills only */
};

#define MCP_OFFERS_CHANGES                                                                         \
    ((uint32_t)(MCP_OFFERS_TOOLS_CHANGED | MCP_OFFERS_RESOURCES_CHANGED |                          \
                MCP_OFFERS_PROMPTS_CHANGED | MCP_OFFERS_SUBSCRIBE))

/* What crosses no eras: a task is of one revision's kind or of the other's. */
#define MCP_OFFERS_ALL_OF_TASKS                                                                    \
    ((uint32_t)(MCP_OFFERS_TASKS | MCP_OFFERS_TASKS_LIST | MCP_OFFERS_TASKS_CANCEL))

/* The member `capabilities` of the result of initialize or server/discover, at a server of that
 * revision. A capability whose value is no object, null above all, is not offered.
 *
 * extensions  mcp_extension, that may be let through; *drops_extension: the server has others */
uint32_t mcp_offers_read(const struct json_tape *tape, json_ref result, enum mcp_revision revision,
                         uint32_t extensions, bool *drops_extension);

/* Does the same member hold a capability that this revision does not have? It is not passed on. */
bool mcp_offers_have_other(const struct json_tape *tape, json_ref result,
                           enum mcp_revision revision);

/* Append `"capabilities":{"tools":{}}`, for a client of that revision. */
void mcp_offers_write(struct buf *buf, uint32_t offers, enum mcp_revision revision);

#endif
