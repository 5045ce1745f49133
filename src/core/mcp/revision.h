/* revision.h: the protocol revisions that Aegis speaks, as an explicit list.
 *
 * Revisions look like dates but are names: they are never ordered by comparing text, because
 * "v999" would then be newer than every date.
 */
#ifndef AEGIS_CORE_MCP_REVISION_H
#define AEGIS_CORE_MCP_REVISION_H

#include "base/slice.h"

#include <stdbool.h>

enum mcp_revision {
    MCP_REVISION_NONE = 0, /* unknown, or not stated */
    MCP_2024_11_05,
    MCP_2025_03_26,
    MCP_2025_06_18,
    MCP_2025_11_25,
    MCP_2026_07_28,
    MCP_REVISION_COUNT,
};

/* MCP_REVISION_NONE when the text is not on the list. */
enum mcp_revision mcp_revision_parse(struct slice text);

/* The text of a revision; empty for MCP_REVISION_NONE. */
struct slice mcp_revision_name(enum mcp_revision revision);

/* A set of revisions. */
#define MCP_REVISION_BIT(revision) (1U << (unsigned)(revision))
#define MCP_REVISIONS_MODERN MCP_REVISION_BIT(MCP_2026_07_28)
#define MCP_REVISIONS_LEGACY                                                                       \
    (MCP_REVISION_BIT(MCP_2024_11_05) | MCP_REVISION_BIT(MCP_2025_03_26) |                         \
     MCP_REVISION_BIT(MCP_2025_06_18) | MCP_REVISION_BIT(MCP_2025_11_25))

/* True for the stateless era, where each request carries its revision and capabilities. */
bool mcp_revision_is_modern(enum mcp_revision revision);

#endif
