#include "core/gateway/wire_name.h"

#include <string.h>

#define SEPARATOR SLICE("__")
#define HASH_DIGITS 16
#define HASH_TAIL (HASH_DIGITS + 1) /* with its underscore */

static bool is_wire_byte(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '-';
}

static bool is_plain(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_wire_byte(name.ptr[i])) {
            return false;
        }
    }
    return name.len > 0;
}

static void append(struct wire_name *out, struct slice text)
{
    if (text.len > 0 && text.len <= sizeof(out->text) - out->len) {
        memcpy(out->text + out->len, text.ptr, text.len);
        out->len += text.len;
    }
}

static void append_hash(const struct port_crypto *crypto, struct slice server, struct slice name,
                        struct wire_name *out)
{
    static const char HEX[] = "0123456789abcdef";
    uint8_t digests[2 * CRYPTO_SHA256_BYTES];
    uint8_t digest[CRYPTO_SHA256_BYTES];
    /* The digest of both digests: no byte can move from one name to the other. */
    crypto->sha256(crypto->context, server, digests);
    crypto->sha256(crypto->context, name, digests + CRYPTO_SHA256_BYTES);
    crypto->sha256(crypto->context, slice_of(digests, sizeof(digests)), digest);
    append(out, SLICE("_"));
    for (size_t i = 0; i < HASH_DIGITS / 2; i++) {
        append(out, slice_of(HEX + (digest[i] >> 4), 1));
        append(out, slice_of(HEX + (digest[i] & 15), 1));
    }
}

bool wire_name_is_alias(struct slice wire)
{
    struct slice tail =
        slice_sub(wire, wire.len - (wire.len < HASH_TAIL ? wire.len : HASH_TAIL), wire.len);
    if (tail.len < HASH_TAIL || tail.ptr[0] != '_') {
        return false;
    }
    for (size_t i = 1; i < tail.len; i++) {
        bool is_hex = (tail.ptr[i] >= '0' && tail.ptr[i] <= '9') ||
                      (tail.ptr[i] >= 'a' && tail.ptr[i] <= 'f');
        if (!is_hex) {
            return false;
        }
    }
    return true;
}

size_t wire_name_split(const struct gateway_snapshot *snapshot, struct slice wire,
                       struct slice *name)
{
    for (size_t i = 1; i + SEPARATOR.len < wire.len; i++) {
        if (!slice_starts_with(slice_sub(wire, i, wire.len), SEPARATOR)) {
            continue;
        }
        size_t server = gateway_snapshot_server(snapshot, slice_sub(wire, 0, i));
        if (server != SIZE_MAX) {
            *name = slice_sub(wire, i + SEPARATOR.len, wire.len);
            return server;
        }
    }
    return SIZE_MAX;
}

bool wire_name_belongs(const struct gateway_snapshot *snapshot, size_t server_index,
                       struct slice wire)
{
    struct slice server = snapshot->servers[server_index].name;
    return slice_starts_with(wire, server) &&
           slice_starts_with(slice_sub(wire, server.len, wire.len), SEPARATOR);
}

void wire_name_make(const struct gateway_snapshot *snapshot, const struct port_crypto *crypto,
                    size_t server_index, struct slice name, struct wire_name *out)
{
    struct slice server = snapshot->servers[server_index].name;
    struct slice read_name = SLICE_EMPTY;
    *out = (struct wire_name){0};
    append(out, server);
    append(out, SEPARATOR);
    size_t prefix_len = out->len;
    append(out, name);
    struct slice plain = slice_of(out->text, out->len);
    if (out->len == prefix_len + name.len && is_plain(name) && !wire_name_is_alias(plain) &&
        wire_name_split(snapshot, plain, &read_name) == server_index) {
        return;
    }
    out->len = prefix_len;
    for (size_t i = 0; i < name.len && out->len < sizeof(out->text) - HASH_TAIL; i++) {
        append(out, is_wire_byte(name.ptr[i]) ? slice_sub(name, i, i + 1) : SLICE("_"));
    }
    append_hash(crypto, server, name, out);
}

struct slice wire_name_view(const struct wire_name *name)
{
    return slice_of(name->text, name->len);
}
