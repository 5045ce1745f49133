/* capabilities.h: what a client says it can be asked for.
 *
 * Read into flags and written anew for the server, so a capability that is not named here goes no
 * further: experimental ones, unknown extensions and tasks that a client would host are never
 * passed on.
 */
#ifndef AEGIS_CORE_MCP_CAPABILITIES_H
#define AEGIS_CORE_MCP_CAPABILITIES_H

#include "base/buf.h"
#include "core/mcp/extensions.h"
#include "core/mcp/revision.h"
#include "json/tape.h"

/* Zero: the client can be asked for nothing. */
struct mcp_client_capabilities {
    bool has_sampling;
    bool has_sampling_tools; /* and tools may be offered in it */
    bool has_roots;
    bool tells_roots;       /* and says when they change */
    bool has_form, has_url; /* the modes of elicitation */
    uint32_t extensions;    /* mcp_extension */
    bool has_other_extensions;
    bool has_other; /* a capability that goes no further */
};

/* Read the object at ref; JSON_NONE and anything that is no object give nothing. An elicitation
 * without modes means forms (MCP 2025-11-25, elicitation). */
struct mcp_client_capabilities mcp_capabilities_read(const struct json_tape *tape, json_ref ref);

/* What of it a client of that revision can mean: roots change up to MCP 2025-11-25, elicitation
 * came with MCP 2025-06-18, its modes, tools in sampling, pages and skills with 2025-11-25, other
 * extensions with 2026-07-28. */
struct mcp_client_capabilities
mcp_capabilities_known(const struct mcp_client_capabilities *capabilities,
                       enum mcp_revision revision);

/* Append the object for a server of that revision: what the revision does not know is left out. */
void mcp_capabilities_write(const struct mcp_client_capabilities *capabilities,
                            enum mcp_revision revision, struct buf *out);

/* Do both say the same, but for what goes no further? */
bool mcp_capabilities_are_same(const struct mcp_client_capabilities *one,
                               const struct mcp_client_capabilities *other);

/* Can the client be asked for nothing? Its extensions are another matter. */
bool mcp_capabilities_is_empty(const struct mcp_client_capabilities *capabilities);

#endif
