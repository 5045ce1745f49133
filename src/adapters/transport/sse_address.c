#include "adapters/transport/sse_address.h"

static enum status refuse(struct diag *diag, const char *what)
{
    return diag_fail(diag, STATUS_INVALID, "upstream.endpoint", "%s", what);
}

/* RFC 3986 §2: what else stands in an address is escaped there. A fragment is no part of a request.
 */
static bool has_plain_bytes(struct slice address)
{
    for (size_t i = 0; i < address.len; i++) {
        uint8_t byte = address.ptr[i];
        if (byte <= ' ' || byte >= 0x7F || slice_find_byte(SLICE("\"#<>\\^`{|}"), byte) < 10) {
            return false;
        }
    }
    return true;
}

static struct slice path_of(struct slice address)
{
    return slice_sub(address, 0, slice_find_byte(address, '?'));
}

/* A path with such segments is shortened by one reader and not by another. */
static bool has_dot_segment(struct slice path)
{
    while (path.len > 0) {
        size_t end = slice_find_byte(path, '/');
        struct slice segment = slice_sub(path, 0, end);
        if (slice_eq(segment, SLICE(".")) || slice_eq(segment, SLICE(".."))) {
            return true;
        }
        path = slice_sub(path, end + 1, path.len);
    }
    return false;
}

/* host or host:port; without a port it is the scheme's own. */
static bool is_authority_of(const struct upstream_target *target, struct slice authority)
{
    bool is_bracketed = slice_starts_with(authority, SLICE("["));
    size_t end = is_bracketed ? slice_find_byte(authority, ']') : slice_find_byte(authority, ':');
    struct slice host = is_bracketed ? slice_sub(authority, 1, end) : slice_sub(authority, 0, end);
    struct slice rest = slice_sub(authority, is_bracketed ? end + 1 : end, authority.len);
    int64_t port = target->is_tls ? 443 : 80;
    if (end >= authority.len && is_bracketed) {
        return false;
    }
    if (rest.len > 0 &&
        (rest.ptr[0] != ':' || slice_to_i64(slice_sub(rest, 1, rest.len), &port) != STATUS_OK)) {
        return false;
    }
    return slice_eq_ascii_nocase(host, target->host) && port == target->port;
}

/* The part before the path, when there is one: *address becomes the path then. */
static bool take_origin(const struct upstream_target *target, struct slice *address)
{
    struct slice scheme = target->is_tls ? SLICE("https:") : SLICE("http:");
    struct slice rest = *address;
    if (slice_eq_ascii_nocase(slice_sub(rest, 0, scheme.len), scheme)) {
        rest = slice_sub(rest, scheme.len, rest.len);
        if (!slice_starts_with(rest, SLICE("//"))) {
            return false;
        }
    }
    if (!slice_starts_with(rest, SLICE("//"))) {
        /* A colon before the first slash ends the name of another scheme. */
        struct slice first = slice_sub(path_of(rest), 0, slice_find_byte(path_of(rest), '/'));
        return slice_find_byte(first, ':') >= first.len;
    }
    rest = slice_sub(rest, 2, rest.len);
    size_t end = slice_find_byte(path_of(rest), '/');
    struct slice authority = slice_sub(path_of(rest), 0, end);
    *address = slice_sub(rest, authority.len, rest.len);
    return is_authority_of(target, authority);
}

/* RFC 3986 §5.3, for what is left: a path, or a part of one, or a query. */
static void append_path(const struct upstream_target *target, struct slice address, bool has_origin,
                        struct buf *out)
{
    struct slice base = path_of(target->path);
    if (has_origin && !slice_starts_with(address, SLICE("/"))) {
        buf_append_byte(out, '/');
    } else if (!has_origin && slice_starts_with(address, SLICE("?"))) {
        buf_append(out, base);
    } else if (!has_origin && !slice_starts_with(address, SLICE("/"))) {
        while (base.len > 0 && base.ptr[base.len - 1] != '/') {
            base.len--;
        }
        buf_append(out, base);
    }
    buf_append(out, address);
}

enum status sse_address_resolve(const struct upstream_target *target, struct slice address,
                                struct buf *out, struct diag *diag)
{
    struct slice rest = address;
    if (address.len == 0 || address.len > SSE_ADDRESS_BYTES_MAX) {
        return refuse(diag, "the address for messages is empty or too long");
    }
    if (!has_plain_bytes(address)) {
        return refuse(diag, "the address for messages holds bytes that no address has");
    }
    if (!take_origin(target, &rest)) {
        return refuse(diag, "the address for messages is of another origin than the stream");
    }
    if (has_dot_segment(path_of(rest))) {
        return refuse(diag, "the address for messages holds segments of dots");
    }
    append_path(target, rest, rest.ptr != address.ptr, out);
    return buf_status(out);
}
