#include "daemon/sign_in/sign_in.h"

#include "adapters/http_client/fetch.h"
#include "adapters/runtime/loop.h"
#include "base/base64.h"
#include "core/sign_in/form.h"
#include "daemon/config/config_url.h"
#include "daemon/sign_in/browser.h"
#include "daemon/sign_in/client_method.h"
#include "daemon/sign_in/documents.h"
#include "daemon/sign_in/redirect_listener.h"
#include "wire/bearer_challenge.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REQUEST_BYTES_MAX ((size_t)128 << 10)
#define CLIENT_NAME "Aegis"
#define FIXED_PATH "/callback" /* a client that was registered before knows no other */

/* One conversation. */
struct talk {
    const struct sign_in *sign_in;
    struct arena *arena;
    struct diag *diag;
    struct buf answer;
    bool allows_loopback;
};

static void begin_talk(struct talk *talk, const struct sign_in *sign_in, struct arena *arena,
                       struct diag *diag)
{
    struct config_url url;
    *talk = (struct talk){.sign_in = sign_in, .arena = arena, .diag = diag};
    buf_init_secret(&talk->answer, SIGN_IN_REPLY_BYTES_MAX, NULL);
    talk->allows_loopback =
        config_url_parse(sign_in->url, &url) == NULL && config_host_is_loopback(url.host);
}

static void end_talk(struct talk *talk)
{
    buf_release(&talk->answer);
}

static struct document document_of(const struct talk *talk)
{
    return (struct document){.parser = talk->sign_in->parser,
                             .text = buf_view(&talk->answer),
                             .allows_loopback = talk->allows_loopback,
                             .arena = talk->arena};
}

/* What is sent; a document is only asked for without a content_type. */
struct question {
    struct slice url; /* NUL-terminated, checked before */
    const char *content_type;
    struct slice body, authorization;
};

/* The answer is in talk->answer. */
static enum status ask(struct talk *talk, const struct question *question, int *http_status)
{
    const struct fetch_request request = {.url = (const char *)question->url.ptr,
                                          .allows_http = talk->allows_loopback,
                                          .authorities = talk->sign_in->authorities,
                                          .content_type = question->content_type,
                                          .authorization = question->authorization,
                                          .body = question->body};
    struct diag inner = {0};
    buf_clear(&talk->answer);
    enum status status = fetch_answer(&request, &talk->answer, http_status, &inner);
    return status == STATUS_OK
               ? STATUS_OK
               : diag_fail(talk->diag, status, inner.code, "'%.*s' cannot be asked: %s",
                           SLICE_ARG(question->url), inner.message);
}

/* The first candidate that has a document. */
static enum status ask_any(struct talk *talk, const struct slice *candidates, size_t count,
                           const char *what)
{
    int http_status = 0;
    for (size_t i = 0; i < count; i++) {
        TRY(ask(talk, &(struct question){.url = candidates[i]}, &http_status));
        if (http_status == 200) {
            return STATUS_OK;
        }
    }
    return diag_fail(talk->diag, STATUS_UNAVAILABLE, "sign_in.metadata",
                     "%s says nothing of how to sign in ('%.*s' answers %d)", what,
                     SLICE_ARG(candidates[count - 1]), http_status);
}

/* -- what servers say of themselves -------------------------------------------------------- */

static enum status discover_resource(struct talk *talk, const struct bearer_challenge *challenge,
                                     struct resource_document *out)
{
    struct slice candidates[DOCUMENTS_CANDIDATES];
    size_t count = 0;
    if (challenge->resource_metadata.len > 0) {
        const char *problem =
            documents_url_problem(challenge->resource_metadata, talk->allows_loopback);
        if (problem != NULL) {
            return diag_fail(talk->diag, STATUS_INVALID, "sign_in.metadata",
                             "the server's 'resource_metadata' cannot be used: %s", problem);
        }
        TRY(arena_format(talk->arena, &candidates[count++], "%.*s",
                         SLICE_ARG(challenge->resource_metadata)));
    } else {
        TRY(documents_of_resource(talk->sign_in->url, talk->arena, candidates, &count));
    }
    TRY(ask_any(talk, candidates, count, "the server"));
    struct document document = document_of(talk);
    return documents_read_resource(&document, talk->sign_in->url, out, talk->diag);
}

