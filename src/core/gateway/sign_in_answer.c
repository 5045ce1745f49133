#include "core/gateway/sign_in.h"

#include "core/gateway/product_error.h"
#include "core/sign_in/page.h"

#define METADATA_BYTES_MAX 8192
#define COOKIE_BYTES_MAX 256

/* Clients in a browser are pages of any origin; no cookie and no credential is of use here. */
static const struct http_field ANY_ORIGIN = {SLICE_INIT("Access-Control-Allow-Origin"),
                                             SLICE_INIT("*")};
static const struct http_field JSON = {SLICE_INIT("Content-Type"), SLICE_INIT("application/json")};
static const struct http_field NO_STORE = {SLICE_INIT("Cache-Control"), SLICE_INIT("no-store")};

static void answer_preflight(struct exchange *exchange)
{
    static const struct http_field FIELDS[] = {
        {SLICE_INIT("Access-Control-Allow-Origin"), SLICE_INIT("*")},
        {SLICE_INIT("Access-Control-Allow-Methods"), SLICE_INIT("GET, POST")},
        {SLICE_INIT("Access-Control-Allow-Headers"),
         SLICE_INIT("Accept, Authorization, Content-Type, MCP-Protocol-Version")},
        {SLICE_INIT("Access-Control-Max-Age"), SLICE_INIT("600")}};
    exchange->vtable->reply(exchange, &(struct exchange_reply){.status_code = 204,
                                                               .fields = FIELDS,
                                                               .field_count = COUNT_OF(FIELDS)});
}

void sign_in_answer_public(struct gateway *gateway, struct exchange *exchange,
                           const struct sign_in_path *path, struct slice method)
{
    const struct http_field fields[] = {JSON, ANY_ORIGIN};
    const struct gateway_front_door *entry =
        gateway_snapshot_front_door(gateway->snapshot, path->name);
    struct buf body;
    if (slice_eq(method, SLICE("OPTIONS"))) {
        answer_preflight(exchange);
        return;
    }
    buf_init(&body, METADATA_BYTES_MAX, &gateway->account);
    server_metadata_write(&body, entry->issuer);
    struct exchange_reply reply = {.status_code = buf_status(&body) == STATUS_OK ? 200 : 503,
                                   .fields = fields,
                                   .field_count = COUNT_OF(fields),
                                   .body = buf_view(&body)};
    exchange->vtable->reply(exchange, &reply);
    buf_release(&body);
}

static void reply(struct operation *op, int http_status, const struct http_field *fields,
                  size_t field_count)
{
    if (op->client_gone) {
        return;
    }
    if (buf_status(&op->reply) != STATUS_OK) {
        operation_lose_client(op);
        return;
    }
    struct exchange_reply answer = {.status_code = http_status,
                                    .fields = fields,
                                    .field_count = field_count,
                                    .body = buf_view(&op->reply)};
    op->exchange->vtable->reply(op->exchange, &answer);
}

/* RFC 6265bis: with this prefix no other site, and no site below ours, can have set the cookie. */
static void write_cookie(struct buf *out, struct slice cookie)
{
    buf_append(out, SLICE(SIGN_IN_COOKIE "="));
    buf_append(out, cookie);
    buf_append(out, SLICE("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=3600"));
}

void sign_in_answer_page(struct operation *op, int http_status)
{
    struct buf cookie;
    struct http_field fields[] = {
        {SLICE("Content-Type"), SLICE("text/html; charset=utf-8")},
        NO_STORE,
        {SLICE("Content-Security-Policy"), SLICE(PAGE_CONTENT_POLICY)},
        {SLICE("X-Frame-Options"), SLICE("DENY")},
        {SLICE("X-Content-Type-Options"), SLICE("nosniff")},
        {SLICE("Referrer-Policy"), SLICE("same-origin")},
        {SLICE("Set-Cookie"), SLICE_EMPTY}, /* or when to come again */
    };
    size_t count = COUNT_OF(fields) - 1;
    buf_init(&cookie, COOKIE_BYTES_MAX, &op->account);
    if (http_status == 200 && op->sign_in->cookie.len > 0) {
        write_cookie(&cookie, op->sign_in->cookie);
        fields[count++].value = buf_view(&cookie);
    } else if (http_status == 503) {
        fields[count++] = PRODUCT_RETRY_AFTER;
    }
    if (buf_status(&cookie) == STATUS_OK) {
        reply(op, http_status, fields, count);
    } else {
        operation_lose_client(op);
    }
    buf_release(&cookie);
}

void sign_in_answer_json(struct operation *op, int http_status)
{
    const struct http_field fields[] = {JSON, NO_STORE, ANY_ORIGIN, PRODUCT_RETRY_AFTER};
    reply(op, http_status, fields, COUNT_OF(fields) - (http_status == 503 ? 0 : 1));
}

void sign_in_answer_redirect(struct operation *op)
{
    /* The address has a code or a ticket in it: the page it leads to must not hand it on. */
    const struct http_field fields[] = {{SLICE("Location"), buf_view(&op->reply)},
                                        NO_STORE,
                                        {SLICE("Referrer-Policy"), SLICE("no-referrer")}};
    struct exchange_reply answer = {
        .status_code = 303, .fields = fields, .field_count = COUNT_OF(fields)};
    if (op->client_gone) {
        return;
    }
    if (buf_status(&op->reply) != STATUS_OK) {
        operation_lose_client(op);
        return;
    }
    op->exchange->vtable->reply(op->exchange, &answer);
}

void sign_in_write_redirect(struct operation *op, struct slice name, struct slice value)
{
    const struct sign_in *sign_in = op->sign_in;
    const struct gateway_front_door *entry = sign_in_entry(sign_in);
    struct slice uri = sign_in->ticket.redirect_uri;
    bool has_query = slice_find_byte(uri, '?') < uri.len;
    buf_clear(&op->reply);
    buf_append(&op->reply, uri);
    buf_append(&op->reply, has_query ? SLICE_EMPTY : SLICE("?"));
    form_append(&op->reply, name, value);
    if (sign_in->state.len > 0) {
        form_append(&op->reply, SLICE("state"), sign_in->state);
    }
    if (entry != NULL) { /* RFC 9207: the client sees who answers */
        form_append(&op->reply, SLICE("iss"), entry->issuer);
    }
}

void sign_in_answer_refusal(struct operation *op)
{
    const struct sign_in *sign_in = op->sign_in;
    const struct oauth_error *error = oauth_error_find(op->refusal.code);
    bool is_page =
        sign_in->path.step != SIGN_IN_STEP_TOKEN && sign_in->path.step != SIGN_IN_STEP_REGISTER;
    buf_clear(&op->reply);
    if (is_page && sign_in->may_redirect) {
        sign_in_write_redirect(op, SLICE("error"), error->name);
        sign_in_answer_redirect(op);
    } else if (is_page) {
        page_write_error(&op->reply, error->text, op->refusal.code);
        sign_in_answer_page(op, error->http_status == 401 ? 400 : error->http_status);
    } else {
        oauth_error_write(&op->reply, error);
        sign_in_answer_json(op, error->http_status);
    }
}
