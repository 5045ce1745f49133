#include "core/identity/challenge.h"

/* What stands inside a quoted string as it is (RFC 9110 §5.6.4) and inside a URL path. */
static bool is_plain_path(struct slice path)
{
    for (size_t i = 0; i < path.len; i++) {
        uint8_t byte = path.ptr[i];
        if (byte <= 0x20 || byte >= 0x7F || byte == '"' || byte == '\\') {
            return false;
        }
    }
    return path.len > 1 && path.ptr[0] == '/';
}

void challenge_write(struct buf *buf, struct slice public_url, struct slice path, bool had_token)
{
    const char *separator = " ";
    path = slice_sub(path, 0, slice_find_byte(path, '?'));
    buf_append(buf, SLICE("Bearer"));
    if (public_url.len > 0) {
        buf_append(buf, SLICE(" resource_metadata=\""));
        buf_append(buf, public_url);
        buf_append(buf, SLICE(CHALLENGE_METADATA_PATH));
        buf_append(buf, is_plain_path(path) ? path : SLICE_EMPTY);
        buf_append(buf, SLICE("\""));
        separator = ", ";
    }
    /* RFC 6750 §3.1: without a token there is no error to name. */
    if (had_token) {
        buf_append(buf, slice_view_cstr(separator));
        buf_append(buf, SLICE("error=\"invalid_token\", "
                              "error_description=\"The access token is not valid\""));
    }
}

static void write_list(struct buf *buf, struct slice name, const struct slice *items, size_t count)
{
    buf_append(buf, SLICE(",\""));
    buf_append(buf, name);
    buf_append(buf, SLICE("\":["));
    for (size_t i = 0; i < count; i++) {
        buf_append(buf, i > 0 ? SLICE(",") : SLICE_EMPTY);
        buf_append_json_string(buf, items[i]);
    }
    buf_append(buf, SLICE("]"));
}

void challenge_metadata_write(struct buf *buf, const struct challenge_metadata *metadata)
{
    const struct slice header = SLICE("header");
    buf_append(buf, SLICE("{\"resource\":"));
    buf_append_json_string(buf, metadata->resource);
    write_list(buf, SLICE("authorization_servers"), metadata->authorization_servers,
               metadata->authorization_server_count);
    /* RFC 9728 §2: lists without elements are left out. */
    if (metadata->scope_count > 0) {
        write_list(buf, SLICE("scopes_supported"), metadata->scopes, metadata->scope_count);
    }
    write_list(buf, SLICE("bearer_methods_supported"), &header, 1);
    if (metadata->resource_name.len > 0) {
        buf_append(buf, SLICE(",\"resource_name\":"));
        buf_append_json_string(buf, metadata->resource_name);
    }
    buf_append(buf, SLICE("}"));
}
