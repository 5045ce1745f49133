#include "daemon/sign_in/documents.h"

#include "base/buf.h"
#include "core/identity/challenge.h"
#include "daemon/config/config_url.h"
#include "daemon/discovery.h"
#include "daemon/sign_in/client_method.h"

const char *documents_url_problem(struct slice url, bool allows_loopback)
{
    struct config_url parsed;
    const char *problem = config_url_parse(url, &parsed);
    if (problem != NULL) {
        return problem;
    }
    if (parsed.is_https || (allows_loopback && config_host_is_loopback(parsed.host))) {
        return NULL;
    }
    return "it must be https";
}

/* -- addresses ----------------------------------------------------------------------------- */

/* "https://host:port" and "/path" without a query and a last slash. */
static bool split(struct slice url, struct slice *origin, struct slice *path)
{
    struct config_url parsed;
    if (config_url_parse(url, &parsed) != NULL) {
        return false;
    }
    size_t start = 0; /* behind the slashes of the scheme, up to the first one of the path */
    start = slice_find_byte(url, ':') + 3;
    struct slice rest = slice_sub(url, start, url.len);
    size_t authority = slice_find_byte(rest, '/');
    size_t query = slice_find_byte(rest, '?');
    size_t end = authority < query ? authority : query;
    *origin = slice_sub(url, 0, start + end);
    *path = slice_sub(rest, end, query);
    if (slice_ends_with(*path, SLICE("/"))) {
        path->len--;
    }
    return true;
}

static enum status add(struct arena *arena, const struct slice parts[3], struct slice *out,
                       size_t *count)
{
    /* libcurl wants a NUL behind it. */
    TRY(arena_format(arena, &out[*count], "%.*s%.*s%.*s", SLICE_ARG(parts[0]), SLICE_ARG(parts[1]),
                     SLICE_ARG(parts[2])));
    ++*count;
    return STATUS_OK;
}

enum status documents_of_resource(struct slice resource, struct arena *arena,
                                  struct slice out[DOCUMENTS_CANDIDATES], size_t *count)
{
    const struct slice well_known = SLICE(CHALLENGE_METADATA_PATH);
    struct slice origin, path;
    *count = 0;
    if (!split(resource, &origin, &path)) {
        return STATUS_INVALID;
    }
    if (path.len > 0) {
        TRY(add(arena, (struct slice[]){origin, well_known, path}, out, count));
    }
    return add(arena, (struct slice[]){origin, well_known, SLICE_EMPTY}, out, count);
}

