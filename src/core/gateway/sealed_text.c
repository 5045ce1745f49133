#include "core/gateway/sealed_text.h"

#include "base/base64.h"

#include <assert.h>
#include <string.h>

#define OVERHEAD_BYTES (CRYPTO_SEAL_NONCE_BYTES + CRYPTO_SEAL_TAG_BYTES)

/* The key of sessions seals something else; each use has its own. */
static void derive_key(const struct gateway *gateway, const struct sealed_use *use, size_t turn,
                       uint8_t key[CRYPTO_SEAL_KEY_BYTES])
{
    const struct port_crypto *crypto = gateway->ports.crypto;
    struct slice label = use->label;
    uint8_t text[SEALED_LABEL_BYTES_MAX + SEALING_KEY_BYTES];
    assert(label.len <= SEALED_LABEL_BYTES_MAX);
    memcpy(text, label.ptr, label.len);
    memcpy(text + label.len, use->key != NULL ? use->key : gateway_sealing_key(gateway, turn),
           SEALING_KEY_BYTES);
    crypto->sha256(crypto->context, slice_of(text, label.len + SEALING_KEY_BYTES), key);
}

/* Each part with its length, so that no two uses give the same text. */
static enum status write_bound(const struct sealed_use *use, struct buf *out)
{
    for (size_t i = 0; i < use->bound_count; i++) {
        buf_append_u64(out, use->bound[i].len);
        buf_append_byte(out, ':');
        buf_append(out, use->bound[i]);
    }
    return buf_status(out);
}

static enum status seal(const struct gateway *gateway, const struct sealed_use *use,
                        struct slice bound, struct slice text, struct buf *sealed)
{
    const struct port_crypto *crypto = gateway->ports.crypto;
    const struct port_random *random = gateway->ports.random;
    uint8_t key[CRYPTO_SEAL_KEY_BYTES];
    uint8_t *bytes = buf_reserve(sealed, text.len + OVERHEAD_BYTES);
    if (bytes == NULL) {
        return STATUS_LIMIT;
    }
    derive_key(gateway, use, 0, key);
    TRY(random->fill(random->context, bytes, CRYPTO_SEAL_NONCE_BYTES));
    const struct crypto_seal how = {key, bytes, bound};
    TRY(crypto->seal(crypto->context, &how, text, bytes + CRYPTO_SEAL_NONCE_BYTES));
    buf_commit(sealed, text.len + OVERHEAD_BYTES);
    return STATUS_OK;
}

enum status sealed_text_seal(const struct gateway *gateway, const struct sealed_use *use,
                             struct slice text, struct buf *out)
{
    struct buf bound;
    struct buf sealed;
    if (text.len > use->text_bytes_max) {
        return STATUS_LIMIT;
    }
    buf_init(&bound, SEALED_BOUND_BYTES_MAX, out->account);
    /* One that could not be sealed may lie in it as it was. */
    buf_init_secret(&sealed, use->text_bytes_max + OVERHEAD_BYTES, out->account);
    enum status status = write_bound(use, &bound);
    if (status == STATUS_OK) {
        status = seal(gateway, use, buf_view(&bound), text, &sealed);
    }
    if (status == STATUS_OK) {
        buf_append(out, use->prefix);
        base64_encode(out, buf_view(&sealed), BASE64_URL_UNPADDED);
        status = buf_status(out);
    }
    buf_release(&sealed);
    buf_release(&bound);
    return status;
}

/* bytes: what was sealed; the text goes to out, which is as large. */
static enum status open_bytes(const struct gateway *gateway, const struct sealed_use *use,
                              struct slice bound, struct slice bytes, uint8_t *out,
                              struct slice *text)
{
    const struct port_crypto *crypto = gateway->ports.crypto;
    uint8_t key[CRYPTO_SEAL_KEY_BYTES];
    if (bytes.len < OVERHEAD_BYTES) {
        return STATUS_INVALID;
    }
    struct slice sealed = slice_sub(bytes, CRYPTO_SEAL_NONCE_BYTES, bytes.len);
    *text = slice_of(out, bytes.len - OVERHEAD_BYTES);
    for (size_t turn = 0; turn < (use->key != NULL ? 1 : SEALING_KEYS); turn++) {
        derive_key(gateway, use, turn, key);
        const struct crypto_seal how = {key, bytes.ptr, bound};
        if (crypto->open(crypto->context, &how, sealed, out) == STATUS_OK) {
            return STATUS_OK;
        }
    }
    return STATUS_INVALID;
}

enum status sealed_text_open(const struct gateway *gateway, const struct sealed_use *use,
                             struct slice sealed, struct arena *arena, struct slice *text)
{
    struct slice encoded = slice_sub(sealed, use->prefix.len, sealed.len);
    struct buf bound;
    size_t len = 0;
    if (!slice_starts_with(sealed, use->prefix) || encoded.len > 2 * use->text_bytes_max) {
        return STATUS_INVALID;
    }
    uint8_t *bytes = arena_alloc(arena, encoded.len);
    uint8_t *out = arena_alloc(arena, encoded.len);
    if (bytes == NULL || out == NULL) {
        return STATUS_LIMIT;
    }
    if (base64_decode(encoded, BASE64_URL_UNPADDED, bytes, encoded.len, &len) != STATUS_OK) {
        return STATUS_INVALID;
    }
    buf_init(&bound, SEALED_BOUND_BYTES_MAX, arena->account);
    enum status status = write_bound(use, &bound);
    if (status == STATUS_OK) {
        status = open_bytes(gateway, use, buf_view(&bound), slice_of(bytes, len), out, text);
    }
    buf_release(&bound);
    return status;
}
