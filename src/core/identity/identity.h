/* identity.h: bearer token, key or certificate in, principal or refusal out.
 *
 * Owns the order of the checks: form, issuer, type, algorithm, key, signature, claims, mapping.
 * The issuer is read unverified only to pick a configured entry by exact match; keys, algorithms,
 * audiences and mapping hang on that entry, and nothing in a token causes a network request. Every
 * way that ends without a principal ends in a refusal.
 */
#ifndef AEGIS_CORE_IDENTITY_IDENTITY_H
#define AEGIS_CORE_IDENTITY_IDENTITY_H

#include "core/identity/client_certificate.h"
#include "core/identity/identity_answer.h"
#include "core/identity/identity_cache.h"
#include "core/identity/identity_snapshot.h"
#include "core/identity/jws.h"
#include "core/identity/proof.h"
#include "core/identity/revocations.h"
#include "core/identity/token_hash.h"

/* The checks of a token, in their order. */
enum identity_check {
    IDENTITY_CHECK_FORM,      /* the Authorization field and the size of the token */
    IDENTITY_CHECK_HEADER,    /* three parts, JSON, the header's parameters */
    IDENTITY_CHECK_ISSUER,    /* a configured issuer */
    IDENTITY_CHECK_TYP,       /* the header's "typ" */
    IDENTITY_CHECK_ALGORITHM, /* allowed for this issuer */
    IDENTITY_CHECK_KEY,       /* a key of this issuer fits */
    IDENTITY_CHECK_SIGNATURE,
    IDENTITY_CHECK_ANSWER, /* where it is asked, the issuer says that the token is active */
    IDENTITY_CHECK_CLAIMS, /* the registered claims, and what the preset requires */
    IDENTITY_CHECK_KIND,   /* an access token, and no other */
    IDENTITY_CHECK_TIME,
    IDENTITY_CHECK_AUDIENCE,
    IDENTITY_CHECK_TENANT,
    IDENTITY_CHECK_MAPPING, /* claims to principal */
    IDENTITY_CHECK_REVOCATION,
    IDENTITY_CHECK_BINDING, /* what the token is worth nothing without; told if it is asked for */
    IDENTITY_CHECK_COUNT,
};

/* Static, like "audience". */
struct slice identity_check_name(enum identity_check check);

/* What is known after a check; all borrowed for the call. */
struct identity_progress {
    enum identity_check check;
    enum status status;
    const struct diag *diag;          /* of a refusal */
    const struct jws *jws;            /* from IDENTITY_CHECK_HEADER on, if that passed */
    const struct claims *claims;      /* issuer and tape from IDENTITY_CHECK_ISSUER on */
    const struct issuer_entry *entry; /* from IDENTITY_CHECK_ISSUER on, if that passed */
};

/* Who wants to see each check as it ends. What is not reached is not told; of a key (api_key.h)
 * only IDENTITY_CHECK_FORM, IDENTITY_CHECK_KEY and IDENTITY_CHECK_REVOCATION are there, of a token
 * that only its issuer can read nothing that is about signed ones. */
struct identity_observer {
    void *context;
    void (*on_check)(void *context, const struct identity_progress *progress);
};

/* What a refused token would have needed. Texts live in the arena of the request. */
struct identity_miss {
    bool is_missed;  /* its issuer may have a key for it that we do not have yet */
    bool is_unasked; /* its issuer has to be asked, as kind and about say */
    bool was_known;  /* and did vouch for it before */
    size_t entry;    /* index of the issuer's */
    struct slice name, kid;
    enum inquiry_kind kind;
    struct slice about; /* the token, or whose groups (group_lookup.h) */
    struct slice token; /* of a question; borrowed from the request */
};

