#include "core/mcp/revision.h"

static const struct slice NAMES[MCP_REVISION_COUNT] = {
    [MCP_2024_11_05] = SLICE_INIT("2024-11-05"), [MCP_2025_03_26] = SLICE_INIT("2025-03-26"),
    [MCP_2025_06_18] = SLICE_INIT("2025-06-18"), [MCP_2025_11_25] = SLICE_INIT("2025-11-25"),
    [MCP_2026_07_28] = SLICE_INIT("2026-07-28"),
};

enum mcp_revision mcp_revision_parse(struct slice text)
{
    for (enum mcp_revision i = MCP_REVISION_NONE + 1; i < MCP_REVISION_COUNT; i++) {
        if (slice_eq(text, NAMES[i])) {
            return i;
        }
    }
    return MCP_REVISION_NONE;
}

struct slice mcp_revision_name(enum mcp_revision revision)
{
    return NAMES[revision];
}

bool mcp_revision_is_modern(enum mcp_revision revision)
{
    return revision == MCP_2026_07_28;
}
