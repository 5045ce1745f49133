#include "core/identity/proof.h"

#include "base/base64.h"
#include "core/identity/claims.h"
#include "core/identity/jwks.h"
#include "core/identity/jws.h"

#include <string.h>

#define BLOCK_BYTES 64 /* of SHA-256 */

static enum status refuse(struct diag *diag, const char *code, const char *message)
{
    return diag_fail(diag, STATUS_UNAUTHENTICATED, code, "%s", message);
}

static enum status no_memory(struct diag *diag)
{
    return diag_fail(diag, STATUS_LIMIT, "identity.memory", "no memory to read a proof");
}

/* -- the key ------------------------------------------------------------------------------- */

/* RFC 7638 §3.2, RFC 8037 §2: the members that make a key, in the order of their names. */
static const struct key_members {
    struct slice type;
    struct slice names[4];
    size_t count;
} KEY_MEMBERS[] = {
    {SLICE_INIT("EC"), {SLICE_INIT("crv"), SLICE_INIT("kty"), SLICE_INIT("x"), SLICE_INIT("y")}, 4},
    {SLICE_INIT("OKP"), {SLICE_INIT("crv"), SLICE_INIT("kty"), SLICE_INIT("x")}, 3},
    {SLICE_INIT("RSA"), {SLICE_INIT("e"), SLICE_INIT("kty"), SLICE_INIT("n")}, 3},
};

static const struct key_members *members_of(const struct json_tape *tape, json_ref jwk)
{
    json_ref type = json_member(tape, jwk, SLICE("kty"));
    for (size_t i = 0; i < COUNT_OF(KEY_MEMBERS); i++) {
        if (type != JSON_NONE && json_string_eq(tape, type, KEY_MEMBERS[i].type)) {
            return &KEY_MEMBERS[i];
        }
    }
    return NULL;
}

static enum status write_member(const struct json_tape *tape, json_ref jwk, struct slice name,
                                struct arena *arena, struct buf *out)
{
    struct slice value = SLICE_EMPTY;
    json_ref ref = json_member(tape, jwk, name);
    if (ref == JSON_NONE || json_type(tape, ref) != JSON_STRING) {
        return STATUS_INVALID;
    }
    TRY(json_string(tape, ref, arena, &value));
    buf_append_json_string(out, name);
    buf_append_byte(out, ':');
    buf_append_json_string(out, value);
    return STATUS_OK;
}

enum status proof_thumbprint(const struct port_crypto *crypto, const struct json_tape *tape,
                             json_ref jwk, struct arena *arena, uint8_t out[CRYPTO_SHA256_BYTES])
{
    const struct key_members *members = members_of(tape, jwk);
    struct buf text;
    if (members == NULL) {
        return STATUS_INVALID;
    }
    buf_init(&text, PROOF_BYTES_MAX, NULL);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < members->count && status == STATUS_OK; i++) {
        buf_append_byte(&text, i == 0 ? '{' : ',');
        status = write_member(tape, jwk, members->names[i], arena, &text);
    }
    buf_append_byte(&text, '}');
    status = status == STATUS_OK ? buf_status(&text) : status;
    if (status == STATUS_OK) {
        crypto->sha256(crypto->context, buf_view(&text), out);
    }
    buf_release(&text);
    return status;
}

/* The key as a set of one: what makes a key of an issuer unusable makes this one, too, and a
 * private part above all. */
static enum status import_key(const struct proof_request *request, struct slice jwk,
                              struct jwks **out, struct diag *diag)
{
    struct slice text = SLICE_EMPTY;
    const struct slice parts[] = {SLICE("{\"keys\":["), jwk, SLICE("]}")};
    if (arena_join(request->arena, parts, COUNT_OF(parts), &text) != STATUS_OK) {
        return no_memory(diag);
    }
    struct jwks_source source = {.parser = request->parser,
                                 .crypto = request->crypto,
                                 .text = text,
                                 .scratch = request->arena};
    enum status status = jwks_parse(&source, out, NULL, NULL);
    if (status == STATUS_LIMIT) {
        return no_memory(diag);
    }
    return status == STATUS_OK ? STATUS_OK
                               : refuse(diag, "proof.key", "proof has no public key to use");
}

