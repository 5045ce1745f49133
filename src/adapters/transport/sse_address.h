/* sse_address.h: where an HTTP+SSE server (MCP 2024-11-05) wants its messages.
 *
 * The server says it on its stream, in words of its own, and what is sent there carries the
 * server's credential: so it must be the same origin, and have one reading. */
#ifndef AEGIS_ADAPTERS_TRANSPORT_SSE_ADDRESS_H
#define AEGIS_ADAPTERS_TRANSPORT_SSE_ADDRESS_H

#include "adapters/transport/http_upstream.h"
#include "base/buf.h"

#define SSE_ADDRESS_BYTES_MAX 2048

/* Append the request target of address, as it stands in the event or relative to the stream of
 * target. STATUS_INVALID upstream.endpoint: of another origin, too long, or with two readings. */
NODISCARD enum status sse_address_resolve(const struct upstream_target *target,
                                          struct slice address, struct buf *out, struct diag *diag);

#endif
