/* admission.h: what the head of a request must look like before a byte of its body is read.
 *
 * Rules of the Streamable HTTP transport and of browsers: who may talk to this listener (Host,
 * Origin) and whether the body can be a message at all (method, media types, coding). Tokens are
 * checked later, with the whole request at hand.
 */
#ifndef AEGIS_CORE_MCP_ADMISSION_H
#define AEGIS_CORE_MCP_ADMISSION_H

#include "base/diag.h"
#include "wire/http_head.h"

/* Borrowed. */
struct admission_rules {
    const struct slice
        *hosts; /* values of Host that name this listener, with port if not default */
    size_t host_count;
    const struct slice *origins; /* web origins that may send requests from a browser */
    size_t origin_count;
};

/* Judge a head for an MCP endpoint.
 *
 * Returns STATUS_OK, or STATUS_INVALID with *http_status 400 (token.repeated), 403
 * (origin_refused), 421 (host_refused), 405 (http.method), 406 (http.accept) or 415
 * (http.media_type, http.coding). */
NODISCARD enum status admission_check(const struct admission_rules *rules, struct slice method,
                                      const struct http_field *fields, size_t field_count,
                                      int *http_status, struct diag *diag);

#endif
