#include "core/sign_in/server_metadata.h"

static void append_endpoint(struct buf *out, struct slice name, struct slice issuer,
                            struct slice path)
{
    buf_append(out, SLICE(",\""));
    buf_append(out, name);
    buf_append(out, SLICE("\":"));
    /* Issuers are plain, so the string is closed again to take the path. */
    buf_append_json_string(out, issuer);
    out->len -= out->failed ? 0 : 1;
    buf_append(out, path);
    buf_append_byte(out, '"');
}

void server_metadata_write(struct buf *out, struct slice issuer)
{
    buf_append(out, SLICE("{\"issuer\":"));
    buf_append_json_string(out, issuer);
    append_endpoint(out, SLICE("authorization_endpoint"), issuer, SLICE(SIGN_IN_AUTHORIZE));
    append_endpoint(out, SLICE("token_endpoint"), issuer, SLICE(SIGN_IN_TOKEN));
    append_endpoint(out, SLICE("registration_endpoint"), issuer, SLICE(SIGN_IN_REGISTER));
    buf_append(out, SLICE(",\"response_types_supported\":[\"code\"],"
                          "\"response_modes_supported\":[\"query\"],"
                          "\"grant_types_supported\":[\"authorization_code\",\"refresh_token\"],"
                          "\"token_endpoint_auth_methods_supported\":[\"none\"],"
                          "\"code_challenge_methods_supported\":[\"S256\"],"
                          "\"client_id_metadata_document_supported\":true,"
                          "\"authorization_response_iss_parameter_supported\":true}"));
}
