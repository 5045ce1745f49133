/* admission.h: what the head of a request must look like before a byte of its body is read.
 *
 * Rules of the Streamable HTTP transport and of browsers: who may talk to this listener (Host,
 * Origin), whether there can be a message or a session to speak of (method, media types, coding).
 * Tokens are checked later, with the whole request at hand.
 */
#ifndef AEGIS_CORE_MCP_ADMISSION_H
#define AEGIS_CORE_MCP_ADMISSION_H

#include "base/diag.h"
#include "wire/http_head.h"

/* What is spoken at an endpoint. */
enum admission_form {
    ADMISSION_STREAMABLE,   /* Streamable HTTP */
    ADMISSION_SSE_STREAM,   /* MCP 2024-11-05, HTTP with SSE: GET of the stream */
    ADMISSION_SSE_MESSAGES, /* its messages, POSTed; answers come on the stream */
};

/* Borrowed. */
struct admission_rules {
    const struct slice
        *hosts; /* values of Host that name this listener, with port if not default */
    size_t host_count;
    const struct slice *origins; /* web origins that may send requests from a browser */
    size_t origin_count;
    struct slice query; /* of the request target; empty: none */
    bool has_sessions;  /* of legacy revisions: GET and DELETE are served */
    enum admission_form form;
};

/* Judge who asks, as far as Host and Origin tell. STATUS_OK, or STATUS_INVALID with *http_status
 * 421 (host_refused) or 403 (origin_refused). */
NODISCARD enum status admission_check_source(const struct admission_rules *rules,
                                             const struct http_field *fields, size_t field_count,
                                             int *http_status, struct diag *diag);

/* Judge a head for an MCP endpoint.
 *
 * Returns STATUS_OK for a POST that may hold a message, for a GET of a stream and a DELETE of a
 * session where there are sessions (the other forms take one of the two alone), and for OPTIONS
 * that is the preflight of a listed origin. Otherwise STATUS_INVALID with *http_status 421
 * (host_refused), 403 (origin_refused), 400 (token.repeated, token.query), 405 (http.method), 406
 * (http.accept) or 415 (http.media_type, http.coding). Host and Origin come first: any other status
 * was for a caller of a listed origin, or of none. */
NODISCARD enum status admission_check(const struct admission_rules *rules, struct slice method,
                                      const struct http_field *fields, size_t field_count,
                                      int *http_status, struct diag *diag);

/* What an address of the front door takes. */
struct admission_page {
    const struct slice *hosts; /* as in admission_rules */
    size_t host_count;
    struct slice method;     /* GET or POST */
    struct slice media_type; /* of a POST, without parameters */
    bool is_open;            /* to pages of any origin: OPTIONS is taken, too */
};

/* Judge a head for such an address: its Host, then its method and the form of its body. Who may
 * read the answer is not judged here: pages of other origins come without a cookie, or to what is
 * open.
 *
 * STATUS_INVALID with *http_status 421 (host_refused), 405 (http.method) or 415 (http.media_type,
 * http.coding). */
NODISCARD enum status admission_check_page(const struct admission_page *page, struct slice method,
                                           const struct http_field *fields, size_t field_count,
                                           int *http_status, struct diag *diag);

#endif