static enum status discover_server(struct talk *talk, struct slice issuer,
                                   struct server_document *out)
{
    struct slice candidates[DOCUMENTS_CANDIDATES];
    size_t count = 0;
    TRY(documents_of_issuer(issuer, talk->arena, candidates, &count));
    TRY(ask_any(talk, candidates, count, "its authorization server"));
    struct document document = document_of(talk);
    return documents_read_server(&document, issuer, out, talk->diag);
}

/* -- the client ---------------------------------------------------------------------------- */

static void write_registration(struct buf *out, const struct flow *flow, enum client_method method)
{
    buf_append(out, SLICE("{\"client_name\":\"" CLIENT_NAME "\",\"application_type\":\"native\","
                          "\"grant_types\":[\"authorization_code\",\"refresh_token\"],"
                          "\"response_types\":[\"code\"],\"token_endpoint_auth_method\":"));
    buf_append_json_string(out, client_method_name(method));
    buf_append(out, SLICE(",\"redirect_uris\":["));
    buf_append_json_string(out, flow->redirect_uri);
    buf_append(out, SLICE("]}"));
}

static enum status refuse(struct talk *talk, const char *what, struct slice error,
                          struct slice description)
{
    return diag_fail(talk->diag, STATUS_UNAUTHENTICATED, "sign_in.refused", "%s: %.*s%s%.*s", what,
                     SLICE_ARG(error), description.len > 0 ? ", " : "", SLICE_ARG(description));
}

static enum status ask_for_client(struct talk *talk, const struct server_document *server,
                                  const struct flow *flow, enum client_method method,
                                  struct client_document *out)
{
    struct buf body;
    int http_status = 0;
    buf_init(&body, REQUEST_BYTES_MAX, NULL);
    write_registration(&body, flow, method);
    const struct question question = {.url = server->registration_endpoint,
                                      .content_type = "application/json",
                                      .body = buf_view(&body)};
    enum status status = buf_status(&body);
    status = status == STATUS_OK ? ask(talk, &question, &http_status) : status;
    buf_release(&body);
    TRY(status);
    struct document document = document_of(talk);
    TRY(documents_read_client(&document, out, talk->diag));
    return out->error.len == 0 ? STATUS_OK
                               : refuse(talk, "the authorization server registers no client",
                                        out->error, out->error_description);
}

static enum status no_method(struct talk *talk, const struct server_document *server,
                             struct slice wanted)
{
    return diag_fail(talk->diag, STATUS_INVALID, "sign_in.client",
                     "'%.*s' wants clients that show who they are by %.*s, and aegis connect can "
                     "do so by none, client_secret_basic and client_secret_post only",
                     SLICE_ARG(server->issuer), SLICE_ARG(wanted));
}

/* What the server says that it registered counts, not what was asked for (RFC 7591 §3.2.1). */
static enum status judge_client(struct talk *talk, const struct server_document *server,
                                const struct client_document *client, enum client_method *out)
{
    *out = client_method_of(client->method);
    if (client->method.len == 0) {
        *out = client->secret.len > 0 ? client_method_with_secret(server->client_methods)
                                      : CLIENT_METHOD_NONE;
    }
    if (*out == CLIENT_METHOD_UNKNOWN) {
        return no_method(talk, server,
                         client->method.len > 0 ? client->method : SLICE("something else"));
    }
    if (*out != CLIENT_METHOD_NONE && client->secret.len == 0) {
        return diag_fail(talk->diag, STATUS_INVALID, "sign_in.client",
                         "'%.*s' registered a client for %.*s and gave it no secret",
                         SLICE_ARG(server->issuer), SLICE_ARG(client->method));
    }
    return STATUS_OK;
}

static enum status register_client(struct talk *talk, const struct server_document *server,
                                   const struct flow *flow, struct grant *grant)
{
    struct client_document client = {0};
    enum client_method method = client_method_to_register(server->client_methods);
    if (server->registration_endpoint.len == 0) {
        return diag_fail(talk->diag, STATUS_INVALID, "sign_in.client",
                         "'%.*s' registers no clients by itself; have one registered there, with "
                         "the redirect address http://127.0.0.1" FIXED_PATH
                         ", and give its id with --client-id",
                         SLICE_ARG(server->issuer));
    }
    if (method == CLIENT_METHOD_UNKNOWN) {
        return no_method(talk, server, SLICE("something else"));
    }
    TRY(ask_for_client(talk, server, flow, method, &client));
    TRY(judge_client(talk, server, &client, &method));
    grant->client_id = client.id;
    grant->client_secret = method == CLIENT_METHOD_NONE ? SLICE_EMPTY : client.secret;
    grant->client_method = client_method_name(method);
    return STATUS_OK;
}

