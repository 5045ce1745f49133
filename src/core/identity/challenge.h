/* challenge.h: telling a client where to get a token (RFC 6750 §3, RFC 9728, MCP authorization).
 *
 * The texts are neutral: the outside learns that a token is missing or not valid, not which rule it
 * broke.
 */
#ifndef AEGIS_CORE_IDENTITY_CHALLENGE_H
#define AEGIS_CORE_IDENTITY_CHALLENGE_H

#include "base/buf.h"

#define CHALLENGE_METADATA_PATH "/.well-known/oauth-protected-resource"

/* Append the value of WWW-Authenticate for a 401.
 *
 * public_url  "https://mcp.example.com", no trailing slash; empty: the challenge names no metadata
 * path        request target of the resource; a query is left out
 * had_token   the request carried a token, so the error is named
 */
void challenge_write(struct buf *buf, struct slice public_url, struct slice path, bool had_token);

/* Metadata of one protected resource; all borrowed. */
struct challenge_metadata {
    struct slice resource; /* exactly what clients must use */
    struct slice resource_name;
    const struct slice *authorization_servers; /* issuers */
    size_t authorization_server_count;
    const struct slice *scopes; /* the minimal set */
    size_t scope_count;
};

/* Append the metadata document (RFC 9728 §2) as JSON on one line. */
void challenge_metadata_write(struct buf *buf, const struct challenge_metadata *metadata);

#endif
