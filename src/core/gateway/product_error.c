#include "core/gateway/product_error.h"

static const struct product_error_entry ENTRIES[PRODUCT_ERROR_COUNT] = {
    [PRODUCT_REVOKED] = {"token.revoked", 40101, 401, AUDIT_AUTH_REJECT,
                         SLICE_INIT("the access token is not valid"), false},
    [PRODUCT_POLICY_DENIED] = {"policy_denied", 40301, 200, AUDIT_AUTHZ_DENY,
                               SLICE_INIT("denied by policy"), false},
    [PRODUCT_RESOURCE_DENIED] = {"resource_denied", 40304, 200, AUDIT_AUTHZ_DENY,
                                 SLICE_INIT("the address is refused"), false},
    /* Nothing was wrong at the server: its client left, or took the request back. */
    [PRODUCT_CANCELLED] = {"cancelled", 49901, 200, AUDIT_WIRE_REJECT,
                           SLICE_INIT("the request was cancelled"), false},
    [PRODUCT_UNANSWERED] = {"unanswered", 49902, 200, AUDIT_WIRE_REJECT,
                            SLICE_INIT("the server asked what the client did not answer"), false},
    [PRODUCT_RATE_LIMITED] = {"rate_limited", 42901, 429, AUDIT_LIMIT_HIT,
                              SLICE_INIT("too many requests; try again later"), true},
    [PRODUCT_UPSTREAM_PROTOCOL] = {"upstream_protocol", 50201, 502, AUDIT_UPSTREAM_PROTOCOL,
                                   SLICE_INIT("the server broke the protocol"), false},
    [PRODUCT_UPSTREAM_DOWN] = {"upstream_down", 50301, 503, AUDIT_UPSTREAM_PROTOCOL,
                               SLICE_INIT("the server cannot be reached"), false},
    [PRODUCT_UPSTREAM_TIMEOUT] = {"upstream_timeout", 50401, 504, AUDIT_UPSTREAM_PROTOCOL,
                                  SLICE_INIT("the server did not answer in time"), false},
    [PRODUCT_AUDIT_UNAVAILABLE] = {"audit_unavailable", 50302, 503, AUDIT_SELF_FAULT,
                                   SLICE_INIT("the audit is not available"), false},
    [PRODUCT_POLICY_UNAVAILABLE] = {"policy_unavailable", 50303, 503, AUDIT_SELF_FAULT,
                                    SLICE_INIT("there are no policies to decide by"), false},
    [PRODUCT_IDENTITY_UNAVAILABLE] = {"identity_unavailable", 50304, 503, AUDIT_AUTH_REJECT,
                                      SLICE_INIT("access tokens cannot be checked now"), true},
    [PRODUCT_SECRET_UNAVAILABLE] = {"secret_unavailable", 50305, 503, AUDIT_SELF_FAULT,
                                    SLICE_INIT("the server's credential is not available"), false},
    [PRODUCT_OVERLOADED] = {"overloaded", 50306, 503, AUDIT_LIMIT_HIT,
                            SLICE_INIT("the gateway is overloaded; try again later"), true},
};

#define RETRY_S "1"

const struct http_field PRODUCT_RETRY_AFTER = {SLICE_INIT("Retry-After"), SLICE_INIT(RETRY_S)};

const struct product_error_entry *product_error_find(enum product_error error)
{
    return &ENTRIES[error];
}

bool product_error_has_number(int64_t number)
{
    for (int i = 0; i < PRODUCT_ERROR_COUNT; i++) {
        if (ENTRIES[i].rpc_code == number) {
            return true;
        }
    }
    return false;
}

enum product_error product_error_of_upstream(enum status status, const struct diag *diag)
{
    struct slice code = diag->code == NULL ? SLICE_EMPTY : slice_view_cstr(diag->code);
    if (status == STATUS_TIMEOUT) {
        return PRODUCT_UPSTREAM_TIMEOUT;
    }
    if (status == STATUS_CANCELLED) {
        return PRODUCT_CANCELLED;
    }
    if (slice_eq(code, SLICE("upstream.credential"))) {
        return PRODUCT_SECRET_UNAVAILABLE;
    }
    if (slice_eq(code, SLICE("upstream.share"))) {
        return PRODUCT_RATE_LIMITED;
    }
    /* What a server sends too much of is its fault; every other bound is our own. */
    if (slice_eq(code, SLICE("upstream.busy")) ||
        (status == STATUS_LIMIT && !slice_eq(code, SLICE("upstream.too_large")))) {
        return PRODUCT_OVERLOADED;
    }
    /* A session that the server does not know any more is as good as a server that was restarted.
     */
    return status == STATUS_UNAVAILABLE || slice_eq(code, SLICE("upstream.session"))
               ? PRODUCT_UPSTREAM_DOWN
               : PRODUCT_UPSTREAM_PROTOCOL;
}

enum product_error product_error_of_identity(enum status status)
{
    if (status == STATUS_UNAUTHENTICATED) {
        return PRODUCT_RATE_LIMITED;
    }
    return status == STATUS_UNAVAILABLE ? PRODUCT_IDENTITY_UNAVAILABLE : PRODUCT_OVERLOADED;
}

void product_error_write_retry(struct buf *out, bool may_retry)
{
    if (may_retry) {
        buf_append(out, SLICE(",\"retry\":" RETRY_S));
    }
}

void product_error_write(struct buf *out, enum product_error error)
{
    const struct product_error_entry *entry = product_error_find(error);
    buf_append(out, SLICE("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":"));
    buf_append_i64(out, entry->rpc_code);
    buf_append(out, SLICE(",\"message\":"));
    buf_append_json_string(out, entry->text);
    buf_append(out, SLICE(",\"data\":{\"code\":"));
    buf_append_json_string(out, slice_view_cstr(entry->name));
    buf_append(out, SLICE(",\"reason\":"));
    buf_append_json_string(out, entry->text);
    product_error_write_retry(out, entry->may_retry);
    buf_append(out, SLICE("}}}"));
}