/* The client that was given. Its secret is not kept: whoever has it gives it each time. */
static enum status use_client(struct talk *talk, const struct server_document *server,
                              struct grant *grant)
{
    const struct sign_in *sign_in = talk->sign_in;
    enum client_method method = CLIENT_METHOD_NONE;
    if (slice_starts_with(sign_in->client_id, SLICE("https://")) &&
        !server->takes_client_document) {
        return diag_fail(talk->diag, STATUS_INVALID, "sign_in.client",
                         "'%.*s' takes no client id that is the address of a document; leave out "
                         "--client-id, or give the id of a client that is registered there",
                         SLICE_ARG(server->issuer));
    }
    if (sign_in->client_secret.len > 0) {
        method = client_method_with_secret(server->client_methods);
    }
    if (method == CLIENT_METHOD_UNKNOWN) {
        return no_method(talk, server, SLICE("something else"));
    }
    grant->client_id = sign_in->client_id;
    grant->client_method = client_method_name(method);
    return STATUS_OK;
}

/* STATUS_UNAUTHENTICATED sign_in.client: what it shows is not here. */
static enum status client_of(struct talk *talk, const struct grant *grant,
                             struct client_credentials *out)
{
    bool is_given = slice_eq(grant->client_id, talk->sign_in->client_id);
    *out = (struct client_credentials){.method = client_method_of(grant->client_method),
                                       .id = grant->client_id,
                                       .secret = is_given ? talk->sign_in->client_secret
                                                          : grant->client_secret};
    if (out->method == CLIENT_METHOD_UNKNOWN) {
        return diag_fail(talk->diag, STATUS_UNAUTHENTICATED, "sign_in.client",
                         "the tokens kept here do not say how their client '%.*s' shows who it is",
                         SLICE_ARG(grant->client_id));
    }
    return out->method == CLIENT_METHOD_NONE || out->secret.len > 0
               ? STATUS_OK
               : diag_fail(talk->diag, STATUS_UNAUTHENTICATED, "sign_in.client",
                           "the sign-in was made by the client '%.*s', which has a secret; give "
                           "--client-id with --client-secret-file or --client-secret-env",
                           SLICE_ARG(grant->client_id));
}

/* -- tokens -------------------------------------------------------------------------------- */

/* Post a form as the client of a grant. */
static enum status post(struct talk *talk, struct slice endpoint, const struct grant *grant,
                        struct buf *form, int *http_status)
{
    struct client_credentials client;
    struct buf authorization;
    TRY(client_of(talk, grant, &client));
    buf_init_secret(&authorization, REQUEST_BYTES_MAX, NULL);
    client_method_write(&client, form, &authorization);
    const struct question question = {.url = endpoint,
                                      .content_type = "application/x-www-form-urlencoded",
                                      .body = buf_view(form),
                                      .authorization = buf_view(&authorization)};
    bool is_written = buf_status(form) == STATUS_OK && buf_status(&authorization) == STATUS_OK;
    enum status status = is_written ? ask(talk, &question, http_status) : STATUS_LIMIT;
    buf_release(&authorization);
    return status;
}

static enum status ask_for_token(struct talk *talk, struct slice endpoint,
                                 const struct grant *grant, struct buf *form,
                                 struct token_document *out)
{
    int http_status = 0;
    TRY(post(talk, endpoint, grant, form, &http_status));
    /* A server that is out of order has refused nothing. */
    if (http_status >= 500 || http_status == 429) {
        return diag_fail(talk->diag, STATUS_UNAVAILABLE, "sign_in.token",
                         "the authorization server answers %d", http_status);
    }
    struct document document = document_of(talk);
    TRY(documents_read_token(&document, out, talk->diag));
    return out->error.len == 0 ? STATUS_OK
                               : refuse(talk, "the authorization server gives no token", out->error,
                                        out->error_description);
}

