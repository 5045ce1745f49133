#include "core/sign_in/redirect_uri.h"

/* Views into the address. */
struct parts {
    struct slice scheme, authority, host, port; /* authority empty: a private scheme */
    struct slice rest;                          /* path and query */
};

static bool is_alphanumeric(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

/* RFC 3986 §3.1, in lower case. */
static bool is_scheme(struct slice scheme)
{
    for (size_t i = 0; i < scheme.len; i++) {
        uint8_t byte = scheme.ptr[i];
        if (!is_alphanumeric(byte) && (i == 0 || (byte != '.' && byte != '-' && byte != '+'))) {
            return false;
        }
    }
    return scheme.len > 0 && (scheme.ptr[0] < '0' || scheme.ptr[0] > '9');
}

/* Names in lower case, so that one host has one spelling; or an IPv6 address in brackets. */
static bool is_host(struct slice host)
{
    bool is_v6 = slice_starts_with(host, SLICE("[")) && slice_ends_with(host, SLICE("]"));
    for (size_t i = is_v6 ? 1 : 0; i < host.len - (is_v6 ? 1 : 0); i++) {
        uint8_t byte = host.ptr[i];
        if (!is_alphanumeric(byte) && byte != (is_v6 ? ':' : '-') && (is_v6 || byte != '.')) {
            return false;
        }
    }
    return host.len > (is_v6 ? 2 : 0);
}

static bool is_port(struct slice port)
{
    int64_t number = 0;
    return port.len > 0 && port.ptr[0] != '0' && slice_to_i64(port, &number) == STATUS_OK &&
           number > 0 && number < 65536;
}

static size_t find_first(struct slice text, uint8_t a, uint8_t b)
{
    size_t at_a = slice_find_byte(text, a);
    size_t at_b = slice_find_byte(text, b);
    return at_a < at_b ? at_a : at_b;
}

static bool split_authority(struct slice after, struct parts *out)
{
    size_t end = find_first(after, '/', '?');
    out->authority = slice_sub(after, 0, end);
    out->rest = slice_sub(after, end, after.len);
    size_t from = slice_starts_with(after, SLICE("[")) ? slice_find_byte(out->authority, ']') : 0;
    size_t colon = from + slice_find_byte(slice_sub(out->authority, from, end), ':');
    out->host = slice_sub(out->authority, 0, colon);
    out->port = slice_sub(out->authority, colon + 1, out->authority.len);
    bool has_port = colon < out->authority.len;
    return is_host(out->host) && (!has_port || is_port(out->port));
}

static bool split(struct slice uri, struct parts *out)
{
    size_t colon = slice_find_byte(uri, ':');
    *out = (struct parts){.scheme = slice_sub(uri, 0, colon)};
    struct slice after = slice_sub(uri, colon + 1, uri.len);
    if (!is_scheme(out->scheme) || after.len == 0) {
        return false;
    }
    if (slice_eq(out->scheme, SLICE("https")) || slice_eq(out->scheme, SLICE("http"))) {
        return slice_starts_with(after, SLICE("//")) &&
               split_authority(slice_sub(after, 2, after.len), out);
    }
    out->rest = after;
    return slice_find_byte(out->scheme, '.') < out->scheme.len;
}

static bool is_this_machine(const struct parts *parts)
{
    return slice_eq(parts->scheme, SLICE("http")) &&
           (slice_eq(parts->host, SLICE("127.0.0.1")) || slice_eq(parts->host, SLICE("[::1]")) ||
            slice_eq(parts->host, SLICE("localhost")));
}

/* What has to be escaped is; '#' would hide the code from the server that it is sent to. */
static bool is_plain(struct slice uri)
{
    static const struct slice REFUSED = SLICE_INIT("\"#<>\\^`{|}");
    for (size_t i = 0; i < uri.len; i++) {
        if (slice_find_byte(REFUSED, uri.ptr[i]) < REFUSED.len) {
            return false;
        }
    }
    return slice_is_visible(uri);
}

bool redirect_uri_is_fit(struct slice uri)
{
    struct parts parts;
    if (uri.len > REDIRECT_URI_BYTES_MAX || !is_plain(uri) || !split(uri, &parts)) {
        return false;
    }
    return !slice_eq(parts.scheme, SLICE("http")) || is_this_machine(&parts);
}

bool redirect_uri_matches(struct slice registered, struct slice asked)
{
    struct parts a;
    struct parts b;
    if (slice_eq(registered, asked)) {
        return true;
    }
    return split(registered, &a) && split(asked, &b) && is_this_machine(&a) &&
           is_this_machine(&b) && slice_eq(a.host, b.host) && slice_eq(a.rest, b.rest);
}

bool redirect_uri_is_local(struct slice uri)
{
    struct parts parts;
    return split(uri, &parts) && is_this_machine(&parts);
}

struct slice redirect_uri_origin(struct slice uri)
{
    struct parts parts;
    if (!split(uri, &parts)) {
        return SLICE_EMPTY;
    }
    size_t end = parts.authority.len == 0 ? parts.scheme.len + 1
                                          : parts.scheme.len + 3 + parts.authority.len;
    return slice_sub(uri, 0, end);
}
