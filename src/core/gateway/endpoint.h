/* endpoint.h: the paths at which the gateway speaks MCP.
 *
 * One spelling each, nothing is decoded: whatever looks almost like an endpoint is none. Whether a
 * server of that name exists is for the snapshot to say, after the caller is known. */
#ifndef AEGIS_CORE_GATEWAY_ENDPOINT_H
#define AEGIS_CORE_GATEWAY_ENDPOINT_H

#include "base/slice.h"

#include <stdbool.h>

enum endpoint_kind {
    ENDPOINT_MCP,      /* Streamable HTTP: ".../mcp" */
    ENDPOINT_SSE,      /* MCP 2024-11-05, HTTP with SSE: the stream, ".../sse" */
    ENDPOINT_MESSAGES, /* what a client of such a stream posts to: ".../messages?session=ID" */
};

/* Views into the target. */
struct endpoint {
    enum endpoint_kind kind;
    struct slice path;    /* without the query */
    struct slice server;  /* empty: all servers */
    struct slice view;    /* empty: everything of them */
    struct slice session; /* ENDPOINT_MESSAGES: what stands for an id there */
};

/* Is target the last part of those alone ("/mcp": all servers), or "/servers/NAME" or "/views/NAME"
 * before it, NAME of letters, digits, '_' and '-'? */
bool endpoint_parse(struct slice target, struct endpoint *out);

/* The path when it is an endpoint, else empty: what a challenge may name. */
struct slice endpoint_path(struct slice target);

#endif
