#include "core/sign_in/token_request.h"

#include "core/sign_in/authorization.h"

#define EXPIRES_IN_S_MAX (366 * 86400)

enum status token_request_read(const struct form *form, struct token_request *out,
                               struct diag *diag)
{
    struct slice grant = form_value(form, SLICE("grant_type"));
    *out = (struct token_request){
        .client_id = form_value(form, SLICE("client_id")),
        .redirect_uri = form_value(form, SLICE("redirect_uri")),
        .verifier = form_value(form, SLICE("code_verifier")),
        .resource = form_value(form, SLICE("resource")),
    };
    if (slice_eq(grant, SLICE("authorization_code"))) {
        out->grant = TOKEN_GRANT_CODE;
        out->token = form_value(form, SLICE("code"));
    } else if (slice_eq(grant, SLICE("refresh_token"))) {
        out->grant = TOKEN_GRANT_REFRESH;
        out->token = form_value(form, SLICE("refresh_token"));
    } else {
        return diag_fail(diag, STATUS_INVALID, "sign_in.grant_type",
                         "'grant_type' is neither authorization_code nor refresh_token");
    }
    return out->client_id.len > 0 && out->token.len > 0
               ? STATUS_OK
               : diag_fail(diag, STATUS_INVALID, "sign_in.parameter",
                           "'client_id' or the code or refresh token is missing");
}

enum status token_request_check(const struct token_request *request,
                                const struct sign_in_ticket *code, struct slice client,
                                const struct port_crypto *crypto, int64_t now_s, struct diag *diag)
{
    if (now_s >= code->expires_s) {
        return diag_fail(diag, STATUS_INVALID, "sign_in.code_expired", "the code is too old");
    }
    if (!slice_eq_constant_time(client, code->client)) {
        return diag_fail(diag, STATUS_INVALID, "sign_in.code_client",
                         "the code was given to another client");
    }
    if (!slice_eq(request->redirect_uri, code->redirect_uri)) {
        return diag_fail(diag, STATUS_INVALID, "sign_in.code_redirect_uri",
                         "'redirect_uri' is not the one that the code was sent to");
    }
    if (!pkce_fits(crypto, request->verifier, code->challenge)) {
        return diag_fail(diag, STATUS_INVALID, "sign_in.verifier",
                         "'code_verifier' does not belong to the challenge");
    }
    return request->resource.len == 0 || slice_eq(request->resource, code->resource)
               ? STATUS_OK
               : diag_fail(diag, STATUS_INVALID, "sign_in.code_resource",
                           "'resource' is not the one that the code was asked for");
}

void provider_token_request_write(struct buf *out, const struct provider_token_request *request)
{
    bool is_code = request->grant == TOKEN_GRANT_CODE;
    form_append(out, SLICE("grant_type"),
                is_code ? SLICE("authorization_code") : SLICE("refresh_token"));
    form_append(out, is_code ? SLICE("code") : SLICE("refresh_token"), request->token);
    form_append(out, SLICE("client_id"), request->client_id);
    form_append(out, SLICE("client_secret"), request->client_secret);
    if (is_code) {
        form_append(out, SLICE("redirect_uri"), request->redirect_uri);
        form_append(out, SLICE("code_verifier"), request->verifier);
    } else if (request->scope.len > 0) {
        form_append(out, SLICE("scope"), request->scope);
    }
    if (request->resource.len > 0) {
        form_append(out, SLICE("resource"), request->resource);
    }
}

/* An optional text, of visible characters and spaces. */
static enum status read_text(const struct json_tape *tape, struct slice name, struct arena *arena,
                             struct slice *out, struct diag *diag)
{
    json_ref value = json_member(tape, 0, name);
    if (value == JSON_NONE || json_type(tape, value) == JSON_NULL) {
        return STATUS_OK;
    }
    enum status status = json_string(tape, value, arena, out);
    if (status == STATUS_LIMIT) {
        return diag_fail(diag, status, "sign_in.memory", "no memory for the tokens");
    }
    return status == STATUS_OK && out->len <= SIGN_IN_TOKEN_BYTES_MAX && !slice_has_control(*out)
               ? STATUS_OK
               : diag_fail(diag, STATUS_INVALID, "sign_in.provider_answer",
                           "'%.*s' in the identity provider's answer is no short text",
                           SLICE_ARG(name));
}