static void take_tokens(const struct token_document *tokens, struct grant *grant)
{
    grant->access_token = tokens->access_token;
    grant->refresh_token =
        tokens->refresh_token.len > 0 ? tokens->refresh_token : grant->refresh_token;
    /* What was asked for counts: a server that grants less is not asked the same again. */
    grant->scope = grant->scope.len > 0 ? grant->scope : tokens->scope;
    grant->expires_at_s =
        tokens->lifetime_s > 0 ? runtime_wall_ms(NULL) / 1000 + tokens->lifetime_s : 0;
}

static enum status redeem(struct talk *talk, const struct flow *flow, struct slice code,
                          struct grant *grant)
{
    struct token_document tokens = {0};
    struct buf form;
    buf_init_secret(&form, REQUEST_BYTES_MAX, NULL);
    form_append(&form, SLICE("grant_type"), SLICE("authorization_code"));
    form_append(&form, SLICE("code"), code);
    form_append(&form, SLICE("redirect_uri"), flow->redirect_uri);
    form_append(&form, SLICE("code_verifier"), slice_view_cstr(flow->verifier));
    form_append(&form, SLICE("resource"), grant->resource);
    enum status status = ask_for_token(talk, grant->token_endpoint, grant, &form, &tokens);
    buf_release(&form);
    if (status == STATUS_OK) {
        take_tokens(&tokens, grant);
    }
    return status;
}

enum status sign_in_refresh(const struct sign_in *sign_in, const struct grant *grant,
                            struct arena *arena, struct grant *out, struct diag *diag)
{
    struct talk talk;
    struct token_document tokens = {0};
    struct buf form;
    begin_talk(&talk, sign_in, arena, diag);
    const char *problem = documents_url_problem(grant->token_endpoint, talk.allows_loopback);
    if (problem != NULL) {
        end_talk(&talk);
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "sign_in.refused",
                         "the kept token endpoint cannot be used: %s", problem);
    }
    struct slice endpoint;
    buf_init_secret(&form, REQUEST_BYTES_MAX, NULL);
    form_append(&form, SLICE("grant_type"), SLICE("refresh_token"));
    form_append(&form, SLICE("refresh_token"), grant->refresh_token);
    form_append(&form, SLICE("resource"), grant->resource);
    enum status status = arena_format(arena, &endpoint, "%.*s", SLICE_ARG(grant->token_endpoint));
    status = status == STATUS_OK ? ask_for_token(&talk, endpoint, grant, &form, &tokens) : status;
    buf_release(&form);
    end_talk(&talk);
    if (status == STATUS_OK) {
        *out = *grant;
        take_tokens(&tokens, out);
    }
    return status;
}

/* -- the person ---------------------------------------------------------------------------- */

static enum status make_secret(const struct sign_in *sign_in, char out[FLOW_SECRET_BYTES + 1])
{
    uint8_t bytes[32];
    struct buf text;
    TRY(sign_in->random->fill(sign_in->random->context, bytes, sizeof(bytes)));
    buf_init(&text, FLOW_SECRET_BYTES, NULL);
    base64_encode(&text, slice_of(bytes, sizeof(bytes)), BASE64_URL_UNPADDED);
    enum status status = buf_status(&text);
    if (status == STATUS_OK) {
        (void)snprintf(out, FLOW_SECRET_BYTES + 1, "%.*s", SLICE_ARG(buf_view(&text)));
    }
    explicit_bzero(bytes, sizeof(bytes));
    buf_release(&text);
    return status;
}

/* A path of its own for a client of its own, else the one that was registered. */
static enum status set_redirect(struct talk *talk, struct flow *flow, uint16_t port)
{
    char once[FLOW_SECRET_BYTES + 1];
    flow->redirect_path = SLICE(FIXED_PATH);
    if (talk->sign_in->client_id.len == 0) {
        TRY(make_secret(talk->sign_in, once));
        TRY(arena_format(talk->arena, &flow->redirect_path, FIXED_PATH "/%s", once));
    }
    return arena_format(talk->arena, &flow->redirect_uri, "http://127.0.0.1:%u%.*s", (unsigned)port,
                        SLICE_ARG(flow->redirect_path));
}

