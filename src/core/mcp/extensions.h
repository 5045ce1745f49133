/* extensions.h: the extensions of the protocol that Aegis can judge.
 *
 * An extension that is not named here does not exist, and one that is named is let through only
 * where the configuration lists it for a server. Sides say what they have in the member
 * `extensions` of their capabilities (MCP 2026-07-28; earlier SDKs do so, too).
 */
#ifndef AEGIS_CORE_MCP_EXTENSIONS_H
#define AEGIS_CORE_MCP_EXTENSIONS_H

#include "base/buf.h"
#include "json/tape.h"

#define MCP_EXTENSION_TASKS_ID "io.modelcontextprotocol/tasks"
#define MCP_EXTENSION_UI_ID "io.modelcontextprotocol/ui"

/* A set of these is what one side has, or may have. */
enum mcp_extension {
    MCP_EXTENSION_TASKS = 1, /* calls that go on after their answer */
    MCP_EXTENSION_UI = 2,    /* MCP Apps: pages of a server that a client shows */
};

/* The member `extensions` of capabilities at ref (JSON_NONE: nothing is there). A value that is no
 * object is none. *has_other says whether there is one that is not known; may be NULL. */
uint32_t mcp_extensions_read(const struct json_tape *tape, json_ref capabilities, bool *has_other);

/* Append `"extensions":{...}` of a client or a server; nothing for an empty set. */
void mcp_extensions_write(struct buf *out, uint32_t extensions, bool is_client);

#endif
