/* token_store.h: what a person is signed in with, in one file for each resource.
 *
 * Only its owner can read a file, and it is replaced as a whole. A lock beside it keeps two
 * processes from renewing at once: most refresh tokens are good for one use.
 */
#ifndef AEGIS_DAEMON_SIGN_IN_TOKEN_STORE_H
#define AEGIS_DAEMON_SIGN_IN_TOKEN_STORE_H

#include "base/arena.h"
#include "base/diag.h"
#include "core/ports/crypto.h"
#include "json/tape.h"

#include <stdatomic.h>

#define TOKEN_STORE_PATH_BYTES 4096
#define TOKEN_STORE_BYTES_MAX ((size_t)256 << 10) /* of one file */
#define TOKEN_STORE_FOREVER INT64_MAX

/* A sign-in that worked. It belongs to its issuer: only that one's token endpoint ever sees its
 * refresh token. */
struct grant {
    struct slice resource, issuer, token_endpoint;
    struct slice client_id, client_secret; /* secret: only of a client that was registered for it */
    struct slice client_method;            /* how that shows itself (client_method.h) */
    struct slice access_token, refresh_token, scope;
    struct slice acr_values, claims; /* of challenges that led to it; claims in base64 */
    int64_t expires_at_s;            /* of the access token, since the epoch; 0: not known */
    int64_t signed_in_at_s;          /* by the person, since the epoch; 0: not known */
};

struct token_store {
    char path[TOKEN_STORE_PATH_BYTES];
    const struct json_parser *parser; /* borrowed */
};

/* The file of the resource at url, below folder, which is made. STATUS_IO sign_in.file. */
NODISCARD enum status token_store_init(struct token_store *store, const char *folder,
                                       struct slice url, const struct port_crypto *crypto,
                                       const struct json_parser *parser, struct diag *diag);

/* Texts live in the arena. STATUS_NOT_FOUND without a file (no diag), or with one that is none of
 * ours; STATUS_INVALID sign_in.mode when others can read it, or it belongs to somebody else. */
NODISCARD enum status token_store_load(const struct token_store *store, struct arena *arena,
                                       struct grant *out, struct diag *diag);

/* All of a grant, its texts in the arena. STATUS_LIMIT. */
NODISCARD enum status grant_copy(const struct grant *grant, struct arena *arena, struct grant *out);

/* STATUS_IO sign_in.file. */
NODISCARD enum status token_store_save(const struct token_store *store, const struct grant *grant,
                                       struct diag *diag);

/* STATUS_NOT_FOUND when there is none, STATUS_IO sign_in.file. */
NODISCARD enum status token_store_remove(const struct token_store *store, struct diag *diag);

/* Wait for the lock, at most patience_ms (TOKEN_STORE_FOREVER: as long as it takes), and hold it
 * until the descriptor is closed; -1 when there is none to be had, or is_stopped (NULL: never) was
 * set, and then nobody is kept out. */
int token_store_lock(const struct token_store *store, int64_t patience_ms,
                     const atomic_bool *is_stopped);

#endif
