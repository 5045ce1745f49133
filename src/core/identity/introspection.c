#include "core/identity/introspection.h"

#include "core/sign_in/form.h"

#include <string.h>

#define TYPE_BYTES_MAX 64

/* -- which tokens -------------------------------------------------------------------------- */

static bool has_byte(struct slice set, uint8_t byte)
{
    return slice_find_byte(set, byte) < set.len;
}

static bool is_alphanumeric(uint8_t byte)
{
    uint8_t lower = byte | 0x20;
    return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9');
}

/* b64token: its end may be filled up. */
bool introspection_is_token_text(struct slice token)
{
    size_t end = token.len;
    while (end > 0 && token.ptr[end - 1] == '=') {
        end--;
    }
    for (size_t i = 0; i < end; i++) {
        uint8_t byte = token.ptr[i];
        if (!is_alphanumeric(byte) && !has_byte(SLICE("-._~+/"), byte)) {
            return false;
        }
    }
    return end > 0;
}

bool introspection_is_opaque(struct slice token)
{
    size_t dots = 0;
    bool is_base64url = true;
    for (size_t i = 0; i < token.len; i++) {
        uint8_t byte = token.ptr[i];
        dots += byte == '.';
        is_base64url = is_base64url && (is_alphanumeric(byte) || has_byte(SLICE("-_."), byte));
    }
    bool is_jwt = is_base64url && (dots == 2 || dots == 4);
    return introspection_is_token_text(token) && !is_jwt;
}

/* '{' and any byte behind it, in base64url. */
bool introspection_may_begin_jwt(struct slice prefix)
{
    return prefix.len == 0 ||
           (prefix.ptr[0] == 'e' &&
            (prefix.len == 1 || has_byte(SLICE("wxyz0123456789-_"), prefix.ptr[1])));
}

/* -- the question -------------------------------------------------------------------------- */

void introspection_write_body(struct buf *out, const struct introspection_client *client,
                              struct slice token)
{
    if (client->form == INTROSPECTION_TOKENINFO) {
        form_append(out, SLICE("access_token"), token);
        return;
    }
    form_append(out, SLICE("token"), token);
    form_append(out, SLICE("token_type_hint"), SLICE("access_token"));
    if (!client->is_basic) {
        form_append(out, SLICE("client_id"), client->id);
        form_append(out, SLICE("client_secret"), client->secret);
    }
}

void introspection_write_authorization(struct buf *out, const struct introspection_client *client)
{
    if (client->form == INTROSPECTION_RFC7662 && client->is_basic) {
        form_append_basic(out, client->id, client->secret);
    }
}

/* -- the answer ---------------------------------------------------------------------------- */

static enum status no_answer(struct diag *diag, const char *problem)
{
    return diag_fail(diag, STATUS_UNAVAILABLE, "identity.answer",
                     "the issuer's answer about a token cannot be used: %s", problem);
}

static enum status parse(const struct json_parser *parser, struct slice text, struct arena *arena,
                         struct json_tape *out, struct diag *diag)
{
    struct json_parser strict = *parser;
    struct diag cause = {0};
    strict.limits.depth_max = INTROSPECTION_DEPTH_MAX;
    enum status status = json_parse(&strict, text, arena, out, &cause);
    if (slice_eq(slice_view_cstr(cause.code), SLICE("json.memory"))) {
        return diag_fail(diag, STATUS_LIMIT, "identity.memory", "no memory to read an answer");
    }
    return status == STATUS_OK && json_type(out, 0) == JSON_OBJECT
               ? STATUS_OK
               : no_answer(diag, "it is no JSON object");
}

static bool is_json(struct slice type)
{
    type = slice_trim_ows(slice_sub(type, 0, slice_find_byte(type, ';')));
    return slice_eq_ascii_nocase(type, SLICE("application/json"));
}