static enum status check_signature(const struct proof_request *request, const struct jws *jws,
                                   struct diag *diag)
{
    const struct port_crypto *crypto = request->crypto;
    const void *keys[JWKS_CANDIDATES_MAX] = {NULL};
    struct jwks *set = NULL;
    TRY(import_key(request, jws->key, &set, diag));
    bool is_good = jwks_find(set, NULL, jws->algorithm, keys) == 1 &&
                   crypto->verify(crypto->context, jws->algorithm, keys[0], jws->signed_input,
                                  jws->signature) == STATUS_OK;
    jwks_unref(set);
    return is_good ? STATUS_OK
                   : refuse(diag, "proof.signature", "proof is not signed with its key");
}

static enum status check_thumbprint(const struct proof_request *request, struct slice jwk,
                                    struct diag *diag)
{
    struct json_tape tape;
    uint8_t thumbprint[CRYPTO_SHA256_BYTES];
    TRY(jws_parse_object(request->parser, jwk, JWS_HEADER_DEPTH_MAX, request->arena, &tape, diag));
    if (proof_thumbprint(request->crypto, &tape, 0, request->arena, thumbprint) != STATUS_OK ||
        !slice_eq_constant_time(slice_of(thumbprint, sizeof(thumbprint)),
                                slice_of(request->thumbprint, CRYPTO_SHA256_BYTES))) {
        return refuse(diag, "proof.other_key", "proof is of another key than the token's");
    }
    return STATUS_OK;
}

/* -- the request --------------------------------------------------------------------------- */

/* Cut the scheme and its own port off an address: "https://" of a text in any case. */
static bool take_scheme(struct slice *address, bool *is_https)
{
    const struct slice schemes[] = {SLICE("http://"), SLICE("https://")};
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        if (slice_eq_ascii_nocase(slice_sub(*address, 0, schemes[i].len), schemes[i])) {
            *address = slice_sub(*address, schemes[i].len, address->len);
            *is_https = i == 1;
            return true;
        }
    }
    return false;
}

static struct slice take_authority(struct slice *address, bool is_https)
{
    struct slice port = is_https ? SLICE(":443") : SLICE(":80");
    struct slice authority = slice_sub(*address, 0, slice_find_byte(*address, '/'));
    *address = slice_sub(*address, authority.len, address->len);
    return slice_ends_with(authority, port) ? slice_sub(authority, 0, authority.len - port.len)
                                            : authority;
}

/* RFC 9449 §4.3: without query and fragment, scheme and host in any case. */
static bool is_address(const struct proof_request *request, struct slice claimed)
{
    struct slice own = request->public_url;
    bool is_https = false;
    bool own_is_https = false;
    claimed = slice_sub(claimed, 0, slice_find_byte(claimed, '#'));
    claimed = slice_sub(claimed, 0, slice_find_byte(claimed, '?'));
    if (!take_scheme(&claimed, &is_https) || !take_scheme(&own, &own_is_https) ||
        is_https != own_is_https) {
        return false;
    }
    struct slice authority = take_authority(&claimed, is_https);
    struct slice path = slice_sub(request->path, 0, slice_find_byte(request->path, '?'));
    return slice_eq_ascii_nocase(authority, take_authority(&own, is_https)) && own.len == 0 &&
           slice_eq(claimed, path);
}

/* -- nonces -------------------------------------------------------------------------------- */

