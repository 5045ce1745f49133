/* view.h: a curated endpoint: some tools, prompts and resources of some servers, perhaps renamed.
 *
 * Immutable, part of the snapshot. A view takes away, it gives nothing: what it shows is still
 * judged by the policies, under the server's own name.
 */
#ifndef AEGIS_CORE_GATEWAY_VIEW_H
#define AEGIS_CORE_GATEWAY_VIEW_H

#include "base/slice.h"
#include "core/mcp/method.h"

#include <stdint.h>

/* "jira.*" */
struct view_pattern {
    uint32_t server_index;
    struct slice name; /* '*' stands for any text, once or more often */
};

/* What a tool is called, or how it is described, for clients of the view. */
struct view_text {
    uint32_t server_index;
    struct slice name; /* the server's own */
    struct slice text;
};

struct view_patterns {
    const struct view_pattern *items;
    size_t count;
};

struct view_texts {
    const struct view_text *items;
    size_t count;
};

struct gateway_view {
    struct slice name;
    struct view_patterns tools, prompts;
    struct view_patterns resources; /* of servers: the name is empty */
    struct view_texts renames;      /* of tools; texts differ and have no "__" */
    struct view_texts descriptions; /* of tools */
    size_t max_tools;               /* 0: any number */
};

/* Is that tool, prompt or (whatever its name) resource of the server in the view? */
bool view_has(const struct gateway_view *view, enum mcp_primitive primitive, uint32_t server_index,
              struct slice name);

/* Has the view anything of that kind of the server? MCP_LIFECYCLE: of any kind. */
bool view_covers(const struct gateway_view *view, enum mcp_primitive primitive,
                 uint32_t server_index);

/* The text for a tool; empty: there is none. */
struct slice view_text_of(const struct view_texts *texts, uint32_t server_index, struct slice name);

/* The tool with that new name, or NULL. */
const struct view_text *view_find_renamed(const struct gateway_view *view, struct slice wire);

#endif
