/* claims.h: the payload of a token as a typed struct.
 *
 * Owns the meaning of the registered claims and of the names that issuers use for the same thing
 * (azp, cid, client_id; scope, scp). Which values are acceptable is identity.h's to say.
 */
#ifndef AEGIS_CORE_IDENTITY_CLAIMS_H
#define AEGIS_CORE_IDENTITY_CLAIMS_H

#include "core/identity/binding.h"
#include "core/identity/token_window.h"
#include "json/tape.h"

#define CLAIMS_DEPTH_MAX 16
#define CLAIMS_AUDIENCES_MAX 32
#define CLAIMS_LIST_MAX                                                                            \
    1024 /* roles, groups, scopes: more refuse the token, nothing is cut off                       \
          */
#define CLAIMS_ITEM_BYTES_MAX 256
#define CLAIMS_AUDIENCE_BYTES_MAX 2048
#define CLAIMS_ISSUER_BYTES_MAX 2048
#define CLAIMS_CLIENT_BYTES_MAX 2048
#define CLAIMS_ID_BYTES_MAX 2048 /* of the token, of the session */
#define CLAIMS_SUBJECT_BYTES_MAX 255

struct claims_list {
    const struct slice *items;
    size_t count;
};

struct claims {
    const struct json_parser *parser; /* borrowed; for claims that hold JSON as a text */
    struct json_tape tape;
    bool takes_text_times; /* Google's tokeninfo writes numbers as texts */
    struct slice issuer;
    struct slice client_id; /* empty when absent */
    struct claims_list audiences, scopes;
    struct token_window window; /* not_before_s is the later of nbf and iat */
    int64_t issued_at_s;        /* 0 when absent */
    struct slice id, session;   /* jti and sid; empty when absent or odd */
    bool has_scopes;            /* a scope claim is present, even when it is empty */
    bool is_id_token; /* nonce, at_hash, c_hash or s_hash: made for a client, not for us */
    bool is_event;    /* events: a logout or security event token */
    struct token_binding binding;
    /* The groups that the issuer left out, when they were looked up elsewhere; NULL: they were not.
     * They stand in for the claim "groups". Set after claims_read by whoever looked. */
    const struct claims_list *groups;
};

/* Read the issuer's name only: what picks the entry that decides about all the rest.
 *
 * Returns STATUS_OK; STATUS_UNAUTHENTICATED with token.malformed, token.duplicate or token.issuer;
 * STATUS_LIMIT with identity.memory.
 */
NODISCARD enum status claims_open(const struct json_parser *parser, struct slice payload,
                                  struct arena *arena, struct claims *out, struct diag *diag);

/* The same for the answer of an issuer about a token: without "iss" it is that issuer's. */
NODISCARD enum status claims_open_answer(const struct json_parser *parser, struct slice answer,
                                         struct slice issuer, struct arena *arena,
                                         struct claims *out, struct diag *diag);

/* Read the rest of an opened and verified payload. Codes token.claim, token.audience,
 * token.client. */
NODISCARD enum status claims_read(struct claims *claims, struct arena *arena, struct diag *diag);

/* The value of a claim by path: a JSON Pointer of names (RFC 6901,
 * "/resource_access/my.app/roles"), or a member of that very name ("https://example.com/roles"),
 * else dots go into objects
 * ("realm_access.roles"). JSON_NONE when there is none. */
json_ref claims_find(const struct claims *claims, struct slice path);

/* OpenID Connect Core §5.6.2: a claim named in "_claim_names" was moved elsewhere, to an address
 * that nobody should fetch because a token says so. Is that of the path, or what it is in? Nobody
 * knows what it says then; "absent" would be another thing. */
bool claims_is_moved(const struct claims *claims, struct slice path);

/* Is that the path of groups that were looked up? */
bool claims_is_looked_up(const struct claims *claims, struct slice path);

/* The claim at path as a text of 1..bytes_max without control characters. STATUS_NOT_FOUND when it
 * is absent or null (no diag); token.claim for any other value. */
NODISCARD enum status claims_text(const struct claims *claims, struct slice path, size_t bytes_max,
                                  struct arena *arena, struct slice *out, struct diag *diag);

/* The claim at path as an array of texts, or as one text; separator, if not 0, splits the one text.
 * Absent or null gives an empty list. Codes token.claim. */
NODISCARD enum status claims_texts(const struct claims *claims, struct slice path, char separator,
                                   struct arena *arena, struct claims_list *out, struct diag *diag);

/* A text that holds an array of texts as JSON; else as claims_texts without a separator. */
NODISCARD enum status claims_json_texts(const struct claims *claims, struct slice path,
                                        struct arena *arena, struct claims_list *out,
                                        struct diag *diag);

/* The claim as seconds since the epoch. STATUS_NOT_FOUND when it is absent or null (no diag);
 * token.claim for what is no time of the years 1970 to 9999. */
NODISCARD enum status claims_time(const struct claims *claims, struct slice path, int64_t *out,
                                  struct diag *diag);

#endif