/* One request to authenticate; all borrowed. */
struct identity_request {
    const struct identity_snapshot *snapshot; /* NULL: nobody is trusted */
    const struct revocations *revocations;    /* NULL: nobody is shut out */
    struct identity_cache *cache;             /* NULL: none */
    struct token_hashes *hashes;              /* NULL: none */
    const struct port_crypto *crypto;
    const struct json_parser *parser;
    struct slice authorization; /* value of the one Authorization field; empty when absent */
    struct slice proof;         /* value of the DPoP field; empty when absent */
    size_t proof_count;         /* of these fields */
    struct slice method;        /* of the request, which a proof is for */
    struct slice public_url, path;
    const struct port_replay *replay; /* NULL: the request's proof was taken before */
    const uint8_t *nonce_key;         /* PROOF_NONCE_KEY_BYTES, for issuers that ask for nonces */
    const struct client_certificate *certificate; /* of the connection; NULL: none */
    struct slice resource;  /* RFC 8707 resource of the route; empty: audiences of the entry */
    bool only_remembered;   /* compute nothing: who is not remembered is refused with token.later */
    bool skips_binding;     /* there is no request: what a token is bound to is not asked for, but
                             * for its certificate where one is given */
    size_t token_bytes_max; /* 0: JWS_TOKEN_BYTES_MAX, which is also the most there is */
    const struct identity_answer *answer;     /* NULL: nobody was asked */
    int64_t now_s;                            /* wall clock, not negative */
    struct arena *arena;                      /* for decoding, may be dropped after the call */
    const struct identity_observer *observer; /* NULL: nobody; asks for a verification, no cache */
    struct identity_miss *miss;               /* out, set in any case; NULL: not asked for */
};

/* Who is calling?
 *
 * out   one reference, set on STATUS_OK only
 * diag  for the log: names the rule, never a part of the token
 *
 * Returns STATUS_OK, or
 * STATUS_UNAUTHENTICATED with
 *   token.missing        no Authorization field, and no entry is for certificates, or there is none
 *   certificate.unknown  no Authorization field, and no entry names an authority of the certificate
 *   token.malformed      not Bearer, not a compact JWS, not canonical base64url, not JSON
 *   token.size           longer than token_bytes_max
 *   token.duplicate      a JSON name twice
 *   token.header         a header parameter that we refuse
 *   token.alg            an algorithm that is unknown or not allowed for this issuer
 *   token.issuer         no entry for "iss"
 *   token.kind           not an access token
 *   token.key            no key of this issuer fits
 *   token.signature      the signature is wrong
 *   token.no_expiry, token.expired, token.not_yet_valid   the time window
 *   token.no_issue_time, token.too_old                    the age that the issuer's may have
 *   token.audience       meant for somebody else
 *   token.binding        bound to something (cnf) that is not known or not accepted from this
 * issuer, or to a key and without the scheme that shows it token.no_certificate,
 * token.other_certificate   bound to a certificate (cnf.x5t#S256), and the connection has none, or
 * not that token.unbound        bound to nothing, where the request or the issuer says that it is
 *   certificate.expired  the connection's certificate is, whether the token is bound to it or not
 *   proof.*              of proof_check
 *   token.claim          a claim of the wrong type or size
 *   token.client         two client ids, or one that is not accepted
 *   token.tenant         tenant missing or not accepted
 *   token.subject        no subject
 *   token.overage        the issuer left a claim out that roles come from
 *   token.revoked        it, or what it stands for, is on the list of revocations
 *   token.later          only_remembered, and it is not
 *   token.inactive       its issuer, which was asked, does not know it or not any more
 *   key.unknown          has the form of a key (api_key.h) and is on no list
 *   key.expired
 * STATUS_UNAVAILABLE with
 *   identity.no_keys     the issuer's keys could not be fetched yet
 *   identity.unasked, identity.groups_unasked   the issuer has to be asked: miss says what, and
 * answer is what it says
 * STATUS_LIMIT with identity.memory or proof.crowd
 */
NODISCARD enum status identity_authenticate(const struct identity_request *request,
                                            struct principal **out, struct diag *diag);

#endif