/* RFC 7662 §2.2: a text, a number or nothing at all is no answer, and never a yes. */
static enum status read_active(const struct json_tape *tape, bool *out, struct diag *diag)
{
    json_ref active = json_member(tape, 0, SLICE("active"));
    enum json_type type = active == JSON_NONE ? JSON_NULL : json_type(tape, active);
    if (type != JSON_TRUE && type != JSON_FALSE) {
        return no_answer(diag, "'active' is neither true nor false");
    }
    *out = type == JSON_TRUE;
    return STATUS_OK;
}

/* A token that Google does not know, or not any more, is an error of the request there. */
static enum status read_tokeninfo(const struct json_tape *tape, int http_status, bool *out,
                                  struct diag *diag)
{
    json_ref error = json_member(tape, 0, SLICE("error"));
    if (http_status == 200 && error == JSON_NONE) {
        *out = true;
        return STATUS_OK;
    }
    if (http_status != 400 || error == JSON_NONE ||
        !json_string_eq(tape, error, SLICE("invalid_token"))) {
        return no_answer(diag, "it is another error than 'invalid_token'");
    }
    *out = false;
    return STATUS_OK;
}

enum status introspection_read(const struct json_parser *parser, enum introspection_form form,
                               const struct introspection_reply *reply, struct arena *arena,
                               bool *is_active, struct diag *diag)
{
    struct json_tape tape;
    bool is_refusal = form == INTROSPECTION_TOKENINFO && reply->http_status == 400;
    if (reply->http_status == 401 || reply->http_status == 403) {
        return no_answer(diag, "it does not take our own client_id and client_secret");
    }
    if (reply->http_status != 200 && !is_refusal) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "identity.answer",
                         "the issuer's answer about a token has status %d", reply->http_status);
    }
    if (!is_json(reply->content_type)) {
        return no_answer(diag, "it is not 'application/json'");
    }
    TRY(parse(parser, reply->body, arena, &tape, diag));
    return form == INTROSPECTION_TOKENINFO
               ? read_tokeninfo(&tape, reply->http_status, is_active, diag)
               : read_active(&tape, is_active, diag);
}

/* -- what must be true of it --------------------------------------------------------------- */

static enum status refuse(struct diag *diag, const char *code, const char *message)
{
    return diag_fail(diag, STATUS_UNAUTHENTICATED, code, "%s", message);
}

/* A server looks up refresh tokens as well, and says of them that they are active. */
static enum status check_type(const struct issuer_entry *entry, const struct claims *claims,
                              struct arena *arena, struct diag *diag)
{
    struct slice type = SLICE_EMPTY;
    enum status status =
        claims_text(claims, SLICE("token_type"), TYPE_BYTES_MAX, arena, &type, diag);
    if (status == STATUS_NOT_FOUND) {
        return entry->inquiry.allows_untyped || entry->inquiry.form == INTROSPECTION_TOKENINFO
                   ? STATUS_OK
                   : refuse(diag, "token.kind",
                            "the issuer does not say that this is an access token ('token_type')");
    }
    TRY(status);
    bool is_proved = slice_eq_ascii_nocase(type, SLICE("DPoP"));
    if (!is_proved && !slice_eq_ascii_nocase(type, SLICE("Bearer"))) {
        return refuse(diag, "token.kind", "token is of another type than Bearer and DPoP");
    }
    return !is_proved || claims->binding.to_key
               ? STATUS_OK
               : refuse(diag, "token.binding", "a DPoP token is bound to no key ('cnf')");
}

static enum status check_client(const struct issuer_entry *entry, const struct claims *claims,
                                struct diag *diag)
{
    bool is_accepted = entry->inquiry.client_count == 0;
    for (size_t i = 0; i < entry->inquiry.client_count && !is_accepted; i++) {
        is_accepted =
            claims->client_id.len > 0 && slice_eq(entry->inquiry.clients[i], claims->client_id);
    }
    return is_accepted ? STATUS_OK
                       : refuse(diag, "token.client",
                                "token is of a client that is not accepted from this issuer");
}

enum status introspection_check(const struct issuer_entry *entry, const struct claims *claims,
                                struct arena *arena, struct diag *diag)
{
    TRY(check_type(entry, claims, arena, diag));
    return check_client(entry, claims, diag);
}
