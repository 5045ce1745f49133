/* The two endpoints that clients ask themselves: for tokens, and to be registered. */
#include "core/gateway/sign_in.h"

#define BODY_BYTES_MAX (3 * (size_t)FORM_BYTES_MAX) /* to the provider; escapes make it longer */

/* -- token: our code for the provider's tokens ------------------------------------------------ */

static enum stage_result open_code(struct operation *op, const struct gateway_front_door *entry,
                                   struct slice client)
{
    struct sign_in *sign_in = op->sign_in;
    const struct port_clock *clock = op->gateway->ports.clock;
    struct diag diag = {0};
    if (sign_in_unseal_ticket(op->gateway, entry, SIGN_IN_SEAL_CODE, sign_in->request.token,
                              &op->arena, &sign_in->ticket) != STATUS_OK) {
        return sign_in_refuse(op, "sign_in.code", SLICE("the code is none of this gateway"));
    }
    if (token_request_check(&sign_in->request, &sign_in->ticket, client, op->gateway->ports.crypto,
                            clock->wall_ms(clock->context) / 1000, &diag) != STATUS_OK) {
        return sign_in_refuse_diag(op, &diag);
    }
    sign_in->audit_code = "sign_in.tokens";
    return sign_in_use_once(op, "sign_in.code_used");
}

static enum stage_result open_refresh(struct operation *op, const struct gateway_front_door *entry,
                                      struct slice client)
{
    struct sign_in *sign_in = op->sign_in;
    if (sign_in_unseal_ticket(op->gateway, entry, SIGN_IN_SEAL_REFRESH, sign_in->request.token,
                              &op->arena, &sign_in->ticket) != STATUS_OK) {
        return sign_in_refuse(op, "sign_in.refresh_token",
                              SLICE("the refresh token is none of this gateway"));
    }
    if (!slice_eq_constant_time(client, sign_in->ticket.client)) {
        return sign_in_refuse(op, "sign_in.refresh_token",
                              SLICE("the refresh token was given to another client"));
    }
    sign_in->audit_code = "sign_in.refresh";
    return STAGE_DONE;
}

static enum stage_result stage_open(struct operation *op)
{
    struct sign_in *sign_in = op->sign_in;
    const struct gateway_front_door *entry = sign_in_entry(sign_in);
    struct diag diag = {0};
    if (token_request_read(&sign_in->form, &sign_in->request, &diag) != STATUS_OK) {
        return sign_in_refuse_diag(op, &diag);
    }
    struct slice client = sign_in_digest(op, sign_in->request.client_id);
    if (client.len == 0) {
        return operation_refuse_overload(op, "no memory for the client");
    }
    return sign_in->request.grant == TOKEN_GRANT_CODE ? open_code(op, entry, client)
                                                      : open_refresh(op, entry, client);
}

/* The provider's tokens are the effect: the record lies on the disk before they are asked for. */
static enum stage_result stage_record_intent(struct operation *op)
{
    return sign_in_record(op, AUDIT_INTENT, SLICE_EMPTY, true);
}

static void write_body(const struct sign_in *sign_in, const struct gateway_front_door *entry,
                       struct slice callback, struct slice scope, struct buf *body)
{
    provider_token_request_write(
        body, &(struct provider_token_request){.grant = sign_in->request.grant,
                                               .client_id = entry->client_id,
                                               .client_secret = entry->client_secret,
                                               .token = sign_in->ticket.code,
                                               .redirect_uri = callback,
                                               .verifier = sign_in->ticket.verifier,
                                               .scope = scope,
                                               .resource = entry->resource});
}

