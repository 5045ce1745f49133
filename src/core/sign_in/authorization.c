#include "core/sign_in/authorization.h"

#include "base/base64.h"

enum status authorization_check_client(const struct form *form, const struct sign_in_client *client,
                                       struct diag *diag)
{
    return sign_in_client_has_uri(client, form_value(form, SLICE("redirect_uri")))
               ? STATUS_OK
               : diag_fail(diag, STATUS_INVALID, "sign_in.redirect_uri",
                           "'redirect_uri' is missing or was not registered by the client");
}

static bool is_verifier_byte(uint8_t byte)
{
    uint8_t lower = byte | 0x20;
    return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
           byte == '.' || byte == '_' || byte == '~';
}

static bool is_verifier_text(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_verifier_byte(text.ptr[i])) {
            return false;
        }
    }
    return true;
}

enum status authorization_check(const struct form *form, struct sign_in_ticket *out,
                                struct diag *diag)
{
    struct slice mode = form_value(form, SLICE("response_mode"));
    out->redirect_uri = form_value(form, SLICE("redirect_uri"));
    out->state = form_value(form, SLICE("state"));
    out->challenge = form_value(form, SLICE("code_challenge"));
    out->resource = form_value(form, SLICE("resource"));
    if (out->state.len > SIGN_IN_STATE_BYTES_MAX) {
        out->state = SLICE_EMPTY;
        return diag_fail(diag, STATUS_INVALID, "sign_in.parameter", "'state' is too long");
    }
    if (!slice_eq(form_value(form, SLICE("response_type")), SLICE("code")) ||
        (mode.len > 0 && !slice_eq(mode, SLICE("query")))) {
        return diag_fail(diag, STATUS_INVALID, "sign_in.response_type",
                         "'response_type' must be code, sent in the query");
    }
    if (!slice_eq(form_value(form, SLICE("code_challenge_method")), SLICE("S256")) ||
        out->challenge.len != PKCE_CHALLENGE_BYTES || !is_verifier_text(out->challenge)) {
        return diag_fail(diag, STATUS_INVALID, "sign_in.challenge",
                         "the request has no PKCE challenge with S256");
    }
    return out->resource.len <= SIGN_IN_RESOURCE_BYTES_MAX
               ? STATUS_OK
               : diag_fail(diag, STATUS_INVALID, "sign_in.parameter", "'resource' is too long");
}

void pkce_write_challenge(const struct port_crypto *crypto, struct slice verifier, struct buf *out)
{
    uint8_t digest[CRYPTO_SHA256_BYTES];
    crypto->sha256(crypto->context, verifier, digest);
    base64_encode(out, slice_of(digest, sizeof(digest)), BASE64_URL_UNPADDED);
}

bool pkce_fits(const struct port_crypto *crypto, struct slice verifier, struct slice challenge)
{
    struct buf made;
    if (verifier.len < PKCE_VERIFIER_BYTES_MIN || verifier.len > PKCE_VERIFIER_BYTES_MAX ||
        !is_verifier_text(verifier)) {
        return false;
    }
    buf_init(&made, 2 * (size_t)PKCE_CHALLENGE_BYTES, NULL);
    pkce_write_challenge(crypto, verifier, &made);
    bool fits =
        buf_status(&made) == STATUS_OK && slice_eq_constant_time(buf_view(&made), challenge);
    buf_release(&made);
    return fits;
}

void provider_request_write(struct buf *out, const struct provider_request *request)
{
    bool has_query = slice_find_byte(request->endpoint, '?') < request->endpoint.len;
    buf_append(out, request->endpoint);
    buf_append(out, has_query ? SLICE_EMPTY : SLICE("?"));
    form_append(out, SLICE("response_type"), SLICE("code"));
    form_append(out, SLICE("client_id"), request->client_id);
    form_append(out, SLICE("redirect_uri"), request->redirect_uri);
    form_append(out, SLICE("state"), request->state);
    form_append(out, SLICE("code_challenge"), request->challenge);
    form_append(out, SLICE("code_challenge_method"), SLICE("S256"));
    if (request->scope.len > 0) {
        form_append(out, SLICE("scope"), request->scope);
    }
    if (request->resource.len > 0) {
        form_append(out, SLICE("resource"), request->resource);
    }
    wishes_write(out, request->endpoint, request->wishes);
}
