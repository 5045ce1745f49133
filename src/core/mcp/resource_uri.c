#include "core/mcp/resource_uri.h"

/* Bytes of our own that a normal form may need beyond its source: the path "/" of a web address. */
#define GROWTH_BYTES 1

enum uri_kind {
    URI_OTHER,
    URI_WEB,
    URI_FILE,
};

struct uri_scheme {
    struct slice name;
    enum uri_kind kind;
    struct slice port; /* ":443"; empty when there is none */
};

/* The pieces of an address as it came. */
struct uri_parts {
    struct slice scheme, authority, path, query, fragment; /* the last two with '?' and '#' */
    bool has_authority;
};

struct uri_writer {
    uint8_t *ptr;
    size_t len;
};

static const struct uri_scheme SCHEMES[] = {
    {SLICE_INIT("http"), URI_WEB, SLICE_INIT(":80")},
    {SLICE_INIT("https"), URI_WEB, SLICE_INIT(":443")},
    {SLICE_INIT("ws"), URI_WEB, SLICE_INIT(":80")},
    {SLICE_INIT("wss"), URI_WEB, SLICE_INIT(":443")},
    {SLICE_INIT("file"), URI_FILE, SLICE_INIT("")},
};

/* What some reader takes for a dot, a slash, a backslash or a percent sign, and what nobody sees.
 */
static const uint32_t LOOK_ALIKES[] = {
    0x00AD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2024, 0x2025, 0x2026, 0x202A, 0x202B,
    0x202C, 0x202D, 0x202E, 0x2044, 0x2060, 0x2066, 0x2067, 0x2068, 0x2069, 0x2215, 0x2216,
    0x29F5, 0x29F8, 0x29F9, 0xFE52, 0xFE68, 0xFE6A, 0xFEFF, 0xFF05, 0xFF0E, 0xFF0F, 0xFF3C,
};

static enum status refuse(struct diag *diag, const char *why)
{
    return diag_fail(diag, STATUS_INVALID, "resource.uri", "%s", why);
}

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
}

static bool is_alpha(uint8_t byte)
{
    return lower(byte) >= 'a' && lower(byte) <= 'z';
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_in(uint8_t byte, struct slice set)
{
    return slice_find_byte(set, byte) < set.len;
}

static bool is_unreserved(uint8_t byte)
{
    return is_alpha(byte) || is_digit(byte) || is_in(byte, SLICE("-._~"));
}

/* RFC 3986 section 3.3, without the percent sign. */
static bool is_path_byte(uint8_t byte)
{
    return is_unreserved(byte) || is_in(byte, SLICE("!$&'()*+,;=:@/"));
}

static int hex_value(uint8_t byte)
{
    if (is_digit(byte)) {
        return byte - '0';
    }
    return lower(byte) >= 'a' && lower(byte) <= 'f' ? lower(byte) - 'a' + 10 : -1;
}

/* The byte of the escape at the start of text, or -1. */
static int escaped_byte(struct slice text)
{
    if (text.len < 3 || text.ptr[0] != '%' || hex_value(text.ptr[1]) < 0 ||
        hex_value(text.ptr[2]) < 0) {
        return -1;
    }
    return hex_value(text.ptr[1]) * 16 + hex_value(text.ptr[2]);
}

static void put(struct uri_writer *writer, uint8_t byte)
{
    writer->ptr[writer->len++] = byte;
}

static void put_lower(struct uri_writer *writer, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        put(writer, lower(text.ptr[i]));
    }
}

static void put_text(struct uri_writer *writer, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        put(writer, text.ptr[i]);
    }
}

static void put_escape(struct uri_writer *writer, int byte)
{
    static const char HEX[] = "0123456789ABCDEF";
    if (is_unreserved((uint8_t)byte)) {
        put(writer, (uint8_t)byte);
        return;
    }
    put(writer, '%');
    put(writer, (uint8_t)HEX[byte >> 4]);
    put(writer, (uint8_t)HEX[byte & 15]);
}

