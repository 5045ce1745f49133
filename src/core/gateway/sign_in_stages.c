#include "core/gateway/sign_in.h"

#include "base/base64.h"
#include "core/gateway/endpoint.h"
#include "core/sign_in/page.h"
#include "core/sign_in/used_codes.h"

#define RANDOM_BYTES 32

/* -- what the steps share -------------------------------------------------------------------- */

const struct gateway_front_door *sign_in_entry(const struct sign_in *sign_in)
{
    const struct gateway_front_door *entry =
        gateway_snapshot_front_door(sign_in->operation->gateway->snapshot, sign_in->path.name);
    return entry != NULL && gateway_front_door_is_open(entry) ? entry : NULL;
}

enum stage_result sign_in_refuse(struct operation *op, const char *code, struct slice reason)
{
    const struct oauth_error *error = oauth_error_find(code);
    return operation_refuse(op, &(struct operation_refusal){.type = AUDIT_AUTH_REJECT,
                                                            .http_status = error->http_status,
                                                            .text = error->text,
                                                            .code = code,
                                                            .reason = reason});
}

enum stage_result sign_in_refuse_diag(struct operation *op, const struct diag *diag)
{
    struct slice reason = SLICE_EMPTY;
    (void)!arena_copy(&op->arena, slice_view_cstr(diag->message), &reason);
    return sign_in_refuse(op, diag->code, reason);
}

static int64_t now_s(const struct operation *op)
{
    const struct port_clock *clock = op->gateway->ports.clock;
    return clock->wall_ms(clock->context) / 1000;
}

struct slice sign_in_digest(struct operation *op, struct slice text)
{
    const struct port_crypto *crypto = op->gateway->ports.crypto;
    uint8_t *digest = arena_alloc(&op->arena, SIGN_IN_DIGEST_BYTES);
    if (digest == NULL) {
        return SLICE_EMPTY;
    }
    crypto->sha256(crypto->context, text, digest);
    return slice_of(digest, SIGN_IN_DIGEST_BYTES);
}

/* So many bytes that nobody can guess, in the arena; empty: there are none. */
static struct slice draw(struct operation *op, size_t bytes)
{
    const struct port_random *random = op->gateway->ports.random;
    uint8_t *drawn = arena_alloc(&op->arena, bytes);
    return drawn != NULL && random->fill(random->context, drawn, bytes) == STATUS_OK
               ? slice_of(drawn, bytes)
               : SLICE_EMPTY;
}

/* The same as text: a cookie, or a PKCE verifier. */
static struct slice draw_text(struct operation *op)
{
    struct slice text = SLICE_EMPTY;
    struct slice bytes = draw(op, RANDOM_BYTES);
    struct buf out;
    buf_init(&out, 2 * (size_t)RANDOM_BYTES, &op->account);
    base64_encode(&out, bytes, BASE64_URL_UNPADDED);
    if (bytes.len == 0 || buf_status(&out) != STATUS_OK ||
        arena_copy(&op->arena, buf_view(&out), &text) != STATUS_OK) {
        text = SLICE_EMPTY;
    }
    buf_release(&out);
    return text;
}

static enum stage_result read_form(struct operation *op, struct slice text)
{
    struct diag diag = {0};
    if (sign_in_entry(op->sign_in) == NULL) {
        return sign_in_refuse(op, "sign_in.client", SLICE("the front door was closed"));
    }
    return form_read(text, &op->arena, &op->sign_in->form, &diag) == STATUS_OK
               ? STAGE_DONE
               : sign_in_refuse_diag(op, &diag);
}

enum stage_result sign_in_stage_read_query(struct operation *op)
{
    return read_form(op, op->sign_in->path.query);
}

enum stage_result sign_in_stage_read_body(struct operation *op)
{
    return read_form(op, op->body);
}

void sign_in_describe(const struct operation *op, struct audit_record *record)
{
    const struct sign_in *sign_in = op->sign_in;
    const struct gateway_front_door *entry = sign_in_entry(sign_in);
    record->client_id = sign_in->ticket.client_label;
    record->target = sign_in->ticket.resource;
    if (entry != NULL) {
        record->issuer = entry->provider;
    }
}

/* Rights that others do not have. */
static struct slice wished_for(struct operation *op)
{
    struct slice scope = op->sign_in->ticket.wishes.scope;
    struct slice reason = SLICE_EMPTY;
    if (scope.len > 0) {
        (void)!arena_format(&op->arena, &reason, "with scope %.*s", SLICE_ARG(scope));
    }
    return reason;
}

