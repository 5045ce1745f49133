#include "core/gateway/session_token.h"

#include "base/base64.h"

#include <string.h>

#define PLAIN_BYTES 68 /* version, revision, expiry, node, loop, nonce, caller */
#define SEAL_BYTES 32
#define TOKEN_VERSION 2
#define HASH_BLOCK_BYTES 64

/* HMAC-SHA-256 (RFC 2104) of the plain part. */
static void seal_of(const struct port_crypto *crypto, const uint8_t *key, const uint8_t *plain,
                    uint8_t out[SEAL_BYTES])
{
    uint8_t inner[HASH_BLOCK_BYTES + PLAIN_BYTES];
    uint8_t outer[HASH_BLOCK_BYTES + SEAL_BYTES];
    memset(inner, 0x36, HASH_BLOCK_BYTES);
    memset(outer, 0x5C, HASH_BLOCK_BYTES);
    for (size_t i = 0; i < SESSION_TOKEN_KEY_BYTES; i++) {
        inner[i] = (uint8_t)(inner[i] ^ key[i]);
        outer[i] = (uint8_t)(outer[i] ^ key[i]);
    }
    memcpy(inner + HASH_BLOCK_BYTES, plain, PLAIN_BYTES);
    crypto->sha256(crypto->context, slice_of(inner, sizeof(inner)), outer + HASH_BLOCK_BYTES);
    crypto->sha256(crypto->context, slice_of(outer, sizeof(outer)), out);
}

static void write_number(uint8_t *out, uint64_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        out[i] = (uint8_t)(number >> (8 * i));
    }
}

static uint64_t read_number(const uint8_t *from, size_t bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < bytes; i++) {
        number |= (uint64_t)from[i] << (8 * i);
    }
    return number;
}

static void write_plain(const struct session_token *token, uint8_t plain[PLAIN_BYTES])
{
    plain[0] = TOKEN_VERSION;
    plain[1] = (uint8_t)token->revision;
    write_number(plain + 2, (uint64_t)token->expires_at_s, 8);
    write_number(plain + 10, token->node, 8);
    write_number(plain + 18, token->loop, 2);
    memcpy(plain + 20, token->nonce, sizeof(token->nonce));
    memcpy(plain + 36, token->caller, sizeof(token->caller));
}

static void read_plain(const uint8_t plain[PLAIN_BYTES], struct session_token *token)
{
    token->revision = (enum mcp_revision)plain[1];
    token->expires_at_s = (int64_t)read_number(plain + 2, 8);
    token->node = read_number(plain + 10, 8);
    token->loop = (uint16_t)read_number(plain + 18, 2);
    memcpy(token->nonce, plain + 20, sizeof(token->nonce));
    memcpy(token->caller, plain + 36, sizeof(token->caller));
}

void session_token_seal(const struct port_crypto *crypto, const uint8_t *key,
                        const struct session_token *token, struct buf *out)
{
    uint8_t bytes[PLAIN_BYTES + SEAL_BYTES];
    write_plain(token, bytes);
    seal_of(crypto, key, bytes, bytes + PLAIN_BYTES);
    base64_encode(out, slice_of(bytes, sizeof(bytes)), BASE64_URL_UNPADDED);
}

enum status session_token_open(const struct port_crypto *crypto, const uint8_t *key,
                               struct slice text, const uint8_t caller[32], int64_t now_s,
                               struct session_token *out)
{
    uint8_t bytes[SESSION_TOKEN_TEXT_BYTES_MAX];
    uint8_t seal[SEAL_BYTES];
    size_t len = 0;
    if (text.len > SESSION_TOKEN_TEXT_BYTES_MAX ||
        base64_decode(text, BASE64_URL_UNPADDED, bytes, sizeof(bytes), &len) != STATUS_OK ||
        len != PLAIN_BYTES + SEAL_BYTES || bytes[0] != TOKEN_VERSION) {
        return STATUS_NOT_FOUND;
    }
    seal_of(crypto, key, bytes, seal);
    if (!slice_eq_constant_time(slice_of(seal, SEAL_BYTES),
                                slice_of(bytes + PLAIN_BYTES, SEAL_BYTES))) {
        return STATUS_NOT_FOUND;
    }
    /* Only now are the fields worth reading. */
    read_plain(bytes, out);
    bool is_other = !slice_eq_constant_time(slice_of(out->caller, 32), slice_of(caller, 32));
    return is_other || now_s >= out->expires_at_s ? STATUS_NOT_FOUND : STATUS_OK;
}