enum status documents_of_issuer(struct slice issuer, struct arena *arena,
                                struct slice out[DOCUMENTS_CANDIDATES], size_t *count)
{
    struct config_url parsed;
    *count = 0;
    /* RFC 8414 §2: an issuer has no query. */
    if (config_url_parse(issuer, &parsed) != NULL || slice_find_byte(issuer, '?') < issuer.len) {
        return STATUS_INVALID;
    }
    enum status status = STATUS_OK;
    while (status == STATUS_OK && *count < DOCUMENTS_CANDIDATES) {
        status = discovery_well_known(issuer, *count, arena, &out[*count]);
        *count += status == STATUS_OK;
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* -- members ------------------------------------------------------------------------------- */

enum status documents_text(const struct json_tape *tape, struct slice name, struct arena *arena,
                           struct slice *out)
{
    json_ref ref = json_member(tape, 0, name);
    *out = SLICE_EMPTY;
    if (ref == JSON_NONE || json_type(tape, ref) != JSON_STRING) {
        return STATUS_OK;
    }
    struct slice text;
    TRY(json_string(tape, ref, arena, &text));
    return arena_copy(arena, text, out);
}

static enum status open_object(const struct document *document, struct json_tape *tape,
                               struct diag *diag)
{
    struct diag inner = {0};
    enum status status =
        json_parse(document->parser, document->text, document->arena, tape, &inner);
    if (status != STATUS_OK || json_type(tape, 0) != JSON_OBJECT) {
        return diag_fail(diag, status == STATUS_LIMIT ? status : STATUS_INVALID, "document.syntax",
                         "no JSON object came back: %s",
                         status == STATUS_OK ? "it is something else" : inner.message);
    }
    return STATUS_OK;
}

static bool lists(const struct json_tape *tape, struct slice name, struct slice text)
{
    struct json_iter iter;
    json_ref key, value;
    json_ref list = json_member(tape, 0, name);
    if (list == JSON_NONE) {
        return false;
    }
    json_iter_init(&iter, tape, list);
    while (json_iter_next(&iter, &key, &value)) {
        if (json_string_eq(tape, value, text)) {
            return true;
        }
    }
    return false;
}

static bool is_true(const struct json_tape *tape, struct slice name)
{
    json_ref ref = json_member(tape, 0, name);
    return ref != JSON_NONE && json_type(tape, ref) == JSON_TRUE;
}

/* -- of a resource ------------------------------------------------------------------------- */

/* The same, or something above it: at a slash, on the same host (RFC 9728 §3.3 asks for the same;
 * many servers name their host alone). */
static bool is_above(struct slice resource, struct slice url)
{
    if (slice_eq(resource, url)) {
        return true;
    }
    struct slice origin, path, other_origin, other_path;
    if (!split(resource, &origin, &path) || !split(url, &other_origin, &other_path)) {
        return false;
    }
    return slice_eq(origin, other_origin) && slice_starts_with(other_path, path) &&
           (other_path.len == path.len ||
            slice_starts_with(slice_sub(other_path, path.len, other_path.len), SLICE("/")));
}

static enum status choose_issuer(const struct document *document, const struct json_tape *tape,
                                 struct slice *out)
{
    struct json_iter iter;
    json_ref key, value;
    json_ref list = json_member(tape, 0, SLICE("authorization_servers"));
    if (list == JSON_NONE) {
        return STATUS_NOT_FOUND;
    }
    json_iter_init(&iter, tape, list);
    while (json_iter_next(&iter, &key, &value)) {
        struct slice text;
        if (json_type(tape, value) != JSON_STRING) {
            continue;
        }
        TRY(json_string(tape, value, document->arena, &text));
        if (documents_url_problem(text, document->allows_loopback) == NULL) {
            return arena_copy(document->arena, text, out);
        }
    }
    return STATUS_NOT_FOUND;
}

static enum status join_scopes(const struct document *document, const struct json_tape *tape,
                               struct slice *out)
{
    struct json_iter iter;
    json_ref key, value;
    struct buf scopes;
    json_ref list = json_member(tape, 0, SLICE("scopes_supported"));
    *out = SLICE_EMPTY;
    if (list == JSON_NONE) {
        return STATUS_OK;
    }
    buf_init(&scopes, DOCUMENTS_SCOPES_BYTES_MAX, NULL);
    json_iter_init(&iter, tape, list);
    while (json_iter_next(&iter, &key, &value)) {
        struct slice text;
        if (json_string(tape, value, document->arena, &text) == STATUS_OK &&
            slice_is_visible(text) && text.len > 0) {
            buf_append(&scopes, scopes.len > 0 ? SLICE(" ") : SLICE_EMPTY);
            buf_append(&scopes, text);
        }
    }
    enum status status = buf_status(&scopes);
    status = status == STATUS_OK ? arena_copy(document->arena, buf_view(&scopes), out) : status;
    buf_release(&scopes);
    return status;
}

enum status documents_read_resource(const struct document *document, struct slice url,
                                    struct resource_document *out, struct diag *diag)
{
    struct json_tape tape;
    *out = (struct resource_document){0};
    TRY(open_object(document, &tape, diag));
    TRY(documents_text(&tape, SLICE("resource"), document->arena, &out->resource));
    if (!is_above(out->resource, url)) {
        return diag_fail(diag, STATUS_INVALID, "document.resource",
                         "the metadata is of another resource, '%.*s'", SLICE_ARG(out->resource));
    }
    if (choose_issuer(document, &tape, &out->issuer) != STATUS_OK) {
        return diag_fail(diag, STATUS_INVALID, "document.issuer",
                         "the metadata names no authorization server that can be asked (by https)");
    }
    return join_scopes(document, &tape, &out->scopes);
}

/* -- of an authorization server ------------------------------------------------------------ */

static enum status read_endpoint(const struct document *document, const struct json_tape *tape,
                                 struct slice name, struct slice *out, struct diag *diag)
{
    struct slice text;
    TRY(documents_text(tape, name, document->arena, &text));
    *out = SLICE_EMPTY;
    if (text.len == 0) {
        return STATUS_OK;
    }
    const char *problem = documents_url_problem(text, document->allows_loopback);
    if (problem != NULL) {
        return diag_fail(diag, STATUS_INVALID, "document.endpoint",
                         "the '%.*s' of the authorization server cannot be used: %s",
                         SLICE_ARG(name), problem);
    }
    return arena_format(document->arena, out, "%.*s", SLICE_ARG(text));
}

/* RFC 8414 §2: by default clients show a secret by Basic. */
static unsigned read_client_methods(const struct json_tape *tape)
{
    static const enum client_method KNOWN[] = {CLIENT_METHOD_NONE, CLIENT_METHOD_BASIC,
                                               CLIENT_METHOD_POST};
    const struct slice name = SLICE("token_endpoint_auth_methods_supported");
    unsigned taken = 0;
    if (json_member(tape, 0, name) == JSON_NONE) {
        return CLIENT_METHOD_BIT(CLIENT_METHOD_BASIC);
    }
    for (size_t i = 0; i < COUNT_OF(KNOWN); i++) {
        taken |= lists(tape, name, client_method_name(KNOWN[i])) ? CLIENT_METHOD_BIT(KNOWN[i]) : 0;
    }
    return taken;
}

static enum status check_server(const struct json_tape *tape, struct slice issuer,
                                const struct server_document *server, struct diag *diag)
{
    if (!slice_eq(server->issuer, issuer)) {
        return diag_fail(diag, STATUS_INVALID, "document.issuer",
                         "the metadata of '%.*s' is of another issuer, '%.*s'", SLICE_ARG(issuer),
                         SLICE_ARG(server->issuer));
    }
    if (server->authorization_endpoint.len == 0 || server->token_endpoint.len == 0) {
        return diag_fail(diag, STATUS_INVALID, "document.endpoint",
                         "'%.*s' signs nobody in: it names no authorization or token endpoint",
                         SLICE_ARG(issuer));
    }
    /* MCP 2025-11-25, authorization: without this statement the client must not go on. */
    if (!lists(tape, SLICE("code_challenge_methods_supported"), SLICE("S256"))) {
        return diag_fail(diag, STATUS_INVALID, "document.pkce",
                         "'%.*s' does not say that it checks PKCE with S256", SLICE_ARG(issuer));
    }
    return STATUS_OK;
}

enum status documents_read_server(const struct document *document, struct slice issuer,
                                  struct server_document *out, struct diag *diag)
{
    struct json_tape tape;
    *out = (struct server_document){0};
    TRY(open_object(document, &tape, diag));
    TRY(documents_text(&tape, SLICE("issuer"), document->arena, &out->issuer));
    TRY(read_endpoint(document, &tape, SLICE("authorization_endpoint"),
                      &out->authorization_endpoint, diag));
    TRY(read_endpoint(document, &tape, SLICE("token_endpoint"), &out->token_endpoint, diag));
    TRY(read_endpoint(document, &tape, SLICE("registration_endpoint"), &out->registration_endpoint,
                      diag));
    TRY(read_endpoint(document, &tape, SLICE("revocation_endpoint"), &out->revocation_endpoint,
                      diag));
    out->client_methods = read_client_methods(&tape);
    out->is_openid = lists(&tape, SLICE("scopes_supported"), SLICE("openid"));
    out->takes_client_document = is_true(&tape, SLICE("client_id_metadata_document_supported"));
    out->states_issuer = is_true(&tape, SLICE("authorization_response_iss_parameter_supported"));
    return check_server(&tape, issuer, out, diag);
}

/* -- answers ------------------------------------------------------------------------------- */

static enum status read_error(const struct document *document, const struct json_tape *tape,
                              struct slice *error, struct slice *description)
{
    TRY(documents_text(tape, SLICE("error"), document->arena, error));
    return documents_text(tape, SLICE("error_description"), document->arena, description);
}

static enum status read_lifetime(const struct json_tape *tape, int64_t *out)
{
    json_ref ref = json_member(tape, 0, SLICE("expires_in"));
    if (ref == JSON_NONE || json_integer(tape, ref, out) != STATUS_OK || *out < 0) {
        *out = 0;
    }
    return STATUS_OK;
}

enum status documents_read_token(const struct document *document, struct token_document *out,
                                 struct diag *diag)
{
    struct json_tape tape;
    struct slice type;
    *out = (struct token_document){0};
    TRY(open_object(document, &tape, diag));
    TRY(read_error(document, &tape, &out->error, &out->error_description));
    TRY(documents_text(&tape, SLICE("access_token"), document->arena, &out->access_token));
    TRY(documents_text(&tape, SLICE("refresh_token"), document->arena, &out->refresh_token));
    TRY(documents_text(&tape, SLICE("scope"), document->arena, &out->scope));
    TRY(documents_text(&tape, SLICE("token_type"), document->arena, &type));
    TRY(read_lifetime(&tape, &out->lifetime_s));
    if (out->error.len > 0) {
        return STATUS_OK;
    }
    bool is_usable = out->access_token.len > 0 && slice_is_visible(out->access_token) &&
                     slice_eq_ascii_nocase(type, SLICE("Bearer"));
    return is_usable ? STATUS_OK
                     : diag_fail(diag, STATUS_INVALID, "document.token",
                                 "the authorization server gave no bearer token");
}

enum status documents_read_client(const struct document *document, struct client_document *out,
                                  struct diag *diag)
{
    struct json_tape tape;
    *out = (struct client_document){0};
    TRY(open_object(document, &tape, diag));
    TRY(read_error(document, &tape, &out->error, &out->error_description));
    TRY(documents_text(&tape, SLICE("client_id"), document->arena, &out->id));
    TRY(documents_text(&tape, SLICE("client_secret"), document->arena, &out->secret));
    TRY(documents_text(&tape, SLICE("token_endpoint_auth_method"), document->arena, &out->method));
    return out->error.len > 0 || out->id.len > 0
               ? STATUS_OK
               : diag_fail(diag, STATUS_INVALID, "document.client",
                           "the authorization server gave no client id");
}
