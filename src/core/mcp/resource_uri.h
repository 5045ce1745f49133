/* resource_uri.h: the address of a resource in the one form that policies see and servers get.
 *
 * Owns the rules by which two spellings are one address, and refuses every spelling that two
 * readers could take for different ones: what is judged is what is forwarded. Resolves nothing: a
 * path with dot segments is refused, not shortened. What a server's disk makes of a path, symbolic
 * links above all, cannot be known here.
 */
#ifndef AEGIS_CORE_MCP_RESOURCE_URI_H
#define AEGIS_CORE_MCP_RESOURCE_URI_H

#include "base/arena.h"
#include "base/diag.h"

#define RESOURCE_URI_BYTES_MAX 8192

struct resource_uri {
    struct slice text;   /* the normal form; reading it again gives itself */
    struct slice scheme; /* lower case */
    struct slice host;   /* with its port unless that is the scheme's own; may be empty */
    struct slice path;   /* decoded once, without query and fragment; may be empty */
};

/* Read an address. RFC 3986 characters only; http, https, ws, wss and file need "//" and lose case
 * of the host, the scheme's own port and the host "localhost" of a file; escapes of unreserved
 * characters are decoded, the others get capital digits. Other schemes keep their authority as it
 * is: only their servers know its rules.
 *
 * Everything in *out lives as long as the arena. STATUS_INVALID with code resource.uri,
 * STATUS_LIMIT when it is too long or the arena is full. Source: RFC 3986 section 6, RFC 8089. */
NODISCARD enum status resource_uri_read(struct slice text, struct arena *arena,
                                        struct resource_uri *out, struct diag *diag);

#endif