static const struct uri_scheme *scheme_of(struct slice name)
{
    static const struct uri_scheme OTHER = {{NULL, 0}, URI_OTHER, {NULL, 0}};
    for (size_t i = 0; i < COUNT_OF(SCHEMES); i++) {
        if (slice_eq_ascii_nocase(name, SCHEMES[i].name)) {
            return &SCHEMES[i];
        }
    }
    return &OTHER;
}

static enum status split(struct slice text, struct uri_parts *parts, struct diag *diag)
{
    size_t colon = slice_find_byte(text, ':');
    parts->scheme = slice_sub(text, 0, colon);
    if (colon == 0 || colon == text.len || !is_alpha(text.ptr[0])) {
        return refuse(diag, "the address of a resource begins with a scheme");
    }
    for (size_t i = 0; i < colon; i++) {
        if (!is_alpha(text.ptr[i]) && !is_digit(text.ptr[i]) && !is_in(text.ptr[i], SLICE("+-."))) {
            return refuse(diag, "the scheme has a character that no scheme has");
        }
    }
    struct slice rest = slice_sub(text, colon + 1, text.len);
    size_t hash = slice_find_byte(rest, '#');
    parts->fragment = slice_sub(rest, hash, rest.len);
    rest = slice_sub(rest, 0, hash);
    size_t mark = slice_find_byte(rest, '?');
    parts->query = slice_sub(rest, mark, rest.len);
    rest = slice_sub(rest, 0, mark);
    parts->has_authority = slice_starts_with(rest, SLICE("//"));
    if (parts->has_authority) {
        rest = slice_sub(rest, 2, rest.len);
        size_t slash = slice_find_byte(rest, '/');
        parts->authority = slice_sub(rest, 0, slash);
        rest = slice_sub(rest, slash, rest.len);
    }
    parts->path = rest;
    return STATUS_OK;
}

/* -- authority ----------------------------------------------------------------------------- */

/* ":" and one to five digits, or nothing. */
static bool is_port(struct slice text)
{
    if (text.len == 0) {
        return true;
    }
    for (size_t i = 1; i < text.len; i++) {
        if (!is_digit(text.ptr[i])) {
            return false;
        }
    }
    return text.ptr[0] == ':' && text.len >= 2 && text.len <= 6;
}

static bool is_host(struct slice host)
{
    bool is_literal = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    struct slice inner = is_literal ? slice_sub(host, 1, host.len - 1) : host;
    for (size_t i = 0; i < inner.len; i++) {
        uint8_t byte = inner.ptr[i];
        bool fits = is_literal ? hex_value(byte) >= 0 || byte == ':' || byte == '.'
                               : is_alpha(byte) || is_digit(byte) || byte == '-' || byte == '.';
        if (!fits) {
            return false;
        }
    }
    /* A dot at the end names the same host to a resolver and another one to a policy. */
    return inner.len > 0 && inner.ptr[inner.len - 1] != '.';
}

static enum status write_web_authority(struct uri_writer *writer, const struct uri_scheme *scheme,
                                       struct slice authority, struct diag *diag)
{
    size_t end = authority.len;
    while (end > 0 && is_digit(authority.ptr[end - 1])) {
        end--;
    }
    bool has_port = end > 0 && authority.ptr[end - 1] == ':';
    struct slice host = has_port ? slice_sub(authority, 0, end - 1) : authority;
    struct slice port = slice_sub(authority, host.len, authority.len);
    if (!is_host(host) || !is_port(port)) {
        return refuse(diag, "the host of a web address is a plain name, with a port at most");
    }
    put_lower(writer, host);
    if (!slice_eq(port, scheme->port)) {
        put_text(writer, port);
    }
    return STATUS_OK;
}

static enum status write_other_authority(struct uri_writer *writer, struct slice authority,
                                         struct diag *diag)
{
    for (size_t i = 0; i < authority.len; i++) {
        uint8_t byte = authority.ptr[i];
        if (!is_path_byte(byte) && byte != '[' && byte != ']') {
            return refuse(diag, "the authority has a character that is not plain");
        }
        put(writer, byte);
    }
    return STATUS_OK;
}

