#include "core/gateway/request_state.h"

#include "core/gateway/sealed_text.h"

#define PREFIX SLICE("aegis1.")
#define PREFIX_BYTES_MAX 32
#define BOUND_PARTS 5

/* digest: of the parameters, filled in here; parts point to it. */
static struct sealed_use use_of(const struct gateway *gateway, const struct request_state_use *use,
                                struct slice prefix, uint8_t digest[CRYPTO_SHA256_BYTES],
                                struct slice parts[BOUND_PARTS])
{
    const struct port_crypto *crypto = gateway->ports.crypto;
    crypto->sha256(crypto->context, use->params, digest);
    parts[0] = slice_of(use->caller, CRYPTO_SHA256_BYTES);
    parts[1] = use->server;
    parts[2] = use->method;
    parts[3] = slice_of(digest, CRYPTO_SHA256_BYTES);
    parts[4] = prefix;
    return (struct sealed_use){.label = SLICE("aegis requestState 1"),
                               .prefix = prefix,
                               .bound = parts,
                               .bound_count = BOUND_PARTS,
                               .text_bytes_max = REQUEST_STATE_BYTES_MAX};
}

/* All up to the last full stop: what follows is base64, which has none. */
static struct slice prefix_of(struct slice state)
{
    size_t len = state.len;
    while (len > 0 && state.ptr[len - 1] != '.') {
        len--;
    }
    return slice_sub(state, 0, len);
}

bool request_state_loop(struct slice state, uint16_t *loop)
{
    struct slice prefix = prefix_of(state);
    int64_t number = 0;
    if (!slice_starts_with(prefix, PREFIX) || prefix.len <= PREFIX.len ||
        slice_to_i64(slice_sub(prefix, PREFIX.len, prefix.len - 1), &number) != STATUS_OK ||
        number < 0 || number > UINT16_MAX) {
        return false;
    }
    *loop = (uint16_t)number;
    return true;
}

enum status request_state_seal(const struct gateway *gateway, const struct request_state_use *use,
                               bool is_held, struct slice text, struct buf *out)
{
    uint8_t digest[CRYPTO_SHA256_BYTES];
    struct slice parts[BOUND_PARTS];
    struct buf prefix;
    buf_init(&prefix, PREFIX_BYTES_MAX, out->account);
    buf_append(&prefix, PREFIX);
    if (is_held) {
        buf_append_u64(&prefix, gateway->place.loop);
        buf_append_byte(&prefix, '.');
    }
    struct sealed_use sealed = use_of(gateway, use, buf_view(&prefix), digest, parts);
    enum status status = buf_status(&prefix);
    if (status == STATUS_OK) {
        status = sealed_text_seal(gateway, &sealed, text, out);
    }
    buf_release(&prefix);
    return status;
}

enum status request_state_open(const struct gateway *gateway, const struct request_state_use *use,
                               struct slice state, struct arena *arena, struct slice *text)
{
    uint8_t digest[CRYPTO_SHA256_BYTES];
    struct slice parts[BOUND_PARTS];
    struct slice prefix = prefix_of(state);
    struct sealed_use sealed = use_of(gateway, use, prefix, digest, parts);
    return slice_starts_with(prefix, PREFIX) && prefix.len <= PREFIX_BYTES_MAX
               ? sealed_text_open(gateway, &sealed, state, arena, text)
               : STATUS_INVALID;
}
