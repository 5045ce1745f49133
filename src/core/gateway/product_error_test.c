#include "core/gateway/product_error.h"

#include "support/check.h"

/* Clients and readers of records know these by heart: names, numbers and statuses never change. */
TEST(product_errors_are_a_contract)
{
    static const struct {
        enum product_error error;
        const char *name;
        int rpc_code, http_status;
        bool may_retry;
    } rows[] = {
        {PRODUCT_POLICY_DENIED, "policy_denied", 40301, 200, false},
        {PRODUCT_RESOURCE_DENIED, "resource_denied", 40304, 200, false},
        {PRODUCT_REVOKED, "token.revoked", 40101, 401, false},
        {PRODUCT_CANCELLED, "cancelled", 49901, 200, false},
        {PRODUCT_UNANSWERED, "unanswered", 49902, 200, false},
        {PRODUCT_RATE_LIMITED, "rate_limited", 42901, 429, true},
        {PRODUCT_UPSTREAM_PROTOCOL, "upstream_protocol", 50201, 502, false},
        {PRODUCT_UPSTREAM_DOWN, "upstream_down", 50301, 503, false},
        {PRODUCT_UPSTREAM_TIMEOUT, "upstream_timeout", 50401, 504, false},
        {PRODUCT_AUDIT_UNAVAILABLE, "audit_unavailable", 50302, 503, false},
        {PRODUCT_POLICY_UNAVAILABLE, "policy_unavailable", 50303, 503, false},
        {PRODUCT_IDENTITY_UNAVAILABLE, "identity_unavailable", 50304, 503, true},
        {PRODUCT_SECRET_UNAVAILABLE, "secret_unavailable", 50305, 503, false},
        {PRODUCT_OVERLOADED, "overloaded", 50306, 503, true},
    };
    CHECK(COUNT_OF(rows) == PRODUCT_ERROR_COUNT);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct product_error_entry *entry = product_error_find(rows[i].error);
        CHECK_ROW(rows[i].name, str_eq(entry->name, rows[i].name));
        CHECK_ROW(rows[i].name, entry->rpc_code == rows[i].rpc_code);
        CHECK_ROW(rows[i].name, entry->http_status == rows[i].http_status);
        CHECK_ROW(rows[i].name, entry->may_retry == rows[i].may_retry);
        CHECK_ROW(rows[i].name, entry->text.len > 0);
    }
}

TEST(product_error_of_what_failed_on_the_way_to_a_server)
{
    static const struct {
        enum status status;
        const char *code;
        enum product_error error;
    } rows[] = {
        {STATUS_UNAVAILABLE, "upstream.down", PRODUCT_UPSTREAM_DOWN},
        {STATUS_UNAVAILABLE, NULL, PRODUCT_UPSTREAM_DOWN},
        {STATUS_UNAVAILABLE, "upstream.credential", PRODUCT_SECRET_UNAVAILABLE},
        {STATUS_UNAVAILABLE, "upstream.busy", PRODUCT_OVERLOADED},
        {STATUS_UNAVAILABLE, "upstream.share", PRODUCT_RATE_LIMITED},
        {STATUS_TIMEOUT, "upstream.timeout", PRODUCT_UPSTREAM_TIMEOUT},
        {STATUS_TIMEOUT, "operation.deadline", PRODUCT_UPSTREAM_TIMEOUT},
        {STATUS_INVALID, "upstream.protocol", PRODUCT_UPSTREAM_PROTOCOL},
        {STATUS_INVALID, "upstream.content_type", PRODUCT_UPSTREAM_PROTOCOL},
        {STATUS_INVALID, "upstream.status", PRODUCT_UPSTREAM_PROTOCOL},
        {STATUS_LIMIT, "upstream.too_large", PRODUCT_UPSTREAM_PROTOCOL},
        {STATUS_LIMIT, "upstream.memory", PRODUCT_OVERLOADED},
        {STATUS_LIMIT, "gateway.memory", PRODUCT_OVERLOADED},
        {STATUS_LIMIT, NULL, PRODUCT_OVERLOADED},
        {STATUS_CANCELLED, "client.gone", PRODUCT_CANCELLED},
        {STATUS_NOT_FOUND, "upstream.unknown", PRODUCT_UPSTREAM_PROTOCOL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct diag diag = {.code = rows[i].code};
        CHECK_ROW(rows[i].code == NULL ? "no code" : rows[i].code,
                  product_error_of_upstream(rows[i].status, &diag) == rows[i].error);
    }
    CHECK(product_error_of_identity(STATUS_UNAVAILABLE) == PRODUCT_IDENTITY_UNAVAILABLE);
    CHECK(product_error_of_identity(STATUS_LIMIT) == PRODUCT_OVERLOADED);
}

TEST(product_error_without_a_message_has_no_id)
{
    static const struct {
        const char *name;
        enum product_error error;
        struct slice text;
    } rows[] = {
        {"may be tried again", PRODUCT_OVERLOADED,
         SLICE_INIT(
             "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":50306,\"message\":\"the gateway is "
             "overloaded; try again later\",\"data\":{\"code\":\"overloaded\",\"reason\":\"the "
             "gateway is overloaded; try again later\",\"retry\":1}}}")},
        {"may not", PRODUCT_AUDIT_UNAVAILABLE,
         SLICE_INIT(
             "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":50302,\"message\":\"the audit is not "
             "available\",\"data\":{\"code\":\"audit_unavailable\",\"reason\":\"the audit is not "
             "available\"}}}")},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out;
        buf_init(&out, 1024, NULL);
        product_error_write(&out, rows[i].error);
        CHECK_ROW(rows[i].name, slice_eq(buf_view(&out), rows[i].text));
        buf_release(&out);
    }
}
