/* http_client.h: a small request of the gateway's own to an address of an operator or an issuer.
 *
 * For documents, keys, introspection and token endpoints; never for MCP traffic (upstream.h) and
 * never to an address that a caller chose. The adapter follows no redirect, takes nothing from the
 * environment, gives every request a connection of its own, and judges the address that it really
 * connects to: a name that suddenly means this machine or the private network leads nowhere.
 */
#ifndef AEGIS_CORE_PORTS_HTTP_CLIENT_H
#define AEGIS_CORE_PORTS_HTTP_CLIENT_H

#include "base/diag.h"
#include "wire/network_range.h"

#define HTTP_CLIENT_URL_BYTES_MAX 4096
#define HTTP_CLIENT_FIELD_BYTES_MAX 16384 /* of a field of the request */
#define HTTP_CLIENT_BODY_BYTES_MAX ((size_t)256 << 10)
#define HTTP_CLIENT_AUTHORITIES_BYTES_MAX ((size_t)64 << 10)
#define HTTP_CLIENT_CONNECT_MS 2000
#define HTTP_CLIENT_DEADLINE_MS_MAX 30000
#define HTTP_CLIENT_DEADLINE_MS_DEFAULT 5000
#define HTTP_CLIENT_MAX_AGE_UNKNOWN (-1)

struct http_client_call;

/* All is copied by start, and wiped when the call is over. */
struct http_client_request {
    bool is_post;     /* else GET, without a body */
    struct slice url; /* https://, or http:// with is_local */
    /* The address is one of this machine and may be spoken to without TLS: then nothing else than
     * loopback is connected to, and without it no loopback. */
    bool is_local;
    struct slice content_type, accept, authorization; /* values of fields; empty: not sent */
    struct slice body;
    size_t answer_bytes_max; /* of the body */
    int64_t deadline_ms;     /* for all of it, 1..HTTP_CLIENT_DEADLINE_MS_MAX */
    /* Addresses that may be connected to although they are not public. */
    const struct network_range *ranges;
    size_t range_count;
    struct slice authorities; /* PEM, trusted instead of the system's; empty: the system's */
};

/* Valid during the call of done. */
struct http_client_answer {
    int http_status;
    struct slice content_type; /* as sent; empty: none */
    int64_t max_age_s;         /* Cache-Control; 0: not to be kept; else ..._UNKNOWN */
    struct slice body;
};

/* The caller's side, copied by start; ticket as in upstream.h. */
struct http_client_sink {
    /* The request is over, exactly once unless cancelled. STATUS_OK: there is an answer, whatever
     * its status; else answer is NULL and diag says why: STATUS_INVALID (http_client.url),
     * STATUS_UNAVAILABLE (http_client.failed, http_client.address), STATUS_TIMEOUT
     * (http_client.timeout), STATUS_LIMIT (http_client.too_large), STATUS_CANCELLED
     * (http_client.closed: the gateway stops). */
    void (*done)(const struct http_client_sink *sink, enum status status,
                 const struct http_client_answer *answer, const struct diag *diag);
    void *user;
    uint64_t ticket;
};

/* What is the same whoever makes it: STATUS_INVALID http_client.url or http_client.request. */
NODISCARD enum status http_client_check(const struct http_client_request *request,
                                        struct diag *diag);

struct port_http_client {
    void *context;
    /* On STATUS_OK *out is valid until done or cancel, and done is called later, never from here,
     * on the loop of the caller. STATUS_INVALID (http_client.url, http_client.request),
     * STATUS_LIMIT (http_client.busy, http_client.memory): done will not be called. */
    enum status (*start)(void *context, const struct http_client_request *request,
                         const struct http_client_sink *sink, struct http_client_call **out,
                         struct diag *diag);
    /* After this done is not called. On the loop of the caller. */
    void (*cancel)(void *context, struct http_client_call *call);
};

#endif
