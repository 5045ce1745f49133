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
#define MCP_EXTENSION_SKILLS_ID "io.modelcontextprotocol/skills"

/* A set of these is what one side has, or may have. */
enum mcp_extension {
    MCP_EXTENSION_TASKS = 1,  /* calls that go on after their answer */
    MCP_EXTENSION_UI = 2,     /* MCP Apps: pages of a server that a client shows */
    MCP_EXTENSION_SKILLS = 4, /* folders of instructions for a model, and lists of folders */
};

/* Who says what he has. */
enum mcp_extension_side {
    MCP_EXTENSIONS_OF_CLIENT,
    MCP_EXTENSIONS_OF_SERVER,
    MCP_EXTENSIONS_OF_SERVER_WITH_DIRECTORIES, /* its skills come with resources/directory/read */
    MCP_EXTENSION_SIDES,
};

/* The member `extensions` of capabilities at ref (JSON_NONE: nothing is there). A value that is no
 * object is none. *has_other says whether there is one that is not known; may be NULL. */
uint32_t mcp_extensions_read(const struct json_tape *tape, json_ref capabilities, bool *has_other);

/* Append `"extensions":{...}`; nothing for an empty set. */
void mcp_extensions_write(struct buf *out, uint32_t extensions, enum mcp_extension_side side);

#endif
