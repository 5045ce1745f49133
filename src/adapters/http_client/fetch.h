/* fetch.h: one small document of an address, by libcurl (curl_library.h), for a thread that may
 * block: the sign-in of `aegis connect`. Whoever serves uses curl_client.h. Follows no redirect,
 * takes no proxy from the environment, and stops at a size and a time.
 */
#ifndef AEGIS_ADAPTERS_HTTP_CLIENT_FETCH_H
#define AEGIS_ADAPTERS_HTTP_CLIENT_FETCH_H

#include "base/buf.h"
#include "base/diag.h"

struct fetch_request {
    const char *url;            /* NUL-terminated */
    bool allows_http;           /* plain HTTP is fine: the address is on loopback */
    const char *authorities;    /* a PEM file, believed besides the system's; NULL: none */
    const char *content_type;   /* of a POST; NULL: a GET */
    struct slice authorization; /* the value of that field; empty: none; borrowed */
    struct slice body;          /* of the POST; borrowed */
};

/* Ask for a JSON document and append the body to out, whose limit bounds it, whatever the answer's
 * status is. STATUS_UNAVAILABLE fetch.library (not loaded) or fetch.failed, STATUS_LIMIT
 * fetch.too_large, STATUS_TIMEOUT fetch.timeout. */
NODISCARD enum status fetch_answer(const struct fetch_request *request, struct buf *out,
                                   int *http_status, struct diag *diag);

#endif