enum stage_result sign_in_record(struct operation *op, enum audit_phase phase, struct slice outcome,
                                 bool is_durable)
{
    const struct sign_in *sign_in = op->sign_in;
    struct audit_record event = {.type = AUDIT_SIGN_IN, .phase = phase, .outcome = outcome};
    operation_fill_record(op, &event);
    bool has_failed = phase == AUDIT_OUTCOME && sign_in->failure != NULL;
    event.code = slice_view_cstr(has_failed ? sign_in->failure : sign_in->audit_code);
    event.reason = has_failed ? sign_in->failure_reason : wished_for(op);
    return operation_record_as(op, &event, is_durable);
}

enum stage_result sign_in_stage_record(struct operation *op)
{
    /* Strangers do this, so it has a budget; what has no record is not done. */
    if (!gateway_refusal_has_record(op->gateway, AUDIT_SIGN_IN, op->peer_ip,
                                    op->sign_in->audit_code)) {
        return sign_in_refuse(op, "sign_in.busy", SLICE("too much of this from one address"));
    }
    return sign_in_record(op, AUDIT_EVENT, SLICE_EMPTY, false);
}

static enum stage_result refuse_memory(struct operation *op)
{
    return operation_refuse_overload(op, "no memory or no random bytes for the sign-in");
}

/* -- enter ----------------------------------------------------------------------------------- */

static bool is_cookie(struct slice value)
{
    uint8_t bytes[SIGN_IN_COOKIE_BYTES];
    size_t len = 0;
    return value.len == SIGN_IN_COOKIE_BYTES &&
           base64_decode(value, BASE64_URL_UNPADDED, bytes, sizeof(bytes), &len) == STATUS_OK;
}

/* The value of our cookie in a field Cookie. Twice is as good as none: one would be somebody's. */
static struct slice find_cookie(struct slice field)
{
    struct slice found = SLICE_EMPTY;
    size_t count = 0;
    while (field.len > 0) {
        size_t end = slice_find_byte(field, ';');
        struct slice pair = slice_trim_ows(slice_sub(field, 0, end));
        size_t equals = slice_find_byte(pair, '=');
        if (slice_eq(slice_sub(pair, 0, equals), SLICE(SIGN_IN_COOKIE))) {
            found = slice_sub(pair, equals + 1, pair.len);
            count++;
        }
        field = slice_sub(field, end + 1, field.len);
    }
    return count == 1 && is_cookie(found) ? found : SLICE_EMPTY;
}

static const struct stage *stages_of(enum sign_in_step step)
{
    switch (step) {
    case SIGN_IN_STEP_AUTHORIZE:
        return SIGN_IN_AUTHORIZE_STAGES;
    case SIGN_IN_STEP_CONSENT:
        return SIGN_IN_CONSENT_STAGES;
    case SIGN_IN_STEP_CALLBACK:
        return SIGN_IN_CALLBACK_STAGES;
    case SIGN_IN_STEP_TOKEN:
        return SIGN_IN_TOKEN_STAGES;
    case SIGN_IN_STEP_REGISTER:
    case SIGN_IN_STEP_METADATA: /* has no operation */
        break;
    }
    return SIGN_IN_REGISTER_STAGES;
}

enum stage_result sign_in_enter(struct operation *op)
{
    size_t count = 0;
    struct slice cookies = mcp_field(op->fields, op->field_count, SLICE("cookie"), &count);
    struct sign_in *sign_in = arena_alloc_zero(&op->arena, 1, sizeof(*sign_in));
    if (sign_in == NULL || !sign_in_path_parse(op->target_path, &sign_in->path)) {
        return operation_refuse_overload(op, "no memory for the sign-in");
    }
    sign_in->operation = op;
    op->sign_in = sign_in;
    op->reply.is_secret = true; /* tokens, when all goes well */
    op->stages = stages_of(sign_in->path.step);
    if (sign_in_entry(sign_in) == NULL) {
        return sign_in_refuse(op, "sign_in.provider_unknown",
                              SLICE("where people sign in is not known yet"));
    }
    return count == 1 && arena_copy(&op->arena, find_cookie(cookies), &sign_in->cookie) != STATUS_OK
               ? refuse_memory(op)
               : STAGE_DONE;
}

/* -- authorize: which client wants a code, and where to? -------------------------------------- */

