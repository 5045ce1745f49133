/* jws.h: a bearer token taken apart, and its signature.
 *
 * Owns the compact form of RFC 7515 and the header policy. Nothing in a token chooses a key by its
 * own words: embedded or linked keys are refused, extensions are refused, and the algorithm must be
 * one we know. The payload is anyone's words until its signature was checked (identity.h).
 */
#ifndef AEGIS_CORE_IDENTITY_JWS_H
#define AEGIS_CORE_IDENTITY_JWS_H

#include "base/arena.h"
#include "base/diag.h"
#include "core/ports/crypto.h"
#include "json/tape.h"

#define JWS_TOKEN_BYTES_MAX (16 * 1024)
#define JWS_HEADER_BYTES_MAX 4096
#define JWS_HEADER_DEPTH_MAX 8
#define JWS_KID_BYTES_MAX 256

/* What the header's "typ" says the token is. */
enum jws_type {
    JWS_TYPE_NONE,         /* absent */
    JWS_TYPE_JWT,          /* "JWT" */
    JWS_TYPE_ACCESS_TOKEN, /* "at+jwt", RFC 9068 */
    JWS_TYPE_PROOF,        /* "dpop+jwt", RFC 9449: never an access token either */
    JWS_TYPE_OTHER,        /* logout tokens, proofs, grants: never an access token */
};

struct jws {
    enum jws_algorithm algorithm;
    enum jws_type type;
    bool has_kid;
    struct slice kid;
    struct slice signed_input; /* view of the token: header, dot, payload */
    struct slice payload;      /* decoded */
    struct slice signature;    /* decoded */
    struct slice key;          /* of a proof: the JSON of the key it brings along; else empty */
};

/* Split and decode a compact token, and apply the header policy.
 *
 * token  borrowed; as it stood after "Bearer "
 * arena  holds what is decoded
 *
 * Returns STATUS_OK; STATUS_UNAUTHENTICATED with token.malformed, token.size, token.duplicate,
 * token.header or token.alg; STATUS_LIMIT with identity.memory when the arena is full.
 */
NODISCARD enum status jws_parse(const struct json_parser *parser, struct slice token,
                                struct arena *arena, struct jws *out, struct diag *diag);

/* The same for a proof, which must be of that type and bring its key along: an object. */
NODISCARD enum status jws_parse_proof(const struct json_parser *parser, struct slice token,
                                      struct arena *arena, struct jws *out, struct diag *diag);

/* Read a decoded part of a token as one JSON object, at most depth_max deep. Returns what jws_parse
 * does. */
NODISCARD enum status jws_parse_object(const struct json_parser *parser, struct slice text,
                                       uint32_t depth_max, struct arena *arena,
                                       struct json_tape *out, struct diag *diag);

/* The algorithm of an "alg" value; false for any that may never be accepted. */
bool jws_algorithm_from_name(struct slice name, enum jws_algorithm *out);

/* Static, like "RS256". */
struct slice jws_algorithm_name(enum jws_algorithm algorithm);

#endif
