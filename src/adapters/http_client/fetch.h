/* fetch.h: one small document of an address, by libcurl.
 *
 * For the gateway's own calls (key sets of issuers, sign-in of `aegis connect`), on a thread that
 * may block. Never for MCP traffic. Follows no redirect, takes no proxy from the environment,
 * speaks plain HTTP to loopback only, and stops at a size and a time.
 */
#ifndef AEGIS_ADAPTERS_HTTP_CLIENT_FETCH_H
#define AEGIS_ADAPTERS_HTTP_CLIENT_FETCH_H

#include "base/buf.h"
#include "base/diag.h"

/* What curl_library_load does. */
NODISCARD enum status fetch_init(struct diag *diag);

struct fetch_request {
    const char *url;          /* NUL-terminated */
    bool allows_http;         /* plain HTTP is fine: the address is on loopback */
    const char *content_type; /* of a POST, up to 100 bytes; NULL: a GET */
    struct slice body;        /* of the POST; borrowed */
};

/* Ask for a JSON document and append the body to out, whose limit bounds it, whatever the answer's
 * status is. STATUS_UNAVAILABLE fetch.library (not loaded) or fetch.failed, STATUS_LIMIT
 * fetch.too_large, STATUS_TIMEOUT fetch.timeout. */
NODISCARD enum status fetch_answer(const struct fetch_request *request, struct buf *out,
                                   int *http_status, struct diag *diag);

/* GET url (NUL-terminated) and append the body to out, whose limit bounds it.
 *
 * allows_http  plain HTTP is fine: the address is on loopback
 * Statuses of fetch_answer, and STATUS_UNAVAILABLE fetch.status for any but 200. */
NODISCARD enum status fetch_document(const char *url, bool allows_http, struct buf *out,
                                     struct diag *diag);

#endif
