/* jwks.h: the public keys of one issuer (RFC 7517).
 *
 * An immutable set behind an atomic reference count. Only keys that can check a signature get in:
 * symmetric keys, private keys, keys for encryption and keys of other algorithms are dropped and
 * counted. A set belongs to one issuer entry and is never shared between entries.
 */
#ifndef AEGIS_CORE_IDENTITY_JWKS_H
#define AEGIS_CORE_IDENTITY_JWKS_H

#include "base/arena.h"
#include "base/diag.h"
#include "core/ports/crypto.h"
#include "json/tape.h"

#define JWKS_BYTES_MAX ((size_t)1 << 20)
#define JWKS_KEYS_MAX 1000
#define JWKS_ISSUER_BYTES_MAX 2048
#define JWKS_ABSENT_MS 60000  /* see jwks_merge */
#define JWKS_CANDIDATES_MAX 3 /* keys of one kid that are tried */

struct jwks;

/* Why keys of a document were left out. */
struct jwks_report {
    uint32_t kept;
    uint32_t symmetric;   /* kty oct */
    uint32_t with_secret; /* private members: an alarm, the issuer published a private key */
    uint32_t other_use;   /* use is not sig, key_ops lacks verify */
    uint32_t unsupported; /* kty, crv or alg that we do not verify */
    uint32_t malformed;   /* missing, bad, small or weak numbers, off the curve */
};

/* What jwks_parse needs; all borrowed. */
struct jwks_source {
    const struct json_parser *parser;
    const struct port_crypto *crypto; /* must outlive the set */
    struct slice text;                /* the document */
    struct arena *scratch;            /* used during the call */
};

/* Build a set with one reference.
 *
 * report  filled in any case; may be NULL
 *
 * Returns STATUS_OK with at least one key; STATUS_INVALID with jwks.malformed or jwks.empty: keep
 * the keys you have; STATUS_LIMIT with jwks.limit.
 */
NODISCARD enum status jwks_parse(const struct jwks_source *source, struct jwks **out,
                                 struct jwks_report *report, struct diag *diag);

struct jwks *jwks_ref(struct jwks *keys);
void jwks_unref(struct jwks *keys); /* NULL is fine */

/* The keys of a newer document, and of those before the ones that may only be missing for a moment:
 * a named key goes when two documents without it were read at least JWKS_ABSENT_MS apart, because
 * the servers of an issuer disagree for seconds around a rotation.
 *
 * now_ms  monotonic: when newer was read
 * out     one reference, keys shared with both
 * STATUS_LIMIT: no memory. */
NODISCARD enum status jwks_merge(const struct jwks *newer, const struct jwks *older, int64_t now_ms,
                                 struct jwks **out);

/* Are all its keys of the newest document? */
bool jwks_is_settled(const struct jwks *keys);

uint32_t jwks_count(const struct jwks *keys);

/* The keys that may have signed: of this kid and algorithm. Without a kid: the keys of the
 * algorithm. Writes at most JWKS_CANDIDATES_MAX and returns how many there are in all. */
uint32_t jwks_find(const struct jwks *keys, const struct slice *kid, enum jws_algorithm algorithm,
                   const void *out[JWKS_CANDIDATES_MAX]);

/* Whose tokens a key of the set may sign by its own word ("issuer"); empty when it says nothing.
 * Borrowed from keys. */
struct slice jwks_issuer(const struct jwks *keys, const void *key);

#endif