/* RFC 8707: only for an endpoint of ours, or all of them. Older clients name none. */
static bool is_resource(const struct operation *op, struct slice resource)
{
    struct slice origin = op->gateway->snapshot->public_url;
    struct slice path = slice_sub(resource, origin.len, resource.len);
    bool is_all = path.len == 0 || slice_eq(path, SLICE("/"));
    return resource.len == 0 ||
           (slice_starts_with(resource, origin) && (is_all || slice_eq(endpoint_path(path), path)));
}

static enum stage_result read_wishes(struct operation *op)
{
    struct sign_in *sign_in = op->sign_in;
    const struct gateway_front_door *entry = sign_in_entry(sign_in);
    struct diag diag = {0};
    if (entry == NULL) {
        return sign_in_refuse(op, "sign_in.client", SLICE("the front door was closed"));
    }
    return wishes_read(&sign_in->form, &entry->offer, &op->gateway->parser, &op->arena,
                       &sign_in->ticket.wishes, &diag) == STATUS_OK
               ? STAGE_DONE
               : sign_in_refuse_diag(op, &diag);
}

static enum stage_result stage_check_authorization(struct operation *op)
{
    struct sign_in *sign_in = op->sign_in;
    struct diag diag = {0};
    if (authorization_check_client(&sign_in->form, &sign_in->client, &diag) != STATUS_OK) {
        return sign_in_refuse_diag(op, &diag);
    }
    enum status status = authorization_check(&sign_in->form, &sign_in->ticket, &diag);
    sign_in->state = sign_in->ticket.state;
    sign_in->may_redirect = true;
    if (status != STATUS_OK) {
        return sign_in_refuse_diag(op, &diag);
    }
    if (!is_resource(op, sign_in->ticket.resource)) {
        return sign_in_refuse(op, "sign_in.resource",
                              SLICE("'resource' is no endpoint of this gateway"));
    }
    return read_wishes(op);
}

/* Each sign-in is asked for: that a client was let in before says nothing about who uses its id and
 * its address on this machine now (RFC 8252 §8.6). */
static enum stage_result stage_ask_consent(struct operation *op)
{
    struct sign_in *sign_in = op->sign_in;
    const struct gateway_front_door *entry = sign_in_entry(sign_in);
    struct buf sealed;
    if (sign_in->cookie.len == 0) {
        sign_in->cookie = draw_text(op);
    }
    sign_in->ticket.browser = sign_in_digest(op, sign_in->cookie);
    sign_in->ticket.client = sign_in_digest(op, sign_in->client_id);
    sign_in->ticket.expires_s = now_s(op) + op->gateway->limits.sign_in.request_s;
    buf_init(&sealed, FORM_BYTES_MAX, &op->account);
    if (entry == NULL || sign_in->cookie.len == 0 || sign_in->ticket.browser.len == 0 ||
        sign_in->ticket.client.len == 0 ||
        sign_in_seal_ticket(op->gateway, entry, SIGN_IN_SEAL_CONSENT, &sign_in->ticket, &sealed) !=
            STATUS_OK) {
        buf_release(&sealed);
        return refuse_memory(op);
    }
    bool is_url = sign_in_client_is_url(sign_in->client_id);
    page_write_consent(
        &op->reply, &(struct consent_page){.client = &sign_in->client,
                                           .client_url = is_url ? sign_in->client_id : SLICE_EMPTY,
                                           .redirect_uri = sign_in->ticket.redirect_uri,
                                           .resource = sign_in->ticket.resource,
                                           .scope = sign_in->ticket.wishes.scope,
                                           .provider = entry->provider,
                                           .name = entry->name,
                                           .ticket = buf_view(&sealed)});
    buf_release(&sealed);
    sign_in_answer_page(op, 200);
    return STAGE_DONE;
}

const struct stage SIGN_IN_AUTHORIZE_STAGES[] = {
    {"read", sign_in_stage_read_query},
    {"find_client", sign_in_stage_find_client},
    {"take_client", sign_in_stage_take_client},
    {"check", stage_check_authorization},
    {"ask", stage_ask_consent},
    {NULL, NULL},
};

/* -- a ticket that the browser brings back ---------------------------------------------------- */

