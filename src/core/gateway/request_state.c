#include "core/gateway/request_state.h"

#include "base/base64.h"

#define PREFIX SLICE("aegis1.")
#define LABEL SLICE("aegis requestState 1")
#define OVERHEAD_BYTES (CRYPTO_SEAL_NONCE_BYTES + CRYPTO_SEAL_TAG_BYTES)
#define BOUND_BYTES_MAX 1024

/* The key of sessions seals something else; each use has its own. */
static void derive_key(const struct gateway *gateway, uint8_t key[CRYPTO_SEAL_KEY_BYTES])
{
    const struct port_crypto *crypto = gateway->ports.crypto;
    uint8_t text[64 + GATEWAY_SESSION_KEY_BYTES];
    memcpy(text, LABEL.ptr, LABEL.len);
    memcpy(text + LABEL.len, gateway->place.session_key, GATEWAY_SESSION_KEY_BYTES);
    crypto->sha256(crypto->context, slice_of(text, LABEL.len + GATEWAY_SESSION_KEY_BYTES), key);
}

/* Each part with its length, so that no two uses give the same text. */
static void append_part(struct buf *out, struct slice part)
{
    buf_append_u64(out, part.len);
    buf_append_byte(out, ':');
    buf_append(out, part);
}

static void write_bound(const struct gateway *gateway, const struct request_state_use *use,
                        struct buf *out)
{
    const struct port_crypto *crypto = gateway->ports.crypto;
    uint8_t digest[CRYPTO_SHA256_BYTES];
    crypto->sha256(crypto->context, use->params, digest);
    append_part(out, slice_of(use->caller, CRYPTO_SHA256_BYTES));
    append_part(out, use->server);
    append_part(out, use->method);
    append_part(out, slice_of(digest, sizeof(digest)));
}

static enum status seal(const struct gateway *gateway, struct slice bound, struct slice text,
                        struct buf *sealed)
{
    const struct port_crypto *crypto = gateway->ports.crypto;
    const struct port_random *random = gateway->ports.random;
    uint8_t key[CRYPTO_SEAL_KEY_BYTES];
    uint8_t *bytes = buf_reserve(sealed, text.len + OVERHEAD_BYTES);
    if (bytes == NULL) {
        return STATUS_LIMIT;
    }
    derive_key(gateway, key);
    TRY(random->fill(random->context, bytes, CRYPTO_SEAL_NONCE_BYTES));
    const struct crypto_seal how = {key, bytes, bound};
    TRY(crypto->seal(crypto->context, &how, text, bytes + CRYPTO_SEAL_NONCE_BYTES));
    buf_commit(sealed, text.len + OVERHEAD_BYTES);
    return STATUS_OK;
}

enum status request_state_seal(const struct gateway *gateway, const struct request_state_use *use,
                               struct slice text, struct buf *out)
{
    struct buf bound;
    struct buf sealed;
    if (text.len > REQUEST_STATE_BYTES_MAX) {
        return STATUS_LIMIT;
    }
    buf_init(&bound, BOUND_BYTES_MAX, out->account);
    buf_init(&sealed, REQUEST_STATE_BYTES_MAX + OVERHEAD_BYTES, out->account);
    write_bound(gateway, use, &bound);
    enum status status = buf_status(&bound);
    if (status == STATUS_OK) {
        status = seal(gateway, buf_view(&bound), text, &sealed);
    }
    if (status == STATUS_OK) {
        buf_append(out, PREFIX);
        base64_encode(out, buf_view(&sealed), BASE64_URL_UNPADDED);
        status = buf_status(out);
    }
    buf_release(&sealed);
    buf_release(&bound);
    return status;
}

/* bytes: what stands in the state; the text is written over it. */
static enum status open_sealed(const struct gateway *gateway, struct slice bound, uint8_t *bytes,
                               size_t len, struct slice *text)
{
    const struct port_crypto *crypto = gateway->ports.crypto;
    uint8_t key[CRYPTO_SEAL_KEY_BYTES];
    if (len < OVERHEAD_BYTES) {
        return STATUS_INVALID;
    }
    derive_key(gateway, key);
    const struct crypto_seal how = {key, bytes, bound};
    uint8_t *hidden = bytes + CRYPTO_SEAL_NONCE_BYTES;
    struct slice sealed = slice_of(hidden, len - CRYPTO_SEAL_NONCE_BYTES);
    *text = slice_of(hidden, len - OVERHEAD_BYTES);
    return crypto->open(crypto->context, &how, sealed, hidden) == STATUS_OK ? STATUS_OK
                                                                            : STATUS_INVALID;
}

enum status request_state_open(const struct gateway *gateway, const struct request_state_use *use,
                               struct slice state, struct arena *arena, struct slice *text)
{
    struct slice encoded = slice_sub(state, PREFIX.len, state.len);
    struct buf bound;
    size_t len = 0;
    if (!slice_starts_with(state, PREFIX) || encoded.len > 2 * REQUEST_STATE_BYTES_MAX) {
        return STATUS_INVALID;
    }
    uint8_t *bytes = arena_alloc(arena, encoded.len);
    if (bytes == NULL) {
        return STATUS_LIMIT;
    }
    if (base64_decode(encoded, BASE64_URL_UNPADDED, bytes, encoded.len, &len) != STATUS_OK) {
        return STATUS_INVALID;
    }
    buf_init(&bound, BOUND_BYTES_MAX, arena->account);
    write_bound(gateway, use, &bound);
    enum status status = buf_status(&bound);
    if (status == STATUS_OK) {
        status = open_sealed(gateway, buf_view(&bound), bytes, len, text);
    }
    buf_release(&bound);
    return status;
}
