/* key_sets.h: the keys of the configured issuers, read again and again.
 *
 * Owned by the control thread: reading blocks. A set that cannot be read stays in use until it is
 * limits.jwks_stale_s old, so an issuer that is down for a while closes nobody out, and one that is
 * gone ends being believed. */
#ifndef AEGIS_DAEMON_KEY_SETS_H
#define AEGIS_DAEMON_KEY_SETS_H

#include "base/buf.h"
#include "core/identity/identity_snapshot.h"
#include "core/ports/keys.h"
#include "daemon/config/config.h"

#define KEY_SETS_RETRY_S 10 /* while a set could not be read */
#define KEY_SETS_MISS_S 30  /* at most so often because of a key that nobody has */

/* The newest set of one issuer. */
struct key_set {
    struct buf source; /* issuer and place of its keys: another place is another set */
    struct jwks *keys; /* one reference; NULL: none was ever read */
    int64_t read_ms;   /* when the keys were read */
    bool has_failed;   /* the last reading */
    bool is_in_use;    /* by the configuration in force */
};

struct key_sets {
    const struct json_parser *parser;
    const struct port_crypto *crypto;
    /* Append the key set document of an issuer; set by the owner when it has other ways. */
    enum status (*read)(const struct config *config, const struct config_issuer *issuer,
                        struct buf *out, struct diag *diag);
    struct key_set sets[IDENTITY_ENTRIES_MAX];
    size_t count;
    int64_t loaded_ms;      /* the last attempt */
    _Atomic bool is_missed; /* a token named a key that no set has, since then */
};

/* Borrowed: parser and crypto outlive the sets. Reads files, the development issuer and addresses.
 */
void key_sets_init(struct key_sets *sets, const struct json_parser *parser,
                   const struct port_crypto *crypto);

/* Are its keys at an address, and in no file of this machine? */
bool key_sets_is_remote(const struct config_issuer *issuer);

/* Load what reading the keys of this configuration takes: once per process, before any thread and
 * before the sandbox. Statuses of curl_library_load. */
NODISCARD enum status key_sets_prepare(const struct config *config, struct diag *diag);

/* Has key_sets_prepare loaded what this one takes? */
bool key_sets_can_read(const struct config *config);

/* The way of key_sets_init. STATUS_NOT_FOUND jwks.file, statuses of dev_issuer_open and
 * fetch_document. */
NODISCARD enum status key_sets_read(const struct config *config, const struct config_issuer *issuer,
                                    struct buf *out, struct diag *diag);

void key_sets_release(struct key_sets *sets);

/* Read the sets of all issuers of the configuration anew; what fails is told on stderr.
 *
 * now_ms  monotonic
 * out     issuer_count places, or as many as IDENTITY_ENTRIES_MAX; one reference each, NULL where
 *         an issuer has no keys that may be used */
void key_sets_load(struct key_sets *sets, const struct config *config, int64_t now_ms,
                   struct jwks **out);

/* Is it time to load again? So often that a key is believed in soon and no longer than it should
 * be, and no more often, whatever tokens are sent. */
bool key_sets_are_due(const struct key_sets *sets, const struct config *config, int64_t now_ms);

/* For the loops. Borrowed from sets. */
struct port_keys key_sets_port(struct key_sets *sets);

#endif