/* Take the ticket, which must have been made for this browser. */
static enum stage_result take_ticket(struct operation *op, enum sign_in_seal use, struct slice text)
{
    struct sign_in *sign_in = op->sign_in;
    const struct gateway_front_door *entry = sign_in_entry(sign_in);
    struct sign_in_ticket ticket = {0};
    if (entry == NULL ||
        sign_in_unseal_ticket(op->gateway, entry, use, text, &op->arena, &ticket) != STATUS_OK) {
        return sign_in_refuse(op, "sign_in.state", SLICE("the ticket is none of this gateway"));
    }
    /* Whose it is may be told, but it goes nowhere until the browser is the right one. */
    sign_in->ticket.client_label = ticket.client_label;
    sign_in->ticket.resource = ticket.resource;
    if (now_s(op) >= ticket.expires_s) {
        return sign_in_refuse(op, "sign_in.state", SLICE("the sign-in took too long"));
    }
    struct slice browser = sign_in_digest(op, sign_in->cookie);
    if (sign_in->cookie.len == 0 || !slice_eq_constant_time(browser, ticket.browser)) {
        return sign_in_refuse(op, "sign_in.browser", SLICE("another browser began the sign-in"));
    }
    sign_in->ticket = ticket;
    sign_in->state = ticket.state;
    return STAGE_DONE;
}

/* -- consent ---------------------------------------------------------------------------------- */

static enum stage_result stage_take_consent(struct operation *op)
{
    struct sign_in *sign_in = op->sign_in;
    struct slice decision = form_value(&sign_in->form, SLICE("decision"));
    if (!slice_eq(op->origin, op->gateway->snapshot->public_url)) {
        return sign_in_refuse(op, "sign_in.page_origin", SLICE("the form is not from our page"));
    }
    enum stage_result result =
        take_ticket(op, SIGN_IN_SEAL_CONSENT, form_value(&sign_in->form, SLICE("ticket")));
    if (result != STAGE_DONE) {
        return result;
    }
    sign_in->may_redirect = true;
    sign_in->audit_code = "sign_in.consent";
    return slice_eq(decision, SLICE("allow"))
               ? STAGE_DONE
               : sign_in_refuse(op, "sign_in.denied", SLICE("the person declined"));
}

static void write_callback(const struct gateway_front_door *entry, struct buf *out)
{
    buf_append(out, entry->issuer);
    buf_append(out, SLICE(SIGN_IN_CALLBACK));
}

/* The address of the identity provider, with a state and a verifier that only this flow has. */
static enum status write_provider_address(struct operation *op,
                                          const struct gateway_front_door *entry, struct buf *state,
                                          struct buf *callback, struct buf *challenge)
{
    struct sign_in_ticket *ticket = &op->sign_in->ticket;
    const struct sign_in_wishes wishes = ticket->wishes;
    struct slice scope = SLICE_EMPTY;
    ticket->wishes = (struct sign_in_wishes){.scope = wishes.scope};
    TRY(sign_in_seal_ticket(op->gateway, entry, SIGN_IN_SEAL_STATE, ticket, state));
    TRY(wishes_scope_text(entry->scope, wishes.scope, &entry->offer, &op->arena, &scope));
    write_callback(entry, callback);
    pkce_write_challenge(op->gateway->ports.crypto, ticket->verifier, challenge);
    TRY(buf_status(callback));
    TRY(buf_status(challenge));
    provider_request_write(&op->reply,
                           &(struct provider_request){.endpoint = entry->authorization_endpoint,
                                                      .client_id = entry->client_id,
                                                      .redirect_uri = buf_view(callback),
                                                      .state = buf_view(state),
                                                      .challenge = buf_view(challenge),
                                                      .scope = scope,
                                                      .resource = entry->resource,
                                                      .wishes = &wishes});
    return buf_status(&op->reply);
}

static enum stage_result stage_send_to_provider(struct operation *op)
{
    struct sign_in *sign_in = op->sign_in;
    const struct gateway_front_door *entry = sign_in_entry(sign_in);
    struct buf state;
    struct buf callback;
    struct buf challenge;
    sign_in->ticket.id = draw(op, SIGN_IN_ID_BYTES);
    sign_in->ticket.verifier = draw_text(op);
    sign_in->ticket.expires_s = now_s(op) + op->gateway->limits.sign_in.request_s;
    if (entry == NULL || sign_in->ticket.id.len == 0 || sign_in->ticket.verifier.len == 0) {
        return refuse_memory(op);
    }
    buf_init(&state, FORM_BYTES_MAX, &op->account);
    buf_init(&callback, FORM_BYTES_MAX, &op->account);
    buf_init(&challenge, FORM_BYTES_MAX, &op->account);
    enum status status = write_provider_address(op, entry, &state, &callback, &challenge);
    buf_release(&challenge);
    buf_release(&callback);
    buf_release(&state);
    if (status != STATUS_OK) {
        return refuse_memory(op);
    }
    sign_in_answer_redirect(op);
    return STAGE_DONE;
}

