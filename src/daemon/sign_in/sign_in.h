/* sign_in.h: a person signed in at a remote server with the browser (MCP 2025-11-25,
 * authorization).
 *
 * The client's side of OAuth: what the server says of itself leads to its authorization server,
 * which is asked for a code through the browser and for tokens behind it. Blocks: for a thread of
 * its own. Tokens go into the grant and nowhere else; what is said on stderr has none.
 */
#ifndef AEGIS_DAEMON_SIGN_IN_SIGN_IN_H
#define AEGIS_DAEMON_SIGN_IN_SIGN_IN_H

#include "core/ports/random.h"
#include "daemon/sign_in/token_store.h"

#include <stdatomic.h>

#define SIGN_IN_REPLY_BYTES_MAX ((size_t)256 << 10) /* of a server, to one request */
#define SIGN_IN_ADDRESS_BYTES_MAX 16384             /* that the browser is sent to */

/* Who signs in where, and how; all borrowed. */
struct sign_in {
    struct slice url;           /* of the MCP endpoint; https, or on this machine */
    struct slice client_id;     /* registered before; empty: registered now */
    struct slice client_secret; /* of client_id; empty: it is a public client */
    struct slice scope;         /* to ask for besides what the server wants; empty: nothing */
    const char *authorities;    /* a PEM file, believed besides the system's; NULL: none */
    bool opens_browser;         /* else the address is printed only */
    uint16_t redirect_port;     /* 0: any */
    int64_t time_limit_ms;      /* for the person */
    const struct json_parser *parser;
    const struct port_crypto *crypto;
    const struct port_random *random;
    const atomic_bool *is_stopped; /* gives up when it is set */
};

/* Have the person sign in because of a challenge of the server. had: the grant before, whose scopes
 * and kind of sign-in are asked for again; empty without one. Texts of out live in the arena.
 * STATUS_UNAUTHENTICATED sign_in.refused when the person or the server says no; codes challenge.*,
 * document.*, sign_in.*, fetch.*. */
NODISCARD enum status sign_in_person(const struct sign_in *sign_in, struct slice challenge,
                                     const struct grant *had, struct arena *arena,
                                     struct grant *out, struct diag *diag);

/* Get tokens for the refresh token of a grant. STATUS_UNAUTHENTICATED sign_in.refused: the grant is
 * worth nothing any more; anything else: later may work. */
NODISCARD enum status sign_in_refresh(const struct sign_in *sign_in, const struct grant *grant,
                                      struct arena *arena, struct grant *out, struct diag *diag);

/* Tell the authorization server of a grant that its tokens are not used any more (RFC 7009).
 * STATUS_NOT_FOUND sign_in.revocation: it takes none back, or only the one that renews; other
 * statuses: it was not told. */
NODISCARD enum status sign_in_revoke(const struct sign_in *sign_in, const struct grant *grant,
                                     struct arena *arena, struct diag *diag);

#endif