/* RFC 2104 */
static void hmac(const struct port_crypto *crypto, const uint8_t key[PROOF_NONCE_KEY_BYTES],
                 uint64_t message, uint8_t out[CRYPTO_SHA256_BYTES])
{
    uint8_t inner[BLOCK_BYTES + sizeof(message)], outer[BLOCK_BYTES + CRYPTO_SHA256_BYTES];
    memset(inner, 0x36, BLOCK_BYTES);
    memset(outer, 0x5C, BLOCK_BYTES);
    for (size_t i = 0; i < PROOF_NONCE_KEY_BYTES; i++) {
        inner[i] ^= key[i];
        outer[i] ^= key[i];
    }
    for (size_t i = 0; i < sizeof(message); i++) {
        inner[BLOCK_BYTES + i] = (uint8_t)(message >> (8 * i));
    }
    crypto->sha256(crypto->context, slice_of(inner, sizeof(inner)), outer + BLOCK_BYTES);
    crypto->sha256(crypto->context, slice_of(outer, sizeof(outer)), out);
}

static void write_nonce(const struct port_crypto *crypto, const uint8_t *key, int64_t bucket,
                        struct buf *out)
{
    uint8_t bytes[CRYPTO_SHA256_BYTES];
    hmac(crypto, key, (uint64_t)bucket, bytes);
    base64_encode(out, slice_of(bytes, sizeof(bytes)), BASE64_URL_UNPADDED);
}

void proof_nonce_write(const struct port_crypto *crypto, const uint8_t key[PROOF_NONCE_KEY_BYTES],
                       int64_t now_s, struct buf *out)
{
    write_nonce(crypto, key, now_s / PROOF_NONCE_S, out);
}

static bool is_nonce(const struct proof_request *request, struct slice claimed)
{
    bool is_good = false;
    for (int64_t age = 0; age < 2; age++) {
        struct buf text;
        buf_init(&text, PROOF_NONCE_BYTES, NULL);
        write_nonce(request->crypto, request->nonce_key, request->now_s / PROOF_NONCE_S - age,
                    &text);
        is_good = is_good || (buf_status(&text) == STATUS_OK &&
                              slice_eq_constant_time(buf_view(&text), claimed));
        buf_release(&text);
    }
    return is_good;
}

/* -- the claims ---------------------------------------------------------------------------- */

static struct slice text_claim(const struct proof_request *request, const struct json_tape *tape,
                               struct slice name)
{
    struct slice text;
    json_ref ref = json_member(tape, 0, name);
    bool is_text = ref != JSON_NONE && json_type(tape, ref) == JSON_STRING;
    return is_text && json_string(tape, ref, request->arena, &text) == STATUS_OK ? text
                                                                                 : SLICE_EMPTY;
}

static enum status check_time(const struct proof_request *request, const struct json_tape *tape,
                              int64_t *issued_at_s, struct diag *diag)
{
    json_ref ref = json_member(tape, 0, SLICE("iat"));
    bool is_number = ref != JSON_NONE && json_type(tape, ref) == JSON_NUMBER &&
                     json_integer(tape, ref, issued_at_s) == STATUS_OK;
    if (!is_number || *issued_at_s < request->now_s - PROOF_WINDOW_S ||
        *issued_at_s > request->now_s + PROOF_WINDOW_S) {
        return refuse(diag, "proof.time", "proof was not made just now ('iat')");
    }
    return STATUS_OK;
}

static enum status check_token(const struct proof_request *request, struct slice claimed,
                               struct diag *diag)
{
    struct buf text;
    buf_init(&text, PROOF_NONCE_BYTES, NULL);
    base64_encode(&text, slice_of(request->token_hash, CRYPTO_SHA256_BYTES), BASE64_URL_UNPADDED);
    bool is_same =
        buf_status(&text) == STATUS_OK && slice_eq_constant_time(buf_view(&text), claimed);
    buf_release(&text);
    return is_same ? STATUS_OK
                   : refuse(diag, "proof.token", "proof is for another access token ('ath')");
}

