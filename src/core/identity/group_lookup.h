/* group_lookup.h: groups that Microsoft Entra left out of a token, looked up at Microsoft Graph.
 *
 * Pure text: whose groups are asked for, what is sent, and what the replies say. Where it is sent
 * depends on the configuration, and on two ids of the verified token, which have to be GUIDs; the
 * address that a token names is never read. The answer is the whole list or nothing: a group that
 * is missing would lift a forbid.
 */
#ifndef AEGIS_CORE_IDENTITY_GROUP_LOOKUP_H
#define AEGIS_CORE_IDENTITY_GROUP_LOOKUP_H

#include "core/identity/claims.h"
#include "core/identity/identity_answer.h"
#include "core/identity/issuer_entry.h"

#define GROUP_LOOKUP_REPLY_BYTES_MAX ((size_t)128 << 10)
#define GROUP_LOOKUP_TOKEN_REPLY_BYTES_MAX ((size_t)32 << 10)
#define GROUP_LOOKUP_TOKEN_BYTES_MAX 12288
#define GROUP_LOOKUP_UNKNOWN_S                                                                     \
    10 /* so long a caller whose groups were not found has none known                              \
        */
#define GROUP_LOOKUP_BODY "{\"securityEnabledOnly\":true}"

/* What is known about the groups of one caller. */
struct group_lookup {
    struct slice about; /* "TENANT/users/OBJECT", or servicePrincipals; empty: cannot be asked */
    bool is_answered;
    bool is_known;
    struct claims_list groups;
};

/* Apply what was said, answer, if it was said of just this caller, whose issuer, tenant and
 * is_service are filled; NULL: nothing was said. Texts live in the arena or in the answer.
 * STATUS_UNAVAILABLE with identity.groups_unasked: out->about has to be asked for; STATUS_LIMIT
 * identity.memory. */
NODISCARD enum status group_lookup_find(const struct claims *claims, const struct principal *caller,
                                        const struct identity_answer *answer, struct arena *arena,
                                        struct group_lookup *out, struct diag *diag);

/* The parts of what is asked about: the tenant, and what follows it in the address. */
struct slice group_lookup_tenant(struct slice about);
struct slice group_lookup_object(struct slice about);

/* A reply to one of our requests; borrowed. */
struct group_lookup_reply {
    int http_status;
    struct slice content_type, body;
};

/* What a reply says. Without is_yes it will say no other thing soon, and diag has why. */
struct group_lookup_said {
    bool is_yes;
    bool is_stale;     /* our token is not good any more */
    struct slice text; /* of a yes, in the arena: ids one behind the other, or the token */
    int64_t good_s;    /* the token, from now on */
};

/* Which groups? STATUS_UNAVAILABLE identity.answer: Graph did not say; STATUS_LIMIT
 * identity.memory. */
NODISCARD enum status group_lookup_read(const struct json_parser *parser,
                                        const struct group_lookup_reply *reply, struct arena *arena,
                                        struct group_lookup_said *out, struct diag *diag);

/* Append the form that asks for a token of the gateway's own client (RFC 6749 §4.4), for what is at
 * endpoint. It holds the secret. */
void group_lookup_write_form(struct buf *out, struct slice client_id, struct slice secret,
                             struct slice endpoint);

/* Which token? As group_lookup_read. */
NODISCARD enum status group_lookup_read_token(const struct json_parser *parser,
                                              const struct group_lookup_reply *reply,
                                              struct arena *arena, struct group_lookup_said *out,
                                              struct diag *diag);

#endif
