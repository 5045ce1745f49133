/* challenge.h: telling a client where to get a token, or a better one (RFC 6750 §3, RFC 9470,
 * RFC 9728, MCP authorization).
 *
 * The texts are neutral: the outside learns that a token is missing or not valid, not which rule it
 * broke. That it has expired is the one thing that helps an honest client and nobody else.
 */
#ifndef AEGIS_CORE_IDENTITY_CHALLENGE_H
#define AEGIS_CORE_IDENTITY_CHALLENGE_H

#include "base/buf.h"

#include <stdbool.h>

#define CHALLENGE_METADATA_PATH "/.well-known/oauth-protected-resource"
#define CHALLENGE_BYTES_MAX 8192

enum challenge_kind {
    CHALLENGE_NONE = 0, /* no challenge is written */
    CHALLENGE_MISSING,  /* 401: no token, so there is no error to name */
    CHALLENGE_REQUEST,  /* 400: a token at two places, or at the wrong one */
    CHALLENGE_INVALID,  /* 401 */
    CHALLENGE_EXPIRED,  /* 401 */
    CHALLENGE_PROOF,    /* 401: the proof of a bound token is missing or not good (RFC 9449) */
    CHALLENGE_NONCE,    /* 401: it lacks the nonce, which the answer has in a field of its own */
    CHALLENGE_SCOPES,   /* 403: scopes are missing */
    CHALLENGE_SIGN_IN,  /* 401: the person has to sign in otherwise, or anew */
    CHALLENGE_CLAIMS,   /* the same, 401, as Microsoft Entra ID has it */
};

/* All borrowed. */
struct challenge {
    enum challenge_kind kind;
    struct slice public_url; /* "https://mcp.example.com", no trailing slash; empty: no metadata */
    struct slice path;       /* request target of the resource; a query is left out */
    bool needs_proof;        /* all tokens must be bound: the scheme is DPoP */
    const struct slice *scopes; /* to ask for, all at once */
    size_t scope_count;
    const struct slice *sign_ins; /* the issuer's names for kinds of sign-in */
    size_t sign_in_count;
    bool has_max_age;
    int64_t max_age_s;           /* of the sign-in */
    struct slice issuer, tenant; /* of CHALLENGE_CLAIMS: of the entry, and of the caller */
};

/* Which challenge belongs to a refusal of that code (identity.h, admission.h). */
enum challenge_kind challenge_kind_of(const char *code);

/* 400, 401 or 403; kind is not CHALLENGE_NONE. */
int challenge_http_status(enum challenge_kind kind);

/* Append the value of WWW-Authenticate. */
void challenge_write(struct buf *buf, const struct challenge *challenge);

/* Metadata of one protected resource; all borrowed. */
struct challenge_metadata {
    struct slice resource; /* exactly what clients must use */
    struct slice resource_name;
    const struct slice *authorization_servers; /* issuers */
    size_t authorization_server_count;
    const struct slice *scopes; /* the minimal set */
    size_t scope_count;
    bool takes_proofs, needs_proofs; /* of tokens that are bound to a key */
    bool takes_certificates;         /* of tokens that are bound to one */
};

/* Append the metadata document (RFC 9728 §2) as JSON on one line. */
void challenge_metadata_write(struct buf *buf, const struct challenge_metadata *metadata);

#endif
