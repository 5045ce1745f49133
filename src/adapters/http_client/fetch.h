/* fetch.h: one small document of a configured address, by libcurl.
 *
 * For the gateway's own calls (key sets of issuers), on the control thread: it blocks. Never for
 * MCP traffic. Follows no redirect, takes no proxy from the environment, speaks plain HTTP to
 * loopback only, and stops at a size and a time.
 *
 * libcurl brings some thirty libraries along, so a process loads it only when it has an address to
 * fetch from: others are smaller and start faster. A sandboxed process can load nothing any more.
 */
#ifndef AEGIS_ADAPTERS_HTTP_CLIENT_FETCH_H
#define AEGIS_ADAPTERS_HTTP_CLIENT_FETCH_H

#include "base/buf.h"
#include "base/diag.h"

/* Load libcurl for the rest of the process's life: once, before any thread and before the sandbox.
 * STATUS_UNAVAILABLE fetch.library. */
NODISCARD enum status fetch_init(struct diag *diag);

/* Was it loaded? */
bool fetch_is_ready(void);

/* GET url (NUL-terminated) and append the body to out, whose limit bounds it.
 *
 * allows_http  plain HTTP is fine: the address is on loopback
 * STATUS_UNAVAILABLE fetch.library (not loaded), fetch.failed or fetch.status, STATUS_LIMIT
 * fetch.too_large, STATUS_TIMEOUT fetch.timeout. */
NODISCARD enum status fetch_document(const char *url, bool allows_http, struct buf *out,
                                     struct diag *diag);

#endif
