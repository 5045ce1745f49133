#include "core/gateway/endpoint.h"

static bool is_name(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.ptr[i];
        uint8_t lower = byte | 0x20;
        if (!(lower >= 'a' && lower <= 'z') && !(byte >= '0' && byte <= '9') && byte != '_' &&
            byte != '-') {
            return false;
        }
    }
    return text.len > 0;
}

static bool parse_path(struct slice path, struct slice suffix, struct slice *server)
{
    const struct slice prefix = SLICE("/servers/");
    *server = SLICE_EMPTY;
    if (slice_eq(path, suffix)) {
        return true;
    }
    if (!slice_starts_with(path, prefix) || !slice_ends_with(path, suffix) ||
        path.len <= prefix.len + suffix.len) {
        return false;
    }
    *server = slice_sub(path, prefix.len, path.len - suffix.len);
    return is_name(*server);
}

bool endpoint_parse(struct slice target, struct endpoint *out)
{
    const struct slice query = SLICE("?session=");
    size_t mark = slice_find_byte(target, '?');
    struct slice rest = slice_sub(target, mark, target.len);
    *out = (struct endpoint){.kind = ENDPOINT_MESSAGES, .path = slice_sub(target, 0, mark)};
    if (slice_starts_with(rest, query)) {
        out->session = slice_sub(rest, query.len, rest.len);
        return parse_path(out->path, SLICE("/messages"), &out->server);
    }
    bool is_mcp = parse_path(target, SLICE("/mcp"), &out->server);
    out->kind = is_mcp ? ENDPOINT_MCP : ENDPOINT_SSE;
    return is_mcp || parse_path(target, SLICE("/sse"), &out->server);
}

struct slice endpoint_path(struct slice target)
{
    struct endpoint endpoint;
    return endpoint_parse(target, &endpoint) ? endpoint.path : SLICE_EMPTY;
}
