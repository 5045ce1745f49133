#include "core/sign_in/oauth_error.h"

struct entry {
    struct slice code;
    struct oauth_error error;
};

/* clang-format off */
#define CODE(code, name, text, status)                                                             \
    {SLICE_INIT("sign_in." code), {SLICE_INIT(name), SLICE_INIT(text), status}}

static const struct entry ENTRIES[] = {
    CODE("form", "invalid_request", "the parameters cannot be read", 400),
    CODE("repeated", "invalid_request", "a parameter appears more than once", 400),
    CODE("parameter", "invalid_request", "a parameter is missing or too long", 400),
    CODE("challenge", "invalid_request", "PKCE with S256 is required", 400),
    CODE("redirect_uri", "invalid_request", "the redirect URI is not one of the client", 400),
    CODE("response_type", "unsupported_response_type", "only codes are given", 400),
    CODE("no_page", "consent_required", "the person is always asked", 400),
    CODE("request_object", "request_not_supported", "request objects are not taken", 400),
    CODE("resource", "invalid_target", "the resource is none of this gateway", 400),
    CODE("client", "invalid_client", "the client is not known", 401),
    CODE("client_document", "invalid_client", "the client's document cannot be used", 401),
    CODE("metadata", "invalid_client_metadata", "the client's metadata cannot be used", 400),
    CODE("redirect_uris", "invalid_redirect_uri", "a redirect URI may not be used", 400),
    CODE("grant_type", "unsupported_grant_type", "the grant type is not known", 400),
    CODE("verifier", "invalid_grant", "the code cannot be used", 400),
    CODE("code", "invalid_grant", "the code cannot be used", 400),
    CODE("code_expired", "invalid_grant", "the code cannot be used", 400),
    CODE("code_used", "invalid_grant", "the code cannot be used", 400),
    CODE("code_client", "invalid_grant", "the code cannot be used", 400),
    CODE("code_redirect_uri", "invalid_grant", "the code cannot be used", 400),
    CODE("code_resource", "invalid_target", "the code is for another resource", 400),
    CODE("refresh_token", "invalid_grant", "the refresh token cannot be used", 400),
    CODE("provider_grant", "invalid_grant", "the identity provider refused", 400),
    CODE("browser", "invalid_request", "this was begun in another browser, or too long ago", 400),
    CODE("page_origin", "invalid_request", "this was not sent by our own page", 403),
    CODE("state", "invalid_request", "this was begun elsewhere, or too long ago", 400),
    CODE("issuer", "invalid_request", "the answer is not the identity provider's", 400),
    CODE("denied", "access_denied", "the person declined", 403),
    CODE("provider_denied", "access_denied", "the identity provider refused", 403),
    CODE("provider_answer", "server_error", "the identity provider gave no usable answer", 502),
    CODE("provider_down", "temporarily_unavailable", "the identity provider cannot be reached", 503),
    CODE("provider_unknown", "temporarily_unavailable", "the identity provider is not known yet",
         503),
    CODE("busy", "temporarily_unavailable", "too much is under way; try again later", 503),
};

static const struct oauth_error OTHER = {
    SLICE_INIT("server_error"), SLICE_INIT("the gateway cannot serve this now"), 503};
/* clang-format on */

const struct oauth_error *oauth_error_find(const char *code)
{
    struct slice wanted = code == NULL ? SLICE_EMPTY : slice_view_cstr(code);
    for (size_t i = 0; i < COUNT_OF(ENTRIES); i++) {
        if (slice_eq(ENTRIES[i].code, wanted)) {
            return &ENTRIES[i].error;
        }
    }
    return &OTHER;
}

void oauth_error_write(struct buf *out, const struct oauth_error *error)
{
    buf_append(out, SLICE("{\"error\":"));
    buf_append_json_string(out, error->name);
    buf_append(out, SLICE(",\"error_description\":"));
    buf_append_json_string(out, error->text);
    buf_append_byte(out, '}');
}
