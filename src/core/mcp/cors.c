#include "core/mcp/cors.h"

#define PARAMETER_PREFIX SLICE("mcp-param-")
#define NAME_BYTES_MAX 128

size_t cors_fields(struct slice origin, struct http_field fields[CORS_FIELDS_MAX])
{
    if (origin.len == 0) {
        return 0;
    }
    fields[0] = (struct http_field){SLICE("Access-Control-Allow-Origin"), origin};
    fields[1] = (struct http_field){SLICE("Vary"), SLICE("Origin")};
    fields[2] =
        (struct http_field){SLICE("Access-Control-Expose-Headers"),
                            SLICE("WWW-Authenticate, DPoP-Nonce, Mcp-Session-Id, Retry-After")};
    return CORS_FIELDS_MAX;
}

/* The characters of a field name (RFC 9110 §5.6.2) without those that nobody uses. */
static bool is_plain_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t byte = name.ptr[i];
        uint8_t lower = byte | 0x20;
        if (!(lower >= 'a' && lower <= 'z') && !(byte >= '0' && byte <= '9') && byte != '-' &&
            byte != '_' && byte != '.') {
            return false;
        }
    }
    return name.len <= NAME_BYTES_MAX;
}

static void append_parameters(struct buf *names, struct slice requested)
{
    while (requested.len > 0) {
        size_t end = slice_find_byte(requested, ',');
        struct slice name = slice_trim_ows(slice_sub(requested, 0, end));
        requested = slice_sub(requested, end + 1, requested.len);
        struct slice prefix = slice_sub(name, 0, PARAMETER_PREFIX.len);
        if (name.len > prefix.len && slice_eq_ascii_nocase(prefix, PARAMETER_PREFIX) &&
            is_plain_name(name)) {
            buf_append(names, SLICE(", "));
            buf_append(names, name);
        }
    }
}

bool cors_preflight_fields(struct slice origin, struct slice requested, struct buf *names,
                           struct http_field fields[CORS_PREFLIGHT_FIELDS])
{
    buf_clear(names);
    buf_append(names, SLICE("Authorization, DPoP, Content-Type, Accept, MCP-Protocol-Version, "
                            "Mcp-Session-Id, Last-Event-ID, Mcp-Method, Mcp-Name"));
    append_parameters(names, requested);
    fields[0] = (struct http_field){SLICE("Access-Control-Allow-Origin"), origin};
    fields[1] = (struct http_field){SLICE("Vary"), SLICE("Origin, Access-Control-Request-Headers")};
    /* GET and DELETE get 405, which a client of a revision with sessions has to be able to read. */
    fields[2] =
        (struct http_field){SLICE("Access-Control-Allow-Methods"), SLICE("POST, GET, DELETE")};
    fields[3] = (struct http_field){SLICE("Access-Control-Allow-Headers"), buf_view(names)};
    fields[4] = (struct http_field){SLICE("Access-Control-Max-Age"), SLICE("600")};
    return buf_status(names) == STATUS_OK;
}
