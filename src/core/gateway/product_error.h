/* product_error.h: the refusals that are ours and not the protocol's, in one table.
 *
 * Name, number and HTTP status of each are a contract with clients and with whoever reads records.
 * Refusals of the message itself have the codes that the protocol revision prescribes (message.h).
 */
#ifndef AEGIS_CORE_GATEWAY_PRODUCT_ERROR_H
#define AEGIS_CORE_GATEWAY_PRODUCT_ERROR_H

#include "base/buf.h"
#include "base/diag.h"
#include "core/audit/record.h"
#include "wire/http_head.h"

enum product_error {
    PRODUCT_POLICY_DENIED,
    PRODUCT_RESOURCE_DENIED,
    PRODUCT_REVOKED, /* the caller, since he was let in */
    PRODUCT_CANCELLED,
    PRODUCT_UNANSWERED,
    PRODUCT_RATE_LIMITED,
    PRODUCT_UPSTREAM_PROTOCOL,
    PRODUCT_UPSTREAM_DOWN,
    PRODUCT_UPSTREAM_TIMEOUT,
    PRODUCT_AUDIT_UNAVAILABLE,
    PRODUCT_POLICY_UNAVAILABLE,
    PRODUCT_IDENTITY_UNAVAILABLE,
    PRODUCT_SECRET_UNAVAILABLE,
    PRODUCT_OVERLOADED,
    PRODUCT_ERROR_COUNT,
};

struct product_error_entry {
    const char *name; /* stable, in `data.code` and in the record */
    int rpc_code;     /* stable */
    int http_status;  /* of an answer that has not begun */
    enum audit_type audit_type;
    struct slice text; /* neutral, for the caller */
    bool may_retry;    /* the answer has a Retry-After, and says so in `data.retry` */
};

const struct product_error_entry *product_error_find(enum product_error error);

/* Is that the number of one of them? */
bool product_error_has_number(int64_t number);

/* Which one is it when a server, or what leads to it, failed with this status and diag? */
enum product_error product_error_of_upstream(enum status status, const struct diag *diag);

/* Which one is it when nobody could say who calls? STATUS_UNAUTHENTICATED: with token.later. */
enum product_error product_error_of_identity(enum status status);

/* For entries that may be retried. */
extern const struct http_field PRODUCT_RETRY_AFTER;

/* Append the member of `data` that says the same to who reads no fields: on standard streams, in a
 * stream that has begun, in a batch. */
void product_error_write_retry(struct buf *out, bool may_retry);

/* Append the JSON-RPC error of a request of which no message was read: it has no id. */
void product_error_write(struct buf *out, enum product_error error);

#endif
