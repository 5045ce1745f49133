#include "core/gateway/view.h"

/* Goes back to the last '*' only, so the time is the product of both lengths at most. */
static bool matches(struct slice pattern, struct slice name)
{
    size_t at = 0;
    size_t star = pattern.len;
    size_t resume = 0;
    for (size_t i = 0; i < name.len;) {
        if (at < pattern.len && pattern.ptr[at] == '*') {
            star = at++;
            resume = i;
        } else if (at < pattern.len && pattern.ptr[at] == name.ptr[i]) {
            at++;
            i++;
        } else if (star < pattern.len) {
            at = star + 1;
            i = ++resume;
        } else {
            return false;
        }
    }
    while (at < pattern.len && pattern.ptr[at] == '*') {
        at++;
    }
    return at == pattern.len;
}

static const struct view_patterns *patterns_of(const struct gateway_view *view,
                                               enum mcp_primitive primitive)
{
    switch (primitive) {
    case MCP_TOOL:
        return &view->tools;
    case MCP_PROMPT:
        return &view->prompts;
    case MCP_RESOURCE:
        return &view->resources;
    case MCP_LIFECYCLE:
    case MCP_SAMPLING:
    case MCP_ROOTS:
    case MCP_ELICITATION:
        break;
    }
    return NULL;
}

bool view_has(const struct gateway_view *view, enum mcp_primitive primitive, uint32_t server_index,
              struct slice name)
{
    const struct view_patterns *patterns = patterns_of(view, primitive);
    if (patterns == NULL) {
        return false;
    }
    for (size_t i = 0; i < patterns->count; i++) {
        if (patterns->items[i].server_index == server_index &&
            (primitive == MCP_RESOURCE || matches(patterns->items[i].name, name))) {
            return true;
        }
    }
    return false;
}

static bool names_server(const struct view_patterns *patterns, uint32_t server_index)
{
    for (size_t i = 0; i < patterns->count; i++) {
        if (patterns->items[i].server_index == server_index) {
            return true;
        }
    }
    return false;
}

bool view_covers(const struct gateway_view *view, enum mcp_primitive primitive,
                 uint32_t server_index)
{
    bool is_any = primitive == MCP_LIFECYCLE;
    return ((is_any || primitive == MCP_TOOL) && names_server(&view->tools, server_index)) ||
           ((is_any || primitive == MCP_PROMPT) && names_server(&view->prompts, server_index)) ||
           ((is_any || primitive == MCP_RESOURCE) && names_server(&view->resources, server_index));
}

struct slice view_text_of(const struct view_texts *texts, uint32_t server_index, struct slice name)
{
    for (size_t i = 0; i < texts->count; i++) {
        if (texts->items[i].server_index == server_index && slice_eq(texts->items[i].name, name)) {
            return texts->items[i].text;
        }
    }
    return SLICE_EMPTY;
}

const struct view_text *view_find_renamed(const struct gateway_view *view, struct slice wire)
{
    for (size_t i = 0; i < view->renames.count; i++) {
        if (slice_eq(view->renames.items[i].text, wire)) {
            return &view->renames.items[i];
        }
    }
    return NULL;
}
