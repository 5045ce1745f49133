/* identity_snapshot.h: whom the gateway trusts, and with which keys.
 *
 * Immutable behind an atomic reference count: a reload or a key rotation makes a new snapshot with
 * another generation. Keys hang on their entry and are never shared between entries.
 */
#ifndef AEGIS_CORE_IDENTITY_IDENTITY_SNAPSHOT_H
#define AEGIS_CORE_IDENTITY_IDENTITY_SNAPSHOT_H

#include "core/identity/issuer_entry.h"
#include "core/identity/token_window.h"

#define IDENTITY_ENTRIES_MAX 32
#define IDENTITY_SKEW_S_DEFAULT 60
#define IDENTITY_SNAPSHOT_BYTES_MAX ((size_t)16 << 20)

struct identity_config {
    const struct issuer_entry *entries;
    size_t entry_count;
};

struct identity_snapshot;

/* An immutable snapshot with one reference.
 *
 * config      copied
 * keys        entry_count sets, a reference is taken of each; NULL: that issuer has no keys yet and
 *             answers identity.no_keys
 * generation  another number for every snapshot of the process: cached results hang on it
 *
 * Returns STATUS_OK; STATUS_INVALID with identity.config when an entry breaks a rule above;
 * STATUS_LIMIT with identity.memory.
 */
NODISCARD enum status identity_snapshot_new(const struct identity_config *config,
                                            struct jwks *const *keys, uint64_t generation,
                                            struct identity_snapshot **out, struct diag *diag);

struct identity_snapshot *identity_snapshot_ref(struct identity_snapshot *snapshot);
void identity_snapshot_unref(struct identity_snapshot *snapshot); /* NULL is fine */

/* For building the successor with other keys. Borrowed from the snapshot. */
const struct identity_config *identity_snapshot_config(const struct identity_snapshot *snapshot);
struct jwks *identity_snapshot_keys(const struct identity_snapshot *snapshot, size_t index);

/* The entry of tokens whose issuer may be this text, one that names it exactly before one for many
 * tenants; NULL: none. index may be NULL. */
const struct issuer_entry *identity_snapshot_find(const struct identity_snapshot *snapshot,
                                                  struct slice issuer, size_t *index);

/* The entry whose issuer is asked about a token that only it can read; NULL: it is no such token,
 * or nobody is asked. */
const struct issuer_entry *identity_snapshot_opaque(const struct identity_snapshot *snapshot,
                                                    struct slice token, size_t *index);

/* The stored key of that id and hash, in whichever list it is, and its entry; NULL: there is none.
 */
const struct api_key *identity_snapshot_key(const struct identity_snapshot *snapshot,
                                            struct slice id,
                                            const uint8_t hash[CRYPTO_SHA256_BYTES],
                                            const struct issuer_entry **entry);

/* Can anybody of that entry be told from a stranger now? Not, as long as its keys are unknown. */
bool identity_snapshot_is_ready(const struct identity_snapshot *snapshot, size_t index);

/* The entry of that name, or NULL. */
const struct issuer_entry *identity_snapshot_named(const struct identity_snapshot *snapshot,
                                                   struct slice name);

uint64_t identity_snapshot_generation(const struct identity_snapshot *snapshot);

#endif
