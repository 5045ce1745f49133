#include "core/identity/binding.h"

#include "base/base64.h"

#include <string.h>

static enum status refuse(struct diag *diag)
{
    return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.binding",
                     "token is bound to something ('cnf') that cannot be checked here");
}

/* 43 characters of base64url, which have no escapes in JSON. */
static bool read_hash(const struct json_tape *tape, json_ref ref, uint8_t out[CRYPTO_SHA256_BYTES])
{
    size_t len = 0;
    if (json_type(tape, ref) != JSON_STRING) {
        return false;
    }
    struct slice raw = json_raw(tape, ref);
    uint8_t bytes[CRYPTO_SHA256_BYTES + 1];
    if (base64_decode(slice_sub(raw, 1, raw.len - 1), BASE64_URL_UNPADDED, bytes, sizeof(bytes),
                      &len) != STATUS_OK ||
        len != CRYPTO_SHA256_BYTES) {
        return false;
    }
    memcpy(out, bytes, CRYPTO_SHA256_BYTES);
    return true;
}

static bool read_member(const struct json_tape *tape, json_ref name, json_ref value,
                        struct token_binding *out)
{
    if (json_string_eq(tape, name, SLICE("jkt"))) {
        out->to_key = read_hash(tape, value, out->key);
        return out->to_key;
    }
    if (json_string_eq(tape, name, SLICE("x5t#S256"))) {
        out->to_certificate = read_hash(tape, value, out->certificate);
        return out->to_certificate;
    }
    return false;
}

enum status token_binding_read(const struct json_tape *tape, struct token_binding *out,
                               struct diag *diag)
{
    struct json_iter iter;
    json_ref name, value;
    json_ref ref = json_member(tape, 0, SLICE("cnf"));
    *out = (struct token_binding){0};
    if (ref == JSON_NONE) {
        return STATUS_OK;
    }
    if (json_type(tape, ref) != JSON_OBJECT) {
        return refuse(diag);
    }
    json_iter_init(&iter, tape, ref);
    while (json_iter_next(&iter, &name, &value)) {
        if (!read_member(tape, name, value, out)) {
            return refuse(diag);
        }
    }
    return out->to_key || out->to_certificate ? STATUS_OK : refuse(diag);
}