static enum status write_authority(struct uri_writer *writer, const struct uri_scheme *scheme,
                                   const struct uri_parts *parts, struct diag *diag)
{
    switch (scheme->kind) {
    case URI_WEB:
        return write_web_authority(writer, scheme, parts->authority, diag);
    case URI_FILE:
        if (parts->authority.len > 0 &&
            !slice_eq_ascii_nocase(parts->authority, SLICE("localhost"))) {
            return refuse(diag, "a file is on the server's own host");
        }
        return STATUS_OK;
    case URI_OTHER:
        break;
    }
    return write_other_authority(writer, parts->authority, diag);
}

/* -- path ---------------------------------------------------------------------------------- */

/* Write the path's normal form to text and what it stands for to decoded. */
static enum status write_path(struct uri_writer *text, struct uri_writer *decoded,
                              struct slice path, struct diag *diag)
{
    for (size_t i = 0; i < path.len; i++) {
        uint8_t byte = path.ptr[i];
        if (byte != '%') {
            if (!is_path_byte(byte)) {
                return refuse(diag, "the path has a character that must be escaped");
            }
            put(text, byte);
            put(decoded, byte);
            continue;
        }
        int value = escaped_byte(slice_sub(path, i, path.len));
        if (value < 0x20 || value == 0x7F || value == '/' || value == '\\') {
            return refuse(diag, "the path has an escape that is malformed or hides something");
        }
        put_escape(text, value);
        put(decoded, (uint8_t)value);
        i += 2;
    }
    return STATUS_OK;
}

/* The code point at the start of well-formed UTF-8; *len is its bytes. */
static uint32_t code_point(struct slice text, size_t *len)
{
    uint8_t first = text.ptr[0];
    *len = first < 0x80 ? 1 : (first < 0xE0 ? 2 : (first < 0xF0 ? 3 : 4));
    uint32_t value = *len == 1 ? first : first & (0x7FU >> *len);
    for (size_t i = 1; i < *len; i++) {
        value = value << 6 | (text.ptr[i] & 0x3FU);
    }
    return value;
}

static bool has_look_alike(struct slice text)
{
    size_t len = 0;
    for (size_t at = 0; at < text.len; at += len) {
        uint32_t value = code_point(slice_sub(text, at, text.len), &len);
        for (size_t i = 0; i < COUNT_OF(LOOK_ALIKES); i++) {
            if (value == LOOK_ALIKES[i]) {
                return true;
            }
        }
    }
    return false;
}

/* Something that a second decoding would change. */
static bool has_second_layer(struct slice decoded)
{
    for (size_t i = 0; i < decoded.len; i++) {
        if (escaped_byte(slice_sub(decoded, i, decoded.len)) >= 0) {
            return true;
        }
    }
    return false;
}

/* ".", "..", and what a careless reader may shorten to them: "....", "..;x". */
static bool is_dots(struct slice segment)
{
    struct slice name = slice_sub(segment, 0, slice_find_byte(segment, ';'));
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] != '.') {
            return false;
        }
    }
    return name.len > 0;
}

/* Names of files: drives only in front, no streams, no ends that a file system cuts off. */
static bool is_file_segment(struct slice segment, bool is_first)
{
    bool is_drive = is_first && segment.len == 2 && is_alpha(segment.ptr[0]);
    bool has_colon = slice_find_byte(segment, ':') < segment.len;
    uint8_t last = segment.len == 0 ? 'x' : segment.ptr[segment.len - 1];
    return (!has_colon || is_drive) && slice_find_byte(segment, '$') == segment.len &&
           last != '.' && last != ' ';
}