/* Some write the number as a text. */
static enum status read_expiry(const struct json_tape *tape, int64_t *out, struct diag *diag)
{
    json_ref value = json_member(tape, 0, SLICE("expires_in"));
    *out = 0;
    if (value == JSON_NONE) {
        return STATUS_OK;
    }
    struct slice raw = json_raw(tape, value);
    bool is_text = json_type(tape, value) == JSON_STRING;
    enum status status = slice_to_i64(is_text ? slice_sub(raw, 1, raw.len - 1) : raw, out);
    return status == STATUS_OK && *out >= 0 && *out <= EXPIRES_IN_S_MAX
               ? STATUS_OK
               : diag_fail(diag, STATUS_INVALID, "sign_in.provider_answer",
                           "'expires_in' in the identity provider's answer is no time");
}

static enum status refuse_answer(const struct json_tape *tape, int http_status, struct diag *diag)
{
    json_ref error = json_member(tape, 0, SLICE("error"));
    if (error != JSON_NONE && json_string_eq(tape, error, SLICE("invalid_grant"))) {
        return diag_fail(diag, STATUS_INVALID, "sign_in.provider_grant",
                         "the identity provider does not take the code or refresh token");
    }
    /* Of the error no more than a word: a description may repeat what was sent. */
    struct slice name = error == JSON_NONE ? SLICE_EMPTY : json_raw(tape, error);
    return diag_fail(diag, STATUS_INVALID, "sign_in.provider_answer",
                     "the identity provider answered with status %d, error %.*s", http_status,
                     SLICE_ARG(slice_sub(name, 0, 64)));
}

enum status provider_tokens_read(const struct json_tape *tape, int http_status, struct arena *arena,
                                 struct provider_tokens *out, struct diag *diag)
{
    struct slice type = SLICE_EMPTY;
    *out = (struct provider_tokens){0};
    if (http_status != 200 || json_member(tape, 0, SLICE("error")) != JSON_NONE) {
        return refuse_answer(tape, http_status, diag);
    }
    TRY(read_text(tape, SLICE("access_token"), arena, &out->access_token, diag));
    TRY(read_text(tape, SLICE("token_type"), arena, &type, diag));
    TRY(read_text(tape, SLICE("id_token"), arena, &out->id_token, diag));
    TRY(read_text(tape, SLICE("refresh_token"), arena, &out->refresh_token, diag));
    TRY(read_text(tape, SLICE("scope"), arena, &out->scope, diag));
    TRY(read_expiry(tape, &out->expires_in_s, diag));
    return out->access_token.len > 0 && slice_eq_ascii_nocase(type, SLICE("Bearer"))
               ? STATUS_OK
               : diag_fail(diag, STATUS_INVALID, "sign_in.provider_answer",
                           "the identity provider's answer holds no bearer token");
}

static void write_text(struct buf *out, struct slice before, struct slice text)
{
    if (text.len > 0) {
        buf_append(out, before);
        buf_append_json_string(out, text);
    }
}

void provider_tokens_write(struct buf *out, const struct provider_tokens *tokens,
                           bool hands_on_id_token, struct slice refresh_token)
{
    buf_append(out, SLICE("{\"token_type\":\"Bearer\""));
    write_text(out, SLICE(",\"access_token\":"),
               hands_on_id_token ? tokens->id_token : tokens->access_token);
    if (tokens->expires_in_s > 0) {
        buf_append(out, SLICE(",\"expires_in\":"));
        buf_append_i64(out, tokens->expires_in_s);
    }
    write_text(out, SLICE(",\"refresh_token\":"), refresh_token);
    write_text(out, SLICE(",\"scope\":"), tokens->scope);
    buf_append_byte(out, '}');
}