static enum status check_claims(const struct proof_request *request, const struct json_tape *tape,
                                int64_t *issued_at_s, struct diag *diag)
{
    if (!slice_eq(text_claim(request, tape, SLICE("htm")), request->method)) {
        return refuse(diag, "proof.method", "proof is for another method ('htm')");
    }
    if (!is_address(request, text_claim(request, tape, SLICE("htu")))) {
        return refuse(diag, "proof.address", "proof is for another address ('htu')");
    }
    TRY(check_token(request, text_claim(request, tape, SLICE("ath")), diag));
    if (request->nonce_key != NULL &&
        !is_nonce(request, text_claim(request, tape, SLICE("nonce")))) {
        return refuse(diag, "proof.nonce", "proof has not the nonce that was given out");
    }
    return check_time(request, tape, issued_at_s, diag);
}

/* Two keys may use the same id, one may not use it twice. */
static enum status take(const struct proof_request *request, struct slice id, int64_t issued_at_s,
                        struct diag *diag)
{
    const struct port_crypto *crypto = request->crypto;
    uint8_t parts[2 * CRYPTO_SHA256_BYTES], proof[REPLAY_PROOF_BYTES];
    if (id.len == 0 || id.len > PROOF_ID_BYTES_MAX) {
        return refuse(diag, "proof.id", "proof has no 'jti', or one that is too long");
    }
    if (request->replay == NULL) {
        return STATUS_OK;
    }
    memcpy(parts, request->thumbprint, CRYPTO_SHA256_BYTES);
    crypto->sha256(crypto->context, id, parts + CRYPTO_SHA256_BYTES);
    crypto->sha256(crypto->context, slice_of(parts, sizeof(parts)), proof);
    enum status status = request->replay->take(request->replay->context, proof,
                                               issued_at_s + PROOF_WINDOW_S, request->now_s);
    if (status == STATUS_CONFLICT) {
        return refuse(diag, "proof.replayed", "proof was used before ('jti')");
    }
    return status == STATUS_OK
               ? STATUS_OK
               : diag_fail(diag, STATUS_LIMIT, "proof.crowd", "too many proofs to remember");
}

/* A proof is a token of another kind: what is wrong with its form is a matter of the proof. */
static enum status parse(const struct proof_request *request, struct jws *out, struct diag *diag)
{
    struct diag cause = {0};
    enum status status =
        request->proof.len > PROOF_BYTES_MAX
            ? STATUS_UNAUTHENTICATED
            : jws_parse_proof(request->parser, request->proof, request->arena, out, &cause);
    if (status == STATUS_LIMIT) {
        return no_memory(diag);
    }
    if (status != STATUS_OK) {
        bool is_algorithm = slice_eq(slice_view_cstr(cause.code), SLICE("token.alg"));
        return refuse(diag, is_algorithm ? "proof.alg" : "proof.malformed",
                      is_algorithm ? "proof is signed with an algorithm that is never accepted"
                                   : "proof is no JWT of type dpop+jwt with a key");
    }
    return STATUS_OK;
}

enum status proof_check(const struct proof_request *request, struct diag *diag)
{
    struct jws jws = {0};
    struct json_tape tape;
    int64_t issued_at_s = 0;
    if (request->proof_count != 1) {
        return refuse(diag, request->proof_count == 0 ? "proof.missing" : "proof.repeated",
                      "the token is bound to a key: exactly one DPoP field is needed");
    }
    TRY(parse(request, &jws, diag));
    /* Compared first: of a key that is not the token's nothing needs to be computed. */
    TRY(check_thumbprint(request, jws.key, diag));
    TRY(check_signature(request, &jws, diag));
    if (jws_parse_object(request->parser, jws.payload, CLAIMS_DEPTH_MAX, request->arena, &tape,
                         NULL) != STATUS_OK) {
        return refuse(diag, "proof.malformed", "proof holds no claims");
    }
    TRY(check_claims(request, &tape, &issued_at_s, diag));
    return take(request, text_claim(request, &tape, SLICE("jti")), issued_at_s, diag);
}