const struct stage SIGN_IN_CONSENT_STAGES[] = {
    {"read", sign_in_stage_read_body}, {"take_consent", stage_take_consent},
    {"record", sign_in_stage_record},  {"check_record", operation_stage_check_record},
    {"send", stage_send_to_provider},  {NULL, NULL},
};

/* -- callback: the browser comes back from the identity provider ------------------------------ */

enum stage_result sign_in_use_once(struct operation *op, const char *code)
{
    const struct port_used_codes *codes = op->gateway->ports.codes;
    const struct sign_in_ticket *ticket = &op->sign_in->ticket;
    struct used_code used = {.expires_s = ticket->expires_s};
    if (ticket->id.len != sizeof(used.id)) {
        return sign_in_refuse(op, code, SLICE("the ticket has no id"));
    }
    memcpy(used.id, ticket->id.ptr, sizeof(used.id));
    enum status status =
        codes == NULL ? STATUS_LIMIT : codes->take(codes->context, &used, now_s(op));
    if (status == STATUS_CONFLICT) {
        return sign_in_refuse(op, code, SLICE("it was used before"));
    }
    return status == STATUS_OK
               ? STAGE_DONE
               : sign_in_refuse(op, "sign_in.busy", SLICE("too many codes are remembered"));
}

/* RFC 9207 §2.4. Whoever mixes up two providers has to get past the address as well, which is
 * another for each of them. */
static bool is_from_provider(const struct sign_in *sign_in, const struct gateway_front_door *entry)
{
    struct slice iss = form_value(&sign_in->form, SLICE("iss"));
    return iss.len == 0 ? !entry->names_issuer : slice_eq(iss, entry->provider);
}

static enum stage_result refuse_provider(struct operation *op)
{
    struct slice error = form_value(&op->sign_in->form, SLICE("error"));
    bool is_denied = slice_eq(error, SLICE("access_denied"));
    struct slice reason = SLICE_EMPTY;
    (void)!arena_format(&op->arena, &reason, "the identity provider answered with error %.*s",
                        SLICE_ARG(slice_sub(error, 0, 64)));
    return sign_in_refuse(op, is_denied ? "sign_in.provider_denied" : "sign_in.provider_answer",
                          reason);
}

static enum stage_result stage_take_answer(struct operation *op)
{
    struct sign_in *sign_in = op->sign_in;
    struct slice code = form_value(&sign_in->form, SLICE("code"));
    enum stage_result result =
        take_ticket(op, SIGN_IN_SEAL_STATE, form_value(&sign_in->form, SLICE("state")));
    if (result != STAGE_DONE) {
        return result;
    }
    if (!is_from_provider(sign_in, sign_in_entry(sign_in))) {
        return sign_in_refuse(op, "sign_in.issuer", SLICE("'iss' names another issuer"));
    }
    result = sign_in_use_once(op, "sign_in.state");
    if (result != STAGE_DONE) {
        return result;
    }
    sign_in->may_redirect = true;
    sign_in->audit_code = "sign_in.code";
    sign_in->ticket.code = code;
    return form_value(&sign_in->form, SLICE("error")).len > 0 || code.len == 0 ||
                   code.len > SIGN_IN_CODE_BYTES_MAX
               ? refuse_provider(op)
               : STAGE_DONE;
}

static enum stage_result stage_send_code(struct operation *op)
{
    struct sign_in *sign_in = op->sign_in;
    const struct gateway_front_door *entry = sign_in_entry(sign_in);
    struct sign_in_ticket *ticket = &sign_in->ticket;
    struct buf sealed;
    ticket->id = draw(op, SIGN_IN_ID_BYTES);
    ticket->expires_s = now_s(op) + op->gateway->limits.sign_in.code_s;
    ticket->state = SLICE_EMPTY;
    buf_init(&sealed, FORM_BYTES_MAX, &op->account);
    if (entry == NULL || ticket->id.len == 0 ||
        sign_in_seal_ticket(op->gateway, entry, SIGN_IN_SEAL_CODE, ticket, &sealed) != STATUS_OK) {
        buf_release(&sealed);
        return refuse_memory(op);
    }
    sign_in_write_redirect(op, SLICE("code"), buf_view(&sealed));
    buf_release(&sealed);
    sign_in_answer_redirect(op);
    return STAGE_DONE;
}

const struct stage SIGN_IN_CALLBACK_STAGES[] = {
    {"read", sign_in_stage_read_query}, {"take_answer", stage_take_answer},
    {"record", sign_in_stage_record},   {"check_record", operation_stage_check_record},
    {"send", stage_send_code},          {NULL, NULL},
};
