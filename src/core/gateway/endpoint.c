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

bool endpoint_parse(struct slice path, struct slice *server)
{
    const struct slice prefix = SLICE("/servers/");
    const struct slice suffix = SLICE("/mcp");
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

struct slice endpoint_path(struct slice path)
{
    struct slice server;
    return endpoint_parse(path, &server) ? path : SLICE_EMPTY;
}
