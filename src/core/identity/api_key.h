/* api_key.h: keys of callers that have no identity provider.
 *
 * A key is `aegis_ID_SECRET_CHECK`: twelve hexadecimal digits that name it, 64 that are secret, and
 * eight of a hash over all before them, so that a mistyped key and a stranger's text are told from
 * a wrong one without a look at any list. Stored is SHA-256 of the whole key and nothing else. A
 * slow hash is for passwords, which people choose; nobody finds 256 random bits by trying, so one
 * round of a fast hash says as little as a thousand, and costs a flood of bad keys nothing of ours.
 *
 * A list is JSON, one object on each line (docs/callers.md). It is read as a whole: a line that
 * cannot be understood refuses the list, because a limit that was lost with it would be none.
 */
#ifndef AEGIS_CORE_IDENTITY_API_KEY_H
#define AEGIS_CORE_IDENTITY_API_KEY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "core/ports/crypto.h"
#include "json/tape.h"

#define API_KEY_ID_BYTES 6
#define API_KEY_SECRET_BYTES 32
#define API_KEY_TEXT_BYTES (sizeof("aegis_") - 1 + 12 + 1 + 64 + 1 + 8)
#define API_KEYS_MAX 4096 /* of one list */
#define API_KEY_WORDS_MAX 64

/* What a stored key says of its holder; texts and lists are in the arena of the list. */
struct api_key {
    uint8_t hash[CRYPTO_SHA256_BYTES];
    struct slice id, subject;
    struct slice tenant; /* empty: that of its entry, if that has one */
    const struct slice *roles, *scopes;
    size_t role_count, scope_count;
    const struct slice *servers; /* that it is for; none: for all */
    size_t server_count;
    int64_t expires_at_s;
};

/* Has a text the form of a key, its check included? The id is a view into it. */
bool api_key_parse(const struct port_crypto *crypto, struct slice text, struct slice *id);

/* Append the key of these random bytes. */
void api_key_write(const struct port_crypto *crypto, const uint8_t id[API_KEY_ID_BYTES],
                   const uint8_t secret[API_KEY_SECRET_BYTES], struct buf *out);

/* Append a stored key as one line of a list, without its end. */
void api_key_write_entry(const struct api_key *key, struct buf *out);

/* Read a list.
 *
 * keys  in the arena, texts copied; sorted by id
 *
 * STATUS_INVALID with api_key.malformed, api_key.repeated or api_key.limit: the message names the
 * line; STATUS_LIMIT with identity.memory. */
NODISCARD enum status api_keys_read(const struct json_parser *parser, struct slice text,
                                    struct arena *arena, const struct api_key **keys, size_t *count,
                                    struct diag *diag);

/* The stored key of that id and hash, or NULL. Compares in constant time. */
const struct api_key *api_keys_find(const struct api_key *keys, size_t count, struct slice id,
                                    const uint8_t hash[CRYPTO_SHA256_BYTES]);

#endif