static enum status wait_for_person(struct talk *talk, const struct flow *flow, int listener,
                                   struct flow_redirect *out)
{
    const struct sign_in *sign_in = talk->sign_in;
    const struct redirect_patience patience = {.until_ms =
                                                   runtime_mono_ms(NULL) + sign_in->time_limit_ms,
                                               .is_stopped = sign_in->is_stopped};
    struct buf address;
    buf_init(&address, SIGN_IN_ADDRESS_BYTES_MAX, NULL);
    flow_write_address(flow, sign_in->crypto, &address);
    buf_append_byte(&address, '\0');
    enum status status = buf_status(&address);
    if (status == STATUS_OK) {
        fprintf(stderr, "aegis: sign in to %.*s with your browser: %s\n", SLICE_ARG(sign_in->url),
                (const char *)address.ptr);
        if (sign_in->opens_browser) {
            browser_open((const char *)address.ptr);
        }
        status = redirect_wait(listener, flow, &patience, talk->arena, out, talk->diag);
    }
    buf_release(&address);
    TRY(status);
    return out->error.len == 0
               ? STATUS_OK
               : refuse(talk, "you were not signed in", out->error, out->error_description);
}

static enum status unite(struct talk *talk, struct slice a, struct slice b, struct slice *out)
{
    struct buf scopes;
    buf_init(&scopes, REQUEST_BYTES_MAX, NULL);
    flow_unite_scopes(a, b, &scopes);
    enum status status = buf_status(&scopes);
    status = status == STATUS_OK ? arena_copy(talk->arena, buf_view(&scopes), out) : status;
    buf_release(&scopes);
    return status;
}

/* What the challenge wants, else all the resource knows (MCP 2025-11-25, authorization); with it
 * what was had before and what the person asks for. */
static enum status choose_scope(struct talk *talk, const struct bearer_challenge *challenge,
                                const struct resource_document *resource, struct slice had,
                                struct slice *out)
{
    struct slice wanted = challenge->scope.len > 0 ? challenge->scope : resource->scopes;
    TRY(unite(talk, had, wanted, out));
    return unite(talk, *out, talk->sign_in->scope, out);
}

static enum status sign_in_at(struct talk *talk, const struct server_document *server,
                              struct flow *flow, int listener, struct grant *grant)
{
    struct flow_redirect redirect;
    TRY(make_secret(talk->sign_in, flow->state));
    TRY(make_secret(talk->sign_in, flow->verifier));
    TRY(talk->sign_in->client_id.len > 0 ? use_client(talk, server, grant)
                                         : register_client(talk, server, flow, grant));
    flow->client_id = grant->client_id;
    TRY(wait_for_person(talk, flow, listener, &redirect));
    return redeem(talk, flow, redirect.code, grant);
}

/* What the challenge wants of the sign-in itself, else what was had before. */
static enum status choose_sign_in(struct talk *talk, const struct bearer_challenge *challenge,
                                  const struct grant *had, struct flow *flow, struct grant *out)
{
    size_t len = 0;
    out->acr_values = challenge->acr_values.len > 0 ? challenge->acr_values : had->acr_values;
    out->claims = challenge->claims.len > 0 ? challenge->claims : had->claims;
    flow->acr_values = out->acr_values;
    flow->max_age_s = challenge->max_age_s;
    uint8_t *claims = arena_alloc(talk->arena, out->claims.len);
    if (claims == NULL) {
        return STATUS_LIMIT;
    }
    enum status status = base64_decode(out->claims, BASE64_STANDARD, claims, out->claims.len, &len);
    flow->claims = slice_of(claims, len);
    if (status != STATUS_OK || slice_has_control(flow->claims) ||
        slice_has_control(out->acr_values)) {
        return diag_fail(talk->diag, STATUS_INVALID, "challenge.syntax",
                         "the server's WWW-Authenticate wants a sign-in that cannot be asked for");
    }
    return STATUS_OK;
}

