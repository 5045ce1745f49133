#include "core/mcp/admission.h"

#include "core/mcp/message.h"

struct admission {
    const struct admission_rules *rules;
    const struct http_field *fields;
    size_t field_count;
    int *http_status;
    struct diag *diag;
};

static enum status refuse(struct admission *a, int http_status, const char *code, const char *what)
{
    *a->http_status = http_status;
    return diag_fail(a->diag, STATUS_INVALID, code, "%s", what);
}

static bool is_listed(struct slice value, const struct slice *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_eq_ascii_nocase(value, list[i])) {
            return true;
        }
    }
    return false;
}

/* A page that reaches us by DNS rebinding names its own host. */
static enum status check_host(struct admission *a)
{
    size_t count = 0;
    struct slice host = mcp_field(a->fields, a->field_count, SLICE("host"), &count);
    return count == 1 && is_listed(host, a->rules->hosts, a->rules->host_count)
               ? STATUS_OK
               : refuse(a, 421, "host_refused", "the Host field does not name this gateway");
}

/* And a browser names the origin of any page. */
static enum status check_host_and_origin(struct admission *a)
{
    size_t count = 0;
    TRY(check_host(a));
    struct slice origin = mcp_field(a->fields, a->field_count, SLICE("origin"), &count);
    if (count > 1 ||
        (count == 1 && !is_listed(origin, a->rules->origins, a->rules->origin_count))) {
        return refuse(a, 403, "origin_refused", "the Origin is not on the list");
    }
    return STATUS_OK;
}

/* Cut the next part of a list off *rest. */
static struct slice next_part(struct slice *rest, uint8_t separator)
{
    size_t end = slice_find_byte(*rest, separator);
    struct slice part = slice_trim_ows(slice_sub(*rest, 0, end));
    *rest = slice_sub(*rest, end + 1, rest->len);
    return part;
}

/* MCP, authorization: addresses end up in logs, tokens do not belong there (RFC 6750 §2.3). */
static bool has_token_in_query(struct slice query)
{
    while (query.len > 0) {
        struct slice parameter = next_part(&query, '&');
        struct slice name = slice_sub(parameter, 0, slice_find_byte(parameter, '='));
        if (slice_eq_ascii_nocase(name, SLICE("access_token"))) {
            return true;
        }
    }
    return false;
}

/* RFC 6750 §3.1: more than one way to say who calls is no request of anybody. */
static enum status check_authorization(struct admission *a)
{
    size_t count = 0;
    (void)mcp_field(a->fields, a->field_count, SLICE("authorization"), &count);
    if (count > 1) {
        return refuse(a, 400, "token.repeated", "Authorization appears more than once");
    }
    return has_token_in_query(a->rules->query)
               ? refuse(a, 400, "token.query", "the address holds an access token")
               : STATUS_OK;
}

/* The type, with no parameter but charset=utf-8. */
static bool is_utf8_media_type(struct slice value, struct slice type)
{
    struct slice rest = value;
    if (!slice_eq_ascii_nocase(next_part(&rest, ';'), type)) {
        return false;
    }
    while (rest.len > 0) {
        struct slice parameter = next_part(&rest, ';');
        if (!slice_eq_ascii_nocase(parameter, SLICE("charset=utf-8")) &&
            !slice_eq_ascii_nocase(parameter, SLICE("charset=\"utf-8\""))) {
            return false;
        }
    }
    return true;
}

/* Is there a weight of zero, "not", among the parameters (RFC 9110 §12.4.2)? */
static bool is_excluded(struct slice parameters)
{
    while (parameters.len > 0) {
        struct slice parameter = next_part(&parameters, ';');
        if (slice_eq_ascii_nocase(slice_sub(parameter, 0, 3), SLICE("q=0"))) {
            struct slice rest = slice_sub(parameter, 3, parameter.len);
            return slice_eq(slice_sub(SLICE(".000"), 0, rest.len), rest);
        }
    }
    return false;
}

/* What the client takes for an answer, of the two media types that there are. */
struct accepted {
    bool json, events;
};

/* What one Accept field lists. Other weights are ignored. */
static void take_accept(struct slice value, struct accepted *out)
{
    while (value.len > 0) {
        struct slice range = next_part(&value, ',');
        struct slice name = next_part(&range, ';');
        if (range.len > 0 && is_excluded(range)) {
            continue;
        }
        bool is_any = slice_eq(name, SLICE("*/*"));
        out->json = out->json || is_any || slice_eq_ascii_nocase(name, SLICE("application/json"));
        out->events =
            out->events || is_any || slice_eq_ascii_nocase(name, SLICE("text/event-stream"));
    }
}

static struct accepted accepted_by(const struct admission *a)
{
    struct accepted accepted = {0};
    for (size_t i = 0; i < a->field_count; i++) {
        if (slice_eq_ascii_nocase(a->fields[i].name, SLICE("accept"))) {
            take_accept(a->fields[i].value, &accepted);
        }
    }
    return accepted;
}

