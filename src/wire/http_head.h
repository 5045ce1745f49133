/* http_head.h: the guard. A whole raw HTTP/1.1 head in, its parts out, or a refusal.
 *
 * Accepts one reading only (RFC 9112 without its tolerances): CRLF line ends, no folding, exactly
 * one valid Host, one plain Content-Length or exactly `Transfer-Encoding: chunked`. Whatever two
 * implementations could frame differently is refused, for requests and for responses alike. llhttp
 * reads every head as well and has to agree (http_head.c).
 */
#ifndef AEGIS_WIRE_HTTP_HEAD_H
#define AEGIS_WIRE_HTTP_HEAD_H

#include "base/diag.h"
#include "base/slice.h"

#define HTTP_FIELDS_MAX 128 /* the most that http_limits.fields_max may ask for */

enum http_role {
    HTTP_REQUEST,
    HTTP_RESPONSE,
};

struct http_field {
    struct slice name, value; /* value without surrounding spaces and tabs */
};

struct http_head {
    enum http_role role;
    uint8_t version_minor;       /* of HTTP/1.x */
    struct slice method, target; /* requests */
    int status_code;             /* responses */
    const struct http_field *fields;
    size_t field_count;
    int64_t content_length; /* -1: not stated */
    bool is_chunked;
    bool until_close;     /* response whose body ends with the connection */
    bool keep_alive;      /* the connection may carry another message after this one */
    bool expect_continue; /* Expect: 100-continue */
    int answer;           /* after a failure: 400, 405, 417, 431, 501 or 505 */
};

/* Parse raw, which ends with the empty line. fields receives up to fields_max entries that point
 * into raw. On failure out->answer is the HTTP status a server gives.
 *
 * STATUS_INVALID or STATUS_LIMIT with a code http.*. */
NODISCARD enum status http_head_parse(enum http_role role, struct slice raw,
                                      struct http_field *fields, size_t fields_max,
                                      struct http_head *out, struct diag *diag);

/* The value of the first field of that name (case ignored); empty when there is none. */
struct slice http_head_field(const struct http_head *head, struct slice name);

#endif