static enum status talk_to_all(struct talk *talk, struct slice challenge_value,
                               const struct grant *had, struct grant *out)
{
    struct bearer_challenge challenge;
    struct resource_document resource = {0};
    struct server_document server = {0};
    struct flow flow = {0};
    int listener = -1;
    uint16_t port = 0;
    TRY(bearer_challenge_read(challenge_value, talk->arena, &challenge, talk->diag));
    TRY(discover_resource(talk, &challenge, &resource));
    TRY(discover_server(talk, resource.issuer, &server));
    TRY(choose_scope(talk, &challenge, &resource, had->scope, &flow.scope));
    flow.issuer = server.issuer;
    flow.authorization_endpoint = server.authorization_endpoint;
    flow.states_issuer = server.states_issuer;
    flow.resource = resource.resource;
    *out = (struct grant){.resource = resource.resource,
                          .issuer = server.issuer,
                          .token_endpoint = server.token_endpoint};
    TRY(choose_sign_in(talk, &challenge, had, &flow, out));
    if (server.is_openid && flow_wants_sign_in(&flow)) {
        TRY(unite(talk, flow.scope, SLICE("openid"), &flow.scope));
    }
    out->scope = flow.scope;
    TRY(redirect_listen(talk->sign_in->redirect_port, &listener, &port, talk->diag));
    enum status status = set_redirect(talk, &flow, port);
    if (status == STATUS_OK) {
        status = sign_in_at(talk, &server, &flow, listener, out);
    }
    out->signed_in_at_s = runtime_wall_ms(NULL) / 1000;
    (void)close(listener);
    explicit_bzero(&flow, sizeof(flow));
    return status;
}

enum status sign_in_person(const struct sign_in *sign_in, struct slice challenge,
                           const struct grant *had, struct arena *arena, struct grant *out,
                           struct diag *diag)
{
    struct talk talk;
    begin_talk(&talk, sign_in, arena, diag);
    enum status status = talk_to_all(&talk, challenge, had, out);
    end_talk(&talk);
    return status;
}

/* -- signing out --------------------------------------------------------------------------- */

/* RFC 7009 §2.2.1: an access token that everybody can check alone lives on until it ends. */
static enum status explain_revocation(struct talk *talk, struct slice endpoint, int http_status)
{
    struct document document = document_of(talk);
    struct token_document answer = {0};
    struct diag unused = {0};
    enum status status = documents_read_token(&document, &answer, &unused);
    if (status == STATUS_OK && slice_eq(answer.error, SLICE("unsupported_token_type"))) {
        return diag_fail(talk->diag, STATUS_NOT_FOUND, "sign_in.revocation",
                         "'%.*s' takes no such tokens back", SLICE_ARG(endpoint));
    }
    return diag_fail(talk->diag, STATUS_UNAVAILABLE, "sign_in.revocation", "'%.*s' answers %d",
                     SLICE_ARG(endpoint), http_status);
}

static enum status revoke_token(struct talk *talk, struct slice endpoint, const struct grant *grant,
                                bool is_refresh_token)
{
    struct slice token = is_refresh_token ? grant->refresh_token : grant->access_token;
    struct buf form;
    int http_status = 0;
    if (token.len == 0) {
        return STATUS_OK;
    }
    buf_init_secret(&form, REQUEST_BYTES_MAX, NULL);
    form_append(&form, SLICE("token"), token);
    form_append(&form, SLICE("token_type_hint"),
                is_refresh_token ? SLICE("refresh_token") : SLICE("access_token"));
    enum status status = post(talk, endpoint, grant, &form, &http_status);
    buf_release(&form);
    /* RFC 7009 §2.2: 200, also for a token that it does not know. */
    return status != STATUS_OK || http_status == 200
               ? status
               : explain_revocation(talk, endpoint, http_status);
}

enum status sign_in_revoke(const struct sign_in *sign_in, const struct grant *grant,
                           struct arena *arena, struct diag *diag)
{
    struct talk talk;
    struct server_document server = {0};
    begin_talk(&talk, sign_in, arena, diag);
    enum status status = discover_server(&talk, grant->issuer, &server);
    if (status == STATUS_OK && server.revocation_endpoint.len == 0) {
        status = diag_fail(diag, STATUS_NOT_FOUND, "sign_in.revocation",
                           "'%.*s' takes no tokens back", SLICE_ARG(grant->issuer));
    }
    /* The refresh token first: it is worth more, and mostly the other dies with it. */
    status =
        status == STATUS_OK ? revoke_token(&talk, server.revocation_endpoint, grant, true) : status;
    status = status == STATUS_OK ? revoke_token(&talk, server.revocation_endpoint, grant, false)
                                 : status;
    end_talk(&talk);
    return status;
}
