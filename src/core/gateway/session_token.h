/* session_token.h: the session ids that Aegis gives to clients of legacy revisions.
 *
 * A sealed text: principal, revision, expiry and home under a keyed hash. It proves that this
 * gateway spoke with this caller before; it is no credential, and with another caller's token it is
 * worth nothing. Any loop can check it; whether the session is still open knows its home alone, a
 * loop of a node (client_session.h). */
#ifndef AEGIS_CORE_GATEWAY_SESSION_TOKEN_H
#define AEGIS_CORE_GATEWAY_SESSION_TOKEN_H

#include "base/buf.h"
#include "core/mcp/revision.h"
#include "core/ports/crypto.h"

#define SESSION_TOKEN_KEY_BYTES 32
#define SESSION_TOKEN_TEXT_BYTES_MAX 256
#define SESSION_TOKEN_LIFETIME_S (24 * 3600)
#define SESSION_TOKEN_NONCE_BYTES 16

struct session_token {
    enum mcp_revision revision;
    int64_t expires_at_s;
    uint64_t node;                            /* of the home */
    uint16_t loop;                            /* of the home */
    uint8_t nonce[SESSION_TOKEN_NONCE_BYTES]; /* random: two sessions of one caller differ */
    uint8_t caller[32];                       /* digest of the principal */
};

/* Append the text of the token. */
void session_token_seal(const struct port_crypto *crypto, const uint8_t *key,
                        const struct session_token *token, struct buf *out);

/* STATUS_NOT_FOUND for a text that was not sealed with the key, belongs to another caller or has
 * expired: to the outside these are one. */
NODISCARD enum status session_token_open(const struct port_crypto *crypto, const uint8_t *key,
                                         struct slice text, const uint8_t caller[32], int64_t now_s,
                                         struct session_token *out);

#endif
