#include "core/gateway/request_state.h"

#include "core/gateway/sealed_text.h"

#define BOUND_PARTS 4

/* digest: of the parameters, filled in here; parts point to it. */
static struct sealed_use use_of(const struct gateway *gateway, const struct request_state_use *use,
                                uint8_t digest[CRYPTO_SHA256_BYTES],
                                struct slice parts[BOUND_PARTS])
{
    const struct port_crypto *crypto = gateway->ports.crypto;
    crypto->sha256(crypto->context, use->params, digest);
    parts[0] = slice_of(use->caller, CRYPTO_SHA256_BYTES);
    parts[1] = use->server;
    parts[2] = use->method;
    parts[3] = slice_of(digest, CRYPTO_SHA256_BYTES);
    return (struct sealed_use){.label = SLICE("aegis requestState 1"),
                               .prefix = SLICE("aegis1."),
                               .bound = parts,
                               .bound_count = BOUND_PARTS,
                               .text_bytes_max = REQUEST_STATE_BYTES_MAX};
}

enum status request_state_seal(const struct gateway *gateway, const struct request_state_use *use,
                               struct slice text, struct buf *out)
{
    uint8_t digest[CRYPTO_SHA256_BYTES];
    struct slice parts[BOUND_PARTS];
    struct sealed_use sealed = use_of(gateway, use, digest, parts);
    return sealed_text_seal(gateway, &sealed, text, out);
}

enum status request_state_open(const struct gateway *gateway, const struct request_state_use *use,
                               struct slice state, struct arena *arena, struct slice *text)
{
    uint8_t digest[CRYPTO_SHA256_BYTES];
    struct slice parts[BOUND_PARTS];
    struct sealed_use sealed = use_of(gateway, use, digest, parts);
    return sealed_text_open(gateway, &sealed, state, arena, text);
}
