#include "daemon/config/config_url.h"

#include <arpa/inet.h>
#include <string.h>

#define HOST_BYTES_MAX 253 /* RFC 1035 §2.3.4 */

static bool is_name_byte(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_';
}

static bool parse_ip(int family, struct slice text, uint8_t bytes[NETWORK_ADDRESS_BYTES])
{
    char copy[INET6_ADDRSTRLEN + 1] = {0};
    if (text.len == 0 || text.len > INET6_ADDRSTRLEN) {
        return false;
    }
    memcpy(copy, text.ptr, text.len);
    return inet_pton(family, copy, bytes) == 1;
}

static bool is_ip(int family, struct slice text)
{
    uint8_t bytes[NETWORK_ADDRESS_BYTES];
    return parse_ip(family, text, bytes);
}

static bool is_host_name(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_name_byte(text.ptr[i])) {
            return false;
        }
    }
    return text.len > 0 && text.len <= HOST_BYTES_MAX && text.ptr[0] != '.' && text.ptr[0] != '-';
}

static const char *parse_port(struct slice text, uint16_t *port)
{
    int64_t value;
    bool is_number = text.len > 0 && text.len <= 5 && text.ptr[0] != '-' &&
                     slice_to_i64(text, &value) == STATUS_OK && value <= 65535;
    if (!is_number) {
        return "the port must be a number from 0 to 65535";
    }
    *port = (uint16_t)value;
    return NULL;
}

/* "host", "host:port", "[v6]", "[v6]:port"; port_text is empty when there is no colon. */
static const char *split_authority(struct slice text, struct slice *host, struct slice *port_text,
                                   bool *has_port)
{
    size_t host_end;
    if (text.len > 0 && text.ptr[0] == '[') {
        size_t bracket = slice_find_byte(text, ']');
        *host = slice_sub(text, 1, bracket);
        if (bracket == text.len || !is_ip(AF_INET6, *host)) {
            return "the text in brackets must be an IPv6 address";
        }
        host_end = bracket + 1;
    } else {
        host_end = slice_find_byte(text, ':');
        *host = slice_sub(text, 0, host_end);
        if (!is_host_name(*host)) {
            return "the host must be a name or an IP address (IPv6 in brackets)";
        }
    }
    *has_port = host_end < text.len;
    *port_text = slice_sub(text, host_end + 1, text.len);
    if (*has_port && text.ptr[host_end] != ':') {
        return "after the host only ':PORT' may follow";
    }
    return NULL;
}

const char *config_host_parse(struct slice text, struct slice *host, uint16_t *port)
{
    struct slice port_text;
    bool has_port;
    const char *problem = split_authority(text, host, &port_text, &has_port);
    if (problem != NULL || !has_port) {
        return problem;
    }
    problem = parse_port(port_text, port);
    return problem == NULL && *port == 0 ? "port 0 is no address to connect to" : problem;
}

bool config_host_is_loopback(struct slice host)
{
    bool is_v4 = is_ip(AF_INET, host) && slice_starts_with(host, SLICE("127."));
    return is_v4 || slice_eq(host, SLICE("::1")) || slice_eq_ascii_nocase(host, SLICE("localhost"));
}

static bool has_zero_tail(const struct network_range *range)
{
    for (size_t bit = range->bits; bit < (size_t)NETWORK_ADDRESS_BYTES * 8; bit++) {
        if ((range->address[bit / 8] & (0x80U >> (bit % 8))) != 0) {
            return false;
        }
    }
    return true;
}

const char *config_network_parse(struct slice text, struct network_range *out)
{
    uint8_t bytes[NETWORK_ADDRESS_BYTES];
    size_t slash = slice_find_byte(text, '/');
    struct slice address = slice_sub(text, 0, slash);
    struct slice length = slice_sub(text, slash + 1, text.len);
    int64_t bits = -1;
    bool is_v4 = parse_ip(AF_INET, address, bytes);
    if (!is_v4 && !parse_ip(AF_INET6, address, bytes)) {
        return "it must be an IP address, '/' and a number of bits";
    }
    if (length.len == 0 || length.len > 3 || slice_to_i64(length, &bits) != STATUS_OK || bits < 0 ||
        bits > (is_v4 ? 32 : 128)) {
        return "after '/' there must be the number of bits that count";
    }
    *out = (struct network_range){.bits = (uint8_t)(bits + (is_v4 ? NETWORK_IPV4_PREFIX_BITS : 0))};
    if (is_v4) {
        network_address_from_ipv4(bytes, out->address);
    } else {
        memcpy(out->address, bytes, sizeof(out->address));
    }
    return has_zero_tail(out) ? NULL : "the address has bits behind those that count";
}

const char *config_address_parse(struct slice text, struct config_address *out)
{
    struct slice host, port_text;
    bool has_port;
    const char *problem = split_authority(text, &host, &port_text, &has_port);
    if (problem != NULL) {
        return problem;
    }
    if (!has_port) {
        return "the port is missing";
    }
    problem = parse_port(port_text, &out->port);
    if (problem != NULL) {
        return problem;
    }
    bool is_local = slice_eq(host, SLICE("localhost"));
    if (!is_local && !is_ip(AF_INET, host) && !is_ip(AF_INET6, host)) {
        return "to listen, the host must be an IP address or 'localhost'";
    }
    out->text = text;
    out->host = host;
    out->is_loopback = config_host_is_loopback(host);
    return NULL;
}

/* RFC 3986 §2: printable ASCII without the characters that no URL may hold. */
static bool has_url_bytes_only(struct slice text)
{
    static const char forbidden[] = "\"<>\\^`{|}";
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= 0x20 || text.ptr[i] >= 0x7F ||
            memchr(forbidden, text.ptr[i], sizeof(forbidden) - 1) != NULL) {
            return false;
        }
    }
    return true;
}

static bool take_scheme(struct slice *rest, struct slice scheme)
{
    if (!slice_eq_ascii_nocase(slice_sub(*rest, 0, scheme.len), scheme)) {
        return false;
    }
    *rest = slice_sub(*rest, scheme.len, rest->len);
    return true;
}

static size_t authority_length(struct slice rest)
{
    size_t end = slice_find_byte(rest, '/');
    size_t query = slice_find_byte(rest, '?');
    return end < query ? end : query;
}

const char *config_url_parse(struct slice text, struct config_url *out)
{
    struct slice rest = text;
    if (text.len > CONFIG_URL_BYTES_MAX || !has_url_bytes_only(text)) {
        return "spaces, control and other characters outside RFC 3986 are not allowed";
    }
    bool is_https = take_scheme(&rest, SLICE("https://"));
    if (!is_https && !take_scheme(&rest, SLICE("http://"))) {
        return "it must start with 'https://' or 'http://'";
    }
    if (slice_find_byte(rest, '#') < rest.len) {
        return "a fragment ('#') has no meaning here";
    }
    size_t end = authority_length(rest);
    struct slice authority = slice_sub(rest, 0, end);
    if (slice_find_byte(authority, '@') < authority.len) {
        return "user information ('user@') is not accepted; use 'credential'";
    }
    *out = (struct config_url){.text = text, .is_https = is_https, .port = is_https ? 443 : 80};
    out->path = slice_sub(rest, end, rest.len);
    if (out->path.len == 0) {
        out->path = SLICE("/");
    } else if (out->path.ptr[0] == '?') {
        return "a path must stand before the query ('/?...')";
    }
    return config_host_parse(authority, &out->host, &out->port);
}
