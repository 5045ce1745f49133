/* discovery.h: where an issuer says its keys are, and where people sign in (RFC 8414, OpenID
 * Connect Discovery 1.0).
 *
 * Pure text: asking is for key_sets.h. What is found there must name exactly the issuer that was
 * asked for, and leads only to hosts that the configuration allows.
 */
#ifndef AEGIS_DAEMON_DISCOVERY_H
#define AEGIS_DAEMON_DISCOVERY_H

#include "base/arena.h"
#include "base/diag.h"
#include "daemon/config/config.h"
#include "json/tape.h"

#define DISCOVERY_BYTES_MAX ((size_t)256 << 10)

/* The address of an authorization server's metadata to try as index-th, in the order of MCP's
 * authorization: RFC 8414 and OpenID Connect, both inserted before the path of the issuer, then
 * OpenID Connect behind it. issuer: http:// or https://, without a query. NUL-terminated.
 * STATUS_NOT_FOUND: there are no more; STATUS_LIMIT: no memory. */
NODISCARD enum status discovery_well_known(struct slice issuer, size_t index, struct arena *arena,
                                           struct slice *out);

/* The address of metadata of an entry to try as index-th: only metadata_url where that is given,
 * else those of the issuer. Form and statuses of discovery_well_known. */
NODISCARD enum status discovery_address(const struct config_issuer *issuer, size_t index,
                                        struct arena *arena, struct slice *out);

/* What a metadata document says, as far as the configuration does not; texts are NUL-terminated. */
struct discovery {
    struct config_url keys; /* empty where none are looked for */
    /* For a front door; empty: not looked for, not there, or at an address that is not allowed. */
    struct config_url authorization, token;
    struct config_url introspection; /* of tokens that only the issuer can read; likewise */
    bool names_issuer;               /* in every answer of the authorization endpoint (RFC 9207) */
};

/* Read a metadata document; texts in the arena. STATUS_INVALID: discovery.malformed,
 * discovery.issuer (it is about another one), discovery.keys (none, or at an address that is not
 * allowed); STATUS_LIMIT discovery.memory. */
NODISCARD enum status discovery_read(const struct json_parser *parser,
                                     const struct config_issuer *issuer, struct slice text,
                                     struct arena *arena, struct discovery *out, struct diag *diag);

/* Is a host one of the issuer, or one that its entry lists? */
bool discovery_allows(const struct config_issuer *issuer, const struct config_url *url);

#endif
