/* client.h: a client of the front door, as its own metadata describe it.
 *
 * Read from a registration (RFC 7591) or from the document behind an address that is its id (MCP
 * 2026-07-28, client id metadata documents). All of it is what the client says of itself: it is
 * shown to a person who decides, and it bounds where codes go. Clients are public ones, without a
 * secret: what ties a code to them is PKCE.
 */
#ifndef AEGIS_CORE_SIGN_IN_CLIENT_H
#define AEGIS_CORE_SIGN_IN_CLIENT_H

#include "base/buf.h"
#include "base/diag.h"
#include "core/sign_in/redirect_uri.h"
#include "json/tape.h"

#define SIGN_IN_CLIENT_URL_BYTES_MAX 512
#define SIGN_IN_CLIENT_NAME_BYTES_MAX 128
#define SIGN_IN_CLIENT_URIS_MAX 16
#define SIGN_IN_CLIENT_TEXT_BYTES_MAX 1024 /* of sign_in_client_write */

struct sign_in_client {
    struct slice name; /* plain text; empty: it has none */
    struct slice uris[SIGN_IN_CLIENT_URIS_MAX];
    size_t uri_count; /* at least 1 */
};

/* Is the id the address of a document? https, with a path, in one spelling. */
bool sign_in_client_is_url(struct slice id);

/* Take metadata that a client sends to be registered. Texts live in the arena or point into the
 * tape.
 *
 * STATUS_INVALID with sign_in.metadata (a member of a wrong kind, a client that cannot use codes)
 * or sign_in.redirect_uris (none, or one that may not be registered); STATUS_LIMIT sign_in.memory.
 */
NODISCARD enum status sign_in_client_read(const struct json_tape *tape, struct arena *arena,
                                          struct sign_in_client *out, struct diag *diag);

/* Is it the media type of such a document? "application/json", or another that is JSON. */
bool sign_in_client_is_document(struct slice content_type);

/* The same for the document at the address id, which must name it and must not be that of a client
 * with a secret or a key: it would be let in without. */
NODISCARD enum status sign_in_client_read_document(const struct json_tape *tape, struct slice id,
                                                   struct arena *arena, struct sign_in_client *out,
                                                   struct diag *diag);

/* Has the client registered this address? */
bool sign_in_client_has_uri(const struct sign_in_client *client, struct slice uri);

/* Append the metadata that count as JSON, without the closing brace. */
void sign_in_client_write(struct buf *out, const struct sign_in_client *client);

#endif
