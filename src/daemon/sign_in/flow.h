/* flow.h: the texts of the authorization code flow with PKCE (RFC 6749 §4.1, RFC 7636, RFC 8707,
 * RFC 9207). Pure: bytes in, bytes out. */
#ifndef AEGIS_DAEMON_SIGN_IN_FLOW_H
#define AEGIS_DAEMON_SIGN_IN_FLOW_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "core/ports/crypto.h"

#define FLOW_SECRET_BYTES 43 /* 32 random bytes as base64url */
#define FLOW_TARGET_BYTES_MAX 8192

/* One sign-in; all borrowed. */
struct flow {
    struct slice issuer, authorization_endpoint;
    struct slice client_id, resource, scope; /* scope: empty for none */
    /* Of the sign-in: empty for any; claims in JSON (OpenID Connect Core §3.1.2.1, §5.5). */
    struct slice acr_values, claims;
    int64_t max_age_s; /* negative: any */
    struct slice redirect_uri, redirect_path;
    char state[FLOW_SECRET_BYTES + 1], verifier[FLOW_SECRET_BYTES + 1];
    bool states_issuer; /* the redirect has to name the issuer */
};

/* What came back; texts live in the arena. */
struct flow_redirect {
    struct slice code, error, error_description;
};

/* What to make of a request to the redirect address. */
enum flow_verdict {
    FLOW_STRANGER = 0, /* not of this sign-in: it goes on */
    FLOW_WRONG,        /* of this sign-in, but of another issuer: it has failed */
    FLOW_DONE,         /* a code or an error */
};

/* Is a kind of sign-in asked for? Its parameters are of OpenID Connect, and some servers look at
 * them only with the scope `openid`. */
bool flow_wants_sign_in(const struct flow *flow);

/* Append the address at which a person signs in. */
void flow_write_address(const struct flow *flow, const struct port_crypto *crypto, struct buf *out);

/* Judge the target of a GET at the redirect address. STATUS_LIMIT leaves FLOW_STRANGER. */
NODISCARD enum status flow_judge(const struct flow *flow, struct slice target, struct arena *arena,
                                 enum flow_verdict *verdict, struct flow_redirect *out,
                                 struct diag *diag);

/* Append the words of both, each once: scopes of two challenges. */
void flow_unite_scopes(struct slice a, struct slice b, struct buf *out);

/* Does a list have every scope of another? */
bool flow_has_scopes(struct slice list, struct slice scopes);

#endif
