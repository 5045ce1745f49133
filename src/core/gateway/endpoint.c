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

/* PREFIX NAME SUFFIX? */
static bool parse_named(struct slice path, struct slice prefix, struct slice suffix,
                        struct slice *name)
{
    if (!slice_starts_with(path, prefix) || !slice_ends_with(path, suffix) ||
        path.len <= prefix.len + suffix.len) {
        return false;
    }
    *name = slice_sub(path, prefix.len, path.len - suffix.len);
    return is_name(*name);
}

static bool parse_path(struct slice suffix, struct endpoint *out)
{
    out->server = out->view = SLICE_EMPTY;
    return slice_eq(out->path, suffix) ||
           parse_named(out->path, SLICE("/servers/"), suffix, &out->server) ||
           parse_named(out->path, SLICE("/views/"), suffix, &out->view);
}

bool endpoint_parse(struct slice target, struct endpoint *out)
{
    const struct slice query = SLICE("?session=");
    size_t mark = slice_find_byte(target, '?');
    struct slice rest = slice_sub(target, mark, target.len);
    *out = (struct endpoint){.kind = ENDPOINT_MESSAGES, .path = slice_sub(target, 0, mark)};
    if (slice_starts_with(rest, query)) {
        out->session = slice_sub(rest, query.len, rest.len);
        return parse_path(SLICE("/messages"), out);
    }
    if (rest.len > 0) {
        return false;
    }
    out->kind = ENDPOINT_MCP;
    if (parse_path(SLICE("/mcp"), out)) {
        return true;
    }
    out->kind = ENDPOINT_SSE;
    return parse_path(SLICE("/sse"), out);
}

struct slice endpoint_path(struct slice target)
{
    struct endpoint endpoint;
    return endpoint_parse(target, &endpoint) ? endpoint.path : SLICE_EMPTY;
}
