/* cors.h: what a browser must hear before it lets a page of a listed origin use the gateway.
 *
 * The Fetch standard's protocol for requests across origins. Who is listed was decided by
 * admission.h; here are only the answers: no origin is named that was not the request's own, there
 * is no wildcard, and cookies are never asked for.
 */
#ifndef AEGIS_CORE_MCP_CORS_H
#define AEGIS_CORE_MCP_CORS_H

#include "base/buf.h"
#include "wire/http_head.h"

#define CORS_FIELDS_MAX 3
#define CORS_PREFLIGHT_FIELDS 5
#define CORS_PREFLIGHT_BYTES_MAX 4096 /* for the names that a preflight allows */

/* The fields of an answer to a page of that origin, which is borrowed; none when it is empty.
 * Returns how many. */
size_t cors_fields(struct slice origin, struct http_field fields[CORS_FIELDS_MAX]);

/* The fields of the answer to a preflight of that origin. requested is what it asks to send
 * (Access-Control-Request-Headers): the fields of MCP are allowed, and of those it asks for the
 * ones that repeat a tool's parameters, whose names only the tools know. names holds them; the
 * fields borrow from it. False without memory. */
NODISCARD bool cors_preflight_fields(struct slice origin, struct slice requested, struct buf *names,
                                     struct http_field fields[CORS_PREFLIGHT_FIELDS]);

#endif
