/* revocations.h: who is shut out, although his token is good until it expires.
 *
 * An immutable list behind an atomic reference count, asked on every request behind the verdict
 * about the token, remembered or not. Written by people and by `aegis token revoke`, as JSON with
 * one object on each line (docs/revocation.md), and read whole or not at all: a line that is not
 * understood might be the one that matters.
 */
#ifndef AEGIS_CORE_IDENTITY_REVOCATIONS_H
#define AEGIS_CORE_IDENTITY_REVOCATIONS_H

#include "base/buf.h"
#include "core/identity/principal.h"
#include "json/tape.h"

#define REVOCATION_TEXT_BYTES_MAX 2048 /* of an issuer, an id, a subject or a client */
#define REVOCATION_REASON_BYTES_MAX 256

enum revocation_kind {
    REVOCATION_TOKEN,   /* one token, by its hash */
    REVOCATION_ID,      /* one token, by its `jti` */
    REVOCATION_SUBJECT, /* tokens and keys of somebody */
    REVOCATION_SESSION, /* tokens of one sign-in, by their `sid` */
    REVOCATION_CLIENT,  /* tokens that a client got */
    REVOCATION_KEY,     /* one API key, by its id */
    REVOCATION_ISSUER,  /* all tokens of an issuer that are older than a time */
    REVOCATION_KIND_COUNT,
};

struct revocation {
    enum revocation_kind kind;
    struct slice issuer;     /* name of the entry; empty for REVOCATION_TOKEN and REVOCATION_KEY */
    struct slice value;      /* what the kind says; empty for REVOCATION_ISSUER */
    int64_t issued_before_s; /* INT64_MAX: whenever */
    int64_t expires_at_s;    /* from then on the entry says nothing; INT64_MAX: never */
    struct slice reason;     /* for log and audit; may be empty */
};

struct revocations;

/* Read a list, with one reference.
 *
 * count_max  lines that say something
 *
 * STATUS_INVALID with revocation.malformed or revocation.limit: the message names the line;
 * STATUS_LIMIT with identity.memory. */
NODISCARD enum status revocations_read(const struct json_parser *parser, struct slice text,
                                       size_t count_max, struct revocations **out,
                                       struct diag *diag);

struct revocations *revocations_ref(struct revocations *list); /* NULL is fine */
void revocations_unref(struct revocations *list);              /* NULL is fine */

/* Entries; NULL: none. Of several about the same, one is left that reaches as far as any. */
size_t revocations_count(const struct revocations *list);
const struct revocation *revocations_at(const struct revocations *list, size_t index);

/* What shuts the principal out now, or NULL. list may be NULL. */
const struct revocation *revocations_find(const struct revocations *list,
                                          const struct principal *principal, int64_t now_s);

/* STATUS_OK, or STATUS_UNAUTHENTICATED with token.revoked when that finds something. */
NODISCARD enum status revocations_check(const struct revocations *list,
                                        const struct principal *principal, int64_t now_s,
                                        struct diag *diag);

/* Does some entry of the list shut out all that this one does, for as long? */
bool revocations_cover(const struct revocations *list, const struct revocation *revocation);

/* The name of the member that says who: "token", "jti", "subject", "session", "client", "key";
 * empty for REVOCATION_ISSUER. Static. */
struct slice revocation_member(enum revocation_kind kind);

/* Append one as a line of a list, without its end. */
void revocation_write(const struct revocation *revocation, struct buf *out);

#endif