static enum status check_body(struct admission *a, struct slice media_type)
{
    size_t count = 0;
    struct slice type = mcp_field(a->fields, a->field_count, SLICE("content-type"), &count);
    if (count != 1 || !is_utf8_media_type(type, media_type)) {
        *a->http_status = 415;
        return diag_fail(a->diag, STATUS_INVALID, "http.media_type",
                         "the body must be %.*s in UTF-8", SLICE_ARG(media_type));
    }
    (void)mcp_field(a->fields, a->field_count, SLICE("content-encoding"), &count);
    return count == 0 ? STATUS_OK : refuse(a, 415, "http.coding", "a coded body is not accepted");
}

static enum status check_post(struct admission *a)
{
    TRY(check_body(a, SLICE("application/json")));
    if (a->rules->form == ADMISSION_SSE_MESSAGES) {
        return STATUS_OK;
    }
    struct accepted accepted = accepted_by(a);
    if (!accepted.json || !accepted.events) {
        return refuse(a, 406, "http.accept",
                      "Accept must list application/json and text/event-stream");
    }
    return STATUS_OK;
}

/* MCP 2025-11-25, transports: GET opens a stream of a session, DELETE ends the session. Modern
 * revisions have neither (MCP 2026-07-28, transports: 405). */
static enum status check_session_request(struct admission *a, bool is_get)
{
    size_t count = 0;
    struct slice version =
        mcp_field(a->fields, a->field_count, SLICE("mcp-protocol-version"), &count);
    if (!a->rules->has_sessions || mcp_revision_is_modern(mcp_revision_parse(version))) {
        return refuse(a, 405, "http.method", "this endpoint takes POST");
    }
    return !is_get || accepted_by(a).events
               ? STATUS_OK
               : refuse(a, 406, "http.accept", "Accept must list text/event-stream");
}

/* Fetch, CORS preflight: what a browser asks before it lets a page of another origin send a request
 * with a token. It is no request of the page yet, and nothing else is answered to OPTIONS. */
static enum status check_preflight(struct admission *a)
{
    size_t origin_count = 0;
    size_t count = 0;
    (void)mcp_field(a->fields, a->field_count, SLICE("origin"), &origin_count);
    struct slice method =
        mcp_field(a->fields, a->field_count, SLICE("access-control-request-method"), &count);
    bool is_asked = slice_eq(method, SLICE("POST")) || slice_eq(method, SLICE("GET")) ||
                    slice_eq(method, SLICE("DELETE"));
    return origin_count == 1 && count == 1 && is_asked
               ? STATUS_OK
               : refuse(a, 405, "http.method", "OPTIONS is taken from browsers only");
}

/* The two endpoints of HTTP with SSE take one method each, and only legacy clients. */
static bool has_method(const struct admission_rules *rules, struct slice method)
{
    switch (rules->form) {
    case ADMISSION_STREAMABLE:
        return true;
    case ADMISSION_SSE_STREAM:
        return rules->has_sessions && slice_eq(method, SLICE("GET"));
    case ADMISSION_SSE_MESSAGES:
        return rules->has_sessions && slice_eq(method, SLICE("POST"));
    }
    return false;
}

enum status admission_check_source(const struct admission_rules *rules,
                                   const struct http_field *fields, size_t field_count,
                                   int *http_status, struct diag *diag)
{
    struct admission a = {rules, fields, field_count, http_status, diag};
    return check_host_and_origin(&a);
}

enum status admission_check(const struct admission_rules *rules, struct slice method,
                            const struct http_field *fields, size_t field_count, int *http_status,
                            struct diag *diag)
{
    struct admission a = {rules, fields, field_count, http_status, diag};
    TRY(check_host_and_origin(&a));
    TRY(check_authorization(&a));
    if (slice_eq(method, SLICE("OPTIONS"))) {
        return check_preflight(&a);
    }
    if (!has_method(rules, method)) {
        return refuse(&a, 405, "http.method", "this endpoint does not take the method");
    }
    if (slice_eq(method, SLICE("POST"))) {
        return check_post(&a);
    }
    bool is_get = slice_eq(method, SLICE("GET"));
    return is_get || slice_eq(method, SLICE("DELETE"))
               ? check_session_request(&a, is_get)
               : refuse(&a, 405, "http.method", "this endpoint takes DELETE, GET and POST");
}

enum status admission_check_page(const struct admission_page *page, struct slice method,
                                 const struct http_field *fields, size_t field_count,
                                 int *http_status, struct diag *diag)
{
    const struct admission_rules rules = {.hosts = page->hosts, .host_count = page->host_count};
    struct admission a = {&rules, fields, field_count, http_status, diag};
    TRY(check_host(&a));
    if (page->is_open && slice_eq(method, SLICE("OPTIONS"))) {
        return STATUS_OK;
    }
    if (!slice_eq(method, page->method)) {
        return refuse(&a, 405, "http.method", "this address does not take the method");
    }
    return slice_eq(method, SLICE("POST")) ? check_body(&a, page->media_type) : STATUS_OK;
}
