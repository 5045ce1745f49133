/* endpoint.h: the paths at which the gateway speaks MCP.
 *
 * One spelling each, nothing is decoded: whatever looks almost like an endpoint is none. Whether a
 * server of that name exists is for the snapshot to say, after the caller is known. */
#ifndef AEGIS_CORE_GATEWAY_ENDPOINT_H
#define AEGIS_CORE_GATEWAY_ENDPOINT_H

#include "base/slice.h"

#include <stdbool.h>

/* Is path "/mcp" or "/servers/NAME/mcp", NAME of letters, digits, '_' and '-'? *server is then
 * NAME, a view into path; empty for "/mcp", which stands for all servers. */
bool endpoint_parse(struct slice path, struct slice *server);

/* The path when it is an endpoint, else empty: what a challenge may name. */
struct slice endpoint_path(struct slice path);

#endif