static enum stage_result stage_exchange(struct operation *op)
{
    struct sign_in *sign_in = op->sign_in;
    const struct gateway_front_door *entry = sign_in_entry(sign_in);
    const struct slice callback_parts[] = {entry == NULL ? SLICE_EMPTY : entry->issuer,
                                           SLICE(SIGN_IN_CALLBACK)};
    struct slice callback = SLICE_EMPTY;
    struct slice scope = SLICE_EMPTY;
    struct buf body;
    if (entry == NULL || operation_is_stopped(op) ||
        arena_join(&op->arena, callback_parts, COUNT_OF(callback_parts), &callback) != STATUS_OK ||
        wishes_scope_text(entry->scope, sign_in->ticket.wishes.scope, &entry->offer, &op->arena,
                          &scope) != STATUS_OK) {
        operation_note(op, STATUS_UNAVAILABLE, NULL);
        return STAGE_DONE;
    }
    buf_init_secret(&body, BODY_BYTES_MAX, &op->account);
    write_body(sign_in, entry, callback, scope, &body);
    enum stage_result result = STAGE_DONE;
    if (buf_status(&body) == STATUS_OK) {
        result =
            sign_in_fetch(sign_in, &(struct http_client_request){
                                       .is_post = true,
                                       .url = entry->token_endpoint,
                                       .is_local = entry->is_local,
                                       .content_type = SLICE("application/x-www-form-urlencoded"),
                                       .accept = SLICE("application/json"),
                                       .body = buf_view(&body),
                                       .answer_bytes_max = op->gateway->limits.sign_in.answer_bytes,
                                       .deadline_ms = HTTP_CLIENT_DEADLINE_MS_DEFAULT,
                                       .ranges = entry->ranges,
                                       .range_count = entry->range_count,
                                       .authorities = entry->authorities});
    } else {
        operation_note(op, STATUS_LIMIT, NULL);
    }
    buf_release(&body);
    return result;
}

/* The client's refresh token is the provider's, sealed for the client: no other can use it. One
 * that is too long is left out; the client then signs in again. */
static enum status write_tokens(struct operation *op, const struct gateway_front_door *entry,
                                const struct provider_tokens *tokens)
{
    struct sign_in *sign_in = op->sign_in;
    const struct sign_in_ticket ticket = {.client = sign_in->ticket.client,
                                          .client_label = sign_in->ticket.client_label,
                                          .resource = sign_in->ticket.resource,
                                          .code = tokens->refresh_token,
                                          .wishes.scope = sign_in->ticket.wishes.scope};
    struct buf refresh;
    buf_init(&refresh, FORM_BYTES_MAX, &op->account);
    if (tokens->refresh_token.len > 0 &&
        sign_in_seal_ticket(op->gateway, entry, SIGN_IN_SEAL_REFRESH, &ticket, &refresh) !=
            STATUS_OK) {
        buf_clear(&refresh);
    }
    provider_tokens_write(&op->reply, tokens, entry->hands_on_id_token, buf_view(&refresh));
    buf_release(&refresh);
    return buf_status(&op->reply);
}

static enum status take_answer(struct operation *op, struct diag *diag)
{
    struct sign_in *sign_in = op->sign_in;
    const struct gateway_front_door *entry = sign_in_entry(sign_in);
    struct provider_tokens tokens;
    struct json_tape tape;
    if (entry == NULL || op->wait_status != STATUS_OK) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "sign_in.provider_down", "%s",
                         op->wait_diag.code == NULL ? "it could not be asked"
                                                    : op->wait_diag.message);
    }
    if (json_parse(&op->gateway->parser, sign_in->body, &op->arena, &tape, NULL) != STATUS_OK) {
        return diag_fail(diag, STATUS_INVALID, "sign_in.provider_answer",
                         "the identity provider answered with status %d and no JSON",
                         sign_in->http_status);
    }
    TRY(provider_tokens_read(&tape, sign_in->http_status, &op->arena, &tokens, diag));
    if (entry->hands_on_id_token && tokens.id_token.len == 0) {
        return diag_fail(diag, STATUS_INVALID, "sign_in.provider_answer",
                         "the identity provider gave no ID token; is scope openid asked for?");
    }
    return write_tokens(op, entry, &tokens) == STATUS_OK
               ? STATUS_OK
               : diag_fail(diag, STATUS_LIMIT, "sign_in.busy", "no memory for the tokens");
}

static enum stage_result stage_record_outcome(struct operation *op)
{
    struct sign_in *sign_in = op->sign_in;
    struct diag diag = {0};
    bool is_good = take_answer(op, &diag) == STATUS_OK;
    if (!is_good) {
        sign_in->failure = diag.code;
        (void)!arena_copy(&op->arena, slice_view_cstr(diag.message), &sign_in->failure_reason);
    }
    op->has_outcome = true;
    return sign_in_record(op, AUDIT_OUTCOME, is_good ? SLICE("ok") : SLICE("error"), false);
}