static enum status check_segments(struct slice path, enum uri_kind kind, bool has_authority,
                                  struct diag *diag)
{
    size_t from = path.len > 0 && path.ptr[0] == '/' ? 1 : 0;
    for (bool is_first = true; from <= path.len; is_first = false) {
        struct slice rest = slice_sub(path, from, path.len);
        struct slice segment = slice_sub(rest, 0, slice_find_byte(rest, '/'));
        bool is_last = segment.len == rest.len;
        if (is_dots(segment)) {
            return refuse(diag, "the path has a segment of dots");
        }
        if (has_authority && segment.len == 0 && !is_last) {
            return refuse(diag, "the path has an empty segment");
        }
        if (kind == URI_FILE && !is_file_segment(segment, is_first)) {
            return refuse(diag, "the path has a name that file systems read differently");
        }
        if (is_last) {
            break;
        }
        from += segment.len + 1;
    }
    return STATUS_OK;
}

/* -- query and fragment -------------------------------------------------------------------- */

/* text begins with its mark, '?' or '#', or is empty. */
static enum status write_tail(struct uri_writer *writer, struct slice text, struct diag *diag)
{
    if (text.len > 0) {
        put(writer, text.ptr[0]);
    }
    for (size_t i = 1; i < text.len; i++) {
        uint8_t byte = text.ptr[i];
        int value = byte == '%' ? escaped_byte(slice_sub(text, i, text.len)) : 0;
        bool is_plain =
            byte == '%' ? value >= 0x20 && value != 0x7F : is_path_byte(byte) || byte == '?';
        if (!is_plain) {
            return refuse(diag, "the query or fragment has a character that is not plain");
        }
        if (byte == '%') {
            put_escape(writer, value);
            i += 2;
        } else {
            put(writer, byte);
        }
    }
    return STATUS_OK;
}

/* -- the whole ----------------------------------------------------------------------------- */

static enum status write_all(const struct uri_parts *parts, struct uri_writer *text,
                             struct uri_writer *decoded, struct resource_uri *out,
                             struct diag *diag)
{
    const struct uri_scheme *scheme = scheme_of(parts->scheme);
    if (scheme->kind != URI_OTHER && !parts->has_authority) {
        return refuse(diag, "an address of this scheme has '//' after the colon");
    }
    put_lower(text, parts->scheme);
    out->scheme = slice_of(text->ptr, text->len);
    put(text, ':');
    if (parts->has_authority) {
        put_text(text, SLICE("//"));
    }
    size_t host_at = text->len;
    if (parts->has_authority) {
        TRY(write_authority(text, scheme, parts, diag));
    }
    out->host = slice_of(text->ptr + host_at, text->len - host_at);
    bool is_bare = scheme->kind == URI_WEB && parts->path.len == 0;
    TRY(write_path(text, decoded, is_bare ? SLICE("/") : parts->path, diag));
    out->path = slice_of(decoded->ptr, decoded->len);
    if (!slice_is_utf8(out->path) || has_look_alike(out->path)) {
        return refuse(diag, "the path has characters that look like others");
    }
    if (has_second_layer(out->path)) {
        return refuse(diag, "the path is escaped twice");
    }
    TRY(check_segments(out->path, scheme->kind, parts->has_authority, diag));
    TRY(write_tail(text, parts->query, diag));
    TRY(write_tail(text, parts->fragment, diag));
    out->text = slice_of(text->ptr, text->len);
    return STATUS_OK;
}

enum status resource_uri_read(struct slice text, struct arena *arena, struct resource_uri *out,
                              struct diag *diag)
{
    struct uri_parts parts = {0};
    *out = (struct resource_uri){0};
    if (text.len > RESOURCE_URI_BYTES_MAX) {
        return refuse(diag, "the address is too long");
    }
    TRY(split(text, &parts, diag));
    struct uri_writer written = {arena_alloc(arena, text.len + GROWTH_BYTES), 0};
    struct uri_writer decoded = {arena_alloc(arena, text.len + GROWTH_BYTES), 0};
    if (written.ptr == NULL || decoded.ptr == NULL) {
        return diag_fail(diag, STATUS_LIMIT, "resource.uri", "no memory for the address");
    }
    return write_all(&parts, &written, &decoded, out, diag);
}