static enum stage_result stage_answer_tokens(struct operation *op)
{
    const struct sign_in *sign_in = op->sign_in;
    if (sign_in->failure != NULL) {
        return sign_in_refuse(op, sign_in->failure, sign_in->failure_reason);
    }
    sign_in_answer_json(op, 200);
    return STAGE_DONE;
}

const struct stage SIGN_IN_TOKEN_STAGES[] = {
    {"read", sign_in_stage_read_body},
    {"open", stage_open},
    {"record_intent", stage_record_intent},
    {"check_intent", operation_stage_check_intent},
    {"exchange", stage_exchange},
    {"record_outcome", stage_record_outcome},
    {"check_record", operation_stage_check_record},
    {"answer", stage_answer_tokens},
    {NULL, NULL},
};

/* -- register --------------------------------------------------------------------------------- */

static enum stage_result stage_read_metadata(struct operation *op)
{
    struct sign_in *sign_in = op->sign_in;
    struct json_tape tape;
    struct diag diag = {0};
    enum status status = json_parse(&op->gateway->parser, op->body, &op->arena, &tape, &diag);
    if (status != STATUS_OK) {
        diag.code = status == STATUS_INVALID ? "sign_in.metadata" : "sign_in.busy";
        return sign_in_refuse_diag(op, &diag);
    }
    if (sign_in_client_read(&tape, &op->arena, &sign_in->client, &diag) != STATUS_OK) {
        return sign_in_refuse_diag(op, &diag);
    }
    sign_in->ticket.client_label = sign_in->client.name;
    sign_in->audit_code = "sign_in.registered";
    return STAGE_DONE;
}

/* RFC 7591 §3.2.1: the answer repeats what was registered, which may be less than was asked for. */
static void write_registration(struct operation *op, struct slice client_id)
{
    const struct port_clock *clock = op->gateway->ports.clock;
    sign_in_client_write(&op->reply, &op->sign_in->client);
    buf_append(&op->reply, SLICE(",\"client_id\":"));
    buf_append_json_string(&op->reply, client_id);
    buf_append(&op->reply, SLICE(",\"client_id_issued_at\":"));
    buf_append_i64(&op->reply, clock->wall_ms(clock->context) / 1000);
    buf_append(&op->reply, SLICE(",\"token_endpoint_auth_method\":\"none\","
                                 "\"grant_types\":[\"authorization_code\",\"refresh_token\"],"
                                 "\"response_types\":[\"code\"]}"));
}

/* Nothing is kept: the id of the client is what it registered, sealed. */
static enum stage_result stage_make_id(struct operation *op)
{
    struct sign_in *sign_in = op->sign_in;
    const struct gateway_front_door *entry = sign_in_entry(sign_in);
    struct buf text;
    struct buf id;
    if (entry == NULL) {
        return sign_in_refuse(op, "sign_in.client", SLICE("the front door was closed"));
    }
    buf_init(&text, SIGN_IN_CLIENT_TEXT_BYTES_MAX, &op->account);
    buf_init(&id, FORM_BYTES_MAX, &op->account);
    sign_in_client_write(&text, &sign_in->client);
    buf_append_byte(&text, '}');
    bool fits = buf_status(&text) == STATUS_OK;
    if (fits &&
        sign_in_seal(op->gateway, entry, SIGN_IN_SEAL_CLIENT, buf_view(&text), &id) == STATUS_OK) {
        write_registration(op, buf_view(&id));
    }
    buf_release(&text);
    buf_release(&id);
    if (!fits) {
        return sign_in_refuse(op, "sign_in.metadata", SLICE("the client's metadata are too long"));
    }
    return op->reply.len > 0 ? STAGE_DONE
                             : operation_refuse_overload(op, "no memory for the client");
}

static enum stage_result stage_answer_registered(struct operation *op)
{
    sign_in_answer_json(op, 201);
    return STAGE_DONE;
}

const struct stage SIGN_IN_REGISTER_STAGES[] = {
    {"read", stage_read_metadata},       {"make_id", stage_make_id},
    {"record", sign_in_stage_record},    {"check_record", operation_stage_check_record},
    {"answer", stage_answer_registered}, {NULL, NULL},
};
